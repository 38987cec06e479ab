"""A bus as a USB adapter: a host that speaks USB redirection reaches every twin on it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from sensorbench.core.errors import NotAcknowledged, TransportError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.usb_mount import UsbMount

READ, WRITE = 0xC1, 0x41
BEGIN, END, STATUS, FUNCTIONS, DELAY = 5, 6, 3, 1, 2  # of i2c-tiny-usb; a transfer is command 4
ACK, NAK = b"\x01", b"\x02"


class Memory:
    """A part with 16 registers; each write and read is told, and register 15 refuses."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.pointer = 0

    def receive(self, data: bytes) -> None:
        self.told.append(f"w {data.hex()}")
        if data[:1] == b"\x0f":
            raise NotAcknowledged("register 15 is not written")
        self.pointer = data[0] if data else self.pointer

    def send(self, length: int) -> bytes:
        self.told.append(f"r {length}")
        return bytes((self.pointer + index) & 0xFF for index in range(length))


class Host:
    """A USB host at the other end of the redirection, as far as a control endpoint goes."""

    def __init__(self, mount: UsbMount) -> None:
        self._socket = socket.create_connection((mount.host, mount.port), timeout=5)
        self._number = 0
        self.told = [self.receive() for _ in range(4)]
        self.send(0, 0, b"a host".ljust(64, b"\0"))

    def send(self, kind: int, number: int, payload: bytes) -> None:
        data = struct.pack("<III", kind, len(payload), number) + payload
        for cut in (data[:5], data[5:]):  # as TCP may
            self._socket.sendall(cut)

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self._socket.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self) -> tuple[int, int, bytes]:
        kind, length, number = struct.unpack("<III", self._exactly(12))
        return kind, number, self._exactly(length)

    def control(
        self, request_type: int, request: int, value: int, index: int, data: bytes | int
    ) -> bytes | None:
        """Do a control transfer: send bytes, or read so many; None where the device stalls."""
        self._number += 1
        length = data if isinstance(data, int) else len(data)
        sent = b"" if isinstance(data, int) else data
        fixed = (request_type & 0x80, request, request_type, 0, value, index, length)
        self.send(100, self._number, struct.pack("<BBBBHHH", *fixed) + sent)
        kind, number, answer = self.receive()
        assert (kind, number) == (100, self._number)
        _, _, _, status, _, _, moved = struct.unpack_from("<BBBBHHH", answer)
        assert status or isinstance(data, int) or moved == length
        return None if status else answer[10:]

    def write(self, flags: int, address: int, data: bytes) -> bytes | None:
        self.control(WRITE, flags, 0, address, data)
        return self.control(READ, STATUS, 0, 0, 1)

    def read(self, flags: int, address: int, length: int) -> tuple[bytes | None, bytes | None]:
        data = self.control(READ, flags, 1, address, length)
        return data, self.control(READ, STATUS, 0, 0, 1)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def bus(memory: Memory) -> SimulatedI2cBus:
    made = SimulatedI2cBus()
    made.attach(0x50, memory)
    return made


@pytest.fixture
def mount(bus: SimulatedI2cBus) -> Iterator[UsbMount]:
    with UsbMount(bus) as served:
        yield served


@pytest.fixture
def host(mount: UsbMount) -> Iterator[Host]:
    found = Host(mount)
    yield found
    found.close()


def test_the_adapter_says_what_it_is(host: Host) -> None:
    assert [kind for kind, _, _ in host.told] == [0, 4, 5, 1]
    assert host.told[3][2][4:8] == struct.pack("<HH", 0x0403, 0xC631)
    device = host.control(0x80, 6, 0x0100, 0, 18)
    assert device is not None
    assert device[8:12] == struct.pack("<HH", 0x0403, 0xC631)
    configuration = host.control(0x80, 6, 0x0200, 0, 255)
    assert configuration is not None
    assert struct.unpack_from("<H", configuration, 2) == (len(configuration),) == (18,)
    product = host.control(0x80, 6, 0x0302, 0x0409, 255)
    assert product is not None
    assert product[2:].decode("utf-16-le") == "i2c-tiny-usb, SIMULATED"
    assert host.control(0x80, 6, 0x0100, 0, 8) == device[:8]
    host.send(6, 77, b"\x01")
    assert host.receive() == (8, 77, b"\x00\x01")
    host.send(9, 78, b"\x00\x00")
    assert host.receive() == (11, 78, b"\x00\x00\x00")


