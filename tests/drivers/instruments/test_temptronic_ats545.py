"""Temptronic ATS-545: driver and twin, and PyMeasure's driver on the twin, unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.instruments.temptronic_ats545.driver import TemptronicAts545
from sensorbench.instruments.temptronic_ats545.twin import SimTemptronicAts545
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import World

from .rigs import Rig

SERIAL = "SIM-545"


class Stream(Rig):
    """A twin, its driver on a line in process, and what is sent there."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.sent: list[str] = []
        self.ignored: tuple[str, ...] = ()

    def make(self, **twin: Any) -> Stream:
        self.twin = SimTemptronicAts545(self.world, SERIAL, **twin)
        self.terminators, self.reply_terminator = (b"\n",), b"\r\n"
        line = InProcessLine(self, TemptronicAts545.LINE, "stream")
        self.driver: Any = TemptronicAts545(line, self.clock)
        return self

    def handle(self, line: bytes) -> bytes | None:
        text = line.decode()
        if not text.endswith("?"):
            self.sent.append(text)
        return None if text.startswith(self.ignored or ("-",)) else self.twin.handle(line)


@pytest.fixture
def stream(world: World, clock: VirtualClock) -> Stream:
    return Stream(world, clock).make()


@pytest.mark.parametrize(
    ("target_c", "which"), [(-40.0, 2), (20.0, 2), (20.1, 1), (29.9, 1), (30.0, 0), (150.0, 0)]
)
def test_the_set_point_that_fits_the_target_is_chosen(
    stream: Stream, target_c: float, which: int
) -> None:
    assert stream.driver.temperature.go(target_c) == target_c
    chosen = [text for text in stream.sent if text.startswith("SETN")]
    assert chosen == [f"SETN {which}"]
    stream.clock.sleep(120.0)
    assert stream.air() == pytest.approx(target_c, abs=1.0)
    assert stream.driver.temperature.told() == Held(target_c)


def test_the_compressor_runs_before_anything_cold_flows(stream: Stream) -> None:
    stream.driver.temperature.go(-40.0)
    assert stream.sent == ["%RM", "COOL 1", "SETN 2", "RAMP 9999", "SETP -40", "FLOW 1"]
    stream.sent.clear()
    stream.driver.temperature.go(-50.0)
    assert stream.sent == ["%RM", "SETN 2", "RAMP 9999", "SETP -50"]


def test_the_head_is_never_moved_and_nothing_is_set_while_it_is_up(
    world: World, clock: VirtualClock
) -> None:
    stream = Stream(world, clock).make(head_up=True)
    with pytest.raises(InstrumentError, match=r"lower the head .* never moved from here"):
        stream.driver.temperature.go(85.0)
    assert stream.sent == []
    stream.driver.make_safe()
    assert stream.twin.head_up


def test_a_head_that_is_lifted_on_the_way_is_told_as_off(stream: Stream) -> None:
    stream.driver.temperature.go(85.0)
    stream.twin.handle(b"HEAD 0")
    assert stream.driver.temperature.told() is None


def test_a_ramp_is_kept_and_never_faster_than_asked(stream: Stream) -> None:
    stream.driver.temperature.go(85.0, 12.34 / 60)
    assert "RAMP 12.3" in stream.sent
    start = stream.air()
    stream.clock.sleep(120.0)
    assert stream.air() - start == pytest.approx(24.6, abs=0.3)
    stream.driver.temperature.go(-20.0)
    stream.clock.sleep(60.0)
    assert stream.air() == pytest.approx(-20.0, abs=1.0)
    with pytest.raises(SetpointError, match=r"slowest ramp is 0\.1 K/min"):
        stream.driver.temperature.go(85.0, 0.05 / 60)


def test_dut_control_is_switched_off(stream: Stream) -> None:
    stream.twin.setup.dut_mode = 1
    stream.driver.temperature.go(85.0)
    assert stream.twin.setup.dut_mode == 0


@pytest.mark.parametrize("screen", ["initial", "program"])
def test_another_screen_is_left_before_anything_is_set(
    world: World, clock: VirtualClock, screen: str
) -> None:
    stream = Stream(world, clock).make(initial=screen == "initial")
    if screen == "program":
        stream.fault("program_started")
        assert isinstance(stream.driver.temperature.told(), OfItsOwn)
    stream.driver.temperature.go(85.0)
    assert stream.sent[:2] == ["%RM", "RSTO"]
    assert stream.driver.temperature.told() == Held(85.0)


def test_the_airs_own_limits_refuse_before_anything_is_sent(stream: Stream) -> None:
    stream.twin.handle(b"ULIM 120")
    with pytest.raises(SetpointError, match=r"-80 to 120 degC\. Nothing was sent"):
        stream.driver.temperature.go(125.0)
    assert stream.sent == []


