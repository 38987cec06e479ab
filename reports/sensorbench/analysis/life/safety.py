"""Hardware safety metrics of ISO 26262-5:2018 (recalled): failure-rate split, SPFM, LFM, PMHF."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate
from sensorbench.analysis.inputs import Floats

TARGETS = {
    "B": (0.90, 0.60, 100.0),
    "C": (0.97, 0.80, 100.0),
    "D": (0.99, 0.90, 10.0),
}
"""SPFM and LFM at least, PMHF in FIT below, for each ASIL (recommended only for B)."""


@dataclass(frozen=True, slots=True)
class SafetySplit:
    """Failure rates in FIT of each element (..., elements), and the metrics of the whole (...).

    safe + single_point + residual + latent + perceived is the element's rate. `single_point` is the
    rate of elements without any mechanism, `residual` what a mechanism misses. `pmhf_fit` is
    single_point + residual, plus the dual-point term if a lifetime was given.
    """

    safe_fit: Floats
    single_point_fit: Floats
    residual_fit: Floats
    latent_fit: Floats
    perceived_fit: Floats
    spfm: Floats
    lfm: Floats
    pmhf_fit: Floats

    def meets(self, asil: str) -> npt.NDArray[np.bool_]:
        """Tell whether all three targets of ASIL "B", "C" or "D" are met; unknown is not met."""
        inputs.one_of("ASIL", asil, tuple(TARGETS))
        spfm, lfm, pmhf = TARGETS[asil]
        return np.asarray((self.spfm >= spfm) & (self.lfm >= lfm) & (self.pmhf_fit < pmhf))


def split_failure_rate(
    rate_fit: npt.ArrayLike,
    unsafe_fraction: npt.ArrayLike,
    coverage: npt.ArrayLike,
    latent_coverage: npt.ArrayLike,
    lifetime_h: float | None = None,
    mechanism_fit: float = 0.0,
) -> SafetySplit:
    """Split failure rates of elements (..., elements) by what their faults do.

    Of each rate `unsafe_fraction` can violate the safety goal; `coverage` of it is caught by a
    mechanism, and of what is caught `latent_coverage` is perceived before a second fault. A
    coverage of 0 is an element with single-point faults. With a lifetime, the dual-point term
    0.5 x covered rate x `mechanism_fit` x lifetime is added to PMHF (ISO 26262-10:2018, 8.3).

    >>> found = split_failure_rate([50.0], [0.5], [0.99], [0.9])
    >>> round(float(found.spfm), 4), round(float(found.lfm), 4), round(float(found.pmhf_fit), 3)
    (0.995, 0.9503, 0.25)
    """
    rate, unsafe, caught, seen = inputs.same_shape(
        "rates and their fractions",
        inputs.known("rate_fit", rate_fit, 0.0),
        inputs.known("unsafe_fraction", unsafe_fraction, 0.0, 1.0),
        inputs.known("coverage", coverage, 0.0, 1.0),
        inputs.known("latent_coverage", latent_coverage, 0.0, 1.0),
    )
    inputs.array("rate_fit", rate, ndim=1)
    dangerous = rate * unsafe
    missed = dangerous * (1 - caught)
    covered = dangerous * caught
    latent = covered * (1 - seen)
    single = np.where(caught == 0, missed, 0.0)
    total, hits = dangerous.sum(axis=-1), missed.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        # The denominators hold the safety-related elements' whole rate.
        related = np.where(unsafe > 0, rate, 0.0).sum(axis=-1)
        spfm = 1 - hits / related
        lfm = 1 - latent.sum(axis=-1) / (related - hits)
    pmhf = hits
    mechanism = inputs.number("mechanism_fit", mechanism_fit, 0.0)
    if lifetime_h is not None:
        span = inputs.number("lifetime_h", lifetime_h, 0.0)
        pmhf = pmhf + 0.5 * (total - hits) * mechanism * 1e-9 * span
    return SafetySplit(
        rate - dangerous, single, missed - single, latent, covered - latent, spfm, lfm, pmhf
    )


def diagnostic_coverage(
    detected: npt.ArrayLike, injected: npt.ArrayLike, confidence: float = 0.95
) -> Estimate:
    """Return detected / injected faults with its one-sided lower bound (`high` is 1).

    Exact binomial, for faults drawn at random from the fault list: a chosen few prove nothing about
    the rest.

    >>> found = diagnostic_coverage(299, 299)  # 299 of 299 show 99 % at 95 % confidence
    >>> round(float(found.low), 4)
    0.99
    """
    level = inputs.share("confidence", confidence)
    hits, tries = inputs.same_shape(
        "detected and injected",
        inputs.whole("detected", detected),
        inputs.whole("injected", injected, 1),
    )
    if (hits > tries).any():
        raise AnalysisError("more faults detected than injected")
    low = special.betaincinv(np.maximum(hits, 1), tries - hits + 1, 1 - level)
    return Estimate(hits / tries, np.where(hits > 0, low, 0.0), np.ones_like(hits), level)
