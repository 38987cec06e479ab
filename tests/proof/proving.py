"""Proof benches: workspaces as users have them, run on twins in virtual time."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sensorbench.app.commands.attach import attach_files
from sensorbench.assessment.data import RunData
from sensorbench.assessment.results import Result
from sensorbench.assessment.verify import verify
from sensorbench.core.clock import VirtualClock
from sensorbench.core.operator import Question
from sensorbench.core.quantity import Value
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.run import RunReader
from sensorbench.parts.model import Lot, Part
from sensorbench.profiles.schedule import Schedule
from sensorbench.reports.build import build
from sensorbench.reports.fonts import printable
from sensorbench.reports.model import plain
from sensorbench.reports.report import write_report
from sensorbench.reports.runs import load
from sensorbench.run.execute import Outcome, execute, resume
from sensorbench.station.preflight import preflight
from sensorbench.station.simulation import SimulatedOperator
from sensorbench.station.station import Station, open_station
from sensorbench.station.workspace import Job, Workspace, load_job
from sensorbench.world.fields import Constant

START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
SBP1 = ("26100001", "26100002", "26100003")
DESK = ("0F3A11C2", "0F3A11D7")
FULL_SCALE_PA = 100e3  # of an SBP1
Choices = Mapping[str, tuple[str, str]]
Lots = Sequence[tuple[Lot, Part]]


@dataclass(slots=True)
class Bench:
    """A workspace, and the time at which its last run ended: the next one begins then.

    `asked` is what a person was asked in the last run; what is asked is done by the twins.
    """

    workspace: Workspace
    now: datetime = START
    asked: list[Question] = field(default_factory=list)

    def job(self, profile: str, *lots: str, choices: Choices | None = None) -> Job:
        """Return the job of a profile on lots."""
        return load_job(self.workspace, profile, lots, choices)

    def check(self, profile: str, *lots: str) -> Schedule:
        """Return the schedule that `check` accepts. Raises InputError."""
        return preflight(self.job(profile, *lots), self.now)

    def run(self, profile: str, *lots: str, choices: Choices | None = None) -> Outcome:
        """Run a profile on lots."""
        job = self.job(profile, *lots, choices=choices)
        return self._with(job.lots, lambda station: execute(self.workspace, job, station))

    def attach(
        self,
        parked: Outcome,
        *said: str,
        units: Mapping[str, str] | None = None,
        days_later: float = 0.0,
    ) -> None:
        """Attach what a parked run waits for: a PDF, words, and a table of the units' results."""
        assert parked.parked is not None
        self.now += timedelta(days=days_later)
        folder = self.workspace.root / "from elsewhere"
        folder.mkdir(exist_ok=True)
        files = [folder / "report.pdf"]
        files[0].write_bytes(PDF)
        if units:
            files.append(folder / "results.csv")
            rows = "".join(f"{serial},{result}\n" for serial, result in units.items())
            files[1].write_text(f"serial,result\n{rows}", encoding="utf-8")
        point = str(parked.parked["point"])
        clock = VirtualClock(self.now)
        attach_files(self.workspace.root, parked.root.name, point, files, said, clock=clock)

    def resume(self, parked: Outcome) -> Outcome:
        """Go on with a parked run."""
        lots = self.workspace.load_lots()
        return self._with(lots, lambda station: resume(parked.root, station))

    def _with(self, lots: Lots, work: Callable[[Station], Outcome]) -> Outcome:
        memory, clock = self.workspace.load_memory(), VirtualClock(self.now)
        file = self.workspace.load_station()
        with open_station(file, clock, lots, memory) as station:
            outcome = work(station)
            assert isinstance(station.operator, SimulatedOperator)
            self.asked = station.operator.asked
        self.workspace.save_memory(memory)
        self.now = clock.utc()
        return outcome

    def known(
        self, lot: str, there: Mapping[str, Value], fresh: bool = True, **settings: Any
    ) -> dict[str, dict[str, float]]:
        """Return by serial what the same units read where the world is known exactly.

        No chamber, no reference, no bench: the fields of the world are just `there`. `fresh` units
        remember nothing of what was done to them.
        """
        file, made = self.workspace.load_station(), self.workspace.load_lot(lot)
        part = self.workspace.load_part(made.lot.part)
        memory = {} if fresh else self.workspace.load_memory()
        clock = VirtualClock(self.now)
        found: dict[str, dict[str, float]] = {}
        with open_station(file, clock, [(made, part)], memory) as station:
            assert station.bench is not None
            world = station.bench.world
            world.changing()
            for where, value in there.items():
                world.zone().bind(where, Constant(value))
            for unit, socket in zip(made.unit, file.socket, strict=False):
                station.bench.plug(unit.serial, unit.socket or socket.id)
                clock.sleep(1.0)
                sensor = station.sensor(unit.socket or socket.id, part)
                sensor.prepare(**settings)
                clock.sleep(sensor.start())
                values = sensor.read().values.mean(axis=0)
                names = [channel.name for channel in sensor.CHANNELS]
                found[unit.serial] = dict(zip(names, map(float, values), strict=True))
        return found


