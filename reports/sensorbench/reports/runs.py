"""The runs of a report: evidence checked and assessed now, once, damaged or not."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.results import Assessment, Reason, Result, Series
from sensorbench.assessment.verify import Verification, verify
from sensorbench.core.errors import BenchError
from sensorbench.core.provenance import Provenance, weakest
from sensorbench.core.verdict import Verdict, overall
from sensorbench.evidence.check import Level
from sensorbench.evidence.events import Selection
from sensorbench.evidence.journal import Event
from sensorbench.evidence.run import RunReader
from sensorbench.profiles.schedule import Schedule
from sensorbench.reports.findings import located
from sensorbench.reports.names import Names
from sensorbench.reports.text import clean, shortened
from sensorbench.reports.words import Words, languages

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Run:
    """One run of the report, `number` from 1. What could not be read is None."""

    number: int
    root: Path
    verification: Verification
    reader: RunReader | None
    data: RunData | None
    assessment: Assessment | None
    _names: dict[str, Names] = field(default_factory=dict, repr=False)

    @property
    def run_id(self) -> str:
        """Return the run's id; its folder's name where run.json is lost."""
        return clean(self.verification.run_id)

    @property
    def schedule(self) -> Schedule | None:
        """Return what was asked, None where it can't be read."""
        return self.data.schedule if self.data else None

    def names(self, words: Words) -> Names:
        """Return what things of this run are called in a language."""
        if words.language not in self._names:
            last = self.events("run_ended")[-1:]
            why = last[0].data.get("reason") if last else None
            ended = why if isinstance(why, Mapping) else {}
            self._names[words.language] = Names(words, self.schedule, ended)
        return self._names[words.language]

    @property
    def is_damaged(self) -> bool:
        """Return whether anything was changed or lost."""
        return any(finding.level is Level.DAMAGE for finding in self.verification.findings)

    @property
    def verdict(self) -> Verdict:
        """Return the verdict over all units."""
        return self.assessment.verdict if self.assessment else Verdict.INVALID

    @property
    def is_simulated(self) -> bool:
        """Return whether any value is simulated; what is not known to be hardware is.

        Every instrument has its say, so that an edited run.json does not take the mark away.
        """
        said = [event.data.get("provenance") for event in self.events("instrument")]
        found = weakest(
            Provenance.HARDWARE if name == Provenance.HARDWARE.value else Provenance.SIMULATED
            for name in (self.manifest("provenance"), *said)
        )
        marked = self.root.name.startswith("SIM-")
        return marked or found is not Provenance.HARDWARE

    def manifest(self, key: str) -> Any:
        """Return an entry of run.json, None where it is missing."""
        return self.reader.manifest.get(key) if self.reader else None

    def title(self, words: Words) -> str:
        """Return what was done, as the profile says."""
        asked = self.schedule.profile.get("title") if self.schedule else None
        return clean(words.said(asked or self.manifest("title") or self.run_id))

    def subject(self, words: Words) -> str:
        """Return parts and lots."""
        lots = list(self.lots)
        if not lots:  # the schedule can't be read: run.json has names only
            parts, known = self.manifest("parts") or (), self.manifest("lots") or ()
            lots = [(", ".join(map(str, parts)), ", ".join(map(str, known)))] if known else []
        told = [words.text("part_and_lot", part=clean(p), lot=clean(lot)) for p, lot in lots]
        return words.sentence(told) if told else words.text("unknown_part")

    @property
    def lots(self) -> Mapping[tuple[str, str], list[str]]:
        """Return the serials of each part and lot."""
        found: dict[tuple[str, str], list[str]] = {}
        for unit in self.schedule.units if self.schedule else ():
            found.setdefault((unit.part, unit.lot), []).append(unit.serial)
        return found

    @property
    def serials(self) -> tuple[str, ...]:
        """Return all serials in the schedule's order."""
        if self.schedule:
            return tuple(unit.serial for unit in self.schedule.units)
        return tuple(unit.serial for unit in self.assessment.units) if self.assessment else ()

    @property
    def anchor(self) -> str:
        """Return the name of the run's chapter, for links."""
        return f"run-{self.number}"

    def events(self, *kinds: str) -> Selection | tuple[()]:
        """Return the run's journal entries of those kinds, or all; each is read when it is used."""
        return self.reader.events(*kinds) if self.reader else ()

    @cached_property
    def retried(self) -> tuple[Mapping[str, int], Sequence[int]]:
        """Return how often what was tried again, and the entries that say so."""
        counts: Counter[str] = Counter()
        seqs = array("q")
        for event in self.events("readout", "monitor", "stream_opened", "safe_state"):
            if event.data.get("retries"):
                counts.update(event.data["retries"])
                seqs.append(event.seq)
        for event, alike in self.reader.journal.log.tally("retry") if self.reader else ():
            counts[str(event.data.get("what", ""))] += alike
        seqs.extend(seqs_of(self.events("retry")))
        return counts, seqs

    @property
    def started(self) -> datetime | None:
        """Return when the first journal entry was written."""
        events = self.events()
        return datetime.fromisoformat(events[0].time) if events else None

    @property
    def ended(self) -> datetime:
        """Return when the last journal entry was written; 1970 if there is none."""
        events = self.events()
        return datetime.fromisoformat(events[-1].time) if events else _EPOCH

    def last_day(self, zone: tzinfo | None) -> date:
        """Return the day of the last journal entry, on the calendar of `zone`."""
        return self.ended.astimezone(zone).date()

    @property
    def seal(self) -> str:
        """Return the digest that stands for the whole run, "" if it was never sealed."""
        try:
            return str(json.loads((self.root / "seal.json").read_bytes())["seal"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return ""

    @property
    def unit_verdicts(self) -> dict[str, Verdict]:
        """Return each unit's verdict, by its serial."""
        units = self.assessment.units if self.assessment else ()
        return {unit.serial: unit.verdict for unit in units}

    @cached_property
    def _by_phase(self) -> dict[str, list[Result]]:
        found: dict[str, list[Result]] = {}
        for result in self.assessment.results if self.assessment else ():
            found.setdefault(result.phase, []).append(result)
        return found

    @cached_property
    def _by_serial(self) -> dict[str, list[Result]]:
        found: dict[str, list[Result]] = {}
        for result in self.assessment.results if self.assessment else ():
            found.setdefault(result.serial, []).append(result)
        return found

    def results(self, phase: str) -> list[Result]:
        """Return the results of a phase."""
        return self._by_phase.get(phase, [])

    def results_of(self, serial: str) -> list[Result]:
        """Return the results of a unit."""
        return self._by_serial.get(serial, [])

    def series(self, phase: str) -> list[Series]:
        """Return the series of a phase."""
        series = self.assessment.series if self.assessment else ()
        return [one for one in series if one.phase == phase]

    def facts(self, phase: str) -> Mapping[str, Any]:
        """Return the facts of a phase."""
        found = self.assessment.facts.get(phase) if self.assessment else None
        return found if isinstance(found, Mapping) else {}


def seqs_of(events: Sequence[Event]) -> Sequence[int]:
    """Return the numbers of entries, without reading them where that can be."""
    return events.seqs if isinstance(events, Selection) else [event.seq for event in events]


def load(roots: Sequence[Path]) -> tuple[Run, ...]:
    """Check, read and assess each run; damage is a finding, never an error."""
    runs = []
    for number, root in enumerate(dict.fromkeys(root.resolve() for root in roots), 1):
        verification = verify(root, afresh=False)
        data = verification.data
        reader = data.run if data else _reader(root)
        assessment = _as_far_as_valid(verification)
        runs.append(Run(number, root, verification, reader, data, assessment))
    return tuple(runs)


def _reader(root: Path) -> RunReader | None:
    try:
        return RunReader(root)
    except BenchError:
        return None  # the verification's findings say what is wrong


def _as_far_as_valid(verification: Verification) -> Assessment | None:
    """Return the assessment with the verdicts that the evidence can carry.

    Of damaged evidence nothing is known. Of a run without its seal no unit is PASS; one that failed
    before the run stopped has failed.
    """
    assessment, findings = verification.assessment, verification.findings
    if assessment is None or not findings:
        return assessment
    damaged = any(finding.level is Level.DAMAGE for finding in findings)
    code = "evidence_damaged" if damaged else "evidence_incomplete"
    told = {name: shortened(located(Words(name), findings[0])) for name in languages()}
    why = Reason(code, {"finding": told})
    units = tuple(
        replace(unit, verdict=Verdict.INVALID, reasons=(why,))
        if damaged or unit.verdict is Verdict.PASS
        else unit
        for unit in assessment.units
    )
    results = assessment.results
    if damaged:
        results = tuple(
            replace(result, verdict=result.verdict and Verdict.INVALID) for result in results
        )
    verdict = overall(unit.verdict for unit in units)
    return replace(assessment, verdict=verdict, units=units, results=results)


def verdict_of(results: Sequence[Result]) -> Verdict | None:
    """Return the verdict over results that were judged, None if none was."""
    judged = [result.verdict for result in results if result.verdict is not None]
    return overall(judged) if judged else None
