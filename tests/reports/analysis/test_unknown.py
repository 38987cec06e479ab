"""What is not known: infinite is missing, nothing warns, and a figure that is lost has a reason."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench import analysis
from sensorbench.analysis import AnalysisError

from .examples import EXAMPLES, FIT, FUNCTIONS, LIVES, POSITIVE, SPHERE, STAR, A, leaves

Call = Callable[..., Any]

WEIBULL = analysis.fit_weibull(LIVES)
STRESS = analysis.fit_life_stress(
    [LIVES, analysis.Lifetimes.exact([10, 12, 15])], [85, 125], "arrhenius"
)
AXIS = np.array([100.0, 120.0, 130.0])
METHODS: dict[str, tuple[Call, tuple[Any, ...]]] = {
    "PolynomialFit.at": (FIT.at, (A(AXIS),)),
    "PolynomialFit.covariance_at": (FIT.covariance_at, (A(AXIS),)),
    "PolynomialFit.standard_uncertainty_at": (FIT.standard_uncertainty_at, (A(AXIS),)),
    "PolynomialFit.confidence_interval": (FIT.confidence_interval, (A(AXIS),)),
    "PolynomialFit.prediction_interval": (
        lambda r, u: FIT.prediction_interval(r, reading_u=u), (A(AXIS), A(AXIS))),
    "fit_curve with weights": (
        lambda x, y, w: analysis.fit_curve(x, y, 1, weights=w),
        (A(np.arange(9)), A(np.arange(9) ** 2), A(np.arange(1, 10)))),
    "fit_curve with uncertainty": (
        lambda x, y, u: analysis.fit_curve(x, y, 1, uncertainty=u),
        (A(np.arange(9)), A(np.arange(9) ** 2), A(np.arange(1, 10)))),
    "AffineFit.at": (analysis.fit_affine([STAR], STAR[::-1] + STAR).at, (A(STAR[None, :3]),)),
    "EllipsoidFit.at": (analysis.fit_ellipsoid([SPHERE], 50).at, (A(SPHERE[None, :3]),)),
    "PatLimits.outside": (
        analysis.dynamic_pat(POSITIVE, [0, 0], [120, 120]).outside, (A(POSITIVE),)),
    "LifeFit.failed_fraction": (WEIBULL.failed_fraction, (A(100),)),
    "LifeFit.quantile_h": (WEIBULL.quantile_h, (A(0.1),)),
    "LifeStressFit.quantile_h": (
        lambda stress: STRESS.quantile_interval_h(0.1, stress), (A(55),)),
    "LifeStressFit.acceleration": (STRESS.acceleration, (A(55), A(125))),
    "SurvivalCurve.at": (analysis.kaplan_meier(LIVES).at, (A(AXIS),)),
    "Lifetimes": (analysis.Lifetimes, (A([10, 20]), A([20, 30]), A([1, 2]))),
    "Lifetimes.exact": (analysis.Lifetimes.exact, (A([10, 20]), A([20, 30]))),
    "Lifetimes.readouts": (analysis.Lifetimes.readouts, (A([10, 20]), A([1, 2]), A(5))),
    "SafetySplit": (analysis.split_failure_rate, (A([50, 20]), A([1, 1]), A([1, 0]), A([1, 0]))),
    "NoiseCoefficients of rows": (
        lambda rows: analysis.noise_coefficients(analysis.allan_deviation(rows, 1.0)),
        (A(np.random.default_rng(9).normal(size=(2, 64))),)),
    "Arrhenius.accelerate": (analysis.Arrhenius().accelerate, (A([25, 55]), A(125))),
    "Peck.accelerate": (analysis.Peck().accelerate, (A([25, 55]), A([40, 50]), A(85), A(85))),
    "CoffinManson.accelerate": (analysis.CoffinManson().accelerate, (A([76, 50]), A(205))),
    "NorrisLandzberg.accelerate": (
        analysis.NorrisLandzberg().accelerate,
        tuple(A(v) for v in ([60, 50], 120, 2, 48, 60, 125))),
    "InversePower.accelerate": (analysis.InversePower(3.0).accelerate, (A([3, 4]), A(5))),
    "ExponentialVoltage.accelerate": (
        analysis.ExponentialVoltage(2.0).accelerate, (A([3, 4]), A(5))),
    "propagate of a quotient": (
        lambda a, b, u, v: analysis.propagate(lambda x, y: x / y, [a, b], [u, v]),
        (A([4, 6]), A([2, 3]), A([1, 1]), A(1))),
    "propagate of an exponential": (
        lambda a, u: analysis.propagate(np.exp, [a], [u]), (A([4, 6]), A([2, 3]))),
    "propagate with all": (
        lambda a, b, u, v: analysis.propagate(
            lambda x, y: x * y, [a, b], [u, v], correlation=[[1, 0.5], [0.5, 1]],
            jacobian=lambda x, y: (y, x), keep_contributions=True),
        (A([4, 6]), A([2, 3]), A([1, 1]), A(1))),
    "second_order of a quotient": (
        lambda a, b, u, v: analysis.second_order(lambda x, y: x / y, [a, b], [u, v]),
        (A([4, 6]), A([2, 3]), A([1, 1]), A(1))),
}  # fmt: skip
CALLS: dict[str, tuple[Call, tuple[Any, ...]]] = {
    **{name: (getattr(analysis, name), EXAMPLES[name]) for name in FUNCTIONS},
    **METHODS,
}
LIMITS = {"low", "high", "spec_low", "spec_high", "before_h"}
"""Arguments that are infinite where there is no limit, or no failure yet."""


def places(examples: tuple[Any, ...]) -> list[tuple[int, ...]]:
    """Return where the arrays of an example are: (k,), or (k, j) inside of a list."""
    found: list[tuple[int, ...]] = []
    for k, each in enumerate(examples):
        if isinstance(each, A):
            found.append((k,))
        elif isinstance(each, list):
            found += [(k, j) for j, inner in enumerate(each) if isinstance(inner, A)]
    return found


def run(name: str, changed: tuple[int, ...] = (), change: Call = lambda v: v) -> Any:
    """Call with one array of the example changed; a warning is an error."""
    function, examples = CALLS[name]

    def shown(each: Any, place: tuple[int, ...]) -> Any:
        if isinstance(each, A):
            return change(each.values) if place == changed else each.values
        if isinstance(each, list):
            return [shown(inner, (*place, j)) for j, inner in enumerate(each)]
        return each

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*(shown(each, (k,)) for k, each in enumerate(examples)))


def with_value(value: float, at: int | None) -> Call:
    """Return a change of one entry, or of all."""

    def change(values: np.ndarray) -> np.ndarray:
        found = np.array(values, np.float64)
        if at is None:
            found[...] = value
        else:
            found.reshape(-1)[at % found.size] = value
        return found

    return change


def figures(found: Any) -> dict[str, np.ndarray]:
    return {place: leaf for place, leaf in leaves(found).items() if leaf.dtype.kind == "f"}


def unexplained(found: Any, plain: Any) -> list[str]:
    """Return the figures that were known and are not, of units without a reason."""
    before, now = figures(plain), figures(found)
    reasons = {k: v for k, v in leaves(found).items() if k.endswith("reasons")}
    lost = []
    for place, leaf in now.items():
        home = place.rpartition(".")[0]
        why = next(
            (reasons[f"{home[:cut]}.reasons"] for cut in range(len(home), -1, -1)
             if f"{home[:cut]}.reasons" in reasons), None)  # fmt: skip
        if why is None or leaf.shape != before[place].shape:
            continue
        gone = np.isnan(leaf) & ~np.isnan(before[place])
        if (
            place.endswith(("residuals", "weights", "deviations", ".readings"))
            or ".points" in place
        ):
            continue  # of single points, of which the unit is fitted without
        if why.shape == gone.shape[: why.ndim]:
            gone = gone.any(axis=tuple(range(why.ndim, gone.ndim)))
            if (gone & (why == "")).any():
                lost.append(place)
        elif gone.any() and not (why != "").any():
            lost.append(place)
    return lost


WALK = [
    pytest.param(name, place, id=f"{name}{place}")
    for name in CALLS
    for place in places(CALLS[name][1])
]


@pytest.mark.parametrize("at", [0, 1, -1, None])
@pytest.mark.parametrize(("name", "place"), WALK)
def test_what_is_infinite_is_missing(name: str, place: tuple[int, ...], at: int | None) -> None:
    """Of nan, inf and -inf in any array: one answer, no infinite figure, no warning, a reason."""
    plain = run(name)
    answers = []
    for value in (np.nan, np.inf, -np.inf):
        try:
            answers.append(run(name, place, with_value(value, at)))
        except AnalysisError as refusal:
            answers.append(refusal)
    for found in answers:
        if isinstance(found, AnalysisError) or is_limit(name, place):
            continue
        assert not unexplained(found, plain)
        for where, leaf in figures(found).items():
            if leaf.shape == figures(plain)[where].shape:
                assert not (np.isinf(leaf) & ~np.isinf(figures(plain)[where])).any(), where
    if is_limit(name, place):
        return
    missing, *others = answers
    for other in others:
        assert type(other) is type(missing), (other, missing)
        if not isinstance(other, AnalysisError):
            for where, leaf in figures(missing).items():
                np.testing.assert_array_equal(leaf, figures(other)[where], where)


def is_limit(name: str, place: tuple[int, ...]) -> bool:
    function = CALLS[name][0]
    code = getattr(function, "__init__", function) if isinstance(function, type) else function
    names = list(code.__code__.co_varnames) if hasattr(code, "__code__") else []
    names = [each for each in names if each not in {"self", "cls"}]
    return len(names) > place[0] and names[place[0]] in LIMITS


ODD: dict[str, Call] = {
    "none": lambda v: v[..., :0] if v.ndim else v,
    "no row": lambda v: v[:0] if v.ndim else v,
    "one": lambda v: v[..., :1] if v.ndim else v,
    "two": lambda v: v[..., :2] if v.ndim else v,
    "equal": lambda v: np.full(v.shape, 7.0),
    "zero": np.zeros_like,
    "negative": lambda v: -v,
    "huge": lambda v: v * 1e47,
    "largest": lambda v: v * 1e300,
    "tiny": lambda v: v * 1e-47,
    "far": lambda v: v + 1e12,
    "deeper": lambda v: v[None, None],
    "backwards": lambda v: v[..., ::-1] if v.ndim else v,
}


@pytest.mark.parametrize("odd", list(ODD))
@pytest.mark.parametrize(("name", "place"), WALK)
def test_odd_numbers_are_refused_or_answered_without_a_warning(
    name: str, place: tuple[int, ...], odd: str
) -> None:
    try:
        run(name, place, ODD[odd])
    except AnalysisError:
        return


@settings(max_examples=400, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(CALLS)))
def test_nothing_warns_whatever_is_missing_where(data: st.DataObject, name: str) -> None:
    """Any of nan, infinite, 0 and the largest sizes, anywhere in all arrays at once."""
    odd = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e49, -1e49, 1e-49])
    function, examples = CALLS[name]

    def shown(each: Any) -> Any:
        if isinstance(each, list):
            return [shown(inner) for inner in each]
        if not isinstance(each, A):
            return each
        found = each.values.copy().reshape(-1)
        for at in data.draw(st.lists(st.integers(0, found.size - 1), max_size=3)):
            found[at] = data.draw(odd)
        return found.reshape(each.values.shape)

    changed = [shown(each) for each in examples]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            function(*changed)
        except AnalysisError:
            return


# -- one unit --------------------------------------------------------------------------------------

NO_UNITS = {"gage_anova", "gage_average_range"}
"""Their arrays are one study, of parts first."""
BY_UNIT = [
    name
    for name, (_, examples) in CALLS.items()
    if name not in NO_UNITS and any(isinstance(v, A) and v.values.ndim > 1 for v in examples)
]


@pytest.mark.parametrize("name", BY_UNIT)
def test_the_plain_row_of_one_unit_gives_what_a_table_of_one_unit_gives(name: str) -> None:
    function, examples = CALLS[name]
    most = max(v.values.ndim for v in examples if isinstance(v, A))

    def of_first(cut: Any) -> Any:
        return function(
            *(
                (v.values[cut] if v.values.ndim == most else v.values).tolist()
                if isinstance(v, A)
                else v
                for v in examples
            )
        )

    one, table = figures(of_first(0)), figures(of_first(slice(0, 1)))
    for place, leaf in table.items():
        np.testing.assert_allclose(one[place].reshape(leaf.shape), leaf, rtol=1e-12, err_msg=place)


@pytest.mark.parametrize("name", ["hysteresis", "worst_point", "deltas", "resolution", "change",
                                  "temperature_coefficient", "start_up_time", "ratiometricity",
                                  "dead_band", "repeatability", "cross_axis"])  # fmt: skip
def test_what_is_no_unit_at_all_is_named_with_the_shape_needed(name: str) -> None:
    function, examples = CALLS[name]
    place = next(k for k, v in enumerate(examples) if isinstance(v, A) and v.values.ndim > 1)
    argument = list(inspect.signature(function).parameters)[place]
    deep = [v.values if isinstance(v, A) else v for v in examples]
    deep[place] = np.asarray(deep[place])[None, None]
    with pytest.raises(AnalysisError, match=rf"{argument}: \(units, .*one unit"):
        function(*deep)
