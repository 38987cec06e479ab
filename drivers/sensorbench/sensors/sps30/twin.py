"""A simulated SPS30 on a serial line.

Sources: Sensirion/embedded-uart-sps sps30.c and sensirion_shdlc.c (commands, stuffing, checksum,
floats, one measurement a second). Recalled of data sheet 1.0: states, status register, integers,
sleep, product type, 55 mA. Estimates: spread, noise, shares of the sizes, how long it boots.

- Frames may come in pieces; bytes between frames are dropped. Asleep it answers nothing: a byte
  opens its UART for 100 ms, in which it hears a wake-up.
- One aerosol: mass and number in the world are those to 2.5 um, other sizes are fixed shares.
- What outlives the supply is counted: `wearing_acts`.
- Not modelled: the wait until counts settle, dust on the optics; an automatic cleaning is noted.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import ClassVar

from sensorbench.sensors.simulated import PowerOnReset, factory_number, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_DEAD_BELOW_V, _BOOTS_S = 4.0, 0.05
_MASS_SHARES = (0.94, 1.0, 1.02, 1.03)
_NUMBER_SHARES = (0.86, 0.99, 1.0, 1.001, 1.002)
_EVERY_S, _CLEANS_S, _LISTENS_S = 1.0, 10.0, 0.1
_WEEK_S = 604_800
_LONGEST = 600
_TOO_SHORT, _UNKNOWN, _ILLEGAL, _NOT_NOW = 0x01, 0x02, 0x04, 0x43
_FORMATS = {b"\x01\x03": "f", b"\x01\x05": "H"}
_FAN_STANDS = 1 << 4


class SimSps30:
    """One part at a place in the world, with its own gain, offset and noise."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "crc", "identity", "self_test", "silent",
    )  # fmt: skip
    COMMANDS: ClassVar[Mapping[str, str]] = {
        "00": "starts to measure, in floats or integers", "01": "stops",
        "03": "gives the newest measurement, once", "10": "sleeps", "11": "wakes up",
        "56": "cleans its fan", "80": "reads or writes the auto-cleaning interval",
        "d0": "tells product type or serial number", "d1": "tells its versions",
        "d2": "tells its status register", "d3": "resets",
    }  # fmt: skip

    terminators: tuple[bytes, ...] = ()
    reply_terminator = b""

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self.wearing_acts = 0
        self._place, self._clock = place, place.clock
        self._gain = 1.0 + screened(place, "gain", 0.03)
        self._mass_offset = screened(place, "mass offset", 1.0)
        self._ageing = screened(place, "ageing", 0.01)
        self._number = factory_number(place, 8)
        self._interval_s = int(place.recall("sps30 interval") or _WEEK_S)
        self._power = PowerOnReset(place, _DEAD_BELOW_V, self._boot, self._refresh)
        self._boot()

    def _boot(self) -> None:
        self._awake_s = self._power.since_s + _BOOTS_S
        self._restart()

    def _restart(self) -> None:
        self._heard = b""
        self._format, self._data = "", b""
        self._sleeps = False
        self._listens_until_s = self._cleans_until_s = float("-inf")
        self._conversions = Conversions()

    def supply_current_a(self) -> float:
        """Return the current it draws: asleep, idle, measuring."""
        if not self._power.is_on():
            return 0.0
        if self._sleeps:
            return 40e-6
        return 55e-3 if self._format else 330e-6

    # -- the line --------------------------------------------------------------------------

    def handle(self, line: bytes) -> bytes | None:
        """Take bytes as they come, and return the answers to the frames that they complete."""
        if not self._power.is_on() or self._place.fault() == "silent":
            return None
        self._refresh()
        now_s = self._clock.now()
        if not reached(now_s, self._awake_s):
            return None
        if self._sleeps and not now_s <= self._listens_until_s:
            self._listens_until_s = now_s + _LISTENS_S
        self._heard = (self._heard + line)[-_LONGEST:]
        answers = b""
        while True:
            begin = self._heard.find(b"~")
            end = self._heard.find(b"~", begin + 1)
            if begin < 0 or end < 0:
                break
            inside = self._heard[begin + 1 : end]
            # Two flags in a row: the first ended what was lost, the second begins.
            self._heard = self._heard[end + 1 if inside else end :]
            answers += self._answer(inside) if inside else b""
        return answers or None

    def _answer(self, inside: bytes) -> bytes:
        body = _without_stuffing(inside)
        if len(body) < 4 or sum(body) & 0xFF != 0xFF or body[0] != 0 or body[2] != len(body) - 4:
            return b""
        command, data = body[1], body[3:-1]
        if self._sleeps and command != 0x11:
            return b""
        state, told = self._do(command, data)
        if self._status():
            state |= 0x80
        answer = bytes([0, command, state, len(told)]) + told
        total = ~sum(answer) & 0xFF
        if self._place.fault() == "crc":
            total ^= 0x04
        return b"~" + _stuffed(answer + bytes([total])) + b"~"

    def _do(self, command: int, data: bytes) -> tuple[int, bytes]:
        """Return state and data of the answer to a command."""
        if command == 0x00:
            return self._start(data), b""
        if command in (0x01, 0x03, 0x56) and not self._format:
            return _NOT_NOW, b""
        if command == 0x03:
            told, self._data = self._data, b""
            return 0, told
        if command == 0x01:
            self._format, self._data, self._conversions = "", b"", Conversions()
        elif command == 0x56:
            self._cleans_until_s = self._clock.now() + _CLEANS_S
        elif command == 0x10:
            if self._format:
                return _NOT_NOW, b""
            self._sleeps = True
        elif command == 0x11:
            if not self._sleeps:
                return _NOT_NOW, b""
            self._sleeps = False
        elif command == 0xD3:
            self._awake_s = self._clock.now() + _BOOTS_S
            self._restart()
        else:
            return self._tell(command, data)
        return 0, b""

    def _start(self, data: bytes) -> int:
        if self._format:
            return _NOT_NOW
        if data not in _FORMATS:
            return _ILLEGAL if len(data) == 2 else _TOO_SHORT
        self._format = _FORMATS[data]
        self._conversions = Conversions(self._clock.now(), _EVERY_S, _EVERY_S)
        return 0

    def _tell(self, command: int, data: bytes) -> tuple[int, bytes]:
        if command == 0x80 and data == b"\x00":
            return 0, self._interval_s.to_bytes(4, "big")
        if command == 0x80 and len(data) == 5 and data[0] == 0:
            self.wearing_acts += 1
            self._interval_s = int.from_bytes(data[1:], "big")
            self._place.remember("sps30 interval", str(self._interval_s))
            return 0, b""
        if command == 0xD0 and data in (b"\x00", b"\x03"):
            product = "00090000" if self._place.fault() == "identity" else "00080000"
            text = product if data == b"\x00" else self._number.hex().upper()
            return 0, text.encode() + b"\x00"
        if command == 0xD1 and not data:
            return 0, bytes([2, 3, 0, 7, 0, 2, 0])
        if command == 0xD2 and data in (b"\x00", b"\x01"):
            return 0, self._status().to_bytes(4, "big") + b"\x00"
        if command in (0x80, 0xD0, 0xD1, 0xD2):
            return _ILLEGAL if data else _TOO_SHORT, b""
        self.beyond.note(f"command {command:#04x}")
        return _UNKNOWN, b""

    def _status(self) -> int:
        return _FAN_STANDS if self._place.fault() == "self_test" else 0

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurements that have ended by now; the last one is kept."""
        due = self._conversions.due(self._clock.now())
        if not due:
            return
        ended_s = self._conversions.take(due)
        if ended_s - self._conversions.began_s > self._interval_s > 0:
            self.beyond.note("automatic fan cleaning")
        if ended_s < self._cleans_until_s:
            return
        values = self._values(ended_s)
        if self._format == "H":
            whole = [*values[:-1], 1000.0 * values[-1]]
            self._data = struct.pack(">10H", *(min(65_535, round(value)) for value in whole))
        else:
            self._data = struct.pack(">10f", *values)

    def _values(self, at_s: float) -> list[float]:
        place, fault = self._place, self._place.fault(at_s)
        if fault == "stuck":
            return [3.0] * 4 + [20.0] * 5 + [0.5]
        louder, counter = 50.0 if fault == "noise" else 1.0, round(at_s * 1e6)
        gain = self._gain * (0.5 if fault == "drift" else 1.0)
        gain *= 1.0 + self._ageing * (place.stress_h(at_s) / 1000) ** 0.5
        mass, number, size = (
            place.scalar(name, at_s)
            for name in ("mass_concentration", "number_concentration", "particle_size")
        )
        noise = [
            louder * place.stream(f"{name} noise").normal(counter)
            for name in ("mass", "number", "size")
        ]
        mass = max(0.0, mass * gain * (1.0 + 0.01 * noise[0]) + self._mass_offset * (mass > 0))
        number = max(0.0, number * gain * (1.0 + 0.01 * noise[1]))
        size = max(0.0, size * (1.0 + 0.005 * noise[2]))
        return [
            *(mass * share for share in _MASS_SHARES),
            *(number * share for share in _NUMBER_SHARES),
            size,
        ]


def _stuffed(data: bytes) -> bytes:
    for byte in (b"\x7d", b"\x7e", b"\x11", b"\x13"):  # the escape itself first
        data = data.replace(byte, bytes([0x7D, byte[0] ^ 0x20]))
    return data


def _without_stuffing(data: bytes) -> bytes:
    """Return the bytes that travelled stuffed, b"" where the stuffing is wrong."""
    first, *rest = data.split(b"\x7d")
    if not all(part and part[0] ^ 0x20 in (0x7D, 0x7E, 0x11, 0x13) for part in rest):
        return b""
    return first + b"".join(bytes([part[0] ^ 0x20]) + part[1:] for part in rest)
