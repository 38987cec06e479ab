"""A report says what the evidence says, on every page what it is, and is the same each time."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sensorbench.assessment.results import Reason, Result
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.plugins import Plugin, broken
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.run import RunWriter
from sensorbench.profiles.schedule import Band
from sensorbench.reports import phases
from sensorbench.reports import report as report_module
from sensorbench.reports.build import build
from sensorbench.reports.html import render_html
from sensorbench.reports.model import (
    BANNER,
    BANNER_ZH,
    Block,
    Facts,
    Figure,
    Notice,
    Report,
    Table,
    Text,
)
from sensorbench.reports.names import Names
from sensorbench.reports.pdf import render_pdf
from sensorbench.reports.reasons import reason_text
from sensorbench.reports.report import write_report
from sensorbench.reports.runs import load
from sensorbench.reports.words import Words

from .conftest import ABSENT, CHINA, FAILING, HOSTILE, PART, SOAK, Written, answers
from .player import Player, sbp1, schedule_of

SHORT = f"""
id = "short"
title = "Short check"
source = "own"
{SOAK}
[[phase]]
kind = "grid"
name = "check"
axes = [{{ set = {{ temperature = ["25 degC", "-40 degC"] }} }}]
set = {{ pressure = "70 kPa" }}
measures = ["error"]
"""


def pages(pdf: Path) -> list[str]:
    """Return the text of each page, with single blanks."""
    if not shutil.which("pdftotext"):
        pytest.skip("needs poppler's pdftotext")
    found = subprocess.run(["pdftotext", pdf, "-"], check=True, capture_output=True)
    return [" ".join(page.split()) for page in found.stdout.decode().split("\f")[:-1]]


def blocks(report: Report, language: str = "en") -> Iterator[Block]:
    for part in report.parts:
        if part.language == language:
            yield from part.blocks


def tables(report: Report, caption: str, language: str = "en") -> list[Table]:
    return [
        b
        for b in blocks(report, language)
        if isinstance(b, Table) and b.caption.startswith(caption)
    ]


def facts(report: Report, language: str = "en") -> dict[str, str]:
    found = [row for b in blocks(report, language) if isinstance(b, Facts) for row in b.rows]
    return {name: cell.text for name, cell in found}


def notices(report: Report) -> list[str]:
    return [b.text for b in report.parts[0].head if isinstance(b, Notice)]


def shown(text: str) -> str:
    """Return HTML as its reader sees it but for plots, with single blanks."""
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


# -- what it is --------------------------------------------------------------------------


@pytest.mark.slow
def test_every_page_of_a_simulated_report_says_so_in_both_languages(written: Written) -> None:
    found = pages(written.pdf)
    for number, page in enumerate(found, 1):
        assert BANNER in page
        assert BANNER_ZH in page
        assert written.report.number in page
        assert f"Page {number} of {len(found)}" in page
        assert f"第 {number} 页，共 {len(found)} 页" in page
    assert f"End of report / 报告结束 {written.report.number}" in found[-1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_plot_of_a_simulated_report_says_so(written: Written, language: str) -> None:
    figures = [b for b in blocks(written.report, language) if isinstance(b, Figure)]
    assert len(figures) >= 5
    assert all(BANNER in figure.svg and BANNER_ZH in figure.svg for figure in figures)


def test_the_mark_is_in_number_name_and_metadata(written: Written) -> None:
    assert written.report.number.startswith("SIM-")
    assert written.pdf.name.startswith("report-SIM-")
    assert f'<meta name="keywords" content="{BANNER}, {BANNER_ZH}">' in written.html
    info = subprocess.run(["pdfinfo", written.pdf], check=True, capture_output=True, text=True)
    assert BANNER in info.stdout


@pytest.mark.slow
def test_an_edited_run_json_does_not_take_the_mark_away(run_copy: Path) -> None:
    manifest = run_copy / "run.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"simulated"', b'"hardware"'))
    report = build(load([run_copy]))
    assert report.is_simulated
    assert report.verdict is Verdict.INVALID


def hardware_run(root: Path, instruments: Sequence[Mapping[str, Any]] = ()) -> Path:
    """Return a run that no simulated device took part in, and that ended at once."""
    clock = VirtualClock(datetime(2026, 6, 1, tzinfo=UTC))
    manifest = {"provenance": "hardware", "title": "Nothing", "parts": ["PX10"], "lots": ["7"]}
    with RunWriter(root / "20260601-000000-7-nothing", clock, manifest, {}) as evidence:
        for instrument in instruments:
            evidence.append("instrument", instrument)
        evidence.append("safe_state", {"problems": []})
        evidence.append("run_ended", {"state": "complete", "reason": {}})
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


# -- languages ---------------------------------------------------------------------------


def test_two_languages_are_two_whole_parts_of_one_document(written: Written) -> None:
    english, chinese = written.report.parts
    assert [len(s.blocks) for s in english.sections] == [
        len(s.blocks) for s in chinese.sections[:-1]
    ]
    assert "In case of doubt the part in English governs." in shown(written.html)
    assert "如有歧义，以英文部分为准" in shown(written.html)
    text = " ".join(pages(written.pdf))
    assert text.index("Demonstration report") < text.index("各次试验的判定")


def test_both_parts_have_the_same_numbers(written: Written) -> None:
    def numbers(language: str) -> list[str]:
        found = [b for b in blocks(written.report, language) if isinstance(b, Table)]
        cells = [cell.text for table in found for row in table.rows for cell in row]
        return [n for text in cells for n in re.findall(r"#\d+|-?\d+\.\d+", text)]

    assert len(numbers("en")) > 100
    assert numbers("en") == numbers("zh")


def test_a_chinese_report_speaks_chinese_alone(stressed: Path) -> None:
    report = build(load([stressed]), CHINA, ("zh",))
    (part,) = report.parts
    text = shown(render_html(report).decode())
    for english in (
        "Summary",
        "Results",
        "Verdict",
        "Traceability",
        "In case of doubt",
        "PASS\u0020",
    ):
        assert english not in text
    assert part.title == "演示报告"
    assert '<html lang="zh">' in render_html(report).decode()
    assert "检查与应力" in text
    assert "封装有裂纹吗？" in text


def test_a_document_is_signed_once_in_all_its_languages(tmp_path: Path) -> None:
    report = build(load([hardware_run(tmp_path)]), None, ("en", "zh"))
    (table,) = [b for part in report.parts for b in part.blocks
                if isinstance(b, Table) and "Nobody has signed" in b.caption]  # fmt: skip
    assert [row[0].text for row in table.rows] == [
        "Prepared / 编制", "Reviewed / 审核", "Authorised / 批准"
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_key_and_no_gap_is_left_in_the_text(written: Written, language: str) -> None:
    texts = [
        cell.text + cell.note
        for b in blocks(written.report, language)
        for row in (b.rows if isinstance(b, Table | Facts) else ())
        for cell in row
        if not isinstance(cell, str)
    ]
    assert not [text for text in texts if re.search(r"\{\w+\}|\b[a-z]+\.[a-z]+_[a-z]+\b", text)]


# -- what came out -----------------------------------------------------------------------


def test_the_verdict_comes_first_and_then_what_failed(written: Written) -> None:
    first = next(b for b in written.report.parts[0].head if isinstance(b, Facts))
    assert first.rows[0][0] == "Overall verdict"
    assert first.rows[0][1].verdict is Verdict.FAIL
    text = pages(written.pdf)[0]
    assert FAILING in text
    assert text.index(FAILING) < text.index("What was asked for")


def test_units_that_failed_or_are_unknown_are_named_with_their_reasons(written: Written) -> None:
    (table,) = tables(written.report, "Units that are not PASS")
    rows = {row[1].text: row for row in table.rows}
    assert set(rows) == {FAILING, ABSENT}
    assert table.rows[0][1].text == FAILING
    assert rows[FAILING][2].verdict is Verdict.FAIL
    assert re.search(r"error 1\d\d\.\d Pa is above 100 Pa \(", rows[FAILING][3].text)
    assert rows[ABSENT][2].verdict is Verdict.INVALID
    assert "no device at 0x48" in rows[ABSENT][3].text
    (chinese,) = tables(written.report, "未合格的样品", "zh")
    assert "高于 100 Pa" in chinese.rows[0][3].text


def test_a_table_has_what_failed_first_and_those_that_passed_as_few_rows(written: Written) -> None:
    caption = "Results: what failed first"
    table = next(t for t in tables(written.report, caption) if _has(t, "pressure: error"))
    verdicts = [row[5].verdict for row in table.rows if row[5].verdict]
    order = [Verdict.FAIL, Verdict.INVALID, Verdict.PASS]
    assert verdicts == sorted(verdicts, key=order.index)
    assert table.rows[0][0].text == FAILING


def _has(table: Table, title: str) -> bool:
    return any(cell.text == title for row in table.rows for cell in row)


def test_the_value_shown_is_the_assessments_with_its_uncertainty(written: Written) -> None:
    assert written.run.assessment is not None
    own = next(r for r in written.run.assessment.of(FAILING) if _is_error(r))
    table = next(t for t in tables(written.report, "Results:") if _has(t, "pressure: error"))
    row = table.rows[0]
    value, u = row[3].text.removesuffix(" Pa").split(" ± ")
    assert own.uncertainty is not None
    assert float(value) == pytest.approx(own.value, abs=0.051)
    assert float(u) == pytest.approx(own.uncertainty, abs=0.051)
    assert row[4].text == "±100 Pa"
    assert row[6].text == f"#{own.sources[0]}"


def _is_error(result: Result) -> bool:
    return (result.phase, result.measure, result.channel) == ("verification", "error", "pressure")


def test_every_result_of_a_failing_unit_is_there(written: Written) -> None:
    assert written.run.assessment is not None
    (table,) = tables(written.report, f"All results of {FAILING}")
    results = [r for r in written.run.assessment.of(FAILING) if r.phase == "verification"]
    assert len(table.rows) == len(results) == 4
    for row, result in zip(table.rows, results, strict=True):
        assert float(row[2].text.split(" ")[0]) == pytest.approx(result.value, abs=0.051)
        assert f"#{result.sources[0]}" in row[5].text


def test_an_uncertainty_is_given_in_parts(written: Written) -> None:
    table = tables(written.report, "Uncertainty budgets")[0]
    told = next(row[2].text for row in table.rows if row[0].text == "pressure: error")
    assert "reference, its stated U / 2: 2.5 Pa (normal)" in told
    assert "repeatability of the mean" in told
    whole = next(row[3].text for row in table.rows if row[0].text == "pressure: error")
    assert whole.startswith("5.")


def test_hours_served_and_windows_are_told(written: Written) -> None:
    told = facts(written.report)
    assert told["Hours asked for"] == told["Hours served"] == "48 h"
    (windows,) = tables(written.report, "Windows")
    assert {row[2].text for row in windows.rows} == {"4 d"}


def test_coefficients_are_in_the_report_as_they_were_written(written: Written) -> None:
    assert facts(written.report)["Written, and read back equal"] == "3 of 4 units"
    (table,) = tables(written.report, "Words written")
    outcomes = {e.data["unit"]: e.data["outcome"] for e in written.run.events("outcome")}
    for row in table.rows:
        words = [int(word) for word in row[1].text.split(", ")]
        assert words == outcomes[row[0].text]["written"]


def test_a_gate_tells_what_it_found_and_how_the_run_went_on(written: Written) -> None:
    told = facts(written.report)
    assert told["Share needed"] == "50 %"
    assert told["Share of the units"] == "50 %"
    assert told["How the run went on"] == "went on"


def test_what_was_attached_is_told_with_its_digest(written: Written) -> None:
    assert facts(written.report)["By"] == "laboratory north"
    (table,) = tables(written.report, "Files")
    attached = written.run.root / table.rows[0][0].text
    assert table.rows[0][1].text == hashlib.sha256(attached.read_bytes()).hexdigest()


def test_a_choice_away_from_the_standard_is_marked_where_nobody_overlooks_it(
    written: Written,
) -> None:
    found = [b.text for b in blocks(written.report) if isinstance(b, Notice)]
    assert found == [
        "AWAY FROM THE STANDARD: method = short. Reason given: the customer's own plan"
    ]
    assert "偏离标准" in shown(written.html)


def test_phases_are_told_by_what_was_done(written: Written) -> None:
    (table,) = tables(written.report, "Phases in their order")
    told = {row[1].text: row[2].text for row in table.rows}
    assert "temperature: -7, 26, 59, 92 °C" in told["fit"]
    assert "pressure: 20, 40, 70, 100, 120 kPa" in told["fit"]
    assert "48 h to be credited" in told["High temperature bake"]
    assert "temperature: 125 °C ±3 K" in told["High temperature bake"]


def test_a_place_is_told_with_its_reference_and_certificate(written: Written) -> None:
    (table,) = tables(written.report, "Places of the bench")
    row = next(row for row in table.rows if row[0].text == "pressure")
    assert [cell.text for cell in row[1:5]] == [
        "source_pressure.out", "meter_pressure.in", "C-pressure", "5 Pa"
    ]  # fmt: skip
    assert row[3].note == "due 2030-01-01"
    assert row[6].text == "0 to 150 kPa"


def test_every_place_has_a_picture_with_what_was_asked_and_read(written: Written) -> None:
    figures = [b for b in blocks(written.report) if isinstance(b, Figure)]
    found = {f.caption.split(":")[0]: f for f in figures if "asked for, and read" in f.caption}
    assert set(found) == {"temperature", "pressure", "supply voltage"}
    assert "asked for 20, 40, 70, 100, 120, 30, 110, 25 kPa" in found["pressure"].alt
    assert "bench's limits: 0 to 150 kPa" in found["pressure"].caption


def test_journal_entries_that_are_named_are_there(written: Written) -> None:
    last = written.run.events()[-1].seq
    named = {int(seq) for seq in re.findall(r"(?<![&\w])#(\d+)", shown(written.html))}
    assert len(named) > 30
    assert max(named) <= last


def test_what_did_not_happen_is_said_too(written: Written) -> None:
    (table,) = tables(written.report, "Run 1: what happened")
    found = {row[0].text: row[1].text for row in table.rows}
    assert found["End of the run"] == "complete"
    assert found["Interruptions"] == "none"
    assert found["Limits, alarms, lost meters"] == "none"
    assert found["Values that were waited for"].startswith("all of ")
    assert found["Units not read"].startswith(f"{ABSENT} in ")
    assert found["Exchanges tried again"] == "1 exchange tried again: meter_pressure.in (1)"
    assert found["Left by earlier programs"] == "source_temperature: ALARM,3"
    assert "temperature: by source_temperature.out" in found["Protections armed"]
    assert "-60 °C" in found["Protections armed"]
    assert found["Safe state at the end"] == "reached"
    assert found["Other journal entries"] == "none"


def test_times_are_local_and_utc(written: Written) -> None:
    assert "2026-06-02 04:00 UTC+08:00 (2026-06-01 20:00 UTC)" in shown(written.html)


def test_an_expired_calibration_is_said_at_the_instrument(tmp_path: Path) -> None:
    common = {
        "identity": {"manufacturer": "ACME", "model": "P1", "serial": "7", "firmware": "1.2"},
        "serial": "7", "certificate": "C-1", "provenance": "hardware",
    }  # fmt: skip
    instruments = [
        {**common, "name": "expired", "calibration_due": "2026-05-31"},
        {**common, "name": "valid", "calibration_due": "2026-06-01"},
        {**common, "name": "never", "calibration_due": None},
    ]
    report = build(load([hardware_run(tmp_path, instruments)]), UTC)
    (table,) = tables(report, "Instruments")
    found = {row[0].text: row[4].text for row in table.rows}
    assert found == {"expired": "EXPIRED", "valid": "valid", "never": "not calibrated"}


def test_a_due_date_is_the_calendars_of_the_place(tmp_path: Path) -> None:
    clock = VirtualClock(datetime(2026, 6, 1, 18, 0, tzinfo=UTC))
    with RunWriter(tmp_path / "late", clock, {"provenance": "hardware"}, {}) as evidence:
        evidence.append("instrument", {"name": "p", "calibration_due": "2026-06-01",
                                       "provenance": "hardware"})  # fmt: skip
        evidence.append("run_ended", {"state": "complete", "reason": {}})
        evidence.seal()
    validity = [
        tables(build(load([tmp_path / "late"]), zone), "Instruments")[0].rows[0][4].text
        for zone in (UTC, CHINA)
    ]
    assert validity == ["valid", "EXPIRED"]


def test_seal_and_verification_are_in_full(written: Written) -> None:
    seal = json.loads((written.run.root / "seal.json").read_bytes())["seal"]
    told = facts(written.report)
    assert told["Seal (SHA-256)"] == seal
    assert told["Verified for this report"].startswith("whole")
    assert "error 1" in told["Judged by the rules"]
    assert seal in "".join(pages(written.pdf))


# -- what went wrong on the way ------------------------------------------------------------


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A run with a soak that failed, a lost meter, a stop by safety, and what nobody knows."""
    root = tmp_path_factory.mktemp("troubled") / "SIM-20260601-200000-short"
    schedule = schedule_of(SHORT, [sbp1("A", 3, PART)])
    limit = {"address": "temperature", "zone": "", "meter": "meter_temperature.in", "end": "high",
             "value": 133.2, "limit": 130.0, "unit": "degC"}  # fmt: skip
    extra = [
        ("meter_lost", {"meter": "source_supply.out", "reason": "no answer"}),
        ("disagree", {"address": "temperature", "zone": "", "apart": 2.5, "agree": 2.0}),
        ("trip", {"code": "limit", "values": limit, "text": "…"}),
        ("eclipse", {"moon": "full"}),
    ]

    def is_cold(band: Band) -> bool:
        return band.target == -40.0

    state = "stopped by safety"
    Player(root, schedule, answers(0.0), unsettled=is_cold, extra=extra, state=state).play()
    return build(load([root]), CHINA, ("en", "zh"))


