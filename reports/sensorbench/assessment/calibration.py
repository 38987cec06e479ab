"""Calibration of a lot: the fit that is written, and the verification of what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis.calibration import Floats, PolynomialFit, basis, fit_polynomial
from sensorbench.analysis.fixed_point import round_sequentially
from sensorbench.analysis.parameters import hysteresis, worst_point
from sensorbench.assessment.readings import Readout, RunData, reference, stack
from sensorbench.assessment.results import Result, Series
from sensorbench.core.calibration import FixedPointPolynomial
from sensorbench.core.units import Dimension
from sensorbench.core.verdict import Limits, Verdict
from sensorbench.profiles.model import Calibrate, Grid

RAW = {"pressure": "pressure_raw", "temperature": "temperature_raw"}
UNITS = {"pressure": "Pa", "temperature": "K"}


@dataclass(frozen=True, slots=True)
class LotFit:
    """The fits of all units: `stored` (D, K) are the integers to write, in the part's order.

    `problems` says by serial why a unit has none; its row in `stored` is zeros.
    """

    fits: Mapping[str, PolynomialFit]
    stored: npt.NDArray[np.int64]
    problems: Mapping[str, str]


def fit_lot(data: RunData, phase: str, formats: Sequence[FixedPointPolynomial]) -> LotFit:
    """Fit every unit of the lot to the readouts of `phase`, and quantise as the part stores it."""
    readouts = data.of_phase(phase)
    fits: dict[str, PolynomialFit] = {}
    stored = []
    problems = {serial: data.absent[serial] for serial in data.serials if serial in data.absent}
    for form in formats:
        r, t, target = _points(readouts, form)
        fit = fit_polynomial(r, t, target, form.terms)
        fits[form.quantity] = fit
        usable = np.asarray(np.isfinite(fit.coefficients).all(axis=1))
        words = np.zeros(fit.coefficients.shape, dtype=np.int64)
        beyond = np.zeros(len(words), dtype=bool)
        if usable.any():
            known = np.isfinite(fit.residuals[usable])[..., None]
            design = np.where(known, basis(r[usable], t[usable], form.terms), 0.0)
            rounded = round_sequentially(fit.coefficients[usable], design, form.lsb, form.bits)
            words[usable] = rounded.words
            beyond[usable] = rounded.overflow.any(axis=1)
        for number, serial in enumerate(data.serials):
            if not usable[number]:
                problems.setdefault(serial, _why_not_fitted(readouts, serial))
            elif beyond[number]:
                problems.setdefault(
                    serial, f"a coefficient of {form.quantity} does not fit in {form.bits} bits"
                )
        words[beyond] = 0
        stored.append(words)
    return LotFit(fits, np.concatenate(stored, axis=1), problems)


def _why_not_fitted(readouts: Sequence[Readout], serial: str) -> str:
    reasons = (readout.problems[serial] for readout in readouts if serial in readout.problems)
    return next(reasons, "too few readings to fit")


def _points(readouts: list[Readout], form: FixedPointPolynomial) -> tuple[Floats, Floats, Floats]:
    """Return raw counts over full scale and the scaled target, each (D, N)."""
    # A readout whose soak failed is no calibration point: its reference is not the unit's.
    settled = np.array([not readout.unsettled for readout in readouts])
    r, t = (stack(readouts, RAW[q]) / form.raw_full_scale for q in ("pressure", "temperature"))
    target = (reference(readouts, form.quantity) - form.centre) / form.half_span
    target = np.where(settled, target, np.nan)
    return r, t, np.broadcast_to(target, r.shape)


def fit_results(data: RunData, phase: Calibrate) -> Iterator[Result]:
    """Judge what the journal says was written against what was read back."""
    readouts = data.of_phase(phase.fit)
    for event in data.run.events("calibration"):
        if event.data["fit"] != phase.fit:
            continue
        for serial in data.serials:
            unit = event.data["units"].get(serial, {"problem": "was not reached by the run"})
            problem = unit.get("problem", "")
            verdict = Verdict.INVALID if problem else Verdict.PASS
            if not problem and unit["written"] != unit["read_back"]:
                verdict = Verdict.FAIL
                problem = "the coefficients read back are not those that were written"
            yield Result(
                serial=serial,
                name="coefficients",
                title="Coefficients written and read back",
                value=float(len(unit.get("written", ()))) if not problem else np.nan,
                unit="words",
                verdict=verdict,
                rule="read back equal to written",
                reason=problem,
                phase=phase.fit,
                at=f"{len(readouts)} calibration points",
                sources=(event.seq,),
            )


def errors(readouts: list[Readout], quantity: str) -> Floats:
    """Return DUT less reference per unit and readout, shape (D, N)."""
    return stack(readouts, quantity) - reference(readouts, quantity)


def grid_results(data: RunData, grid: Grid) -> Iterator[Result]:
    """Total error band and hysteresis of every unit over a verification grid."""
    readouts = data.of_phase(grid.name)
    limits, span = data.part.calibration, data.part.part.pressure
    if not readouts or limits is None or span is None:
        return
    full_scale_pa = span.high - span.low
    unsettled = {u for readout in readouts for u in readout.unsettled}
    pressure_errors = errors(readouts, "pressure")
    band, worst = worst_point(pressure_errors)
    band_limit = Limits(high=limits.total_error_band * full_scale_pa)
    loop = _loop(readouts, pressure_errors) if grid.cycle == "up_down" else None
    for number, serial in enumerate(data.serials):
        at = readouts[worst[number]]
        reason = _unknown(data, readouts, serial, unsettled)
        yield _judged(
            serial,
            "total_error_band",
            "Total error band",
            band[number],
            band_limit,
            reason,
            grid.name,
            f"worst at {at.asked['pressure_pa'] / 1e3:.5g} kPa, "
            f"{at.asked['temperature_c']:.5g} degC",
            (at.seq,),
        )
        if loop is not None:
            loop_limit = Limits(
                high=limits.hysteresis * full_scale_pa if limits.hysteresis else np.inf
            )
            yield _judged(
                serial,
                "hysteresis",
                "Pressure hysteresis",
                loop[number],
                loop_limit,
                reason,
                grid.name,
                f"up and down over {len(readouts)} points",
                tuple(readout.seq for readout in readouts),
            )


def _loop(readouts: list[Readout], pressure_errors: Floats) -> Floats:
    """Return the hysteresis of each unit over the pairs of an up-and-down cycle."""
    key = [(r.asked["temperature_c"], r.asked["pressure_pa"]) for r in readouts]
    up = {key[i]: i for i, r in enumerate(readouts) if r.asked["direction"] == "up"}
    down = {key[i]: i for i, r in enumerate(readouts) if r.asked["direction"] == "down"}
    pairs = [(up[k], down[k]) for k in up if k in down]
    if not pairs:
        return np.full(len(pressure_errors), np.nan)
    ups, downs = np.array(pairs).T
    return hysteresis(pressure_errors[:, ups], pressure_errors[:, downs])


def _unknown(data: RunData, readouts: Sequence[Readout], serial: str, unsettled: set[str]) -> str:
    """Return why a unit's values are not known, or ""."""
    if serial in data.absent:
        return data.absent[serial]
    reasons = (readout.problems[serial] for readout in readouts if serial in readout.problems)
    return next(reasons, "; ".join(sorted(unsettled)))


