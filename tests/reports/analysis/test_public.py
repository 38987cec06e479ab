"""Every public function: numbers of any type, and no text, misspelt choice or percentage."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from sensorbench import analysis
from sensorbench.analysis import AnalysisError


class A:
    """Numbers of an example: small and whole, so that every type can hold them."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, np.float64)


class Frame:
    """What a data frame is to numpy."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values.astype(dtype or self.values.dtype)


def masked(values: np.ndarray) -> np.ndarray:
    return np.ma.masked_array(values.astype(np.int32), mask=np.zeros(values.shape, bool))


def nullable(values: np.ndarray) -> Frame:
    """Pandas' nullable integers reach numpy as objects."""
    return Frame(values.astype(np.int64).astype(object))


FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "list": lambda v: v.tolist(),
    "list of int": lambda v: v.astype(int).tolist(),
    "frame": Frame,
    "frame of counts": lambda v: Frame(v.astype(np.int64)),
    "nullable frame": nullable,
    "masked": masked,
    "fortran": lambda v: np.asfortranarray(v.astype(np.int32)),
    **{name: lambda v, name=name: v.astype(name)
       for name in ("uint8", "uint16", "int16", "int32", "uint32", "int64", "uint64",
                    "float16", "float32", "longdouble", ">i4")},
}  # fmt: skip

NOISE = np.random.default_rng(1).integers(1, 120, size=(2, 128))
POSITIVE = np.random.default_rng(2).integers(5, 60, size=(2, 40))
FACES = np.vstack([np.eye(3), -np.eye(3), [[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]]]) * 50 + 60
GRID = np.stack(np.meshgrid(*[[40, 100]] * 3), -1).reshape(-1, 3)
STAR = np.vstack([GRID, FACES])
SPHERE = np.rint(70 + 50 * np.vstack([FACES - 60, GRID - 70])
                 / np.linalg.norm(np.vstack([FACES - 60, GRID - 70]), axis=1)[:, None])  # fmt: skip
X = np.arange(1, 13)
Y = np.stack([X**2 % 17 + 3 * X, 5 * X])
READINGS = POSITIVE[0, :24].reshape(2, 3, 4)
CURVE = analysis.allan_deviation(NOISE, 1.0)
SPECTRUM = analysis.welch_spectrum(NOISE, 100.0, 32)
FIT = analysis.fit_curve(np.repeat(X, 2), np.repeat(Y, 2, axis=1) + np.tile([0, 1], 12))
ALLAN = analysis.noise_coefficients(CURVE)
LIVES = analysis.Lifetimes.exact([100, 120, 150], survived_h=[200])
COEFFICIENTS, DESIGN = [[10, 3]], [[[1, 2], [1, 3], [1, 5]]]
GAGE = np.random.default_rng(3).integers(1, 90, size=(5, 3, 2))
ARRHENIUS = analysis.Arrhenius().accelerate([55, 85], 125)
DRAWS = np.tile(np.arange(100), 101)
PART = analysis.Component("a", 0.0, 1.0)
MODEL = [analysis.Input(1.0, 1.0), analysis.Input(2.0, 1.0)]


def add(*x: np.ndarray) -> np.ndarray:
    return sum(x[1:], x[0])  # type: ignore[no-any-return]


