"""verify: is the evidence whole, and does every stored result follow from it?

Results are computed again with the rules that are installed. The same version of a rule must give
the same number, or else it is damage; another version's differences are listed; a rule that is not
installed is said, and its stored results stand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorbench.assessment.assess import KINDS, RESULTS_FILE, assess
from sensorbench.assessment.data import RunData
from sensorbench.assessment.fit import fit_units
from sensorbench.assessment.measuring import MEASURES, OWN_RULES
from sensorbench.assessment.reasons import GENERAL
from sensorbench.assessment.results import Assessment, as_json, from_json
from sensorbench.core.errors import BenchError
from sensorbench.core.plugins import plugins
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.check import Finding, Level, check, notes
from sensorbench.evidence.run import RunReader

_MOST = 20
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Verification:
    """What verify found; `assessment` is the one computed now, None if that was impossible.

    `data` is the evidence, decoded once. `changed` says what another version of a rule gives,
    `notes` what was noticed and is nothing wrong.
    """

    run_id: str
    provenance: str
    findings: tuple[Finding, ...]
    assessment: Assessment | None
    data: RunData | None = None
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Return whether nothing at all is wrong."""
        return not self.findings

    @property
    def verdict(self) -> Verdict:
        """Return the run's verdict: INVALID where the evidence is damaged or can't be read.

        Nothing that is incomplete has passed: without its seal nobody says that it is whole.
        """
        damaged = any(finding.level is Level.DAMAGE for finding in self.findings)
        if damaged or self.assessment is None:
            return Verdict.INVALID
        passed = self.assessment.verdict is Verdict.PASS
        return Verdict.INVALID if passed and self.findings else self.assessment.verdict


