"""An example of every public function, and the floats of what it returns."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from sensorbench import analysis


class A:
    """Numbers of an example: small and whole, so that every type can hold them."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, np.float64)


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


def shaped(value: Any, form: Callable[[np.ndarray], Any]) -> Any:
    if isinstance(value, A):
        return form(value.values)
    if isinstance(value, list):
        return [shaped(each, form) for each in value]
    return value


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
