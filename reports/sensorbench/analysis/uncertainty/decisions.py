"""Decision rules: simple, guarded, non-binary; and test limits from a gage study.

Sources: ILAC-G8:09/2019, ISO 14253-1:2017, JCGM 106:2012 clause 8, AEC-Q100-009. The rule must be
stated with the result (ISO/IEC 17025:2017, 7.8.6): every result here carries it in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs, ours
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats
from sensorbench.core.verdict import Verdict

MOST_TIMES_U = 100.0
"""A guard band of more times U is none: it is a length in the unit of the values."""


class Outcome(IntEnum):
    """What a rule says of one value; the conditional ones occur in the non-binary rule only."""

    INVALID = -1
    FAIL = 0
    CONDITIONAL_FAIL = 1
    CONDITIONAL_PASS = 2
    PASS = 3

    @property
    def verdict(self) -> Verdict:
        """Return the verdict that a report states; a condition is to be stated beside it."""
        if self is Outcome.INVALID:
            return Verdict.INVALID
        return Verdict.PASS if self >= Outcome.CONDITIONAL_PASS else Verdict.FAIL


@dataclass(frozen=True, slots=True)
class Rule:
    """Guard band w = `multiple` * U, with U for k = 2; `conditional` makes it non-binary."""

    name: str
    multiple: float
    conditional: bool = False

    def __post_init__(self) -> None:
        ours.set_number(self, "multiple", 0.0, MOST_TIMES_U)

    def __str__(self) -> str:
        if not self.multiple:
            return f"{self.name}: w = 0, a value on the limit passes"
        kind = ", conditional within w of a limit" if self.conditional else ""
        return f"{self.name}: w = {self.multiple:g} U (k = 2){kind}"


SIMPLE = Rule("simple acceptance", 0.0)
"""At the limit the risk of a false pass is 50 % (ILAC-G8, 4.2.1)."""
ISO_14253 = Rule("guarded acceptance, ISO 14253-1", 0.83)
"""Risk at the acceptance limit 5 %: 1.65 u = 0.83 U."""
ILAC_G8 = Rule("guarded acceptance, ILAC-G8", 1.0)
"""Risk at the acceptance limit 2.5 %."""
NON_BINARY = Rule("non-binary, ILAC-G8", 1.0, conditional=True)
_RULES = "SIMPLE, ISO_14253, ILAC_G8, NON_BINARY"


@dataclass(frozen=True, slots=True)
class Decision:
    """Outcomes (...) as numbers of `Outcome`, acceptance limits (...) and the rule in words."""

    outcome: npt.NDArray[np.int8]
    accept_low: Floats
    accept_high: Floats
    rule: str

    def verdict(self, *index: int) -> Verdict:
        """Return the verdict of one value."""
        return Outcome(int(self.outcome[index])).verdict


def decide(
    values: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    expanded: npt.ArrayLike,
    rule: Rule,
) -> Decision:
    """Judge values (...) against limits with expanded uncertainty U (k = 2), all that broadcast.

    A limit that does not exist is -inf or inf. Both ends of the acceptance zone belong to it.
    INVALID: a value or U that is not known, U below 0, or an acceptance zone that is empty because
    the guard bands of both limits meet: the measurement can't show conformity by this rule.

    Raises AnalysisError: no values, shapes that don't broadcast, a limit that is NaN, low above
    high.

    >>> decide([9.0, 9.9, 10.2, 11.5], -np.inf, 10.0, 1.0, NON_BINARY).outcome.tolist()
    [3, 2, 1, 0]
    """
    rule = ours.own("rule", rule, Rule, f"{_RULES} or your own")
    y, lower, upper, u_95 = inputs.same_shape(
        "values, limits and U",
        inputs.array("values", values),
        inputs.limits("low", low),
        inputs.limits("high", high),
        inputs.array("expanded", expanded),
    )
    check_limits(lower, upper)
    w = rule.multiple * u_95
    accept_low, accept_high = lower + w, upper - w
    accepted = (y >= accept_low) & (y <= accept_high)
    outcome = np.where(accepted, Outcome.PASS, Outcome.FAIL)
    if rule.conditional and rule.multiple:
        within = (y >= lower) & (y <= upper)
        near = (y >= lower - w) & (y <= upper + w)
        outcome = np.where(near & ~accepted, Outcome.CONDITIONAL_FAIL, outcome)
        outcome = np.where(within & ~accepted, Outcome.CONDITIONAL_PASS, outcome)
    unknown = ~np.isfinite(y) | ~(u_95 >= 0) | ~np.isfinite(u_95) | (accept_low > accept_high)
    outcome = np.where(unknown, Outcome.INVALID, outcome).astype(np.int8)
    return Decision(outcome, accept_low, accept_high, str(rule))


def gage_limits(low: float, high: float, gage_sd: float, g: float = 3.0) -> tuple[float, float]:
    """Return LSL + g s and USL - g s, the limits of the tester; AEC-Q100-009, g 3 or more.

    `gage_sd` is the standard deviation of measurement error from the gage study, in the unit of
    the limits. Raises AnalysisError: g below 3, s not known, or nothing left between the limits.

    >>> gage_limits(0.0, 10.0, 0.5)
    (1.5, 8.5)
    """
    low, high = inputs.limit("low", low), inputs.limit("high", high)
    check_limits(low, high)
    g, gage_sd = inputs.number("g", g, 3.0), inputs.number("gage_sd", gage_sd, 0.0)
    inner_low, inner_high = low + g * gage_sd, high - g * gage_sd
    if inner_low > inner_high:
        raise AnalysisError(
            f"{g:g} * {gage_sd:g} from both limits leaves nothing of {low:g}..{high:g}: the gage "
            "is too coarse for this parameter"
        )
    return inner_low, inner_high


def check_limits(low: npt.ArrayLike, high: npt.ArrayLike) -> None:
    """Raise AnalysisError unless limits are known and low is not above high."""
    low, high = inputs.limits("low", low), inputs.limits("high", high)
    if np.isnan(low).any() or np.isnan(high).any() or np.any(low > high):
        raise AnalysisError("a limit is not known, or the lower one is above the upper one")
