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

from .examples import (
    EXAMPLES,
    FIT,
    FUNCTIONS,
    LIVES,
    POSITIVE,
    SPHERE,
    STAR,
    A,
    floats,
    is_explained,
    shaped,
)


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

SHARES = {"confidence", "coverage", "level", "probability", "alpha", "share"}


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
    if name.startswith("round_") and size > 2.0**60:
        return  # more steps than a word holds
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
    shared = {"inputs", "ours", "estimates", "noncentral", "location_scale", "stress_climb",
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
