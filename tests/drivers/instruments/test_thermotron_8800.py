"""Thermotron 8800: driver and twin, against the manual's examples and others' drivers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.instruments.thermotron_8800 import wire
from sensorbench.instruments.thermotron_8800.driver import Thermotron8800
from sensorbench.instruments.thermotron_8800.twin import SimThermotron8800
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import World

from .rigs import Rig

SERIAL = "SIM-8800"


class Chamber(Rig):
    """A twin, its driver on a line in process, and what is sent there."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.sent: list[str] = []
        self.spoil: Callable[[str, bytes | None], bytes | None] = lambda _, reply: reply

    def make(self, **twin: Any) -> Chamber:
        self.twin = SimThermotron8800(self.world, SERIAL, **twin)
        self.terminators, self.reply_terminator = (b"\r",), b"\r"
        line = InProcessLine(self, Thermotron8800.LINE, "chamber")
        self.driver: Any = Thermotron8800(line, self.clock)
        return self

    def handle(self, line: bytes) -> bytes | None:
        text = line.decode()
        if not text.endswith("?"):
            self.sent.append(text)
        return self.spoil(text, self.twin.handle(line))

    def answering(self, command: str, reply: bytes) -> None:
        """Let a command be answered so, whatever the twin says."""
        self.spoil = lambda sent, told: reply if sent == command else told

    def ignoring(self, *commands: str) -> None:
        """Let commands be accepted and not carried out."""
        handle = self.twin.handle
        self.twin.handle = (  # type: ignore[method-assign]
            lambda line: (
                b"0"
                if line.decode().startswith(commands) and not line.endswith(b"?")
                else handle(line)
            )
        )


@pytest.fixture
def chamber(world: World, clock: VirtualClock) -> Chamber:
    return Chamber(world, clock).make()


# What it does.


def test_it_says_who_it_is(chamber: Chamber) -> None:
    identity = chamber.driver.identify()
    assert (identity.manufacturer, identity.model) == ("Thermotron", "8800")
    assert identity.firmware == "1.27.5"


def test_it_goes_there_and_stops(chamber: Chamber) -> None:
    assert chamber.driver.temperature.go(85.0) == 85.0
    assert chamber.sent == ["SETP1,85.0", "RUNM", "SETP1,85.0"]
    chamber.clock.sleep(7200.0)
    assert chamber.air() == pytest.approx(85.0, abs=0.5)
    assert chamber.driver.temperature.read() == pytest.approx(85.0, abs=0.2)
    assert chamber.driver.temperature.told() == Held(85.0)
    chamber.driver.make_safe()
    assert chamber.driver.temperature.told() is None
    chamber.clock.sleep(86_400.0)
    assert chamber.air() == pytest.approx(23.0, abs=0.5)


def test_a_controller_that_loads_a_set_point_only_in_manual_mode_gets_it_there(
    world: World, clock: VirtualClock
) -> None:
    chamber = Chamber(world, clock).make(loads_stopped=False)
    chamber.driver.temperature.go(-40.0)
    assert chamber.driver.temperature.told() == Held(-40.0)
    assert chamber.driver.take() == ()  # its refusal is nobody's error later on


def test_a_set_point_that_is_not_loaded_is_an_error(chamber: Chamber) -> None:
    chamber.ignoring("SETP1")
    with pytest.raises(InstrumentError, match=r"set point 85 degC.*look at its display"):
        chamber.driver.temperature.go(85.0)


def test_a_ramp_is_its_own_from_the_present_temperature(chamber: Chamber) -> None:
    driver = chamber.driver
    driver.temperature.go(60.0)
    chamber.clock.sleep(7200.0)
    chamber.sent.clear()
    driver.temperature.go(20.0, 1.05 / 60)
    assert chamber.sent[-2:] == ["MRMP1,1.0", "SETP1,20.0"]
    assert driver.temperature.told() == Held(20.0)
    chamber.clock.sleep(1200.0)
    assert chamber.air() == pytest.approx(40.0, abs=1.0)  # 1 K/min: never faster than asked
    driver.temperature.go(70.0)
    chamber.clock.sleep(60.0)
    assert chamber.twin.plant.momentary_c() == 70.0
    with pytest.raises(SetpointError, match=r"slowest ramp is 0\.1 K/min"):
        driver.temperature.go(20.0, 0.05 / 60)


def test_a_ramp_that_is_rounded_by_the_controller_is_an_error(chamber: Chamber) -> None:
    chamber.answering("MRMP1?", b"2.000")
    with pytest.raises(InstrumentError, match=r"MRMP1,.*holds that ramp instead"):
        chamber.driver.temperature.go(85.0, 1.5 / 60)


