"""The chapter of one run: what was asked for, and what came out."""

from __future__ import annotations

from collections.abc import Iterator

from sensorbench.assessment.readings import RunData
from sensorbench.core.units import Dimension, show, show_duration
from sensorbench.profiles.expand import grid_points
from sensorbench.profiles.model import Calibrate, Grid, Phase, Stress
from sensorbench.reports.grids import calibration_blocks, grid_blocks
from sensorbench.reports.model import Block, Cell, Facts, Heading, Notice, Section, Text
from sensorbench.reports.runs import Run
from sensorbench.reports.stresses import stress_blocks, tested_at
from sensorbench.reports.temperatures import temperatures
from sensorbench.reports.text import as_set, clean, kilopascals, limits, plural

_MOST_FINDINGS = 5


def chapter(run: Run, is_alone: bool) -> Section:
    """Return what one run was asked and what came out.

    In a report on several runs, what is wrong with the evidence stands here once more.
    """
    again = () if is_alone else tuple(Notice(text) for text in warnings(run))
    return Section(
        run.anchor,
        f"Run {run.number}: {run.title}, {run.subject}",
        (*again, *_blocks(run)),
    )


def _blocks(run: Run) -> Iterator[Block]:
    data = run.data
    if data is None:
        yield Text("What was asked of this run can't be read, and no result can be computed.")
        return
    yield Heading("What was asked for")
    yield _asked(run, data)
    yield Heading("Temperature really reached")
    yield temperatures(run, data) or Text("The log of the bench can't be read, or is empty.")
    for phase in data.profile.phase:
        if isinstance(phase, Grid) and phase.purpose == "fit":
            continue
        yield Heading(f"Results: {_name(phase)}")
        if run.assessment is None:
            yield Text("No result can be computed from what is left of the evidence.")
        elif isinstance(phase, Calibrate):
            yield from calibration_blocks(run, phase)
        elif isinstance(phase, Grid):
            yield from grid_blocks(run, data, phase)
        else:
            yield from stress_blocks(run, data, phase)


def warnings(run: Run) -> Iterator[str]:
    """Say what is wrong with the evidence of a run, and why it is not complete."""
    name = f"Run {run.number} ({run.run_id})"
    found = run.verification.findings
    findings = [clean(f"{f.file}: {f.text}") for f in found[:_MOST_FINDINGS]]
    if len(found) > _MOST_FINDINGS:
        findings.append(f"and {len(found) - _MOST_FINDINGS} more, see Traceability")
    ended = run.assessment.reasons if run.assessment else ()
    if run.is_damaged:
        yield (
            f"{name}: the evidence is DAMAGED, so nothing of this run is valid. "
            f"{' | '.join(findings)}"
        )
    elif ended or findings:
        why = " | ".join(dict.fromkeys([*map(clean, ended), *findings]))
        yield f"{name} is NOT COMPLETE: {why}"


def _name(phase: Phase) -> str:
    if isinstance(phase, Calibrate):
        return "coefficients"
    return clean(phase.name)


def _asked(run: Run, data: RunData) -> Facts:
    profile, part = data.profile, data.part.part
    soak = profile.soak
    rows = [
        ("Profile", clean(f"{profile.id}: {profile.title}")),
        ("Source", clean(profile.source)),
        ("Part", clean(part.title or part.name)),
        ("Grade and range", f"AEC-Q100 grade {part.grade}; {_range(data)}"),
        ("Units", f"{plural(len(data.lot.unit), 'unit')} of lot {clean(data.lot.lot.id)}"),
        *((f"Phase {n}, {_name(p)}", _phase(p, data)) for n, p in enumerate(profile.phase, 1)),
        ("A readout", f"the mean of {plural(profile.samples, 'sample')} of every unit, each "
                      f"{show_duration(profile.sample_interval)} after the one before; "
                      "references are read with each"),
        ("A setpoint is reached", f"within {soak.temperature.within:g} K for "
                                  f"{show_duration(soak.temperature.for_s)}, and within "
                                  f"{soak.pressure.within:g} Pa for "
                                  f"{show_duration(soak.pressure.for_s)}"),
        *_limits(data),
        ("Decision rule", _rules(run)),
    ]  # fmt: skip
    return Facts(tuple((name, Cell(text)) for name, text in rows))


