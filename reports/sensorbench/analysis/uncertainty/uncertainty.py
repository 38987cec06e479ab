"""Uncertainty budgets after the GUM (JCGM 100:2008): Type A and B, correlation, k and U.

A component is one row of the budget. Sensitivity coefficients are given; `propagation` finds them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs, ours
from sensorbench.analysis.errors import AnalysisError

Distribution = Literal["normal", "rectangular", "triangular", "arcsine", "resolution"]
Kind = Literal["A", "B"]
Method = Literal["welch_satterthwaite", "convolution"]

FEW_FREEDOM = 3.0
MOST_DOUBT = 10.0
"""Relative; an uncertainty that may be wrong by more is none."""

DIVISORS: dict[Distribution, float] = {
    "rectangular": math.sqrt(3.0),
    "triangular": math.sqrt(6.0),
    "arcsine": math.sqrt(2.0),
    "resolution": 2.0 * math.sqrt(3.0),
}
"""What a half-width (of a resolution: the full step) is divided by; JCGM 100, 4.3.7 to 4.3.9."""


@dataclass(frozen=True, slots=True)
class Component:
    """One input: estimate and standard uncertainty in its own unit, c in measurand per that unit.

    `freedom` is the degrees of freedom behind u, infinite if u is taken as known.
    """

    name: str
    value: float
    u: float
    sensitivity: float = 1.0
    freedom: float = math.inf
    kind: Kind = "B"
    distribution: Distribution = "normal"
    divisor: float = 1.0

    def __post_init__(self) -> None:
        inputs.one_of(f"{self.name}: kind", self.kind, Kind)
        inputs.one_of(f"{self.name}: distribution", self.distribution, Distribution)
        ours.set_number(self, "value")
        ours.set_number(self, "u", 0.0)
        ours.set_number(self, "sensitivity")
        ours.set_endless(self, "freedom")
        ours.set_number(self, "divisor", 0.0, open_ends=True)

    @property
    def contribution(self) -> float:
        """Return c * u in the unit of the measurand, with its sign."""
        return self.sensitivity * self.u


@dataclass(frozen=True, slots=True)
class Budget:
    """The combined result: `expanded` = `k` * `u` covers `probability` of what is reasonable.

    `shares` are the parts of u^2 in %, one for each component; `correlation_share` is what the
    correlations add (or take away). `freedom` is the effective one, not truncated. `note` says
    where `method` is known to hold less than it states; it belongs beside the figure.
    """

    value: float
    u: float
    freedom: float
    k: float
    expanded: float
    probability: float
    components: tuple[Component, ...]
    shares: tuple[float, ...]
    correlation_share: float
    method: Method
    note: str


def type_a(
    name: str,
    readings: npt.ArrayLike,
    sensitivity: float = 1.0,
    resolution: float | None = None,
) -> Component:
    """Return mean and experimental standard deviation of the mean of readings (n,); JCGM 100, 4.2.

    With the `resolution` (a step) of the readings u is at least that / sqrt(12), which does not
    average down; the component is then of Type B. Readings that are all equal need it: 0 if it is
    in the budget apart. Raises AnalysisError for those, and unless there are two known readings.

    >>> round(type_a("repeats", [1.0, 2.0, 3.0, 4.0]).u, 4)
    0.6455
    """
    values = inputs.numbers(name, readings).astype(np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise AnalysisError(
            f"{name}: Type A needs two or more known readings in one row, got {values.tolist()}"
        )
    inputs.measured(name, values)
    step = None if resolution is None else inputs.number(f"{name}: resolution", resolution, 0.0)
    if step is None and not inputs.varied(values):
        raise AnalysisError(
            f"{name}: {len(values)} equal readings do not prove an uncertainty of 0; give their "
            "resolution, or resolution=0 if the budget has it as a component of its own"
        )
    u = float(values.std(ddof=1)) / math.sqrt(len(values))
    mean, rounding = float(values.mean()), (step or 0.0) / DIVISORS["resolution"]
    if rounding > u:
        return Component(
            name, mean, rounding, sensitivity, math.inf, "B", "resolution", DIVISORS["resolution"]
        )
    return Component(name, float(values.mean()), u, sensitivity, len(values) - 1.0, "A")


def type_b(
    name: str,
    value: float,
    half_width: float,
    distribution: Distribution,
    sensitivity: float = 1.0,
    *,
    k: float = 1.0,
    doubt: float = 0.0,
) -> Component:
    """Return what a certificate, a data sheet or a resolution says; JCGM 100, 4.3.

    `half_width` is U of a normal one (divided by `k`), the limit a of +/- a, or the full step of a
    resolution. `doubt` is the relative uncertainty of u itself, which gives 1/(2 doubt^2) degrees
    of freedom (JCGM 100, G.4.2). Raises AnalysisError for a distribution or a number that can't be.

    >>> round(type_b("drift", 0.0, 15.0, "rectangular").u, 2)
    8.66
    >>> type_b("reference", 0.0, 45.0, "normal", k=2.0, doubt=0.25).freedom
    8.0
    """
    inputs.one_of(f"{name}: distribution", distribution, Distribution)
    half_width = inputs.number(f"{name}: half_width", half_width, 0.0)
    k = inputs.number(f"{name}: k", k, 0.0, open_ends=True)
    doubt = inputs.number(f"{name}: doubt", doubt, 0.0, MOST_DOUBT)
    if distribution != "normal" and k != 1.0:
        raise AnalysisError(f"{name}: k must be left out but of a normal distribution, got {k:g}")
    divisor = DIVISORS.get(distribution, k)
    freedom = 0.5 / doubt / doubt if doubt else math.inf
    return Component(
        name, value, half_width / divisor, sensitivity, freedom, "B", distribution, divisor
    )


def combine(
    value: float,
    components: Sequence[Component],
    *,
    correlations: Mapping[tuple[str, str], float] | None = None,
    probability: float = 0.9545,
    k: float | None = None,
    freedom: float | None = None,
    truncate: bool = True,
    method: Method = "welch_satterthwaite",
) -> Budget:
    """Return the budget of a measurand of estimate `value` in its unit; JCGM 100, 5.1, 5.2, G.4.

    u^2 = sum (c_i u_i)^2 + 2 sum c_i c_j u_i u_j r_ij. The effective degrees of freedom are
    Welch and Satterthwaite's, truncated to a whole number before t is looked up (`truncate`); `k`
    given outright is taken as it is. That formula holds for independent inputs only: with
    correlated ones of finite freedom, give `freedom` (of a joint fit: points less parameters).

    With two or three readings behind a part of u that matters, that interval holds less than it
    states (88 % for 95 % with two, 92 % with three): `note` says so, and `method="convolution"`
    takes U from the distributions themselves, Student's t for each Type A (JCGM 101 without
    drawing). It holds 95 to 99 %, and is up to 2.4 times as wide.

    Raises AnalysisError: no component, two of one name, a correlation of an unknown name, outside
    -1..1 or impossible together, u = 0, freedom missing or below 1, probability outside 0..1.
    """
    components = ours.owns("components", components, Component, "type_a or type_b")
    names = [component.name for component in components]
    if not names or len(set(names)) < len(names):
        raise AnalysisError(f"a budget needs components, each with its own name; got {names}")
    inputs.one_of("method", method, Method)
    probability = inputs.share("probability", probability)
    value = inputs.number("value", value)
    r = _correlation_matrix(names, correlations or {})
    parts = np.array([component.contribution for component in components])
    variance = float(parts @ r @ parts)
    if not variance > 0:
        raise AnalysisError(f"the combined u^2 is {variance}: no component has an uncertainty")
    u = math.sqrt(variance)
    if freedom is None:
        freedom = _effective_freedom(components, r, u)
    else:
        freedom = inputs.endless("freedom", freedom)
    note = ""
    if k is None and method == "convolution":
        k = _by_convolution(components, r, probability) / u
    elif k is None:
        k = coverage_factor(freedom, probability, truncate=truncate)
        note = _note(components)
    else:
        k = inputs.number("k, the coverage factor,", k, 0.0, open_ends=True)
    shares = 100 * parts**2 / variance
    return Budget(
        value,
        u,
        freedom,
        k,
        k * u,
        probability,
        components,
        tuple(shares.tolist()),
        100.0 - float(shares.sum()),
        method,
        note,
    )


def _by_convolution(
    components: Sequence[Component], r: npt.NDArray[np.float64], probability: float
) -> float:
    """Return U: correlated components as one normal error, the others each by its own law."""
    from sensorbench.analysis.uncertainty.convolution import Error, half_width  # noqa: PLC0415

    correlated = (r != np.eye(len(r))).any(axis=0)
    parts = np.array([component.contribution for component in components])
    joint = np.where(correlated, parts, 0.0)
    errors = [Error(math.sqrt(max(float(joint @ r @ joint), 0.0)), "normal", math.inf)]
    errors += [
        Error(abs(component.contribution), component.distribution, component.freedom)
        for component, together in zip(components, correlated, strict=True)
        if not together
    ]
    return half_width(errors, probability)


def _note(components: Sequence[Component]) -> str:
    few = [
        component
        for component in components
        # Also a small one: that two readings lie close together is no sign of a small scatter.
        if component.freedom < FEW_FREEDOM and component.contribution != 0
    ]
    if not few:
        return ""
    names = ", ".join(f"{component.name} ({component.freedom:g})" for component in few)
    return (
        f"degrees of freedom of {names} are few: an interval stated as 95 % holds 88 to 95 % "
        'with one and 92 to 95 % with two; method="convolution" holds'
    )


def coverage_factor(freedom: float, probability: float = 0.9545, *, truncate: bool = True) -> float:
    """Return t for a two-sided interval of `probability`, the normal quantile without end.

    JCGM 100, G.3 and table G.2. Raises AnalysisError for a freedom below 1.

    >>> round(coverage_factor(16.7, 0.99), 2), round(coverage_factor(math.inf), 2)
    (2.92, 2.0)
    """
    from scipy.special import ndtri, stdtrit  # noqa: PLC0415 - heavy

    probability = inputs.share("probability", probability)
    freedom = inputs.endless("freedom", freedom)
    if not freedom >= 1:
        raise AnalysisError(
            f"{freedom:.3g} effective degrees of freedom have no coverage factor: take more "
            "readings, or state the doubt of the dominant component"
        )
    upper = (1 + probability) / 2
    if math.isinf(freedom):
        return float(ndtri(upper))
    return float(stdtrit(math.floor(freedom) if truncate else freedom, upper))


def _correlation_matrix(
    names: Sequence[str], correlations: Mapping[tuple[str, str], float]
) -> npt.NDArray[np.float64]:
    """Return the matrix of r, once it is known to be one that can occur."""
    r = np.eye(len(names))
    for (first, second), given in correlations.items():
        value = inputs.number(f"correlation {first!r}, {second!r}", given, -1.0, 1.0)
        if first == second or not {first, second} <= set(names):
            raise AnalysisError(
                f"correlation {first!r}, {second!r}: two names of {list(names)} are needed"
            )
        i, j = names.index(first), names.index(second)
        r[i, j] = r[j, i] = value
    if np.linalg.eigvalsh(r).min() < -1e-9:
        raise AnalysisError(
            f"correlations {dict(correlations)} can't hold together: their matrix is not positive"
        )
    return r


def _effective_freedom(
    components: Sequence[Component], r: npt.NDArray[np.float64], u: float
) -> float:
    """Return u^4 / sum((c_i u_i)^4 / nu_i), JCGM 100 eq. G.2b; infinite if all u are known."""
    finite = [math.isfinite(c.freedom) and c.contribution != 0 for c in components]
    correlated = (r != np.eye(len(r))).any(axis=0)
    if np.any(correlated & np.array(finite)):
        names = [
            c.name for c, yes in zip(components, correlated & np.array(finite), strict=True) if yes
        ]
        raise AnalysisError(
            f"{names} are correlated and of finite freedom, where the Welch-Satterthwaite formula "
            "does not hold; give freedom= (of a joint fit: points less parameters)"
        )
    doubt = sum(
        c.contribution**4 / c.freedom for c, yes in zip(components, finite, strict=True) if yes
    )
    return u**4 / doubt if doubt else math.inf
