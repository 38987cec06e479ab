"""How well a gage study knows its own figures: three appraisers say little about appraisers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorbench.analysis import inputs, ours
from sensorbench.analysis.capability.gage import AnovaTable, GageStudy
from sensorbench.analysis.estimates import Estimate
from sensorbench.analysis.inputs import Floats

_DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class GageIntervals:
    """Intervals of a crossed study (...): standard deviations in the unit of the readings, and %.

    Generalised intervals, which hold what the docs say; that of `ev` is the chi-squared one.
    """

    ev: Estimate
    grr: Estimate
    pv: Estimate
    percent_grr: Estimate


def gage_intervals(
    study: GageStudy, table: AnovaTable, confidence: float = 0.95, seed: int = 0
) -> GageIntervals:
    """Return intervals of the figures of `gage_anova`: its two results, as they come.

    Generalised confidence intervals, with the interaction not pooled: each mean square over its own
    chi-squared, drawn 20 000 times. Values are the study's. NaN for a study without an answer.
    Source: Burdick, Borror and Montgomery, Design and Analysis of Gauge R&R Studies (2005), 3.
    """
    study = ours.own("study", study, GageStudy, "gage_anova")
    table = ours.own("table", table, AnovaTable, "gage_anova")
    level = inputs.share("confidence", confidence)
    seed = inputs.count("seed", seed)
    parts, appraisers = table.dof_part + 1, table.dof_appraiser + 1
    trials = table.dof_error // (parts * appraisers) + 1
    freedom = (table.dof_part, table.dof_appraiser, table.dof_interaction, table.dof_error)
    sums = (table.ss_part, table.ss_appraiser, table.ss_interaction, table.ss_error)
    stream = np.random.Generator(np.random.Philox(key=np.array([seed, 1], np.uint64)))
    drawn = [stream.chisquare(dof, _DRAWS) for dof in freedom]

    def figures(squares: list[Floats]) -> tuple[Floats, ...]:
        part, appraiser, both, error = squares
        ev = np.sqrt(error)
        gauge = appraiser + (parts - 1) * both + parts * (trials - 1) * error
        grr = np.sqrt(np.maximum(gauge, 0.0) / (parts * trials))
        pv = np.sqrt(np.maximum(part - both, 0.0) / (appraisers * trials))
        with np.errstate(invalid="ignore", divide="ignore"):
            return ev, grr, pv, 100 * grr / np.hypot(grr, pv)

    values = (study.ev, study.grr, study.pv, study.percent_grr)
    many = figures([np.asarray(ss)[..., None] / w for ss, w in zip(sums, drawn, strict=True)])
    tails = ((1 - level) / 2, (1 + level) / 2)
    found = []
    for value, each in zip(values, many, strict=True):
        low, high = np.where(np.isnan(value), np.nan, np.quantile(each, tails, axis=-1))
        found.append(Estimate(value, np.asarray(low), np.asarray(high), level))
    return GageIntervals(found[0], found[1], found[2], found[3])
