"""A power cut on a real file system: what reached the disk is logged, and cut off anywhere."""

from __future__ import annotations

import os
import random
import shutil
import sys
from pathlib import Path

import pytest

from .crash_model import Recorder
from .disk_log import Disk, after_power_cut, logged, mounted
from .test_power_cut import judge, whole_run

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(
        not sys.platform.startswith("linux")
        or os.getuid() != 0
        or not Path("/dev/fuse").exists()
        or not Path("/dev/loop-control").exists(),
        reason="makes a disk: needs root, FUSE and loop devices",
    ),
]
SIZE = 24 << 20


class Marks(Recorder):
    """Marks on the disk's log what was acknowledged, and when."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk.here)
        self.disk, self.known = disk, list[object]()

    def acknowledge(self, what: object) -> None:
        self.known.append(what)
        self.disk.mark(len(self.known))


@pytest.mark.parametrize("options", ["data=ordered", "data=writeback", "data=journal"])
def test_what_was_acknowledged_outlives_a_power_cut_on_ext4(tmp_path: Path, options: str) -> None:
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("no mkfs.ext4")
    with logged(tmp_path / "disk", SIZE, ["mkfs.ext4", "-q", "-F"], options) as disk:
        seen = Marks(disk)
        whole_run(disk.here / "evidence" / "run", seen)
    begins = disk.log.index("mark-0")
    ends = disk.log.index(f"mark-{len(seen.known)}") + 1
    chance, image, judged = random.Random(1), tmp_path / "image", 0
    for at in range(begins, ends + 1):
        marks = [int(e[5:]) for e in disk.log[:at] if isinstance(e, str) and e != "flush"]
        for writes in after_power_cut(disk.log, at, chance, 2):
            image.unlink(missing_ok=True)  # a new one: nothing of the last may still write to it
            with image.open("wb") as file:
                file.truncate(SIZE)
                for offset, data in writes:
                    file.seek(offset)
                    file.write(data)
            with mounted(image, tmp_path / "left", options) as left:
                judge(left / "evidence" / "run", seen.known[: max(marks, default=0)])
            judged += 1
    assert judged > 100
