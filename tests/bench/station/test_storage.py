"""Whether evidence fits where it is kept, and outlives a power cut there."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from sensorbench.core.errors import InputError
from sensorbench.evidence.run import files_of
from sensorbench.station import storage
from sensorbench.station.storage import doubts, needed_bytes, room
from sensorbench.station.workspace import Workspace

from ...proof.proving import Bench, data_of
from ...workspaces import HEAD, QUICK, check, run
from ..run.climate import bake, workspace

PROOF = Path(__file__).parents[2] / "proof"


def written(root: Path) -> int:
    """Return how much a run wrote, its question and its report's inputs apart."""
    names = [name for name in files_of(root) if not name.startswith(("inputs/", "derived/"))]
    return sum((root / name).stat().st_size for name in names)


def test_what_a_stress_writes_is_estimated_not_too_low_and_not_ten_times_too_high(
    tmp_path: Path,
) -> None:
    head = HEAD + 'log = "1 min"\n' + QUICK
    monitored = bake("20 h", 'monitor = { every = "10 min", measures = ["error"] }')
    there = workspace(tmp_path, monitored, head=head)
    needed = needed_bytes(check(there))
    assert 1 < needed / written(run(there).root) < 10


@pytest.mark.chaos
def test_a_stream_is_counted_by_its_rate(tmp_path: Path) -> None:
    shutil.copytree(PROOF / "imu77", tmp_path / "imu")
    found = Bench(Workspace(tmp_path / "imu")).run("profiles/short_stream.toml", "many")
    needed = needed_bytes(data_of(found).schedule)
    assert 1 < needed / written(found.root) < 5


def test_a_run_that_does_not_fit_is_refused_with_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = workspace(tmp_path, bake("1000 h"), head=HEAD + 'log = "1 s"\n' + QUICK)
    schedule = check(there)
    assert "777 MB will be written" in room(there.evidence, schedule)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: SimpleNamespace(free=2_000_000))
    with pytest.raises(InputError, match="2 MB are free: make room"):
        room(there.evidence, schedule)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("36 25 0:5 / {here} rw - tmpfs tmpfs rw", "is memory"),
        ("36 25 0:5 / {here} rw shared:1 - nfs4 server:/x rw", "another computer"),
        ("36 25 8:1 / {here} rw - vfat /dev/sda1 rw", "files may be lost"),
        ("36 25 8:1 / {here} rw - ext4 /dev/sda1 rw", ""),
        ("36 25 8:1 / / rw - vfat /dev/sda1 rw\n37 25 8:2 / {here} rw - ext4 /dev/sda2 rw", ""),
    ],
)
def test_where_evidence_may_be_lost_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, words: str
) -> None:
    file = tmp_path / "mounts"
    file.write_text(table.format(here=tmp_path.resolve()) + "\n", encoding="utf-8")
    mounts = storage._mounts
    monkeypatch.setattr(storage, "_mounts", lambda _: mounts(file))
    monkeypatch.setattr(storage.sys, "platform", "linux")
    found = doubts(tmp_path / "evidence")
    assert bool(found) == bool(words)
    assert all(words in text for text in found)


@pytest.mark.parametrize("name", ["OneDrive - Lab", "Dropbox", "坚果云"])
def test_a_folder_that_a_cloud_synchronises_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert any("synchronises" in text for text in doubts(tmp_path / name / "bench" / "evidence"))


def test_a_disk_that_takes_long_to_keep_a_line_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(1000))
    monkeypatch.setattr(storage.time, "monotonic", lambda: float(next(now)))
    assert any("takes 1.0 s to keep" in text for text in doubts(tmp_path))
    assert list(tmp_path.iterdir()) == []