def test_limits_are_only_narrowed(stream: Stream) -> None:
    assert stream.driver.temperature.protect(-55.0, 150.0) == (-55.0, 150.0)
    assert stream.driver.temperature.protect(-70.0, 200.0) == (-55.0, 150.0)
    assert stream.driver.temperature.protect(40.0, 10.0) == (-55.0, 150.0)  # not across 25 degC


@pytest.mark.parametrize("ignored", ["SETN", "SETP", "FLOW", "COOL", "RAMP"])
def test_what_it_does_not_do_is_an_error(stream: Stream, ignored: str) -> None:
    stream.ignored = (f"{ignored} ",)
    with pytest.raises(InstrumentError, match=ignored):
        stream.driver.temperature.go(-45.0, 10.0 / 60)


def test_flow_that_goes_on_is_not_safe(stream: Stream) -> None:
    stream.driver.temperature.go(85.0)
    stream.ignored = ("FLOW",)
    with pytest.raises(InstrumentError, match="FLOW 0"):
        stream.driver.make_safe()


def test_the_panel_is_given_back(stream: Stream) -> None:
    stream.driver.temperature.go(85.0)
    assert stream.twin.panel == "remote"
    stream.driver.make_safe()
    assert stream.twin.panel == "local"


def test_errors_are_told_and_taken(stream: Stream) -> None:
    stream.driver.temperature.go(85.0)
    stream.fault("alarm")
    assert stream.driver.read_alarms() == ("low input air pressure",)
    assert stream.driver.temperature.told() is None
    with pytest.raises(InstrumentError, match=r"FLOW 1.*air pressure"):
        stream.driver.temperature.go(85.0)
    stream.twin.handle(b"NONSENSE")
    assert "command error" in stream.driver.take()


def test_an_open_sensor_is_no_reading(stream: Stream) -> None:
    stream.fault("sensor_open")
    with pytest.raises(ProtocolError, match="Is the air sensor open"):
        stream.driver.temperature.read()


def test_another_model_is_refused(stream: Stream) -> None:
    stream.fault("identity")
    with pytest.raises(WrongDevice, match="expected an ATS-545"):
        stream.driver.identify()


def test_the_wrong_set_point_and_no_compressor_do_not_cool(stream: Stream) -> None:
    """Why the driver looks: the air stays near the room's."""
    for text in (b"SETN 0", b"SETP -40", b"FLOW 1"):
        stream.twin.handle(text)
    stream.clock.sleep(600.0)
    assert stream.air() > 10.0
    for text in (b"SETN 2", b"SETP -40"):
        stream.twin.handle(text)
    stream.clock.sleep(600.0)
    assert stream.air() > 10.0
    stream.twin.handle(b"COOL 1")
    stream.clock.sleep(600.0)
    assert stream.air() == pytest.approx(-40.0, abs=1.0)


def test_at_temperature_needs_the_window_for_the_soak_time(stream: Stream) -> None:
    for text in (b"SETN 0", b"SETP 85", b"SOAK 30", b"WNDW 1", b"FLOW 1"):
        stream.twin.handle(text)
    assert stream.twin.handle(b"TECR?") == b"2"
    stream.clock.sleep(30.0)
    assert stream.twin.handle(b"TECR?") == b"2"
    stream.clock.sleep(60.0)
    assert stream.twin.handle(b"TECR?") == b"1"


def test_pymeasure_drives_the_twin_over_tcp() -> None:
    """Without `set_temperature`, which fails in PyMeasure 0.16: it asks for `mode`."""
    from pymeasure.instruments.temptronic import ATS545  # noqa: PLC0415 - heavy

    twin = SimTemptronicAts545(World(RealClock(100.0), seed=1), SERIAL)
    with TcpMount(twin) as mount:
        client = ATS545(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            visa_library="@py",
            read_termination="\r\n",
            write_termination="\n",
        )
        try:
            client.configure(temp_window=2, dut_type=None, soak_time=1, temp_limit_air_high=150)
            assert (client.temperature_limit_air_high, client.dut_mode) == (150.0, "OFF")
            client.start()
            assert client.head == "down"  # and what was sent before is heard by now
            assert twin.panel == "remote"
            client.compressor_enable = True
            client.set_point_number = 0
            client.temperature_setpoint = 85
            assert (client.set_point_number, client.temperature_setpoint) == (0, 85.0)
            assert int(client.auxiliary_condition_code) & 1 << 5
            for _ in range(40):  # RealClock runs 100 times faster: within a second
                if client.at_temperature():
                    break
            assert client.at_temperature()
            assert client.temperature == pytest.approx(85.0, abs=2.0)
            assert client.error_status() == 0
            client.shutdown(head=True)
            assert client.head == "up"
            assert (twin.flow, twin.head_up, twin.panel) == (False, True, "local")
        finally:
            client.adapter.close()
