"""I2C buses: the simulated one, and the Linux one on smbus2's class over the simulated one."""

import sys
from collections.abc import Iterator

import pytest

from sensorbench.core.errors import LinkClosed, LinkTimeout, NotAcknowledged, TransportError
from sensorbench.core.provenance import Provenance
from sensorbench.links.i2c import (
    CombiningBus,
    I2cBus,
    I2cTarget,
    LinuxI2cBus,
    Message,
    SimulatedI2cBus,
)
from sensorbench.links.smbus_api import SimulatedSMBus, simulated_smbus_class
from sensorbench.links.tca9548a.twin import SimTca9548a


class Memory:
    """256 registers with a pointer that auto-increments."""

    def __init__(self) -> None:
        self.registers = bytearray(range(256))
        self._pointer = 0

    def receive(self, data: bytes) -> None:
        if data:
            self._pointer = data[0]
            self.registers[data[0] : data[0] + len(data) - 1] = data[1:]

    def send(self, length: int) -> bytes:
        return bytes(self.registers[self._pointer : self._pointer + length])


class Absent:
    """A part without a supply."""

    def receive(self, data: bytes) -> None:
        raise NotAcknowledged("no supply")

    def send(self, length: int) -> bytes:
        raise NotAcknowledged("no supply")


class Failing(SimulatedSMBus):
    """An adapter whose every transfer ends with this errno."""

    number = 0

    def i2c_rdwr(self, *i2c_msgs: object) -> None:
        raise OSError(self.number, "text of the kernel")


@pytest.fixture
def simulated() -> SimulatedI2cBus:
    bus = SimulatedI2cBus("bus0")
    bus.attach(0x50, Memory())
    return bus


@pytest.fixture
def linux(simulated: SimulatedI2cBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[LinuxI2cBus]:
    smbus2 = pytest.importorskip("smbus2")
    monkeypatch.setattr(smbus2, "SMBus", simulated_smbus_class({1: simulated}))
    with LinuxI2cBus("/dev/i2c-1") as bus:
        yield bus


@pytest.fixture(params=["simulated", "linux"])
def bus(request: pytest.FixtureRequest) -> I2cBus:
    found: I2cBus = request.getfixturevalue(request.param)
    return found


def test_a_transfer_writes_then_reads(bus: I2cBus) -> None:
    bus.transfer(0x50, b"\x10\xaa\xbb")
    assert bus.transfer(0x50, b"\x0f", 4) == b"\x0f\xaa\xbb\x12"


def test_a_read_alone_goes_on_where_the_pointer_is(bus: I2cBus) -> None:
    bus.transfer(0x50, b"\x10")
    assert bus.transfer(0x50, b"", 100) == bytes(range(0x10, 0x10 + 100))


def test_an_empty_write_asks_who_is_there(bus: I2cBus) -> None:
    assert bus.transfer(0x50, b"") == b""
    with pytest.raises(NotAcknowledged, match="address 0x51: not acknowledged"):
        bus.transfer(0x51, b"")


def test_a_stuck_bus_times_out(bus: I2cBus, simulated: SimulatedI2cBus) -> None:
    simulated.stuck = True
    with pytest.raises(LinkTimeout, match="address 0x50: the bus is held"):
        bus.transfer(0x50, b"\x10", 1)


def test_the_nth_transfer_can_be_made_to_fail(bus: I2cBus, simulated: SimulatedI2cBus) -> None:
    simulated.nack_transfer(2)
    bus.transfer(0x50, b"\x10")
    with pytest.raises(NotAcknowledged):
        bus.transfer(0x50, b"\x10")
    bus.transfer(0x50, b"\x10")


def test_an_unpowered_part_does_not_hide_another_on_its_address(
    simulated: SimulatedI2cBus,
) -> None:
    class Switch(Absent):
        def reach(self, address: int) -> list[I2cTarget]:
            return [Absent(), Memory()] if address == 0x50 else []

        def everybody(self) -> Iterator[tuple[int, I2cTarget]]:
            yield from ()

    simulated.attach(0x70, Switch())
    assert simulated.transfer(0x50, b"\x0f", 2) == b"\x0f\x10"


def test_taken_and_reserved_addresses_are_refused(simulated: SimulatedI2cBus) -> None:
    with pytest.raises(ValueError, match="0x50 on bus0 is taken"):
        simulated.attach(0x50, Memory())
    for address in (0x07, 0x78):
        with pytest.raises(ValueError, match="reserved"):
            simulated.attach(address, Memory())


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (121, NotAcknowledged),
        (6, NotAcknowledged),
        (110, LinkTimeout),
        (19, LinkClosed),
        (5, TransportError),
        (11, TransportError),
    ],
)
def test_the_kernel_s_errno_becomes_an_error_that_names_bus_and_address(
    linux: LinuxI2cBus, simulated: SimulatedI2cBus, number: int, expected: type[TransportError]
) -> None:
    linux._bus = Failing(simulated)
    linux._bus.number = number
    with pytest.raises(TransportError, match=r"^/dev/i2c-1, address 0x50: ") as raised:
        linux.transfer(0x50, b"\x00", 1)
    assert type(raised.value) is expected


