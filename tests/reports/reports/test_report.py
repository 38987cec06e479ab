"""A report says what the evidence says, on every page what it is, and is the same each time."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sensorbench.assessment.results import Result
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.run import RunWriter
from sensorbench.reports import report as report_module
from sensorbench.reports.build import build
from sensorbench.reports.html import render_html
from sensorbench.reports.model import (
    BANNER,
    BANNER_ZH,
    Block,
    Cell,
    Facts,
    Figure,
    Notice,
    Report,
    Table,
)
from sensorbench.reports.pdf import render_pdf
from sensorbench.reports.report import write_report
from sensorbench.reports.runs import load

from .conftest import CHINA, HOSTILE, Written


def pages(pdf: Path) -> list[str]:
    """Return the text of each page, with single blanks."""
    if not shutil.which("pdftotext"):
        pytest.skip("needs poppler's pdftotext")
    found = subprocess.run(["pdftotext", pdf, "-"], check=True, capture_output=True)
    return [" ".join(page.split()) for page in found.stdout.decode().split("\f")[:-1]]


def blocks(report: Report) -> Iterator[Block]:
    yield from report.head
    for section in report.sections:
        yield from section.blocks


def tables(report: Report, caption: str) -> list[Table]:
    return [b for b in blocks(report) if isinstance(b, Table) and b.caption.startswith(caption)]


def notices(report: Report) -> list[str]:
    return [b.text for b in report.head if isinstance(b, Notice)]


def shown(text: str) -> str:
    """Return HTML as its reader sees it but for plots, with single blanks."""
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


# -- what it is --------------------------------------------------------------------------


def test_every_page_of_a_simulated_report_says_so_in_both_languages(written: Written) -> None:
    found = pages(written.pdf)
    for number, page in enumerate(found, 1):
        assert BANNER in page
        assert BANNER_ZH in page
        assert written.report.number in page
        assert f"Page {number} of {len(found)}" in page
    assert f"End of report {written.report.number}" in found[-1]


def test_every_plot_of_a_simulated_report_says_so(written: Written) -> None:
    figures = [block for block in blocks(written.report) if isinstance(block, Figure)]
    assert len(figures) >= 5
    assert all(BANNER in figure.svg and BANNER_ZH in figure.svg for figure in figures)
    assert written.html.count(f"{BANNER}  {BANNER_ZH}</text>") == len(figures)


def test_the_mark_is_in_number_name_and_metadata(written: Written) -> None:
    assert written.report.number.startswith("SIM-")
    assert written.pdf.name.startswith("report-SIM-")
    assert f'<meta name="keywords" content="{BANNER}, {BANNER_ZH}">' in written.html
    info = subprocess.run(["pdfinfo", written.pdf], check=True, capture_output=True, text=True)
    assert BANNER in info.stdout


def test_an_edited_run_json_does_not_take_the_mark_away(run_copy: Path) -> None:
    manifest = run_copy / "run.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"simulated"', b'"hardware"'))
    report = build(load([run_copy]))
    assert report.is_simulated
    assert report.verdict is Verdict.INVALID


def hardware_run(root: Path, instruments: Sequence[Mapping[str, Any]] = ()) -> Path:
    """Return a run that no simulated device took part in, and that ended at once."""
    clock = VirtualClock(datetime(2026, 6, 1, tzinfo=UTC))
    manifest = {"provenance": "hardware", "title": "Nothing", "part": "PX10", "lot": "7"}
    with RunWriter(root / "20260601-000000-7-nothing", clock, manifest, {}) as evidence:
        for instrument in instruments:
            evidence.append("instrument", instrument)
        evidence.append("safe_state", {"problems": []})
        evidence.append("run_ended", {"state": "complete", "reason": ""})
        evidence.seal()
        return evidence.root


def test_a_report_of_measurements_has_no_mark_and_a_place_to_sign(tmp_path: Path) -> None:
    files = write_report([hardware_run(tmp_path)], ("html", "pdf"), tmp_path)
    assert not any(BANNER in page for page in pages(files["pdf"]))
    text = files["html"].read_text(encoding="utf-8")
    assert BANNER not in text
    assert "Authorised" in text
    assert "SIM-" not in files["html"].name


def test_one_simulated_run_marks_the_whole_report(stressed: Path, tmp_path: Path) -> None:
    assert build(load([hardware_run(tmp_path), stressed])).is_simulated


def test_nothing_is_called_certified(written: Written) -> None:
    assert not re.search(r"AEC[^.;]{0,40}certified", shown(written.html), re.IGNORECASE)


# -- what came out -----------------------------------------------------------------------


def test_units_that_failed_or_are_unknown_are_named_with_their_reasons(written: Written) -> None:
    assert written.run.assessment is not None
    texts = [shown(written.html), " ".join(pages(written.pdf))]
    verdicts = [unit.verdict for unit in written.run.assessment.units]
    assert verdicts == [Verdict.PASS, Verdict.FAIL, Verdict.INVALID, Verdict.PASS]
    (table,) = tables(written.report, "Units that are not PASS")
    for unit, row in zip(written.run.assessment.units[1:3], table.rows, strict=True):
        assert row[1].text == unit.serial
        assert row[-1].verdict is unit.verdict
        reason = unit.reasons[0].replace("degC", "°C")
        assert row[2].text.startswith(reason)
        assert all(reason in text for text in texts)


def test_every_result_of_a_calibration_is_the_assessments(written: Written) -> None:
    assert written.run.assessment is not None
    (table,) = tables(written.report, "Result of each unit")
    names = [column.title for column in table.columns]
    for row in table.rows:
        own = written.run.assessment.of(row[0].text)
        band, loop = (one(own, name) for name in ("total_error_band", "hysteresis"))
        assert_shows(row[names.index("Total error band")], band)
        assert_shows(row[names.index("Pressure hysteresis")], loop)
        if band.verdict is not Verdict.INVALID:
            assert row[names.index("Journal")].text == f"#{band.sources[0]}"
            assert float(row[names.index("Of full scale")].text) == pytest.approx(
                band.value / 100_000 * 100, abs=5e-4
            )


def one(results: tuple[Result, ...], name: str) -> Result:
    (found,) = (result for result in results if result.name == name)
    return found


def assert_shows(cell: Cell, result: Result) -> None:
    if result.verdict is Verdict.INVALID:
        assert cell.text == "not known"
    else:
        assert float(cell.text.removesuffix(" Pa")) == pytest.approx(result.value, abs=0.051)
        assert (cell.verdict is Verdict.FAIL) == (result.verdict is Verdict.FAIL)


def test_every_result_of_a_failing_unit_is_there_with_its_journal_entries(
    written: Written,
) -> None:
    assert written.run.assessment is not None
    (table,) = tables(written.report, "All results of 26000002")
    found = {(row[0].text, row[1].text): row[2:] for row in table.rows}
    results = [r for r in written.run.assessment.of("26000002") if r.hours is not None]
    assert len(results) == 3 * 3 * (3 + 2)
    for result in results:
        cell = found[result.title, result.condition or ""][
            (0, 24, 48).index(int(result.hours or 0))
        ]
        assert_shows(cell, result)
        assert all(f"#{seq}" in cell.note for seq in result.sources)


def test_the_worst_of_a_stress_is_what_is_nearest_to_a_limit(written: Written) -> None:
    assert written.run.assessment is not None
    (table,) = tables(written.report, "Worst value of each unit")
    row = next(row for row in table.rows if row[0].text == "26000001")
    own = [r for r in written.run.assessment.of("26000001") if r.name == "pressure_error_low"]
    assert abs(float(row[1].text)) == pytest.approx(max(abs(r.value) for r in own), abs=0.051)


def test_the_stress_given_is_what_the_log_says(written: Written) -> None:
    (table,) = tables(written.report, "Stress really given")
    assert [row[0].text for row in table.rows] == ["0 h", "24 h", "48 h"]
    assert [row[1].text for row in table.rows] == ["0.0 h", "24.0 h", "48.0 h"]


def test_journal_entries_that_are_named_are_there(written: Written) -> None:
    last = written.run.events()[-1].seq
    named = {int(seq) for seq in re.findall(r"(?<![&\w])#(\d+)", shown(written.html))}
    assert len(named) > 30
    assert max(named) <= last


def test_what_did_not_happen_is_said_too(written: Written) -> None:
    (table,) = tables(written.report, "Run 1:")
    found = {row[0].text: row[1].text for row in table.rows}
    assert found["Interruptions"] == "none"
    assert found["Soaks that failed"].startswith("none of ")
    assert found["Units not read"].startswith("26000003 in ")
    assert found["Safe state at the end"] == "reached"
    assert found["Other journal entries"] == "none"
    assert found["Stress given"] == "bake: 48.0 h of 48.0 h"


def test_times_are_local_and_utc(written: Written) -> None:
    assert "2026-06-02 04:00 UTC+08:00 (2026-06-01 20:00 UTC)" in shown(written.html)


def test_an_expired_calibration_is_said_at_the_instrument(tmp_path: Path) -> None:
    common = {
        "identity": {"manufacturer": "ACME", "model": "P1", "serial": "7", "firmware": "1.2"},
        "serial": "7", "certificate": "C-1", "role": "pressure_source", "provenance": "hardware",
    }  # fmt: skip
    instruments = [
        {**common, "name": "expired", "is_reference": True, "calibration_due": "2026-05-31"},
        {**common, "name": "valid", "is_reference": True, "calibration_due": "2026-06-01"},
        {**common, "name": "never", "is_reference": True, "calibration_due": None},
        {**common, "name": "heater", "is_reference": False, "calibration_due": None},
    ]
    (table,) = tables(build(load([hardware_run(tmp_path, instruments)])), "Instruments")
    found = {row[0].text: row[4].text for row in table.rows}
    assert found == {
        "expired": "EXPIRED", "valid": "valid", "never": "NOT CALIBRATED",
        "heater": "not calibrated",
    }  # fmt: skip


def test_seal_and_verification_are_in_full(written: Written) -> None:
    seal = json.loads((written.run.root / "seal.json").read_bytes())["seal"]
    facts = dict(
        row
        for section in written.report.sections
        if section.anchor == "traceability"
        for block in section.blocks
        if isinstance(block, Facts)
        for row in block.rows
    )
    assert facts["Seal (SHA-256)"].text == seal
    assert facts["Verified for this report"].text.startswith("whole")
    assert seal in "".join(pages(written.pdf))


# -- evidence that is not whole ----------------------------------------------------------


def cut(root: Path, lines: int) -> None:
    """Leave what a run that died has: the first lines of its journal, no seal, no results."""
    journal = root / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:lines]))
    (root / "seal.json").unlink()
    (root / "derived" / "results.json").unlink()


@pytest.mark.parametrize("lines", [0, 1, 20, 150])
def test_an_incomplete_run_is_reported_and_says_so_first(
    run_copy: Path, tmp_path: Path, lines: int
) -> None:
    cut(run_copy, lines)
    report = build(load([run_copy]))
    assert "NOT COMPLETE" in notices(report)[0]
    assert isinstance(report.head[0], Notice)
    assert report.verdict is Verdict.INVALID
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(render_pdf(report))
    assert "NOT COMPLETE" in pages(pdf)[0]


def test_a_run_without_its_seal_has_no_unit_that_passed(run_copy: Path) -> None:
    (run_copy / "seal.json").unlink()
    (run,) = load([run_copy])
    assert Verdict.PASS not in run.unit_verdicts.values()
    assert run.unit_verdicts["26000002"] is Verdict.FAIL


@pytest.mark.parametrize(
    "name", ["samples/duts.seg", "samples/log.seg", "inputs/part.toml", "run.json", "seal.json"]
)
def test_a_damaged_run_is_reported_as_invalid_and_says_so_first(run_copy: Path, name: str) -> None:
    data = bytearray((run_copy / name).read_bytes())
    data[len(data) // 2] ^= 0x10
    (run_copy / name).write_bytes(data)
    report = build(load([run_copy]))
    assert "DAMAGED" in notices(report)[0]
    assert report.verdict is Verdict.INVALID
    verdicts = [cell for t in tables(report, "Result of") for row in t.rows for cell in row]
    assert not [cell for cell in verdicts if cell.verdict in (Verdict.PASS, Verdict.FAIL)]
    assert render_pdf(report).startswith(b"%PDF")
    assert b"DAMAGED" in render_html(report)


# -- text that is not ours ---------------------------------------------------------------


def test_hostile_text_stays_text(written: Written) -> None:
    assert "<script" not in written.html
    assert HOSTILE in html.unescape(written.html)
    assert HOSTILE in " ".join(pages(written.pdf))


def test_chinese_renders_and_what_no_font_has_is_named(written: Written) -> None:
    text = " ".join(pages(written.pdf))
    assert "第七批 压力传感器 [U+20BB7]" in text
    assert "第七批 压力传感器 𠮷" in written.html


def test_the_html_needs_nothing_else(written: Written) -> None:
    assert not re.search(r"<(script|link|iframe|img)\b", written.html)
    assert not re.search(r"(src|href)=\"(?!#)", written.html.replace("xlink:href", "href"))
    ids = re.findall(r'<h2 id="([^"]+)"', written.html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'<a href="#([^"]+)"', written.html)) == set(ids)


# -- files -------------------------------------------------------------------------------


def test_the_same_evidence_gives_the_same_bytes(
    stressed: Path, written: Written, tmp_path: Path
) -> None:
    again = write_report([stressed], ("html", "pdf"), tmp_path, CHINA)
    assert again["pdf"].read_bytes() == written.pdf.read_bytes()
    assert again["html"].read_text(encoding="utf-8") == written.html


def test_other_evidence_gives_another_number(written: Written, run_copy: Path) -> None:
    cut(run_copy, 20)
    longer = build(load([run_copy])).number
    cut_again = run_copy / "journal.jsonl"
    cut_again.write_bytes(b"".join(cut_again.read_bytes().splitlines(keepends=True)[:19]))
    assert len({written.report.number, longer, build(load([run_copy])).number}) == 3


def test_nothing_is_written_unless_all_of_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Report) -> bytes:
        raise RuntimeError("no paper")

    monkeypatch.setitem(report_module.RENDERERS, "pdf", broken)
    with pytest.raises(RuntimeError, match="no paper"):
        write_report([hardware_run(tmp_path)], ("html", "pdf"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_earlier_report_is_replaced_and_nothing_left_beside_it(tmp_path: Path) -> None:
    run, folder = hardware_run(tmp_path), tmp_path / "out"
    first = write_report([run], ("html",), folder)["html"]
    first.write_text("old", encoding="utf-8")
    write_report([run], ("html",), folder)
    assert first.read_text(encoding="utf-8") != "old"
    assert [path.name for path in folder.iterdir()] == [first.name]


@pytest.mark.parametrize(
    ("formats", "match"), [(("docx",), "docx is not a format; allowed: html, pdf"), ((), "none")]
)
def test_an_unknown_format_is_refused_with_those_there_are(
    stressed: Path, tmp_path: Path, formats: tuple[str, ...], match: str
) -> None:
    with pytest.raises(InputError, match=match):
        write_report([stressed], formats, tmp_path)


def test_a_report_on_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one run"):
        write_report([], ("html",), tmp_path)
