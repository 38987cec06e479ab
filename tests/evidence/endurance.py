"""A long stress as a run writes it, with any number of events: for what reads long runs.

1000 hours at 125 degC in virtual time: a log row of six meters a log period, one entry each,
retries between, a monitor every four hours, parameters before and after. Its results are a PASS.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sensorbench.profiles.schedule import Hold, Step

from ..reports.reports.conftest import PART, SOAK
from ..reports.reports.player import LIMITS, REST, Player, sbp1, schedule_of

PROGRAM = """
import atexit, sys
from pathlib import Path
def peak():
    (line,) = [l for l in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in l]
    print(line, file=sys.stderr)
atexit.register(peak)
from sensorbench.app.main import main
main()
"""
"""The program, which says at its end how much memory it had at most."""
HOURS = 1000
SHARE = 0.7
"""Of the events that are log rows; the others are retries."""
PROFILE = """
id = "endurance"
title = "A thousand hours"
source = "made to see whether long runs are read"
log = "{log_s} s"
{soak}
[[phase]]
kind = "stress"
name = "bake"
set = [{{ supply = "max" }}, {{ temperature = "125 degC" }}]
hours = "{hours} h"
test = {{ before = ["room"], after = ["room"], within = "96 h" }}
monitor = {{ every = "4 h" }}
"""


def answer(serial: str, channel: str, applied: Mapping[str, Any], t: float) -> float:
    """Return what a unit answers: what is applied, and a little of its own."""
    pressure = float(applied.get("pressure") or REST["pressure"])
    temperature = float(applied.get("temperature") or REST["temperature"])
    own = (int(serial) % 7 - 3) * 5.0
    return {"pressure": pressure + own, "temperature": temperature + 0.05}.get(channel, 1000.0)


@dataclass
class LongRun(Player):
    """Writes the run; `costs` are seconds an event, a value for each hundredth of the hold.

    `busy` are those of the processor alone, without waiting for the disk; `memory` is in bytes.
    """

    costs: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def _hold(self, step: Step, action: Hold) -> None:
        self._log()
        self._flush()
        start, period = self.now, float(self.schedule.profile["log_s"])
        count = round(action.credit_s / period)
        monitor = next(iter(self.open.values()), None)
        often = round((monitor.every_s if monitor and monitor.every_s else 1e9) / period)
        rows = self._rows()
        values, u = rows[:, 3:6].copy(), np.ptp(rows[:, 3:5], axis=1) / 8
        noise = self.random.normal(0.0, 1.0, (1013, len(rows), 1)) * u[None, :, None]
        began, busy_s, since, done = time.perf_counter(), time.process_time(), 0, 0
        for number in range(1, count + 1):
            self.clock.sleep(period)
            rows[:, 0] = self.now
            rows[:, 3:6] = values + noise[number % len(noise)]
            self.evidence.append("log", {"credit_s": None}, {"log": rows})
            for _ in range(int(number * (1 / SHARE - 1)) - done):
                done += 1
                data = {"what": f"S{done % 24 + 1}", "reason": "no acknowledge at 0x48"}
                self.evidence.append("retry", data)
            if monitor is not None and number % often == 0:
                self._read("monitor", monitor)
            if number % 1024 == 0:
                self.evidence.commit()
            if number % (count // 100 or 1) == 0:
                now, used_s = time.perf_counter(), time.process_time()
                self.costs.append((now - began) / (number + done - since))
                self.busy.append((used_s - busy_s) / (number + done - since))
                self.memory.append(resident())
                began, busy_s, since = now, used_s, number + done
        self.evidence.append(
            "hold",
            {"phase": action.phase, "zone": step.zone, "from_s": action.done_s, "start_s": start,
             "end_s": self.now, "credit_s": action.credit_s, "asked_s": action.credit_s},
        )  # fmt: skip

    def _rows(self) -> np.typing.NDArray[np.float64]:
        rows = []
        for number, meter in enumerate(self.meters):
            where = meter["address"]
            value = float(self.applied.get(where) or REST[where])
            noise = LIMITS[where][2]
            rows.append((0.0, number, 0, value - noise, value + noise, value, 10, 0))
        return np.array(rows)


def resident() -> int:
    """Return how many bytes of memory this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@dataclass(frozen=True, slots=True)
class Reading:
    """What a command said, its exit code, how long it took, and its most bytes of memory.

    `busy_s` is the time of the processor alone: other programs may have it, too.
    """

    code: int
    said: list[str]
    took_s: float
    busy_s: float
    bytes: int


def read(folder: Path, *command: str) -> Reading:
    """Run a command of the program in a workspace, in a process of its own."""
    began, before = time.perf_counter(), os.times()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command], cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    took_s, after = time.perf_counter() - began, os.times()
    busy_s = after.children_user + after.children_system
    busy_s -= before.children_user + before.children_system
    *said, peak = f"{done.stdout}{done.stderr}".splitlines()
    return Reading(done.returncode, said, took_s, busy_s, int(peak.split()[1]) * 1024)


def write(root: Path, events: int, units: int = 24) -> LongRun:
    """Write a run of about so many events into `root`, sealed."""
    log_s = HOURS * 3600 / (SHARE * events)
    text = PROFILE.format(log_s=log_s, soak=SOAK, hours=HOURS)
    lot, part = sbp1("L1", units, PART)
    run = LongRun(root, schedule_of(text, [(lot, part)]), answer)
    run.play()
    return run
