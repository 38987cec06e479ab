"""Pictures say what they show in words, name what failed, and carry the mark of simulation."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.assessment.results import Series
from sensorbench.core.verdict import Verdict
from sensorbench.reports import fonts
from sensorbench.reports.model import BANNER, BANNER_ZH
from sensorbench.reports.names import Names
from sensorbench.reports.plots import series_figure
from sensorbench.reports.words import Words

NAMES = Names(Words("en"), None)
SERIES = Series(
    phase="check", measure="error", channel="pressure", unit="Pa", x_name="pressure", x_unit="Pa",
    x=(2e4, 7e4, 1.2e5), labels=({}, {}, {}), sources=(1, 2, 3), low=-100.0, high=100.0,
    values={
        "one": (1.0, 2.0, 1.5), "$two$ <b>": (1.0, 250.0, 3.0), "half": (np.nan, 1.0, 2.0),
        "gone": (np.nan,) * 3,
    },
)  # fmt: skip
VERDICTS: Mapping[str, Verdict | None] = {
    "one": Verdict.PASS, "$two$ <b>": Verdict.FAIL, "half": Verdict.INVALID,
    "gone": Verdict.INVALID,
}  # fmt: skip


def test_units_that_failed_are_named_in_picture_and_words() -> None:
    figure = series_figure(SERIES, VERDICTS, NAMES, simulated=True)
    assert figure is not None
    assert "$two$ &lt;b&gt; FAIL" in figure.svg
    assert "one PASS" in figure.svg
    assert "half INVALID" in figure.svg
    assert "limit 100 Pa" in figure.svg
    assert "FAIL: $two$ <b>." in figure.alt
    assert "Values from 1.0 to 250.0 Pa; limits ±100 Pa." in figure.alt


def test_a_picture_speaks_the_reports_language() -> None:
    figure = series_figure(SERIES, VERDICTS, Names(Words("zh"), None), simulated=True)
    assert figure is not None
    assert "$two$ &lt;b&gt; 不合格" in figure.svg
    assert "限值 100 Pa" in figure.svg
    assert "误差" in figure.caption


def test_a_picture_of_nothing_is_none() -> None:
    nothing = replace(SERIES, values={"gone": (np.nan,) * 3})
    assert series_figure(nothing, VERDICTS, NAMES, simulated=True) is None


def test_one_point_is_no_picture() -> None:
    series = replace(SERIES, x=(3.0, 3.0, 3.0))
    assert series_figure(series, VERDICTS, NAMES, simulated=True) is None


def test_measured_pictures_have_no_mark() -> None:
    figure = series_figure(SERIES, VERDICTS, NAMES, simulated=False)
    assert figure is not None
    assert BANNER not in figure.svg


def test_the_same_data_gives_the_same_picture() -> None:
    first, second = (series_figure(SERIES, VERDICTS, NAMES, simulated=True) for _ in range(2))
    assert first == second
    assert first is not None
    assert BANNER_ZH in first.svg


def test_labels_are_panels_but_for_the_direction() -> None:
    labels = tuple(
        {"direction": d, "condition": c} for c in ("room", "hot") for d in ("up", "down")
    )
    series = replace(SERIES, x=(1.0, 2.0, 1.0, 2.0), labels=labels, sources=(1, 2, 3, 4),
                     values={"one": (1.0, 2.0, 3.0, 4.0)})  # fmt: skip
    figure = series_figure(series, VERDICTS, NAMES, simulated=False)
    assert figure is not None
    assert figure.svg.count(">room<") == figure.svg.count(">hot<") == 1
    assert "upwards" not in figure.svg


def test_of_too_many_panels_the_largest_values_stay_and_the_rest_is_told() -> None:
    labels = tuple({"set": {"temperature": float(n)}} for n in range(20))
    values = {"one": tuple(float(n % 7) for n in range(20))}
    labels, values = labels * 2, {"one": values["one"] * 2}
    x = (1.0,) * 20 + (2.0,) * 20
    series = replace(SERIES, x=x, labels=labels, values=values, low=None, high=None)
    figure = series_figure(series, VERDICTS, NAMES, simulated=False)
    assert figure is not None
    assert "11 more panels" in figure.caption


def test_eight_hundred_units_are_a_band_and_those_that_failed() -> None:
    values = {f"{n}": (float(n % 50), float(n % 40), 1.0) for n in range(800)}
    verdicts: dict[str, Verdict | None] = dict.fromkeys(values, Verdict.PASS)
    verdicts["17"] = Verdict.FAIL
    figure = series_figure(replace(SERIES, values=values), verdicts, NAMES, simulated=False)
    assert figure is not None
    assert "799 units PASS" in figure.svg
    assert "17 FAIL" in figure.svg
    assert len(figure.svg) < 60_000


@pytest.mark.parametrize("logarithmic", [False, True])
def test_equal_values_zeros_and_gaps_draw_without_a_warning(logarithmic: bool) -> None:
    values = {"same": (3.0, 3.0, 3.0), "zero": (0.0, 0.0, 0.0), "gap": (np.nan, 2.0, np.nan)}
    series = replace(SERIES, values=values, logarithmic=logarithmic, low=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = series_figure(series, {}, NAMES, simulated=True)
    assert figure is not None
    assert "same" in figure.svg


def test_of_many_units_the_legend_counts_those_that_did_not_fail() -> None:
    values = {f"{n}": (float(n), 1.0, 2.0) for n in range(9)}
    verdicts: dict[str, Verdict | None] = dict.fromkeys(values, Verdict.PASS) | {"4": None}
    figure = series_figure(replace(SERIES, values=values), verdicts, NAMES, simulated=True)
    assert figure is not None
    assert "8 units PASS" in figure.svg
    assert "1 unit<" in figure.svg


def test_an_allan_plot_is_logarithmic_over_averaging_time() -> None:
    tau = tuple(10.0 ** np.arange(-2, 3))
    series = replace(SERIES, measure="allan_deviation", channel="", x_name="tau_s", x_unit="s",
                     x=tau, labels=({},) * 5, values={"1": tuple(1e-3 / t for t in tau)},
                     low=None, high=None, logarithmic=True)  # fmt: skip
    figure = series_figure(series, {}, NAMES, simulated=False)
    assert figure is not None
    assert "averaging time τ (s)" in figure.svg
    assert "Allan" in figure.svg
    assert ">0.01<" in figure.svg
    assert "mathdefault" not in figure.svg


def test_fonts_cover_gb2312_and_our_own_marks() -> None:
    rows = range(0xA1, 0xF8)
    codes = [bytes((row, cell)) for row in rows for cell in range(0xA1, 0xFF)]
    text = b"".join(codes).decode("gb2312", "ignore")
    hanzi = {char for char in text if "\u4e00" <= char <= "\u9fff"}
    assert len(hanzi) == 6763
    assert fonts.printable("".join(sorted(hanzi))) == "".join(sorted(hanzi))
    marks = f"{BANNER}{BANNER_ZH}°C µ±Ω²²–√τ…"
    assert fonts.printable(marks) == marks


@given(st.text())
def test_what_is_printed_has_a_glyph(text: str) -> None:
    assert all(
        ord(c) in fonts.covered() or c == "\n" for c in fonts.printable(text) if ord(c) > 127
    )


def test_fonts_are_small_and_licensed() -> None:
    assert sum(path.stat().st_size for path in fonts.files()) < 4_000_000
    assert "SIL OPEN FONT LICENSE" in (fonts.FOLDER / "OFL.txt").read_text(encoding="utf-8")