EXAMPLES: dict[str, tuple[Any, ...]] = {
    "adaptive_monte_carlo": (add, MODEL),
    "allan_degrees_of_freedom": (CURVE, "white FM"),
    "allan_deviation": (A(NOISE), A(1)),
    "allan_interval": (CURVE, "white FM"),
    "anderson_darling": (A(POSITIVE),),
    "axis_errors": (A([[[5, 1, 0], [1, 6, 1], [0, 2, 7]]]), "correction"),
    "bandwidth_of_sweep": (A([1, 2, 4, 8]), A([100, 90, 60, 20])),
    "basis": (A([100, 120]), A([3, 4]), ((0, 0), (1, 0), (3, 0))),
    "box_cox_performance": (A(POSITIVE), A(1), A(120)),
    "capability_indices": (A([16, 17]), A(2), 20, A(8), A(30)),
    "change": (A(Y), A(1)),
    "combine": (1.0, [PART]),
    "combine_accelerations": (ARRHENIUS, ARRHENIUS),
    "conformance_probability": (A([9, 10]), A(1), A(0), A(12)),
    "control_chart": (A(POSITIVE),),
    "coverage_factor": (10.0,),
    "cp_interval": (A([1, 2]), 19.0),
    "cpk_interval": (A([1, 2]), 20),
    "cpk_interval_bissell": (A([1, 2]), 20),
    "cross_axis": (A([[[50, 1, 0], [1, 60, 1], [0, 2, 70]]]),),
    "dead_band": (A([1, 2, 3, 2, 1]), A([[10, 20, 30, 30, 12]]), A(1)),
    "decide": (A([9, 10]), A(0), A(12), A(1), analysis.ILAC_G8),
    "deltas": (A([[100, 90, 110]]),),
    "demonstrated_reliability": (A([0, 1]), A([22, 45])),
    "diagnostic_coverage": (A([99, 100]), A([100, 100])),
    "dynamic_pat": (A(POSITIVE), A([0, 0]), A([120, 120])),
    "equivalent_temperature_c": (A([100, 50]), A([25, 85])),
    "failure_rate": (A([0, 2]), A(100)),
    "fit_affine": (A([STAR]), A(STAR[::-1] + STAR)),
    "fit_curve": (A(X), A(Y), 3),
    "fit_ellipsoid": (A([SPHERE]), A(50)),
    "fit_gyro": (A([STAR]), A(STAR[:, [1, 0, 2]] + STAR[::-1] // 2), A(STAR[::-1])),
    "fit_life_stress": ([LIVES, analysis.Lifetimes.exact([10, 12, 15])], A([85, 125]), "arrhenius"),
    "fit_lognormal": (LIVES,),
    "fit_polynomial": (A(X + 100), A(X % 3), A(Y), ((0, 0), (1, 0), (2, 0), (3, 0), (0, 1))),
    "fit_robustly": (A(np.tile(X, (2, 1))), A(Y * 0), A(Y), ((0, 0), (1, 0))),
    "fit_sine": (A(NOISE), A(100), A(10)),
    "fit_weibull": (LIVES,),
    "fraction_bound": (A([0, 1]), A([77, 100])),
    "fraction_interval": (A([0, 1]), A([77, 100])),
    "gage_anova": (A(GAGE),),
    "gage_average_range": (A(GAGE),),
    "gage_intervals": (*analysis.gage_anova(GAGE),),
    "gage_limits": (A(0), A(100), A(5)),
    "generalised_esd": (A(POSITIVE), 3),
    "global_risk": (A(10), A(2), A(1), A(5), A(15), A(1)),
    "grubbs": (A(POSITIVE),),
    "hysteresis": (A(Y), A(Y[:, ::-1])),
    "integrated_noise": (SPECTRUM, A(10), A(40)),
    "kaplan_meier": (LIVES,),
    "lack_of_fit": (FIT, A(np.repeat(X, 2))),
    "linearity": (A(X), A(Y), "minimax"),
    "mission_test": (A([100, 50]), ARRHENIUS),
    "monte_carlo": (add, MODEL),
    "noise_coefficients": (CURVE,),
    "noise_density": (SPECTRUM, A(5), A(45)),
    "octaves": (1000,),
    "one_pole_noise": (A(1), A(100)),
    "per_hour": (ALLAN,),
    "percentile_performance": (A(POSITIVE), A(1), A(120), "lognormal"),
    "ppm_outside": (A([1, 2]),),
    "predict": (A([0, 50, 100, 120]), A([[100, 90, 110, 80]]), A(200)),
    "process_capability": (A(READINGS), A(0), A(100)),
    "process_performance": (A(POSITIVE), A(0), A(120)),
    "propagate": (add, [A([1, 2]), A([3, 4])], [A(1), A(2)]),
    "random_walk_of_density": (A(2),),
    "ratiometricity": (A([4, 5, 6]), A([[80, 100, 121]]), A(5)),
    "repeatability": (A([[[100, 90], [101, 95], [99, 91]]]),),
    "required_cpk": (A([1, 2]), 30),
    "resolution": (A(NOISE), A(1)),
    "round_independently": (A(COEFFICIENTS), A(DESIGN), 0.5, 8),
    "round_sequentially": (A(COEFFICIENTS), A(DESIGN), 0.5, 8),
    "runs_test": (A(POSITIVE),),
    "sample_size": (0.01, A([0, 1])),
    "second_order": (add, [A([1, 2]), A([3, 4])], [A(1), A(2)]),
    "shapiro_wilk": (A(POSITIVE),),
    "split_failure_rate": (A([50, 20]), [0.5, 1.0], [0.9, 0.99], [0.9, 0.9]),
    "start_up_time": (A([0, 1, 2, 3]), A([[0, 90, 100, 100]]), A([100]), A(5)),
    "static_pat": ([A(POSITIVE)] * 6, A([0, 0]), A([120, 120])),
    "statistical_bin_limits": ([0.01, 0.02, 0.01, 0.03, 0.01, 0.02],),
    "statistical_yield_limits": ([0.91, 0.92, 0.91, 0.93, 0.91, 0.92],),
    "step_response": (A([[0, 1, 0, 1, 60, 99, 100, 101, 100, 99]]), A(10), 0.35, 0.65),
    "success_run_time_ratio": (A([77, 100]), 0.99, A(2)),
    "successive_differences_p": (A(POSITIVE),),
    "summarise": (A(DRAWS),),
    "temperature_coefficient": (A([5, 25, 85]), A([[100, 90, 110]])),
    "tolerance_factor": (10,),
    "tolerance_interval": (A(POSITIVE),),
    "tolerance_of": (A(3),),
    "trend": (A([0, 50, 100, 120]), A([[100, 90, 110, 80]])),
    "turnbull": (LIVES,),
    "type_a": ("a", A([3, 4, 6])),
    "type_b": ("a", 1.0, A(2), "rectangular"),
    "validate_gum": (1.0, 1.0, 2.0, analysis.summarise(DRAWS)),
    "weibayes_scale_h": (LIVES, 2.0),
    "welch_spectrum": (A(NOISE), A(100), 32),
    "worst_point": (A(Y),),
}
FUNCTIONS = sorted(name for name in analysis.__all__ if inspect.isfunction(getattr(analysis, name)))
SHARES = {"confidence", "coverage", "level", "probability", "alpha", "share"}


def shaped(value: Any, form: Callable[[np.ndarray], Any]) -> Any:
    if isinstance(value, A):
        return form(value.values)
    if isinstance(value, list):
        return [shaped(each, form) for each in value]
    return value


def call(name: str, form: Callable[[np.ndarray], Any], **changed: Any) -> Any:
    function = getattr(analysis, name)
    bound = inspect.signature(function).bind_partial(*(shaped(v, form) for v in EXAMPLES[name]))
    with np.errstate(all="ignore"):
        bound.arguments |= changed
        return function(*bound.args, **bound.kwargs)


def same(found: Any, expected: Any, where: str) -> None:
    if dataclasses.is_dataclass(expected) and not isinstance(expected, type):
        for field in dataclasses.fields(expected):
            same(getattr(found, field.name), getattr(expected, field.name), f"{where}.{field.name}")
    elif isinstance(expected, tuple):
        for k, (one, other) in enumerate(zip(found, expected, strict=True)):
            same(one, other, f"{where}[{k}]")
    elif isinstance(expected, (np.ndarray, float)) and np.asarray(expected).dtype.kind == "f":
        # Sums of other memory order differ in the last digits.
        scale = np.nanmax(np.abs(np.where(np.isfinite(expected), expected, 0)), initial=0)
        np.testing.assert_allclose(
            found, expected, rtol=1e-9, atol=1e-11 * (1 + scale), err_msg=where
        )
        assert np.asarray(found).dtype == np.float64, where
    elif isinstance(expected, np.ndarray):
        assert np.array_equal(found, expected), where


def test_every_public_function_has_its_example() -> None:
    assert set(EXAMPLES) == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numbers_of_any_type_give_what_floats_give(name: str) -> None:
    expected = call(name, lambda v: v)
    for word, form in FORMS.items():
        same(call(name, form), expected, f"{name} of {word}")


@pytest.mark.parametrize("refused", ["text", "truth values", "complex", "dates", "ragged"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_number_is_refused(name: str, refused: str) -> None:
    forms = {
        "text": lambda v: v.astype(int).astype(str),
        "truth values": lambda v: v > 2,
        "complex": lambda v: v + 1j,
        "dates": lambda v: v.astype("datetime64[s]"),
        "ragged": lambda _: [[1.0], [1.0, 2.0]],
    }
    if any(isinstance(v, A) for v in EXAMPLES[name]):
        with pytest.raises(AnalysisError):
            call(name, forms[refused])


def choices(name: str) -> list[str]:
    """Return the arguments of a function that are choices by name."""
    hints = get_type_hints(getattr(analysis, name))
    return [
        argument
        for argument, hint in hints.items()
        if argument != "return"
        and any(get_origin(each) is Literal for each in (hint, *get_args(hint)))
    ]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if choices(name)])
@pytest.mark.parametrize("word", ["no such", "", "Minimax ", 3, None, ["linear"]])
def test_a_misspelt_choice_is_refused_with_those_there_are(name: str, word: object) -> None:
    for argument in choices(name):
        hint = get_type_hints(getattr(analysis, name))[argument]
        if word is None and type(None) in get_args(hint):
            continue
        with pytest.raises(AnalysisError, match="must be one of"):
            call(name, lambda v: v, **{argument: word})


def test_choices_are_found() -> None:
    found = {name: choices(name) for name in FUNCTIONS if choices(name)}
    assert found["allan_deviation"] == ["kind", "given", "gaps"]
    assert {"linearity", "trend", "fit_robustly", "grubbs", "type_b", "failure_rate"} <= set(found)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_percentage_is_no_share(name: str) -> None:
    signature = inspect.signature(getattr(analysis, name))
    if name == "split_failure_rate":  # its coverage is of faults, and may be none or all
        return
    for argument in SHARES & set(signature.parameters):
        for bad in (95, 0, 1, -0.1, np.nan, "0.95"):
            with pytest.raises(AnalysisError):
                call(name, lambda v: v, **{argument: bad})


# -- magnitudes ------------------------------------------------------------------------------------

SCALED = [
    name
    for name in FUNCTIONS
    for values in [[e for v in EXAMPLES[name] for e in (v if isinstance(v, list) else [v])]]
    if any(isinstance(each, A) for each in values)
]
BEYOND = [1e200, 1e-200, 2.0**600, 2.0**-600, 1e300, 1e-300, 5e-324]
WITHIN = [2.0**100, 2.0**-100, 2.0**150, 2.0**-150]
# What is no size: counts, quantiles, degrees Celsius, a figure with a decimal place, and what has a
# fixed number beside the data that would have to be scaled, too.
NOT_A_SIZE = {
    "cpk_interval", "cpk_interval_bissell", "demonstrated_reliability", "diagnostic_coverage",
    "equivalent_temperature_c", "failure_rate", "fit_life_stress",
    "fraction_bound", "fraction_interval",
    "integrated_noise", "noise_density", "ppm_outside", "required_cpk", "sample_size",
    "step_response", "success_run_time_ratio", "temperature_coefficient", "tolerance_of",
}  # fmt: skip


def leaves(found: Any, where: str = "") -> dict[str, np.ndarray]:
    """Return every array of a result by where it is."""
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        named = {f"{where}.{f.name}": getattr(found, f.name) for f in dataclasses.fields(found)}
    elif isinstance(found, tuple):
        named = {f"{where}[{k}]": each for k, each in enumerate(found)}
    else:
        return {where: np.asarray(found)} if isinstance(found, float | np.ndarray) else {}
    return {place: leaf for key, each in named.items() for place, leaf in leaves(each, key).items()}


def floats(found: Any) -> dict[str, np.ndarray]:
    return {place: leaf for place, leaf in leaves(found).items() if leaf.dtype.kind == "f"}


def is_explained(found: Any) -> bool:
    reasons = [v for place, v in leaves(found).items() if place.endswith("reasons")]
    return any((each != "").any() for each in reasons)


@pytest.mark.parametrize("size", [*BEYOND, *WITHIN])
@pytest.mark.parametrize("name", SCALED)
def test_no_magnitude_is_lost_without_a_word(name: str, size: float) -> None:
    """Refused, or known where it was known, and no interval of no width that had one."""
    plain = floats(call(name, lambda v: v))
    try:
        found = call(name, lambda v: v * size)
    except AnalysisError:
        return
    if is_explained(found):
        return
    leaf = floats(found)
    for place, before in plain.items():
        assert not (np.isfinite(before) & np.isnan(leaf[place])).any(), place
        top = place.removesuffix("low") + "high"
        if place.endswith(".low") and before.shape == plain[top].shape:
            assert not ((before < plain[top]) & ~(leaf[place] < leaf[top])).any(), place


@pytest.mark.parametrize("size", WITHIN)
@pytest.mark.parametrize("name", [name for name in SCALED if name not in NOT_A_SIZE])
def test_results_scale_with_their_unit(name: str, size: float) -> None:
    """Each figure of k x is that of x times a power of k; powers of two cost no digit."""
    if name == "ratiometricity" and size < 1:
        return  # nominal supply is looked for among the others within 1e-8 V
    plain = floats(call(name, lambda v: v))
    for place, leaf in floats(call(name, lambda v: v * size)).items():
        both = np.isfinite(plain[place]) & np.isfinite(leaf) & (plain[place] != 0)
        assert (np.isfinite(plain[place]) == np.isfinite(leaf)).all(), place
        power = np.log2(np.abs(leaf[both] / plain[place][both])) / np.log2(size)
        assert np.allclose(power, np.round(2 * power) / 2, atol=1e-6), (place, power)


SHIFTED = [
    "anderson_darling", "shapiro_wilk", "runs_test", "control_chart", "generalised_esd", "grubbs",
    "tolerance_interval", "dynamic_pat", "static_pat", "process_capability", "process_performance",
    "gage_anova", "repeatability", "hysteresis", "linearity", "welch_spectrum", "fit_sine",
    "allan_deviation", "successive_differences_p", "type_a", "deltas", "fit_curve", "trend",
    "step_response", "dead_band", "bandwidth_of_sweep", "predict", "resolution", "change",
]  # fmt: skip
DATA_ALONE = {"welch_spectrum", "fit_sine", "allan_deviation", "step_response"}
OUTPUT = {"fit_curve": 1, "linearity": 1, "trend": 1, "predict": 1, "dead_band": 1, "resolution": 0,
          "change": 0, "type_a": 1}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in SHIFTED if name != "bandwidth_of_sweep"])