def test_it_stalls_at_what_it_does_not_know(host: Host) -> None:
    assert host.control(0x80, 6, 0x0F00, 0, 5) is None
    assert host.control(READ, 0x20, 0, 0, 4) is None
    assert host.control(READ, FUNCTIONS, 0, 0, 4) == struct.pack("<I", 0x0EFF0009)
    assert host.control(WRITE, DELAY, 10, 0, b"") == b""


def test_a_read_after_a_write_is_one_transfer(host: Host, memory: Memory) -> None:
    assert host.write(BEGIN, 0x50, b"\x03") == ACK
    assert memory.told == []  # no stop yet: nothing another program could come between
    assert host.read(END, 0x50, 4) == (bytes([3, 4, 5, 6]), ACK)
    assert memory.told == ["w 03", "r 4"]


def test_writes_reads_and_addresses_alone_are_transfers_of_their_own(
    host: Host, memory: Memory
) -> None:
    assert host.write(BEGIN | END, 0x50, b"\x02\xaa") == ACK
    assert host.read(BEGIN | END, 0x50, 2) == (b"\x02\x03", ACK)
    assert host.write(BEGIN | END, 0x50, b"") == ACK
    assert memory.told == ["w 02aa", "r 2", "w "]


def test_what_is_not_acknowledged_is_told_by_the_status(host: Host) -> None:
    assert host.write(BEGIN | END, 0x51, b"\x00") == NAK
    assert host.write(BEGIN | END, 0x50, b"\x0f\x00") == NAK
    assert host.write(BEGIN, 0x51, b"\x00") == ACK
    assert host.read(END, 0x51, 2) == (b"\xff\xff", NAK)
    assert host.read(BEGIN | END, 0x50, 1) == (b"\x00", ACK)


def test_a_bus_that_is_held_is_an_error_to_the_host(host: Host, bus: SimulatedI2cBus) -> None:
    bus.stuck = True
    assert host.read(BEGIN | END, 0x50, 1) == (b"\xff", NAK)
    bus.stuck = False
    assert host.read(BEGIN | END, 0x50, 1) == (b"\x00", ACK)


def test_a_transfer_that_was_broken_off_leaves_nothing(host: Host, memory: Memory) -> None:
    host.write(BEGIN, 0x50, b"\x07")
    assert host.read(BEGIN | END, 0x50, 1) == (b"\x00", ACK)
    assert memory.told == ["r 1"]


def test_the_next_host_waits_until_the_first_has_gone(mount: UsbMount) -> None:
    first = Host(mount)
    later: list[Host] = []
    waiting = threading.Thread(target=lambda: later.append(Host(mount)))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    first.close()
    waiting.join(5)
    assert later[0].read(BEGIN | END, 0x50, 1) == (b"\x00", ACK)
    later[0].close()


@pytest.mark.parametrize(
    "nonsense", [b"GET / HTTP/1.1\r\n\r\n", struct.pack("<III", 100, 3, 1) + b"abc"]
)
def test_who_speaks_something_else_is_sent_away(mount: UsbMount, nonsense: bytes) -> None:
    with socket.create_connection((mount.host, mount.port), timeout=5) as client:
        client.sendall(nonsense)
        with contextlib.suppress(ConnectionError):
            while client.recv(1000):
                pass
    host = Host(mount)
    assert host.read(BEGIN | END, 0x50, 1) == (b"\x00", ACK)
    host.close()


def test_closing_unplugs_it_and_leaves_no_thread(memory: Memory) -> None:
    before = threading.active_count()
    mount = UsbMount(SimulatedI2cBus())
    host = Host(mount)
    mount.close()
    mount.close()
    with pytest.raises((EOFError, ConnectionError)):
        host.receive()
    host.close()
    assert threading.active_count() == before


def test_a_port_that_is_taken_and_a_host_beyond_loopback_are_refused(mount: UsbMount) -> None:
    with pytest.raises(TransportError, match="another simulation"):
        UsbMount(SimulatedI2cBus(), port=mount.port)
    with pytest.raises(ValueError, match="loopback"):
        UsbMount(SimulatedI2cBus(), host="0.0.0.0")  # noqa: S104 - refused
