"""What every line over a real port keeps: TCP, serial and VISA alike."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import pytest

from sensorbench.core.errors import LinkClosed, LinkTimeout, ProtocolError
from sensorbench.core.provenance import Provenance
from sensorbench.links.exchange import ExchangeLine
from sensorbench.links.line import LineSettings
from sensorbench.links.mount import Fault, PtyMount, TcpMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.links.visa_line import VisaLine

PATIENT = LineSettings(timeout_s=5.0)
SOON_S = 0.2


def open_tcp(address: str, settings: LineSettings) -> ExchangeLine:
    host, port = address.split(":")
    return TcpLine(host, int(port), settings, "chamber")


def open_visa(address: str, settings: LineSettings) -> ExchangeLine:
    return VisaLine(f"TCPIP::{address.replace(':', '::')}::SOCKET", settings, "chamber")


def open_serial(address: str, settings: LineSettings) -> ExchangeLine:
    return SerialLine(address, settings, "chamber")


class Kind(Protocol):
    """One kind of link under test; `open` closes its lines at the end of the test."""

    is_serial: bool

    def mount(self, twin: Any) -> Any: ...
    def open(self, address: str, settings: LineSettings = PATIENT) -> ExchangeLine: ...


@pytest.fixture(
    params=[
        pytest.param((open_tcp, TcpMount), id="tcp"),
        pytest.param((open_visa, TcpMount), id="visa"),
        pytest.param(
            (open_serial, PtyMount),
            id="serial",
            marks=pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX"),
        ),
    ]
)
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    opener, mount_class = request.param
    with ExitStack() as stack:

        class TheKind:
            is_serial = opener is open_serial

            def mount(self, twin: Any) -> Any:
                return stack.enter_context(mount_class(twin))

            def open(self, address: str, settings: LineSettings = PATIENT) -> ExchangeLine:
                line: ExchangeLine = opener(address, settings)
                return stack.enter_context(line)

        yield TheKind()


@pytest.fixture
def mount(kind: Kind, twin: Any) -> Any:
    return kind.mount(twin)


@pytest.fixture
def line(kind: Kind, mount: Any) -> ExchangeLine:
    return kind.open(mount.address)


Send = Callable[[bytes], object]


@contextmanager
def raw_peer(kind: Kind, play: Callable[[Send, threading.Event], None]) -> Iterator[str]:
    """Serve one client with `play(send, ended)` once its first line came; yield the address."""
    ended = threading.Event()
    with ExitStack() as stack:
        if kind.is_serial:
            import tty  # noqa: PLC0415 - POSIX only

            master, slave = os.openpty()
            stack.callback(os.close, master)
            stack.callback(os.close, slave)
            tty.setraw(slave)
            address = os.ttyname(slave)

            def serve() -> None:
                os.read(master, 100)
                play(lambda data: os.write(master, data), ended)
        else:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            address = "127.0.0.1:{1}".format(*listener.getsockname())

            def serve() -> None:
                client, _ = listener.accept()
                with client:
                    client.recv(100)
                    try:
                        play(client.sendall, ended)
                    except OSError:
                        return  # the line under test may drop the connection

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        stack.callback(thread.join, 5.0)
        stack.callback(ended.set)
        yield address


def test_lines_and_replies_travel(line: ExchangeLine, twin: Any) -> None:
    line.write("SET 5")
    assert line.query("A?") == "re: A"
    assert twin.lines == [b"SET 5", b"A?"]
    assert line.provenance is Provenance.HARDWARE
    assert line.resynchronised == 0


def test_terminators_are_those_of_the_settings(kind: Kind, make_twin: Callable[..., Any]) -> None:
    mount = kind.mount(make_twin((b"\r",), b"\r\n"))
    settings = LineSettings(write_terminator="\r", read_terminator="\r\n", timeout_s=2.0)
    assert kind.open(mount.address, settings).query("A?") == "re: A"


def test_a_long_reply_comes_whole(kind: Kind, mount: Any) -> None:
    line = kind.open(mount.address)
    assert line.query("x" * 30_000 + "?") == "re: " + "x" * 30_000


def test_a_silent_instrument_is_a_timeout_that_says_so(line: ExchangeLine) -> None:
    start = time.monotonic()
    with pytest.raises(
        LinkTimeout, match=r"chamber: no complete answer to 'SET 5' within 0.2 s .* came nothing"
    ):
        line.query("SET 5", timeout_s=SOON_S)
    assert 0.19 < time.monotonic() - start < 2.0


def test_an_incomplete_reply_is_shown(line: ExchangeLine, mount: Any) -> None:
    mount.fail_next(Fault(cut_after=3))
    with pytest.raises(LinkTimeout, match=r"expected a line that ends in b'\\n', came b're:'"):
        line.query("A?", timeout_s=SOON_S)
    assert line.query("B?") == "re: B"


@pytest.mark.parametrize("late_s", [0.3, 0.5])
def test_a_late_reply_never_answers_the_next_query(
    line: ExchangeLine, mount: Any, twin: Any, late_s: float
) -> None:
    mount.fail_next(Fault(late_s=late_s))
    with pytest.raises(LinkTimeout):
        line.query("A?", timeout_s=SOON_S)
    assert line.query("B?") == "re: B"
    assert line.query("C?") == "re: C"
    assert twin.lines == [b"A?", b"B?", b"C?"]
    assert line.resynchronised == 1


def test_a_late_reply_does_not_reach_past_a_write(line: ExchangeLine, mount: Any) -> None:
    mount.fail_next(Fault(late_s=0.3))
    with pytest.raises(LinkTimeout):
        line.query("A?", timeout_s=SOON_S)
    line.write("SET 5")
    assert line.query("B?") == "re: B"


def test_an_interrupted_query_leaves_nothing_behind(
    line: ExchangeLine, mount: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount.fail_next(Fault(late_s=0.05))

    def interrupt(timeout_s: float) -> bytes:
        if timeout_s:
            monkeypatch.undo()
            raise KeyboardInterrupt
        return b""

    monkeypatch.setattr(line, "_receive", interrupt)
    with pytest.raises(KeyboardInterrupt):
        line.query("A?", timeout_s=SOON_S)
    assert line.query("B?") == "re: B"


def test_a_slow_query_can_have_its_own_deadline(kind: Kind, mount: Any) -> None:
    line = kind.open(mount.address, LineSettings(timeout_s=SOON_S))
    mount.fail_next(Fault(late_s=0.3))
    assert line.query("A?", timeout_s=5.0) == "re: A"
    assert line.resynchronised == 0


@pytest.mark.parametrize("gap_s", [0.1, 0.005])
def test_a_reply_that_trickles_in_does_not_stretch_the_deadline(kind: Kind, gap_s: float) -> None:
    def dribble(send: Send, ended: threading.Event) -> None:
        while not ended.wait(gap_s):
            send(b"x")

    with raw_peer(kind, dribble) as address:
        line = kind.open(address, LineSettings(timeout_s=0.3))
        start = time.monotonic()
        with pytest.raises(LinkTimeout, match=r"came b'x+'"):
            line.query("A?")
        assert 0.29 < time.monotonic() - start < 2.0


def test_what_came_unasked_is_no_answer(kind: Kind) -> None:
    sent, asked = threading.Event(), threading.Event()

    def chatter(send: Send, _: threading.Event) -> None:
        send(b"door opened\n")
        sent.set()
        asked.wait(5.0)
        time.sleep(0.05)
        send(b"23.5\n")

    with raw_peer(kind, chatter) as address:
        line = kind.open(address)
        line.write("TALK")
        sent.wait(5.0)
        time.sleep(0.05)
        asked.set()
        assert line.query("TEMP?") == "23.5"


def test_two_threads_on_one_line_get_their_own_replies(line: ExchangeLine, twin: Any) -> None:
    wrong: list[str] = []

    def talk(who: int) -> None:
        for number in range(30):
            if (reply := line.query(f"{who}.{number}?")) != f"re: {who}.{number}":
                wrong.append(reply)

    threads = [threading.Thread(target=talk, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(twin.lines) == 120


def test_a_peer_that_goes_away_while_asked_is_named(
    kind: Kind, line: ExchangeLine, mount: Any
) -> None:
    mount.fail_next(Fault(late_s=30.0))
    closing = threading.Timer(0.05, mount.close)
    closing.start()
    start = time.monotonic()
    with pytest.raises(LinkClosed, match=r"chamber: .* went away during 'A\?'"):
        line.query("A?")
    assert time.monotonic() - start < 2.0
    closing.join()
    with pytest.raises(
        LinkClosed, match="can't be opened" if kind.is_serial else "nothing listens"
    ):
        line.query("B?")


def test_a_reply_that_is_no_text_shows_its_bytes(line: ExchangeLine) -> None:
    with pytest.raises(ProtocolError, match=r"'GARBAGE\?' is not ascii text: b'\\xff\\xfe'"):
        line.query("GARBAGE?")
    assert line.query("A?") == "re: A"


def test_two_lines_in_one_are_refused(line: ExchangeLine, twin: Any) -> None:
    with pytest.raises(ValueError, match="more than one line"):
        line.query("A?\nB?")
    assert line.query("C?") == "re: C"
    assert twin.lines == [b"C?"]


def test_a_closed_line_stays_closed(line: ExchangeLine) -> None:
    line.close()
    line.close()
    with pytest.raises(LinkClosed, match="was closed by this program"):
        line.query("A?")


def test_a_line_without_a_read_terminator_is_refused(kind: Kind, mount: Any) -> None:
    with pytest.raises(ValueError, match="a reply has no end"):
        kind.open(mount.address, LineSettings(read_terminator=""))