def test_whole_numbers_far_from_zero_are_not_equal(name: str) -> None:
    """Counts about 1e15 differ by what they differ by: what was known at zero is known there."""
    offset = 1e15

    def shifted(example: Any) -> Any:
        if isinstance(example, A):
            return A(example.values + offset)
        return [shifted(each) for each in example] if isinstance(example, list) else example

    examples = list(EXAMPLES[name])
    only = {0} if name in DATA_ALONE else {OUTPUT[name]} if name in OUTPUT else range(len(examples))
    moved = [shifted(each) if k in only else each for k, each in enumerate(examples)]
    function, same_as = getattr(analysis, name), floats(call(name, lambda v: v))
    found = function(*(shaped(each, lambda v: v) for each in moved))
    for place, leaf in floats(found).items():
        assert (np.isfinite(leaf) == np.isfinite(same_as[place])).all(), place


def test_sets_that_differ_by_rounding_alone_are_one_value() -> None:
    still = 0.1 + np.array([0, 1, 2, 1, 0, 2, 1, 2]) * 2.0**-56
    assert np.ptp(still) > 0
    fit = analysis.fit_curve(still, np.arange(8.0))
    assert fit.reasons.tolist() == ["the points can't tell the terms apart"]
    assert np.isnan(fit.coefficients).all()
    axis = np.sort(np.unique(still))
    for refused in (
        lambda: analysis.linearity(axis, np.arange(3.0), "minimax"),
        lambda: analysis.trend(axis, np.arange(3.0)),
        lambda: analysis.ratiometricity(axis, np.arange(3.0)[None], 0.1),
        lambda: analysis.start_up_time(axis, np.arange(3.0)[None], [2.0], 0.1),
        lambda: analysis.bandwidth_of_sweep(axis, [1.0, 0.9, 0.5]),
    ):
        with pytest.raises(AnalysisError, match="one value but for rounding"):
            refused()