def prove(outcome: Outcome, folder: Path) -> str:
    """Return the report as HTML, once the evidence is whole and every result follows from it.

    The report is in both languages, as HTML and PDF, and has a glyph for every character.
    """
    found = verify(outcome.root)
    assert found.is_whole, [str(finding) for finding in found.findings]
    assert not found.changed
    assert found.verdict is outcome.assessment.verdict
    return reported(outcome, folder)


def reported(outcome: Outcome, folder: Path) -> str:
    """Return the report of a run, whole or not, as HTML, once both formats could be written."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a plot warns where a font lacks a glyph
        written = write_report([outcome.root], ("html", "pdf"), folder, UTC, languages=("en", "zh"))
    html = written["html"].read_text(encoding="utf-8")
    assert printable(html) == html
    assert all(title in html for title in RunReader(outcome.root).manifest["title"].values())
    # The standards that the PDF keeps make a missing glyph an error when it is made.
    assert written["pdf"].read_bytes().startswith(b"%PDF")
    assert english_in_chinese(outcome) == []
    return html


def english_in_chinese(outcome: Outcome) -> list[str]:
    """Return English that stands on the Chinese pages, but as somebody's or something's own words.

    Three small words in a row are a sentence; names, commands and files are none.
    """
    report = build(load([outcome.root]), UTC, ("zh",))
    reader = RunReader(outcome.root)
    own = [str(reader.manifest.get(key) or "") for key in ("station", "location")]
    for event in reader.events("instrument", "unit"):
        own += map(str, (event.data.get("identity") or {}).values())
    for event in reader.events("twins"):
        for twin, programs in event.data["proved_by"].items():
            own += [*programs, twin]
    found: list[str] = []

    def look(value: object) -> None:
        if isinstance(value, str):
            text = re.sub("“[^”]*”", "", value)
            for name in filter(None, own):
                text = text.replace(name, "")
            if re.search(r"([a-z]{2,}[ ,;:]+){2}[a-z]{2,}", text):
                found.append(value)
        elif isinstance(value, dict):
            for key, part in value.items():
                if key != "svg":
                    look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)

    look(plain(report)["parts"])
    return found


def passes(outcome: Outcome) -> bool:
    """Return whether every unit passed."""
    return outcome.assessment.verdict is Verdict.PASS


def results_of(
    outcome: Outcome, measure: str, channel: str = "", phase: str = "", drift: bool = False
) -> list[Result]:
    """Return the results of a measure, of one channel and one phase if they are named."""
    found = [
        result
        for result in outcome.assessment.results
        if result.measure == measure
        and result.is_drift is drift
        and channel in ("", result.channel)
        and phase in ("", result.phase)
    ]
    assert found, f"no {measure} of {channel or 'any channel'}"
    return found


def data_of(outcome: Outcome) -> RunData:
    """Return a run's evidence as arrays."""
    return RunData.read(outcome.root)


def journal(outcome: Outcome, *kinds: str) -> list[Mapping[str, Any]]:
    """Return the data of a run's events of those kinds."""
    return [event.data for event in RunReader(outcome.root).events(*kinds)]
