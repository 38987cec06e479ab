"""Propagation of distributions by Monte Carlo, and validation of the GUM by it; JCGM 101:2008.

Each input draws from its own Philox stream keyed by (seed, input), so that a result can be
repeated and does not depend on the other inputs. numpy keeps the streams stable, not what its
distributions make of them: pin figures to a tolerance, never to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs as checked
from sensorbench.analysis import ours
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats

InputLaw = Literal[
    "normal",
    "rectangular",
    "triangular",
    "trapezoidal",
    "curvilinear_trapezoid",
    "arcsine",
    "t",
    "exponential",
    "gamma",
]

MOST_DIGITS = 15
SMALLEST = 10_000
"""Fewer draws give no 95 % interval (JCGM 101, 7.2.2 asks for 10^4/(1 - p) as a rule)."""


_SHAPES = {"trapezoidal": 1.0, "curvilinear_trapezoid": 1.0, "gamma": 1e9}


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a model: centre, and a spread whose meaning the distribution gives.

    `spread` is the standard deviation of a normal, the half-width of a rectangular, triangular or
    arcsine, the scale s/sqrt(n) of a t with `freedom` (what Type A with few readings is; 6.4.9).
    `shape` is the top over the base of a trapezoid (6.4.4), the share of the half-width by which
    that itself is not known of a curvilinear trapezoid (6.4.3), and the count q of a gamma, which
    is centre + spread Ga(q + 1) (6.4.11). An exponential lies above its centre, with mean `spread`
    beyond it (6.4.10).
    """

    centre: float
    spread: float
    distribution: InputLaw = "normal"
    freedom: float = math.inf
    shape: float = 0.0

    def __post_init__(self) -> None:
        checked.one_of("distribution", self.distribution, InputLaw)
        ours.set_number(self, "centre")
        ours.set_number(self, "spread", 0.0)
        ours.set_number(self, "shape", 0.0)
        ours.set_endless(self, "freedom")
        if (self.distribution == "t") != math.isfinite(self.freedom):
            raise AnalysisError(f"a t distribution, and only that, has a finite freedom: {self}")
        most = _SHAPES.get(self.distribution, 0.0)
        if not self.shape <= most:
            raise AnalysisError(f"shape of a {self.distribution} is from 0 to {most:g}: {self}")


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """What came out: mean and u of the measurand, and two intervals of `probability`.

    `symmetric` leaves equal probability on both sides, `shortest` is the one to report where the
    distribution is skewed. `values` (M,) are the sorted results.
    """

    mean: float
    u: float
    probability: float
    symmetric: tuple[float, float]
    shortest: tuple[float, float]
    values: Floats


@dataclass(frozen=True, slots=True)
class Validation:
    """JCGM 101, 8.1: how far the ends of the GUM's interval are from Monte Carlo's, and may be."""

    low_difference: float
    high_difference: float
    tolerance: float

    @property
    def valid(self) -> bool:
        """Return whether the GUM's first-order interval may be used for this measurement."""
        return max(self.low_difference, self.high_difference) <= self.tolerance


def monte_carlo(
    model: Callable[..., npt.ArrayLike],
    inputs: Sequence[Input],
    *,
    draws: int = 1_000_000,
    seed: int = 0,
    probability: float = 0.95,
    correlation: npt.ArrayLike | None = None,
) -> MonteCarlo:
    """Return the distribution of model(x_1, ..., x_K) over random inputs; JCGM 101, clause 7.

    The model takes K arrays (M,) and returns (M,). `correlation` (K, K) is for normal inputs only
    (6.4.8). Raises AnalysisError: no input, fewer than 10 000 draws, a probability outside 0..1 or
    too near 1 for the draws, a correlation that is none or of inputs that are not normal, a model
    that returns another shape or values that are not finite.
    """
    draws = checked.count("draws", draws)
    _check(draws, probability)
    x = _draw(inputs, draws, seed, correlation)
    return summarise(_values(model, x), probability)


