"""Plays a schedule into evidence without a bench: what the runner would write, from plain numbers.

So that reports are tested against evidence that is checked and assessed as any other, of lots and
kinds that no bench of the tests has, and in no time. Units answer with what is applied plus their
own error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sensorbench.assessment.assess import RESULTS_FILE, assess
from sensorbench.assessment.data import RunData
from sensorbench.assessment.fit import fit_units
from sensorbench.assessment.gates import judge_gate
from sensorbench.assessment.results import as_json
from sensorbench.core.clock import VirtualClock
from sensorbench.core.documents import loads
from sensorbench.evidence.run import Column, RunReader, RunWriter
from sensorbench.parts.model import Lot, Part
from sensorbench.parts.values import Wave
from sensorbench.profiles.expand import expand
from sensorbench.profiles.layout import BenchRow, Layout, Zone
from sensorbench.profiles.model import Profile
from sensorbench.profiles.schedule import (
    Band,
    Do,
    Hold,
    Read,
    Release,
    Schedule,
    Set,
    Settle,
    Step,
    action_json,
)

HEAD = (Column("time", "s"), Column("unit", "1"), Column("sweep", "1"))
LOG = tuple(
    Column(name, "1")
    for name in ("time", "meter", "component", "low", "high", "mean", "polls", "implied")
)
REFERENCES = tuple(Column(n, "1") for n in ("time", "sweep", "meter", "component", "value"))
Reading = Callable[[str, str, Mapping[str, Any], float], float | None]
"""Serial, channel, what is applied by address, time in s: what a unit answers, None for nothing."""

LIMITS = {
    "temperature": (-60.0, 160.0, 0.05),
    "pressure": (0.0, 150_000.0, 5.0),
    "supply": (0.0, 5.0, 0.002),
}
REST = {"temperature": 23.0, "pressure": 101_325.0, "supply": 0.0}


def layout(due: str = "2030-01-01", sockets: int = 1000) -> Layout:
    """Return a bench of one zone that sets and knows what `LIMITS` names."""
    rows = {
        where: BenchRow("set", low=low, high=high, planned=(high - low) / 20, fastest=high,
                        reference=True, limit=(0.0, 1.0), vector=False)
        for where, (low, high, _) in LIMITS.items()
    }  # fmt: skip
    told = {
        where: {
            "set": f"source_{where}.out", "reference": f"meter_{where}.in",
            "meters": [f"meter_{where}.in", f"source_{where}.out"], "low": low, "high": high,
            "uncertainty": u, "certificate": f"C-{where}", "due": due,
        }
        for where, (low, high, u) in LIMITS.items()
    }  # fmt: skip
    places = tuple(f"S{n + 1}" for n in range(sockets))
    return Layout({"": Zone(rows, places, told={"benches": told})})


def sbp1(lot: str, units: int, part_text: str, description: str = "") -> tuple[Lot, Part]:
    """Return a lot of a part with serial numbers from 26000001."""
    part = loads(part_text, Part, "part.toml")
    rows = "".join(
        f'[[unit]]\nserial = "{26000001 + n}"\nsocket = "S{n + 1}"\n' for n in range(units)
    )
    head = {"id": lot, "part": "sbp1", "description": description}
    text = "[lot]\n" + "".join(
        f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in head.items()
    )
    return loads(text + rows, Lot, "lot.toml"), part


def schedule_of(profile: str, lots: Sequence[tuple[Lot, Part]], **options: Any) -> Schedule:
    """Return the schedule of a profile's text on the bench of `layout`."""
    return expand(loads(profile, Profile, "profile.toml"), lots, layout(), **options)


