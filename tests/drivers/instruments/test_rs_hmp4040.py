"""R&S HMP4040: driver and twin, each against the wire as public drivers show it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.rs_hmp4040.driver import RsHmp4040
from sensorbench.instruments.rs_hmp4040.twin import SimRsHmp4040
from sensorbench.instruments.telling import Held
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
NO_ERROR = ("SYST:ERR?", '0,"No error"')


@pytest.fixture
def twin(world: World) -> SimRsHmp4040:
    return SimRsHmp4040(world, "SIM-PSU")


@pytest.fixture
def supply(twin: SimRsHmp4040, clock: VirtualClock) -> RsHmp4040:
    return RsHmp4040(InProcessLine(twin, RsHmp4040.LINE, "psu"), clock)


def rail_v(twin: SimRsHmp4040, member: str = "out1") -> float:
    return float(twin.drives[member].sample(np.array([0.0]))[0])


def ask(twin: SimRsHmp4040, message: str) -> str:
    reply = twin.handle(message.encode())
    return reply.decode() if reply is not None else ""


def asked(output: int, query: str, reply: str, found: int | None = None) -> tuple[Any, ...]:
    return (
        (f"INST OUT{output}", None),
        (query, reply),
        ("INST:NSEL?", str(output if found is None else found)),
    )


def told(output: int, command: str, found: int | None = None) -> tuple[Any, ...]:
    selected = ("INST:NSEL?", str(output if found is None else found))
    return ((f"INST OUT{output}", None), (command, None), NO_ERROR, selected)


# The driver, against written exchanges.


@pytest.mark.parametrize(
    "reply",
    ["HAMEG,HMP4040,103781,HW50020001/SW2.51", "ROHDE&SCHWARZ,HMP4040,120224,HW50020003/SW2.62"],
)
def test_both_makers_names_are_known(scripted: Scripted, clock: VirtualClock, reply: str) -> None:
    found = RsHmp4040(scripted(("*IDN?", reply)), clock).identify()
    assert found.model == "HMP4040"
    other = RsHmp4040(scripted(("*IDN?", reply.replace("4040", "4030"))), clock)
    with pytest.raises(WrongDevice, match="expected an HMP4040"):
        other.identify()


def test_each_command_selects_its_output_and_looks_afterwards(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("OUTP:GEN?", "1"),
        *told(3, "CURR 0.5000"),
        *asked(3, "CURR?", "0.5000"),
        *told(3, "VOLT 3.3333"),
        *asked(3, "VOLT?", "3.333"),
        *asked(3, "OUTP?", "0"),
        *told(3, "OUTP ON"),
        *asked(3, "OUTP?", "1"),
    )
    assert RsHmp4040(line, clock).out3.go(10.0 / 3.0, limit=0.5) == 3.333


def test_what_was_selected_by_somebody_else_is_an_error_and_no_value(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(*asked(2, "MEAS:VOLT?", "5.000", found=4))
    with pytest.raises(InstrumentError, match="output 4 was selected: a person at the panel"):
        RsHmp4040(line, clock).out2.read()
    line = scripted(("OUTP:GEN?", "1"), *told(1, "VOLT 5.0000", found=2))
    with pytest.raises(InstrumentError, match="may have met that one"):
        RsHmp4040(line, clock).out1.go(5.0)


@pytest.mark.parametrize("held", ["4.990", "0.000", "32.050"])
def test_what_was_not_accepted_is_found_by_what_is_held(
    scripted: Scripted, clock: VirtualClock, held: str
) -> None:
    line = scripted(("OUTP:GEN?", "1"), *told(1, "VOLT 5.0000"), *asked(1, "VOLT?", held))
    with pytest.raises(InstrumentError, match="not accepted"):
        RsHmp4040(line, clock).out1.go(5.0)


@pytest.mark.parametrize("reply", ["9.91E37", "nan", "5.0 V", ""])
def test_what_is_no_number_is_no_reading(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    line = scripted(*asked(1, "MEAS:CURR?", reply))
    with pytest.raises((ProtocolError, InstrumentError)):
        RsHmp4040(line, clock).current1.read()


# Both.


def test_an_output_is_set_read_told_and_released(supply: RsHmp4040, twin: SimRsHmp4040) -> None:
    twin.sense("current2", lambda: rail_v(twin, "out2") / 100.0)
    assert supply.out2.told() is None
    assert supply.out2.go(3.3, limit=0.2) == 3.3
    assert rail_v(twin, "out2") == pytest.approx(3.3, abs=0.005)
    assert supply.out2.read() == pytest.approx(3.3, abs=0.013)
    assert supply.current2.read() == pytest.approx(0.033, abs=1e-3)
    assert supply.out2.told() == Held(3.3, 0.2)
    supply.out2.release()
    assert rail_v(twin, "out2") == 0.0
    assert supply.out2.told() is None


def test_an_output_that_others_would_come_on_with_is_not_switched_on(
    supply: RsHmp4040, twin: SimRsHmp4040
) -> None:
    ask(twin, "INST OUT4")
    ask(twin, "VOLT 24")
    ask(twin, "OUTP:SEL ON")
    for action in (supply.out1.go, supply.out1.foresee):
        with pytest.raises(SetpointError, match="output 4 would come on with it"):
            action(3.3)
    assert rail_v(twin, "out4") == rail_v(twin, "out1") == 0.0
    ask(twin, "OUTP:GEN ON")  # a person meant it: then it is on anyway
    supply.out1.go(3.3)
    assert rail_v(twin, "out4") == pytest.approx(24.0, abs=0.02)


def test_make_safe_leaves_nothing_that_the_master_would_switch_on(
    supply: RsHmp4040, twin: SimRsHmp4040
) -> None:
    for output in range(1, 5):
        getattr(supply, f"out{output}").go(5.0)
    supply.make_safe()
    ask(twin, "OUTP:GEN ON")
    assert [rail_v(twin, f"out{output}") for output in range(1, 5)] == [0.0] * 4


def test_make_safe_tries_every_output_and_names_what_stays_on(
    scripted: Scripted, clock: VirtualClock
) -> None:
    clear = ("*CLS", None)
    line = scripted(
        clear, ("OUTP:GEN OFF", None), NO_ERROR, ("OUTP:GEN?", "1"),
        *(
            exchange
            for output, reply in ((1, "0"), (2, "1"), (3, "0"), (4, "0"))
            for exchange in (clear, *told(output, "OUTP OFF"), *asked(output, "OUTP?", reply))
        ),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match=r"(?s)the master.*output 2.*Pull the plug"):
        RsHmp4040(line, clock).make_safe()


def test_over_voltage_trips_are_alarms_and_are_cleared(
    supply: RsHmp4040, twin: SimRsHmp4040
) -> None:
    supply.out1.go(5.0)
    assert supply.out1.protect(None, 6.0) == (None, 6.0)
    assert supply.out1.protect(None, 9.0) == (None, 6.0)  # it only narrows
    ask(twin, "INST OUT1")
    ask(twin, "VOLT 7")
    assert rail_v(twin) == 0.0
    assert supply.read_alarms() == ("over-voltage protection of output 1 tripped",)
    supply.clear_trips()
    assert supply.read_alarms() == ()
    assert rail_v(twin) == 0.0


def test_a_fuse_that_is_on_blows_when_its_limit_acts(supply: RsHmp4040, twin: SimRsHmp4040) -> None:
    twin.sense("current1", lambda: rail_v(twin) / 1.0)
    supply.out1.go(5.0, limit=1.0)
    assert rail_v(twin) == pytest.approx(1.0, abs=0.05)
    ask(twin, "INST OUT1")
    ask(twin, "FUSE ON")
    assert supply.read_alarms() == ("electronic fuse of output 1 tripped",)
    assert rail_v(twin) == 0.0


@pytest.mark.parametrize("kind", ["setpoint_changed", "output_off", "trip1"])
def test_what_a_person_does_at_the_panel_is_told(
    supply: RsHmp4040, twin: SimRsHmp4040, world: World, kind: str
) -> None:
    supply.out1.go(5.0)
    before = supply.out1.told()
    world.add_fault("SIM-PSU", Fault(kind))
    assert supply.out1.told() != before


# The twin.


def test_the_selected_output_is_the_one_that_is_set(twin: SimRsHmp4040) -> None:
    for message in ("INST OUT2", "VOLT 4.5", "INST:NSEL 3", "APPL 6,0.25"):
        ask(twin, message)
    assert (ask(twin, "INST?"), ask(twin, "APPL?")) == ("OUTP3", "6.000, 0.2500")
    assert ask(twin, "INST OUTP2;VOLT?") == "4.500"
    assert ask(twin, "VOLT? MAX") == "32.050"
    assert ask(twin, "SOUR:CURR:LEV:AMPL? MAX") == "10.0100"
    ask(twin, "INST:NSEL 5")
    assert ask(twin, "SYST:ERR?").startswith("-222")


def test_steps_end_where_the_range_does(twin: SimRsHmp4040) -> None:
    for message in ("VOLT 31.5", "VOLT UP"):
        ask(twin, message)
    assert ask(twin, "VOLT?") == "32.050"
    ask(twin, "VOLT:STEP 20")
    ask(twin, "VOLT DOWN;VOLT DOWN")
    assert ask(twin, "VOLT?") == "0.000"


def test_nothing_flows_without_both_switches(twin: SimRsHmp4040) -> None:
    for message, expected in (("VOLT 5", 0), ("OUTP:GEN ON", 0), ("OUTP:SEL ON", 5),
                              ("OUTP:GEN OFF", 0), ("OUTP ON", 5), ("OUTP OFF", 0)):  # fmt: skip
        ask(twin, message)
        assert rail_v(twin) == pytest.approx(expected, abs=0.005), message


@pytest.mark.parametrize("message", ["ARB:START 1", "FUSE:LINK 2", "VOLT:PROT:MODE PROT", "*SAV 1"])
def test_what_it_does_not_model_is_refused_and_on_record(
    twin: SimRsHmp4040, world: World, message: str
) -> None:
    ask(twin, message)
    assert not ask(twin, "SYST:ERR?").startswith("0,")
    assert world.beyond_of("SIM-PSU")


def test_pymeasure_drives_the_twin_over_tcp() -> None:
    from pymeasure.instruments.rohdeschwarz import HMP4040  # noqa: PLC0415 - heavy

    world = World(RealClock(), seed=1)
    twin = SimRsHmp4040(world, "SIM-PSU")
    with ExitStack() as stack:
        port = stack.enter_context(TcpMount(twin)).port
        client = HMP4040(
            f"TCPIP0::127.0.0.1::{port}::SOCKET",
            visa_library="@py",
            read_termination="\n",
            write_termination="\n",
        )
        stack.callback(client.adapter.close)
        assert client.id.split(",")[:3] == ["ROHDE&SCHWARZ", "HMP4040", "SIM-PSU"]
        client.control_method = "REM"
        client.selected_channel = 2
        assert client.selected_channel == 2
        client.voltage_and_current = (4.0, 0.5)
        assert client.voltage_and_current == [4.0, 0.5]
        client.voltage_step = 0.5
        client.step_voltage_up()
        assert (client.voltage, client.min_voltage, client.max_voltage) == (4.5, 0.0, 32.05)
        client.current = 0.25
        client.current_step = 0.05
        client.step_current_down()
        assert (client.current, client.max_current) == (0.2, 10.01)
        client.set_channel_state(2, True)
        assert client.selected_channel_active is True
        assert rail_v(twin, "out2") == 0.0
        client.output_enabled = True
        assert client.output_enabled is True
        assert client.measured_voltage == pytest.approx(4.5, abs=0.02)
        assert client.measured_current == pytest.approx(0.0, abs=1e-3)
        client.voltage_to_max()
        assert client.voltage == 32.05
        client.beep()
        assert client.check_errors() == []
    assert not world.beyond_of("SIM-PSU")