def test_what_happened_is_told_in_words(troubled: Report) -> None:
    (table,) = tables(troubled, "Run 1: what happened")
    found = {row[0].text: row[1].text for row in table.rows}
    assert found["End of the run"].startswith("STOPPED BY SAFETY")
    assert (
        "temperature was 133.2 °C at meter_temperature.in, the bench's limit is 130 °C"
        in (found["Limits, alarms, lost meters"])
    )
    assert (
        "source_supply.out could not be read any more: no answer"
        in (found["Limits, alarms, lost meters"])
    )
    assert (
        "meters of temperature were 2.5 K apart, allowed 2 K"
        in (found["Limits, alarms, lost meters"])
    )
    assert re.match(r"\d of \d+ NOT REACHED: .*temperature", found["Values that were waited for"])
    assert found["Other journal entries"].startswith("eclipse: moon full")
    (chinese,) = tables(troubled, "试验 1：过程中", "zh")
    told = {row[0].text: row[1].text for row in chinese.rows}
    assert "温度在 meter_temperature.in 处为 133.2 °C" in told["限值、报警、失效仪表"]
    assert "source_supply.out 无法读取：原文“no answer”" in told["限值、报警、失效仪表"]


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        (
            {"code": "limit", "address": "temperature", "zone": "", "meter": "dmm.ch1",
             "value": 133.2, "limit": 130.0, "text": "temperature was 133.2 degC"},
            "temperature was 133.2 °C at dmm.ch1",
            "安全停机：温度在 dmm.ch1 处为 133.2 °C",
        ),
        (
            {"text": "chamber: no answer within 2 s", "error": "LinkTimeout"},
            "no answer in time: chamber: no answer within 2 s",
            "应答超时：原文“chamber: no answer within 2 s”",
        ),
    ],
)  # fmt: skip
def test_why_a_run_ended_early_is_told_in_the_reports_language(
    reason: dict[str, Any], english: str, chinese: str
) -> None:
    ended = Reason("ended_early", {"state": "failed", "why": reason["text"]})
    told = {x: reason_text(Names(Words(x), None, reason), ended) for x in ("en", "zh")}
    assert english in told["en"]
    assert chinese in told["zh"]
    assert "was 133.2 degC" not in told["zh"]


