"""The fit of a calibration: each unit's coefficients from the readings of a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sensorbench.analysis.fit.calibration import Floats, PolynomialFit, basis, fit_polynomial
from sensorbench.analysis.fit.fixed_point import round_sequentially
from sensorbench.assessment.data import RunData
from sensorbench.assessment.records import Readout
from sensorbench.core.calibration import FixedPointPolynomial

MOST_CONDITION = 1e3
"""Points that leave a coefficient open magnify every error by more than this: nothing is fitted."""


@dataclass(slots=True)
class Fitted:
    """By serial the words to write, in the part's order, or why there are none.

    `condition` is the condition number of each fit by quantity, one a unit.
    """

    words: dict[str, list[int]] = field(default_factory=dict)
    problems: dict[str, dict[str, Any]] = field(default_factory=dict)
    condition: dict[str, list[float | None]] = field(default_factory=dict)


def formats_of(part: Mapping[str, Any]) -> list[FixedPointPolynomial]:
    """Return how a part stores its calibration, as the evidence says."""
    return [
        FixedPointPolynomial(
            quantity=row["quantity"],
            inputs=(row["inputs"][0], row["inputs"][1]),
            terms=tuple((int(i), int(j)) for i, j in row["terms"]),
            raw_full_scale=row["raw_full_scale"],
            centre=row["centre"],
            half_span=row["half_span"],
            bits=row["bits"],
            fraction_bits=row["fraction_bits"],
        )
        for row in part["formats"]
    ]


def fit_units(data: RunData, phase: str) -> Fitted:
    """Fit every unit that has a memory to the readings of `phase`, and quantise as it stores."""
    fitted = Fitted()
    readouts = data.of_phase(phase)
    for name, part in data.schedule.parts.items():
        numbers = [n for n, unit in enumerate(data.units) if unit.part == name]
        formats = formats_of(part)
        if formats and numbers:
            _fit_part(data, readouts, numbers, formats, fitted)
    return fitted


def _fit_part(
    data: RunData,
    readouts: Sequence[Readout],
    numbers: Sequence[int],
    formats: Sequence[FixedPointPolynomial],
    fitted: Fitted,
) -> None:
    words: list[list[int]] = [[] for _ in numbers]
    bad: dict[int, dict[str, Any]] = {}
    for form in formats:
        if not readouts:
            bad |= {
                k: {"code": "not_fitted", "quantity": form.quantity} for k in range(len(numbers))
            }
            break
        r, t, target = _points(data, readouts, numbers, form)
        fit = fit_polynomial(r, t, target, form.terms)
        fitted.condition[form.quantity] = [
            round(float(c), 1) if np.isfinite(c) else None for c in fit.condition
        ]
        rounded, beyond = _quantised(fit, r, t, form)
        for k, row in enumerate(rounded):
            if not np.isfinite(fit.coefficients[k]).all() or fit.condition[k] > MOST_CONDITION:
                bad.setdefault(k, {"code": "not_fitted", "quantity": form.quantity})
            elif beyond[k]:
                bad.setdefault(k, {"code": "no_room", "quantity": form.quantity, "bits": form.bits})
            words[k] += row
    for k, number in enumerate(numbers):
        serial = data.serials[number]
        if k in bad:
            fitted.problems[serial] = _why(readouts, serial) or bad[k]
        else:
            fitted.words[serial] = words[k]


def _quantised(
    fit: PolynomialFit, r: Floats, t: Floats, form: FixedPointPolynomial
) -> tuple[list[list[int]], np.ndarray[Any, np.dtype[np.bool_]]]:
    words = np.zeros(fit.coefficients.shape, dtype=np.int64)
    beyond = np.zeros(len(words), dtype=bool)
    usable = np.asarray(np.isfinite(fit.coefficients).all(axis=1))
    if usable.any():
        known = np.isfinite(fit.residuals[usable])[..., None]
        design = np.where(known, basis(r[usable], t[usable], form.terms), 0.0)
        rounded = round_sequentially(fit.coefficients[usable], design, form.lsb, form.bits)
        words[usable] = rounded.words
        beyond[usable] = rounded.overflow.any(axis=1)
    return [[int(word) for word in row] for row in words], beyond


def _points(
    data: RunData, readouts: Sequence[Readout], numbers: Sequence[int], form: FixedPointPolynomial
) -> tuple[Floats, Floats, Floats]:
    """Return raw counts over full scale and the scaled target, each (D, N)."""
    # A readout whose soak failed is no calibration point: its reference is not the unit's.
    settled = np.array([not readout.unsettled for readout in readouts])
    blank = np.full(len(data.units), np.nan)
    r, t = (
        np.stack([readout.values.get(name, blank)[list(numbers)] for readout in readouts], axis=1)
        / form.raw_full_scale
        for name in form.inputs
    )
    reference = np.array([data.reference(readout, form.quantity) for readout in readouts])
    target = np.where(settled, (reference - form.centre) / form.half_span, np.nan)
    return r, t, np.broadcast_to(target, r.shape)


def _why(readouts: Sequence[Readout], serial: str) -> dict[str, Any] | None:
    for readout in readouts:
        reason = readout.problems.get(serial)
        if reason is not None:
            return {"code": reason.code, **reason.values}
    return None
