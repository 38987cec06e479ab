"""Gage R&R of a crossed study, by ANOVA and by average and range; parts x appraisers x trials.

On an automatic bench the "appraiser" is the socket, site or station. The two methods differ on the
same data (AIAG's own example passes ndc by ranges and fails it by ANOVA): the method is in the
result. Sources: AIAG MSA 4th edition, III.B (published results recalled, recomputed here).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Reasons, reasons_of
from sensorbench.analysis.inputs import Floats

K1 = {2: 0.8862, 3: 0.5908}
K2 = {2: 0.7071, 3: 0.5231}
K3 = {
    2: 0.7071,
    3: 0.5231,
    4: 0.4467,
    5: 0.4030,
    6: 0.3742,
    7: 0.3534,
    8: 0.3375,
    9: 0.3249,
    10: 0.3146,
}
"""One over d2* of a range, as AIAG prints it: of trials, appraisers and parts."""
NDC_FACTOR = 1.41
STUDY_SIGMAS = 6.0


@dataclass(frozen=True, slots=True)
class GageStudy:
    """Standard deviations in the unit of the readings; shape (...) of the leading axes.

    `ev` equipment (repeatability), `av` appraiser, `interaction`, `grr` all three, `pv` part, `tv`
    total. NaN, with its reason, for a study with an unknown reading or without any spread, and for
    `ev`, `grr` and `tv` where all trials are equal and no resolution was given.
    """

    ev: Floats
    av: Floats
    interaction: Floats
    grr: Floats
    pv: Floats
    tv: Floats
    method: str
    reasons: Reasons

    def percent_study(self, sigma: Floats) -> Floats:
        """Return a component as % of the total standard deviation; these do not add up to 100."""
        return 100 * sigma / self.tv

    def percent_contribution(self, sigma: Floats) -> Floats:
        """Return a component as % of the total variance; these add up to 100."""
        return 100 * sigma**2 / self.tv**2

    def percent_tolerance(self, sigma: Floats, tolerance: npt.ArrayLike) -> Floats:
        """Return six sigmas of a component as % of the tolerance (high limit less low)."""
        width = inputs.known("tolerance", tolerance, 0.0, open_ends=True)
        return 100 * STUDY_SIGMAS * sigma / width

    @property
    def percent_grr(self) -> Floats:
        """%GRR of the study: below 10 good, to 30 conditional, above bad (AIAG)."""
        return self.percent_study(self.grr)

    @property
    def ndc(self) -> Floats:
        """Number of distinct categories, 1.41 pv / grr cut to a whole number; 5 are wanted."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.floor(NDC_FACTOR * self.pv / self.grr))


@dataclass(frozen=True, slots=True)
class AnovaTable:
    """Two-way table of a crossed study: sums of squares (...), degrees of freedom, tests.

    F of part and appraiser are against the interaction, or against the pooled error where `pooled`.
    """

    ss_part: Floats
    ss_appraiser: Floats
    ss_interaction: Floats
    ss_error: Floats
    dof_part: int
    dof_appraiser: int
    dof_interaction: int
    dof_error: int
    f_interaction: Floats
    p_interaction: Floats
    f_part: Floats
    f_appraiser: Floats
    pooled: npt.NDArray[np.bool_]
    pooling_alpha: float