def test_powers_beyond_double_precision_have_a_reason() -> None:
    x = np.arange(12.0) * 2.0**120
    fit = analysis.fit_curve(x, np.arange(12.0) ** 2, 8)
    assert fit.reasons.tolist() == ["powers beyond double precision: use another unit"]
    assert fit.at(x) == pytest.approx(np.arange(12.0)[None] ** 2, abs=1e-6)


def test_figures_that_are_not_known_say_why() -> None:
    """Where a function gives NaN for a reading that is not known, its result has a reason."""
    told = 0
    for name in FUNCTIONS:
        arrays = [k for k, each in enumerate(EXAMPLES[name]) if isinstance(each, A)]
        for k in arrays:
            values = EXAMPLES[name][k].values.copy()
            if values.ndim < 2:
                continue
            values.flat[1] = np.nan
            changed = [*EXAMPLES[name][:k], values, *EXAMPLES[name][k + 1 :]]
            try:
                with np.errstate(all="ignore"):
                    found = getattr(analysis, name)(*(shaped(v, lambda v: v) for v in changed))
            except AnalysisError:
                continue
            lost = any(
                np.isnan(leaf).sum() > np.isnan(floats(call(name, lambda v: v))[place]).sum()
                for place, leaf in floats(found).items()
                if not isinstance(found, np.ndarray)
                and not place.split("[")[0].endswith(("residuals", "points", "weights"))
            )
            if lost:
                told += 1
                assert is_explained(found), name
    assert told > 10


