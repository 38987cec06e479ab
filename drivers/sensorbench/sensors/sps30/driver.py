"""SPS30 over its UART (SHDLC): the newest of what it measures by itself, once a second.

- It measures PM1 and PM2.5, and computes the rest of a usual distribution of sizes: only what it
  measures has an accuracy here.
- `prepare` waits until the fan blows evenly and the counts are settled, 30 s in clean air.
- The auto-cleaning interval outlives the supply (WEARING): nothing here writes it. `clean_fan`
  blows for 10 s, in which the values stand still.
Sources: Sensirion/embedded-uart-sps sps30.c (commands, floats, 1 s). Recalled of data sheet 1.0:
the status register, integers, the times of start-up and cleaning, accuracy and supply.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    InstrumentError,
    LinkTimeout,
    NotReady,
    ProtocolError,
    Saturated,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import MASS_CONCENTRATION, NUMBER_CONCENTRATION, PARTICLE_SIZE
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.shdlc import DEVICE_ERROR, STATES, answer_length, frame, parse

ADDRESS = 0
START, STOP, READ, SLEEP, WAKE_UP, CLEAN = 0x00, 0x01, 0x03, 0x10, 0x11, 0x56
CLEANING_INTERVAL, INFORMATION, VERSION, STATUS = 0x80, 0xD0, 0xD1, 0xD2
PRODUCT_TYPE, SERIAL_NUMBER = b"\x00", b"\x03"
TYPE = "00080000"
NOT_NOW = 0x43
WEARING: Mapping[str, str] = {"0x80 with an interval": "the auto-cleaning interval, kept for good"}
"""Commands that this driver never sends."""
FORMATS: Mapping[str, bytes] = {"float": b"\x01\x03", "integer": b"\x01\x05"}
VALUES = 10
MOST = 0xFFFF  # of an integer
PERIOD_S, SLOWEST, SETTLES_S, CLEANS_S = 1.0, 1.1, 30.0, 10.0
ERRORS: Mapping[int, str] = {
    1 << 21: "the fan's speed is out of range", 1 << 5: "the laser failed",
    1 << 4: "the fan is blocked or broken",
}  # fmt: skip


def decode(data: bytes, output: str) -> tuple[float, ...]:
    """Return ug/m3 (PM1, 2.5, 4, 10), 1/cm3 (PM0.5, 1, 2.5, 4, 10) and the typical size in um.

    Integers tell the size in nm. Raises NotReady without data, ProtocolError for what is no value,
    Saturated for an integer at its end.

    >>> decode(b"", "float")
    Traceback (most recent call last):
        ...
    sensorbench.core.errors.NotReady: no new measurement
    >>> decode(struct.pack(">10H", 1, 2, 3, 4, 5, 6, 7, 8, 9, 650), "integer")[-1]
    0.65
    """
    if not data:
        raise NotReady("no new measurement")
    layout = ">10f" if output == "float" else ">10H"
    if len(data) != struct.calcsize(layout):
        raise ProtocolError(f"{VALUES} values in {output} format are {struct.calcsize(layout)} "
                            f"bytes, {len(data)} came")  # fmt: skip
    found = [float(value) for value in struct.unpack(layout, data)]
    wrong = [value for value in found if not math.isfinite(value) or value < 0]
    if wrong:
        raise ProtocolError(f"{wrong[0]} is no concentration: {data.hex()}")
    if output == "integer":
        if MOST in found:
            raise Saturated(f"an integer is at its end, {MOST}: choose format 'float'")
        found[-1] /= 1000.0
    return tuple(found)


class Sps30:
    """SPS30, 0 to 1000 ug/m3, 0 to 3000 particles a cm3, -10 to 60 degC."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="", read_terminator="", timeout_s=0.5, baud_rate=115_200
    )
    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("mass_pm1", MASS_CONCENTRATION),
        Channel("mass_pm2_5", MASS_CONCENTRATION, accuracy=10.0),
        Channel("mass_pm4", MASS_CONCENTRATION),
        Channel("mass_pm10", MASS_CONCENTRATION),
        Channel("number_pm0_5", NUMBER_CONCENTRATION),
        Channel("number_pm1", NUMBER_CONCENTRATION),
        Channel("number_pm2_5", NUMBER_CONCENTRATION, accuracy=100.0),
        Channel("number_pm4", NUMBER_CONCENTRATION),
        Channel("number_pm10", NUMBER_CONCENTRATION),
        Channel("typical_size", PARTICLE_SIZE),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {"format": Setting("float", tuple(FORMATS))}
    SUPPLY_V: ClassVar[tuple[float, float]] = (4.5, 5.5)

    def __init__(self, line: FrameLine, clock: Clock) -> None:
        self._line, self._clock = line, clock
        self._format = ""
        self._ready_s: float | None = None

    def identify(self) -> Identity:
        """Read product type, serial number and firmware. Raises ProtocolError for another part."""
        product = self._text(PRODUCT_TYPE)
        if product != TYPE:
            raise WrongDevice(f"{self._line.name}: product type {product!r}, an SPS30 has {TYPE!r}")
        version = self._ask(VERSION)
        if len(version) < 2:
            raise ProtocolError(f"{self._line.name}: {version.hex()} is no version")
        serial = self._text(SERIAL_NUMBER)
        return Identity("Sensirion", "SPS30", serial, f"{version[0]}.{version[1]}")

    def prepare(self, **settings: Any) -> None:
        """Bring the part from wherever it is to measuring, and wait until it is settled.

        Raises SetpointError for a setting that can't be, ProtocolError where it reports an error.
        """
        output = str(chosen(self.SETTINGS, settings)["format"])
        self._format, self._ready_s = "", None
        try:
            self._stop()
        except LinkTimeout:  # it may sleep: a byte opens its UART for 100 ms, then it hears this
            self._ask(WAKE_UP, before=b"\xff")
            self._stop()
        self._ask(START, FORMATS[output])
        self._clock.sleep(SETTLES_S)
        self._check_status()
        self._format = output

    def start(self) -> float:
        """Drop what is there, and return the seconds until a new measurement is; `prepare` first.

        Raises BenchError before `prepare`.
        """
        if not self._format:
            raise BenchError(f"{self._line.name}: prepare() starts the part; call it first")
        self._ask(READ)
        wait_s = SLOWEST * PERIOD_S
        self._ready_s = self._clock.now() + wait_s
        return wait_s

    def read(self) -> Block:
        """Return the newest measurement, CHANNELS in order.

        Raises ProtocolError if it is not ready, damaged or the part reports an error, BenchError
        before `start`, InstrumentError where it does not measure: did its supply dip?
        """
        before_s = self._clock.now()
        if self._ready_s is None:
            raise BenchError(f"{self._line.name}: start() begins a reading; call it first")
        self._ready_s = None
        data = self._ask(READ)
        try:
            row = decode(data, self._format)
        except ProtocolError as error:
            raise type(error)(f"{self._line.name}: {error}") from error
        return Block(np.array([row]), before_s, self._clock.now())

    def clean_fan(self) -> None:
        """Blow the fan clean, which takes 10 s; the part must measure."""
        self._ask(CLEAN)
        self._clock.sleep(CLEANS_S)

    def read_cleaning_interval(self) -> int:
        """Return how often it cleans its fan by itself, s; 0 is never."""
        return int.from_bytes(self._ask(CLEANING_INTERVAL, b"\x00"), "big")

    # --------------------------------------------------------------------------------------

    def _stop(self) -> None:
        with suppress(InstrumentError):  # it idles
            self._ask(STOP)

    def _text(self, which: bytes) -> str:
        raw = self._ask(INFORMATION, which)
        text = raw.partition(b"\x00")[0]
        if not text or not text.isascii() or not text.decode("ascii").isprintable():
            raise ProtocolError(f"{self._line.name}: {raw.hex()} is no text")
        return text.decode("ascii")

    def _check_status(self) -> None:
        found = int.from_bytes(self._ask(STATUS, b"\x00", looks=False)[:4], "big")
        wrong = [text for bit, text in ERRORS.items() if found & bit]
        if wrong:
            raise ProtocolError(
                f"{self._line.name}: the part reports that {', '.join(wrong)} (status "
                f"{found:#010x}). Is its inlet free? Clean its fan, or take another part"
            )

    def _ask(
        self, command: int, data: bytes = b"", *, before: bytes = b"", looks: bool = True
    ) -> bytes:
        sent = before + frame(ADDRESS, command, data)
        try:
            answer = parse(self._line.exchange(sent, answer_length), ADDRESS, command)
        except ProtocolError as error:
            raise type(error)(f"{self._line.name}: {error}") from error
        refused = answer.state & ~DEVICE_ERROR
        if refused:
            text = STATES.get(refused, "no known reason")
            raise InstrumentError(f"{self._line.name}, command {command:#04x}", refused, text)
        if looks and answer.state & DEVICE_ERROR:
            self._check_status()
        return answer.data