def gage_anova(
    readings: npt.ArrayLike, pooling_alpha: float = 0.05, resolution: float = 0.0
) -> tuple[GageStudy, AnovaTable]:
    """Analyse readings (..., parts, appraisers, trials), at least 2 of each.

    The interaction is pooled with the error where its p-value exceeds `pooling_alpha`: 0.05 is
    today's default of Minitab, 0.25 its older one (sources differ on which AIAG means); 1 never
    pools, 0 always does. Negative variance components are set to 0. Equipment is no better than its
    `resolution` (a step, in the unit of the readings): EV is at least that / sqrt(12).
    """
    data = _readings(readings)
    parts, appraisers, trials = data.shape[-3:]
    alpha = float(inputs.known("pooling_alpha", pooling_alpha, 0.0, 1.0))
    grand = data.mean(axis=(-3, -2, -1), keepdims=True)
    part = data.mean(axis=(-2, -1), keepdims=True)
    appraiser = data.mean(axis=(-3, -1), keepdims=True)
    cell = data.mean(axis=-1, keepdims=True)
    ss_part = appraisers * trials * _sum_of_squares(part - grand)
    ss_appraiser = parts * trials * _sum_of_squares(appraiser - grand)
    ss_interaction = trials * _sum_of_squares(cell - part - appraiser + grand)
    ss_error = _sum_of_squares(data - cell)
    dof_part, dof_appraiser = parts - 1, appraisers - 1
    dof_interaction, dof_error = dof_part * dof_appraiser, parts * appraisers * (trials - 1)
    ms_interaction, ms_error = ss_interaction / dof_interaction, ss_error / dof_error
    with np.errstate(divide="ignore", invalid="ignore"):
        f_interaction = ms_interaction / ms_error
        p_interaction = np.asarray(special.fdtrc(dof_interaction, dof_error, f_interaction))
        pooled = p_interaction > alpha
        ms_pooled = (ss_interaction + ss_error) / (dof_interaction + dof_error)
        ms_repeat = np.where(pooled, ms_pooled, ms_error)
        ms_below = np.where(pooled, ms_pooled, ms_interaction)
        ms_part, ms_appraiser = ss_part / dof_part, ss_appraiser / dof_appraiser
        table = AnovaTable(
            ss_part, ss_appraiser, ss_interaction, ss_error,
            dof_part, dof_appraiser, dof_interaction, dof_error,
            f_interaction, p_interaction, ms_part / ms_below, ms_appraiser / ms_below,
            pooled, alpha,
        )  # fmt: skip
    study = _study(
        data,
        resolution,
        ms_repeat,
        np.maximum(ms_appraiser - ms_below, 0) / (parts * trials),
        np.maximum(ms_below - ms_repeat, 0) / trials,
        np.maximum(ms_part - ms_below, 0) / (appraisers * trials),
        f"ANOVA, interaction pooled above p = {alpha:g}",
    )
    return study, table


def gage_average_range(readings: npt.ArrayLike, resolution: float = 0.0) -> GageStudy:
    """Analyse readings (..., parts, appraisers, trials) by AIAG's average and range method.

    2 to 10 parts, 2 or 3 appraisers and trials, for which AIAG prints its constants. It knows no
    interaction. `resolution` is as for `gage_anova`.
    """
    data = _readings(readings)
    parts, appraisers, trials = data.shape[-3:]
    if parts not in K3 or appraisers not in K2 or trials not in K1:
        raise AnalysisError(
            f"average and range needs 2 to 10 parts, 2 or 3 appraisers and trials, got {parts}, "
            f"{appraisers} and {trials}: use gage_anova"
        )
    ev = np.ptp(data, axis=-1).mean(axis=(-2, -1)) * K1[trials]
    apart = np.ptp(data.mean(axis=(-3, -1)), axis=-1)
    av = (apart * K2[appraisers]) ** 2 - ev**2 / (parts * trials)
    pv = np.ptp(data.mean(axis=(-2, -1)), axis=-1) * K3[parts]
    return _study(
        data,
        resolution,
        ev**2,
        np.maximum(av, 0.0),
        np.zeros_like(ev),
        pv**2,
        "average and range (AIAG)",
    )


def _readings(readings: npt.ArrayLike) -> Floats:
    data = inputs.readings("readings", readings, ndim=3)
    if min(data.shape[-3:]) < 2:
        raise AnalysisError(
            f"a gage study needs 2 parts, appraisers and trials at least, got {data.shape[-3:]}"
        )
    return data


def _sum_of_squares(deviation: Floats) -> Floats:
    return np.asarray((deviation**2).sum(axis=(-3, -2, -1)))


def _study(
    data: Floats,
    resolution: float,
    repeat: Floats,
    appraiser: Floats,
    interaction: Floats,
    part: Floats,
    method: str,
) -> GageStudy:
    """Take the roots of the variance components; NaN where the study has no spread at all."""
    flat = ~inputs.varied(data, (-3, -2, -1))
    step = inputs.number("resolution", resolution, 0.0)
    # Equal trials of a gage with a resolution are no proof that it has no spread.
    equal = (np.ptp(data, axis=-1) == 0).all(axis=(-2, -1)) & (step == 0)
    repeat = np.where(equal, np.nan, np.maximum(repeat, step**2 / 12))
    grr = repeat + appraiser + interaction
    ev, av, both, gauge, pv, tv = (
        np.where(flat, np.nan, np.sqrt(variance))
        for variance in (repeat, appraiser, interaction, grr, part, grr + part)
    )
    reasons = reasons_of(
        (np.asarray(~np.isfinite(data).all(axis=(-3, -2, -1))), "a reading is not known"),
        (flat, "all readings are equal"),
        (np.asarray(equal), "all trials are equal: give the resolution"),
    )
    return GageStudy(ev, av, both, gauge, pv, tv, method, reasons)