def test_results_take_any_numbers_too() -> None:
    affine = analysis.fit_affine([STAR], STAR[::-1] + STAR)
    ball = analysis.fit_ellipsoid([SPHERE], 50)
    weibull = analysis.fit_weibull(LIVES)
    pat = analysis.dynamic_pat(POSITIVE, [0, 0], [120, 120])
    for form in FORMS.values():
        points = form(np.array([[100.0, 120.0]] * 2))
        same(FIT.at(points), FIT.at([100.0, 120.0]), "at")
        same(FIT.prediction_interval(points), FIT.prediction_interval([100.0, 120.0]), "next")
        readings = form(np.array([[[100.0, 20.0, 3.0]]]))
        same(affine.at(readings), affine.at(np.array([[[100.0, 20.0, 3.0]]])), "affine")
        same(ball.at(readings), ball.at(np.array([[[100.0, 20.0, 3.0]]])), "ellipsoid")
        same(weibull.failed_fraction(form(np.array(100.0))), weibull.failed_fraction(100), "failed")
        assert pat.outside(form(POSITIVE.astype(float))).shape == POSITIVE.shape
        given = analysis.Lifetimes(
            *(form(np.array(v)) for v in ([10.0, 20.0], [20.0, 30.0], [1.0, 2.0]))
        )
        assert given.after_h.dtype == np.float64


