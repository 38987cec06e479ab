"""Whoever changes evidence is found out: any byte of any file, any line of the journal."""

import json
import random
import shutil
from pathlib import Path

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.clock import VirtualClock
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.canonical import canonical, sha256
from sensorbench.evidence.check import Level, check, notes
from sensorbench.evidence.run import RunWriter


def names(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def named(root: Path) -> str:
    return "\n".join(str(finding) for finding in check(root))


def test_a_whole_run_has_no_findings(run_copy: Path) -> None:
    assert check(run_copy) == []
    assert verify(run_copy).is_whole


def test_the_run_has_every_kind_of_file(run_copy: Path) -> None:
    assert names(run_copy) == [
        "derived/results.json", "inputs/lot-sbp1.toml", "inputs/part-sbp1.toml",
        "inputs/profile.toml", "inputs/schedule.json", "inputs/station.toml", "journal.jsonl",
        "run.json", "samples/log.seg", "samples/references.seg", "samples/units-0.seg",
        "seal.json",
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_a_flipped_bit_in_any_file_is_found_and_named(run_copy: Path, seed: int) -> None:
    chance = random.Random(seed)
    for name in names(run_copy):
        path = run_copy / name
        data = bytearray(path.read_bytes())
        where = chance.randrange(len(data))
        data[where] ^= 1 << chance.randrange(8)
        kept = path.read_bytes()
        path.write_bytes(data)
        found = named(run_copy)
        assert f"damage: {name}" in found or "run.json or journal.jsonl" in found, (name, where)
        path.write_bytes(kept)
    assert check(run_copy) == []


def test_a_flipped_bit_is_found_in_a_run_without_a_seal_too(run_copy: Path) -> None:
    (run_copy / "seal.json").unlink()
    chance = random.Random(7)
    for name in ("run.json", "journal.jsonl", "samples/units-0.seg", "inputs/schedule.json"):
        path = run_copy / name
        kept = path.read_bytes()
        data = bytearray(kept)
        data[chance.randrange(len(data) - 1)] ^= 4
        path.write_bytes(data)
        assert any(f.level is Level.DAMAGE for f in check(run_copy)), name
        path.write_bytes(kept)


def edit_lines(run: Path, change: object) -> None:
    path = run / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)  # type: ignore[operator]
    path.write_bytes(b"".join(lines))


def test_a_removed_line_is_named(run_copy: Path) -> None:
    edit_lines(run_copy, lambda lines: lines.pop(20))
    assert "line 21 does not follow the line before it" in named(run_copy)


def test_an_inserted_line_is_named(run_copy: Path) -> None:
    edit_lines(run_copy, lambda lines: lines.insert(20, lines[5]))
    assert "line 21 does not follow the line before it" in named(run_copy)


def test_two_lines_in_another_order_are_named(run_copy: Path) -> None:
    def swap(lines: list[bytes]) -> None:
        lines[10], lines[11] = lines[11], lines[10]

    edit_lines(run_copy, swap)
    assert "line 11 does not follow the line before it" in named(run_copy)


def test_the_last_lines_cut_off_are_missed_by_the_seal(run_copy: Path) -> None:
    edit_lines(run_copy, lambda lines: lines.pop())
    assert "lines, " in named(run_copy)
    assert "journal.jsonl: was changed" in named(run_copy)


def test_a_journal_of_another_run_is_named(run_copy: Path) -> None:
    manifest = json.loads((run_copy / "run.json").read_bytes())
    (run_copy / "run.json").write_bytes(canonical({**manifest, "lots": ["other"]}))
    assert "line 1 does not belong to this run.json" in named(run_copy)


def test_an_added_and_a_removed_file_are_named(run_copy: Path) -> None:
    (run_copy / "derived" / "extra.json").write_text("{}")
    (run_copy / "inputs" / "lot-sbp1.toml").unlink()
    assert "derived/extra.json: was added" in named(run_copy)
    assert "inputs/lot-sbp1.toml: is missing" in named(run_copy)


@pytest.mark.parametrize(
    "name",
    [".gitattributes", ".gitkeep", "samples/.gitignore", ".git", ".svn", ".hgignore",
     ".DS_Store", "samples/.DS_Store", "samples/._units-0.seg", "Thumbs.db", "inputs/thumbs.db",
     "Desktop.ini", "derived/~$report.xlsx", "@eaDir/run.json/x", "run.json~",
     ".TemporaryItems/x", ".VolumeIcon.icns", "lost+found/x", ".owncloudsync.log",
     ".tmp.drivedownload/x", ".stversions/run~1.json", "#journal.jsonl#",
     ".journal.jsonl.kate-swp"],
)  # fmt: skip
def test_what_file_managers_leave_in_a_run_is_a_note_and_no_damage(
    run_copy: Path, name: str
) -> None:
    (run_copy / name).parent.mkdir(parents=True, exist_ok=True)
    (run_copy / name).write_bytes(b"x")
    assert check(run_copy) == []
    (note,) = notes(run_copy)
    assert name in note
    assert "no part of the evidence" in note
    assert verify(run_copy).is_whole


def test_a_link_that_leads_nowhere_is_named_as_what_it_is(tmp_path: Path) -> None:
    link = tmp_path / "SIM-1"
    link.symlink_to(tmp_path / "disk" / "SIM-1")
    found = verify(link)
    assert (found.run_id, found.is_whole, found.verdict) == ("SIM-1", False, Verdict.INVALID)
    (finding,) = found.findings
    assert "is a link to" in str(finding)
    assert "is its disk there?" in str(finding)


@pytest.mark.parametrize("name", ["run.json", "journal.jsonl"])
def test_a_run_without_its_beginning_is_one_finding_in_words(run_copy: Path, name: str) -> None:
    (run_copy / name).unlink()
    (finding,) = verify(run_copy).findings
    assert f"{name} can't be read: No such file or directory" in str(finding)
    assert "Errno" not in str(finding)


@pytest.mark.parametrize(
    ("data", "said"), [(b"\xd3\xff", "it is no text"), (b"{\n", "it is no JSON at line 2")]
)
def test_garbage_is_told_in_words(run_copy: Path, data: bytes, said: str) -> None:
    (run_copy / "run.json").write_bytes(data)
    (finding,) = verify(run_copy).findings
    assert said in str(finding)


def test_what_a_seal_names_is_evidence_whatever_it_is_called(run_copy: Path) -> None:
    (run_copy / ".DS_Store").write_bytes(b"x")
    reseal(run_copy, ".DS_Store")
    assert check(run_copy) == []
    (run_copy / ".DS_Store").write_bytes(b"y")
    assert ".DS_Store: was changed" in named(run_copy)


def test_a_run_is_sealed_without_what_file_managers_left_in_it(tmp_path: Path) -> None:
    clock = VirtualClock()
    with RunWriter(tmp_path / "run", clock, {"provenance": "simulated"}, {}) as writer:
        (tmp_path / "run" / ".DS_Store").write_bytes(b"x")
        writer.append("run_ended", {"state": "complete"})
        writer.seal()
    (tmp_path / "run" / ".DS_Store").unlink()
    assert check(tmp_path / "run") == []


def test_line_ends_changed_by_git_are_one_finding_that_names_the_cause(run_copy: Path) -> None:
    for name in names(run_copy):
        path = run_copy / name
        if path.suffix != ".seg":
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (finding,) = verify(run_copy).findings
    assert "core.autocrlf" in str(finding)
    assert "journal.jsonl" in str(finding)
    assert "inputs/station.toml" in str(finding)


def test_changed_line_ends_hide_no_other_change(run_copy: Path) -> None:
    path = run_copy / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"seq":20', b'"seq":21').replace(b"\n", b"\r\n"))
    found = named(run_copy)
    assert "was changed: its digest does not match" in found
    assert "journal.jsonl: was changed: its digest is not the one in the seal" in found


def test_a_run_is_read_where_it_was_moved_or_linked_to(run_copy: Path, tmp_path: Path) -> None:
    linked = tmp_path / "latest"
    linked.symlink_to(run_copy, target_is_directory=True)
    assert verify(linked).is_whole
    moved = tmp_path / "archive" / "0001"
    shutil.copytree(run_copy, moved)
    found = verify(moved)
    assert found.is_whole
    assert found.run_id == run_copy.name
    assert found.notes == ("its folder is called 0001",)


def test_a_seal_of_another_run_is_named(run_copy: Path) -> None:
    seal = json.loads((run_copy / "seal.json").read_bytes())
    body = {**seal, "run_id": "SIM-other"}
    del body["seal"]
    (run_copy / "seal.json").write_bytes(canonical({**body, "seal": sha256(canonical(body))}))
    assert "belongs to run SIM-other" in named(run_copy)


def forge_results(run: Path, change: object) -> None:
    """Change the results and seal the run again, as somebody with access could."""
    path = run / "derived" / "results.json"
    results = json.loads(path.read_bytes())
    change(results)  # type: ignore[operator]
    path.write_bytes(canonical(results))
    reseal(run, "derived/results.json")


def reseal(run: Path, name: str) -> None:
    seal = json.loads((run / "seal.json").read_bytes())
    data = (run / name).read_bytes()
    seal["files"][name] = {"size": len(data), "sha256": sha256(data)}
    body = {key: value for key, value in seal.items() if key != "seal"}
    (run / "seal.json").write_bytes(canonical({**body, "seal": sha256(canonical(body))}))


def test_a_changed_result_is_recomputed_and_named(run_copy: Path) -> None:
    def better(results: dict[str, list[dict[str, object]]]) -> None:
        for result in results["results"]:
            judged = (result["serial"], result["measure"], result["channel"])
            if judged == ("26000002", "error", "pressure"):
                result["value"], result["verdict"] = 12.5, "PASS"

    forge_results(run_copy, better)
    assert check(run_copy) == []  # every digest is in order
    found = "\n".join(map(str, verify(run_copy).findings))
    assert "26000002 verification error pressure: value is 12.5, computed again it is" in found
    assert "verdict is 'PASS', computed again it is 'FAIL'" in found


def test_a_missing_folder_is_no_traceback(tmp_path: Path) -> None:
    (finding,) = check(tmp_path / "nothing")
    assert finding.level is Level.DAMAGE
    assert verify(tmp_path / "nothing").assessment is None
