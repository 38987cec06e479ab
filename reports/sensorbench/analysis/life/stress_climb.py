"""The peak of a life-stress likelihood and its profiles: one concave climb, free or along a plane.

With z = gamma . x + phi ln t every kind of observation is concave in (gamma, phi), as in
`location_scale`; any figure of the fit (a coefficient, sigma, a quantile at a stress, an
acceleration factor) held still is one linear equation between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.life.location_scale import (
    CLIMB_STEPS,
    GAIN_DONE,
    HALVINGS,
    Sample,
    derivatives,
    log_likelihood,
)


@dataclass(frozen=True, slots=True)
class Plane:
    """All points with normal . (gamma, phi) = distance."""

    normal: Floats
    distance: float


@dataclass(frozen=True, slots=True)
class Regression:
    """Log-lives (1, N) and the design (N, K) of their stresses, first column ones."""

    sample: Sample
    design: Floats

    def height(self, point: Floats) -> float:
        """Return the log-likelihood of ln t at a point (K + 1,): gamma and phi."""
        gamma = (self.design @ point[:-1])[None]
        return float(log_likelihood(self.sample, gamma, point[-1:])[0])

    def slopes(self, point: Floats) -> tuple[Floats, Floats]:
        """Return gradient (K + 1,) and second derivatives (K + 1, K + 1)."""
        gamma = (self.design @ point[:-1])[None]
        g, p, gg, gp, pp = (part[0] for part in derivatives(self.sample, gamma, point[-1:]))
        gradient = np.append(self.design.T @ g, p.sum())
        second = np.empty((len(point), len(point)))
        second[:-1, :-1] = (self.design * gg[:, None]).T @ self.design
        second[:-1, -1] = second[-1, :-1] = self.design.T @ gp
        second[-1, -1] = pp.sum()
        return gradient, second

    def climb(self, start: Floats, plane: Plane | None = None) -> tuple[Floats, float]:
        """Return the highest point, of a plane if one is given, and its height."""
        point = start.copy() if plane is None else _onto(start, plane)
        height = self.height(point)
        for _ in range(CLIMB_STEPS):
            gradient, second = self.slopes(point)
            step = _newton(gradient, second, plane)
            if not gradient @ step > GAIN_DONE:
                break
            share = 1.0
            # Never out of what has a sense: phi stays above 0.
            if step[-1] < 0:
                share = min(1.0, -0.875 * point[-1] / step[-1])
            for _ in range(HALVINGS):
                reached = self.height(point + share * step)
                if reached >= height - 1e-12 * abs(height):
                    break
                share /= 2
            else:
                break
            point, height = point + share * step, reached
        return point, height


def _onto(start: Floats, plane: Plane) -> Floats:
    """Return a point of the plane, by a change of gamma alone where that is possible."""
    along = plane.normal.copy()
    if along[:-1].any():
        along[-1] = 0.0
    return np.asarray(
        start + along * (plane.distance - plane.normal @ start) / (plane.normal @ along)
    )


def _newton(gradient: Floats, second: Floats, plane: Plane | None) -> Floats:
    size = len(gradient)
    # A direction in which the likelihood is flat is not walked to its end.
    second = second - 1e-10 * np.diag(np.maximum(np.abs(np.diag(second)), 1e-10))
    if plane is None:
        return np.asarray(np.linalg.solve(second, -gradient))
    scale = np.abs(np.diag(second)).max()
    whole = np.zeros((size + 1, size + 1))
    whole[:size, :size] = second
    whole[:size, size] = whole[size, :size] = plane.normal * scale
    return np.asarray(np.linalg.solve(whole, np.append(-gradient, 0.0))[:size])
