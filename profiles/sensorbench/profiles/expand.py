"""expand(profile, part, lot) -> Schedule: every setpoint, soak and readout with its time. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from sensorbench.core.errors import InputError, Problem
from sensorbench.core.units import Dimension, UnitError, parse
from sensorbench.parts.model import Lot, Part
from sensorbench.profiles.model import Calibrate, Grid, Position, Profile, Stress
from sensorbench.profiles.schedule import (
    Action,
    Dwell,
    Readout,
    Schedule,
    SetPressure,
    SetSupply,
    SetTemperature,
    Step,
    Vent,
    WriteCalibration,
)

# For planning only: what a bench chamber and a pressure controller usually manage.
_USUAL_RAMP_K_PER_S = 3.0 / 60
_USUAL_SLEW_PA_PER_S = 10_000.0
_USUAL_SETTLING_S = 1200.0
_USUAL_PRESSURE_SETTLING_S = 6.0
_ROOM_C = 25.0
_ROOM_PA = 101_325.0
_SECONDS_PER_SAMPLE = 0.3
_SECONDS_PER_WRITE = 0.1


def expand(profile: Profile, part: Part, lot: Lot) -> Schedule:
    """Return the schedule of `profile` for the units of `lot`.

    Raises InputError with every reason why the profile does not fit the part.
    """
    problems = _problems(profile, part)
    if problems:
        raise InputError(problems)
    actions = tuple(_actions(profile, part))
    roles = ["supply", "temperature_chamber"]
    if uses_pressure(profile, part):
        roles.append("pressure_source")
    if any(isinstance(phase, Grid) for phase in profile.phase):
        roles.append("reference_thermometer")
    return Schedule(profile.id, _timed(actions, len(lot.unit)), tuple(roles))


def uses_pressure(profile: Profile, part: Part) -> bool:
    """Return whether the profile drives the pressure line."""
    stimuli = any(parameter.at_pressure is not None for parameter in part.parameter)
    return any(
        isinstance(phase, Grid) or (isinstance(phase, Stress) and stimuli)
        for phase in profile.phase
    )


def positions(
    texts: tuple[Position, ...], dimension: Dimension, low: float, high: float
) -> tuple[float, ...]:
    """Return positions as canonical values; "25 %" is a quarter of the way from low to high.

    Raises UnitError for what is neither.
    """
    return tuple(
        low + (high - low) * parse(text, Dimension.RATIO)
        if text.rstrip().endswith("%")
        else parse(text, dimension)
        for text in texts
    )


def grid_points(grid: Grid, part: Part) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the temperatures (degC) and pressures (Pa) of a grid. Raises UnitError."""
    span_c, span_pa = part.part.temperature, part.part.pressure
    if span_pa is None:
        raise UnitError(f"{part.part.name} has no pressure range, a grid needs one")
    return (
        positions(grid.temperatures, Dimension.TEMPERATURE, span_c.low, span_c.high),
        positions(grid.pressures, Dimension.PRESSURE, span_pa.low, span_pa.high),
    )


def _problems(profile: Profile, part: Part) -> list[Problem]:
    problems: list[Problem] = []
    fitted: set[tuple[float, float]] = set()
    for number, phase in enumerate(profile.phase, 1):
        key = f"phase[{number}]"

        def add(text: str, key: str = key) -> None:
            problems.append(Problem(profile.id, key, text))

        if isinstance(phase, Grid):
            try:
                temperatures, pressures = grid_points(phase, part)
            except UnitError as error:
                add(str(error))
                continue
            outside = [t for t in temperatures if not _inside(part.part.temperature, t)]
            outside_pa = [p for p in pressures if not _inside(part.part.pressure, p)]
            if outside:
                add(f"temperatures {outside} degC are outside the range of {part.part.name}")
            if outside_pa:
                add(f"pressures {outside_pa} Pa are outside the range of {part.part.name}")
            points = {(round(t, 6), round(p, 3)) for t in temperatures for p in pressures}
            if phase.purpose == "fit":
                fitted |= points
            elif fitted & points:
                add("verification must be at points that were not fitted")
        elif isinstance(phase, Stress) and not part.parameter:
            add(f"{part.part.name} has no [[parameter]] to test at the readouts")
    if any(isinstance(p, Grid) for p in profile.phase) and part.calibration is None:
        problems.append(Problem(part.part.name, "calibration", "is required by this profile"))
    return problems


def _inside(span: object, value: float) -> bool:
    low, high = getattr(span, "low", value), getattr(span, "high", value)
    margin = 1e-9 * (abs(low) + abs(high))
    return bool(low - margin <= value <= high + margin)