@pytest.mark.parametrize(
    ("problem", "chinese"),
    [
        ({"error": "Saturated", "detail": "the front is clipped at 115000 Pa", "socket": "F1"},
         "插座 F1：超出器件量程，原文“the front is clipped at 115000 Pa”"),
        ({"error": "not_loaded", "detail": "", "socket": ""}, "未装入插座"),
        ({"error": "Glitch", "detail": "the part sulks", "socket": "F1"},
         "插座 F1：原文“Glitch”，原文“the part sulks”"),
    ],
)  # fmt: skip
def test_what_a_device_said_is_marked_as_its_own_words(
    problem: dict[str, str], chinese: str
) -> None:
    assert reason_text(Names(Words("zh"), None), Reason("device", problem)) == chinese


def test_values_of_a_soak_that_failed_are_not_known_and_say_so(troubled: Report) -> None:
    (table,) = tables(troubled, "Units that are not PASS")
    assert "temperature did not come within 0.5 K of -40 °C in 4 h" in table.rows[0][3].text
    assert table.rows[0][1].note == "2 units"


def test_a_kind_of_another_package_gets_its_own_blocks(
    stressed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("acme")
    module.blocks = lambda *_: iter([Text("by ACME")])  # type: ignore[attr-defined]
    monkeypatch.setattr(phases, "load", lambda _group, kind: module if kind == "grid" else None)
    texts = [b.text for b in blocks(build(load([stressed]))) if isinstance(b, Text)]
    assert texts.count("by ACME") == 2


def test_a_kind_whose_blocks_fail_is_named_and_the_common_ones_serve(
    stressed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_blocks(*_: object) -> None:
        raise RuntimeError("not today")

    module = ModuleType("acme")
    module.blocks = broken_blocks  # type: ignore[attr-defined]
    found = {"grid": Plugin("grid", "acme", "acme 1.0")}
    monkeypatch.setattr(phases, "load", lambda _group, kind: module if kind == "grid" else None)
    monkeypatch.setattr(phases, "plugins", lambda _group: found)
    assert tables(build(load([stressed])), "Results: what failed first")
    assert any("not today" in str(problem) for problem in broken())


# -- evidence that is not whole ----------------------------------------------------------


def cut(root: Path, lines: int) -> None:
    """Leave what a run that died has: the first lines of its journal, no seal, no results."""
    journal = root / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:lines]))
    (root / "seal.json").unlink()
    (root / "derived" / "results.json").unlink()


