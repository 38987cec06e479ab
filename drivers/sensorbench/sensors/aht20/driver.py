"""AHT20 over I2C: one measurement at a time. It has no settings, and no number of its own.

- The status is read without a command: 0x71 before it keeps some parts busy for ever
  (anglerud/aht20-driver pull 10).
- Lots of 2020 are not calibrated before they are told so (0xBE), later ones are; some of those
  do not acknowledge the command (adafruit/Adafruit_AHTX0 pull 13). The status decides.
- All zeros are no measurement: a part whose supply dipped has none (enjoyneering/AHT10 issue 2).
- Not done: the registers 0x1B, 0x1C and 0x1E, which sheets of 2021 have written anew where a part
  is not calibrated. Such a part is refused.
Sources: Aosong AHT20 data sheet 1.0, sections 7 and 8; libdriver/aht20 src/driver_aht20.c. The
supply is recalled. AHT10 and AHT15 have no checksum: they identify alike and fail at the first
reading.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    ChecksumError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE
from sensorbench.links.i2c import I2cBus
from sensorbench.protocols.checksums import crc8

MEASURE, INITIALISE, SOFT_RESET = b"\xac\x33\x00", b"\xbe\x08\x00", b"\xba"
ANSWER_BYTES = 7
BUSY, CALIBRATED, READY_MASK = 0x80, 0x08, 0x18
ALWAYS_MASK, ALWAYS = 0x70, 0x10  # idle 0x18 or 0x1C, busy 0x98 or 0x9C, not calibrated 0x10
MEASURING_S, RESET_S, INITIALISE_S, SETTLE_S = 0.080, 0.020, 0.010, 0.010
FULL_SCALE = 1 << 20


def decode_answer(answer: bytes) -> tuple[int, int]:
    """Return the 20-bit words of humidity and temperature of an answer with its status and CRC.

    Raises ProtocolError for another length, ChecksumError for a wrong CRC. Source: sections 7.4, 8.

    >>> decode_answer(bytes.fromhex("1c70a4b5c28fd2"))
    (461387, 377487)
    """
    if len(answer) != ANSWER_BYTES:
        raise ProtocolError(
            f"an AHT20 answers {ANSWER_BYTES} bytes, got {len(answer)}: {answer.hex()}"
        )
    if crc8(answer[:6]) != answer[6]:
        raise ChecksumError(
            f"the CRC of {answer[:6].hex()} is {crc8(answer[:6]):#04x}, the part sent "
            f"{answer[6]:#04x}: damaged on the wire (check pull-ups, cable length and bus clock), "
            "or an AHT10, which has no CRC"
        )
    words = int.from_bytes(answer[1:6], "big")
    return words >> 20, words & 0xFFFFF


def convert(humidity_raw: int, temperature_raw: int) -> tuple[float, float]:
    """Return %RH and degC. Raises NotReady for all zeros, Saturated at an end of the range.

    >>> humidity_rh, temperature_c = convert(461387, 377487)
    >>> round(humidity_rh, 5), round(temperature_c, 5)
    (44.00129, 21.99993)
    """
    if humidity_raw == temperature_raw == 0:
        raise NotReady("the answer is all zeros: nothing was measured. Did the supply dip?")
    if temperature_raw in (0, FULL_SCALE - 1):
        raise Saturated(f"temperature is saturated: its word is {temperature_raw:#07x}")
    temperature_c = temperature_raw / FULL_SCALE * 200.0 - 50.0
    if humidity_raw in (0, FULL_SCALE - 1):
        text = f"humidity is saturated: its word is {humidity_raw:#07x}"
        raise Saturated(text, (math.nan, temperature_c))
    return humidity_raw / FULL_SCALE * 100.0, temperature_c


class Aht20:
    """AHT20, 0 to 100 %RH, -40 to 85 degC."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("humidity", HUMIDITY, accuracy=2.0),
        Channel("temperature", TEMPERATURE, accuracy=0.3),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {}
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.0, 5.5)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._is_prepared = False
        self._started_s: float | None = None

    def identify(self) -> Identity:
        """Look at the status, which is all that tells an AHT20. Raises WrongDevice."""
        status = self._status()
        if status & ALWAYS_MASK != ALWAYS:
            raise WrongDevice(
                f"{self._where} answers {status:#04x}; the status of an AHT20 is 0x18 or 0x1c, "
                "with bit 7 while it measures"
            )
        return Identity("Aosong", "AHT20", or_models=("AHT21", "AHT25", "DHT20"))

    def prepare(self, **settings: Any) -> None:
        """Reset the part, and have it calibrated where it says that it is not.

        Raises SetpointError for any setting, SettingsLost for a part that stays uncalibrated.
        """
        chosen(self.SETTINGS, settings)
        self._is_prepared, self._started_s = False, None
        self._send(SOFT_RESET)
        self._clock.sleep(RESET_S)
        if self._status() & READY_MASK != READY_MASK:
            with suppress(NotAcknowledged):
                self._send(INITIALISE)
            self._clock.sleep(INITIALISE_S)
            self._require_calibrated(self._status())
        self._clock.sleep(SETTLE_S)
        self._is_prepared = True

    def start(self) -> float:
        """Start a measurement and return the seconds until it is ready. Call `prepare` first."""
        if not self._is_prepared:
            raise BenchError(f"{self._where}: prepare() resets the part; call it first")
        self._send(MEASURE)
        self._started_s = self._clock.now()
        return MEASURING_S

    def read(self) -> Block:
        """Return the measurement that was started: %RH and degC.

        Raises ProtocolError if it is not ready, damaged or saturated, BenchError before `start`.
        """
        before_s = self._clock.now()
        if self._started_s is None:
            raise BenchError(f"{self._where}: start() starts a measurement; call it first")
        waited_s, self._started_s = before_s - self._started_s, None
        answer = self._bus.transfer(self._address, b"", ANSWER_BYTES)
        if answer[0] & (ALWAYS_MASK | BUSY) == ALWAYS | BUSY:
            raise NotReady(
                f"{self._where} still measures {waited_s * 1e3:.0f} ms after the start; it takes "
                f"up to {MEASURING_S * 1e3:.0f} ms"
            )
        self._require_calibrated(answer[0])
        try:
            row = convert(*decode_answer(answer))
        except ProtocolError as error:
            raise error.at(self._where) from error
        return Block(np.array([row]), before_s, self._clock.now())

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _require_calibrated(self, status: int) -> None:
        if status & (ALWAYS_MASK | BUSY | CALIBRATED) != ALWAYS | CALIBRATED:
            raise SettingsLost(
                f"{self._where}: the status is {status:#04x}, a calibrated AHT20 has 0x18 or 0x1c. "
                "Did its supply dip? Prepare it again; if that does not help, take its supply away "
                "for a second"
            )

    def _status(self) -> int:
        return self._bus.transfer(self._address, b"", 1)[0]

    def _send(self, command: bytes) -> None:
        self._bus.transfer(self._address, command)
