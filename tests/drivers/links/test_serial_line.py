"""SerialLine: one program a port, honest about ports that are missing, patient after a time-out."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
import serial
from serial.rfc2217 import PortManager

from sensorbench.core.errors import LinkClosed, LinkTimeout
from sensorbench.links import serial_line
from sensorbench.links.line import LineSettings
from sensorbench.links.mount import PtyMount
from sensorbench.links.serial_line import SerialLine

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")
PATIENT = LineSettings(timeout_s=5.0)
SOON_S = 0.2


@pytest.fixture
def mount(twin: Any) -> Iterator[PtyMount]:
    with PtyMount(twin) as mount:
        yield mount


def test_a_missing_port_is_named_together_with_those_that_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Found:
        device = "/dev/ttyUSB7"

    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [Found()])
    with pytest.raises(
        LinkClosed, match=r"chamber: /dev/ttyNONE can't be opened.*machine: /dev/ttyUSB7$"
    ):
        SerialLine("/dev/ttyNONE", PATIENT, "chamber")


def test_a_second_program_can_not_share_the_port(mount: PtyMount) -> None:
    with SerialLine(mount.address, PATIENT, "chamber"):
        with pytest.raises(LinkClosed, match="does another program use it"):
            SerialLine(mount.address, PATIENT, "rival")
        with pytest.raises(serial.SerialException):
            serial.Serial(mount.address, exclusive=True)
    with SerialLine(mount.address, PATIENT, "chamber") as line:
        assert line.query("A?") == "re: A"


def test_after_a_timeout_time_that_passed_anyway_is_not_waited_again(mount: PtyMount) -> None:
    with SerialLine(mount.address, PATIENT, "chamber") as line:
        with pytest.raises(LinkTimeout):
            line.query("SILENT", timeout_s=SOON_S)
        time.sleep(serial_line.SETTLE_S)
        start = time.monotonic()
        assert line.query("A?") == "re: A"
        assert time.monotonic() - start < serial_line.SETTLE_S


def test_after_a_timeout_a_silent_instrument_costs_one_more_deadline(mount: PtyMount) -> None:
    with SerialLine(mount.address, PATIENT, "chamber") as line:
        with pytest.raises(LinkTimeout):
            line.query("SILENT", timeout_s=0.7)
        start = time.monotonic()
        assert line.query("A?") == "re: A"
        assert 0.65 < time.monotonic() - start < 3.0
        start = time.monotonic()
        assert line.query("B?") == "re: B"
        assert time.monotonic() - start < 0.6


@contextmanager
def pty_pair() -> Iterator[tuple[int, str]]:
    """Yield the master of a pty, and the name of its slave."""
    import tty  # noqa: PLC0415 - POSIX only

    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_a_port_that_never_falls_silent_after_a_timeout_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serial_line, "_NOISE_LIMIT_S", 0.3)
    ended = threading.Event()

    def talk(master: int) -> None:
        while not ended.wait(0.02):
            os.write(master, b"x")

    with pty_pair() as (master, port):
        thread = threading.Thread(target=talk, args=(master,))
        thread.start()
        try:
            with SerialLine(port, PATIENT, "balance") as line:
                with pytest.raises(LinkTimeout, match="no complete answer"):
                    line.query("A?", timeout_s=SOON_S)
                with pytest.raises(LinkTimeout, match=r"balance: .* still sends .* talk-only"):
                    line.query("B?")
        finally:
            ended.set()
            thread.join()


def test_an_instrument_that_takes_nothing_is_a_timeout() -> None:
    with pty_pair() as (_, port), SerialLine(port, PATIENT, "chamber") as line:
        start = time.monotonic()
        with pytest.raises(LinkTimeout, match="did not take"):
            line.query("x" * 200_000 + "?", timeout_s=SOON_S)
        assert time.monotonic() - start < 5.0


def test_dtr_and_rts_are_left_alone(mount: PtyMount, monkeypatch: pytest.MonkeyPatch) -> None:
    touched: list[str] = []
    for name in ("dtr", "rts"):
        monkeypatch.setattr(
            serial.Serial, name, property(None, lambda *_, name=name: touched.append(name))
        )
    with SerialLine(mount.address, PATIENT, "chamber") as line:
        with pytest.raises(LinkTimeout):
            line.query("SILENT", timeout_s=SOON_S)
        assert line.query("A?") == "re: A"
    assert touched == []


def test_closing_leaves_dtr_so_that_the_next_opening_is_no_pulse(mount: PtyMount) -> None:
    termios = pytest.importorskip("termios")
    port = os.open(mount.address, os.O_RDWR | os.O_NOCTTY)
    try:
        before = termios.tcgetattr(port)
        before[2] |= termios.HUPCL
        termios.tcsetattr(port, termios.TCSANOW, before)
        SerialLine(mount.address, LineSettings(), "chamber").close()
        assert not termios.tcgetattr(port)[2] & termios.HUPCL
    finally:
        os.close(port)


def test_waiting_bytes_are_read_in_few_calls(
    mount: PtyMount, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    read = serial.Serial.read

    def counted(self: serial.Serial, size: int = 1) -> bytes:
        nonlocal calls
        calls += 1
        return read(self, size)

    monkeypatch.setattr(serial.Serial, "read", counted)
    with SerialLine(mount.address, PATIENT, "chamber") as line:
        assert len(line.query("x" * 2000 + "?")) == 2004
    assert calls < 200


def test_the_port_is_set_as_the_settings_say(mount: PtyMount) -> None:
    settings = LineSettings(
        timeout_s=5.0, baud_rate=19200, stop_bits=2, flow_control="rts/cts", data_bits=8
    )
    with SerialLine(mount.address, settings, "chamber") as line:
        port = line._port
        assert (port.baudrate, port.stopbits, port.rtscts, port.xonxoff) == (19200, 2, True, False)
        assert line.query("A?") == "re: A"


@pytest.mark.parametrize(("word", "letter"), [("even", "E"), ("odd", "O"), ("mark", "M")])
def test_parity_and_data_bits_reach_the_port(
    word: Any, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def refuse(*_: object, **how: Any) -> None:
        asked.update(how)
        raise ValueError("not supported here")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    settings = LineSettings(parity=word, data_bits=7, flow_control="xon/xoff")
    with pytest.raises(LinkClosed, match=r"can't be opened \(not supported here\)"):
        SerialLine("COM3", settings, "chamber")
    assert (asked["parity"], asked["bytesize"], asked["xonxoff"]) == (letter, 7, True)


def test_commands_keep_the_pause_between_them(mount: PtyMount) -> None:
    with SerialLine(mount.address, LineSettings(timeout_s=5.0, pause_s=0.15), "chamber") as line:
        line.query("A?")
        start = time.monotonic()
        line.query("A?")
        assert time.monotonic() - start >= 0.15


class WithoutModemLines(serial.Serial):
    """A pty as a port: it has no modem lines to be asked for."""

    cts = dsr = ri = cd = False

    def _update_dtr_state(self) -> None:
        pass

    _update_rts_state = _update_dtr_state


@contextmanager
def served_by_rfc2217(port: str) -> Iterator[str]:
    """Serve a serial port on TCP as a converter does, for one client."""
    with (
        WithoutModemLines(port, timeout=0.01) as real,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        listening.settimeout(5.0)
        stop = threading.Event()

        def serve() -> None:
            try:
                client = listening.accept()[0]
            except TimeoutError:
                return
            client.settimeout(0.01)
            manager = PortManager(real, SimpleNamespace(write=client.sendall))
            while not stop.is_set():
                with suppress(TimeoutError):
                    real.write(b"".join(manager.filter(client.recv(1024))))
                if data := real.read(real.in_waiting or 1):
                    client.sendall(b"".join(manager.escape(data)))
            client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"rfc2217://127.0.0.1:{listening.getsockname()[1]}"
        stop.set()
        thread.join()


def test_a_port_behind_a_converter_is_reached_by_rfc_2217(mount: PtyMount) -> None:
    with served_by_rfc2217(mount.address) as url, SerialLine(url, PATIENT, "chamber") as line:
        assert line.query("A?") == "re: A"
        assert line.query("B?") == "re: B"
        with pytest.raises(LinkTimeout):
            line.query("SILENT", timeout_s=SOON_S)
        assert line.query("A?") == "re: A"


def test_a_converter_that_is_not_there_is_named_and_no_cable_of_this_machine() -> None:
    with pytest.raises(LinkClosed, match=r"nothing listens at rfc2217://127\.0\.0\.1:1") as found:
        SerialLine("rfc2217://127.0.0.1:1", PATIENT, "chamber")
    assert "dialout" not in str(found.value)
