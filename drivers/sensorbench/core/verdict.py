"""Verdicts and limits: PASS, FAIL or INVALID, and the decision rule that gave it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

ON_THE_LIMIT = 1e-9
"""Share of a limit by which a value may be beyond it and still be on it: rounding of floats."""


class Verdict(Enum):
    """PASS and FAIL are known; INVALID means that the value, or its condition, is not."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INVALID = "INVALID"


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Return FAIL if any failed, else INVALID if any is not known or there is none, else PASS.

    >>> overall([Verdict.PASS, Verdict.INVALID])
    <Verdict.INVALID: 'INVALID'>
    >>> overall([])
    <Verdict.INVALID: 'INVALID'>
    """
    found = set(verdicts)
    if Verdict.FAIL in found:
        return Verdict.FAIL
    return Verdict.PASS if found == {Verdict.PASS} else Verdict.INVALID


@dataclass(frozen=True, slots=True)
class Limits:
    """Acceptance limits, both ends included, in the unit of the measurement.

    `guard_band` (w of ILAC-G8:09/2019) narrows the acceptance zone; 0 is simple acceptance.
    """

    low: float = -math.inf
    high: float = math.inf
    guard_band: float = 0.0

    def judge(self, value: float) -> Verdict:
        """Judge a value; one that is not known is INVALID, never FAIL or PASS.

        >>> Limits(999.0, 1001.0, guard_band=0.25).judge(1000.9)
        <Verdict.FAIL: 'FAIL'>
        >>> Limits(high=2.0).judge(float("nan"))
        <Verdict.INVALID: 'INVALID'>
        """
        if math.isnan(value):
            return Verdict.INVALID
        inside = min(value - self.low, self.high - value)
        # 1.3 - 1.0 is not quite 0.3: a value on its limit is inside, whatever its last bits say.
        ends = [abs(end) for end in (self.low, self.high) if math.isfinite(end)]
        slack = ON_THE_LIMIT * max(ends, default=0.0)
        return Verdict.PASS if inside >= self.guard_band - slack else Verdict.FAIL

    @property
    def rule(self) -> str:
        """Return the decision rule in words, for the report."""
        return (
            f"guarded acceptance, w = {self.guard_band:g}"
            if self.guard_band
            else "simple acceptance"
        )
