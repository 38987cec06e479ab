"""The machine fails under a run: it ends at once, in order, and says what happened: exit code 3."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from sensorbench.app.failure import DEVICE_FAILED, report_failure
from sensorbench.core.clock import RealClock
from sensorbench.core.errors import BenchError
from sensorbench.evidence.check import Level, check
from sensorbench.evidence.run import RunWriter
from sensorbench.run.execute import execute
from sensorbench.run.progress import Status
from sensorbench.sensors.sht4x.driver import Sht4x
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace

from ..reports.evidence.disk_log import mounted
from ..workspaces import job_of
from .run.climate import bake, phase_of_tests, workspace
from .run.test_ends import is_safe
from .test_exit_codes import ends

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows keeps open files in place")
as_root = pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="mounts a disk")
NOTICED_S = 10.0


def run_of(there: Workspace) -> Path:
    (root,) = there.evidence.iterdir()
    return root


def moved(path: Path) -> Path:
    return path.rename(path.with_name("elsewhere"))


def replaced(there: Workspace) -> None:
    """As an editor does, or a program that synchronises folders: another file of the same name."""
    path = run_of(there) / "journal.jsonl"
    text = path.read_bytes()
    path.rename(path.with_name("journal.old"))
    path.write_bytes(text + b"{}\n")


def written_to(there: Workspace) -> None:
    with (run_of(there) / "journal.jsonl").open("ab") as file:
        file.write(b"{}\n")


LOST: dict[str, tuple[Callable[[Workspace], object], str]] = {
    "its folder is deleted": (lambda there: shutil.rmtree(run_of(there)), "was deleted"),
    "its folder is renamed": (lambda there: moved(run_of(there)), "was moved or deleted"),
    "all evidence is renamed": (lambda there: moved(there.evidence), "was moved or deleted"),
    "the workspace is deleted": (lambda there: shutil.rmtree(there.root), "was deleted"),
    "the workspace is renamed": (lambda there: moved(there.root), "was moved or deleted"),
    "its samples are deleted": (
        lambda there: shutil.rmtree(run_of(there) / "samples"), ".seg: was deleted",
    ),
    "its journal is replaced": (replaced, "journal.jsonl: was replaced by another file"),
    "another program writes to it": (written_to, "another program changes it, too"),
}  # fmt: skip


@contextmanager
def once_units_are_read(
    monkeypatch: pytest.MonkeyPatch, trouble: Callable[[], object]
) -> Iterator[None]:
    start, is_due = Sht4x.start, True

    def and_trouble(sensor: Sht4x, *words: Any, **more: Any) -> Any:
        nonlocal is_due
        if is_due:
            is_due = False
            trouble()
        return start(sensor, *words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Sht4x, "start", and_trouble)
        yield


def told(
    there: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    code = ends(monkeypatch, "run", "profile.toml", "--lot", "H1", "-w", str(there.root))
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    return code, shown.err


@pytest.mark.parametrize("name", LOST)
def test_a_run_whose_evidence_is_lost_under_it_says_so_with_exit_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    there = workspace(tmp_path / "w", bake("100 h"))
    trouble, words = LOST[name]
    with once_units_are_read(monkeypatch, lambda: trouble(there)):
        code, said = told(there, monkeypatch, capsys)
    assert code == 3, said
    assert words in said
    assert "the bench is in its safe state" in said
    assert "so the run was ended" in said


@pytest.mark.chaos
@pytest.mark.parametrize("name", LOST)
def test_in_real_time_it_is_noticed_at_once_not_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """While nothing happens but a hold of hours, with no log row before it ends."""
    head = 'id = "own/t"\ntitle = "T"\nsource = "own"\nlog = "10 h"\n'
    there = workspace(tmp_path / "w", bake("20 h"), head=head)
    trouble, words = LOST[name]
    began = list[float]()

    class AtTheHold:
        def show(self, status: Status) -> None:
            if "hold" in status.doing and not began:
                began.append(time.monotonic())
                trouble(there)

    job = job_of(there)
    clock = RealClock(2000.0)
    with open_station(job.station, clock, job.known_lots, {}) as station:
        with pytest.raises(BenchError, match="so the run was ended") as raised:
            execute(there, job, station, AtTheHold())
        took_s = time.monotonic() - began[0]
        assert is_safe(station)
    assert words in str(raised.value)
    assert took_s < NOTICED_S


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT, errno.ESTALE]
)
@pytest.mark.parametrize("later", [False, True], ids=["at the start", "under way"])
def test_a_disk_that_fails_ends_the_run_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    number: int, later: bool,
) -> None:  # fmt: skip
    there = workspace(tmp_path, phase_of_tests("t"))

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        if later:
            with once_units_are_read(monkeypatch, lambda: patch.setattr(os, "fsync", refuse)):
                code, said = told(there, monkeypatch, capsys)
        else:
            patch.setattr(os, "fsync", refuse)
            code, said = told(there, monkeypatch, capsys)
    assert code == 3, said
    assert os.strerror(number) in said
    if later:
        assert "the bench is in its safe state" in said
        assert "so the run was ended" in said
    assert {f.level for f in check(run_of(there))} == {Level.INCOMPLETE}


@contextmanager
def small_disk(where: Path, size: str) -> Iterator[Path]:
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", where], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=True)


@as_root
def test_a_disk_that_is_full_is_named_and_what_was_acknowledged_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = workspace(tmp_path / "w", bake("100 h"))
    with small_disk(tmp_path / "disk", "16m") as disk:
        there.evidence.symlink_to(disk)

        def fill() -> None:
            with (disk / "other").open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))

        with once_units_are_read(monkeypatch, fill):
            code, said = told(there, monkeypatch, capsys)
        assert code == 3, said
        assert "No space left on device" in said
        assert "the bench is in its safe state" in said
        (disk / "other").unlink()
        assert {f.level for f in check(run_of(there))} == {Level.INCOMPLETE}


@as_root
def test_a_disk_that_is_pulled_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = workspace(tmp_path / "w", bake("100 h"))
    with small_disk(tmp_path / "disk", "16m") as disk:
        there.evidence.symlink_to(disk)

        def pull() -> None:
            subprocess.run(["umount", "-l", disk], check=True)

        try:
            with once_units_are_read(monkeypatch, pull):
                code, said = told(there, monkeypatch, capsys)
        finally:
            if not disk.is_mount():  # what is taken away at the end must be there
                subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=True)
    assert code == 3, said
    assert "or its disk is gone" in said


@as_root
def test_a_disk_that_goes_read_only_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As ext4 does at an error of the disk below it."""
    if shutil.which("mkfs.ext4") is None or not Path("/dev/loop-control").exists():
        pytest.skip("makes a disk of a file")
    there, image = workspace(tmp_path / "w", bake("100 h")), tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    with mounted(image, tmp_path / "disk", "errors=remount-ro") as disk:
        there.evidence.symlink_to(disk / "evidence")
        (disk / "evidence").mkdir()
        device = os.stat(disk).st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name

        def fails() -> None:
            Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("a test")

        with once_units_are_read(monkeypatch, fails):
            code, said = told(there, monkeypatch, capsys)
        assert {f.level for f in check(run_of(there))} == {Level.INCOMPLETE}
    assert code == 3, said
    assert "Read-only file system" in said or "Input/output error" in said
    assert "the bench is in its safe state" in said


