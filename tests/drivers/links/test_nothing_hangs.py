"""Whatever a peer, a resolver or a driver of the system does, a link is done in time."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest

from sensorbench.core.errors import LinkClosed, LinkTimeout, TransportError
from sensorbench.links import i2c
from sensorbench.links.i2c import LinuxI2cBus, SimulatedI2cBus
from sensorbench.links.line import LineSettings
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.smbus_api import simulated_smbus_class
from sensorbench.links.tcp_line import TcpLine
from sensorbench.links.visa_line import VisaLine

pytestmark = pytest.mark.chaos
QUICK = LineSettings(timeout_s=0.3)
MORE_S = 1.5
"""What a loaded machine may take beside."""
Work = Callable[[], object]


@contextmanager
def done_within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds + MORE_S


# -- TCP -------------------------------------------------------------------------------------------


@pytest.fixture
def stalling() -> Iterator[int]:
    """The port of a peer that takes connections and then neither reads nor answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        yield server.getsockname()[1]


@pytest.fixture
def dripping() -> Iterator[int]:
    """The port of a peer that sends one byte after the other, and never the end of a line."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            while not over.wait(0.02):
                try:
                    connection.send(b".")
                except OSError:
                    return

    def serve(server: socket.socket) -> None:
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        over.set()


@pytest.fixture
def full() -> Iterator[int]:
    """The port of a peer that takes no connection, and refuses none."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        yield port
        for one in waiting:
            one.close()


def tcp(port: int) -> TcpLine:
    return TcpLine("127.0.0.1", port, QUICK, "psu")


def visa(port: int) -> VisaLine:
    return VisaLine(f"TCPIP::127.0.0.1::{port}::SOCKET", QUICK, "psu")


@pytest.mark.parametrize("made", [tcp, visa])
@pytest.mark.parametrize("peer", ["stalling", "dripping"])
def test_a_peer_that_does_not_finish_an_answer_is_left_in_time(
    request: pytest.FixtureRequest, made: Callable[[int], TcpLine | VisaLine], peer: str
) -> None:
    port = request.getfixturevalue(peer)
    with done_within(1.0), closing(made(port)) as line:
        for _ in range(2):
            with pytest.raises(LinkTimeout):
                line.query("*IDN?")


@pytest.mark.parametrize("made", [tcp, visa])
def test_a_peer_that_takes_nothing_is_left_in_time(
    stalling: int, made: Callable[[int], TcpLine | VisaLine]
) -> None:
    with done_within(1.0), closing(made(stalling)) as line, pytest.raises(LinkTimeout):
        line.write("x" * 20_000_000)


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog is silent on Linux")
@pytest.mark.parametrize("made", [tcp, visa])
def test_a_connection_that_is_not_taken_is_given_up_in_time(
    full: int, made: Callable[[int], TcpLine | VisaLine]
) -> None:
    with done_within(3.0), pytest.raises(LinkClosed):
        made(full)


def test_a_resolver_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(20))
    with done_within(0.3), pytest.raises(LinkClosed, match="nothing listens at psu"):
        TcpLine("psu.example", 5025, QUICK, "psu")
    over.set()


def test_a_connection_that_comes_too_late_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    comes = threading.Event()

    def late(*_: object) -> socket.socket:
        comes.wait(20)
        return ours

    monkeypatch.setattr(socket, "create_connection", late)
    with pytest.raises(LinkClosed):
        tcp(1)
    comes.set()
    theirs.settimeout(5)
    assert theirs.recv(1) == b""


def test_closing_waits_for_no_exchange_of_another_thread(stalling: int) -> None:
    line = tcp(stalling)
    asked = threading.Thread(target=_ignored(lambda: line.query("?", 5.0)), daemon=True)
    asked.start()
    time.sleep(0.1)
    with done_within(0.3):
        line.close()


def _ignored(work: Work) -> Work:
    def quiet() -> None:
        with suppress(TransportError):
            work()

    return quiet


# -- serial ports ----------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_a_serial_peer_that_reads_nothing_delays_neither_writing_nor_closing() -> None:
    far, near = os.openpty()
    line = SerialLine(os.ttyname(near), QUICK, "chamber")
    with done_within(0.3), pytest.raises(LinkTimeout):
        line.write("x" * 2_000_000)
    with done_within(1.5):
        line.close()
    os.close(near)
    os.close(far)


