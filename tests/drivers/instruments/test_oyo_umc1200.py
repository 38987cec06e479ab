"""OYO UMC1200: driver and twin, against the frames of two public clients."""

from __future__ import annotations

import os
from typing import Any

import minimalmodbus
import pytest
from pymodbus.client import ModbusTcpClient

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.oyo_umc1200.driver import OyoUmc1200
from sensorbench.instruments.oyo_umc1200.twin import SimOyoUmc1200
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.protocols.modbus_frames import with_crc
from sensorbench.world.world import World

from .rigs import Rig

SERIAL = "SIM-1200"
posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")


class Chamber(Rig):
    """A twin, its driver on a line in process, and what is written there."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.written: list[str] = []
        self.ignored: set[int] = set()

    def make(self, twin: dict[str, Any] | None = None, **driver: Any) -> Chamber:
        self.twin = SimOyoUmc1200(self.world, SERIAL, **(twin or {}))
        self.terminators, self.reply_terminator = (), b""
        line = InProcessLine(self, OyoUmc1200.LINE, "chamber")
        self.driver: Any = OyoUmc1200(line, self.clock, **driver)
        return self

    def handle(self, line: bytes) -> bytes | None:
        if line[1] in (6, 16):
            self.written.append(line.hex(" "))
            if int.from_bytes(line[2:4], "big") in self.ignored:
                return with_crc(line[:6])
        return self.twin.handle(line)


@pytest.fixture
def chamber(world: World, clock: VirtualClock) -> Chamber:
    return Chamber(world, clock).make()


@pytest.fixture
def wet(world: World, clock: VirtualClock) -> Chamber:
    return Chamber(world, clock).make(humidity=True)


# What it does, in the frames of the clients.


def test_it_goes_there_and_stops(chamber: Chamber) -> None:
    assert chamber.driver.temperature.go(85.0) == 85.0
    assert chamber.written == ["01 06 00 2b 03 52 78 cf", "01 06 00 2f 00 01 79 c3"]
    chamber.clock.sleep(7200.0)
    assert chamber.air() == pytest.approx(85.0, abs=0.5)
    assert chamber.driver.temperature.told() == Held(85.0)
    chamber.written.clear()
    chamber.driver.make_safe()
    assert chamber.written == ["01 06 00 2f 00 00 b8 03"]
    assert chamber.driver.temperature.told() is None
    chamber.clock.sleep(86_400.0)
    assert chamber.air() == pytest.approx(23.0, abs=0.5)


def test_below_zero_is_twos_complement(chamber: Chamber) -> None:
    chamber.driver.temperature.go(-40.0)
    assert chamber.written[0] == "01 06 00 2b fe 70 b8 46"
    assert chamber.driver.temperature.told() == Held(-40.0)


def test_what_is_there_is_not_written_again(chamber: Chamber) -> None:
    chamber.driver.temperature.go(85.0)
    acts = chamber.twin.wearing_acts
    chamber.driver.temperature.go(85.0)
    assert (chamber.twin.wearing_acts, len(chamber.written)) == (acts, 2)


def test_function_16_is_taken_where_6_is_not_known(world: World, clock: VirtualClock) -> None:
    chamber = Chamber(world, clock).make({"refuses": 6})
    chamber.driver.temperature.go(85.0)
    assert chamber.driver.temperature.told() == Held(85.0)
    assert [text[3:11] for text in chamber.written] == ["06 00 2b", "10 00 2b", "10 00 2f"]


def test_a_rate_is_refused_as_the_unit_of_slopes_is_not_known(chamber: Chamber) -> None:
    with pytest.raises(SetpointError, match="has no ramp"):
        chamber.driver.temperature.go(60.0, 1.0 / 60)
    assert chamber.written == []


def test_humidity_goes_beside_and_is_off_at_0(wet: Chamber) -> None:
    driver = wet.driver
    driver.humidity.go(75.0)
    assert "01 06 00 2c 02 ee" in wet.written[-2]
    assert driver.humidity.told() == Held(75.0)
    wet.clock.sleep(3600.0)
    assert driver.humidity.read() == pytest.approx(75.0, abs=3.0)
    driver.temperature.go(40.0)
    assert driver.humidity.told() == Held(75.0)
    driver.humidity.release()
    assert driver.humidity.told() is None
    assert driver.temperature.told() == Held(40.0)


def test_humidity_of_somebody_before_does_not_start(wet: Chamber) -> None:
    wet.twin.plant.humidify(True, 80.0)
    wet.driver.temperature.go(60.0)
    assert wet.driver.humidity.told() is None


def test_humidity_that_is_not_declared_is_neither_read_nor_set(chamber: Chamber) -> None:
    chamber.twin.plant.humidify(True, 80.0)
    for ask in (
        chamber.driver.humidity.read,
        lambda: chamber.driver.humidity.go(50.0),
        lambda: chamber.driver.humidity.foresee(50.0),
    ):
        with pytest.raises(SetpointError, match="write humidity = true in station"):
            ask()
    chamber.driver.temperature.go(60.0)
    assert not any("00 2c" in text for text in chamber.written)


@pytest.mark.parametrize("kind", ["program", "hold"])
def test_a_program_or_a_hold_is_told_and_stopped_first(chamber: Chamber, kind: str) -> None:
    chamber.driver.temperature.go(60.0)
    if kind == "program":
        chamber.fault("program_started")
    else:
        chamber.twin.handle(with_crc(bytes.fromhex("0106002f0002")))
    told = chamber.driver.temperature.told()
    assert isinstance(told, OfItsOwn)
    assert kind in told.what
    chamber.written.clear()
    chamber.driver.temperature.go(40.0)
    assert chamber.written[0][:17] == f"01 06 00 {'30' if kind == 'program' else '2f'} 00 00"
    assert chamber.driver.temperature.told() == Held(40.0)


def test_a_timer_that_would_stop_it_is_foreseen(world: World, clock: VirtualClock) -> None:
    chamber = Chamber(world, clock).make({"timer_min": 30})
    for ask in (chamber.driver.temperature.foresee, chamber.driver.temperature.go):
        with pytest.raises(SetpointError, match=r"stop fixed mode after 30 min.*Nothing was set"):
            ask(85.0)
    assert chamber.written == []


def test_a_timer_stops_the_twin(world: World) -> None:
    twin = SimOyoUmc1200(world, SERIAL, timer_min=30)
    twin.handle(with_crc(bytes.fromhex("0106002f0001")))
    world.clock.sleep(1801.0)
    assert twin.handle(with_crc(bytes.fromhex("0103002f0001"))) == with_crc(b"\1\3\2\0\0")


def test_an_alarm_shows_as_stopped(chamber: Chamber) -> None:
    chamber.driver.temperature.go(60.0)
    chamber.fault("alarm")
    assert chamber.driver.temperature.told() is None
    with pytest.raises(InstrumentError, match="does not take the value"):
        chamber.driver.temperature.go(60.0)


def test_an_open_sensor_is_no_reading(chamber: Chamber) -> None:
    chamber.fault("sensor_open")
    with pytest.raises(ProtocolError, match=r"holds 3276\.7, beyond -150 to 300"):
        chamber.driver.temperature.read()


@pytest.mark.parametrize(
    ("ignored", "told"),
    [(43, "it holds that instead"), (47, "start fixed mode.*look for alarms at the panel")],
)
def test_what_it_accepts_and_does_not_do_is_an_error(
    chamber: Chamber, ignored: int, told: str
) -> None:
    chamber.ignored = {ignored}
    with pytest.raises(InstrumentError, match=told):
        chamber.driver.temperature.go(60.0)


def test_what_goes_on_is_not_safe(chamber: Chamber) -> None:
    chamber.driver.temperature.go(60.0)
    chamber.ignored = {47}
    with pytest.raises(InstrumentError, match="stop fixed mode"):
        chamber.driver.make_safe()


# Who it is.


def test_it_is_known_by_its_registers_alone(chamber: Chamber) -> None:
    assert chamber.driver.identify().model == "UMC1200 (by its registers: it tells no model)"
    assert chamber.written == []


def test_another_series_is_never_written(chamber: Chamber) -> None:
    chamber.fault("identity")
    for act in (
        chamber.driver.identify,
        chamber.driver.temperature.read,
        lambda: chamber.driver.temperature.go(60.0),
        chamber.driver.make_safe,
    ):
        with pytest.raises(WrongDevice, match=r"31 to 36 are \(0, 0, .*Nothing was set"):
            act()
    assert chamber.written == []


@pytest.mark.parametrize("register", [33, 47])
def test_what_has_not_all_of_its_registers_is_another(
    chamber: Chamber, monkeypatch: pytest.MonkeyPatch, register: int
) -> None:
    handle = chamber.twin.handle
    refused = {33: 31, 47: 47}[register]

    def other(line: bytes) -> bytes | None:
        if line[1] == 3 and int.from_bytes(line[2:4], "big") == refused:
            return with_crc(b"\x01\x83\x02")
        return handle(line)

    monkeypatch.setattr(chamber.twin, "handle", other)
    with pytest.raises(WrongDevice, match=r"no such register.*Nothing was set"):
        chamber.driver.temperature.go(60.0)
    assert chamber.written == []


@pytest.mark.parametrize("address", [0, 248])
def test_an_address_that_can_not_be_is_refused(chamber: Chamber, address: int) -> None:
    with pytest.raises(ValueError, match="1 to 247"):
        chamber.make(address=address)


# The wire.

FRAMES = [
    ("01 06 00 2B 03 52 78 CF", "01 06 00 2B 03 52 78 CF"),
    ("01 06 00 2B FE 70 B8 46", "01 06 00 2B FE 70 B8 46"),
    ("01 10 00 2B 00 02 04 03 52 02 EE 90 BD", "01 10 00 2B 00 02 31 C0"),
    ("01 06 00 2F 00 01 79 C3", "01 06 00 2F 00 01 79 C3"),
    ("01 03 00 2F 00 01 B5 C3", "01 03 02 00 03 F8 45"),
    ("01 06 00 2F 00 00 B8 03", "01 06 00 2F 00 00 B8 03"),
]


def test_the_twin_answers_as_the_clients_expect(world: World) -> None:
    twin = SimOyoUmc1200(world, SERIAL)
    for sent, reply in FRAMES:
        assert (sent, twin.handle(bytes.fromhex(sent))) == (sent, bytes.fromhex(reply))


def test_the_twin_gives_values_and_outputs_in_tenths(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = SimOyoUmc1200(world, SERIAL)
    monkeypatch.setattr(twin.plant, "measured_c", lambda: 25.0)
    monkeypatch.setattr(twin.plant, "measured_rh", lambda: 50.0)
    monkeypatch.setattr(twin, "percent", lambda index: (11.0, 5.0)[index])
    reply = twin.handle(bytes.fromhex("01 03 00 00 00 04 44 09"))
    assert reply == bytes.fromhex("01 03 08 00 FA 01 F4 00 6E 00 32 9F D4")


class Canned:
    """Gives the same frame, whatever it is asked."""

    terminators: tuple[bytes, ...] = ()
    reply_terminator = b""

    def __init__(self, *replies: str) -> None:
        self.replies = [bytes.fromhex(text) for text in replies]

    def handle(self, line: bytes) -> bytes | None:
        return self.replies.pop(0)


def test_the_driver_reads_the_clients_frames(clock: VirtualClock) -> None:
    """Its registers of a stopped one, then of one that runs: that is read as 3."""
    replies = (
        "0c 07 ea 00 0b 00 16 00 0a 00 1e 00 00",  # 22 November 2026, 10:30
        "04 00 00 00 00",
        "04 03 52 02 ee",
        "04 00 03 00 00",
        "02 03 52",
    )
    frames = [with_crc(b"\x01\x03" + bytes.fromhex(text)).hex() for text in replies]
    line = InProcessLine(Canned(*frames), OyoUmc1200.LINE, "chamber")
    driver: Any = OyoUmc1200(line, clock)
    assert driver.temperature.told() == Held(85.0)


def test_the_frames_of_2017_are_answered_over_tcp(world: World) -> None:
    """Unit 0, which is whoever is at the port; 22.0 degC and 55.0 % in one write."""
    twin = SimOyoUmc1200(world, SERIAL)
    face = twin.over_tcp()
    write = "00 00 00 00 00 0B 00 10 00 2B 00 02 04 00 DC 02 26"
    assert face.handle(bytes.fromhex(write)) == bytes.fromhex("00 00 00 00 00 06 00 10 00 2B 00 02")
    run = "00 00 00 00 00 09 00 10 00 2F 00 01 02 00 01"
    assert face.handle(bytes.fromhex(run)) == bytes.fromhex("00 00 00 00 00 06 00 10 00 2F 00 01")
    assert (twin.plant.set_point_c, twin.plant.set_point_rh) == (22.0, 55.0)
    assert twin.plant.is_on
    reply = face.handle(bytes.fromhex("00 00 00 00 00 06 00 03 00 00 00 02"))
    assert reply is not None
    assert reply[:9] == bytes.fromhex("00 00 00 00 00 07 00 03 04")
    assert int.from_bytes(reply[9:11], "big") == pytest.approx(230, abs=5)


@posix
def test_minimalmodbus_and_our_driver_meet_it_on_a_serial_line() -> None:
    twin = SimOyoUmc1200(World(RealClock(100.0), 1), SERIAL)
    with PtyMount(twin) as mount:
        with SerialLine(mount.address, OyoUmc1200.LINE, "chamber") as line:
            driver: Any = OyoUmc1200(line, RealClock())
            driver.temperature.go(40.0)
        theirs = minimalmodbus.Instrument(mount.address, 1)
        assert theirs.serial is not None
        theirs.serial.timeout = 1.0
        assert theirs.read_register(43, 1, signed=True) == 40.0
        assert theirs.read_register(47) == 3
        theirs.write_register(43, -20.5, 1, functioncode=6, signed=True)
        assert theirs.read_register(43, 1, signed=True) == -20.5
        assert -50.0 < theirs.read_register(0, 1, signed=True) < 100.0
        theirs.write_register(47, 0)
        theirs.serial.close()
    assert not twin.plant.is_on


def test_pymodbus_drives_it_over_tcp() -> None:
    twin = SimOyoUmc1200(World(RealClock(100.0), 1), SERIAL)
    with TcpMount(twin) as mount:
        client = ModbusTcpClient("127.0.0.1", port=mount.port)
        assert client.connect()
        assert not client.write_registers(43, [850, 750], device_id=1).isError()
        assert not client.write_registers(47, [1], device_id=1).isError()
        assert client.read_holding_registers(43, count=2, device_id=1).registers == [850, 750]
        assert client.read_holding_registers(47, device_id=1).registers == [3]
        assert client.read_holding_registers(4, device_id=1).isError()
        client.close()
    assert twin.plant.is_on
