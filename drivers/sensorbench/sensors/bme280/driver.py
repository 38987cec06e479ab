"""BME280 over I2C: a BMP280 with a humidity channel, compensated in integers.

Source: Bosch BST-BME280-DS002; formulas as in BME280_SensorAPI bme280.c.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, ChecksumError, ProtocolError, Saturated, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, PRESSURE, TEMPERATURE
from sensorbench.links.i2c import I2cBus
from sensorbench.protocols.checksums import crc8
from sensorbench.sensors.bmp280.driver import (
    CALIBRATION,
    ID,
    OVERSAMPLING,
    ForcedMode,
    Trimming,
    compensate_temperature,
    decode_counts,
    decode_trimming,
    forced_mode,
    known_pressure,
    reset,
    temperature_oversampling,
)
from sensorbench.sensors.possible import require_possible

HUMIDITY_CALIBRATION, CTRL_HUM = 0xE1, 0xF2
BME280_ID, HUMIDITY_END = 0x60, 0xFFFF


class HumidityTrimming(NamedTuple):
    """The factory words dig_H1 to dig_H6 (datasheet table 16)."""

    h1: int
    h2: int
    h3: int
    h4: int
    h5: int
    h6: int


def decode_humidity_trimming(h1: int, memory: bytes) -> HumidityTrimming:
    """Convert register 0xA1 and registers 0xE1 to 0xE7; H4 and H5 share a byte, 12 bits each.

    >>> decode_humidity_trimming(75, bytes.fromhex("63010015 23031e"))
    HumidityTrimming(h1=75, h2=355, h3=0, h4=339, h5=50, h6=30)
    """
    signed = [int.from_bytes(memory[i : i + 1], "big", signed=True) for i in range(7)]
    return HumidityTrimming(
        h1=h1,
        h2=int.from_bytes(memory[0:2], "little", signed=True),
        h3=memory[2],
        h4=signed[3] << 4 | memory[4] & 0x0F,
        h5=signed[5] << 4 | memory[4] >> 4,
        h6=signed[6],
    )


def compensate_humidity(words: HumidityTrimming, t_fine: int, counts: int) -> float:
    """Return %RH in steps of 1/1024, from 0 to 100, by the 32-bit integer formula.

    Source: datasheet section 4.2.3. The numbers are this formula's own, the datasheet has none;
    the Linux driver says 28.401 %RH.

    >>> compensate_humidity(HumidityTrimming(75, 355, 0, 339, 50, 30), 128422, 27000)
    28.4013671875
    """
    t = t_fine - 76_800
    linear = (((counts << 14) - (words.h4 << 20) - words.h5 * t) + 16_384) >> 15
    gain = (((t * words.h6) >> 10) * (((t * words.h3) >> 11) + 32_768)) >> 10
    value = linear * (((gain + 2_097_152) * words.h2 + 8192) >> 14)
    value -= (((value >> 15) * (value >> 15) >> 7) * words.h1) >> 4
    return (max(0, min(419_430_400, value)) >> 12) / 1024


class Bme280:
    """BME280, 0 to 100 %RH, 30 to 110 kPa, -40 to 85 degC."""

    # Accuracy: datasheet tables 2 to 4, recalled.
    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure_raw"),
        Channel("temperature_raw"),
        Channel("humidity_raw"),
        Channel("pressure", PRESSURE, accuracy=100.0),
        Channel("temperature", TEMPERATURE, accuracy=0.5),
        Channel("humidity", HUMIDITY, accuracy=3.0),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {"oversampling": Setting(16, OVERSAMPLING)}
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.71, 3.6)  # VDD, datasheet table 1, recalled

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._words: tuple[Trimming, HumidityTrimming] | None = None
        self._one = ForcedMode(bus, address)

    def identify(self) -> Identity:
        """Read who is there; the part has no serial. Raises ProtocolError if it is no BME280."""
        found = self._bus.transfer(self._address, bytes([ID]), 1)[0]
        if found != BME280_ID:
            raise WrongDevice(f"id at {self._where} is {found:#04x}, a BME280 has {BME280_ID:#x}")
        return Identity("Bosch Sensortec", "BME280")

    def prepare(self, **settings: Any) -> None:
        """Reset the part, read its factory words and take the settings.

        Raises SetpointError for a setting that can't be, ProtocolError if the words' CRC is wrong:
        CRC-8, polynomial 0x1D, initial and final 0xFF, over 0x88 to 0xA1 and 0xE1 to 0xE7, kept in
        0xE8 (BME280_SensorAPI selftest).
        """
        asked = chosen(self.SETTINGS, settings)
        reset(self._bus, self._address, self._clock)
        first = self._bus.transfer(self._address, bytes([CALIBRATION]), 26)
        second = self._bus.transfer(self._address, bytes([HUMIDITY_CALIBRATION]), 8)
        computed = crc8(first + second[:7], polynomial=0x1D, initial=0xFF) ^ 0xFF
        if computed != second[7]:
            raise ChecksumError(
                f"{self._where}: CRC of the factory words is {second[7]:#04x}, computed "
                f"{computed:#04x}. Replace the part."
            )
        try:
            trimming = decode_trimming(first[:24])
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}. Replace the part.") from error
        self._words = trimming, decode_humidity_trimming(first[25], second)
        oversampling = int(asked["oversampling"])
        write, conversion_s = forced_mode(temperature_oversampling(oversampling), oversampling)
        # ctrl_hum counts only once ctrl_meas is written, so it comes first.
        self._one.set(
            bytes([CTRL_HUM, oversampling.bit_length()]) + write,
            conversion_s + (2.3 * oversampling + 0.575) * 1e-3,
        )

    def start(self) -> float:
        """Start one conversion and return the seconds until it is ready."""
        return self._one.start()

    def read(self) -> Block:
        """Return the conversion that was started, in the order of CHANNELS.

        Raises ProtocolError if it did not end in time or gave no measurement, and BenchError before
        `prepare` or `start`.
        """
        before_s = self._clock.now()
        if self._words is None:
            raise BenchError(f"{self._where}: prepare() reads the factory words; call it first")
        burst = self._one.read(8)
        try:
            row = self._convert(self._words, burst)
        except ProtocolError as error:
            raise error.at(self._where) from error
        require_possible(self._where, self.CHANNELS, row)
        return Block(np.array([row]), before_s, self._clock.now())

    def _convert(self, words: tuple[Trimming, HumidityTrimming], burst: bytes) -> tuple[float, ...]:
        pressure, temperature = decode_counts(burst[:6])
        humidity = int.from_bytes(burst[6:8], "big")
        t_fine, temperature_c = compensate_temperature(words[0], temperature)
        pressure_pa = known_pressure(words[0], t_fine, pressure)
        counts = float(pressure), float(temperature)
        if humidity in (0, HUMIDITY_END):
            text = f"humidity is saturated: its counts are {humidity:#06x}"
            raise Saturated(text, (*counts, math.nan, pressure_pa, temperature_c, math.nan))
        humidity_rh = compensate_humidity(words[1], t_fine, humidity)
        return (*counts, float(humidity), pressure_pa, temperature_c, humidity_rh)

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"
