"""verify: is the evidence whole, and does every stored result follow from it?

Results are computed again with the rules that are installed. The same version of a rule must give
the same number, or else it is damage; another version's differences are listed; a rule that is not
installed is said, and its stored results stand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensorbench.assessment.assess import KINDS, RESULTS_FILE, assess
from sensorbench.assessment.data import RunData
from sensorbench.assessment.fit import fit_units
from sensorbench.assessment.measuring import MEASURES, OWN_RULES
from sensorbench.assessment.reasons import GENERAL
from sensorbench.assessment.results import Assessment, as_json, from_json
from sensorbench.core.errors import BenchError, EvidenceError
from sensorbench.core.folders import leads_nowhere, lost_link
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


def verify(root: Path, afresh: bool = True) -> Verification:
    """Check the files of a run, compute its results again and compare; never raises for damage.

    Without `afresh` files that were whole, and that nobody wrote since, are not read for it again.
    """
    if target := leads_nowhere(root):
        lost = Finding(Level.DAMAGE, root.name, lost_link(target))
        return Verification(root.name, "unknown", (lost,), None)
    root = root.resolve()
    findings, noticed = check(root, afresh), tuple(notes(root))
    try:
        run = RunReader(root)
    except EvidenceError:  # `check` says so
        return Verification(root.name, "unknown", tuple(findings), None, notes=noticed)
    try:
        data = RunData.of(run)
        assessment = assess(data)
        damage, changed = _compare(root, as_json(assessment), run.is_sealed)
        absent = _not_installed(data)
        if absent and run.is_sealed:
            # Nobody here can compute them again: what was sealed stands, and that is said.
            assessment = from_json(json.loads((root / "derived" / RESULTS_FILE).read_bytes()))
            damage = []
            text = "is not installed here: the stored results stand"
            changed = [_Wrong(f"{rule} {text}") for rule in absent]
        findings += [one.found(f"derived/{RESULTS_FILE}") for one in damage]
        findings += [one.found("journal.jsonl") for one in _coefficients(data)]
    except (
        BenchError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        # The files above name what was changed; here it only stops the computation.
        said = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
        text = f"results can't be computed again: {said}"
        findings.append(_Wrong(text, "not_computed", {"error": said}).found(root.name))
        return Verification(root.name, "unknown", tuple(findings), None, notes=noticed)
    return Verification(
        run.run_id, run.provenance.value, tuple(findings), assessment, data,
        tuple(one.text for one in changed), noticed,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What differs, in English and as a code with its values."""

    text: str
    code: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def found(self, file: str) -> Finding:
        return Finding(Level.DAMAGE, file, self.text, self.code, self.values)

    def at(self, where: str) -> _Wrong:
        return _Wrong(f"{where}: {self.text}", self.code, {"where": where, **self.values})


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


