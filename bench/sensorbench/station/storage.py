"""Where evidence is kept: whether it survives a power cut there, and whether it fits.

What a run writes is estimated from its schedule, generously: rows of samples as they are stored,
and the journal's lines at what they usually take.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from sensorbench.core.catalog import devices
from sensorbench.core.errors import InputError
from sensorbench.profiles.schedule import Point, Read, Release, Schedule

SLOW_S = 0.5
"""A disk that takes longer to keep a line than this delays what waits for it, s."""
_LINE_B, _STEP_B = 700, 2000  # a line of the journal; a step with what is told of it
_LOG_ROW_B, _REFERENCE_B, _COLUMN_B, _HEAD = 64, 40, 8, 3
_REAL_FLUSH_S = 30.0
_OWN_CLOCK = 1.2  # a part's oscillator may be fast, and each block has a head
_TRIES = 5
_KINDS = {
    "tmpfs": "is memory: all of it is gone with the power",
    "ramfs": "is memory: all of it is gone with the power",
    "vfat": "keeps no order of what is written: after a power cut files may be lost",
    "msdos": "keeps no order of what is written: after a power cut files may be lost",
    "exfat": "keeps no order of what is written: after a power cut files may be lost",
    "nfs": "is on another computer: it stalls when that one or the network does",
    "nfs4": "is on another computer: it stalls when that one or the network does",
    "cifs": "is on another computer: it stalls when that one or the network does",
    "smb3": "is on another computer: it stalls when that one or the network does",
    "9p": "is on another computer: it stalls when that one or the network does",
    "fuse.sshfs": "is on another computer: it stalls when that one or the network does",
}
_CLOUD = re.compile(
    r"onedrive.*|dropbox.*|google ?drive|my drive|icloud.*|mobile documents|nextcloud|owncloud"
    r"|nutstore.*|坚果云|baidusyncdisk",
    re.IGNORECASE,
)


def needed_bytes(schedule: Schedule) -> float:
    """Return about how much a run will write."""
    duration_s = schedule.duration_s
    meters = sum(
        len(bench.get("meters", ()))
        for zone in schedule.zones.values()
        for bench in zone.get("benches", {}).values()
    )
    log_rows = duration_s / float(schedule.profile["log_s"]) * meters
    found = log_rows * _LOG_ROW_B + duration_s / _REAL_FLUSH_S * _LINE_B
    found += len(schedule.steps) * _STEP_B
    ends = {
        step.action.what: step.start_s
        for step in schedule.steps
        if isinstance(step.action, Release)
    }
    for number, read, point in schedule.reads():
        began_s = schedule.steps[number].start_s
        lasts_s = max(0.0, ends.get(read.point, duration_s) - began_s)
        found += _read_bytes(schedule, read, point, lasts_s, meters)
    return found


def _read_bytes(schedule: Schedule, read: Read, point: Point, lasts_s: float, meters: int) -> float:
    units = [schedule.units[number] for number in schedule.group(point.units)]
    if read.stream:
        return sum(_stream_bytes_per_s(schedule, point, unit.part) * lasts_s for unit in units)
    sweeps = lasts_s / read.every_s if read.every_s else float(read.samples)
    lines = sweeps if read.every_s else 1.0
    row = sum(_COLUMN_B * (_HEAD + len(schedule.parts[u.part]["channels"])) for u in units)
    return sweeps * (row + meters * _REFERENCE_B) + lines * _LINE_B


def _stream_bytes_per_s(schedule: Schedule, point: Point, part: str) -> float:
    device = devices().get(schedule.parts[part]["driver"])
    kind = device.usable() if device is not None else None
    if kind is None or not hasattr(kind, "stream"):
        return 0.0
    stream = kind.stream(**dict(point.settings.get(part, {})))
    sample_b = len(stream.channels) * np.dtype(stream.dtype).itemsize
    return float(stream.rate_hz * sample_b * _OWN_CLOCK)


def room(folder: Path, schedule: Schedule) -> str:
    """Return in words what a run will write and what fits. Raises InputError where it does not."""
    needed, free = needed_bytes(schedule), shutil.disk_usage(_there(folder)).free
    text = f"about {_shown(needed)} will be written, {_shown(free)} are free"
    if needed > free:
        raise InputError.one(folder.name, "", f"{text}: make room, or log and read more seldom")
    return text


def _shown(size: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"


def doubts(folder: Path) -> list[str]:
    """Return why evidence may be lost or held up in a folder; it may not be there yet."""
    there = _there(folder).resolve()
    found = []
    kind = _file_system(there)
    if kind in _KINDS:
        found.append(f"{there} ({kind}) {_KINDS[kind]}")
    cloud = next((part for part in there.parts if _CLOUD.fullmatch(part)), "")
    if cloud:
        found.append(
            f"{there} is in {cloud}: what synchronises it may hold files open, or write to them"
        )
    takes_s = _keeps_within_s(there)
    if takes_s > SLOW_S:
        found.append(f"{there} takes {takes_s:.1f} s to keep what was written")
    return found


def _there(folder: Path) -> Path:
    return next(path for path in (folder, *folder.resolve().parents) if path.is_dir())


def _file_system(folder: Path) -> str:
    """Return the kind of file system a folder is on, "" where this machine does not say."""
    if not sys.platform.startswith("linux"):
        return ""
    best, kind = "", ""
    for mount, name in _mounts(Path("/proc/self/mountinfo")):
        inside = mount == "/" or folder == Path(mount) or Path(mount) in folder.parents
        if inside and len(mount) >= len(best):
            best, kind = mount, name
    return kind


def _mounts(table: Path) -> Iterator[tuple[str, str]]:
    """Yield where each file system is mounted, and its kind (proc_pid_mountinfo(5))."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 4 and after:
            where = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4])
            yield where, after.split(" ")[0]


def _keeps_within_s(folder: Path) -> float:
    """Return how long it takes until a line is on the disk, s; 0 where nothing can be written."""
    took = []
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            for _ in range(_TRIES):
                began_s = time.monotonic()
                file.write(b"\0" * _LINE_B)
                file.flush()
                os.fsync(file.fileno())
                took.append(time.monotonic() - began_s)
    except OSError:
        return 0.0
    return median(took)