def _judged(
    serial: str, name: str, title: str, value: float, limits: Limits, unknown: str, phase: str,
    at: str, sources: tuple[int, ...],
) -> Result:  # fmt: skip
    known = not unknown and np.isfinite(value)
    asked = np.isfinite(limits.high)
    verdict = limits.judge(value if known else np.nan)
    reason = unknown or ("" if known else f"{title}: no value")
    if known and verdict is Verdict.FAIL:
        reason = f"{title} {value:.4g} Pa is above {limits.high:.4g} Pa ({at})"
    return Result(
        serial=serial,
        name=name,
        title=title,
        value=float(value) if known else np.nan,
        unit=Dimension.PRESSURE.canonical,
        verdict=verdict if asked or not known else None,
        high=limits.high if asked else None,
        rule=limits.rule if asked else "",
        reason=reason,
        phase=phase,
        at=at,
        sources=sources,
    )


def residual_series(data: RunData, grid: Grid) -> Iterator[Series]:
    """Errors at the points of a grid, for plots: pressure and temperature."""
    readouts = data.of_phase(grid.name)
    if not readouts:
        return
    calibration, span = data.part.calibration, data.part.part.pressure
    for quantity in ("pressure", "temperature"):
        found = errors(readouts, quantity)
        if not np.isfinite(found).any():
            continue
        limit = None
        if quantity == "pressure" and calibration and span:
            limit = calibration.total_error_band * (span.high - span.low)
        yield Series(
            name=f"{grid.name}_{quantity}",
            title=f"{quantity.capitalize()} error, {grid.name}",
            x_title="Reference pressure",
            x_unit="Pa",
            unit=UNITS[quantity],
            x=tuple(float(v) for v in reference(readouts, "pressure")),
            labels=tuple(f"{r.asked['temperature_c']:.5g} degC" for r in readouts),
            values={s: tuple(map(float, found[i])) for i, s in enumerate(data.serials)},
            sources=tuple(readout.seq for readout in readouts),
            low=None if limit is None else -limit,
            high=limit,
        )