def _actions(profile: Profile, part: Part) -> Iterator[Action]:
    supply = part.part.supply
    powered_v = 0.0
    for phase in profile.phase:
        needed_v = supply.nominal
        if powered_v != needed_v:
            yield SetSupply(needed_v, supply.current_limit)
            powered_v = needed_v
        if isinstance(phase, Grid):
            yield from _grid(phase, profile, part)
        elif isinstance(phase, Calibrate):
            yield WriteCalibration(phase.fit, phase.lock)
        else:
            yield from _stress(phase, profile, part)
    if uses_pressure(profile, part):
        yield Vent()
    yield _temperature(profile, _ROOM_C)
    yield SetSupply(0.0, supply.current_limit)


def _temperature(
    profile: Profile, target_c: float, within_k: float | None = None
) -> SetTemperature:
    soak = profile.soak.temperature
    return SetTemperature(target_c, profile.ramp, within_k or soak.within, soak.for_s, soak.timeout)


def _pressure(profile: Profile, target_pa: float) -> SetPressure:
    soak = profile.soak.pressure
    return SetPressure(target_pa, soak.within, soak.for_s, soak.timeout)


def _grid(grid: Grid, profile: Profile, part: Part) -> Iterator[Action]:
    temperatures, pressures = grid_points(grid, part)
    rising = sorted(pressures)
    legs = [(pressure, "up") for pressure in rising]
    if grid.cycle == "up_down":
        # The highest point is the turn: it is read once, on the way up.
        legs += [(pressure, "down") for pressure in reversed(rising[:-1])]
    for temperature_c in temperatures:
        yield _temperature(profile, temperature_c)
        for pressure_pa, direction in legs:
            yield _pressure(profile, pressure_pa)
            yield Readout(
                phase=grid.name,
                purpose=grid.purpose,
                temperature_c=temperature_c,
                pressure_pa=pressure_pa,
                samples=profile.samples,
                interval_s=profile.sample_interval,
                direction=direction,
            )


def _stress(stress: Stress, profile: Profile, part: Part) -> Iterator[Action]:
    supply = part.part.supply
    bias_v = supply.max if stress.bias == "max" else supply.nominal
    target_c = stress.temperature.of(part.part.grade)
    done_s = 0.0
    for readout_s in stress.readouts:
        if readout_s > done_s:
            yield SetSupply(bias_v, supply.current_limit)
            yield _temperature(profile, target_c, stress.within)
            yield Dwell(
                phase=stress.name,
                target_c=target_c,
                within_k=stress.within,
                duration_s=readout_s - done_s,
                from_h=done_s / 3600,
                to_h=readout_s / 3600,
                dut_interval_s=stress.dut_interval,
            )
            done_s = readout_s
            yield SetSupply(supply.nominal, supply.current_limit)
        for condition in stress.test_order:
            yield _temperature(profile, getattr(part.test_temperatures, condition))
            yield from _tests(stress, condition, readout_s / 3600, profile, part)


def _tests(
    stress: Stress, condition: str, hours: float, profile: Profile, part: Part
) -> Iterator[Action]:
    """Read the part at every stimulus that its parameters name, once each."""
    stimuli = {parameter.at_pressure for parameter in part.parameter}
    for pressure_pa in sorted(stimuli, key=lambda p: (p is not None, p)):
        if pressure_pa is not None:
            yield _pressure(profile, pressure_pa)
        yield Readout(
            phase=stress.name,
            purpose="test",
            temperature_c=getattr(part.test_temperatures, condition),
            pressure_pa=pressure_pa,
            samples=profile.samples,
            interval_s=profile.sample_interval,
            hours=hours,
            condition=condition,
        )


def _timed(actions: tuple[Action, ...], duts: int) -> tuple[Step, ...]:
    steps: list[Step] = []
    start_s, temperature_c, pressure_pa = 0.0, _ROOM_C, _ROOM_PA
    for action in actions:
        duration_s = 0.0
        if isinstance(action, SetTemperature):
            rate = min(action.ramp_k_per_s or _USUAL_RAMP_K_PER_S, _USUAL_RAMP_K_PER_S)
            duration_s = abs(action.target_c - temperature_c) / rate + action.for_s
            duration_s += _USUAL_SETTLING_S
            temperature_c = action.target_c
        elif isinstance(action, SetPressure):
            duration_s = abs(action.target_pa - pressure_pa) / _USUAL_SLEW_PA_PER_S + action.for_s
            duration_s += _USUAL_PRESSURE_SETTLING_S
            pressure_pa = action.target_pa
        elif isinstance(action, Readout):
            # Buses work at the same time; a dozen parts on one is usual.
            per_sweep_s = action.interval_s + _SECONDS_PER_SAMPLE * min(duts, 12) / 12
            duration_s = action.samples * per_sweep_s
        elif isinstance(action, WriteCalibration):
            duration_s = _SECONDS_PER_WRITE * duts
        elif isinstance(action, Dwell):
            duration_s = action.duration_s
        steps.append(Step(action, start_s, duration_s))
        start_s += duration_s
    return tuple(steps)