@dataclass
class Player:
    """Writes a run. `reading` is what units answer; `extra` events come before the end."""

    root: Path
    schedule: Schedule
    reading: Reading
    provenance: str = "simulated"
    unsettled: Callable[[Band], bool] = lambda _band: False
    extra: Sequence[tuple[str, Mapping[str, Any]]] = ()
    state: str = "complete"
    manifest: Mapping[str, Any] = field(default_factory=dict)
    applied: dict[str, Any] = field(default_factory=dict)
    meters: list[dict[str, str]] = field(default_factory=list)
    waiting: list[tuple[float, ...]] = field(default_factory=list)
    logged: float = -1.0
    bad: dict[str, dict[str, Any]] = field(default_factory=dict)
    open: dict[str, Read] = field(default_factory=dict)

    def play(self) -> Path:
        """Write the whole run, sealed where its state is complete, and return its folder."""
        self.clock = VirtualClock(datetime(2026, 6, 1, 20, 0, tzinfo=UTC))
        text = json.dumps(self.schedule.as_json()).encode()
        manifest = {
            "title": self.schedule.profile["title"], "provenance": self.provenance,
            "station": "bench 1", "location": "room 7", "utc_offset_s": 0.0,
            "software": {"sensorbench": "0.1.0"}, **self.manifest,
        }  # fmt: skip
        self.random = np.random.default_rng(7)
        with RunWriter(self.root, self.clock, manifest, {"schedule.json": text}, 1e9) as evidence:
            self.evidence = evidence
            self._introduce()
            number = 0
            while number < len(self.schedule.steps):
                step = self.schedule.steps[number]
                evidence.append("step", {"step": number, **action_json(step.action)})
                self._act(number, step)
                number += 1
                evidence.append("done", {"step": number - 1, "next": number})
            self._log()
            self._flush()
            for kind, data in self.extra:
                evidence.append(kind, data)
            evidence.append("safe_state", {"problems": []})
            evidence.append("run_ended", {"state": self.state, "reason": {}})
            evidence.commit()
            if self.state == "complete":
                results = as_json(assess(RunReader(self.root)))
                evidence.write_derived(RESULTS_FILE, results)
                evidence.seal()
        return self.root

    @property
    def now(self) -> float:
        return self.clock.now() - self.evidence.start_s

    def _introduce(self) -> None:
        benches = self.schedule.zones[""]["benches"]
        for where, row in benches.items():
            for name in row["meters"]:
                unit = self.schedule.quantities[where]["unit"]
                self.meters.append({"name": name, "zone": "", "address": where, "unit": unit})
            for name in (row["reference"], row["set"]):
                self._instrument(name.partition(".")[0], row if name == row["reference"] else {})
        self.evidence.append("left_over", {"source_temperature": ["ALARM,3"]})
        self.evidence.append("meters", {"meters": self.meters})
        for number, part in enumerate(self.schedule.parts.values()):
            columns = (Column(row["name"], row["unit"]) for row in part["channels"])
            self.evidence.declare(f"units-{number}", (*HEAD, *columns))
        self.evidence.declare("references", REFERENCES)
        self.evidence.declare("log", LOG)
        armed = {
            w: {"by": r["set"], "low": r["low"], "high": r["high"]} for w, r in benches.items()
        }
        self.evidence.append("armed", armed)
        self._log()

    def _instrument(self, name: str, row: Mapping[str, Any]) -> None:
        self.evidence.append(
            "instrument",
            {
                "name": name, "model": "acme_p1",
                "identity": {"manufacturer": "ACME", "model": "P1", "serial": "7",
                             "firmware": "1.2"},
                "serial": "7", "certificate": row.get("certificate", ""),
                "calibration_due": row.get("due"), "provenance": self.provenance,
            },
        )  # fmt: skip

    # -- steps -------------------------------------------------------------------------------

    def _act(self, number: int, step: Step) -> None:
        action = step.action
        if isinstance(action, Set):
            asked = action.target
            plain: Any = list(asked) if isinstance(asked, tuple) else asked
            if isinstance(asked, Wave):
                plain = {"low": asked.low, "high": asked.high, "period_s": asked.period_s}
            self._log()
            self.evidence.append(
                "sent", {"zone": step.zone, "address": action.address, "value": plain,
                         "asked": plain}
            )  # fmt: skip
            self.applied[action.address] = asked.high if isinstance(asked, Wave) else asked
        elif isinstance(action, Settle):
            self._settle(step, action)
        elif isinstance(action, Release) and action.what in self.open:
            del self.open[action.what]
        elif isinstance(action, Release):
            self.applied.pop(action.what, None)
            self.evidence.append("released", {"zone": step.zone, "address": action.what})
        elif isinstance(action, Read) and action.is_open:
            self.open[action.point] = action
        elif isinstance(action, Read):
            self._read("readout", action)
        elif isinstance(action, Hold):
            self._hold(step, action)
        elif isinstance(action, Do):
            self._do(number, step, action)

    def _settle(self, step: Step, action: Settle) -> None:
        failed = [band.address for band in action.bands if self.unsettled(band)]
        took = action.timeout_s if failed else action.for_s + 1.0
        self._pass(took)
        names = [band.address for band in action.bands]
        self.evidence.append(
            "soak",
            {"zone": step.zone, "addresses": names, "settled": not failed, "took_s": took},
        )
        for band in action.bands:
            self.bad.pop(band.address, None)
            if band.address in failed:
                self.bad[band.address] = {
                    "address": band.address, "target": band.target, "within": band.within,
                    "timeout_s": action.timeout_s,
                }  # fmt: skip

    def _hold(self, step: Step, action: Hold) -> None:
        self._log()
        start = self.now
        end = start + action.credit_s
        every = min((read.every_s for read in self.open.values() if read.every_s), default=0.0)
        while self.now < end - 1e-6:
            self._pass(min(every or action.credit_s, end - self.now))
            for read in self.open.values():
                self._read("monitor", read)
        self._flush()
        self.evidence.append(
            "hold",
            {"phase": action.phase, "zone": step.zone, "from_s": action.done_s, "start_s": start,
             "end_s": self.now, "credit_s": action.credit_s, "asked_s": action.credit_s},
        )  # fmt: skip

    def _do(self, number: int, step: Step, action: Do) -> None:
        arguments = dict(action.arguments)
        fact: dict[str, Any] = arguments
        if action.verb == "load":
            sockets = {unit.serial: unit.socket for unit in self.schedule.units}
            fact = {"units": arguments.get("units", ""), "zone": step.zone, "sockets": sockets}
        elif action.verb == "write":
            self.evidence.commit()
            fitted = fit_units(RunData.read(self.root), arguments["fit"])
            fact = {**arguments, "words": fitted.words, "problems": fitted.problems,
                    "condition": fitted.condition}  # fmt: skip
        elif action.verb == "gate":
            self.evidence.commit()
            found = judge_gate(RunData.read(self.root), arguments)
            way = arguments["then"] if found["holds"] else arguments["otherwise"]
            fact = {"gate": arguments["phase"], "of": arguments["of"],
                    "require": arguments["require"], "required": arguments["share"],
                    "share": found["share"], "holds": found["holds"], "why": found["why"],
                    "way": way, "dropped": []}  # fmt: skip
        elif action.verb == "ask":
            fact = {"phase": step.phase, "answer": "seen"}
        elif action.verb == "park" and arguments.get("until") == "attach":
            self._attach(arguments)
        self.evidence.append("fact", {"step": number, "verb": action.verb, "fact": fact})
        if action.verb == "write":
            for serial, words in fact["words"].items():
                outcome = {"written": words, "read_back": words, "locked": False}
                self.evidence.append(
                    "outcome", {"step": number, "unit": serial, "outcome": outcome}
                )

    def _attach(self, arguments: Mapping[str, Any]) -> None:
        file = self.evidence.attach("x-ray", "report.pdf", b"%PDF report of the laboratory")
        units = dict.fromkeys((unit.serial for unit in self.schedule.units), "pass")
        self.evidence.append(
            "attached",
            {"point": arguments["point"], "files": [file], "by": "laboratory north",
             "units": units},
        )  # fmt: skip

    # -- readings ------------------------------------------------------------------------------

    def _read(self, kind: str, action: Read) -> None:
        point = self.schedule.points[action.point]
        sweeps = action.samples if kind == "readout" else 1
        problems: dict[str, Any] = {}
        samples: dict[str, Any] = {}
        for number, (part, row) in enumerate(self.schedule.parts.items()):
            names = [channel["name"] for channel in row["channels"]]
            rows = []
            for index in self.schedule.group(point.units):
                unit = self.schedule.units[index]
                if unit.part != part:
                    continue
                for sweep in range(sweeps):
                    found = [self.reading(unit.serial, n, self.applied, self.now) for n in names]
                    if any(value is None for value in found):
                        problems[unit.serial] = {
                            "error": "NotAcknowledged", "detail": "no device at 0x48",
                            "socket": unit.socket,
                        }  # fmt: skip
                        continue
                    rows.append((self.now, index, sweep, *found))
            if rows:
                samples[f"units-{number}"] = np.array(rows, dtype=float)
        references = [
            (self.now, sweep, n, 0, float(self.applied.get(m["address"], REST[m["address"]])))
            for sweep in range(sweeps)
            for n, m in enumerate(self.meters)
            if m["name"].startswith("meter_")
        ]
        samples["references"] = np.array(references, dtype=float)
        self.evidence.append(
            kind,
            {"point": point.id, "problems": problems, "unsettled": list(self.bad.values()),
             "retries": {}, "sweeps": sweeps},
            samples,
        )  # fmt: skip

    # -- time and log --------------------------------------------------------------------------

    def _pass(self, seconds: float) -> None:
        """Let time pass, with a log row a log period."""
        period = float(self.schedule.profile["log_s"])
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.clock.sleep(min(period, end - self.now))
            self._log()

    def _log(self) -> None:
        if self.logged == self.clock.now():
            return
        self.logged = self.clock.now()
        for number, meter in enumerate(self.meters):
            where = meter["address"]
            value = float(self.applied.get(where) or REST[where])
            noise = LIMITS[where][2] * (1.0 + float(self.random.random()))
            row = (self.clock.now(), number, 0, value - noise, value + noise, value, 10, 0)
            self.waiting.append(row)

    def _flush(self) -> None:
        if self.waiting:
            rows, self.waiting = np.array(self.waiting), []
            self.evidence.append("log", {"credit_s": None}, {"log": rows})
