"""What is known of each unit's life: exact, or between two times. A readout is never a life."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Lives in hours (or cycles) of N entries, shapes (..., N); the leading axes are separate sets.

    Failed `after_h` and not after `before_h`: equal for an exact failure, `before_h` infinite for a
    survivor (right censored), `after_h` 0 for one found failed at its first readout (left
    censored). `units` is how many units each entry stands for; 0 is padding. Raises AnalysisError
    if a time is negative or unknown, or the two are in the wrong order.
    """

    after_h: Floats
    before_h: Floats
    units: Floats

    def __post_init__(self) -> None:
        after, before, units = inputs.same_shape(
            "after_h, before_h and units",
            *(
                inputs.limits(name, getattr(self, name))
                for name in ("after_h", "before_h", "units")
            ),
        )
        for name, value in (("after_h", after), ("before_h", before), ("units", units)):
            object.__setattr__(self, name, value)
        inputs.array("after_h", after, ndim=1)
        inputs.known("units", units, least=0.0)
        used = units > 0
        right_order = (after >= 0) & (before > 0) & (before >= after) & np.isfinite(after)
        right_order &= (before < np.inf) | (after > 0)
        if not right_order[used].all():
            bad = np.flatnonzero(used & ~right_order)[0]
            raise AnalysisError(
                f"lives need 0 <= after_h <= before_h and one above 0, got "
                f"{after.flat[bad]:g} and {before.flat[bad]:g} h"
            )

    @classmethod
    def of(cls, lives: Lifetimes | npt.ArrayLike, name: str = "lives") -> Lifetimes:
        """Return lives as they are, or those of failure times in hours of units that all failed."""
        if isinstance(lives, Lifetimes):
            return lives
        try:
            return cls.exact(np.atleast_1d(inputs.numbers("lives", lives)))
        except AnalysisError as refusal:
            raise AnalysisError(
                f"{name} must be Lifetimes (Lifetimes.exact, Lifetimes.readouts) or the failure "
                f"times in h of units that all failed: {refusal}"
            ) from None

    @classmethod
    def exact(cls, failed_h: npt.ArrayLike, survived_h: npt.ArrayLike | None = None) -> Lifetimes:
        """Build lives of units seen failing at `failed_h` (..., F) and alive at `survived_h`.

        Either may be empty; a test without a failure is lives that are all survivors. Raises
        AnalysisError if both are.
        """
        failed = inputs.numbers("failed_h", failed_h).astype(np.float64)
        if survived_h is None or not np.size(survived_h):
            failed = inputs.array("failed_h", failed, ndim=1)
            return cls(failed, failed, np.ones_like(failed))
        survived = inputs.array("survived_h", survived_h, ndim=1)
        if not failed.size:
            failed = np.empty((*survived.shape[:-1], 0))
        if failed.shape[:-1] != survived.shape[:-1]:
            raise AnalysisError(
                f"failed_h {failed.shape} and survived_h {survived.shape} are not of the same sets"
            )
        after = np.concatenate([failed, survived], axis=-1)
        before = np.concatenate([failed, np.full_like(survived, np.inf)], axis=-1)
        return cls(after, before, np.ones_like(after))

    @classmethod
    def readouts(
        cls, readout_h: npt.ArrayLike, failed: npt.ArrayLike, survivors: npt.ArrayLike
    ) -> Lifetimes:
        """Build lives from readouts at `readout_h` (R,), newly failed (..., R), survivors (...).

        >>> Lifetimes.readouts([168, 500, 1000], [1, 0, 2], survivors=228).after_h
        array([   0.,  168.,  500., 1000.])
        """
        times = inputs.known("readout_h", readout_h, 0.0)
        found = inputs.whole("failed", failed)
        alive = inputs.whole("survivors", survivors)
        if times.ndim != 1 or (np.diff(times, prepend=0.0) <= 0).any():
            raise AnalysisError(f"readout_h must increase from above 0, got {times}")
        if found.shape[-1:] != times.shape or found.shape[:-1] != alive.shape:
            raise AnalysisError(
                f"failed {found.shape} must be one a readout {times.shape}, survivors one a set"
            )
        units = np.concatenate([found, alive[..., None]], axis=-1)
        after = np.broadcast_to(np.concatenate([[0.0], times]), units.shape)
        before = np.broadcast_to(np.concatenate([times, [np.inf]]), units.shape)
        return cls(after, before, units)

    @property
    def failures(self) -> Floats:
        """How many units failed, per set."""
        return np.asarray(np.where(np.isfinite(self.before_h), self.units, 0.0).sum(axis=-1))

    @property
    def total(self) -> Floats:
        """How many units there are, per set."""
        return np.asarray(self.units.sum(axis=-1))
