"""The runs of a report: evidence checked and assessed now, damaged or not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sensorbench.assessment.readings import RunData
from sensorbench.assessment.results import Assessment, Result
from sensorbench.assessment.verify import Verification, verify
from sensorbench.core.errors import BenchError
from sensorbench.core.provenance import Provenance, weakest
from sensorbench.core.verdict import Verdict, overall
from sensorbench.evidence.check import Level
from sensorbench.evidence.journal import Event
from sensorbench.evidence.run import RunReader
from sensorbench.reports.text import clean

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

    @property
    def run_id(self) -> str:
        """Return the run's id; its folder's name where run.json is lost."""
        return clean(self.verification.run_id)

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
        return found is not Provenance.HARDWARE

    def manifest(self, key: str) -> Any:
        """Return an entry of run.json, None where it is missing."""
        return self.reader.manifest.get(key) if self.reader else None

    @property
    def title(self) -> str:
        """Return what was done, as the profile says."""
        return clean(self.manifest("title") or self.run_id)

    @property
    def subject(self) -> str:
        """Return part and lot."""
        part, lot = self.manifest("part"), self.manifest("lot")
        return clean(f"{part}, lot {lot}") if part and lot else "unknown part"

    @property
    def anchor(self) -> str:
        """Return the name of the run's chapter, for links."""
        return f"run-{self.number}"

    def events(self, *kinds: str) -> list[Event]:
        """Return the run's journal entries of those kinds, or all."""
        return list(self.reader.events(*kinds)) if self.reader else []

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

    @property
    def last_day(self) -> date:
        """Return the day (UTC) of the last journal entry."""
        return self.ended.date()

    @property
    def seal(self) -> str:
        """Return the digest that stands for the whole run, "" if it was never sealed."""
        try:
            return str(json.loads((self.root / "seal.json").read_bytes())["seal"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    @property
    def unit_verdicts(self) -> dict[str, Verdict]:
        """Return each unit's verdict, by its serial."""
        return (
            {unit.serial: unit.verdict for unit in self.assessment.units} if self.assessment else {}
        )

    def results(self, phase: str, *names: str) -> dict[str, list[Result]]:
        """Return the results of a phase by serial, in the lot's order."""
        found: dict[str, list[Result]] = {}
        for result in self.assessment.results if self.assessment else ():
            if result.phase == phase and (not names or result.name in names):
                found.setdefault(result.serial, []).append(result)
        return found


def load(roots: Sequence[Path]) -> tuple[Run, ...]:
    """Check, read and assess each run; damage is a finding, never an error."""
    runs = []
    for number, root in enumerate(dict.fromkeys(root.resolve() for root in roots), 1):
        verification = verify(root)
        reader, data = None, None
        try:
            reader = RunReader(root)
            data = RunData(reader)
        except BenchError:
            pass  # the verification's findings say what is wrong
        assessment = _as_far_as_valid(verification)
        runs.append(Run(number, root, verification, reader, data, assessment))
    return tuple(runs)


def _as_far_as_valid(verification: Verification) -> Assessment | None:
    """Return the assessment with the verdicts that the evidence can carry.

    Of damaged evidence nothing is known. Of a run without its seal no unit is PASS; one that failed
    before the run stopped has failed.
    """
    assessment, findings = verification.assessment, verification.findings
    if assessment is None or not findings:
        return assessment
    damaged = any(finding.level is Level.DAMAGE for finding in findings)
    why = f"the evidence is {'damaged' if damaged else 'not complete'}: {findings[0]}"
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
