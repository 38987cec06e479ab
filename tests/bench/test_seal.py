"""seal: a run that was complete when its program went is closed; nothing else ever is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sensorbench.app.commands.runs import list_runs
from sensorbench.app.commands.seal import seal_run
from sensorbench.assessment.verify import verify
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.run.execute import Outcome

from ..workspaces import HEAD, QUICK, run
from .run.climate import bake, fault, phase_of_tests, workspace


@pytest.fixture
def whole(tmp_path: Path) -> Outcome:
    return run(workspace(tmp_path, phase_of_tests("t"), head=HEAD + QUICK))


@pytest.mark.parametrize("gone", [("seal.json",), ("seal.json", "derived/results.json")])
def test_what_was_complete_is_sealed_and_says_what_it_said(
    tmp_path: Path, whole: Outcome, gone: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = verify(whole.root)
    stored = (whole.root / "derived" / "results.json").read_bytes()
    for name in gone:
        (whole.root / name).unlink()
    torn = verify(whole.root)
    assert torn.verdict is Verdict.INVALID
    assert "`sensorbench seal RUN`" in str(torn.findings[0])
    list_runs(tmp_path, as_json=False)
    assert "its seal: it was complete, `seal RUN` closes it" in capsys.readouterr().out
    seal_run(tmp_path, whole.root.name, as_json=True)
    assert json.loads(capsys.readouterr().out)["verdict"] == before.verdict.value
    assert verify(whole.root).is_whole
    assert verify(whole.root).verdict is before.verdict
    assert (whole.root / "derived" / "results.json").read_bytes() == stored


def refused(root: Path, name: str) -> str:
    with pytest.raises(InputError) as error:
        seal_run(root, name, as_json=False)
    return str(error.value)


def test_what_is_sealed_or_damaged_is_not_sealed(tmp_path: Path, whole: Outcome) -> None:
    assert "is sealed already" in refused(tmp_path, whole.root.name)
    (whole.root / "seal.json").unlink()
    results = whole.root / "derived" / "results.json"
    results.write_text(results.read_text("utf-8").replace("PASS", "FAIL"), encoding="utf-8")
    assert "is damaged" in refused(tmp_path, whole.root.name)
    shutil.rmtree(whole.root / "inputs")
    assert "is damaged" in refused(tmp_path, whole.root.name)
    assert not (whole.root / "seal.json").exists()


def test_a_run_that_is_damaged_is_not_sent_to_resume(tmp_path: Path, whole: Outcome) -> None:
    (whole.root / "seal.json").unlink()
    journal = whole.root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0].replace(b"kind", b"kinb"), *lines[1:-2]]))
    assert "is damaged" in refused(tmp_path, whole.root.name)


def test_what_was_cut_short_stays_as_it_is(tmp_path: Path, whole: Outcome) -> None:
    (whole.root / "seal.json").unlink()
    journal = whole.root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    assert "did not end" in refused(tmp_path, whole.root.name)


def test_what_safety_stopped_is_never_complete(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("5 h"), fault("chamber", "alarm", "1 h"), head=HEAD + QUICK)
    with pytest.raises(Exception, match="alarm"):
        run(there)
    (root,) = there.evidence.iterdir()
    assert "was stopped by safety" in refused(tmp_path, root.name)