def _compare(
    root: Path, computed: dict[str, Any], sealed: bool
) -> tuple[list[_Wrong], list[_Wrong]]:
    """Return what differs by the same rule, and what another version of a rule gives."""
    path = root / "derived" / RESULTS_FILE
    if not path.is_file():
        return ([_Wrong("is missing", "missing")] if sealed else []), []
    try:
        stored = json.loads(path.read_bytes())
        rows = {_key(row): row for row in stored["results"]}
        rules = dict(stored["rules"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        text = f"is no list of results: {error}"
        return [_Wrong(text, "no_results", {"error": str(error)})], []
    # What was stored went through JSON; so does what is compared with it.
    computed = json.loads(json.dumps(computed))
    again = {_key(row): row for row in computed["results"]}
    damage: list[_Wrong] = []
    changed: list[_Wrong] = []
    for key in dict.fromkeys([*rows, *again]):
        same_rule, wrong = _difference(rows.get(key), again.get(key), rules, computed["rules"])
        if wrong:
            (damage if same_rule else changed).append(wrong.at(" ".join(filter(None, key[:5]))))
    if not damage and not changed:
        units = {u["serial"]: u["verdict"] for u in computed["units"]}
        for unit in stored.get("units", ()):
            now = units.get(unit.get("serial"))
            if now != unit.get("verdict"):
                damage.append(_verdict(unit.get("verdict"), now).at(str(unit.get("serial"))))
        if stored.get("verdict") != computed["verdict"]:
            damage.append(_verdict(stored.get("verdict"), computed["verdict"]).at(root.name))
    return _first(damage), _first(changed)


def _verdict(stored: object, computed: object) -> _Wrong:
    return _differs([("verdict", stored, computed)])


def _differs(parts: Sequence[tuple[str, object, object]]) -> _Wrong:
    told = [f"{name} is {one!r}, computed again it is {two!r}" for name, one, two in parts]
    rows = [{"name": name, "stored": one, "computed": two} for name, one, two in parts]
    return _Wrong("; ".join(told), "differs", {"parts": rows})


def _first(found: list[_Wrong]) -> list[_Wrong]:
    if len(found) <= _MOST:
        return found
    more = len(found) - _MOST
    return [*found[:_MOST], _Wrong(f"and {more} more differences", "more", {"n": more})]


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
) -> tuple[bool, _Wrong | None]:
    """Return whether the rules are the same, and what differs, None if nothing."""
    row = stored or computed or {}
    measure = str(row.get("measure", ""))
    known = measure in plugins(MEASURES) or measure in plugins(KINDS) or measure in OWN_RULES
    if computed is None and not known:
        return False, _Wrong("its rule is not installed here; the stored result stands")
    # A result is shaped by its measure's rule and by its kind's.
    kinds = {name: rule for name, rule in old_rules.items() if name in plugins(KINDS)}
    then = stored["rule"] if stored else old_rules.get(measure)
    now = computed["rule"] if computed else new_rules.get(measure, then)
    same = then == now and all(new_rules.get(name) == rule for name, rule in kinds.items())
    if stored is None:
        return same, _Wrong("was not stored", "not_stored")
    if computed is None:
        return same, _Wrong("does not follow from the evidence", "not_following")
    parts: list[tuple[str, object, object]] = []
    for name in ("value", "verdict", "low", "high", "uncertainty", "unit"):
        one, two = stored.get(name), computed.get(name)
        if not _same(one, two, stored):
            parts.append((name, one, two))
    before, now_said = (
        [GENERAL.get(r["code"], r["code"]) for r in row.get("reasons", ())]
        for row in (stored, computed)
    )
    if before != now_said:
        parts.append(("reasons", before, now_said))
    return same, _differs(parts) if parts else None


def _same(stored: Any, computed: Any, row: Mapping[str, Any]) -> bool:
    """Compare values; another machine's linear algebra may differ in the last bits of a float."""
    if isinstance(stored, int | float) and isinstance(computed, int | float):
        ends = [row.get("low"), row.get("high")]
        width = max((abs(end) for end in ends if isinstance(end, int | float)), default=0.0)
        return math.isclose(stored, computed, rel_tol=_CLOSE, abs_tol=_CLOSE * width + 1e-15)
    return bool(stored == computed)


def _coefficients(data: RunData) -> Iterator[_Wrong]:
    """Fit every unit again from the raw counts and compare with what the run wrote to the parts."""
    for event in data.events("fact"):
        if event.data["verb"] != "write":
            continue
        fact = event.data["fact"]
        fitted = fit_units(data, fact["fit"])
        for serial, words in fact["words"].items():
            computed = fitted.words.get(serial)
            if not _within_one(words, computed):
                text = (
                    f"event {event.seq}: the coefficients planned for {serial} are {words}, "
                    f"computed again they are {computed}"
                )
                told = {"seq": event.seq, "serial": serial, "stored": words, "computed": computed}
                yield _Wrong(text, "coefficients", told)


def _within_one(written: list[int], computed: list[int] | None) -> bool:
    """Compare stored words; the last bits of a fit may round to the neighbouring word."""
    return (
        computed is not None
        and len(written) == len(computed)
        and all(abs(one - other) <= 1 for one, other in zip(written, computed, strict=True))
    )
