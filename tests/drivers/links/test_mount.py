"""Mounts: any program can talk to a twin, and no thread, port or fault stays behind."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pyvisa
import serial

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import BenchError, TransportError
from sensorbench.instruments.druck_pace5000.twin import SimDruckPace5000
from sensorbench.instruments.keithley_2450.twin import SimKeithley2450
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.instruments.pressure_pulser.twin import SimPressurePulser
from sensorbench.links.mount import Fault, PtyMount, TcpMount
from sensorbench.world.world import World

posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")


@pytest.fixture
def tcp(twin: Any) -> Iterator[TcpMount]:
    with TcpMount(twin) as mount:
        yield mount


@pytest.fixture
def pty(twin: Any) -> Iterator[PtyMount]:
    with PtyMount(twin) as mount:
        yield mount


def connect(mount: TcpMount, timeout_s: float = 5.0) -> socket.socket:
    return socket.create_connection((mount.host, mount.port), timeout=timeout_s)


def ask(client: socket.socket, line: bytes) -> bytes:
    client.sendall(line)
    reply = b""
    while not reply.endswith(b"\n"):
        data = client.recv(100)
        if not data:
            return reply + b"<closed>"
        reply += data
    return reply


def open_serial(mount: PtyMount, timeout_s: float = 5.0) -> serial.Serial:
    return serial.Serial(mount.address, timeout=timeout_s, exclusive=True)


def test_a_line_split_over_packets_is_answered_once(tcp: TcpMount, twin: Any) -> None:
    with connect(tcp) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(b"*ID")
        time.sleep(0.02)
        assert ask(client, b"N?\r\n") == b"re: *IDN\n"
    assert twin.lines == [b"*IDN?"]


def test_several_lines_in_one_packet_are_answered_in_order(tcp: TcpMount) -> None:
    with connect(tcp) as client, client.makefile("rb") as replies:
        client.sendall(b"A?\nSET 1\nB?\n")
        assert [replies.readline(), replies.readline()] == [b"re: A\n", b"re: B\n"]


def test_quick_replies_do_not_wait_for_delayed_acknowledgements(tcp: TcpMount) -> None:
    taken_s = []
    with connect(tcp) as client, client.makefile("rb") as replies:
        for _ in range(25):
            start = time.monotonic()
            client.sendall(b"A?\nB?\nC?\n")
            assert [replies.readline() for _ in "ABC"] == [b"re: A\n", b"re: B\n", b"re: C\n"]
            taken_s.append(time.monotonic() - start)
    assert min(taken_s) < 0.03


def test_clients_come_one_after_another(tcp: TcpMount) -> None:
    for _ in range(3):
        with connect(tcp) as client:
            assert ask(client, b"A?\n") == b"re: A\n"


def test_clients_at_the_same_time_each_get_their_own_replies(tcp: TcpMount, twin: Any) -> None:
    wrong: list[bytes] = []

    def talk(who: int) -> None:
        with connect(tcp) as client:
            for number in range(50):
                text = b"%d.%d" % (who, number)
                reply = ask(client, text + b"?\n")
                if reply != b"re: " + text + b"\n":
                    wrong.append(reply)

    threads = [threading.Thread(target=talk, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(twin.lines) == 200
    assert twin.overlaps == 0


def test_mounts_that_share_a_world_call_their_twins_one_at_a_time(twin: Any) -> None:
    lock = threading.Lock()
    with (
        TcpMount(twin, world=lock) as one,
        TcpMount(twin, world=lock) as two,
        connect(one, timeout_s=0.1) as first,
        connect(two) as second,
    ):
        with lock, pytest.raises(TimeoutError):
            ask(first, b"A?\n")
        assert ask(second, b"B?\n") == b"re: B\n"


def test_replies_end_as_the_twin_says(make_twin: Callable[..., Any]) -> None:
    with TcpMount(make_twin((b"\r",), b"\r\n")) as mount, connect(mount) as client:
        assert ask(client, b"A?\r") == b"re: A\r\n"


def test_a_line_that_is_too_long_is_lost_and_the_next_one_counts(
    tcp: TcpMount, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), connect(tcp) as client:
        client.sendall(b"x" * 131_072)
        assert ask(client, b"\nA?\n") == b"re: A\n"
    assert "a line of more than 65536 bytes was lost: b'xxxx" in caplog.text


def test_an_instrument_that_speaks_scpi_says_that_its_input_buffer_overran() -> None:
    world = World(VirtualClock())
    twins = (SimKeysight34461a, SimKeysightE36312a, SimKeithley2450, SimDruckPace5000)
    for kind in (*twins, SimPressurePulser):
        twin = kind(world, "SIM-1")
        with TcpMount(twin, world=world.lock) as mount, connect(mount) as client:
            ask(client, b"*CLS;:SYST:ERR?\n")
            client.sendall(b"x" * 131_072 + b"\n")
            assert b'-363,"Input buffer overrun"' in ask(client, b"SYST:ERR?\n")
            assert b"-363" not in ask(client, b"SYST:ERR?\n")
            assert b"SIM-1" in ask(client, b"*IDN?\n")


def test_a_line_the_twin_refuses_is_logged_and_not_answered(
    tcp: TcpMount, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), connect(tcp) as client:
        assert ask(client, b"BROKEN?\nA?\n") == b"re: A\n"
    assert "the twin refused b'BROKEN?'" in caplog.text
    assert "not modelled" in caplog.text


def test_a_late_reply_is_late_once(tcp: TcpMount) -> None:
    tcp.fail_next(Fault(late_s=0.6))
    with connect(tcp) as client:
        start = time.monotonic()
        assert ask(client, b"A?\n") == b"re: A\n"
        assert time.monotonic() - start >= 0.6
        start = time.monotonic()
        assert ask(client, b"B?\n") == b"re: B\n"
        assert time.monotonic() - start < 0.5


def test_a_reply_can_be_cut_or_silent(tcp: TcpMount) -> None:
    with connect(tcp) as client:
        tcp.fail_next(Fault(cut_after=3))
        client.sendall(b"A?\n")
        assert client.recv(100) == b"re:"
        tcp.fail_next(Fault(cut_after=0))
        assert ask(client, b"B?\nC?\n") == b"re: C\n"


def test_a_connection_can_be_dropped_within_a_reply(tcp: TcpMount) -> None:
    tcp.fail_next(Fault(cut_after=2, drop=True))
    with connect(tcp) as client:
        assert ask(client, b"A?\n") == b"re<closed>"
    with connect(tcp) as client:
        assert ask(client, b"A?\n") == b"re: A\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "", "192.0.2.1", "::"])  # noqa: S104 - refused
def test_a_mount_beyond_loopback_is_refused(twin: Any, host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        TcpMount(twin, host)


def test_a_taken_port_is_named(twin: Any, tcp: TcpMount) -> None:
    with pytest.raises(TransportError, match=f"127.0.0.1:{tcp.port} can't be listened on"):
        TcpMount(twin, port=tcp.port)


def test_closing_ends_threads_and_connections_even_within_a_late_reply(twin: Any) -> None:
    before = set(threading.enumerate())
    mount = TcpMount(twin)
    mount.fail_next(Fault(late_s=30.0))
    with connect(mount) as idle, connect(mount) as waiting:
        waiting.sendall(b"A?\n")
        while not twin.lines:
            time.sleep(0.001)
        start = time.monotonic()
        mount.close()
        mount.close()
        assert time.monotonic() - start < 5.0
        assert idle.recv(10) == waiting.recv(10) == b""
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        connect(mount)


def test_closing_does_not_wait_for_a_client_that_never_reads(
    make_twin: Callable[..., Any],
) -> None:
    with TcpMount(make_twin()) as mount, connect(mount, timeout_s=0.3) as client:
        with pytest.raises(TimeoutError):
            client.sendall((b"A" * 60_000 + b"?\n") * 1000)
        start = time.monotonic()
        mount.close()
        assert time.monotonic() - start < 5.0


def ask_by_pyvisa(resource: str, line: str) -> str:
    session: Any = pyvisa.ResourceManager("@py").open_resource(
        resource, read_termination="\n", write_termination="\n"
    )
    with session:
        return str(session.query(line))


def test_pyvisa_talks_to_a_tcp_mount(tcp: TcpMount) -> None:
    assert ask_by_pyvisa(f"TCPIP::{tcp.host}::{tcp.port}::SOCKET", "*IDN?") == "re: *IDN"


@posix
def test_pyserial_talks_to_a_pty_and_hears_no_echo(pty: PtyMount) -> None:
    with open_serial(pty) as port:
        port.write(b"SET 5\r\nA?\r\n")
        assert port.read_until(b"\n") == b"re: A\n"
        assert port.in_waiting == 0


@posix
def test_a_program_that_leaves_the_terminal_as_it_is_hears_no_echo(
    pty: PtyMount, twin: Any
) -> None:
    port = os.open(pty.address, os.O_RDWR | os.O_NOCTTY)
    os.write(port, b"A?\r\n")
    reply = os.read(port, 100)
    os.write(port, b"B?\n")
    reply += os.read(port, 100)
    os.close(port)
    assert reply == b"re: A\nre: B\n"
    assert twin.lines == [b"A?", b"B?"]


@posix
def test_a_pty_stays_usable_when_its_client_closes_and_reopens(pty: PtyMount) -> None:
    for number in range(3):
        with open_serial(pty) as port:
            port.write(b"%d?\n" % number)
            assert port.read_until(b"\n") == b"re: %d\n" % number


@posix
def test_pyvisa_talks_to_a_pty_as_a_serial_instrument(pty: PtyMount) -> None:
    assert ask_by_pyvisa(f"ASRL{pty.address}::INSTR", "*IDN?") == "re: *IDN"


@posix
def test_faults_reach_a_pty_too(pty: PtyMount) -> None:
    with open_serial(pty, timeout_s=0.1) as port:
        pty.fail_next(Fault(cut_after=3))
        port.write(b"A?\n")
        assert port.read_until(b"\n") == b"re:"
        port.write(b"B?\n")
        assert port.read_until(b"\n") == b"re: B\n"
    with pytest.raises(ValueError, match="no connection to drop"):
        pty.fail_next(Fault(drop=True))


@posix
@pytest.mark.parametrize("trouble", [b"BROKEN?\n", b"x" * 65537 + b"\n"])
def test_a_pty_survives_what_it_can_not_answer(pty: PtyMount, trouble: bytes) -> None:
    with open_serial(pty) as port:
        port.write(trouble + b"A?\n")
        assert port.read_until(b"\n") == b"re: A\n"


@posix
def test_closing_a_pty_ends_its_thread_though_nobody_reads(twin: Any) -> None:
    before = set(threading.enumerate())
    mount = PtyMount(twin)
    with serial.Serial(mount.address, write_timeout=0.3) as port:
        with pytest.raises(serial.SerialTimeoutException):
            port.write((b"A" * 1000 + b"?\n") * 1000)
        start = time.monotonic()
        mount.close()
        mount.close()
        assert time.monotonic() - start < 5.0
    assert set(threading.enumerate()) == before


def test_a_machine_without_ptys_is_told_what_to_do(
    twin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tty", None)
    with pytest.raises(BenchError, match="serve the twin on a TCP port"):
        PtyMount(twin)


class Integrating:
    """A twin that takes its time over READ?, and gives the world away meanwhile."""

    terminators = (b"\n",)
    reply_terminator = b"\n"

    def __init__(self, world: World) -> None:
        self._world = world
        self.began = threading.Event()

    def handle(self, line: bytes) -> bytes | None:
        if line == b"READ?":
            self.began.set()
            self._world.let_pass(30.0)
        return b"re: " + line[:-1]


def test_a_twin_that_integrates_keeps_no_other_from_answering(twin: Any) -> None:
    world = World(RealClock())
    integrating = Integrating(world)
    with (
        TcpMount(integrating, world=world.lock) as one,
        TcpMount(twin, world=world.lock) as two,
        connect(one) as dmm,
        connect(two) as supply,
    ):
        dmm.sendall(b"READ?\n")
        assert integrating.began.wait(5.0)
        began = time.monotonic()
        assert ask(supply, b"*IDN?\n") == b"re: *IDN\n"
        assert time.monotonic() - began < 1.0
        closing = time.monotonic()
    assert time.monotonic() - closing < 5.0  # closing does not wait for it