def test_product_temperature_control_is_switched_off(chamber: Chamber) -> None:
    chamber.twin.handle(b"RUNM")
    chamber.twin.handle(b"OPTN001")
    chamber.driver.temperature.go(60.0)
    assert chamber.twin.options == 0


def test_humidity_is_an_option_beside_its_set_point(chamber: Chamber) -> None:
    driver = chamber.driver
    driver.humidity.go(60.0)
    assert "OPTN002" in chamber.sent
    assert driver.humidity.told() == Held(60.0)
    chamber.clock.sleep(3600.0)
    assert driver.humidity.read() == pytest.approx(60.0, abs=3.0)
    driver.temperature.go(40.0)
    assert driver.humidity.told() == Held(60.0)  # a running one is left as it is
    driver.humidity.release()
    assert driver.humidity.told() is None
    assert driver.temperature.told() == Held(40.0)


def test_humidity_of_somebody_before_does_not_start(chamber: Chamber) -> None:
    chamber.driver.humidity.go(80.0)
    chamber.driver.make_safe()
    chamber.driver.temperature.go(60.0)
    assert chamber.driver.humidity.told() is None


def test_a_chamber_without_humidity_says_so(world: World, clock: VirtualClock) -> None:
    chamber = Chamber(world, clock).make(humidity=False)
    for ask in (chamber.driver.humidity.read, lambda: chamber.driver.humidity.go(50.0)):
        with pytest.raises(SetpointError, match="no humidity is fitted"):
            ask()
    assert chamber.sent == []
    assert chamber.driver.read_alarms() == ()


@pytest.mark.parametrize("held", [False, True])
def test_a_program_is_told_and_stopped_before_something_else_is_set(
    chamber: Chamber, held: bool
) -> None:
    chamber.twin.plant.start_program(3)
    if held:
        chamber.twin.handle(b"HOLD")
    told = chamber.driver.temperature.told()
    assert isinstance(told, OfItsOwn)
    assert ("in hold" in told.what) == held
    chamber.driver.temperature.go(40.0)
    assert chamber.sent[0] == "STOP"
    assert chamber.driver.temperature.told() == Held(40.0)


def test_what_goes_on_is_not_safe(chamber: Chamber) -> None:
    chamber.driver.temperature.go(85.0)
    chamber.ignoring("STOP")
    with pytest.raises(InstrumentError, match=r"STOP.*a controlled stop"):
        chamber.driver.make_safe()


# What it may.


def test_process_alarms_are_only_narrowed(chamber: Chamber) -> None:
    protect = chamber.driver.temperature.protect
    assert protect(-55.04, 130.06) == (-55.0, 130.0)
    assert chamber.sent == ["PALH1,130.0", "PALL1,-55.0"]
    assert protect(-70.0, 150.0) == (-55.0, 130.0)
    assert len(chamber.sent) == 2
    with pytest.raises(SetpointError, match="leave no range"):
        protect(140.0, None)
    with pytest.raises(SetpointError, match=r"process alarm limits.*-55 to 130\. Nothing was sent"):
        chamber.driver.temperature.go(140.0)


def test_limits_that_it_does_not_take_are_an_error(chamber: Chamber) -> None:
    chamber.ignoring("PALH")
    with pytest.raises(InstrumentError, match="set its process alarms at the display"):
        chamber.driver.temperature.protect(None, 100.0)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("alarm", ("high process alarm of channel 1", "it was stopped by a process alarm")),
        ("sensor_open", ("it was stopped by an open input: its sensor",)),
    ],
)
def test_alarms_are_told_and_it_does_not_run_with_one(
    chamber: Chamber, fault: str, told: tuple[str, ...]
) -> None:
    chamber.driver.temperature.go(60.0)
    chamber.fault(fault)
    assert chamber.driver.read_alarms() == told
    assert chamber.driver.temperature.told() is None
    if fault == "alarm":
        with pytest.raises(InstrumentError, match=r"RUNM.*Its manual lists the codes"):
            chamber.driver.temperature.go(40.0)


def test_an_open_sensor_is_no_reading(chamber: Chamber) -> None:
    chamber.fault("sensor_open")
    with pytest.raises(ProtocolError, match="Is the chamber's sensor open"):
        chamber.driver.temperature.read()


def test_another_scale_than_degc_is_refused(chamber: Chamber) -> None:
    chamber.driver.temperature.go(60.0)
    chamber.fault("units_changed")
    for ask in (chamber.driver.temperature.read, lambda: chamber.driver.temperature.go(40.0)):
        with pytest.raises(ProtocolError, match="temperature scale is 1, not degC"):
            ask()
    chamber.driver.make_safe()


