"""BMP280 over I2C: raw counts and values compensated in integers.

Source: Bosch BST-BMP280-DS001; formulas as in BMP2_SensorAPI bmp2.c.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, TEMPERATURE
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.possible import require_possible

CALIBRATION, ID, RESET, STATUS, CTRL_MEAS = 0x88, 0xD0, 0xE0, 0xF3, 0xF4
BMP280_ID = 0x58
RESET_WORD = 0xB6
MEASURING, NVM_COPY = 0x08, 0x01
FORCED = 1
NO_MEASUREMENT, END_OF_RANGE = 0x80000, 0xFFFFF
START_UP_S, NVM_COPY_TRIES = 0.002, 5
OVERSAMPLING = (1, 2, 4, 8, 16)

# BMP2_SensorAPI's trimming limits. Only of the gains: other words of good parts lie beyond theirs.
PLAUSIBLE = {"t1": (19_000, 35_000), "t2": (22_000, 30_000), "p1": (30_000, 42_000)}


class Trimming(NamedTuple):
    """The 12 factory words dig_T1 to dig_P9 (datasheet table 17)."""

    t1: int
    t2: int
    t3: int
    p1: int
    p2: int
    p3: int
    p4: int
    p5: int
    p6: int
    p7: int
    p8: int
    p9: int


def decode_trimming(memory: bytes) -> Trimming:
    """Convert registers 0x88 to 0x9F to factory words.

    Raises ProtocolError for a wrong length or for words that no good part has.
    """
    if len(memory) != 24:
        raise ProtocolError(f"the factory words are 24 bytes, got {len(memory)}: {memory.hex()}")
    words = Trimming(*struct.unpack("<HhhHhhhhhhhh", memory))
    for name, (low, high) in PLAUSIBLE.items():
        found = getattr(words, name)
        if not low <= found <= high:
            raise ProtocolError(
                f"factory word dig_{name.upper()} is {found}, good parts have {low} to {high}"
            )
    return words


def decode_counts(data: bytes) -> tuple[int, int]:
    """Convert registers 0xF7 to 0xFC to pressure and temperature counts of 20 bits.

    Raises ProtocolError for a wrong length, and where both are 0x80000: nothing was measured.
    One alone may be a true reading, near 26 degC or 80 kPa; a part that lost its settings skips
    both. ProtocolError too for counts at an end of their range: saturated.

    >>> decode_counts(bytes.fromhex("655ac0" "7eed00"))
    (415148, 519888)
    """
    if len(data) != 6:
        raise ProtocolError(f"pressure and temperature are 6 bytes, got {len(data)}: {data.hex()}")
    pressure = int.from_bytes(data[0:3], "big") >> 4
    temperature = int.from_bytes(data[3:6], "big") >> 4
    if pressure == temperature == NO_MEASUREMENT:
        raise NotReady(f"the data registers are {data.hex()}: nothing was measured")
    for name, counts in (("pressure", pressure), ("temperature", temperature)):
        if counts in (0, END_OF_RANGE):
            raise Saturated(f"{name} is saturated: its counts are {counts:#07x}")
    return pressure, temperature


def compensate_temperature(words: Trimming, counts: int) -> tuple[int, float]:
    """Return t_fine, which compensates the other channels, and degC in steps of 0.01.

    Source: datasheet section 3.11.3, with its worked example.

    >>> example = Trimming(27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500,
    ...                    -14600, 6000)
    >>> compensate_temperature(example, 519888)
    (128422, 25.08)
    """
    linear = (((counts >> 3) - (words.t1 << 1)) * words.t2) >> 11
    distance = (counts >> 4) - words.t1
    t_fine = linear + ((((distance * distance) >> 12) * words.t3) >> 14)
    return t_fine, ((t_fine * 5 + 128) >> 8) / 100


def compensate_pressure(words: Trimming, t_fine: int, counts: int) -> float:
    """Return Pa in steps of 1/256, by the 64-bit integer formula; NaN where it has no answer.

    Source: datasheet section 3.11.3, with its worked example.

    >>> example = Trimming(27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500,
    ...                    -14600, 6000)
    >>> compensate_pressure(example, 128422, 415148)
    100653.25390625
    """
    t = t_fine - 128_000
    offset = t * t * words.p6 + ((t * words.p5) << 17) + (words.p4 << 35)
    gain = ((t * t * words.p3) >> 8) + ((t * words.p2) << 12)
    gain = (((1 << 47) + gain) * words.p1) >> 33
    if gain == 0:
        return math.nan
    dividend = (((1_048_576 - counts) << 31) - offset) * 3125
    # C divides towards zero, Python downwards.
    p = abs(dividend) // abs(gain) * (1 if (dividend < 0) == (gain < 0) else -1)
    p += ((words.p9 * (p >> 13) * (p >> 13)) >> 25) + ((words.p8 * p) >> 19)
    return ((p >> 8) + (words.p7 << 4)) / 256


class Bmp280:
    """BMP280 absolute pressure sensor, 30 to 110 kPa, -40 to 85 degC."""

    # Accuracy: datasheet table 2, absolute, recalled.
    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure_raw"),
        Channel("temperature_raw"),
        Channel("pressure", PRESSURE, accuracy=100.0),
        Channel("temperature", TEMPERATURE, accuracy=0.5),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {"oversampling": Setting(16, OVERSAMPLING)}
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.71, 3.6)  # VDD, datasheet table 2, recalled

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._words: Trimming | None = None
        self._one = ForcedMode(bus, address)

    def identify(self) -> Identity:
        """Read who is there; the part has no serial. Raises ProtocolError if it is no BMP280."""
        found = self._bus.transfer(self._address, bytes([ID]), 1)[0]
        if found != BMP280_ID:
            raise WrongDevice(f"id at {self._where} is {found:#04x}, a BMP280 has {BMP280_ID:#x}")
        return Identity("Bosch Sensortec", "BMP280")

    def prepare(self, **settings: Any) -> None:
        """Reset the part, read its factory words and take the settings.

        Raises ProtocolError if the words can't be, SetpointError for a setting that can't be.
        """
        asked = chosen(self.SETTINGS, settings)
        reset(self._bus, self._address, self._clock)
        try:
            self._words = decode_trimming(
                self._bus.transfer(self._address, bytes([CALIBRATION]), 24)
            )
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}. Replace the part.") from error
        oversampling = int(asked["oversampling"])
        self._one.set(*forced_mode(temperature_oversampling(oversampling), oversampling))

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
        burst = self._one.read(6)
        try:
            pressure, temperature = decode_counts(burst)
            t_fine, temperature_c = compensate_temperature(self._words, temperature)
            pressure_pa = known_pressure(self._words, t_fine, pressure)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        row = (float(pressure), float(temperature), pressure_pa, temperature_c)
        require_possible(self._where, self.CHANNELS, row)
        return Block(np.array([row]), before_s, self._clock.now())

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"


def known_pressure(words: Trimming, t_fine: int, counts: int) -> float:
    """Return Pa. Raises ProtocolError where the formula has no answer."""
    pressure_pa = compensate_pressure(words, t_fine, counts)
    if math.isnan(pressure_pa):
        raise ProtocolError(f"the factory words {words} give no pressure. Replace the part.")
    return pressure_pa


def temperature_oversampling(pressure: int) -> int:
    """Return what goes with a pressure oversampling: x1, and x2 from x16 on (datasheet table 4)."""
    return 2 if pressure == 16 else 1


def forced_mode(temperature: int, pressure: int) -> tuple[bytes, float]:
    """Return the write that starts one conversion at these oversamplings, and its longest time.

    Source: datasheet section 4.3.4; times of BME280_SensorAPI bme280_defs.h.
    """
    value = temperature.bit_length() << 5 | pressure.bit_length() << 2 | FORCED
    return bytes([CTRL_MEAS, value]), (1.25 + 2.3 * temperature + 2.3 * pressure + 0.575) * 1e-3


def reset(bus: I2cBus, address: int, clock: Clock) -> None:
    """Reset a part of the family and wait for its factory words to be loaded.

    Raises ProtocolError if it does not finish. Source: datasheet section 4.3.2.
    """
    bus.transfer(address, bytes([RESET, RESET_WORD]))
    for _ in range(NVM_COPY_TRIES):
        clock.sleep(START_UP_S)
        if not bus.transfer(address, bytes([STATUS]), 1)[0] & NVM_COPY:
            return
    raise NotReady(f"{bus.name}, address {address:#04x} never finished its reset")


class ForcedMode:
    """One conversion at a time of a part of the family, and whether it is its own.

    The part keeps no flag that says whether its data were read before, so this does.
    """

    def __init__(self, bus: I2cBus, address: int) -> None:
        self._bus, self._address = bus, address
        self._write, self._conversion_s = b"", 0.0
        self._is_started = False

    def set(self, write: bytes, conversion_s: float) -> None:
        """Take the write that starts a conversion, and its longest time."""
        self._write, self._conversion_s, self._is_started = write, conversion_s, False

    def start(self) -> float:
        """Start a conversion and return its longest time in s. BenchError before `set`."""
        if not self._write:
            raise BenchError(f"{self._where}: prepare() takes the settings; call it first")
        self._bus.transfer(self._address, self._write)
        self._is_started = True
        return self._conversion_s

    def read(self, length: int) -> bytes:
        """Return the `length` data registers from 0xF7 on of the conversion started.

        Raises ProtocolError if the part still converts or lost its settings, BenchError if nothing
        was started since the last reading.
        """
        if not self._is_started:
            raise BenchError(f"{self._where}: start() starts a conversion; call it first")
        # status, ctrl_meas, config and a reserved byte come in the same burst as the data.
        burst = self._bus.transfer(self._address, bytes([STATUS]), 4 + length)
        if burst[0] & MEASURING:
            raise NotReady(
                f"{self._where} still converts; that takes up to {self._conversion_s * 1e3:.1f} ms "
                "from start()"
            )
        self._is_started = False
        # After a forced conversion the mode reads 0, and a reset clears the oversampling too.
        if burst[1] != self._write[-1] & ~FORCED:
            raise SettingsLost(
                f"{self._where}: ctrl_meas is {burst[1]:#04x} after {self._write[-1]:#04x} was "
                "written. Did the supply dip during the conversion?"
            )
        return burst[4:]

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"
