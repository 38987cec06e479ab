"""Write long runs and read them with every command: what it takes at the end against the start.

python tools/try_endurance.py [EVENTS] [STREAM_S] [FOLDER] > table.md

A stress of 1000 hours with EVENTS entries (10^7) is written and sealed, then verified, shown,
listed and reported, each by a process of its own and twice. Then streams are written as parts send
them, each for STREAM_S (3600) seconds of virtual time: 231 units x 6 channels x 100 Hz, on the disk
every second, and 77 units x 3 axes x 6.6 kHz; sums are compared as read back. Takes some 20 minutes
and 15 GB in FOLDER, else in a temporary folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.evidence.endurance import read, resident, write

from sensorbench.core.clock import VirtualClock
from sensorbench.evidence.cache import CACHE
from sensorbench.evidence.run import Column, RunReader, RunWriter

RUN = "SIM-20260601-200000-endurance"
COMMANDS = (("verify", RUN), ("verify", RUN), ("show", RUN), ("show", RUN), ("runs",), ("runs",),
            ("report", RUN), ("report", RUN))  # fmt: skip
BLOCK = 512
"""Samples that a part's FIFO holds."""


def row(*cells: object) -> None:
    """Print a row of the table."""
    sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
    sys.stdout.flush()


def long_run(folder: Path, events: int) -> None:
    """Write the run and read it with every command."""
    root = folder / "evidence" / RUN
    root.parent.mkdir()
    (folder / "station.toml").touch()
    began = time.perf_counter()
    run = write(root, events)
    took_s = time.perf_counter() - began
    tenth = len(run.costs) // 10
    costs, busy = np.array(run.costs) * 1e6, np.array(run.busy) * 1e6
    ends = [f"{median(c[:tenth]):.1f} to {median(c[-tenth:]):.1f}" for c in (costs, busy)]
    row("written", f"{took_s:.0f} s", f"{max(run.memory) / 2**20:.0f} MiB",
        f"{ends[0]} us an event from start to end, {ends[1]} of them computing; "
        f"memory {run.memory[tenth] / 2**20:.0f} to {run.memory[-1] / 2**20:.0f} MiB")  # fmt: skip
    for number, command in enumerate(COMMANDS):
        found = read(folder, *command)
        told = [line.strip() for line in found.said if RUN not in line or "PASS" in line]
        again = "second time" if number % 2 else "first time"
        row(
            f"{command[0]}, {again}",
            f"{found.took_s:.1f} s, {found.busy_s:.1f} s of it computing",
            f"{found.bytes / 2**20:.0f} MiB",
            f"exit {found.code}: {(told or found.said)[0]}",
        )


def streamed(
    root: Path, units: int, channels: int, rate_hz: int, seconds: int
) -> tuple[RunWriter, np.ndarray]:
    """Write a stream of each unit, on the disk every second of virtual time; return the sums.

    Sums have shape (units, channels).
    """
    clock = VirtualClock()
    writer = RunWriter(root, clock, {"provenance": "simulated"}, {})
    columns = [Column(f"axis_{k}", "m/s2", 9.80665 / 2048) for k in range(channels)]
    writer.declare("stream-rest-imu", columns)
    chance = np.random.default_rng(7)
    noise = chance.integers(-2000, 2000, (rate_hz * 2, channels)).astype(np.int16)
    sums = np.zeros((units, channels), dtype=np.int64)
    counts = [min(BLOCK, rate_hz - k) for k in range(0, rate_hz, BLOCK)]
    for second in range(seconds):
        clock.sleep(1.0)
        ends = (second + np.cumsum(counts) / rate_hz).tolist()
        starts = [float(second), *ends[:-1]]
        for unit in range(units):
            rows = noise[(first := (unit * 37 + second * 11) % rate_hz) : first + rate_hz]
            sums[unit] += rows.sum(axis=0, dtype=np.int64)
            writer.append(
                "stream_data",
                {"point": "rest", "unit": unit, "count": counts, "start_s": starts, "end_s": ends,
                 "overflow": False, "saturated": False},
                {"stream-rest-imu": rows},
            )  # fmt: skip
        writer.commit()
    return writer, sums


def stream(folder: Path, name: str, units: int, channels: int, rate_hz: int, seconds: int) -> None:
    """Write a stream and read it back; print how fast, and whether the sums agree."""
    root, before = folder / name, resident()
    began = time.perf_counter()
    writer, sums = streamed(root, units, channels, rate_hz, seconds)
    took_s = time.perf_counter() - began
    grew = (resident() - before) / 2**20
    writer.close()
    what = f"{units} x {channels} x {rate_hz} Hz"
    row(f"{what} written", f"{took_s:.0f} s", f"{grew:+.0f} MiB",
        f"{seconds / took_s:.1f} times real time, on the disk every second")  # fmt: skip
    began = time.perf_counter()
    run, found = RunReader(root), np.zeros_like(sums)
    for event in run.events("stream_data"):
        rows = run.samples(event, "stream-rest-imu")
        found[event.data["unit"]] += rows.sum(axis=0, dtype=np.int64)
    took_s = time.perf_counter() - began
    agree = "all sums agree" if (found == sums).all() else "SUMS DIFFER"
    row(f"{what} read", f"{took_s:.0f} s", f"{resident() / 2**20:.0f} MiB", agree)
    shutil.rmtree(root)


@contextlib.contextmanager
def room(name: str | None) -> Iterator[Path]:
    """Give a folder that is there and empty, and what is kept of runs in it."""
    with tempfile.TemporaryDirectory(dir=name, prefix="endurance-") as folder:
        os.environ[CACHE] = f"{folder}/cache"
        yield Path(folder)


def main() -> None:
    """Print a row for everything that was done: how long, how much memory, what came of it."""
    events = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10**7
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 3600
    with room(sys.argv[3] if len(sys.argv) > 3 else None) as folder:
        row(f"{events} events", "took", "memory", "")
        row("---", "---", "---", "---")
        long_run(folder, events)
        shutil.rmtree(folder / "evidence")
        stream(folder, "slow", 231, 6, 100, seconds)
        stream(folder, "fast", 77, 3, 6600, seconds)


if __name__ == "__main__":
    main()
