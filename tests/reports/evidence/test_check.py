"""Whoever changes evidence is found out: any byte of any file, any line of the journal."""

import json
import random
from pathlib import Path

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.evidence.canonical import canonical, sha256
from sensorbench.evidence.check import Level, check


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


def forge_results(run: Path, change: object) -> None:
    """Change the results and seal the run again, as somebody with access could."""
    path = run / "derived" / "results.json"
    results = json.loads(path.read_bytes())
    change(results)  # type: ignore[operator]
    path.write_bytes(canonical(results))
    seal = json.loads((run / "seal.json").read_bytes())
    data = path.read_bytes()
    seal["files"]["derived/results.json"] = {"size": len(data), "sha256": sha256(data)}
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