def _range(data: RunData) -> str:
    part = data.part.part
    low, high = part.temperature.low, part.temperature.high
    text = f"{as_set(low, 'degC')} to {as_set(high, 'degC')}"
    if part.pressure:
        text += f", {kilopascals(part.pressure.low)} to {kilopascals(part.pressure.high)}"
    return text


def _phase(phase: Phase, data: RunData) -> str:
    if isinstance(phase, Calibrate):
        locked = " and locked" if phase.lock else ""
        return (
            f"each unit fitted to the readings of {clean(phase.fit)}, coefficients written, "
            f"read back{locked}"
        )
    if isinstance(phase, Grid):
        temperatures, pressures = grid_points(phase, data.part)
        cycle = "pressure up and down" if phase.cycle == "up_down" else "pressure up"
        at = ", ".join(f"{value:.6g}" for value in temperatures)
        kilo = ", ".join(kilopascals(value).removesuffix(" kPa") for value in sorted(pressures))
        fitted = any(isinstance(other, Calibrate) for other in data.profile.phase)
        use = "to verify" + (", at points that were not fitted" if fitted else "")
        if phase.purpose == "fit":
            use = "to be fitted"
        return f"readings {use}: {at} °C, at each {kilo} kPa, {cycle}"
    return _stress(phase, data)


def _stress(stress: Stress, data: RunData) -> str:
    supply = data.part.part.supply
    bias_v = supply.max if stress.bias == "max" else supply.nominal
    ambient_c = stress.temperature.of(data.part.part.grade)
    hours = ", ".join(f"{value / 3600:g}" for value in stress.readouts)
    tests = ", ".join(
        f"{condition} ({tested_at(data, condition)})" for condition in stress.test_order
    )
    return (
        f"{stress.duration / 3600:g} h at {as_set(ambient_c, 'degC')} within {stress.within:g} K, "
        f"supply {show(bias_v, Dimension.VOLTAGE)}; tested after {hours} h at {tests}"
    )


def _limits(data: RunData) -> Iterator[tuple[str, str]]:
    kinds = {type(phase) for phase in data.profile.phase}
    asked, span = data.part.calibration, data.part.part.pressure
    if Grid in kinds and asked and span:
        full_pa = span.high - span.low
        yield (
            "Total error band",
            (
                f"{limits(None, asked.total_error_band * full_pa, 'Pa')}, largest error over all "
                f"points of verification; full scale is {kilopascals(full_pa)}"
            ),
        )
        if asked.hysteresis:
            yield (
                "Hysteresis",
                (
                    f"{limits(None, asked.hysteresis * full_pa, 'Pa')}, largest difference of "
                    "up and down"
                ),
            )
    if Stress in kinds:
        for parameter in data.part.parameter:
            unit = parameter.dimension.canonical
            found = {limits(pair.low, pair.high, unit) for pair in parameter.limits.values()}
            text = found.pop() if len(found) == 1 else "see its table"
            drift = parameter.drift_limit
            if drift is not None:
                text += f"; drift against 0 h {limits(-drift, drift, unit)}"
            yield clean(parameter.title), text


def _rules(run: Run) -> str:
    results = run.assessment.results if run.assessment else ()
    rules = dict.fromkeys(clean(result.rule) for result in results if result.rule)
    explained = {
        "simple acceptance": "simple acceptance (a value on its limit passes, no guard band)"
    }
    return "; ".join(explained.get(rule, rule) for rule in rules) or "nothing was judged"