def test_the_adapter_is_hardware(linux: LinuxI2cBus) -> None:
    assert linux.provenance is Provenance.HARDWARE


def test_an_adapter_that_is_not_there_says_what_to_check(linux: LinuxI2cBus) -> None:
    with pytest.raises(LinkClosed, match=r"/dev/i2c-7 can't be opened: No such file.*i2c-dev"):
        LinuxI2cBus("/dev/i2c-7")


def test_an_adapter_without_plain_i2c_is_refused(
    linux: LinuxI2cBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorbench.links.smbus_api.FUNCS", 0x0EFF0008)
    with pytest.raises(LinkClosed, match="can only do SMBus commands"):
        LinuxI2cBus("/dev/i2c-1")


def test_a_closed_adapter_says_so(linux: LinuxI2cBus) -> None:
    linux.close()
    linux.close()
    with pytest.raises(LinkClosed, match="/dev/i2c-1 is closed"):
        linux.transfer(0x50, b"")


def test_without_smbus2_the_module_works_and_an_adapter_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "smbus2", None)
    with pytest.raises(LinkClosed, match="/dev/i2c-1: I2C adapters need Linux and smbus2"):
        LinuxI2cBus("/dev/i2c-1")


class Listening(Memory):
    """A part that hears general calls and pulls an alert."""

    def __init__(self, bit: int | None = None) -> None:
        super().__init__()
        self.heard: list[bytes] = []
        self.bit = bit

    def general_call(self, data: bytes) -> None:
        if data != b"\x06":
            raise NotAcknowledged("not for me")
        self.heard.append(data)

    def alert(self) -> int | None:
        return self.bit

    def alert_answered(self) -> None:
        self.bit = None


def test_a_general_call_reaches_whoever_hears_it(bus: I2cBus, simulated: SimulatedI2cBus) -> None:
    behind, closed, mux = Listening(), Listening(), SimTca9548a()
    mux.attach(2, 0x49, behind)
    mux.attach(3, 0x49, closed)
    simulated.attach(0x70, mux)
    with pytest.raises(NotAcknowledged, match="address 0x00"):
        bus.transfer(0x00, b"\x06")
    simulated.attach(0x48, part := Listening())
    bus.transfer(0x70, b"\x04")
    bus.transfer(0x00, b"\x06")
    assert (part.heard, behind.heard, closed.heard) == ([b"\x06"], [b"\x06"], [])
    with pytest.raises(NotAcknowledged):
        bus.transfer(0x00, b"\x55")
    with pytest.raises(NotAcknowledged):
        bus.transfer(0x00, b"", 1)  # that address can't be read from


def test_the_lowest_address_of_those_that_alert_answers_first(
    bus: I2cBus, simulated: SimulatedI2cBus
) -> None:
    for address, bit in ((0x4A, 0), (0x48, None), (0x49, 1)):
        simulated.attach(address, Listening(bit))
    assert bus.transfer(0x0C, b"", 1) == bytes([0x49 << 1 | 1])
    assert bus.transfer(0x0C, b"", 2) == bytes([0x4A << 1, 0xFF])
    with pytest.raises(NotAcknowledged, match="address 0x0c"):
        bus.transfer(0x0C, b"", 1)


def test_a_part_at_the_address_of_alerts_is_read_as_any_other(simulated: SimulatedI2cBus) -> None:
    simulated.attach(0x0C, Memory())
    assert simulated.transfer(0x0C, b"\x10", 1) == b"\x10"


def test_messages_are_combined_in_order(bus: I2cBus) -> None:
    assert isinstance(bus, CombiningBus)
    read = bus.combine(
        [Message(0x50, b"\x10\xaa"), Message(0x50, b"\x10", 2), Message(0x50, b"", 1)]
    )
    assert read == [b"", b"\xaa\x11", b"\xaa"]
    with pytest.raises(NotAcknowledged, match="0x51"):
        bus.combine([Message(0x50, b"\x10"), Message(0x51, b"\x10")])
