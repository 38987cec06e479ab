"""Sealed evidence of every kind verifies for ever, whatever has become of the program since.

The runs of tests/evidence were made once, by tools/make_frozen_evidence.py. A test that fails here
means that evidence in the field would be called damaged: mend the program, never the evidence.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from sensorbench.assessment.assess import KINDS, assess
from sensorbench.assessment.measuring import MEASURES
from sensorbench.assessment.phases import Item
from sensorbench.assessment.records import Readout
from sensorbench.assessment.results import Result, Series, UnitResult, as_json
from sensorbench.assessment.verify import verify
from sensorbench.core import quantity
from sensorbench.core.catalog import devices
from sensorbench.core.plugins import load_all, plugins
from sensorbench.evidence.check import Level
from sensorbench.evidence.run import Column, RunReader
from sensorbench.profiles.schedule import Point, Schedule, Step, Unit
from sensorbench.reports import words
from sensorbench.reports.build import build
from sensorbench.reports.html import render_html
from sensorbench.reports.runs import load as load_runs

EVIDENCE = Path(__file__).parents[2] / "evidence"
RUNS = sorted(path.parent for path in EVIDENCE.glob("*/*/run.json"))
KINDS_FROZEN = {path.parent.name for path in RUNS}

each_run = pytest.mark.parametrize("root", RUNS, ids=lambda path: path.parent.name)


def everywhere(monkeypatch: pytest.MonkeyPatch, old: object, new: object) -> None:
    """Replace a thing wherever a module of ours has it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("sensorbench."):
            for key, value in list(vars(module).items()):
                if value is old:
                    monkeypatch.setattr(module, key, new)


def html_of(root: Path) -> str:
    """Return the report of a run."""
    return render_html(build(load_runs([root]), UTC)).decode()


def stands(root: Path) -> bool:
    """Return whether evidence is whole and gives the verdict that was sealed with it."""
    found = verify(root)
    assert found.findings == (), [str(finding) for finding in found.findings]
    assert found.changed == ()
    stored = json.loads((root / "derived" / "results.json").read_bytes())
    return found.verdict.value == stored["verdict"]


# -- as it is ---------------------------------------------------------------------------------


def test_there_is_a_run_of_every_kind() -> None:
    assert set(plugins(KINDS)) <= KINDS_FROZEN


@each_run
def test_it_verifies_whole(root: Path) -> None:
    assert stands(root)


def test_good_and_bad_ends_are_among_them() -> None:
    verdicts = {verify(root).verdict.value for root in RUNS}
    assert verdicts == {"PASS", "FAIL", "INVALID"}


@each_run
def test_one_changed_byte_of_it_is_still_found(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / root.name
    shutil.copytree(root, copy)
    journal = copy / "journal.jsonl"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)
    assert any(finding.level is Level.DAMAGE for finding in verify(copy).findings)


