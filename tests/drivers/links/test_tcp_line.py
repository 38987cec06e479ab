"""TcpLine and VisaLine over sockets: connecting, reconnecting, and no 40 ms for a quick write."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from sensorbench.core.errors import LinkClosed, LinkTimeout, ProtocolError
from sensorbench.core.provenance import Provenance
from sensorbench.links import exchange
from sensorbench.links.exchange import ExchangeLine
from sensorbench.links.line import LineSettings
from sensorbench.links.mount import Fault, TcpMount
from sensorbench.links.tcp_line import TcpLine
from sensorbench.links.visa_line import VisaLine

Opener = Callable[[int, LineSettings], ExchangeLine]


def open_tcp(port: int, settings: LineSettings) -> ExchangeLine:
    return TcpLine("127.0.0.1", port, settings, "chamber", Provenance.SIMULATED)


def open_visa(port: int, settings: LineSettings) -> ExchangeLine:
    resource = f"TCPIP0::127.0.0.1::{port}::SOCKET"
    return VisaLine(resource, settings, "chamber", Provenance.SIMULATED)


@pytest.fixture(params=[open_tcp, open_visa])
def opener(request: pytest.FixtureRequest) -> Opener:
    chosen: Opener = request.param
    return chosen


@pytest.fixture
def mount(twin: Any) -> Iterator[TcpMount]:
    with TcpMount(twin) as mount:
        yield mount


def test_provenance_is_what_the_station_says(opener: Opener, mount: TcpMount) -> None:
    with opener(mount.port, LineSettings()) as line:
        assert line.provenance is Provenance.SIMULATED


def test_a_closed_port_is_named_when_the_line_is_opened(opener: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LinkClosed, match=rf"chamber: nothing listens at .*{port}.*switched on"):
        opener(port, LineSettings())


def test_an_unknown_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror("name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(LinkClosed, match=r"nothing listens at chamber-3:5025 \(name or service"):
        TcpLine("chamber-3", 5025, LineSettings(), "chamber")


def test_an_idle_connection_that_the_peer_closed_is_opened_again(
    opener: Opener, mount: TcpMount, twin: Any
) -> None:
    with opener(mount.port, LineSettings()) as line:
        assert line.query("A?") == "re: A"
        mount.close()
        with TcpMount(twin, port=mount.port):
            line.write("SET 5")
            assert line.query("B?") == "re: B"
        assert line.resynchronised == 1


def test_a_connection_lost_within_a_reply_is_reopened_and_nothing_is_sent_twice(
    opener: Opener, mount: TcpMount, twin: Any
) -> None:
    mount.fail_next(Fault(cut_after=2, drop=True))
    with opener(mount.port, LineSettings()) as line:
        with pytest.raises(LinkClosed, match=r"went away during 'A\?'"):
            line.query("A?")
        assert line.query("B?") == "re: B"
    assert twin.lines == [b"A?", b"B?"]


def test_a_timed_out_connection_is_dropped_at_once(opener: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = opener(listener.getsockname()[1], LineSettings(timeout_s=0.1))
        peer, _ = listener.accept()
        with peer:
            with pytest.raises(LinkTimeout):
                line.query("A?")
            peer.settimeout(1.0)
            assert peer.recv(10) + peer.recv(10) == b"A?\n"


def test_a_peer_that_never_falls_silent_is_refused(
    opener: Opener, mount: TcpMount, twin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opener(mount.port, LineSettings(timeout_s=0.1)) as line:
        monkeypatch.setattr(line, "_receive", lambda _: b"12.5\n")
        with pytest.raises(LinkTimeout, match=r"never falls silent.*talk-only"):
            line.query("A?")
    assert twin.lines == []


@pytest.mark.parametrize("frames", [False, True])
def test_what_answers_without_end_does_not_fill_the_memory(
    opener: Opener, monkeypatch: pytest.MonkeyPatch, frames: bool
) -> None:
    """Something else streams at that address, from the moment that it is asked anything."""
    monkeypatch.setattr(exchange, "LONGEST_REPLY", 100_000)

    def stream(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(100)
            while True:
                connection.sendall(b"x" * 4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=stream, args=(listener,), daemon=True).start()
        with (
            opener(listener.getsockname()[1], LineSettings(timeout_s=10.0)) as line,
            pytest.raises(ProtocolError, match="does not end: it begins with b'xxxx"),
        ):
            line.exchange(b"ask", lambda _: None) if frames else line.query("*IDN?")


def test_a_peer_that_takes_nothing_is_a_timeout(opener: Opener) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        opener(listener.getsockname()[1], LineSettings(timeout_s=0.3)) as line,
    ):
        peer, _ = listener.accept()
        start = time.monotonic()
        with peer, pytest.raises(LinkTimeout, match="did not take"):
            line.write("x" * 30_000_000)
        assert time.monotonic() - start < 5.0


def test_quick_writes_do_not_wait_for_delayed_acknowledgements(
    opener: Opener, mount: TcpMount
) -> None:
    with opener(mount.port, LineSettings()) as line:
        connection = line._socket  # type: ignore[attr-defined]
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        taken_s = []
        for _ in range(9):
            start = time.monotonic()
            line.write("SET 5")
            line.write("SET 6")
            line.query("A?")
            taken_s.append(time.monotonic() - start)
        assert min(taken_s) < 0.03
