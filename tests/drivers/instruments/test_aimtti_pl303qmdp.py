"""Aim-TTi PL303QMD-P: driver and twin, each against the manual as public clients cite it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.aimtti_pl303qmdp.driver import AimttiPl303qmdp
from sensorbench.instruments.aimtti_pl303qmdp.twin import SimAimttiPl303qmdp
from sensorbench.instruments.telling import Held
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import World

Scripted = Callable[..., Any]
FINE = ("*ESR?", "0")


@pytest.fixture
def twin(world: World) -> SimAimttiPl303qmdp:
    return SimAimttiPl303qmdp(world, "SIM-PSU")


@pytest.fixture
def supply(twin: SimAimttiPl303qmdp, clock: VirtualClock) -> AimttiPl303qmdp:
    return AimttiPl303qmdp(InProcessLine(twin, AimttiPl303qmdp.LINE, "psu"), clock)


def rail_v(twin: SimAimttiPl303qmdp, member: str = "out1") -> float:
    return float(twin.drives[member].sample(np.array([0.0]))[0])


def load(twin: SimAimttiPl303qmdp, ohm: float) -> None:
    """Hang a resistor on output 1."""
    twin.sense("current1", lambda: rail_v(twin) / ohm)


def told(twin: SimAimttiPl303qmdp, *messages: str) -> list[str]:
    replies = [twin.handle(message.encode()) for message in messages]
    return [reply.decode() for reply in replies if reply is not None]


# The driver, against written exchanges.


def test_it_says_who_it_is(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("*IDN?", "THURLBY THANDAR, PL303QMD-P, 504183, 3.05-4.06"))
    identity = AimttiPl303qmdp(line, clock).identify()
    assert (identity.model, identity.serial) == ("PL303QMD-P", "504183")
    line = scripted(("*IDN?", "THURLBY THANDAR, PL303QMT-P, 504183, 3.05-4.06"))
    with pytest.raises(WrongDevice, match="expected a PL303QMD-P"):
        AimttiPl303qmdp(line, clock).identify()


def test_each_setting_is_asked_about_and_read_back_and_the_switch_comes_last(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("OP1?", "0"),
        ("I2 0.500", None), FINE, ("I2?", "I2 0.500"),
        ("V2 3.33", None), FINE, ("V2?", "V2 3.33"),
        ("LSR2?", "0"), ("OP2?", "0"), ("OP1?", "0"),
        ("OP2 1", None), FINE, ("OP2?", "1"), ("OP1?", "0"),
    )  # fmt: skip
    assert AimttiPl303qmdp(line, clock).out2.go(10.0 / 3.0, limit=0.5) == 3.33


@pytest.mark.parametrize(
    ("registers", "code", "text"),
    [
        ((("*ESR?", "16"), ("EER?", "100")), 100, "out of range; in the low current range"),
        ((("*ESR?", "16"), ("EER?", "103")), 103, "track each other or are in parallel"),
        ((("*ESR?", "16"), ("EER?", "200")), 200, "another interface holds the lock"),
        ((("*ESR?", "16"), ("EER?", "3")), 3, "fault of its hardware"),
        ((("*ESR?", "160"),), 32, "does not know the command"),
        ((("*ESR?", "36"), ("QER?", "1")), 32, "does not know the command; 1 QER"),
    ],
)
def test_a_refusal_is_an_error_with_its_reason(
    scripted: Scripted, clock: VirtualClock, registers: Any, code: int, text: str
) -> None:
    line = scripted(("OP2?", "0"), ("I1 2.000", None), *registers)
    with pytest.raises(InstrumentError, match=text) as refused:
        AimttiPl303qmdp(line, clock).out1.go(5.0, limit=2.0)
    assert refused.value.code == code


@pytest.mark.parametrize("held", ["V1 4.99", "V1 0.00", "V1 30.00"])
def test_a_command_that_was_lost_is_found_by_what_is_held(
    scripted: Scripted, clock: VirtualClock, held: str
) -> None:
    line = scripted(("OP2?", "0"), ("V1 5.00", None), FINE, ("V1?", held))
    with pytest.raises(InstrumentError, match="not accepted"):
        AimttiPl303qmdp(line, clock).out1.go(5.0)


@pytest.mark.parametrize(
    ("query", "read", "replies"),
    [
        ("V1O?", "out1", {"5.001V": 5.001, "18.00V": 18.0, "-0.005V": -0.005}),
        ("I1O?", "current1", {"0.915A": 0.915, "0.0001A": 1e-4}),
    ],
)
def test_a_reading_ends_in_its_unit(
    scripted: Scripted, clock: VirtualClock, query: str, read: str, replies: dict[str, float]
) -> None:
    for reply, value in replies.items():
        supply = AimttiPl303qmdp(scripted((query, reply)), clock)
        assert getattr(supply, read).read() == value
    other = "5.001A" if read == "out1" else "0.915V"
    for wrong in ("", "5.001", other, "V1 5.000", "5.0015.001V", "5.001V5.001V", "nanV", "V"):
        supply = AimttiPl303qmdp(scripted((query, wrong)), clock)
        with pytest.raises(ProtocolError, match="answered"):
            getattr(supply, read).read()


@pytest.mark.parametrize("wrong", ["V2 5.00", "I1 5.00", "5.00", "V1", "V1 5.00 5.00", "VP1 5.00"])
def test_the_setting_of_another_output_or_name_is_refused(
    scripted: Scripted, clock: VirtualClock, wrong: str
) -> None:
    line = scripted(("OP1?", "1"), ("V1?", wrong))
    with pytest.raises(ProtocolError, match="'V1\\?' answered"):
        AimttiPl303qmdp(line, clock).out1.told()


def test_the_protection_is_narrowed_to_its_step_below(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(("OVP1?", "VP1 33.00"), ("OVP1 12.30", None), FINE, ("OVP1?", "VP1 12.30"))
    assert AimttiPl303qmdp(line, clock).out1.protect(None, 12.38) == (None, 12.3)
    line = scripted(("OVP1?", "VP1 6.00"))
    assert AimttiPl303qmdp(line, clock).out1.protect(None, 12.38) == (None, 6.0)


def test_what_has_tripped_is_kept_until_the_trips_are_cleared(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("LSR1?", "5"), ("LSR2?", "73"),
        ("LSR1?", "0"), ("LSR2?", "0"),
        FINE, ("OP1 0", None), FINE, ("OP1?", "0"),
        FINE, ("OP2 0", None), FINE, ("OP2?", "0"),
        ("LSR1?", "0"), ("LSR2?", "0"),
        ("TRIPRST", None), FINE,
        ("LSR1?", "0"), ("LSR2?", "0"),
    )  # fmt: skip
    supply = AimttiPl303qmdp(line, clock)
    found = supply.read_alarms()
    assert found[:2] == (
        "over-voltage protection of output 1 tripped",
        "over-current protection of output 2 tripped",
    )
    assert found[2].startswith("output 2 tripped; reset it at the panel")
    assert supply.read_alarms() == found
    supply.clear_trips()
    assert supply.read_alarms() == ()


@pytest.mark.parametrize("wrong", ["", "1 2", "256", "-1", "V1 5.00", "1.0"])
def test_a_register_that_is_none_is_an_error(
    scripted: Scripted, clock: VirtualClock, wrong: str
) -> None:
    with pytest.raises(ProtocolError, match="expected 0 to 255"):
        AimttiPl303qmdp(scripted(("*ESR?", wrong)), clock).take()


# The twin, against the manual.


def test_the_twin_answers_as_the_manual_says(twin: SimAimttiPl303qmdp) -> None:
    assert told(twin, "*IDN?") == ["THURLBY THANDAR, PL303QMD-P, SIM-PSU, 3.05-4.06"]
    assert told(twin, "V1 18", "V1?", "I1 0.915", "I1?") == ["V1 18.00", "I1 0.915"]
    assert told(twin, "OVP1?", "OCP1 2", "OCP1?", "OP1?") == ["VP1 33.00", "CP1 2.000", "0"]
    assert told(twin, "op2 1; v2?;OP2?") == ["V2 0.00\r\n1"]
    assert told(twin, "V1O?", "I1O?")[1].endswith("A")
    assert told(twin, "*OPC?", "IFLOCK?", "IFLOCK", "IFLOCK?", "IFUNLOCK") == [*"10110"]


@pytest.mark.parametrize(
    ("message", "events", "execution"),
    [
        ("V1 30.01", 16, 100), ("V1 -1", 16, 100), ("OP1 2", 16, 100), ("V3 5", 16, 103),
        ("RCL1 4", 16, 102), ("SAV1 10", 16, 100), ("V1", 32, 0), ("V1 five", 32, 0),
        ("V1? 5", 32, 0), ("NONSENSE", 32, 0), ("OP1 ON", 32, 0), ("V1V 5", 8, 0), ("*OPC", 1, 0),
    ],
)  # fmt: skip
def test_the_twin_tells_errors_in_its_registers(
    twin: SimAimttiPl303qmdp, message: str, events: int, execution: int
) -> None:
    assert told(twin, "*ESR?") == ["128"]  # it was switched on
    assert told(twin, message, "*ESR?", "EER?") == [str(events), str(execution)]
    assert told(twin, "*ESR?", "EER?", "QER?") == [*"000"]


def test_the_low_range_ends_the_limit_and_waits_for_the_output(twin: SimAimttiPl303qmdp) -> None:
    assert told(twin, "IRANGE1?", "IRANGE1 1", "IRANGE1?", "I1?") == ["2", "1", "I1 0.5000"]
    assert told(twin, "I1 0.6", "EER?", "I1 0.1234", "I1?") == ["100", "I1 0.1234"]
    assert told(twin, "OP1 1", "IRANGE1 2", "EER?", "IRANGE1?") == ["104", "1"]


def test_limits_and_trips_are_latched_until_they_are_read(twin: SimAimttiPl303qmdp) -> None:
    load(twin, 10.0)
    assert told(twin, "LSR1?", "V1 5", "I1 1", "OP1 1", "LSR1?", "LSR1?") == [*"010"]
    assert told(twin, "I1 0.2", "LSR1?") == ["2"]
    assert rail_v(twin) == pytest.approx(2.0, abs=0.01)
    assert told(twin, "OCP1 0.1", "LSR1?", "OP1?", "OP1 1", "OP1?") == [*"800"]
    assert told(twin, "OCP1 2", "TRIPRST", "OP1?", "OP1 1", "OP1?") == [*"01"]
    assert told(twin, "LSE1 4", "OVP1 1.0", "*STB?", "LSR1?", "OP1?") == ["1", "6", "0"]


def test_while_they_track_output_2_has_its_share_of_output_1(twin: SimAimttiPl303qmdp) -> None:
    assert told(twin, "CONFIG 0", "RATIO 50", "V1 12", "V2?", "CONFIG?") == ["V2 6.00", "0"]
    assert told(twin, "V2 3", "EER?") == ["103"]
    assert told(twin, "CONFIG 2", "V2 3", "V2?") == ["V2 3.00"]


def test_what_it_does_not_model_is_noted(twin: SimAimttiPl303qmdp, world: World) -> None:
    told(twin, "CONFIG 1", "DAMPING1 1", "*PRE 1")
    assert {*world.beyond_of("SIM-PSU")} == {"CONFIG 1", "DAMPING<n>", "*PRE"}


# Both together.


def test_a_trip_is_told_and_wants_to_be_cleared(
    supply: AimttiPl303qmdp, twin: SimAimttiPl303qmdp
) -> None:
    supply.out1.go(5.0)
    supply.out2.go(3.3)
    twin.trip(1)
    assert (supply.out1.told(), rail_v(twin)) == (None, 0.0)
    assert supply.read_alarms() == ("over-voltage protection of output 1 tripped",)
    with pytest.raises(InstrumentError, match="did not come on: has it tripped"):
        supply.out1.go(5.0)
    supply.clear_trips()
    assert (rail_v(twin), rail_v(twin, "out2"), supply.read_alarms()) == (0.0, 0.0, ())
    supply.out1.go(5.0)
    assert rail_v(twin) == pytest.approx(5.0, abs=0.02)


def test_a_trip_that_was_cleared_at_the_panel_is_none_of_the_next_run(
    supply: AimttiPl303qmdp, twin: SimAimttiPl303qmdp
) -> None:
    told(twin, "OP1 1")
    twin.trip(1)
    told(twin, "TRIPRST")
    supply.out1.go(5.0)
    assert supply.read_alarms() == ()


def test_outputs_that_track_each_other_are_not_set_while_the_other_is_on(
    supply: AimttiPl303qmdp, twin: SimAimttiPl303qmdp
) -> None:
    supply.out2.go(3.3, limit=0.5)
    told(twin, "CONFIG 0")
    held = told(twin, "V1?", "V2?")
    for action in (supply.out1.go, supply.out1.foresee):
        with pytest.raises(SetpointError, match="track each other or are in parallel"):
            action(12.0)
    assert told(twin, "V1?", "V2?") == held
    supply.make_safe()
    assert supply.out1.go(12.0) == 12.0
    assert (rail_v(twin, "out2"), supply.out2.told()) == (0.0, None)


def test_the_low_range_refuses_a_higher_limit(
    supply: AimttiPl303qmdp, twin: SimAimttiPl303qmdp
) -> None:
    told(twin, "IRANGE1 1")
    with pytest.raises(InstrumentError, match="in the low current range the limit ends"):
        supply.out1.go(5.0, limit=1.0)
    assert rail_v(twin) == 0.0
    supply.out1.go(5.0, limit=0.2)
    assert supply.out1.told() == Held(5.0, 0.2)


def test_an_error_that_somebody_left_is_not_lost(
    supply: AimttiPl303qmdp, twin: SimAimttiPl303qmdp
) -> None:
    told(twin, "V1 99")
    with pytest.raises(InstrumentError, match="out of range"):
        supply.out1.go(5.0)
    told(twin, "V1 99")
    assert supply.take()[0].startswith("100 the value is out of range")
    assert supply.take() == ()


# Other people's clients, over TCP.


def test_pymeasure_drives_the_twin_over_tcp() -> None:
    from pymeasure.instruments.aimtti.aimttiPL import PL303QMDP  # noqa: PLC0415 - heavy

    world = World(RealClock(), seed=1)
    twin = SimAimttiPl303qmdp(world, "SIM-PSU")
    load(twin, 100.0)
    with TcpMount(twin) as mount:
        client = PL303QMDP(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            visa_library="@py",
            read_termination="\r\n",
            write_termination="\n",
        )
        try:
            assert client.id == twin.identity
            client.reset()
            client.ch_1.current_range = "LOW"
            client.ch_1.current_limit = 0.1
            client.ch_1.output_enabled = True
            client.ch_1.voltage_setpoint = 3.3
            assert client.ch_1.voltage_setpoint == 3.3
            assert (client.ch_1.current_limit, client.ch_1.current_range) == (0.1, "LOW")
            assert client.ch_1.voltage == pytest.approx(3.3, abs=0.02)
            assert client.ch_1.current == pytest.approx(0.033, abs=1e-3)
            assert (client.ch_1.output_enabled, client.ch_2.output_enabled) == (True, False)
            client.all_outputs_enabled = True
            assert client.ch_2.output_enabled
            client.all_outputs_enabled = False
            assert not client.ch_1.output_enabled
            client.local()
            assert client.ask("*ESR?").strip() == "128"
        finally:
            client.adapter.close()
    assert rail_v(twin) == 0.0
    assert not world.beyond_of("SIM-PSU")
