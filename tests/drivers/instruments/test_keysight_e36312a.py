"""Keysight E36312A: driver and twin, each against the wire as PyMeasure's tests show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, SetpointError
from sensorbench.instruments.keysight_e36312a.driver import KeysightE36312a
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", '+0,"No error"')


@pytest.fixture
def twin(world: World) -> SimKeysightE36312a:
    return SimKeysightE36312a(world, "SIM-PSU")


@pytest.fixture
def supply(twin: SimKeysightE36312a, clock: VirtualClock) -> KeysightE36312a:
    return KeysightE36312a(InProcessLine(twin, KeysightE36312a.LINE, "psu"), clock)


def volts(reply: bytes | None) -> list[float]:
    assert reply is not None
    return [float(field) for field in reply.split(b",")]


# The driver, against written exchanges.


def test_the_current_limit_goes_before_the_voltage(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("CURR 0.5,(@2)", None), ACCEPTED, ("VOLT 3.3,(@2)", None), ACCEPTED)
    KeysightE36312a(line, clock, channel=2).set_voltage(3.3, 0.5)


def test_settings_and_readings_name_their_channel(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        ("OUTP 1,(@1)", None),
        ACCEPTED,
        ("OUTP? (@1)", "1"),
        ("MEAS:VOLT? (@1)", "+4.99987000E+00"),
        ("MEAS:CURR? (@1)", "+1.25000000E-02"),
        ("VOLT:PROT 5.5,(@1)", None),
        ACCEPTED,
        ("VOLT:PROT:TRIP? (@1)", "0"),
        ("CURR:PROT:TRIP? (@1)", "1"),
        ("OUTP 0,(@1)", None),
        ACCEPTED,
        ("OUTP:PROT:CLE (@1)", None),
        ACCEPTED,
    )
    supply = KeysightE36312a(line, clock)
    supply.switch(True)
    assert supply.is_on()
    assert supply.read_voltage_v() == 4.99987
    assert supply.read_current_a() == 0.0125
    supply.set_over_voltage_protection(5.5)
    assert supply.is_tripped()
    supply.clear_trip()


def test_make_safe_switches_off_and_looks(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("*CLS", None), ("OUTP 0,(@1)", None), ACCEPTED, ("OUTP? (@1)", "0"))
    KeysightE36312a(line, clock).make_safe()
    line = scripted(("*CLS", None), ("OUTP 0,(@1)", None), ACCEPTED, ("OUTP? (@1)", "1"))
    with pytest.raises(InstrumentError, match="still on"):
        KeysightE36312a(line, clock).make_safe()


@pytest.mark.parametrize(
    ("channel", "voltage_v", "current_a"),
    [(1, 6.19, 1.0), (2, 25.76, 0.5), (1, 5.0, 5.16), (3, 5.0, 1.04), (1, -0.1, 1.0), (1, 5.0, 0)],
)
def test_each_channel_has_its_own_ratings(
    scripted: Scripted, clock: VirtualClock, channel: int, voltage_v: float, current_a: float
) -> None:
    supply = KeysightE36312a(scripted(), clock, channel=channel)
    with pytest.raises(SetpointError, match=f"output {channel}"):
        supply.set_voltage(voltage_v, current_a)


def test_limits_narrow_the_ratings_and_never_widen_them(
    scripted: Scripted, clock: VirtualClock
) -> None:
    supply = KeysightE36312a(scripted(), clock, limits_v=(1.7, 3.6), limit_a=0.2)
    for setting in ((3.7, 0.1), (1.6, 0.1), (3.3, 0.3)):
        with pytest.raises(SetpointError):
            supply.set_voltage(*setting)
    with pytest.raises(SetpointError, match="rated"):
        KeysightE36312a(scripted(), clock, limits_v=(0.0, 6.5))
    with pytest.raises(SetpointError, match="limit_a"):
        KeysightE36312a(scripted(), clock, limit_a=6.0)
    with pytest.raises(SetpointError, match="protection"):
        KeysightE36312a(scripted(), clock).set_over_voltage_protection(6.7)
    with pytest.raises(ValueError, match="channel 4"):
        KeysightE36312a(scripted(), clock, channel=4)


# The twin, byte by byte.


def test_the_twin_answers_as_the_reference_says(twin: SimKeysightE36312a) -> None:
    exchanges = [
        (b"*IDN?", b"Keysight Technologies,E36312A,SIM-PSU,2.1.0-1.0.4-1.12"),
        (b"VOLT 1.5, (@1)", None),
        (b"VOLT? (@1)", b"+1.50000000E+00"),
        (b"VOLT 12,(@2,3)", None),
        (b"VOLT? (@1:3)", b"+1.50000000E+00,+1.20000000E+01,+1.20000000E+01"),
        (b"VOLT? MAX,(@1)", b"+6.18000000E+00"),
        (b"VOLT? MAX, (@2)", b"+2.57500000E+01"),
        (b"CURR 250 mA, (@1)", None),
        (b"SOUR:CURR:LEV:IMM:AMPL? (@1)", b"+2.50000000E-01"),
        (b"CURR? MIN", b"+2.00000000E-03"),
        (b"OUTPut? (@1)", b"0"),
        (b"OUTPut 1, (@1)", None),
        (b"OUTP? (@1,2,3)", b"1,0,0"),
        (b"INST:NSEL 2", None),
        (b"INST?;NSEL?", b"CH2"),
        (b"SYST:ERR?", b'-113,"Undefined header"'),
        (b"INST?;:INST:NSEL?", b"CH2;2"),
        (b"VOLT 3;VOLT?", b"+3.00000000E+00"),
        (b"APPL CH1,5,1", None),
        (b"VOLT?;CURR?", b"+5.00000000E+00;+1.00000000E+00"),
        (b"INST CH3;:INST?", b"CH3"),
        (b"VOLT:PROT? (@1)", b"+6.60000000E+00"),
        (b"CURR:PROT:STAT ON,(@1);:CURR:PROT:STAT? (@1)", b"1"),
        (b"VOLT:PROT:TRIP? (@1);:CURR:PROT:TRIP? (@1)", b"0;0"),
        (b"VOLT 6.2,(@1)", None),
        (b"SYST:ERR?", b'-222,"Data out of range"'),
        (b"VOLT 6.2,(@1,2)", None),
        (b"VOLT? (@2)", b"+3.00000000E+00"),
        (b"SYST:ERR?", b'-222,"Data out of range"'),
        (b"VOLT 1,(@4)", None),
        (b"SYST:ERR?", b'-222,"Data out of range"'),
        (b"STAT:QUES?", None),
        (b"SYST:ERR?", b'-113,"Undefined header"'),
        (b"SYST:ERR?", b'+0,"No error"'),
        (b"*RST;:OUTP? (@1);:VOLT? (@1);:INST?", b"0;+0.00000000E+00;CH1"),
    ]
    for sent, reply in exchanges:
        assert (sent, twin.handle(sent)) == (sent, reply)


def test_the_output_feeds_its_rail_within_the_supply_s_accuracy(
    supply: KeysightE36312a, world: World
) -> None:
    supply.set_voltage(3.3, 0.5)
    assert world.rails[1].voltage_v == 0.0
    supply.switch(True)
    world.rails[1].load_ohm = 330.0
    assert world.rails[1].voltage_v == pytest.approx(3.3, abs=0.01)
    assert world.rails[1].voltage_v != 3.3
    assert supply.read_voltage_v() == pytest.approx(3.3, abs=0.01)
    assert supply.read_current_a() == pytest.approx(0.01, abs=0.001)
    assert not world.rails[2].on


def test_a_heavy_load_pulls_the_rail_down_to_the_current_limit(
    twin: SimKeysightE36312a, supply: KeysightE36312a, world: World
) -> None:
    supply.set_voltage(5.0, 0.1)
    supply.switch(True)
    world.rails[1].load_ohm = 10.0
    assert supply.read_current_a() == pytest.approx(0.1, abs=0.002)
    assert supply.read_voltage_v() == pytest.approx(1.0, abs=0.01)
    assert not supply.is_tripped()
    twin.handle(b"CURR:PROT:STAT ON,(@1)")
    assert supply.is_tripped()
    assert not world.rails[1].on


def test_a_voltage_above_the_protection_trips_and_latches(
    supply: KeysightE36312a, world: World
) -> None:
    supply.set_over_voltage_protection(3.6)
    supply.set_voltage(3.3, 0.5)
    supply.switch(True)
    assert not supply.is_tripped()
    supply.set_voltage(3.8, 0.5)
    assert supply.is_tripped()
    assert not supply.is_on()
    assert not world.rails[1].on
    with pytest.raises(InstrumentError, match="-221"):
        supply.switch(True)
    supply.set_voltage(3.3, 0.5)
    assert supply.is_tripped()
    supply.clear_trip()
    assert not supply.is_tripped()
    assert not supply.is_on()
    supply.switch(True)
    assert supply.is_on()


def test_a_cleared_trip_brings_the_output_back_by_itself(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    supply.set_voltage(3.3, 0.5)
    supply.switch(True)
    twin.trip(1)
    assert not supply.is_on()
    twin.handle(b"OUTP:PROT:CLE (@1)")
    assert supply.is_on()


def test_make_safe_works_on_a_tripped_supply_with_errors_waiting(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    supply.set_voltage(3.3, 0.5)
    supply.switch(True)
    twin.trip(1)
    twin.inject_error(-310, "System error")
    supply.make_safe()
    twin.handle(b"OUTP:PROT:CLE (@1)")
    assert not supply.is_on()


# Other people's clients, over TCP.


def test_pymeasure_drives_the_twin_over_tcp() -> None:
    from pymeasure.instruments.keysight import KeysightE36312A  # noqa: PLC0415 - heavy

    world = World(RealClock(), seed=1)
    twin = SimKeysightE36312a(world, "SIM-PSU")
    with TcpMount(twin) as mount:
        client = KeysightE36312A(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            visa_library="@py",
            read_termination="\n",
            write_termination="\n",
        )
        try:
            assert client.id == "Keysight Technologies,E36312A,SIM-PSU,2.1.0-1.0.4-1.12"
            client.ch_1.voltage_setpoint = 3.3
            client.ch_1.current_limit = 0.1
            client.ch_1.output_enabled = True
            assert client.ch_1.voltage_setpoint == 3.3
            assert client.ch_1.current_limit == 0.1
            assert client.ch_1.output_enabled is True
            assert client.ch_2.output_enabled is False
            world.rails[1].load_ohm = 100.0
            assert client.ch_1.voltage == pytest.approx(3.3, abs=0.01)
            assert client.ch_1.current == pytest.approx(0.033, abs=0.001)
            assert client.check_errors() == []
        finally:
            client.adapter.close()