def test_a_converter_that_negotiates_nothing_is_given_up_in_time(stalling: int) -> None:
    with done_within(9.0), pytest.raises(LinkClosed):
        SerialLine(f"rfc2217://127.0.0.1:{stalling}", QUICK, "chamber")


# -- libraries and drivers of the system -----------------------------------------------------------


class Hanging:
    """A VISA resource whose library hangs in what it is named for."""

    session = 1
    visalib: Any = None

    def __init__(self, hangs: str, over: threading.Event) -> None:
        self._hangs, self._over, self.timeout = hangs, over, 0
        self.visalib = self

    def _maybe(self, name: str) -> None:
        if name in self._hangs:
            self._over.wait(30)

    def write_raw(self, _data: bytes) -> None:
        self._maybe("write")

    def read(self, *_: object) -> tuple[bytes, object]:
        self._maybe("read")
        return b"1\n", None

    def clear(self) -> None:
        self._maybe("clear")

    def close(self) -> None:
        self._maybe("close")


@pytest.mark.parametrize("hangs", ["open", "write", "read clear close", "close", "load"])
def test_a_visa_library_that_hangs_is_left_in_time(
    monkeypatch: pytest.MonkeyPatch, hangs: str
) -> None:
    over = threading.Event()

    class Manager:
        def __init__(self, _library: str) -> None:
            if hangs == "load":
                over.wait(30)

        def open_resource(self, *_: object, **__: object) -> Hanging:
            if hangs == "open":
                over.wait(30)
            return Hanging(hangs, over)

    monkeypatch.setattr("pyvisa.ResourceManager", Manager)
    monkeypatch.setattr("sensorbench.links.visa_line.LOADS_S", 0.5)
    monkeypatch.setattr("sensorbench.links.visa_line.MORE_S", 0.2)
    with done_within(2.5):
        try:
            with closing(VisaLine("USB0::1::2::3::INSTR", QUICK, "psu", visa_library="@x")) as line:
                line.query("*IDN?")
        except (LinkClosed, LinkTimeout):
            assert hangs != "close"
        else:
            assert hangs == "close"
    over.set()


class Adapter:
    """What an I2C adapter does beside the simulated bus: it hangs, or is unplugged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        smbus2 = pytest.importorskip("smbus2")
        plain = simulated_smbus_class({1: SimulatedI2cBus()})
        self.over, self.hangs, self.is_gone = threading.Event(), False, False
        self.opened = 0
        adapter = self

        class Behaves(plain):  # type: ignore[misc, valid-type]
            def __init__(self, bus: object) -> None:
                adapter._come_and_go()
                super().__init__(bus)
                adapter.opened += 1

            def i2c_rdwr(self, *messages: object) -> None:
                adapter._come_and_go()
                super().i2c_rdwr(*messages)

        monkeypatch.setattr(smbus2, "SMBus", Behaves)

    def _come_and_go(self) -> None:
        if self.hangs:
            self.over.wait(30)
        if self.is_gone:
            raise OSError(i2c.ENODEV, "No such device")


def test_an_adapter_whose_driver_hangs_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i2c, "DEADLINE_S", 0.3)
    adapter = Adapter(monkeypatch)
    bus = LinuxI2cBus("/dev/i2c-1")
    adapter.hangs = True
    for _ in range(2):
        with done_within(0.3), pytest.raises(LinkTimeout, match=r"did nothing for 0\.3 s"):
            bus.transfer(0x44, b"\x00")
    with done_within(0.3):
        bus.close()
    adapter.over.set()


def test_an_adapter_that_was_bumped_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = Adapter(monkeypatch)
    with closing(LinuxI2cBus("/dev/i2c-1")) as bus:
        bus.route = (0x70, 3)
        adapter.is_gone = True
        for _ in range(2):
            with pytest.raises(LinkClosed):
                bus.transfer(0x44, b"\x00")
        adapter.is_gone = False
        with pytest.raises(TransportError, match="not acknowledged"):
            bus.transfer(0x44, b"\x00")
        assert adapter.opened == 2
        assert bus.route is None  # its multiplexers are told again
