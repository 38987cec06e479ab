"""verify: is the evidence whole, and does every stored result follow from it?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorbench.assessment.assess import RESULTS_FILE, assess
from sensorbench.assessment.calibration import fit_lot
from sensorbench.assessment.readings import RunData
from sensorbench.assessment.results import Assessment, as_json
from sensorbench.core.calibration import FixedPointPolynomial
from sensorbench.core.errors import BenchError
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.check import Finding, Level, check
from sensorbench.evidence.run import RunReader

_MOST = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """What verify found; `assessment` is the one recomputed now, None if that was impossible."""

    run_id: str
    provenance: str
    findings: tuple[Finding, ...]
    assessment: Assessment | None

    @property
    def is_whole(self) -> bool:
        """Return whether nothing at all is wrong."""
        return not self.findings

    @property
    def verdict(self) -> Verdict:
        """Return the run's verdict: INVALID where the evidence is damaged or can't be read."""
        damaged = any(finding.level is Level.DAMAGE for finding in self.findings)
        return Verdict.INVALID if damaged or self.assessment is None else self.assessment.verdict


def verify(root: Path) -> Verification:
    """Check the files of a run, recompute its results and compare; never raises for damage."""
    root = root.resolve()
    findings = check(root)
    try:
        run = RunReader(root)
        assessment = assess(run)
        findings += [
            Finding(Level.DAMAGE, f"derived/{RESULTS_FILE}", text)
            for text in _differences(root, as_json(assessment), run.is_sealed)
        ]
        findings += [Finding(Level.DAMAGE, "journal.jsonl", text) for text in _coefficients(run)]
    except (
        BenchError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        # The files above name what was changed; here it only stops the recomputation.
        text = f"results can't be recomputed: {type(error).__name__}: {error}"
        findings.append(Finding(Level.DAMAGE, root.name, text))
        return Verification(root.name, "unknown", tuple(findings), None)
    return Verification(run.run_id, run.provenance.value, tuple(findings), assessment)


def _differences(root: Path, computed: dict[str, Any], sealed: bool) -> Iterator[str]:
    path = root / "derived" / RESULTS_FILE
    if not path.is_file():
        if sealed:
            yield "is missing"
        return
    try:
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        yield f"is not JSON: {error}"
        return
    # What was stored went through JSON; so does what is compared with it.
    computed = json.loads(json.dumps(computed))
    if stored == computed:
        return
    found = list(_compare(stored, computed, ""))
    yield from found[:_MOST]
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST} more differences"


def _compare(stored: Any, computed: Any, where: str) -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(computed, dict):
        for key in sorted(stored.keys() | computed.keys()):
            name = f"{where}.{key}" if where else key
            yield from _compare(stored.get(key), computed.get(key), name)
    elif isinstance(stored, list) and isinstance(computed, list) and len(stored) == len(computed):
        for number, (one, other) in enumerate(zip(stored, computed, strict=True)):
            yield from _compare(one, other, f"{where}[{_label(other, number)}]")
    elif not _same(stored, computed):
        yield f"{where} is {stored!r}, recomputed it is {computed!r}"


def _same(stored: Any, computed: Any) -> bool:
    """Compare values; another machine's linear algebra may differ in the last bits of a float."""
    if isinstance(stored, float) and isinstance(computed, float | int):
        return math.isclose(stored, computed, rel_tol=1e-9, abs_tol=1e-9)
    return bool(stored == computed)


def _label(item: Any, number: int) -> str:
    if isinstance(item, dict) and "serial" in item:
        return " ".join(str(item[key]) for key in ("serial", "name", "at") if item.get(key))
    return str(number)


def _coefficients(run: RunReader) -> Iterator[str]:
    """Fit the lot again from the raw counts and compare with what the run wrote to the parts."""
    data = RunData(run)
    for event in run.events("calibration"):
        formats = [
            FixedPointPolynomial(**{**form, "terms": tuple(map(tuple, form["terms"]))})
            for form in event.data["formats"]
        ]
        fit = fit_lot(data, event.data["fit"], formats)
        for number, serial in enumerate(data.serials):
            written = event.data["units"].get(serial, {}).get("written")
            computed = None if serial in fit.problems else fit.stored[number].tolist()
            if written is not None and not _within_one(written, computed):
                yield (
                    f"event {event.seq}: the coefficients written to {serial} are {written}, "
                    f"recomputed they are {computed}"
                )


def _within_one(written: list[int], computed: list[int] | None) -> bool:
    """Compare stored words; the last bits of a fit may round to the neighbouring word."""
    return (
        computed is not None
        and len(written) == len(computed)
        and all(abs(one - other) <= 1 for one, other in zip(written, computed, strict=True))
    )