DENIED = """
import os, sys
from pathlib import Path
from sensorbench.sensors.sht4x.driver import Sht4x
start, (evidence,) = Sht4x.start, sys.argv[-1:]
def denied(*words, **more):
    os.chmod(evidence, 0)
    return start(*words, **more)
Sht4x.start = denied
sys.argv.pop()
from sensorbench.app.main import main
main()
"""


# Root may read everything unless that is taken from it.
WITHOUT = ["setpriv", *(f"--{kind}=-dac_override,-dac_read_search" for kind in
                        ("bounding-set", "inh-caps"))]  # fmt: skip


def test_permission_that_is_taken_away_ends_the_run(tmp_path: Path) -> None:
    is_root = os.getuid() == 0
    if is_root and shutil.which("setpriv") is None:
        pytest.skip("root may read everything")
    there = workspace(tmp_path / "w", bake("100 h"))
    words = ["run", "profile.toml", "--lot", "H1", "-w", str(there.root), str(there.evidence)]
    done = subprocess.run(
        [*(WITHOUT if is_root else []), sys.executable, "-c", DENIED, *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    there.evidence.chmod(0o755)
    assert done.returncode == 3, done.stderr
    assert "can't be reached any more: Permission denied" in done.stderr
    assert "the bench is in its safe state" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_program_can_not_go_on_with_a_run_that_is_written(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "R", RealClock(), {}, {}) as run:
        run.append("step", {})
        run.commit()
        before = (tmp_path / "R" / "journal.jsonl").read_bytes()
        with pytest.raises(BenchError, match="another program writes this run") as raised:
            RunWriter.reopen(tmp_path / "R", RealClock())
        assert (tmp_path / "R" / "journal.jsonl").read_bytes() == before
    assert report_failure(raised.value) == DEVICE_FAILED
    RunWriter.reopen(tmp_path / "R", RealClock()).close()