# -- the program has changed ------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [Readout, Point, Result, Series, UnitResult, Unit, Step, Schedule, Column]
)
def test_after_an_optional_field_was_added(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    added = [("added_later", str, dataclasses.field(default="nothing"))]
    wider = dataclasses.make_dataclass(kind.__name__, added, bases=(kind,), frozen=True, slots=True)
    everywhere(monkeypatch, kind, wider)
    assert all(stands(root) for root in RUNS)


def test_after_titles_and_columns_of_devices_were_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part's own words and columns are in the evidence: no device needs to be known at all."""
    everywhere(monkeypatch, devices, dict)
    assert all(stands(root) for root in RUNS)


def test_after_words_were_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are in today's words; results are in none."""
    before = html_of(RUNS[0])
    everywhere(monkeypatch, words.table, lambda _language: {})
    assert all(stands(root) for root in RUNS)
    assert html_of(RUNS[0]) != before


_WITHOUT = """
import sys
from pathlib import Path

GONE = ("app", "testing", "run", "safety", "station", "sensors", "instruments", "world", "links",
        "protocols", "profiles.model", "profiles.context", "profiles.expand", "profiles.kinds",
        "profiles.library", "parts.model", "core.documents", "core.catalog")

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(tuple(f"sensorbench.{part}" for part in GONE)):
            raise ImportError(f"{name} is gone")

sys.meta_path.insert(0, Gone())
from sensorbench.assessment.verify import verify
for root in sys.argv[1:]:
    found = verify(Path(root))
    print(Path(root).name, found.is_whole and not found.changed, *found.findings, *found.changed)
"""


def test_without_any_model_default_or_driver_of_today() -> None:
    """What reads a TOML file, drives a device or runs a bench is not needed, nor its defaults."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, *map(str, RUNS)],
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{root.name} True" for root in RUNS]


# -- a rule has changed -----------------------------------------------------------------------


def _other(items: Iterator[Item]) -> Iterator[Item]:
    """Yield results as another rule might give them."""
    for item in items:
        if isinstance(item, Result):
            yield dataclasses.replace(item, value=item.value * 1.25 + 1.0)
        else:
            yield item


@each_run
def test_another_version_of_a_kind_is_listed_and_is_no_damage(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in load_all(KINDS).values():
        own = module.results
        monkeypatch.setattr(
            module, "results", lambda data, phase, own=own: _other(own(data, phase))
        )
    assert any(finding.level is Level.DAMAGE for finding in verify(root).findings)
    for module in load_all(KINDS).values():
        monkeypatch.setattr(module, "VERSION", "99")
    found = verify(root)
    assert found.findings == ()
    assert found.changed
    assert any("value is" in text for text in found.changed)


@each_run
def test_another_version_that_gives_the_same_changes_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for group in (KINDS, MEASURES):
        for module in load_all(group).values():
            if hasattr(module, "VERSION"):
                monkeypatch.setattr(module, "VERSION", "99")
    assert stands(root)


def test_another_version_of_a_measure_is_listed_and_is_no_damage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = next(path for path in RUNS if path.parent.name == "grid")
    module = load_all(MEASURES)["error"]
    own = module.compute

    def shifted(inputs: Any) -> Any:
        found, series = own(inputs)
        return [dataclasses.replace(one, values=one.values + 0.5) for one in found], series

    monkeypatch.setattr(module, "compute", shifted)
    assert any("computed again" in str(finding) for finding in verify(root).findings)
    monkeypatch.setattr(module, "VERSION", "2")
    found = verify(root)
    assert found.findings == ()
    assert any(" error humidity" in text for text in found.changed)


# -- the evidence was made by a later version ---------------------------------------------------


@each_run
def test_what_a_later_version_adds_to_the_question_is_passed_over(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = as_json(assess(RunReader(root)))
    own = RunReader.input_text

    def later(self: RunReader, name: str) -> str:
        schedule = json.loads(own(self, name))
        for key in ("units", "steps", "phases", "points"):
            schedule[key] = [row | {"added_later": 1} for row in schedule[key]]
        return json.dumps(schedule | {"added_later": 1})

    monkeypatch.setattr(RunReader, "input_text", later)
    assert as_json(assess(RunReader(root))) == expected


@each_run
def test_what_a_later_version_adds_to_the_journal_is_passed_over(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = as_json(assess(RunReader(root))) | {"facts": {}}
    own = RunReader.events

    def later(self: RunReader, *kinds: str) -> Any:
        for event in own(self, *kinds):
            frames = [row | {"added_later": 1} for row in event.data.get("frames", ())]
            more = {"frames": frames} if frames else {}
            yield dataclasses.replace(event, data={**event.data, **more, "added_later": 1})

    monkeypatch.setattr(RunReader, "events", later)
    # Facts hand on what was attached as it is; what is judged is the same.
    assert as_json(assess(RunReader(root))) | {"facts": {}} == expected


# -- the question is in the schedule alone -------------------------------------------------------


@each_run
def test_after_quantities_and_units_of_a_package_are_gone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = html_of(root)
    monkeypatch.setattr(quantity, "_QUANTITIES", {})
    assert not quantity.quantities()
    assert stands(root)
    assert html_of(root) == before


@pytest.mark.chaos
@each_run
def test_without_the_copies_of_toml_files_all_comes_out_the_same(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / root.name
    shutil.copytree(root, copy)
    gone = sorted(copy.glob("inputs/*.toml"))
    assert gone
    for path in gone:
        path.unlink()

    assert as_json(assess(RunReader(copy))) == as_json(assess(RunReader(root)))
    missing = {f"inputs/{path.name}" for path in gone}
    assert {finding.file for finding in verify(copy).findings} == missing
    # That they are missing is said in the report; apart from it, not a letter is another.
    everywhere(monkeypatch, verify.__globals__["check"], lambda *_: [])
    assert html_of(copy) == html_of(root)
