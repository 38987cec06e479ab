"""Largest distance of the readings from their best straight line (IEC 61298-2, least squares)."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measures._line import line
from sensorbench.assessment.measuring import Found, Inputs
from sensorbench.assessment.results import Series

VERSION = "1"


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the largest residual, with its sign, for each set of other conditions."""
    found = []
    for at, group in inputs.groups(varying_only=True):
        _, _, residuals = line(group.stimuli(), group.table())
        if residuals.shape[1] < 3:
            values = np.full(len(residuals), np.nan)
        else:
            worst = np.nanargmax(np.where(np.isfinite(residuals), np.abs(residuals), -1.0), axis=1)
            values = residuals[np.arange(len(residuals)), worst]
        found.append(Found(values, list(group.readouts), {}, at))
    return found, []
