"""Binder MB2: driver and twin, against the registers as two public clients read and write them."""

from __future__ import annotations

import os
import struct
from typing import Any

import minimalmodbus
import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.binder_mb2.driver import BinderMb2
from sensorbench.instruments.binder_mb2.twin import SimBinderMb2
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.protocols.modbus_frames import with_crc
from sensorbench.world.world import World

from .rigs import Rig

SERIAL = "SIM-MB2"
posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")


class Chamber(Rig):
    """A twin, its driver on a line in process, and what is written there."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.written: list[str] = []
        self.ignored: set[int] = set()

    def make(self, twin: dict[str, Any] | None = None, **driver: Any) -> Chamber:
        self.twin = SimBinderMb2(self.world, SERIAL, **(twin or {}))
        self.terminators, self.reply_terminator = (), b""
        line = InProcessLine(self, BinderMb2.LINE, "chamber")
        self.driver: Any = BinderMb2(line, self.clock, **driver)
        return self

    def handle(self, line: bytes) -> bytes | None:
        if line[1] in (6, 16):
            self.written.append(line[2:-2].hex())
            if int.from_bytes(line[2:4], "big") in self.ignored:
                return with_crc(line[:6])
        return self.twin.handle(line)


@pytest.fixture
def chamber(world: World, clock: VirtualClock) -> Chamber:
    return Chamber(world, clock).make()


def test_it_goes_where_it_is_told_and_goes_idle(chamber: Chamber) -> None:
    driver = chamber.driver
    assert driver.temperature.go(85.0) == 85.0
    # The set point before the contacts: low word first, then idle off and humidity left off.
    assert chamber.written == ["114c000204000042aa", "11580001"]
    chamber.clock.sleep(7200.0)
    assert chamber.air() == pytest.approx(85.0, abs=0.5)
    assert driver.temperature.told() == Held(85.0)
    driver.make_safe()
    assert driver.temperature.told() is None
    chamber.clock.sleep(86_400.0)
    assert chamber.air() == pytest.approx(23.0, abs=0.5)


def test_what_is_there_is_not_written_again(chamber: Chamber) -> None:
    chamber.driver.temperature.go(85.0)
    written = list(chamber.written)
    chamber.driver.temperature.go(85.0)
    assert chamber.written == written


def test_contacts_that_are_not_meant_stay(chamber: Chamber) -> None:
    chamber.twin.others = 0x0044  # anti-condensation and a switch
    chamber.driver.temperature.go(60.0)
    assert chamber.twin.others == 0x0044
    chamber.driver.humidity.go(50.0)
    assert (chamber.driver.humidity.told(), chamber.twin.others) == (Held(50.0), 0x0044)
    chamber.driver.humidity.release()
    assert chamber.driver.humidity.told() is None
    assert chamber.driver.temperature.told() == Held(60.0)


def test_humidity_of_somebody_before_does_not_start(chamber: Chamber) -> None:
    chamber.twin.plant.humidify(True, 80.0)
    chamber.driver.temperature.go(60.0)
    assert chamber.driver.humidity.told() is None


def test_a_rate_is_refused(chamber: Chamber) -> None:
    with pytest.raises(SetpointError, match="has no ramp"):
        chamber.driver.temperature.go(60.0, 1.0 / 60)
    assert chamber.written == []


def test_a_program_is_told_and_stopped_before_something_else_is_set(chamber: Chamber) -> None:
    chamber.fault("program_started")
    assert isinstance(chamber.driver.temperature.told(), OfItsOwn)
    chamber.clock.sleep(60.0)
    chamber.driver.temperature.go(40.0)
    assert chamber.written[0] == "114a0001"
    assert chamber.driver.temperature.told() == Held(40.0)


def test_an_mb1_is_known_and_never_written(world: World, clock: VirtualClock) -> None:
    chamber = Chamber(world, clock).make({"older": True})
    driver = chamber.driver
    for act in (
        driver.identify,
        driver.temperature.read,
        lambda: driver.temperature.go(60.0),
        lambda: driver.humidity.go(50.0),
        driver.make_safe,
    ):
        with pytest.raises(WrongDevice, match=r"is an MB1 controller.* Nothing was written"):
            act()
    assert chamber.written == []


def test_a_temperature_chamber_has_no_humidity_and_nothing_is_set(
    world: World, clock: VirtualClock
) -> None:
    chamber = Chamber(world, clock).make({"humidity": False})
    with pytest.raises(InstrumentError, match="no such register"):
        chamber.driver.humidity.go(50.0)
    assert chamber.written == []
    chamber.driver.temperature.go(60.0)
    chamber.driver.make_safe()


def test_what_the_chamber_can_not_do_is_refused_by_it(chamber: Chamber) -> None:
    chamber.twin.plant.lowest_c = -40.0
    with pytest.raises(InstrumentError, match="does not take the value"):
        chamber.driver.temperature.go(-55.0)
    assert not chamber.twin.plant.running
    assert chamber.driver.temperature.told() is None


@pytest.mark.parametrize(
    ("ignored", "told"), [(0x114C, "it holds that instead"), (0x1158, "look for alarms")]
)
def test_what_it_accepts_and_does_not_do_is_an_error(
    chamber: Chamber, ignored: int, told: str
) -> None:
    chamber.ignored = {ignored}
    with pytest.raises(InstrumentError, match=told):
        chamber.driver.temperature.go(60.0)


def test_an_alarm_shows_as_idle(chamber: Chamber) -> None:
    chamber.driver.temperature.go(60.0)
    chamber.fault("alarm")
    assert chamber.driver.temperature.told() is None
    with pytest.raises(InstrumentError, match="look for alarms at the panel"):
        chamber.driver.temperature.go(60.0)


def test_an_open_sensor_is_no_reading(chamber: Chamber) -> None:
    chamber.fault("sensor_open")
    with pytest.raises(ProtocolError, match="is a sensor open"):
        chamber.driver.temperature.read()


# The wire: 0x1004, 0x10B2, 0x114C as basil asks of a MK 56, the rest as the client of a MKFT 115.


def swapped(value: float) -> str:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return f"{low:04x}{high:04x}"


EXCHANGES = [
    ("0310b20002", f"0304{swapped(23.0)}"),
    ("10114c000204" + swapped(50.5), "10114c0002"),
    ("03114c0002", f"0304{swapped(50.5)}"),
    ("0312920001", "03020003"),
    ("0611580000", "0611580000"),
    ("0312920001", "03020000"),
    ("0310a60004", "0308" + "0000" * 4),
    ("0611490001", "0611490001"),
    ("0310a60002", "030400000001"),
    ("0611580002", "8605"),
    ("06114a0001", "06114a0001"),
    ("03134a0006", "030c" + "".join(f"{part:04x}" for part in (2026, 11, 22, 10, 30, 0))),
    ("031a220001", "8302"),
    ("10114c000204" + swapped(500.0), "9003"),
]


def test_the_twin_answers_as_the_clients_expect(world: World) -> None:
    twin = SimBinderMb2(world, SERIAL)
    for sent, reply in EXCHANGES:
        frame = with_crc(b"\x01" + bytes.fromhex(sent))
        assert (sent, twin.handle(frame)) == (sent, with_crc(b"\x01" + bytes.fromhex(reply)))


@posix
def test_minimalmodbus_and_our_driver_meet_it_on_a_serial_line() -> None:
    twin = SimBinderMb2(World(RealClock(100.0), 1), SERIAL)
    with PtyMount(twin) as mount:
        with SerialLine(mount.address, BinderMb2.LINE, "chamber") as line:
            driver: Any = BinderMb2(line, RealClock())
            driver.temperature.go(40.0)
        theirs = minimalmodbus.Instrument(mount.address, 1)
        assert theirs.serial is not None
        theirs.serial.timeout = 1.0
        swap = minimalmodbus.BYTEORDER_LITTLE_SWAP
        assert theirs.read_float(0x114C, byteorder=swap) == 40.0
        assert -50.0 < theirs.read_float(0x1004, byteorder=swap) < 100.0
        assert theirs.read_register(0x1292) == 0x0001
        theirs.serial.close()
