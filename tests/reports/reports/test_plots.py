"""Plots keep every extreme, and fonts have what is printed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.assessment.results import Series
from sensorbench.core.verdict import Verdict
from sensorbench.reports import fonts
from sensorbench.reports.model import BANNER, BANNER_ZH
from sensorbench.reports.plots import series_figure
from sensorbench.reports.temperatures import Held, decimate, temperature_figure

SERIES = Series(
    name="check_pressure", title="Pressure error", x_title="Reference pressure", x_unit="Pa",
    unit="Pa", x=(2e4, 7e4, 1.2e5), labels=("a", "a", "a"), sources=(1, 2, 3), low=-100.0,
    high=100.0,
    values={
        "one": (1.0, 2.0, 1.5), "$two$ <b>": (1.0, 250.0, 3.0), "half": (np.nan, 1.0, 2.0),
        "gone": (np.nan,) * 3,
    },
)  # fmt: skip
VERDICTS = {
    "one": Verdict.PASS,
    "$two$ <b>": Verdict.FAIL,
    "half": Verdict.INVALID,
    "gone": Verdict.INVALID,
}


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), min_size=1, max_size=600), st.integers(8, 100)
)
def test_decimation_keeps_order_and_both_extremes(values: list[float], points: int) -> None:
    y = np.array(values)
    x = np.arange(len(y), dtype=float)
    there = np.isfinite(y)
    found_x, found_y = decimate(x, y, points)
    assert len(found_x) <= max(points, 4 * (points // 4))
    assert (np.diff(found_x) > 0).all()
    assert set(found_x) <= set(x[there])
    if there.any():
        assert (found_y.min(), found_y.max()) == (y[there].min(), y[there].max())


def test_a_spike_of_one_sample_in_a_million_stays() -> None:
    y = np.zeros(1_000_000)
    y[654_321] = 7.0
    _, found = decimate(np.arange(1e6), y)
    assert len(found) <= 700
    assert found.max() == 7.0


def test_units_that_failed_are_named_in_plot_and_words() -> None:
    figure = series_figure(SERIES, VERDICTS, simulated=True)
    assert figure is not None
    assert "$two$ &lt;b&gt; FAIL" in figure.svg
    assert "1 unit PASS" in figure.svg
    assert "1 unit INVALID" in figure.svg
    assert "limit 100 Pa" in figure.svg
    assert "Reference pressure (kPa)" in figure.svg
    assert "FAIL: $two$ <b>." in figure.alt
    assert "Values from 1.0 to 250.0 Pa; limits ±100 Pa." in figure.alt


def test_a_plot_of_nothing_is_none() -> None:
    nothing = Series(**{**_fields(SERIES), "values": {"gone": (np.nan,) * 3}})
    assert series_figure(nothing, VERDICTS, simulated=True) is None


def _fields(series: Series) -> dict[str, object]:
    return {name: getattr(series, name) for name in series.__slots__}


def test_measured_plots_have_no_mark() -> None:
    figure = series_figure(SERIES, VERDICTS, simulated=False)
    assert figure is not None
    assert BANNER not in figure.svg


def test_the_same_data_gives_the_same_picture() -> None:
    hours = np.linspace(0.0, 10.0, 50)
    curves = {"asked for": np.full(50, 125.0), "chamber air": 125.0 + np.sin(hours)}
    held = [Held(hours, np.sin(hours), 3.0)]
    first, second = (temperature_figure(hours, curves, held, simulated=True) for _ in range(2))
    assert first == second
    assert first is not None
    assert "air less setpoint -1 K to +1 K; limits ±3 K" in first.alt
    assert BANNER_ZH in first.svg


def test_fonts_cover_gb2312_and_our_own_marks() -> None:
    rows = range(0xA1, 0xF8)
    codes = [bytes((row, cell)) for row in rows for cell in range(0xA1, 0xFF)]
    text = b"".join(codes).decode("gb2312", "ignore")
    hanzi = {char for char in text if "\u4e00" <= char <= "\u9fff"}
    assert len(hanzi) == 6763
    assert fonts.printable("".join(sorted(hanzi))) == "".join(sorted(hanzi))
    marks = f"{BANNER}{BANNER_ZH}°C µ±Ω²²–"
    assert fonts.printable(marks) == marks


@given(st.text())
def test_what_is_printed_has_a_glyph(text: str) -> None:
    assert all(
        ord(c) in fonts.covered() or c == "\n" for c in fonts.printable(text) if ord(c) > 127
    )


def test_fonts_are_small_and_licensed() -> None:
    assert sum(path.stat().st_size for path in fonts.files()) < 4_000_000
    assert "SIL OPEN FONT LICENSE" in (fonts.FOLDER / "OFL.txt").read_text(encoding="utf-8")