def adaptive_monte_carlo(
    model: Callable[..., npt.ArrayLike],
    inputs: Sequence[Input],
    *,
    digits: int = 2,
    seed: int = 0,
    probability: float = 0.95,
    correlation: npt.ArrayLike | None = None,
    most: int = 10_000_000,
) -> MonteCarlo:
    """Return the same with as many draws as make `digits` digits of u stable; JCGM 101, 7.9.

    Runs of M = max(100/(1 - p), 10^4) draws are added until twice the standard deviation of the
    averages over runs, of mean, u and both ends, is within half a unit of the last digit of u.
    Raises AnalysisError as `monte_carlo`, and if `most` draws were not enough.
    """
    probability = checked.share("probability", probability)
    digits = checked.count("digits", digits, 1, MOST_DIGITS)
    most = checked.count("most", most)
    size = max(math.ceil(100 / (1 - probability)), SMALLEST)
    _check(size, probability)
    runs: list[Floats] = []
    figures: list[tuple[float, float, float, float]] = []
    while len(runs) * size < most:
        x = _draw(inputs, size, seed, correlation, run=len(runs) + 1)
        runs.append(_values(model, x))
        run = summarise(runs[-1], probability)
        figures.append((run.mean, run.u, *run.symmetric))
        if len(runs) < 2:
            continue
        scatter = np.std(figures, axis=0, ddof=1) / math.sqrt(len(runs))
        if np.all(2 * scatter <= tolerance_of(float(np.mean(figures, axis=0)[1]), digits)):
            return summarise(np.concatenate(runs), probability)
    raise AnalysisError(
        f"{most} draws don't make {digits} digits of u stable: ask for fewer digits, or look for "
        "an input without a variance"
    )


def summarise(values: npt.ArrayLike, probability: float = 0.95) -> MonteCarlo:
    """Return mean, u and both intervals of results (M,); JCGM 101, 7.6 and 7.7, 5.3.3, 5.3.4.

    Raises AnalysisError for fewer than 10 000 values or ones that are not finite.
    """
    y = np.sort(np.asarray(checked.numbers("values", values), np.float64), axis=None)
    _check(len(y), probability)
    if not np.isfinite(y[[0, -1]]).all():
        raise AnalysisError("the model gives values that are not finite for inputs that can occur")
    inside = math.floor(probability * len(y) + 0.5)
    outside = len(y) - inside
    widths = y[inside:] - y[:outside]
    first, at = (outside + 1) // 2 - 1, int(widths.argmin())
    return MonteCarlo(
        float(y.mean()),
        float(y.std(ddof=1)),
        probability,
        (float(y[first]), float(y[first + inside])),
        (float(y[at]), float(y[at + inside])),
        y,
    )


def tolerance_of(u: float, digits: int = 2) -> float:
    """Return half a unit of the last of so many significant digits of u; JCGM 101, 7.9.2.

    >>> tolerance_of(0.0754), tolerance_of(10.1, digits=1)
    (0.0005, 5.0)
    """
    u = checked.number("u", u, 0.0, open_ends=True)
    digits = checked.count("digits", digits, 1, MOST_DIGITS)
    exponent = int(f"{u:.{digits - 1}e}".split("e")[1]) - digits + 1
    return float(f"5e{exponent - 1}")


def validate_gum(
    value: float, u: float, k: float, found: MonteCarlo, digits: int = 2
) -> Validation:
    """Compare value +/- k u with the probabilistically symmetric interval; JCGM 101, clause 8.

    k must be for the probability of `found`. The Monte Carlo run should have a tolerance of a
    fifth of this one (8.2): 10^6 draws do for two digits. Raises AnalysisError for u not above 0.
    """
    low, high = ours.own("found", found, MonteCarlo, "monte_carlo").symmetric
    value, k = checked.number("value", value), checked.number("k", k, 0.0, open_ends=True)
    u = checked.number("u", u, 0.0, open_ends=True)
    return Validation(abs(value - k * u - low), abs(value + k * u - high), tolerance_of(u, digits))


