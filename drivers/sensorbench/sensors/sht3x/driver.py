"""SHT3x over I2C: one measurement at a time, or the newest of those it takes by itself.

- A measurement is asked for without clock stretching, which not every adapter can wait for.
- The heater is for plausibility only and comes on only by `heat`; `prepare` puts it off.
- Periodic measurements hold alert limits too (`write_alert_limit`); `prepare` sets the part's own.
Sources: Sensirion SHT3x-DIS data sheet version 5, tables 9 to 19 (commands, status), version 6
table 4 (times); Linux drivers/hwmon/sht3x.c (commands, alert limits). Accuracy is recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
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
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE
from sensorbench.links.i2c import I2cBus
from sensorbench.protocols.checksums import WORD_BYTES, decode_words, encode_word
from sensorbench.sensors.sht3x.codec import (
    AlertLimit,
    Status,
    convert,
    decode_limit,
    decode_status,
    encode_limit,
)

FETCH, BREAK, SOFT_RESET, SERIAL_NUMBER = 0xE000, 0x3093, 0x30A2, 0x3682
READ_STATUS, CLEAR_STATUS, HEATER_ON, HEATER_OFF = 0xF32D, 0x3041, 0x306D, 0x3066
REPEATABILITY = ("high", "medium", "low")
# Longest time of a measurement, s, below 2.4 V of supply: 0.5 ms less above that.
MEASURING_S = dict(zip(REPEATABILITY, (15.5e-3, 6.5e-3, 4.5e-3), strict=True))
SINGLE = "single"
# Commands by repeatability, and the time from one measurement to the next, s.
MODES: Mapping[str, tuple[tuple[int, int, int], float]] = {
    SINGLE: ((0x2400, 0x240B, 0x2416), 0.0),
    "0.5 per second": ((0x2032, 0x2024, 0x202F), 2.0),
    "1 per second": ((0x2130, 0x2126, 0x212D), 1.0),
    "2 per second": ((0x2236, 0x2220, 0x222B), 0.5),
    "4 per second": ((0x2334, 0x2322, 0x2329), 0.25),
    "10 per second": ((0x2737, 0x2721, 0x272A), 0.1),
}
# Commands that read and write each alert limit.
ALERT_LIMITS: Mapping[str, tuple[int, int]] = {
    "high set": (0xE11F, 0x611D),
    "high clear": (0xE114, 0x6116),
    "low clear": (0xE109, 0x610B),
    "low set": (0xE102, 0x6100),
}
IDLE_S, RESET_S = 1e-3, 1.5e-3
SLOWEST = 1.1  # no tolerance of the periods is given: how long to wait, in nominal ones


class Sht3x:
    """SHT3x, 0 to 100 %RH, -40 to 125 degC. Accuracy is that of SHT30 and SHT31."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("humidity", HUMIDITY, accuracy=2.0),
        Channel("temperature", TEMPERATURE, accuracy=0.2),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "mode": Setting(SINGLE, tuple(MODES)),
        "repeatability": Setting("high", REPEATABILITY),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.15, 5.5)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._command, self._ready_s, self._is_periodic = MODES[SINGLE][0][0], 0.0, False
        self._is_prepared = False
        self._started_s: float | None = None

    def identify(self) -> Identity:
        """Read the serial number, which is all that a part tells of itself.

        Raises BenchError for an answer that no SHT3x gives: others of Sensirion's tell a number,
        too, and no status.
        """
        self.read_status()
        high, low = self._ask(SERIAL_NUMBER, 2)
        return Identity("Sensirion", "SHT3x", f"{high << 16 | low:08X}")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and take the settings; in a periodic mode it measures from then on.

        Raises SetpointError for a setting that can't be, ProtocolError for a part that does not
        say that it was reset.
        """
        asked = chosen(self.SETTINGS, settings)
        self._is_prepared, self._started_s = False, None
        try:
            self._send(BREAK)
        except NotAcknowledged:
            self._clock.sleep(max(MEASURING_S.values()))  # it may still measure for somebody else
            self._send(BREAK)
        self._clock.sleep(IDLE_S)
        self._send(SOFT_RESET)
        self._clock.sleep(RESET_S)
        self._require_reset(self.read_status())
        self._send(CLEAR_STATUS)
        self._clock.sleep(IDLE_S)
        mode, repeatability = str(asked["mode"]), str(asked["repeatability"])
        commands, period_s = MODES[mode]
        self._command = commands[REPEATABILITY.index(repeatability)]
        self._is_periodic = mode != SINGLE
        self._ready_s = MEASURING_S[repeatability] + SLOWEST * period_s
        if self._is_periodic:
            self._send(self._command)
            self._clock.sleep(IDLE_S)
        self._is_prepared = True

    def _require_reset(self, status: Status) -> None:
        if not status.was_reset or status.heater_on or status.command_failed:
            raise ProtocolError(
                f"{self._where} was reset, and its status is {status}. Is it an SHT3x?"
            )

    def start(self) -> float:
        """Start a measurement and return the seconds until it is ready.

        In a periodic mode it drops what is there, and the next one is waited for. Raises
        BenchError before `prepare`.
        """
        if not self._is_prepared:
            raise BenchError(f"{self._where}: prepare() resets the part; call it first")
        self._send(FETCH if self._is_periodic else self._command)
        self._started_s = self._clock.now()
        return self._ready_s

    def read(self) -> Block:
        """Return the measurement that was started: %RH and degC.

        Raises ProtocolError if it is not ready, damaged or saturated, BenchError before `start`.
        """
        before_s = self._clock.now()
        if self._started_s is None:
            raise BenchError(f"{self._where}: start() starts a measurement; call it first")
        waited_s, self._started_s = before_s - self._started_s, None
        if self._is_periodic:
            self._send(FETCH)
        try:
            temperature_raw, humidity_raw = self._answer(2)
        except NotAcknowledged as error:
            if not self._is_periodic and waited_s >= self._ready_s - 1e-9:
                raise
            raise NotReady(
                f"{self._where} has no new measurement {waited_s * 1e3:.1f} ms after the start; it "
                f"takes up to {self._ready_s * 1e3:.1f} ms. If that was waited, did its supply dip?"
            ) from error
        try:
            row = convert(temperature_raw, humidity_raw)
        except ProtocolError as error:
            raise error.at(self._where) from error
        return Block(np.array([row]), before_s, self._clock.now())

    # -- what a reading does not need ------------------------------------------------------

    def read_status(self) -> Status:
        """Return the status register; its flags stay until `clear_status`."""
        return decode_status(self._ask(READ_STATUS, 1)[0])

    def clear_status(self) -> None:
        """Clear what alerts and resets have left in the status register."""
        self._send(CLEAR_STATUS)
        self._clock.sleep(IDLE_S)

    def heat(self, on: bool) -> None:
        """Switch the heater, a few kelvin for plausibility: readings are those of a warm chip.

        Raises ProtocolError where the status does not say that it is so.
        """
        self._send(HEATER_ON if on else HEATER_OFF)
        self._clock.sleep(IDLE_S)
        if self.read_status().heater_on != on:
            raise ProtocolError(f"{self._where}: the heater is {'off' if on else 'on'} still")

    def read_alert_limit(self, name: str) -> AlertLimit:
        """Return the limit "high set", "high clear", "low clear" or "low set"."""
        return decode_limit(self._ask(ALERT_LIMITS[name][0], 1)[0])

    def write_alert_limit(self, name: str, limit: AlertLimit) -> AlertLimit:
        """Set a limit until the next reset, and return it as the part has it, in its steps.

        Periodic measurements are held against it. Raises SetpointError for one that can't be,
        ChecksumError where it arrived damaged.
        """
        word = encode_limit(limit)
        command = ALERT_LIMITS[name][1].to_bytes(2, "big")
        self._bus.transfer(self._address, command + encode_word(word))
        self._clock.sleep(IDLE_S)
        if self.read_status().checksum_failed:
            raise ChecksumError(
                f"{self._where}: the limit {name!r} arrived damaged. Check pull-ups, cable length "
                "and bus clock"
            )
        return self.read_alert_limit(name)

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _send(self, command: int) -> None:
        self._bus.transfer(self._address, command.to_bytes(2, "big"))

    def _ask(self, command: int, words: int) -> tuple[int, ...]:
        self._send(command)
        self._clock.sleep(IDLE_S)
        return self._answer(words)

    def _answer(self, words: int) -> tuple[int, ...]:
        answer = self._bus.transfer(self._address, b"", WORD_BYTES * words)
        try:
            return decode_words(answer, words)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
