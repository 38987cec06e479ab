"""The half-width that a sum of errors keeps with a probability, from their distributions.

Where few readings stand behind an uncertainty, Welch and Satterthwaite's normal-like sum holds less
than it states. A Type A error of n readings is u times Student's t, a rectangular one is
rectangular: their sum is inverted from its characteristic function, as JCGM 101 would draw it
(6.4.9.4 for t), without drawing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from sensorbench.analysis.inputs import Floats

Shape = Literal["normal", "rectangular", "triangular", "arcsine", "resolution"]

_NODES = 16
_LAST = 3000.0
"""Radians per u beyond which nothing of a sum of two or more errors is left to 1e-6."""
_NEGLIGIBLE = 1e-14
_NORMAL_FROM = 150.0
_BISECTIONS = 45


@dataclass(frozen=True, slots=True)
class Error:
    """One independent error of standard uncertainty u: Student's t if its freedom is finite."""

    u: float
    shape: Shape
    freedom: float


def half_width(errors: Sequence[Error], probability: float) -> float:
    """Return the half-width, in the unit of u, that the sum of errors keeps with `probability`."""
    errors = [error for error in errors if error.u > 0]
    if len(errors) == 1:
        return errors[0].u * _alone(errors[0], probability)
    total = math.sqrt(sum(error.u**2 for error in errors))
    omega, weights = _grid()
    known = np.ones_like(omega)
    for error in errors:
        known *= _characteristic(error, omega * error.u / total)
    known *= weights / omega * 2 / math.pi
    heard = np.abs(known) > _NEGLIGIBLE * np.abs(known).max()
    omega, known = omega[heard], known[heard]
    low, high = 0.0, 2.0
    while float(np.sin(high * omega) @ known) < probability and high < 1e6:
        high *= 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        inside = float(np.sin(middle * omega) @ known)
        low, high = (middle, high) if inside < probability else (low, middle)
    return total * high


def _alone(error: Error, probability: float) -> float:
    upper = (1 + probability) / 2
    if math.isfinite(error.freedom):
        return float(special.stdtrit(error.freedom, upper))
    match error.shape:
        case "rectangular" | "resolution":
            return math.sqrt(3) * probability
        case "triangular":
            return math.sqrt(6) * (1 - math.sqrt(1 - probability))
        case "arcsine":
            return math.sqrt(2) * math.sin(math.pi / 2 * probability)
        case _:
            return float(special.ndtri(upper))


def _grid() -> tuple[Floats, Floats]:
    """Return nodes and weights over 0 to `_LAST`, close together near 0 where most is."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    edges = np.concatenate([np.linspace(0, 60, 600), np.linspace(60, _LAST, 3000)[1:]])
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (nodes + 1)).ravel(), (half * weights).ravel()


def _characteristic(error: Error, t: Floats) -> Floats:
    """Return the characteristic function at t = omega u, of the error over its u."""
    if math.isfinite(error.freedom) and error.freedom < _NORMAL_FROM:
        half = error.freedom / 2
        z = math.sqrt(error.freedom) * t
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            log = np.log(special.kve(half, z)) - z + half * np.log(z)
        log = log - special.gammaln(half) - (half - 1) * math.log(2)
        # Bessel's function overflows where the value is 1.
        return np.where(np.isfinite(log), np.exp(np.minimum(log, 0.0)), np.where(z < 1, 1.0, 0.0))
    match error.shape:
        case "rectangular" | "resolution":
            return np.asarray(np.sinc(math.sqrt(3) * t / math.pi), np.float64)
        case "triangular":
            return np.asarray(np.sinc(math.sqrt(6) * t / 2 / math.pi) ** 2, np.float64)
        case "arcsine":
            return np.asarray(special.j0(math.sqrt(2) * t), np.float64)
        case _:
            return np.asarray(np.exp(-(t**2) / 2), np.float64)