def _check(draws: int, probability: float) -> None:
    """Raise AnalysisError unless the interval has draws inside and outside."""
    checked.share("probability", probability)
    if draws < SMALLEST or (1 - probability) * draws < 100:
        raise AnalysisError(
            f"{draws} draws give no interval of probability {probability}: {SMALLEST} or more, "
            "and 100 of them outside, are needed"
        )


def _draw(
    inputs: Sequence[Input],
    draws: int,
    seed: int,
    correlation: npt.ArrayLike | None,
    run: int = 0,
) -> list[Floats]:
    """Return K arrays (M,) of random inputs."""
    inputs = ours.owns("inputs", inputs, Input, "Input(centre, spread)")
    if not inputs:
        raise AnalysisError("a model needs inputs")
    seed = checked.count("seed", seed)
    streams = [
        np.random.Generator(np.random.Philox(key=np.array([seed, run << 32 | i], np.uint64)))
        for i in range(len(inputs))
    ]
    standard = [_standard(one, stream, draws) for one, stream in zip(inputs, streams, strict=True)]
    if correlation is not None:
        root = _root(checked.array("correlation", correlation), inputs)
        standard = list(root @ np.stack(standard))
    return [one.centre + one.spread * z for one, z in zip(inputs, standard, strict=True)]


def _standard(one: Input, stream: np.random.Generator, draws: int) -> Floats:
    """Return draws around 0 of spread 1; JCGM 101, 6.4."""
    match one.distribution:
        case "normal":
            return stream.standard_normal(draws)
        case "rectangular":
            return stream.uniform(-1.0, 1.0, draws)
        case "triangular":
            return stream.triangular(-1.0, 0.0, 1.0, draws)
        case "trapezoidal":
            half = (1 - one.shape) / 2
            first, second = stream.uniform(-1.0, 1.0, (2, draws))
            return np.asarray((1 - half) * first + half * second)
        case "curvilinear_trapezoid":
            width = 1 + one.shape * stream.uniform(-1.0, 1.0, draws)
            return np.asarray(width * stream.uniform(-1.0, 1.0, draws))
        case "exponential":
            return stream.exponential(1.0, draws)
        case "gamma":
            return stream.gamma(one.shape + 1, 1.0, draws)
        case "arcsine":
            return np.sin(2 * np.pi * stream.random(draws))
        case "t":
            return stream.standard_t(one.freedom, draws)


def _root(r: Floats, inputs: Sequence[Input]) -> Floats:
    """Return a matrix whose square is r, once r is known to be a correlation of normal inputs."""
    size = (len(inputs), len(inputs))
    if r.shape != size or not np.allclose(r, r.T) or not np.allclose(np.diag(r), 1.0):
        raise AnalysisError(f"correlation must be symmetric {size} with a diagonal of 1, got {r}")
    coupled = (r != np.eye(len(r))).any(axis=0)
    other = [i for i, one in enumerate(inputs) if coupled[i] and one.distribution != "normal"]
    size_of, vectors = np.linalg.eigh(r)
    if other or size_of.min() < -1e-9:
        raise AnalysisError(
            f"inputs {other} are correlated and not normal"
            if other
            else f"correlation {r.tolist()} can't hold together: it is not positive"
        )
    # The symmetric root leaves inputs that are correlated with none exactly as they are.
    root: Floats = (vectors * np.sqrt(np.maximum(size_of, 0.0))) @ vectors.T
    return root


def _values(model: Callable[..., npt.ArrayLike], x: Sequence[Floats]) -> Floats:
    """Return the model's values, once they are known to be one for each draw."""
    with np.errstate(all="ignore"):  # what is not finite is refused by `summarise`
        found = model(*x)
    y = np.asarray(checked.numbers("the model's values", found), np.float64)
    if y.shape != x[0].shape:
        raise AnalysisError(f"the model made shape {y.shape} of {x[0].shape}; it must keep it")
    return y