def verify(root: Path) -> Verification:
    """Check the files of a run, compute its results again and compare; never raises for damage."""
    root = root.resolve()
    findings, noticed = check(root), tuple(notes(root))
    try:
        run = RunReader(root)
        data = RunData.of(run)
        assessment = assess(data)
        damage, changed = _compare(root, as_json(assessment), run.is_sealed)
        absent = _not_installed(data)
        if absent and run.is_sealed:
            # Nobody here can compute them again: what was sealed stands, and that is said.
            assessment = from_json(json.loads((root / "derived" / RESULTS_FILE).read_bytes()))
            damage = []
            changed = [f"{rule} is not installed here: the stored results stand" for rule in absent]
        findings += [Finding(Level.DAMAGE, f"derived/{RESULTS_FILE}", text) for text in damage]
        findings += [Finding(Level.DAMAGE, "journal.jsonl", text) for text in _coefficients(data)]
    except (
        BenchError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        # The files above name what was changed; here it only stops the computation.
        text = f"results can't be computed again: {type(error).__name__}: {error}"
        findings.append(Finding(Level.DAMAGE, root.name, text))
        return Verification(root.name, "unknown", tuple(findings), None, notes=noticed)
    return Verification(
        run.run_id, run.provenance.value, tuple(findings), assessment, data, tuple(changed), noticed
    )


def _not_installed(data: RunData) -> list[str]:
    """Return the kinds and measures of a run that this program can't compute."""
    asks = [ask for phase in data.schedule.phases for ask in phase.get("asks", ())]
    asks += [ask for part in data.schedule.parts.values() for ask in part["parameters"]]
    kinds = [
        f"kind {phase['kind']}"
        for phase in data.schedule.phases
        if phase["kind"] not in plugins(KINDS)
    ]
    measures = [f"measure {a['measure']}" for a in asks if a["measure"] not in plugins(MEASURES)]
    return list(dict.fromkeys([*kinds, *measures]))


def _compare(root: Path, computed: dict[str, Any], sealed: bool) -> tuple[list[str], list[str]]:
    """Return what differs by the same rule, and what another version of a rule gives."""
    path = root / "derived" / RESULTS_FILE
    if not path.is_file():
        return (["is missing"] if sealed else []), []
    try:
        stored = json.loads(path.read_bytes())
        rows = {_key(row): row for row in stored["results"]}
        rules = dict(stored["rules"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        return [f"is no list of results: {error}"], []
    # What was stored went through JSON; so does what is compared with it.
    computed = json.loads(json.dumps(computed))
    again = {_key(row): row for row in computed["results"]}
    damage: list[str] = []
    changed: list[str] = []
    for key in dict.fromkeys([*rows, *again]):
        same_rule, text = _difference(rows.get(key), again.get(key), rules, computed["rules"])
        if text:
            (damage if same_rule else changed).append(f"{' '.join(filter(None, key[:5]))}: {text}")
    if not damage and not changed:
        units = {u["serial"]: u["verdict"] for u in computed["units"]}
        for unit in stored.get("units", ()):
            now = units.get(unit.get("serial"))
            if now != unit.get("verdict"):
                damage.append(f"{unit.get('serial')}: verdict {unit.get('verdict')}, now {now}")
        if stored.get("verdict") != computed["verdict"]:
            damage.append(f"verdict {stored.get('verdict')}, now {computed['verdict']}")
    return _first(damage), _first(changed)


def _first(found: list[str]) -> list[str]:
    if len(found) <= _MOST:
        return found
    return [*found[:_MOST], f"and {len(found) - _MOST} more differences"]


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    at = json.dumps(row.get("at", {}), sort_keys=True)
    names = ("serial", "phase", "measure", "channel", "parameter")
    drift = "drift" if row.get("is_drift") else ""
    return (*(str(row.get(name, "")) for name in names), drift, at)


def _difference(
    stored: Mapping[str, Any] | None,
    computed: Mapping[str, Any] | None,
    old_rules: Mapping[str, str],
    new_rules: Mapping[str, str],
) -> tuple[bool, str]:
    """Return whether the rules are the same, and what differs, "" if nothing."""
    row = stored or computed or {}
    measure = str(row.get("measure", ""))
    known = measure in plugins(MEASURES) or measure in plugins(KINDS) or measure in OWN_RULES
    if computed is None and not known:
        return False, "its rule is not installed here; the stored result stands"
    # A result is shaped by its measure's rule and by its kind's.
    kinds = {name: rule for name, rule in old_rules.items() if name in plugins(KINDS)}
    then = stored["rule"] if stored else old_rules.get(measure)
    now = computed["rule"] if computed else new_rules.get(measure, then)
    same = then == now and all(new_rules.get(name) == rule for name, rule in kinds.items())
    if stored is None:
        return same, "was not stored"
    if computed is None:
        return same, "does not follow from the evidence"
    parts = []
    for name in ("value", "verdict", "low", "high", "uncertainty", "unit"):
        one, two = stored.get(name), computed.get(name)
        if not _same(one, two, stored):
            parts.append(f"{name} is {one!r}, computed again it is {two!r}")
    before, now_said = (
        [GENERAL.get(r["code"], r["code"]) for r in row.get("reasons", ())]
        for row in (stored, computed)
    )
    if before != now_said:
        parts.append("its reasons are others")
    return same, "; ".join(parts)


def _same(stored: Any, computed: Any, row: Mapping[str, Any]) -> bool:
    """Compare values; another machine's linear algebra may differ in the last bits of a float."""
    if isinstance(stored, int | float) and isinstance(computed, int | float):
        ends = [row.get("low"), row.get("high")]
        width = max((abs(end) for end in ends if isinstance(end, int | float)), default=0.0)
        return math.isclose(stored, computed, rel_tol=_CLOSE, abs_tol=_CLOSE * width + 1e-15)
    return bool(stored == computed)


def _coefficients(data: RunData) -> Iterator[str]:
    """Fit every unit again from the raw counts and compare with what the run wrote to the parts."""
    for event in data.events("fact"):
        if event.data["verb"] != "write":
            continue
        fact = event.data["fact"]
        fitted = fit_units(data, fact["fit"])
        for serial, words in fact["words"].items():
            computed = fitted.words.get(serial)
            if not _within_one(words, computed):
                yield (
                    f"event {event.seq}: the coefficients planned for {serial} are {words}, "
                    f"computed again they are {computed}"
                )


def _within_one(written: list[int], computed: list[int] | None) -> bool:
    """Compare stored words; the last bits of a fit may round to the neighbouring word."""
    return (
        computed is not None
        and len(written) == len(computed)
        and all(abs(one - other) <= 1 for one, other in zip(written, computed, strict=True))
    )
