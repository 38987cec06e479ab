"""What every sensor owes the bench, whatever it is. Run it on yours:

    import pytest
    from sensorbench.core.catalog import devices
    from sensorbench.testing.cases import case_of
    from sensorbench.testing.sensors import SENSOR_CHECKS

    @pytest.mark.parametrize("check", SENSOR_CHECKS, ids=lambda check: check.__name__)
    def test_my_sensor(check):
        check(case_of(devices()["my_sensor"]))

Everything is taken from the device's own declaration: CHANNELS, SETTINGS, SUPPLY_V, CALIBRATION,
addresses, the twin's FAULTS. Each check raises Nonconformity with what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Any

import numpy as np

from sensorbench.core.catalog import Device
from sensorbench.core.channel import Block, Setting
from sensorbench.core.device import Calibratable, Sensor
from sensorbench.core.errors import (
    BenchError,
    ProtocolError,
    SetpointError,
    TransportError,
)
from sensorbench.core.provenance import Identity
from sensorbench.links.line import LineSettings
from sensorbench.testing.brown_out_checks import (
    check_a_brown_out_is_noticed,
    check_a_brown_out_within_a_drain,
    check_a_brown_out_within_an_exchange,
)
from sensorbench.testing.cases import case_of
from sensorbench.testing.conformity import (
    Nonconformity,
    changes,
    check_independence,
    only,
    refusal,
    require,
    state_of,
)
from sensorbench.testing.fault_checks import (
    check_a_dip_is_noticed,
    check_damaged_readings,
    check_ends,
    check_faults,
    check_faults_have_their_time,
    check_garbage,
    check_supply,
    check_whatever_is_sent,
)
from sensorbench.testing.line_checks import check_replies_on_a_line
from sensorbench.testing.stimuli import (
    ELECTRICAL,
    Stimulus,
    calibrated,
    compare,
    prepared,
    put,
    same,
    stimuli,
    values_of,
)
from sensorbench.testing.stream_checks import (
    check_a_stream_ends_where_a_reading_does,
    check_changed_settings_are_noticed,
    check_no_sample_is_lost_or_repeated,
    check_samples_are_of_their_time,
    check_stalls_are_told,
    check_streams,
    check_streams_use_the_bus_well,
)
from sensorbench.testing.twin_checks import (
    check_looking_changes_nothing,
    check_the_driver_stays_within_the_model,
    check_the_supply_starts_it,
)
from sensorbench.testing.world import Case, SensorBench

SEEDS = range(1, 6)


def _is_calibratable(case: Case) -> bool:
    return isinstance(SensorBench(case).part, Calibratable)


def check_declaration(case: Case) -> None:
    """CHANNELS, SETTINGS and SUPPLY_V are complete, and device.toml says how it is reached."""
    driver, device = case.load_driver(), case.device
    names = [channel.name for channel in driver.CHANNELS]
    require(len(set(names)) == len(names) > 0, f"CHANNELS names a channel twice, or none: {names}")
    for channel in driver.CHANNELS:
        quantity = channel.quantity
        require(
            quantity is None or not channel.axis or channel.axis in quantity.axes,
            f"{channel.name}: {channel.axis!r} is no axis of {quantity and quantity.name}",
        )
        require(
            channel.accuracy is None or (quantity is not None and channel.accuracy > 0),
            f"{channel.name}: an accuracy is above 0, and of a quantity",
        )
    low_v, high_v = driver.SUPPLY_V
    require(0 < low_v < high_v, f"SUPPLY_V is {driver.SUPPLY_V}, not a range")
    known = {"i2c", "serial", "meters"}
    require(set(device.links) <= known, f"no sensor is reached by {device.links}")
    require(
        "serial" not in device.links or isinstance(getattr(driver, "LINE", None), LineSettings),
        "a driver on a serial line declares its LINE",
    )
    if "i2c" in device.links:
        require(device.addresses, "device.toml names no addresses")
        require(
            all(0x08 <= address <= 0x77 for address in device.addresses),
            f"addresses {device.addresses} are not those of I2C parts",
        )
    require(device.source, "device.toml names no source")
    for kind in ("absent", "brown_out", "bus_held"):
        require(kind not in device.load_faults(), f"every part can be {kind!r}: no twin names it")


def check_sources(case: Case) -> None:
    """Driver and twin are two readings of the data sheet."""
    check_independence(case.device)


def check_protocol(case: Case) -> None:
    """The driver has the methods of a sensor, and making it sends nothing."""
    bench = SensorBench(case)
    require(isinstance(bench.part, Sensor), "the driver lacks a method of core.device.Sensor")
    if "i2c" in case.device.links:
        bench.bus.stuck = True
        try:
            case.load_driver()(bench.bus, bench.address, bench.clock, **case.driver_options)
        except BenchError as error:
            raise Nonconformity(f"making the driver sends something: {error}") from error
    if "serial" in case.device.links:
        require(not bench.tap.sent, f"making the driver sends {bench.tap.sent}")


def check_identity(case: Case) -> None:
    """A part says who it is, as device.toml says it does; a stranger is refused."""
    identity = SensorBench(case).part.identify()
    require(isinstance(identity, Identity), f"identify() gave {identity!r}")
    require(identity.model, "identify() gave no model")
    for byte in (0x00, 0x55, 0xA5, 0xFF):
        bench = SensorBench(case)
        if not bench.is_asked:
            return
        bench.answer_throughout(byte)
        with refusal(ProtocolError, f"a stranger that answers {byte:#04x} was not refused"):
            bench.part.identify()


def check_identify_changes_nothing(case: Case) -> None:
    """Identifying leaves a part as it is; while it converts it may not answer, but goes on."""
    for converting in (False, True):
        asked, alone = prepared(case), prepared(case)
        duration_s = 0.0
        if converting:
            duration_s = asked.part.start()
            alone.part.start()
        with suppress(TransportError) if converting else nullcontext():
            asked.part.identify()
        # What time itself moves in the part moves in the one that was left alone too.
        alone.clock.sleep(asked.clock.now() - alone.clock.now())
        for bench in (asked, alone):
            bench.world.changing()  # twins catch up with the clock
        changed = changes(state_of(alone.twin), state_of(asked.twin))
        require(not changed, f"identify() changed the part: {'; '.join(changed)}")
        if converting:
            asked.clock.sleep(duration_s)
            asked.part.read()


def check_one_reading(case: Case) -> None:
    """A reading is one row of floats in the order of CHANNELS, with its times, given once."""
    bench = prepared(case)
    bench.clock.sleep(bench.part.start())
    began = bench.clock.now()
    block = bench.part.read()
    require(isinstance(block, Block), f"read() gave {type(block).__name__}")
    shape = (1, len(bench.part.CHANNELS))
    require(block.values.shape == shape, f"read() gave shape {block.values.shape}, not {shape}")
    require(block.values.dtype == np.float64, f"read() gave {block.values.dtype}, not float64")
    require(
        began <= block.start_s <= block.end_s <= bench.clock.now(),
        f"the times {block.start_s}, {block.end_s} are not those of the reading",
    )
    with refusal(BenchError, "the same reading was given twice"):
        bench.part.read()


def check_not_ready(case: Case) -> None:
    """A reading that was not started, or not prepared, is an error."""
    bench = SensorBench(case)
    with refusal(BenchError, "read() gave a value before start()"):
        bench.part.read()


def check_readings_follow_the_world(case: Case) -> None:
    """Every channel with an accuracy reads what the world has, within 4 times its accuracy."""
    for seed in SEEDS:
        bench = calibrated(case, seed)
        for where, value in stimuli(bench, case):
            with put(bench, where, value):
                compare(bench, f"unit {seed}, {where} at {value}")


def check_readings_follow_the_world_over_temperature(case: Case) -> None:
    """They do so in the cold and in the heat, too."""
    bench = calibrated(case)
    states = [(where, value) for where, value in stimuli(bench, case) if where != "temperature"]
    for celsius in values_of(case, "temperature"):
        with put(bench, "temperature", celsius):
            for where, value in states:
                with put(bench, where, value):
                    compare(bench, f"{where} at {value}, temperature at {celsius}")


def check_every_channel_moves(case: Case) -> None:
    """Every channel moves with the world by more than its noise; a plain count with something."""
    bench = calibrated(case)
    # By value and channel, three readings of the same state.
    rows: dict[Stimulus, list[dict[str, float]]] = {}
    for where, value in stimuli(bench, case):
        with put(bench, where, value):
            rows[where, value] = [bench.sample() for _ in range(3)]
    for channel in bench.part.CHANNELS:
        name = channel.name
        if channel.quantity is not None and channel.quantity.name in ELECTRICAL:
            continue
        means = [float(np.mean([row[name] for row in three])) for three in rows.values()]
        noise = max(float(np.ptp([row[name] for row in three])) for three in rows.values())
        moved = max(means) - min(means)
        require(
            moved > 10 * noise and moved > 0,
            f"{name} moves by {moved:g} over all values of {sorted({w for w, _ in rows})}, "
            f"its noise is {noise:g}",
        )


def check_units_differ(case: Case) -> None:
    """Two units of a kind differ, one unit is the same again."""
    first, again, other = (prepared(case, seed).sample() for seed in (1, 1, 2))
    require(same(first, again), f"one unit reads {first}, then {again} in the same world")
    require(not same(first, other), f"two units read the same: {first}")


def check_settings(case: Case) -> None:
    """Every choice works, any other is refused with what is allowed.

    A choice that says what is in the socket may be contradicted by the reading, which names it.
    """
    for name, setting in case.load_driver().SETTINGS.items():
        for choice in _allowed(setting):
            bench = SensorBench(case)
            bench.part.prepare(**{name: choice})
            try:
                bench.sample()
            except ProtocolError as error:
                require(name in str(error), f"{name}={choice!r}: {error}")
        for wrong in _wrong(setting):
            bench = SensorBench(case)
            try:
                bench.part.prepare(**{name: wrong})
            except SetpointError as error:
                shown = str(error)
                require(name in shown or "allowed" in shown, f"{name}={wrong!r}: {shown}")
            else:
                raise Nonconformity(f"{name}={wrong!r} was accepted")
    with refusal(SetpointError, "a setting that does not exist was accepted"):
        SensorBench(case).part.prepare(no_such_setting=1)


@only(_is_calibratable)
def check_calibration(case: Case) -> None:
    """What is written into the memory is read back, and holds over a loss of supply."""
    bench = SensorBench(case)
    bench.part.prepare()
    count = sum(len(polynomial.terms) for polynomial in bench.part.CALIBRATION)
    limits = [p.limit for p in bench.part.CALIBRATION for _ in p.terms]
    words = [(-1) ** k * (limit // (k + 2)) for k, limit in enumerate(limits)]
    require(len(words) == count, "CALIBRATION has no terms")
    bench.part.write_coefficients(words)
    bench.put("supply", 0.0)
    bench.put("supply", sum(bench.part.SUPPLY_V) / 2)
    bench.clock.sleep(0.1)
    bench.part.prepare()
    found = tuple(bench.part.read_coefficients())
    require(found == tuple(words), f"wrote {words}, read {found}")
    require(not bench.part.is_locked(), "it is locked before anybody locked it")
    bench.part.lock()
    require(bench.part.is_locked(), "it is not locked after lock()")
    with refusal(BenchError, "a locked part took other coefficients"):
        bench.part.write_coefficients([0] * count)


SENSOR_CHECKS: tuple[Callable[[Case], None], ...] = (
    check_declaration,
    check_sources,
    check_protocol,
    check_identity,
    check_identify_changes_nothing,
    check_one_reading,
    check_not_ready,
    check_readings_follow_the_world,
    check_readings_follow_the_world_over_temperature,
    check_every_channel_moves,
    check_units_differ,
    check_settings,
    check_supply,
    check_a_dip_is_noticed,
    check_a_brown_out_is_noticed,
    check_a_brown_out_within_an_exchange,
    check_a_brown_out_within_a_drain,
    check_faults,
    check_faults_have_their_time,
    check_garbage,
    check_damaged_readings,
    check_ends,
    check_replies_on_a_line,
    check_whatever_is_sent,
    check_the_supply_starts_it,
    check_looking_changes_nothing,
    check_the_driver_stays_within_the_model,
    check_streams,
    check_no_sample_is_lost_or_repeated,
    check_samples_are_of_their_time,
    check_stalls_are_told,
    check_changed_settings_are_noticed,
    check_a_stream_ends_where_a_reading_does,
    check_streams_use_the_bus_well,
    check_calibration,
)


def check_sensor(device: Device, **of_case: Any) -> None:
    """Try everything on a sensor. Raises Nonconformity with the first thing that is wrong."""
    for check in SENSOR_CHECKS:
        check(case_of(device, **of_case))


def _allowed(setting: Setting) -> Sequence[float | str]:
    if setting.choices:
        return setting.choices
    return [end for end in (setting.low, setting.high) if end is not None]


def _wrong(setting: Setting) -> Sequence[object]:
    numbers = [choice for choice in _allowed(setting) if not isinstance(choice, str)]
    beyond: list[object] = ["no such choice", math.nan]
    if numbers:
        beyond += [2 * max(numbers) + 1, min(numbers) - abs(min(numbers)) - 1]
    return beyond