def test_what_is_masked_or_missing_is_not_known() -> None:
    counts = np.ma.masked_array([[100, 9999, 110]], mask=[[0, 1, 0]])
    assert np.isnan(analysis.deltas(counts)[0, 1])
    assert np.isnan(analysis.deltas([[100, None, 110]])[0, 1])


def test_the_names_that_type_checkers_see_are_those_there_are() -> None:
    tree = ast.parse(Path(str(analysis.__file__)).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        (alias.asname or alias.name, f"{node.module}.{alias.name}")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    places = {
        (public, f"sensorbench.analysis.{module}.{own}")
        for public, (module, own) in analysis._PLACES.items()
    }
    assert seen == places
    assert all(getattr(analysis, name) is not None for name in analysis.__all__)
    with pytest.raises(AttributeError, match="no_such"):
        analysis.no_such  # noqa: B018


def test_every_function_of_the_modules_is_exported_or_a_part_of_one() -> None:
    root = Path(str(analysis.__file__)).parent
    exported = {own for _, own in analysis._PLACES.values()}
    shared = {"inputs", "estimates", "noncentral", "location_scale", "stress_climb",
              "allan_covariance", "allan_terms", "convolution"}  # fmt: skip
    missing = [
        f"{path.stem}.{node.name}"
        for path in root.rglob("*.py")
        if path.stem not in {*shared, "__init__"}
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and node.name not in exported
    ]
    assert sorted(missing) == [
        "allan_noise.phase_covariance",
        "decisions.check_limits",
        "spectrum.finite_records",
    ]


@pytest.mark.parametrize("heavy", ["numpy", "scipy"])
def test_importing_the_analysis_imports_nothing_heavy(heavy: str) -> None:
    code = f"import sys, sensorbench.analysis; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
