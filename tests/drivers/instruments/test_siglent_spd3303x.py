"""Siglent SPD3303X: driver and twin, each against the wire as public drivers show it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.instruments.siglent_spd3303x.driver import SiglentSpd3303x, Status, parse_status
from sensorbench.instruments.siglent_spd3303x.twin import SimSiglentSpd3303x
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import World

Scripted = Callable[..., Any]
APART = ("SYST:STAT?", "0x4")


@pytest.fixture
def twin(world: World) -> SimSiglentSpd3303x:
    return SimSiglentSpd3303x(world, "SIM-PSU")


@pytest.fixture
def supply(twin: SimSiglentSpd3303x, clock: VirtualClock) -> SiglentSpd3303x:
    return SiglentSpd3303x(InProcessLine(twin, SiglentSpd3303x.LINE, "psu"), clock)


def rail_v(twin: SimSiglentSpd3303x, member: str = "out1") -> float:
    return float(twin.drives[member].sample(np.array([0.0]))[0])


def load(twin: SimSiglentSpd3303x, ohm: float) -> None:
    """Hang a resistor on output 1."""
    twin.sense("current1", lambda: rail_v(twin) / ohm)


# The status word.


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("0x14", Status("independent", (1,), ())),
        ("0x35", Status("independent", (1, 2), ())),
        ("0X8", Status("parallel", (), ())),
        ("0x2C", Status("series", (2,), ())),
        ("0x364\n", Status("independent", (2,), (1,))),
        ("0x84", Status("independent", (), (2,))),
    ],
)
def test_the_status_word_tells_mode_outputs_and_timers(reply: str, status: Status) -> None:
    assert parse_status(reply) == status


@pytest.mark.parametrize("reply", ["", "14", "0x", "0x14x", "0x0", "0x10", "0x12345", "-0x14"])
def test_what_is_no_status_word_is_a_protocol_error(reply: str) -> None:
    with pytest.raises(ProtocolError, match="expected a status word"):
        parse_status(reply)


# The driver, against written exchanges.


def test_each_setting_is_read_back_and_the_switch_comes_last(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        APART,
        ("CH2:CURR 0.500", None),
        ("CH2:CURR?", "0.500"),
        ("CH2:VOLT 3.333", None),
        ("CH2:VOLT?", "3.333"),
        APART,
        APART,
        ("OUTP CH2,ON", None),
        ("SYST:STAT?", "0x24"),
        ("SYST:STAT?", "0x24"),
    )
    assert SiglentSpd3303x(line, clock).out2.go(10.0 / 3.0, limit=0.5) == 3.333


@pytest.mark.parametrize("held", ["4.990", "0.000", "32.000"])
def test_a_command_that_was_lost_is_found_by_what_is_held(
    scripted: Scripted, clock: VirtualClock, held: str
) -> None:
    line = scripted(APART, ("CH1:VOLT 5.000", None), ("CH1:VOLT?", held))
    with pytest.raises(InstrumentError, match="not accepted"):
        SiglentSpd3303x(line, clock).out1.go(5.0)


@pytest.mark.parametrize(("word", "mode"), [("0x8", "parallel"), ("0xc", "series")])
def test_outputs_that_are_joined_are_not_set_and_are_told(
    scripted: Scripted, clock: VirtualClock, word: str, mode: str
) -> None:
    for output in ("out1", "out2"):
        for action in ("go", "foresee"):
            member = getattr(SiglentSpd3303x(scripted(("SYST:STAT?", word)), clock), output)
            with pytest.raises(SetpointError, match=f"in {mode}; press SER/PARA"):
                getattr(member, action)(5.0)
        member = getattr(SiglentSpd3303x(scripted(("SYST:STAT?", word)), clock), output)
        assert member.told() == OfItsOwn(f"outputs 1 and 2 in {mode}")


def test_an_output_that_does_not_switch_is_found(scripted: Scripted, clock: VirtualClock) -> None:
    off = ("OUTP CH1,OFF", None)
    SiglentSpd3303x(scripted(off, ("SYST:STAT?", "0x24")), clock).out1.release()
    with pytest.raises(InstrumentError, match="still on; pull the plug"):
        SiglentSpd3303x(scripted(off, ("SYST:STAT?", "0x14")), clock).out1.release()
    setting = (APART, ("CH1:VOLT 5.000", None), ("CH1:VOLT?", "5.000"))
    on = ("OUTP CH1,ON", None)
    with pytest.raises(InstrumentError, match="output 1 did not come on"):
        SiglentSpd3303x(scripted(*setting, APART, APART, on, APART), clock).out1.go(5.0)


def test_make_safe_tries_every_output_and_names_what_stays_on(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("OUTP CH1,OFF", None),
        ("SYST:STAT?", "0x14"),
        ("OUTP CH2,OFF", None),
        ("SYST:STAT?", "0x14"),
        ("OUTP CH3,OFF", None),
    )
    with pytest.raises(InstrumentError, match=r"output 1: .*Pull the plug") as raised:
        SiglentSpd3303x(line, clock).make_safe()
    assert "output 2" not in str(raised.value)


@pytest.mark.parametrize(
    ("voltage_v", "limit_a"), [(32.001, 1.0), (-0.001, 1.0), (5.0, 3.201), (math.nan, None)]
)
def test_what_is_beyond_the_ratings_is_not_sent(
    scripted: Scripted, clock: VirtualClock, voltage_v: float, limit_a: float | None
) -> None:
    with pytest.raises(SetpointError, match="nothing was sent"):
        SiglentSpd3303x(scripted(), clock).out1.go(voltage_v, limit=limit_a)


def test_an_identity_of_five_fields_is_read_and_a_sister_is_refused(
    scripted: Scripted, clock: VirtualClock
) -> None:
    said = "Siglent Technologies,{},SPD3XGB4150080,1.01.01.02.05,V3.0"
    line = scripted(("*IDN?", said.format("SPD3303X")))
    assert SiglentSpd3303x(line, clock).identify().firmware == "1.01.01.02.05,V3.0"
    for model in ("SPD3303C", "SPD3303X-E", "SPD1305X"):
        with pytest.raises(ProtocolError, match="expected an SPD3303X"):
            SiglentSpd3303x(scripted(("*IDN?", said.format(model))), clock).identify()


# The twin, byte by byte.


def test_the_twin_answers_as_public_drivers_read_it(twin: SimSiglentSpd3303x, world: World) -> None:
    exchanges: list[tuple[bytes, bytes | None]] = [
        (b"*IDN?", b"Siglent Technologies,SPD3303X,SIM-PSU,1.01.01.02.07R2,V3.0"),
        (b"CH1:VOLT 3.3", None),
        (b"CH1:VOLT?", b"3.300"),
        (b"CH2:CURR 0.5", None),
        (b"CH2:CURR?", b"0.500"),
        (b"INST CH2", None),
        (b"INST?", b"CH2"),
        (b"CURR?", b"0.500"),
        (b"SYST:STAT?", b"0x4"),
        (b"OUTP CH1,ON", None),
        (b"SYST:STAT?", b"0x14"),
        (b"OUTP CH3,ON", None),
        (b"OUTP:TRACK 0", None),
        (b"SYST:STAT?", b"0x14"),
        (b"SYST:ERR?", b"0  No Error"),
    ]
    for sent, reply in exchanges:
        assert (sent, twin.handle(sent)) == (sent, reply)
    assert not world.beyond.get("SIM-PSU")
    assert rail_v(twin, "out3") == 3.3


@pytest.mark.parametrize(
    "command", [b"NONSENSE", b"CH1:VOLT 33", b"CH3:VOLT 5", b"OUTP CH1", b"OUTP:TRACK 1", b"*OPC?"]
)
def test_what_it_refuses_is_not_answered_no_error_and_changes_nothing(
    twin: SimSiglentSpd3303x, command: bytes
) -> None:
    looks = b"CH1:VOLT?;:CH2:VOLT?;:SYST:STAT?"
    before = twin.handle(looks)
    assert twin.handle(command) is None
    assert twin.handle(b"SYST:ERR?") == b"0  No Error"
    assert twin.handle(looks) == before


# Both together.


def test_a_heavy_load_pulls_the_rail_down_and_the_status_says_constant_current(
    twin: SimSiglentSpd3303x, supply: SiglentSpd3303x
) -> None:
    supply.out1.go(5.0, limit=0.1)
    supply.out2.go(5.0, limit=0.1)
    load(twin, 10.0)
    assert supply.current1.read() == pytest.approx(0.1, abs=0.002)
    assert supply.out1.read() == pytest.approx(1.0, abs=0.01)
    assert twin.handle(b"SYST:STAT?") == b"0x35"
    assert supply.out1.told() == Held(5.0, 0.1)


def test_make_safe_switches_off_the_output_that_is_no_member(
    twin: SimSiglentSpd3303x, supply: SiglentSpd3303x
) -> None:
    supply.out1.go(5.0)
    twin.handle(b"OUTP CH3,ON")
    supply.make_safe()
    assert [rail_v(twin, f"out{n}") for n in (1, 2, 3)] == [0.0, 0.0, 0.0]


# Other people's clients, over TCP.


def test_pymeasure_drives_the_twin_over_tcp() -> None:
    from pymeasure.instruments.siglenttechnologies import SPD1305X  # noqa: PLC0415 - heavy

    twin = SimSiglentSpd3303x(World(RealClock(), seed=1), "SIM-PSU")
    with TcpMount(twin) as mount:
        client = SPD1305X(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            visa_library="@py",
            read_termination="\n",
            write_termination="\n",
        )
        try:
            client.ch_1.voltage_setpoint = 3.3
            client.ch_1.current_limit = 0.1
            client.ch_1.enable_output()
            assert client.ch_1.voltage_setpoint == 3.3
            assert client.ch_1.current_limit == 0.1
            load(twin, 100.0)
            assert client.ch_1.voltage == pytest.approx(3.3, abs=0.01)
            assert client.ch_1.current == pytest.approx(0.033, abs=0.001)
            assert client.ch_1.power == pytest.approx(0.109, abs=0.003)
            assert client.system_status_code & 16  # on
            client.ch_1.enable_output(False)
            assert not client.system_status_code & 16
        finally:
            client.adapter.close()
