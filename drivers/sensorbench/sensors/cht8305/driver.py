"""CHT8305 over I2C: one measurement at a time, of temperature and humidity.

- The marking CHT83xx does not tell the protocol: a CHT8310 has the maker's word at another
  register, and a CHT832x knows no registers. Both are refused.
- There is no checksum, and no flag of a new result. The configuration comes along with every
  reading: a part that was reset behind the driver's back measures its supply, which `prepare` puts
  off, and that shows.
- The heater stays off. The supply's register is not read: nobody knows its scale
  (RobTillaart/CHT8305 README.md). Whether lower resolutions are faster is not known either, so that
  all of them are waited for alike.
Sources: sensylink/CHT8305 CHT8305.cpp (registers, formulas); RobTillaart/CHT8305 README.md and
CHT8305.cpp (bits, alert word, 14 ms; 7 ms failed on a real part). Supply and accuracy are recalled.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, Settings, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE
from sensorbench.links.i2c import I2cBus

TEMPERATURE_WORD, CONFIG, ALERT, MANUFACTURER, VERSION = 0x00, 0x02, 0x03, 0xFE, 0xFF
SENSYLINK = 0x5959
SOFT_RESET, BOTH = 0x8000, 0x1000
# What stays as it was written; the rest tells of the supply and of alerts.
WRITTEN_MASK = 0x77C4
TEMPERATURE_BITS: Mapping[float, int] = {14: 0x0000, 11: 0x0400}
HUMIDITY_BITS: Mapping[float, int] = {14: 0x0000, 11: 0x0100, 8: 0x0200}
MEASURING_S, RESET_S = 0.014, 0.015
FULL_SCALE, LOWEST_C, SPAN_C = 0xFFFF, -40.0, 165.0


def decode_words(data: bytes) -> tuple[int, int]:
    """Return the words of temperature and humidity. Raises ProtocolError for another length.

    >>> decode_words(bytes.fromhex("64008000"))
    (25600, 32768)
    """
    if len(data) != 4:
        raise ProtocolError(f"temperature and humidity are 4 bytes, got {len(data)}: {data.hex()}")
    temperature, humidity = struct.unpack(">2H", data)
    return temperature, humidity


def convert(
    temperature_raw: int, humidity_raw: int, temperature_bits: int = 14, humidity_bits: int = 14
) -> tuple[float, float]:
    """Return %RH and degC of words of so many bits. Raises Saturated at an end of the range.

    >>> humidity_rh, temperature_c = convert(25600, 32768)
    >>> round(humidity_rh, 5), round(temperature_c, 5)
    (50.00076, 24.45411)
    """
    if _is_end(temperature_raw, temperature_bits):
        raise Saturated(f"temperature is saturated: its word is {temperature_raw:#06x}")
    temperature_c = temperature_raw * SPAN_C / FULL_SCALE + LOWEST_C
    if _is_end(humidity_raw, humidity_bits):
        text = f"humidity is saturated: its word is {humidity_raw:#06x}"
        raise Saturated(text, (math.nan, temperature_c))
    return humidity_raw / FULL_SCALE * 100.0, temperature_c


def _is_end(word: int, bits: int) -> bool:
    return word == 0 or word >= FULL_SCALE << 16 - bits & FULL_SCALE


class AlertLimit(NamedTuple):
    """Above which the part alerts. It keeps them in steps of 0.79 %RH and 0.32 K."""

    humidity_rh: float
    temperature_c: float


def encode_limit(limit: AlertLimit) -> int:
    """Return the word of a limit, 7 bits of humidity above 9 of temperature, rounded down.

    Raises SetpointError for one that the part can't have.

    >>> hex(encode_limit(AlertLimit(60.0, 50.0)))
    '0x9916'
    """
    if not (0.0 <= limit.humidity_rh <= 100.0 and LOWEST_C <= limit.temperature_c <= 125.0):
        raise SetpointError(f"{limit} is no alert limit; allowed: 0 to 100 %RH, -40 to 125 degC")
    humidity = int(limit.humidity_rh * 127 / 100)
    return humidity << 9 | int((limit.temperature_c - LOWEST_C) * 511 / SPAN_C)


def decode_limit(word: int) -> AlertLimit:
    """Return the limit that a word means: its upper bits are those of a result.

    >>> limit = decode_limit(0x9916)
    >>> round(limit.humidity_rh, 4), round(limit.temperature_c, 4)
    (59.3759, 49.5912)
    """
    temperature_c = ((word & 0x1FF) << 7) * SPAN_C / FULL_SCALE + LOWEST_C
    return AlertLimit((word & 0xFE00) * 100.0 / FULL_SCALE, temperature_c)


class Cht8305:
    """CHT8305, 0 to 100 %RH, -40 to 125 degC. It has no number of its own."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("humidity", HUMIDITY, accuracy=3.0),
        Channel("temperature", TEMPERATURE, accuracy=0.5),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "temperature_resolution": Setting(14, tuple(TEMPERATURE_BITS)),
        "humidity_resolution": Setting(14, tuple(HUMIDITY_BITS)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.5, 5.5)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._started_s: float | None = None
        self._fetched = b""

    def identify(self) -> Identity:
        """Read maker and version. Raises WrongDevice if it is no CHT8305."""
        maker = self._read(MANUFACTURER)
        if maker != SENSYLINK:
            raise WrongDevice(
                f"register 0xfe at {self._where} is {maker:#06x}, a CHT8305 has {SENSYLINK:#06x}"
            )
        version = self._read(VERSION)
        if version == SENSYLINK:
            raise WrongDevice(
                f"{self._where} has the maker's word in both registers, as no CHT8305 has. Is it a "
                "CHT8310? Its temperature has another format"
            )
        return Identity("Sensylink", "CHT8305", firmware=f"{version:04X}")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and take the settings, both quantities measured together.

        Raises SetpointError for a setting that can't be, SettingsLost where it does not read back.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = self._started_s = None
        try:
            self._write(CONFIG, SOFT_RESET)
        except NotAcknowledged:
            self._clock.sleep(MEASURING_S)  # it may still measure for somebody else
            self._write(CONFIG, SOFT_RESET)
        self._clock.sleep(RESET_S)
        self._write(CONFIG, _configuration(asked))
        self._require(asked)
        self._settings = asked

    def start(self) -> float:
        """Start a measurement and return the seconds until it is ready. Call `prepare` first."""
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() resets the part; call it first")
        self._bus.transfer(self._address, bytes([TEMPERATURE_WORD]))
        self._started_s, self._fetched = self._clock.now(), b""
        return MEASURING_S

    def read(self) -> Block:
        """Return the measurement that was started: %RH and degC.

        Raises ProtocolError if it is not ready or saturated, or the part lost its settings,
        BenchError before `start`.
        """
        before_s = self._clock.now()
        if self._started_s is None or self._settings is None:
            raise BenchError(f"{self._where}: start() starts a measurement; call it first")
        waited_s, self._started_s = before_s - self._started_s, None
        # A read that comes too early is not acknowledged by some parts, and by others answered
        # with the result before.
        if waited_s < MEASURING_S - 1e-9:
            raise NotReady(
                f"{self._where} was read {waited_s * 1e3:.1f} ms after the start; a measurement "
                f"takes up to {MEASURING_S * 1e3:.0f} ms"
            )
        data = self._fetched or self._bus.transfer(self._address, b"", 4)
        self._require(self._settings)
        bits = [int(self._settings[f"{name}_resolution"]) for name in ("temperature", "humidity")]
        try:
            row = convert(*decode_words(data), *bits)
        except ProtocolError as error:
            raise error.at(self._where) from error
        return Block(np.array([row]), before_s, self._clock.now())

    # -- what a reading does not need ------------------------------------------------------

    def write_alert_limit(self, limit: AlertLimit) -> AlertLimit:
        """Set the limit until the next reset, and return it as the part has it, in its steps.

        Raises SetpointError for one that can't be, SettingsLost where it does not read back.
        """
        word = encode_limit(limit)
        self._write(ALERT, word)
        found = self._read(ALERT)
        if found != word:
            raise SettingsLost(f"{self._where}: wrote {word:#06x} as limit, {found:#06x} came back")
        return decode_limit(found)

    def read_alerts(self) -> tuple[bool, bool]:
        """Return whether the last measurement was above the limit: humidity, temperature."""
        found = self._read(CONFIG)
        return bool(found & 0x10), bool(found & 0x08)

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _require(self, settings: Settings) -> None:
        found, wanted = self._read(CONFIG), _configuration(settings)
        if found & WRITTEN_MASK != wanted:
            raise SettingsLost(
                f"{self._where}: the configuration is {found:#06x}, {wanted:#06x} was written. Did "
                "the supply dip, or does somebody else use this part? Prepare it again"
            )

    def _fetch(self) -> None:
        """Take a measurement that was started out of the part, as soon as it is ready.

        Its register can be named again only by measuring anew.
        """
        if self._started_s is not None and not self._fetched:
            self._clock.sleep(max(0.0, self._started_s + MEASURING_S - self._clock.now()))
            self._fetched = self._bus.transfer(self._address, b"", 4)

    def _read(self, register: int) -> int:
        self._fetch()
        # The maker's code ends the transfer before it reads.
        self._bus.transfer(self._address, bytes([register]))
        return int.from_bytes(self._bus.transfer(self._address, b"", 2), "big")

    def _write(self, register: int, word: int) -> None:
        self._fetch()
        self._bus.transfer(self._address, bytes([register]) + word.to_bytes(2, "big"))


def _configuration(settings: Settings) -> int:
    temperature = TEMPERATURE_BITS[float(settings["temperature_resolution"])]
    return BOTH | temperature | HUMIDITY_BITS[float(settings["humidity_resolution"])]
