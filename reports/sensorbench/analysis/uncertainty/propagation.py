"""First-order propagation for whole arrays at once; JCGM 100:2008, 5.1 and 5.2."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats

Model = Callable[..., npt.ArrayLike]
"""Takes K arrays, returns the measurand elementwise; it sees whole arrays, never one value."""

BLOCK = 12288
"""Values worked on at a time, so that what a model leaves behind stays in a core's cache."""


@dataclass(frozen=True, slots=True)
class Propagated:
    """Value and standard uncertainty (...) of the measurand, in its unit.

    `contributions` (K, ...), if asked for, are c_i u_i with their sign: what the reference or the
    bath has in common to all DUTs can be added up apart, as it does not average down over them.
    """

    value: Floats
    u: Floats
    contributions: Floats | None


@dataclass(frozen=True, slots=True)
class SecondOrder:
    """What first order leaves out, in the unit of the measurand: a shift and an uncertainty (...).

    First order does if neither is above some 5 % of its u; else take `monte_carlo`.
    """

    shift: Floats
    u: Floats


@np.errstate(all="ignore")  # what is not finite is not known, and said so by NaN
def propagate(
    model: Model,
    values: Sequence[npt.ArrayLike],
    uncertainties: Sequence[npt.ArrayLike],
    *,
    correlation: npt.ArrayLike | None = None,
    jacobian: Callable[..., Sequence[npt.ArrayLike]] | None = None,
    keep_contributions: bool = False,
) -> Propagated:
    """Return y = model(x_1, ..., x_K) and u(y) for arrays of any shapes that broadcast together.

    u^2 = sum_ij (c_i u_i)(c_j u_j) r_ij, `correlation` (K, K). Sensitivities come from `jacobian`,
    which returns K arrays, or from central differences with step u_i: two evaluations an input,
    exact for quadratics. `second_order` tells whether first order does for this model.

    A value or uncertainty that is not known or infinite gives NaN there, nothing else; so does a
    model that has no finite value or change there (a division by 0), without a warning. Raises
    AnalysisError: no input, numbers of inputs that differ, shapes that don't broadcast, u below 0,
    a correlation that is none, a model that returns another shape.

    >>> found = propagate(lambda v, i: v / i, [10.0, 2.0], [0.1, 0.01])
    >>> float(found.value), round(float(found.u), 4)
    (5.0, 0.0559)
    """
    x, u, shape = _inputs(values, uncertainties)
    count, size = len(x), math.prod(shape)
    r = None if correlation is None else _correlation(correlation, count)
    value, deviation = np.empty(size), np.empty(size)
    kept = np.empty((count, size)) if keep_contributions else None
    work = np.empty((count, BLOCK))
    for start in range(0, size, BLOCK):
        at = slice(start, min(start + BLOCK, size))
        length = at.stop - start
        here = [a[at] if a.size > 1 else np.full(length, a) for a in x]
        spread = [a[at] if a.size > 1 else a for a in u]
        value[at] = _evaluate(model, here)
        parts = work[:, :length] if kept is None else kept[:, at]
        if jacobian is None:
            _central_differences(model, here, spread, parts)
        else:
            _analytic(jacobian, here, spread, parts)
        if kept is not None:
            parts[np.isinf(parts)] = np.nan
        correlated = parts if r is None else r @ parts
        variance = np.einsum("ks,ks->s", parts, correlated, out=deviation[at])
        if r is not None:
            np.maximum(variance, 0.0, out=variance)  # full correlation may leave -1e-17
        np.sqrt(variance, out=variance)
        _forget_infinite(value[at], variance)
    return Propagated(
        value.reshape(shape),
        deviation.reshape(shape),
        None if kept is None else kept.reshape(count, *shape),
    )


