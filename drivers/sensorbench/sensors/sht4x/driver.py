"""SHT4x over I2C: one measurement at a time; the heater is never used.

Sources: commands and the order of the answer: Sensirion's driver sensirion-i2c-sht4x; formulas:
Linux drivers/hwmon/sht4x.c. Times, supply and accuracy are recalled from the SHT4x datasheet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE
from sensorbench.links.i2c import I2cBus
from sensorbench.protocols.checksums import WORD_BYTES, decode_words

SERIAL_NUMBER, SOFT_RESET = 0x89, 0x94
# Command and longest time of a measurement by repeatability.
MEASURE: Mapping[str, tuple[int, float]] = {
    "high": (0xFD, 8.3e-3),
    "medium": (0xF6, 4.5e-3),
    "low": (0xE0, 1.6e-3),
}
RESET_S, SERIAL_S = 1e-3, 1e-3
LONGEST_PULSE_S = 1.1  # somebody else's heater command, during which the part is deaf
FULL_SCALE = 0xFFFF


def convert(temperature_raw: int, humidity_raw: int) -> tuple[float, float]:
    """Return %RH and degC. Raises ProtocolError for a word at an end of its range.

    The maker has values beyond 0 and 100 %RH cropped; here they stay (-6 to 119 %RH), as an error
    near an end must be seen, not hidden.

    >>> humidity_rh, temperature_c = convert(26214, 29360)
    >>> round(humidity_rh, 4), temperature_c
    (50.0006, 25.0)
    """
    if temperature_raw in (0, FULL_SCALE):
        raise Saturated(f"temperature is saturated: its word is {temperature_raw:#06x}")
    temperature_c = -45.0 + 175.0 * temperature_raw / FULL_SCALE
    if humidity_raw in (0, FULL_SCALE):
        text = f"humidity is saturated: its word is {humidity_raw:#06x}"
        raise Saturated(text, (math.nan, temperature_c))
    return -6.0 + 125.0 * humidity_raw / FULL_SCALE, temperature_c


class Sht4x:
    """SHT4x, 0 to 100 %RH, -40 to 125 degC. Accuracy is that of SHT40 and SHT41."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("humidity", HUMIDITY, accuracy=1.8),
        Channel("temperature", TEMPERATURE, accuracy=0.2),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {"repeatability": Setting("high", tuple(MEASURE))}
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.08, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._command, self._longest_s = MEASURE["high"]
        self._started_s: float | None = None

    def identify(self) -> Identity:
        """Read the serial number, which is all that a part tells of itself.

        Raises ProtocolError for an answer that no SHT4x gives.
        """
        self._send(SERIAL_NUMBER)
        self._clock.sleep(SERIAL_S)
        high, low = self._answer()
        return Identity("Sensirion", "SHT4x", f"{high << 16 | low:08X}")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and take the settings. Raises SetpointError for one that can't be."""
        asked = chosen(self.SETTINGS, settings)
        self._started_s = None
        try:
            self._send(SOFT_RESET)
        except NotAcknowledged:
            # It may still measure, or heat, for somebody who went away.
            self._clock.sleep(LONGEST_PULSE_S)
            self._send(SOFT_RESET)
        self._clock.sleep(RESET_S)
        self._command, self._longest_s = MEASURE[str(asked["repeatability"])]

    def start(self) -> float:
        """Start a measurement and return the seconds until it is ready."""
        self._send(self._command)
        self._started_s = self._clock.now()
        return self._longest_s

    def read(self) -> Block:
        """Return the measurement that was started: %RH and degC.

        Raises ProtocolError if it is not ready, damaged or saturated, BenchError before `start`.
        """
        before_s = self._clock.now()
        if self._started_s is None:
            raise BenchError(f"{self._where}: start() starts a measurement; call it first")
        try:
            temperature_raw, humidity_raw = self._answer()
        except NotAcknowledged as error:
            if before_s - self._started_s < self._longest_s - 1e-9:
                raise NotReady(
                    f"{self._where} is not ready {(before_s - self._started_s) * 1e3:.1f} ms after "
                    f"the start; it takes up to {self._longest_s * 1e3:.1f} ms"
                ) from error
            raise
        finally:
            self._started_s = None
        try:
            row = convert(temperature_raw, humidity_raw)
        except ProtocolError as error:
            raise error.at(self._where) from error
        return Block(np.array([row]), before_s, self._clock.now())

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _send(self, command: int) -> None:
        self._bus.transfer(self._address, bytes([command]))

    def _answer(self) -> tuple[int, ...]:
        answer = self._bus.transfer(self._address, b"", 2 * WORD_BYTES)
        try:
            return decode_words(answer, 2)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
