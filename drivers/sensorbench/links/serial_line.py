"""A line over a serial port, through pyserial.

A serial port has no connection to drop: a reply that is late arrives, whatever is closed or
reopened (which would also pulse DTR and so reset many a board). So after an exchange without a
complete reply, the next one first waits: until one more deadline, and at least `SETTLE_S`, has
passed since the failure, and until nothing has come for `SETTLE_S`. All that comes is discarded.
Time that passed between the exchanges counts. A reply later than that can't be told from the next
one's by any link: give slow queries a `timeout_s` that is long enough.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from sensorbench.core.deadline import within
from sensorbench.core.errors import LinkClosed, LinkTimeout
from sensorbench.core.provenance import Provenance
from sensorbench.links.exchange import ExchangeLine
from sensorbench.links.line import LineSettings
from sensorbench.links.ready import ready
from sensorbench.links.tcp_line import not_listening

if TYPE_CHECKING:
    from serial import Serial

SETTLE_S = 0.5
OPENS_S, CLOSES_S = 15.0, 10.0
"""Deadlines of opening and closing, s: RFC 2217 negotiates for 8 s, its reader ends within 7 s."""
_DRAINS_S = 1.0
_NOISE_LIMIT_S = 10.0
# On Windows pyserial configures the port anew, and slowly, when a time-out is changed, so reads
# sleep in fixed slices; a byte ends a slice at once.
_SLICE_S = 0.02
_CHUNK = 65536


_PARITY = {"none": "N", "even": "E", "odd": "O", "mark": "M", "space": "S"}


class SerialLine(ExchangeLine):
    """A `Line` on `port` ("/dev/ttyUSB0", "COM3"), for this program alone.

    `port` may be one of pyserial's URLs, such as "rfc2217://192.168.1.9:4001": then others may have
    it, too. DTR and RTS stay as the system sets them when the port is opened, and on POSIX when it
    is closed too: the next program that opens it resets no board. The constructor opens it, and
    raises LinkClosed if it is missing, can't be set as asked, or another program has it.
    """

    _port: Serial

    def __init__(
        self,
        port: str,
        settings: LineSettings,
        name: str,
        provenance: Provenance = Provenance.HARDWARE,
    ) -> None:
        super().__init__(settings, name, provenance, port)
        self._wait_until: float | None = None
        self._connect()

    def _open(self) -> None:
        import serial  # noqa: PLC0415 - heavy

        settings = self._settings
        how: dict[str, Any] = {} if self._is_remote else {
            "write_timeout": settings.timeout_s, "exclusive": True,
        }  # fmt: skip

        def work() -> Serial:
            return serial.serial_for_url(
                self._where,
                settings.baud_rate,
                bytesize=settings.data_bits,
                parity=_PARITY[settings.parity],
                stopbits=settings.stop_bits,
                xonxoff=settings.flow_control == "xon/xoff",
                rtscts=settings.flow_control == "rts/cts",
                dsrdtr=settings.flow_control == "dsr/dtr",
                timeout=_SLICE_S,
                **how,
            )

        try:
            self._port = within(OPENS_S, work, f"to open {self._where}", _close)
        except (OSError, ValueError) as error:
            raise self._not_there(error) from error
        if not self._is_remote:
            _keep_dtr(self._port)

    def _not_there(self, error: Exception) -> LinkClosed:
        from serial.tools.list_ports import comports  # noqa: PLC0415 - heavy

        if self._is_remote:
            return not_listening(self.name, self._where, error)
        ports = ", ".join(sorted(port.device for port in comports())) or "none"
        return LinkClosed(
            f"{self.name}: {self._where} can't be opened ({error}). Is the adapter plugged in, "
            "does another program use it, may this user access it (group dialout)? "
            f"Serial ports of this machine: {ports}"
        )

    @property
    def _is_remote(self) -> bool:
        """Return whether bytes go through pyserial's own protocol, over the network."""
        return "://" in self._where and not self._where.startswith("hwgrep://")

    @property
    def _is_slow(self) -> bool:
        return self._is_remote or os.name == "nt"

    def _shut(self) -> None:
        port, drains = self._port, not self._is_slow
        with contextlib.suppress(TimeoutError):
            within(
                CLOSES_S,
                lambda: _drained(port) if drains else _close(port),
                f"to close {self._where}",
            )

    # Elsewhere the port is a descriptor: pyserial's own waiting, by select(), fails above 1023.

    def _send(self, data: bytes, timeout_s: float) -> None:
        # After a time-out the instrument keeps half a line. A terminator now could make a wrong
        # command of it.
        if self._is_slow:
            self._send_slowly(data, timeout_s)
            return
        deadline = time.monotonic() + timeout_s
        while data:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not ready([], [self._port.fileno()], left_s):
                raise TimeoutError(f"{len(data)} bytes were not taken within {timeout_s:g} s")
            data = data[os.write(self._port.fileno(), data) :]

    def _receive(self, timeout_s: float) -> bytes:
        if self._is_slow:
            return self._receive_slowly(timeout_s)
        if not ready([self._port.fileno()], timeout_s=timeout_s):
            return b""
        data = os.read(self._port.fileno(), _CHUNK)
        if not data:
            raise ConnectionError("it was unplugged")
        return data

    def _send_slowly(self, data: bytes, timeout_s: float) -> None:
        from serial import SerialTimeoutException  # noqa: PLC0415 - heavy

        # RFC 2217 as pyserial does it has no time-out for writing, and refuses one.
        if not self._is_remote and self._port.write_timeout != timeout_s:
            self._port.write_timeout = timeout_s
        try:
            self._port.write(data)
        except SerialTimeoutException as error:
            raise TimeoutError(str(error)) from error

    def _receive_slowly(self, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        while True:
            # All that is waiting in one call: byte by byte costs 0.25 ms each.
            if waiting := self._port.in_waiting:
                return self._port.read(waiting)
            if time.monotonic() >= deadline:
                return b""
            if first := self._port.read(1):
                return first + self._port.read(self._port.in_waiting)

    def _abandon(self, timeout_s: float) -> None:
        self._wait_until = time.monotonic() + max(timeout_s, SETTLE_S)

    def _clear_input(self) -> None:
        if self._wait_until is not None:
            self._wait_for_silence(self._wait_until)
            self._wait_until = None
            self.resynchronised += 1
        super()._clear_input()

    def _wait_for_silence(self, until: float) -> None:
        limit = max(until, time.monotonic()) + _NOISE_LIMIT_S
        while True:
            if self._receive(max(0.0, until - time.monotonic())):
                until = max(until, time.monotonic() + SETTLE_S)
            elif time.monotonic() >= until:
                return
            if time.monotonic() > limit:
                raise LinkTimeout(
                    f"{self.name}: {self._where} still sends {_NOISE_LIMIT_S:g} s after an answer "
                    "was due; nothing was sent. Is it in a talk-only mode, is the baud rate right?"
                )


def _drained(port: Serial) -> None:
    """Close a port; what it did not send by then is dropped.

    Linux waits 30 s at closing for a peer that holds the flow (closing_wait).
    """
    import termios  # noqa: PLC0415 - POSIX only

    end = time.monotonic() + _DRAINS_S
    with contextlib.suppress(OSError, termios.error):
        while port.out_waiting and time.monotonic() < end:
            time.sleep(_SLICE_S)
        if port.out_waiting:
            port.reset_output_buffer()
    _close(port)


def _close(port: Serial) -> None:
    with contextlib.suppress(OSError):  # one that was unplugged
        port.close()


def _keep_dtr(port: Serial) -> None:
    """Let the port keep DTR when it is closed (HUPCL off), so that opening it again is no pulse."""
    if sys.platform == "win32":
        return
    import termios  # noqa: PLC0415 - POSIX only

    with contextlib.suppress(termios.error):  # not every adapter takes it
        settings = termios.tcgetattr(port.fileno())
        settings[2] &= ~termios.HUPCL
        termios.tcsetattr(port.fileno(), termios.TCSANOW, settings)
