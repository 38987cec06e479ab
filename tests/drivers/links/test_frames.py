"""Frames, bytes that say themselves where they end: on every link, whole or not, one's own only."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
import serial

from sensorbench.core.errors import LinkTimeout, ProtocolError
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.links.mount import Fault, PtyMount, TcpMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine

FRAMES = LineSettings(write_terminator="", read_terminator="", timeout_s=0.3)


class Counting:
    """Answers with a byte that counts what follows, what came and, if told so, a second answer."""

    terminators: tuple[bytes, ...] = ()
    reply_terminator = b""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.doubled = False

    def handle(self, line: bytes) -> bytes | None:
        self.came.append(line)
        if line == b"silent":
            return None
        reply = bytes([len(line)]) + line
        return reply + (reply if self.doubled else b"")


def length_of(received: bytes) -> int | None:
    if received[:1] == b"\x04":
        raise ProtocolError("no frame has 4 bytes")
    return 1 + received[0] if received else None


@pytest.fixture
def twin() -> Counting:
    return Counting()


posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")


@pytest.fixture(params=["in-process", "tcp", pytest.param("pty", marks=posix)])
def line(request: pytest.FixtureRequest, twin: Counting) -> Iterator[FrameLine]:
    if request.param == "in-process":
        yield InProcessLine(twin, FRAMES, "part")
    elif request.param == "tcp":
        with TcpMount(twin) as mount, TcpLine(mount.host, mount.port, FRAMES, "part") as tcp:
            yield tcp
    else:
        with PtyMount(twin) as pty, SerialLine(pty.address, FRAMES, "part") as port:
            yield port


def test_any_bytes_travel_and_come_back(line: FrameLine) -> None:
    for sent in (b"\x00\r\n\xff\x7e", bytes(range(200)), b"\n"):
        assert line.exchange(sent, length_of) == bytes([len(sent)]) + sent


def test_a_doubled_reply_answers_nothing_else(line: FrameLine, twin: Counting) -> None:
    twin.doubled = True
    assert [line.exchange(sent, length_of) for sent in (b"a", b"bc")] == [b"\x01a", b"\x02bc"]


def test_no_answer_is_a_time_out_and_the_next_one_counts(line: FrameLine) -> None:
    with pytest.raises(LinkTimeout, match=r"73696c656e74: came nothing|73696c656e74 within"):
        line.exchange(b"silent", length_of)
    assert line.exchange(b"a", length_of) == b"\x01a"


def test_what_is_no_frame_is_the_protocols_error(line: FrameLine) -> None:
    with pytest.raises(ProtocolError, match="no frame has 4 bytes"):
        line.exchange(b"four", length_of)


def test_a_partial_reply_is_no_reply(twin: Counting) -> None:
    with TcpMount(twin) as mount, TcpLine(mount.host, mount.port, FRAMES, "part") as line:
        mount.fail_next(Fault(cut_after=2))
        with pytest.raises(LinkTimeout, match="came 0361"):
            line.exchange(b"abc", length_of)
        assert line.exchange(b"d", length_of) == b"\x01d"


@posix
def test_a_reply_that_is_late_answers_nothing_else(twin: Counting) -> None:
    with PtyMount(twin) as mount, SerialLine(mount.address, FRAMES, "part") as line:
        mount.fail_next(Fault(late_s=0.4))
        with pytest.raises(LinkTimeout):
            line.exchange(b"late", length_of)
        assert line.exchange(b"now", length_of) == b"\x03now"


@posix
def test_a_frame_ends_with_a_silence(twin: Counting) -> None:
    with PtyMount(twin) as mount, serial.Serial(mount.address, timeout=1.0) as port:
        port.write(b"one")
        assert port.read(4) == b"\x03one"
        time.sleep(0.02)
        port.write(b"two")
        assert port.read(4) == b"\x03two"
    assert twin.came == [b"one", b"two"]


def test_a_line_of_text_is_refused_where_frames_travel(twin: Counting) -> None:
    with pytest.raises(ValueError, match="frames alone travel here"):
        InProcessLine(twin, FRAMES, "part").query("*IDN?")