@pytest.mark.parametrize("lines", [0, 1, 20, 150, 300])
def test_an_incomplete_run_is_reported_and_says_so_first(
    run_copy: Path, tmp_path: Path, lines: int
) -> None:
    cut(run_copy, lines)
    report = build(load([run_copy]))
    assert "NOT COMPLETE" in notices(report)[0]
    assert isinstance(report.parts[0].head[0], Notice)
    assert report.verdict is not Verdict.PASS
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(render_pdf(report))
    assert "NOT COMPLETE" in pages(pdf)[0]


def test_a_run_without_its_seal_has_no_unit_that_passed(run_copy: Path) -> None:
    (run_copy / "seal.json").unlink()
    (run,) = load([run_copy])
    assert Verdict.PASS not in run.unit_verdicts.values()
    assert run.unit_verdicts[FAILING] is Verdict.FAIL


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["samples/units-0.seg", "samples/log.seg", "inputs/schedule.json", "run.json", "seal.json"],
)
def test_a_damaged_run_is_reported_as_invalid_and_says_so_first(run_copy: Path, name: str) -> None:
    data = bytearray((run_copy / name).read_bytes())
    data[len(data) // 2] ^= 0x10
    (run_copy / name).write_bytes(data)
    report = build(load([run_copy]), None, ("en", "zh"))
    assert "DAMAGED" in notices(report)[0]
    assert report.verdict is Verdict.INVALID
    cells = [cell for b in blocks(report) if isinstance(b, Table) for row in b.rows for cell in row]
    assert not [cell for cell in cells if cell.verdict in (Verdict.PASS, Verdict.FAIL)]
    assert render_pdf(report).startswith(b"%PDF")
    assert b"DAMAGED" in render_html(report)
    chinese = next(b.text for b in report.parts[1].head if isinstance(b, Notice))
    if name != "run.json":  # which may not even be read
        assert re.search("已被更改|已被更改或截断", chinese)
        assert "digest" not in chinese


# -- text that is not ours ---------------------------------------------------------------


def test_hostile_text_stays_text(written: Written) -> None:
    assert "<script" not in written.html
    assert HOSTILE in html.unescape(written.html)
    assert HOSTILE in " ".join(pages(written.pdf))


def test_chinese_renders_and_what_no_font_has_is_named(written: Written) -> None:
    text = " ".join(pages(written.pdf))
    assert "第七批 [U+20BB7] 24/0817" in text
    assert "第七批 𠮷 24/0817" in written.html


def test_a_word_without_end_does_not_stop_a_report(tmp_path: Path) -> None:
    clock = VirtualClock(datetime(2026, 6, 1, tzinfo=UTC))
    manifest = {"provenance": "hardware", "title": "QUJDRA==" * 2125, "station": "x" * 17_000}
    with RunWriter(tmp_path / "long", clock, manifest, {}) as evidence:
        evidence.append("run_ended", {"state": "complete", "reason": {}})
        evidence.seal()
    files = write_report([tmp_path / "long"], ("html", "pdf"), tmp_path / "out")
    assert "[17000]" in files["html"].read_text(encoding="utf-8")
    assert "[17000]" in " ".join(pages(files["pdf"]))


def test_the_html_needs_nothing_else(written: Written) -> None:
    assert not re.search(r"<(script|link|iframe|img)\b", written.html)
    assert not re.search(r"(src|href)=\"(?!#)", written.html.replace("xlink:href", "href"))
    ids = re.findall(r'<(?:h2|article) id="([^"]+)"', written.html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'<a href="#([^"]+)"', written.html)) == set(ids)


# -- files -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_evidence_gives_the_same_bytes(
    stressed: Path, written: Written, tmp_path: Path
) -> None:
    again = write_report([stressed], ("html", "pdf"), tmp_path, CHINA, ("en", "zh"))
    assert again["pdf"].read_bytes() == written.pdf.read_bytes()
    assert again["html"].read_text(encoding="utf-8") == written.html


@pytest.mark.slow
def test_no_warning_reaches_the_screen(stressed: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(load([stressed]), CHINA, ("en", "zh"))


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


def test_an_unknown_language_is_refused_with_those_there_are(
    stressed: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="fr is not a language; allowed: en, zh"):
        write_report([stressed], ("html",), tmp_path, None, ("en", "fr"))


def test_a_report_on_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one run"):
        write_report([], ("html",), tmp_path)
