"""Drift across readouts: change of each unit against its own first readout."""

from __future__ import annotations

from sensorbench.analysis.calibration import Floats


def deltas(values: Floats) -> Floats:
    """Return values less the first readout's; shape (D, R) in and out, column 0 is zero.

    NaN where a readout or the first one is not known.
    """
    difference: Floats = values - values[:, :1]
    return difference
