"""Nothing overlaps, is cut or unreadable, however long names are and however many the units."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure as Canvas

from sensorbench.core.verdict import Verdict
from sensorbench.reports import canvas as canvas_module
from sensorbench.reports.canvas import canvas, wrapped
from sensorbench.reports.equipment import _in_lanes
from sensorbench.reports.facts import fact_table
from sensorbench.reports.lines import enough_ticks
from sensorbench.reports.model import Cell, Column, Part, Report, Section, Table
from sensorbench.reports.names import Names, constant
from sensorbench.reports.pdf import render_pdf
from sensorbench.reports.values import bare
from sensorbench.reports.words import Words

LABELS = dict.fromkeys(("contents", "page", "page_of", "page_end", "end", "none"), "none")
SERIALS = tuple(f"S{n:03d}" for n in range(1, 78))


def report_of(*tables: Table) -> Report:
    """Return a report of nothing but tables."""
    part = Part("en", "Report", "PX10", LABELS, (), (Section("all", "All", tables),))
    return Report("R1", "r1", False, Verdict.PASS, datetime(2026, 6, 1, tzinfo=UTC), (part,))


Box = tuple[float, float, float, float, str]


def boxes(pdf: bytes, folder: Path) -> list[list[Box]]:
    """Return where each word stands, page by page, in points, with the word."""
    if not shutil.which("pdftotext"):
        pytest.skip("needs poppler's pdftotext")
    path = folder / "report.pdf"
    path.write_bytes(pdf)
    told = subprocess.run(["pdftotext", "-bbox", path, "-"], check=True, capture_output=True)
    number = r'="([\d.]+)"'
    word = re.compile(rf"<word xMin{number} yMin{number} xMax{number} yMax{number}>([^<]*)")
    return [
        [(float(a), float(b), float(c), float(d), text) for a, b, c, d, text in word.findall(page)]
        for page in told.stdout.decode().split("<page ")[1:]
    ]


def overlap(one: Box, other: Box) -> bool:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide > 1.0 and high > 0.5 * (one[3] - one[1])


def test_columns_that_are_wider_than_the_page_wrap_and_never_overlap(tmp_path: Path) -> None:
    columns = tuple(Column(f"Column {n}", grow=n == 1) for n in range(7))
    text = "Keysight Technologies E36312A; relative humidity of the room"
    row = (*(Cell(text, "firmware 2.1.0-1.0.4-1.12") for _ in range(6)), Cell("#0, #16"))
    pages = boxes(render_pdf(report_of(Table("Wide", columns, (row,), "A note."))), tmp_path)
    for page in pages:
        assert not [pair for pair in combinations(page, 2) if overlap(*pair)]
        assert all(x1 <= 595 - 50 for _, _, x1, _, _ in page)


def test_a_long_word_never_runs_into_the_next_column(tmp_path: Path) -> None:
    lane = (Column("Unit"), Column("Socket"), Column("Part", grow=True), Column("Journal"))
    row = (Cell("IMU-0001"), Cell("S01"), Cell("STMicroelectronics LSM6DSO"), Cell("#7"))
    (page,) = boxes(render_pdf(report_of(Table("Units", lane * 3, (row * 3,)))), tmp_path)
    assert not [pair for pair in combinations(page, 2) if overlap(*pair)]


def test_a_long_reason_below_one_result_leaves_the_other_rows_their_lines(tmp_path: Path) -> None:
    columns = (
        Column("Unit", grow=True), Column("Result", grow=True), Column("At", grow=True),
        Column("Value"), Column("Limits"), Column("Verdict"), Column("Journal"),
    )  # fmt: skip
    rest = (Cell("-736.5 ± 8.3 Pa"), Cell("±200 Pa"), Cell("FAIL"), Cell("#53…#723 (205)"))
    why = "no answer on the bus in socket S003: bus0, mux 0x70 channel 1, not acknowledged. " * 2
    rows = (
        (Cell("26000002"), Cell("Pressure error"), Cell("room, 1000 h, 25 °C"), *rest),
        (Cell("26000003", "26000003, 26000005 to 26000024"), Cell("7 results", why), Cell(""),
         *rest),
    )  # fmt: skip
    (page,) = boxes(render_pdf(report_of(Table("Results", columns, rows))), tmp_path)
    heights = {y for _, y, _, _, text in page if text in ("room,", "1000", "h,", "25", "°C")}
    assert max(heights) - min(heights) < 2.0


@pytest.mark.parametrize("count", [3, *range(40, 52)])
def test_a_note_never_stands_alone_on_a_page(count: int, tmp_path: Path) -> None:
    rows = tuple((Cell(f"row{n}"), Cell("1")) for n in range(count))
    columns = (Column("Unit"), Column("Value"))
    pages = boxes(render_pdf(report_of(Table("Long", columns, rows, "footnote"))), tmp_path)
    (last,) = [page for page in pages if any(text == "footnote" for *_, text in page)]
    assert any(text.startswith("row") for *_, text in last)


def test_a_short_table_is_never_cut_in_two(tmp_path: Path) -> None:
    long = Table("Long", (Column("Unit"),), tuple((Cell(f"long{n}"),) for n in range(38)))
    short = Table("Short", (Column("Unit"),), tuple((Cell(f"short{n}"),) for n in range(12)))
    pages = boxes(render_pdf(report_of(long, short)), tmp_path)
    assert len({n for n, page in enumerate(pages) for *_, t in page if t.startswith("short")}) == 1


@pytest.mark.parametrize("unit", ["%RH", "%", "kPa", "°C", "m/s²"])
def test_a_number_stays_with_its_unit_before_chinese(unit: str, tmp_path: Path) -> None:
    columns = (Column("Result", grow=True), *(Column(f"数值{n}" * 8) for n in range(4)))
    rows = tuple((Cell(f"{'x' * n} error at 50 {unit}漂移"), *(Cell("1"),) * 4) for n in range(22))
    pages = boxes(render_pdf(report_of(Table("T", columns, rows))), tmp_path)
    lines: dict[float, str] = {}
    for page in pages:
        for _, y, _, _, text in sorted(page, key=lambda box: (box[1], box[0])):
            lines[round(y)] = lines.get(round(y), "") + text
    assert sum(f"50{unit}" in line for line in lines.values()) == len(rows)


def test_no_line_begins_with_what_ends_a_clause(tmp_path: Path) -> None:
    columns = (Column("要求", grow=True),)
    rows = tuple((Cell("稳" * n + "；".join(["保持 15 min"] * 30)),) for n in range(12))
    for page in boxes(render_pdf(report_of(Table("T", columns, rows))), tmp_path):
        left = min(x for x, *_ in page)
        assert not [text for x, _, _, _, text in page if x < left + 1 and text[0] in "；，。"]


def test_an_empty_table_says_so_on_a_line_of_its_own(tmp_path: Path) -> None:
    table = Table("Nothing", (Column("A"), Column("B")), (), "A note.")
    (page,) = boxes(render_pdf(report_of(table)), tmp_path)
    (note,) = [y for _, y, _, _, text in page if text == "note."]
    words = [text for _, y, _, _, text in page if abs(y - note) < 2.0]
    assert words == ["A", "note."]


# -- pictures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "label",
    ["supply voltage (V)", "relative humidity in the second room (%RH)", "与要求值之差（%RH）"],
)
def test_a_long_label_of_an_axis_is_wrapped_not_cut(
    label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Canvas] = []
    lay_out = canvas_module._lay_out
    monkeypatch.setattr(canvas_module, "_lay_out", lambda f: (lay_out(f), seen.append(f)))
    with canvas(1.8, True) as (figure, _):
        axes = figure.subplots(1, 1)
        axes.plot([0, 1], [0, 1], label="meter")
        axes.set_ylabel(label)
        figure.legend(loc="outside lower center")
    box = seen[0].axes[0].yaxis.label.get_window_extent()
    assert box.y0 >= 0
    assert box.y1 <= seen[0].bbox.height
    assert box.x0 >= 0


def test_a_line_never_ends_with_an_open_bracket() -> None:
    assert all(not line.endswith("（") for line in wrapped("与要求值之差（%RH）", 2).split("\n"))
    assert wrapped("drift (Pa)", 1) == "drift (Pa)"


@pytest.mark.parametrize("span", [(0.05, 0.08), (10.0, 14.0), (3.0, 40.0), (1e-3, 1e3)])
def test_a_logarithmic_axis_has_numbers_on_it(span: tuple[float, float]) -> None:
    with canvas(2.5, False) as (figure, _):
        axes: Any = figure.subplots(1, 1)
        axes.set_yscale("log")
        axes.set_ylim(span)
        enough_ticks(axes)
        low, high = span
        shown = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert 2 <= len(shown) <= 12


# -- many units --------------------------------------------------------------------------------


def test_units_whose_streams_are_alike_are_one_row_and_the_others_come_first() -> None:
    rows = [
        {"unit": s, "samples": 400 + n, "rate_hz": 6660.0 + n, "overflow": s == "S031"}
        for n, s in enumerate(SERIALS)
    ]
    table = fact_table("streams", rows, Names(Words("en"), None), SERIALS)
    assert len(table.rows) == 2
    assert [cell.text for cell in table.rows[0]] == ["S031", "430", "6690", "yes"]
    unit, samples, rate, lost = table.rows[1]
    assert (unit.text, unit.note) == ("76 units", "S001 to S030, S032 to S077")
    assert (samples.text, rate.text, lost.text) == ("400 to 476", "6660 to 6736", "no")
    assert [column.align for column in table.columns] == ["left", "right", "right", "left"]


@pytest.mark.parametrize("count", [1, 12, 13, 77, 78])
def test_a_long_list_of_units_stands_side_by_side_and_loses_none(count: int) -> None:
    rows = tuple((Cell(f"U{n}"), Cell(f"S{n}")) for n in range(count))
    table = _in_lanes(Table("Units", (Column("Unit"), Column("Socket")), rows))
    assert all(len(row) == len(table.columns) for row in table.rows)
    shown = [cell.text for row in table.rows for cell in row if cell.text.startswith("U")]
    assert sorted(shown) == sorted(f"U{n}" for n in range(count))
    assert len(table.rows) <= max(12, -(-count // 3))


# -- what is said of all -----------------------------------------------------------------------


def test_what_one_place_says_nothing_of_was_not_the_same_everywhere() -> None:
    hot = {"set": {"temperature": 125.0, "supply": 3.3}}
    assert constant([hot, hot, {}]) == {"temperature": 125.0, "supply": 3.3}
    assert constant([hot, {"set": {"supply": 3.3}}]) == {"supply": 3.3}
    assert constant([hot, {"set": {"supply": 3.6}}]) == {}


def test_a_large_limit_is_written_out() -> None:
    assert bare(4e6, "counts") == "4000000"
    assert bare(-123456789.0, "counts") == "-123456789"
