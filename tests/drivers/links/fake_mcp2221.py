"""MCP2221As at the HID layer: 64-byte reports in and out, a simulated bus behind each.

Written from Microchip DS20005565E, section 3.1; the states of the engine are as EasyMCP2221's
constants name them, as the data sheet does not. Reports that write the flash or reset the chip are
counted and not done.
"""

from __future__ import annotations

from sensorbench.core.errors import LinkTimeout, NotAcknowledged
from sensorbench.links.i2c import SimulatedI2cBus

REPORT = 64
IDLE, START_TIMED_OUT, NO_ANSWER = 0x00, 0x12, 0x25
WRITING, WRITTEN_NO_STOP, READING, FULL, LAST = 0x41, 0x45, 0x50, 0x54, 0x55
STRINGS = {2: "Microchip Technology Inc.", 3: "MCP2221 USB-I2C/UART Combo"}


class Chip:
    """One MCP2221A. `wire` is what its engine did: S, Sr and P, with what was between."""

    def __init__(self, serial: str, bus: SimulatedI2cBus) -> None:
        self.serial, self.bus = serial, bus
        self.is_plugged = True
        self.is_mute = False
        self.tells_serial = True
        self.forbidden: list[int] = []
        self.speeds: list[int] = []
        self.wire: list[str] = []
        self._state = IDLE
        self._used = False
        self._busy = 0
        self._written = bytearray()
        self._to_read = b""

    def answer(self, report: bytes) -> bytes:
        """Return the 64 bytes that the chip answers a report with."""
        code = report[0]
        if code in (0xB1, 0xB2, 0x70):
            self.forbidden.append(code)
            return bytes([code, 1]).ljust(REPORT, b"\0")
        made = {0x10: self._status, 0xB0: self._flash, 0x40: self._get,
                0x90: self._write, 0x92: self._write, 0x94: self._write,
                0x91: self._read, 0x93: self._read}.get(code)  # fmt: skip
        body = made(report) if made else b"\0"
        return (bytes([code]) + body).ljust(REPORT, b"\0")

    def _status(self, report: bytes) -> bytes:
        found = bytearray(REPORT - 1)
        if report[2] == 0x10:
            self._state, self._written, self._to_read = IDLE, bytearray(), b""
        if report[3] == 0x20:
            self.speeds.append(round(12e6 / (report[4] + 2)))
            found[2] = 0x20
        state = self._state
        if self._busy:
            self._busy -= 1
            state = WRITING
        found[7], found[17] = state, 0x10
        found[20] = 0x60 if self._used else 0
        found[21], found[22] = 1, 0 if self.bus.stuck else 1
        return bytes(found)

    def _flash(self, report: bytes) -> bytes:
        if report[1] == 5:
            return b"\0\x08\0" + b"01234567"
        text = {**STRINGS, 4: self.serial}.get(report[1])
        if text is None:
            return b"\0\x0a\0"
        raw = text.encode("utf-16-le")
        return bytes([0, len(raw) + 2, 3]) + raw

    def _write(self, report: bytes) -> bytes:
        code, length = report[0], report[1] | report[2] << 8
        if self._busy:
            self._busy -= 1
            return bytes([1, WRITING])
        if self._state not in (IDLE, WRITTEN_NO_STOP):
            return bytes([1, self._state])
        self._used = True
        self._written += report[4 : 4 + min(60, length - len(self._written))]
        self._busy = 1
        if len(self._written) == length:
            data, self._written = bytes(self._written), bytearray()
            self.wire.append("Sr" if code == 0x92 else "S")
            self._engine(report[3] >> 1, data, 0, WRITTEN_NO_STOP if code == 0x94 else IDLE)
        return bytes([0])

    def _read(self, report: bytes) -> bytes:
        if self._state == WRITTEN_NO_STOP and report[0] != 0x93:
            return bytes([1, self._state])
        assert report[3] & 1
        self._used = True
        self.wire.append("Sr" if report[0] == 0x93 else "S")
        self._engine(report[3] >> 1, b"", report[1] | report[2] << 8, READING)
        self._busy = 1
        return bytes([0])

    def _engine(self, address: int, data: bytes, length: int, after: int) -> None:
        try:
            self._to_read = self.bus.transfer(address, data, length)
        except NotAcknowledged:
            after = NO_ANSWER
        except LinkTimeout:
            after = START_TIMED_OUT
        self.wire.append(f"{address:#04x} {data.hex() or length}")
        if after != WRITTEN_NO_STOP:
            self.wire.append("P")
        self._state = after

    def _get(self, report: bytes) -> bytes:
        if self._state != READING:
            return bytes([0x41, self._state, 127])
        if self._busy:
            self._busy -= 1
            return bytes([0x41, READING, 127])
        chunk, self._to_read = self._to_read[:60], self._to_read[60:]
        state = FULL if self._to_read else LAST
        if not self._to_read:
            self._state = IDLE
        return bytes([0, state, len(chunk)]) + chunk


class Hub:
    """What is plugged in; `hid.enumerate` and `hid.device` ask it."""

    def __init__(self, *chips: Chip) -> None:
        self.chips = list(chips)

    def enumerate(self, vendor: int, product: int) -> list[dict[str, object]]:
        assert (vendor, product) == (0x04D8, 0x00DD)
        return [
            {"path": f"1-{k}".encode(), "serial_number": c.serial if c.tells_serial else ""}
            for k, c in enumerate(self.chips)
            if c.is_plugged
        ]

    def device(self) -> Handle:
        return Handle(self)


class Handle:
    """A `hid.device`: what it says of a device that is gone is as hidapi 0.15 says it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._chip: Chip | None = None
        self._answer: bytes | None = None

    def open_path(self, path: bytes) -> None:
        chip = self._hub.chips[int(path.decode().rpartition("-")[2])]
        if not chip.is_plugged:
            raise OSError("open failed")
        self._chip = chip

    def write(self, report: list[int]) -> int:
        if self._chip is None:
            raise ValueError("not open")
        assert len(report) == REPORT + 1
        assert report[0] == 0
        if not self._chip.is_plugged:
            return -1
        self._answer = self._chip.answer(bytes(report[1:]))
        return len(report)

    def read(self, length: int, timeout_ms: int = 0) -> list[int]:
        if self._chip is None:
            raise ValueError("not open")
        if not self._chip.is_plugged:
            raise OSError("read error")
        assert timeout_ms > 0, "nothing may wait for ever"
        if self._chip.is_mute:
            return []
        answer, self._answer = self._answer, None
        assert answer is not None
        return list(answer[:length])

    def close(self) -> None:
        self._chip = None
