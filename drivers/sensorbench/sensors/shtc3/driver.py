"""SHTC3 over I2C: one measurement at a time, without clock stretching.

Source: docs/devices/shtc3.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE
from sensorbench.links.i2c import I2cBus
from sensorbench.protocols.checksums import WORD_BYTES, decode_words

READ_ID, SOFT_RESET, SLEEP, WAKE_UP = 0xEFC8, 0x805D, 0xB098, 0x3517
ID, ID_MASK = 0x0807, 0x083F
# Command, temperature first, and longest time of a measurement by power.
MEASURE: Mapping[str, tuple[int, float]] = {"normal": (0x7866, 12.1e-3), "low": (0x609C, 0.8e-3)}
LONGEST_S = 12.1e-3
AWAKE_S = 240e-6  # after a soft reset or a wake-up
FULL_SCALE, SPAN = 0xFFFF, 0x10000


def convert(temperature_raw: int, humidity_raw: int) -> tuple[float, float]:
    """Return %RH and degC. Raises Saturated for a word at an end of its range.

    In saturated air that is the humidity's last word; the temperature is good there.

    >>> humidity_rh, temperature_c = convert(0x648B, 0xA133)
    >>> round(humidity_rh, 1), round(temperature_c, 1)
    (63.0, 23.7)
    """
    if temperature_raw in (0, FULL_SCALE):
        raise Saturated(f"temperature is saturated: its word is {temperature_raw:#06x}")
    temperature_c = -45.0 + 175.0 * temperature_raw / SPAN
    if humidity_raw in (0, FULL_SCALE):
        text = f"humidity is saturated: its word is {humidity_raw:#06x}"
        raise Saturated(text, (math.nan, temperature_c))
    return 100.0 * humidity_raw / SPAN, temperature_c


class Shtc3:
    """SHTC3, 0 to 100 %RH, -40 to 125 degC. It stays idle between readings, never asleep."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("humidity", HUMIDITY, accuracy=2.0),
        Channel("temperature", TEMPERATURE, accuracy=0.2),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {"power": Setting("normal", tuple(MEASURE))}
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.62, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._command, self._longest_s = MEASURE["normal"]
        self._started_s: float | None = None

    def identify(self) -> Identity:
        """Read the ID; a part that sleeps is woken for it and sleeps again.

        Raises WrongDevice if it is no SHTC3. The part tells no serial number.
        """
        try:
            self._send(READ_ID)
        except NotAcknowledged:
            self._send(WAKE_UP)  # not acknowledged either by one that measures
            self._clock.sleep(AWAKE_S)
            try:
                self._send(READ_ID)
                (found,) = self._answer(1)
            finally:
                self._send(SLEEP)
        else:
            (found,) = self._answer(1)
        if found & ID_MASK != ID:
            raise WrongDevice(
                f"the ID at {self._where} is {found:#06x}; of an SHTC3 it is {ID:#06x} in the "
                f"bits of {ID_MASK:#06x}"
            )
        return Identity("Sensirion", "SHTC3")

    def prepare(self, **settings: Any) -> None:
        """Wake up and reset the part, take the settings. Raises SetpointError for a wrong one."""
        asked = chosen(self.SETTINGS, settings)
        self._started_s = None
        try:
            self._send(WAKE_UP)
        except NotAcknowledged:
            self._clock.sleep(LONGEST_S)  # it may still measure for somebody else
            self._send(WAKE_UP)
        self._clock.sleep(AWAKE_S)
        self._send(SOFT_RESET)
        self._clock.sleep(AWAKE_S)
        self._command, self._longest_s = MEASURE[str(asked["power"])]

    def start(self) -> float:
        """Start a measurement and return the seconds until it is ready."""
        self._send(self._command)
        self._started_s = self._clock.now()
        return self._longest_s

    def read(self) -> Block:
        """Return the measurement that was started: %RH and degC.

        Raises NotReady if none was started or it is not done, ProtocolError if it is damaged,
        Saturated at an end of its range.
        """
        before_s = self._clock.now()
        if self._started_s is None:
            raise NotReady(f"{self._where}: start() starts a measurement; call it first")
        since_s, self._started_s = before_s - self._started_s, None
        try:
            temperature_raw, humidity_raw = self._answer(2)
        except NotAcknowledged as error:
            if since_s < self._longest_s - 1e-9:
                raise NotReady(
                    f"{self._where} is not ready {since_s * 1e3:.1f} ms after the start; it takes "
                    f"up to {self._longest_s * 1e3:.1f} ms"
                ) from error
            raise
        try:
            row = convert(temperature_raw, humidity_raw)
        except Saturated as error:
            raise error.at(self._where) from error
        return Block(np.array([row]), before_s, self._clock.now())

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _send(self, command: int) -> None:
        self._bus.transfer(self._address, command.to_bytes(2, "big"))

    def _answer(self, count: int) -> tuple[int, ...]:
        answer = self._bus.transfer(self._address, b"", count * WORD_BYTES)
        try:
            return decode_words(answer, count)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
