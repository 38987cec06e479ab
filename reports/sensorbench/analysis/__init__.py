# ruff: noqa: F401 - type checkers see these names here; they are loaded when used
"""Numerics: numpy in, results out; no I/O. What a user calls is here by name, loaded when used.

>>> from sensorbench.analysis import fit_curve
>>> fit_curve([0, 1, 2, 3, 4], [0, 2, 4, 6, 8.1]).at(10).round(1)
array([[20.2]])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sensorbench.analysis.capability.capability import Capability as Capability
    from sensorbench.analysis.capability.capability import capability as process_capability
    from sensorbench.analysis.capability.capability import cp_interval as cp_interval
    from sensorbench.analysis.capability.capability import cpk_interval as cpk_interval
    from sensorbench.analysis.capability.capability import (
        cpk_interval_bissell as cpk_interval_bissell,
    )
    from sensorbench.analysis.capability.capability import indices as capability_indices
    from sensorbench.analysis.capability.capability import performance as process_performance
    from sensorbench.analysis.capability.capability import ppm_outside as ppm_outside
    from sensorbench.analysis.capability.capability import required_cpk as required_cpk
    from sensorbench.analysis.capability.gage import AnovaTable as AnovaTable
    from sensorbench.analysis.capability.gage import GageStudy as GageStudy
    from sensorbench.analysis.capability.gage import gage_anova as gage_anova
    from sensorbench.analysis.capability.gage import gage_average_range as gage_average_range
    from sensorbench.analysis.capability.gage_intervals import (
        GageIntervals as GageIntervals,
    )
    from sensorbench.analysis.capability.gage_intervals import (
        gage_intervals as gage_intervals,
    )
    from sensorbench.analysis.capability.nonnormal import box_cox_performance as box_cox_performance
    from sensorbench.analysis.capability.nonnormal import (
        percentile_performance as percentile_performance,
    )
    from sensorbench.analysis.capability.normality import NormalityTest as NormalityTest
    from sensorbench.analysis.capability.normality import anderson_darling as anderson_darling
    from sensorbench.analysis.capability.normality import shapiro_wilk as shapiro_wilk
    from sensorbench.analysis.capability.order import ControlChart as ControlChart
    from sensorbench.analysis.capability.order import RunsTest as RunsTest
    from sensorbench.analysis.capability.order import control_chart as control_chart
    from sensorbench.analysis.capability.order import runs_test as runs_test
    from sensorbench.analysis.capability.order import (
        successive_differences_p as successive_differences_p,
    )
    from sensorbench.analysis.capability.outliers import EsdTest as EsdTest
    from sensorbench.analysis.capability.outliers import GrubbsTest as GrubbsTest
    from sensorbench.analysis.capability.outliers import generalised_esd as generalised_esd
    from sensorbench.analysis.capability.outliers import grubbs as grubbs
    from sensorbench.analysis.capability.pat import PatLimits as PatLimits
    from sensorbench.analysis.capability.pat import YieldLimits as YieldLimits
    from sensorbench.analysis.capability.pat import dynamic_pat as dynamic_pat
    from sensorbench.analysis.capability.pat import static_pat as static_pat
    from sensorbench.analysis.capability.pat import statistical_bin_limits as statistical_bin_limits
    from sensorbench.analysis.capability.pat import (
        statistical_yield_limits as statistical_yield_limits,
    )
    from sensorbench.analysis.capability.tolerance import ToleranceInterval as ToleranceInterval
    from sensorbench.analysis.capability.tolerance import tolerance_factor as tolerance_factor
    from sensorbench.analysis.capability.tolerance import tolerance_interval as tolerance_interval
    from sensorbench.analysis.errors import AnalysisError as AnalysisError
    from sensorbench.analysis.estimates import Estimate as Estimate
    from sensorbench.analysis.estimates import Figures as Figures
    from sensorbench.analysis.fit.adequacy import LackOfFit as LackOfFit
    from sensorbench.analysis.fit.adequacy import lack_of_fit as lack_of_fit
    from sensorbench.analysis.fit.axes import AffineFit as AffineFit
    from sensorbench.analysis.fit.axes import AxisErrors as AxisErrors
    from sensorbench.analysis.fit.axes import GyroFit as GyroFit
    from sensorbench.analysis.fit.axes import axis_errors as axis_errors
    from sensorbench.analysis.fit.axes import fit_affine as fit_affine
    from sensorbench.analysis.fit.axes import fit_gyro as fit_gyro
    from sensorbench.analysis.fit.calibration import fit_curve as fit_curve
    from sensorbench.analysis.fit.calibration import fit_polynomial as fit_polynomial
    from sensorbench.analysis.fit.ellipsoid import EllipsoidFit as EllipsoidFit
    from sensorbench.analysis.fit.ellipsoid import fit_ellipsoid as fit_ellipsoid
    from sensorbench.analysis.fit.fixed_point import FixedPoint as FixedPoint
    from sensorbench.analysis.fit.fixed_point import round_independently as round_independently
    from sensorbench.analysis.fit.fixed_point import round_sequentially as round_sequentially
    from sensorbench.analysis.fit.linearity import Linearity as Linearity
    from sensorbench.analysis.fit.linearity import linearity as linearity
    from sensorbench.analysis.fit.parameters import Repeatability as Repeatability
    from sensorbench.analysis.fit.parameters import TemperatureCoefficient as TemperatureCoefficient
    from sensorbench.analysis.fit.parameters import WorstPoint as WorstPoint
    from sensorbench.analysis.fit.parameters import cross_axis as cross_axis
    from sensorbench.analysis.fit.parameters import dead_band as dead_band
    from sensorbench.analysis.fit.parameters import hysteresis as hysteresis
    from sensorbench.analysis.fit.parameters import ratiometricity as ratiometricity
    from sensorbench.analysis.fit.parameters import repeatability as repeatability
    from sensorbench.analysis.fit.parameters import resolution as resolution
    from sensorbench.analysis.fit.parameters import start_up_time as start_up_time
    from sensorbench.analysis.fit.parameters import (
        temperature_coefficient as temperature_coefficient,
    )
    from sensorbench.analysis.fit.parameters import worst_point as worst_point
    from sensorbench.analysis.fit.polynomial import PolynomialFit as PolynomialFit
    from sensorbench.analysis.fit.polynomial import basis as basis
    from sensorbench.analysis.fit.robust import RobustFit as RobustFit
    from sensorbench.analysis.fit.robust import fit_robustly as fit_robustly
    from sensorbench.analysis.life.acceleration import HALLBERG_PECK_1991 as HALLBERG_PECK_1991
    from sensorbench.analysis.life.acceleration import PECK_1986 as PECK_1986
    from sensorbench.analysis.life.acceleration import SAC305_2005 as SAC305_2005
    from sensorbench.analysis.life.acceleration import Acceleration as Acceleration
    from sensorbench.analysis.life.acceleration import Arrhenius as Arrhenius
    from sensorbench.analysis.life.acceleration import CoffinManson as CoffinManson
    from sensorbench.analysis.life.acceleration import ExponentialVoltage as ExponentialVoltage
    from sensorbench.analysis.life.acceleration import InversePower as InversePower
    from sensorbench.analysis.life.acceleration import NorrisLandzberg as NorrisLandzberg
    from sensorbench.analysis.life.acceleration import Peck as Peck
    from sensorbench.analysis.life.acceleration import combine as combine_accelerations
    from sensorbench.analysis.life.drift import Change as Change
    from sensorbench.analysis.life.drift import Prediction as Prediction
    from sensorbench.analysis.life.drift import Trend as Trend
    from sensorbench.analysis.life.drift import change as change
    from sensorbench.analysis.life.drift import deltas as deltas
    from sensorbench.analysis.life.drift import predict as predict
    from sensorbench.analysis.life.drift import trend as trend
    from sensorbench.analysis.life.life_stress import LifeStressFit as LifeStressFit
    from sensorbench.analysis.life.life_stress import fit_life_stress as fit_life_stress
    from sensorbench.analysis.life.lifetime import LifeFit as LifeFit
    from sensorbench.analysis.life.lifetime import fit_lognormal as fit_lognormal
    from sensorbench.analysis.life.lifetime import fit_weibull as fit_weibull
    from sensorbench.analysis.life.lifetime import weibayes_scale_h as weibayes_scale_h
    from sensorbench.analysis.life.lifetimes import Lifetimes as Lifetimes
    from sensorbench.analysis.life.mission import MissionTest as MissionTest
    from sensorbench.analysis.life.mission import (
        equivalent_temperature_c as equivalent_temperature_c,
    )
    from sensorbench.analysis.life.mission import mission_test as mission_test
    from sensorbench.analysis.life.reliability import FailureRate as FailureRate
    from sensorbench.analysis.life.reliability import (
        demonstrated_reliability as demonstrated_reliability,
    )
    from sensorbench.analysis.life.reliability import failure_rate as failure_rate
    from sensorbench.analysis.life.reliability import fraction_bound as fraction_bound
    from sensorbench.analysis.life.reliability import fraction_interval as fraction_interval
    from sensorbench.analysis.life.reliability import sample_size as sample_size
    from sensorbench.analysis.life.reliability import (
        success_run_time_ratio as success_run_time_ratio,
    )
    from sensorbench.analysis.life.safety import SafetySplit as SafetySplit
    from sensorbench.analysis.life.safety import diagnostic_coverage as diagnostic_coverage
    from sensorbench.analysis.life.safety import split_failure_rate as split_failure_rate
    from sensorbench.analysis.life.survival import SurvivalCurve as SurvivalCurve
    from sensorbench.analysis.life.survival import kaplan_meier as kaplan_meier
    from sensorbench.analysis.life.turnbull import ReadoutSurvival as ReadoutSurvival
    from sensorbench.analysis.life.turnbull import turnbull as turnbull
    from sensorbench.analysis.noise.allan import Stability as Stability
    from sensorbench.analysis.noise.allan import allan_deviation as allan_deviation
    from sensorbench.analysis.noise.allan import octaves as octaves
    from sensorbench.analysis.noise.allan_fit import NoiseCoefficients as NoiseCoefficients
    from sensorbench.analysis.noise.allan_fit import confidence_interval as allan_interval
    from sensorbench.analysis.noise.allan_fit import noise_coefficients as noise_coefficients
    from sensorbench.analysis.noise.allan_fit import per_hour as per_hour
    from sensorbench.analysis.noise.allan_fit import (
        random_walk_of_density as random_walk_of_density,
    )
    from sensorbench.analysis.noise.allan_noise import (
        degrees_of_freedom as allan_degrees_of_freedom,
    )
    from sensorbench.analysis.noise.bandwidth import SineFit as SineFit
    from sensorbench.analysis.noise.bandwidth import StepResponse as StepResponse
    from sensorbench.analysis.noise.bandwidth import bandwidth_of_sweep as bandwidth_of_sweep
    from sensorbench.analysis.noise.bandwidth import fit_sine as fit_sine
    from sensorbench.analysis.noise.bandwidth import step_response as step_response
    from sensorbench.analysis.noise.spectrum import NoiseDensity as NoiseDensity
    from sensorbench.analysis.noise.spectrum import Spectrum as Spectrum
    from sensorbench.analysis.noise.spectrum import integrated_noise as integrated_noise
    from sensorbench.analysis.noise.spectrum import noise_density as noise_density
    from sensorbench.analysis.noise.spectrum import one_pole_noise as one_pole_noise
    from sensorbench.analysis.noise.spectrum import welch_spectrum as welch_spectrum
    from sensorbench.analysis.uncertainty.decisions import ILAC_G8 as ILAC_G8
    from sensorbench.analysis.uncertainty.decisions import ISO_14253 as ISO_14253
    from sensorbench.analysis.uncertainty.decisions import NON_BINARY as NON_BINARY
    from sensorbench.analysis.uncertainty.decisions import SIMPLE as SIMPLE
    from sensorbench.analysis.uncertainty.decisions import Decision as Decision
    from sensorbench.analysis.uncertainty.decisions import Outcome as Outcome
    from sensorbench.analysis.uncertainty.decisions import Rule as Rule
    from sensorbench.analysis.uncertainty.decisions import decide as decide
    from sensorbench.analysis.uncertainty.decisions import gage_limits as gage_limits
    from sensorbench.analysis.uncertainty.monte_carlo import Input as Input
    from sensorbench.analysis.uncertainty.monte_carlo import MonteCarlo as MonteCarlo
    from sensorbench.analysis.uncertainty.monte_carlo import (
        adaptive_monte_carlo as adaptive_monte_carlo,
    )
    from sensorbench.analysis.uncertainty.monte_carlo import monte_carlo as monte_carlo
    from sensorbench.analysis.uncertainty.monte_carlo import summarise as summarise
    from sensorbench.analysis.uncertainty.monte_carlo import tolerance_of as tolerance_of
    from sensorbench.analysis.uncertainty.monte_carlo import validate_gum as validate_gum
    from sensorbench.analysis.uncertainty.propagation import Propagated as Propagated
    from sensorbench.analysis.uncertainty.propagation import propagate as propagate
    from sensorbench.analysis.uncertainty.propagation import second_order as second_order
    from sensorbench.analysis.uncertainty.risk import GlobalRisk as GlobalRisk
    from sensorbench.analysis.uncertainty.risk import (
        conformance_probability as conformance_probability,
    )
    from sensorbench.analysis.uncertainty.risk import global_risk as global_risk
    from sensorbench.analysis.uncertainty.uncertainty import Budget as Budget
    from sensorbench.analysis.uncertainty.uncertainty import Component as Component
    from sensorbench.analysis.uncertainty.uncertainty import combine as combine
    from sensorbench.analysis.uncertainty.uncertainty import coverage_factor as coverage_factor
    from sensorbench.analysis.uncertainty.uncertainty import type_a as type_a
    from sensorbench.analysis.uncertainty.uncertainty import type_b as type_b

_WHERE = {
    "errors": "AnalysisError",
    "estimates": "Estimate Figures",
    "fit.adequacy": "LackOfFit lack_of_fit",
    "fit.axes": "AffineFit AxisErrors GyroFit axis_errors fit_affine fit_gyro",
    "fit.calibration": "fit_curve fit_polynomial",
    "fit.ellipsoid": "EllipsoidFit fit_ellipsoid",
    "fit.fixed_point": "FixedPoint round_independently round_sequentially",
    "fit.linearity": "Linearity linearity",
    "fit.parameters": (
        "Repeatability TemperatureCoefficient WorstPoint cross_axis dead_band hysteresis "
        "ratiometricity repeatability resolution start_up_time temperature_coefficient "
        "worst_point"
    ),
    "fit.polynomial": "PolynomialFit basis",
    "fit.robust": "RobustFit fit_robustly",
    "noise.allan": "Stability allan_deviation octaves",
    "noise.allan_fit": (
        "NoiseCoefficients confidence_interval=allan_interval noise_coefficients per_hour "
        "random_walk_of_density"
    ),
    "noise.allan_noise": "degrees_of_freedom=allan_degrees_of_freedom",
    "noise.bandwidth": "SineFit StepResponse bandwidth_of_sweep fit_sine step_response",
    "noise.spectrum": (
        "NoiseDensity Spectrum integrated_noise noise_density one_pole_noise welch_spectrum"
    ),
    "uncertainty.decisions": (
        "Decision ILAC_G8 ISO_14253 NON_BINARY Outcome Rule SIMPLE decide gage_limits"
    ),
    "uncertainty.monte_carlo": (
        "Input MonteCarlo adaptive_monte_carlo monte_carlo summarise tolerance_of validate_gum"
    ),
    "uncertainty.propagation": "Propagated propagate second_order",
    "uncertainty.risk": "GlobalRisk conformance_probability global_risk",
    "uncertainty.uncertainty": "Budget Component combine coverage_factor type_a type_b",
    "capability.capability": (
        "Capability capability=process_capability cp_interval cpk_interval "
        "cpk_interval_bissell indices=capability_indices performance=process_performance "
        "ppm_outside required_cpk"
    ),
    "capability.gage": "AnovaTable GageStudy gage_anova gage_average_range",
    "capability.gage_intervals": "GageIntervals gage_intervals",
    "capability.nonnormal": "box_cox_performance percentile_performance",
    "capability.normality": "NormalityTest anderson_darling shapiro_wilk",
    "capability.order": ("ControlChart RunsTest control_chart runs_test successive_differences_p"),
    "capability.outliers": "EsdTest GrubbsTest generalised_esd grubbs",
    "capability.pat": (
        "PatLimits YieldLimits dynamic_pat static_pat statistical_bin_limits "
        "statistical_yield_limits"
    ),
    "capability.tolerance": "ToleranceInterval tolerance_factor tolerance_interval",
    "life.acceleration": (
        "Acceleration Arrhenius CoffinManson ExponentialVoltage HALLBERG_PECK_1991 "
        "InversePower NorrisLandzberg PECK_1986 Peck SAC305_2005 "
        "combine=combine_accelerations"
    ),
    "life.drift": "Change Prediction Trend change deltas predict trend",
    "life.life_stress": "LifeStressFit fit_life_stress",
    "life.lifetime": "LifeFit fit_lognormal fit_weibull weibayes_scale_h",
    "life.lifetimes": "Lifetimes",
    "life.mission": "MissionTest equivalent_temperature_c mission_test",
    "life.reliability": (
        "FailureRate demonstrated_reliability failure_rate fraction_bound fraction_interval "
        "sample_size success_run_time_ratio"
    ),
    "life.safety": "SafetySplit diagnostic_coverage split_failure_rate",
    "life.survival": "SurvivalCurve kaplan_meier",
    "life.turnbull": "ReadoutSurvival turnbull",
}
"""Names by module; `own=public` where the module's own name means something else beside others."""

_PLACES = {
    entry.rpartition("=")[2]: (module, entry.partition("=")[0])
    for module, entries in _WHERE.items()
    for entry in entries.split()
}
__all__ = sorted(_PLACES)  # noqa: PLE0605 - the table is the list


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, own = _PLACES[name]
    value: object = getattr(import_module(f"{__name__}.{module}"), own)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