def test_another_controller_or_channel_is_refused(chamber: Chamber) -> None:
    chamber.fault("identity")
    with pytest.raises(WrongDevice, match="IDEN\\? says '3800', expected an 8800"):
        chamber.driver.identify()
    chamber.answering("CCNF1?", b"5")
    with pytest.raises(WrongDevice, match=r"channel 1 is of kind 5.*Nothing was set"):
        chamber.driver.temperature.go(60.0)


def test_without_acknowledgements_nothing_is_set(world: World, clock: VirtualClock) -> None:
    chamber = Chamber(world, clock).make(acknowledges=False)
    with pytest.raises(InstrumentError, match=r"acknowledgements are switched off.*Nothing was"):
        chamber.driver.temperature.go(60.0)
    assert chamber.sent == []
    assert chamber.driver.temperature.read() == pytest.approx(23.0, abs=0.5)


def test_errors_of_before_are_taken(chamber: Chamber) -> None:
    for _ in range(9):
        chamber.twin.handle(b"NONSENSE")
    assert len(chamber.driver.take()) == 8  # all that its buffer holds
    assert chamber.driver.take() == ()


# The wire: the manual's examples, and those of an 8200.


def test_the_driver_reads_the_manuals_examples() -> None:
    wire.accepted("AUXE1,59", "0")
    assert wire.code("AUXE1?", "148.") == 148
    assert wire.code("ALRM2?", "1") == 1
    assert wire.decimal("PVAR1?", "22.000") == 22.0
    assert wire.decimal("PVAR1?", "-40.5\n") == -40.5


def test_a_deviation_alarm_is_named(chamber: Chamber) -> None:
    chamber.answering("ALRM2?", b"1")
    assert chamber.driver.read_alarms() == ("low deviation alarm of channel 2",)


@pytest.mark.parametrize("reply", ["0", "22", "148.", "", "22.000,22.000", "22.0.0", "nan", "1e3"])
def test_what_is_no_decimal_is_never_a_value(chamber: Chamber, reply: str) -> None:
    chamber.answering("PVAR1?", reply.encode())
    with pytest.raises(ProtocolError, match="expected a decimal"):
        chamber.driver.temperature.read()


@pytest.mark.parametrize("reply", ["0.5", "-1", "OK", "0,0"])
def test_what_is_no_result_code_accepts_nothing(reply: str) -> None:
    with pytest.raises(ProtocolError, match="expected a coded integer"):
        wire.accepted("RUNM", reply)


def test_the_twin_answers_as_the_manual_and_the_clients_have_it(world: World) -> None:
    twin = SimThermotron8800(world, SERIAL)
    assert twin.handle(b"IDEN?") == b"8800 Chamber Controller"
    assert twin.handle(b"SETP1,22.000") == b"0"
    assert twin.handle(b"SETP1?") == b"22.000"
    assert twin.handle(b"RUNM") == b"0"
    assert (twin.handle(b"STAT?"), twin.handle(b"MODE?")) == (b"16", b"16")
    assert twin.handle(b"AUXE1,148") == b"0"
    assert twin.handle(b"AUXE1?") == b"148."
    assert twin.handle(b"AUXE1,59") == b"0"
    assert twin.handle(b"AUXE1?") == b"59."
    assert twin.handle(b"ALRM2?") == b"0"
    assert twin.handle(b"MRMP1,5.0") == b"0"
    assert twin.handle(b"FVAL1?") == b"22.000"
    assert (twin.handle(b"CCNF1?"), twin.handle(b"CCNF3?")) == (b"2", b"0")
    assert twin.handle(b"SCOD?") == b"1"
    assert twin.handle(b"STOP") == b"0"
    assert (twin.handle(b"STAT?"), twin.handle(b"SCOD?")) == (b"0", b"5")
    assert twin.handle(b"WDOG60") == b"1"
    assert list(world.beyond_of(SERIAL)) == ["WDOG60"]


def test_pymeasure_drives_the_twin_over_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its driver is a 3800's, whose operations are not answered: acknowledgements are off."""
    from pymeasure.instruments.thermotron import thermotron3800  # noqa: PLC0415 - heavy

    monkeypatch.setattr(thermotron3800, "sleep", lambda _: None)
    twin = SimThermotron8800(World(RealClock(100.0), seed=1), SERIAL, acknowledges=False)
    with TcpMount(twin) as mount:
        client = thermotron3800.Thermotron3800(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            visa_library="@py",
            read_termination="\r",
            write_termination="\r",
        )
        try:
            assert client.id == "8800 Chamber Controller"
            client.setpoint = 60
            client.run()
            assert client.setpoint == 60.0
            assert client.mode == client.Thermotron3800Mode.MANUAL_MODE
            assert client.temperature == pytest.approx(23.0, abs=3.0)
            client.stop()
            assert client.mode == 0
        finally:
            client.adapter.close()
    assert not twin.plant.is_on