@np.errstate(all="ignore")
def second_order(
    model: Model, values: Sequence[npt.ArrayLike], uncertainties: Sequence[npt.ArrayLike]
) -> SecondOrder:
    """Return the second-order terms of independent normal inputs; JCGM 100, note to 5.1.2.

    Shift 1/2 sum f_ii u_i^2; u^2 = 1/2 sum_ij (f_ij u_i u_j)^2 by central differences, products of
    two inputs included, which no check of one input at a time would see (end gauge, H.1: a
    tenth of u; buoyancy of a mass, JCGM 101, 9.3: as much as u). Third derivatives are left out.
    Raises AnalysisError as `propagate`.

    >>> found = second_order(lambda a, b: a * b, [0.0, 0.0], [3.0, 2.0])
    >>> float(found.shift), float(found.u)
    (0.0, 6.0)
    """
    x, u, shape = _inputs(values, uncertainties)
    size = math.prod(shape)
    x, u = ([np.broadcast_to(a, size) for a in arrays] for arrays in (x, u))

    def moved(steps: dict[int, float]) -> Floats:
        return _evaluate(model, [a + steps.get(k, 0.0) * u[k] for k, a in enumerate(x)])

    centre, shift, variance = moved({}), np.zeros(size), np.zeros(size)
    for i in range(len(x)):
        bend = moved({i: 1.0}) + moved({i: -1.0}) - 2 * centre
        shift += bend / 2
        variance += bend**2 / 2
        for j in range(i):
            same = moved({i: 1.0, j: 1.0}) + moved({i: -1.0, j: -1.0})
            opposite = moved({i: 1.0, j: -1.0}) + moved({i: -1.0, j: 1.0})
            variance += ((same - opposite) / 4) ** 2
    deviation = np.sqrt(variance)
    _forget_infinite(shift, deviation)
    return SecondOrder(shift.reshape(shape), deviation.reshape(shape))


def _inputs(
    values: Sequence[npt.ArrayLike], uncertainties: Sequence[npt.ArrayLike]
) -> tuple[list[Floats], list[Floats], tuple[int, ...]]:
    """Return both, flat and of the full size or of one, and the shape they broadcast to."""
    if not values or len(values) != len(uncertainties):
        raise AnalysisError(
            f"{len(values)} values and {len(uncertainties)} uncertainties: each input needs both"
        )
    x = [inputs.of_any_length("values", value) for value in values]
    u = [inputs.of_any_length("uncertainties", each) for each in uncertainties]
    shapes = [a.shape for a in (*x, *u)]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise AnalysisError(f"inputs of shapes {shapes} don't broadcast together") from None
    if any(np.any(a < 0) for a in u):
        raise AnalysisError("a standard uncertainty is below 0")
    size = math.prod(shape)
    x, u = (
        [a if a.size in {1, size} else np.broadcast_to(a, shape) for a in arrays]
        for arrays in (x, u)
    )
    return [a.reshape(-1) for a in x], [a.reshape(-1) for a in u], shape


def _correlation(correlation: npt.ArrayLike, count: int) -> Floats:
    """Return r, once it is known to be a correlation matrix of so many inputs."""
    r = inputs.array("correlation", correlation)
    symmetric = r.shape == (count, count) and np.allclose(r, r.T) and np.allclose(np.diag(r), 1.0)
    if not symmetric or np.linalg.eigvalsh(r).min() < -1e-9:
        raise AnalysisError(
            f"correlation must be a symmetric, positive matrix ({count}, {count}) with 1 on its "
            f"diagonal, got {r.tolist()}"
        )
    return r


def _forget_infinite(value: Floats, u: Floats) -> None:
    """Make NaN of what is infinite in either; a product tells of both in one pass, in cache."""
    if not math.isfinite(value.dot(u)):
        for each in (value, u):
            each[np.isinf(each)] = np.nan


def _evaluate(model: Model, x: Sequence[Floats]) -> Floats:
    """Return the model's values, once they are known to be one for each input."""
    y = np.asarray(inputs.numbers("the model's values", model(*x), of_any_size=True), np.float64)
    if y.shape != x[0].shape:
        raise AnalysisError(f"the model made shape {y.shape} of {x[0].shape}; it must keep it")
    return y


def _central_differences(
    model: Model, x: Sequence[Floats], u: Sequence[Floats], parts: Floats
) -> None:
    """Write c_i u_i to `parts` (K, n)."""
    for i, (at, step) in enumerate(zip(x, u, strict=True)):
        above = _evaluate(model, [*x[:i], at + step, *x[i + 1 :]])
        below = _evaluate(model, [*x[:i], at - step, *x[i + 1 :]])
        np.subtract(above, below, out=parts[i])
    parts *= 0.5


def _analytic(
    jacobian: Callable[..., Sequence[npt.ArrayLike]],
    x: Sequence[Floats],
    u: Sequence[Floats],
    parts: Floats,
) -> None:
    """Write c_i u_i to `parts` (K, n), from the caller's derivatives."""
    rows = jacobian(*x)
    if len(rows) != len(x):
        raise AnalysisError(f"the Jacobian has {len(rows)} derivatives for {len(x)} inputs")
    for row, step, part in zip(rows, u, parts, strict=True):
        np.multiply(row, step, out=part)
