"""LIS3MDL over I2C: single readings while it samples by itself, and its self-test.

- Bursts set bit 7 of the register number, as the data sheet wants it: without it a part may repeat
  one register.
- The control registers come along with every reading, so that a part that was reset behind the
  driver's back (a dip of the supply) is an error, not a part that reads zeros.
Sources: registers, codes and scales: hal_st lis3mdl_reg.h and .c; the burst rule, self-test and
accuracy are recalled from the LIS3MDL datasheet.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.channel import Block, Channel, Setting, Settings, chosen
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
from sensorbench.core.quantity import MAGNETIC_FIELD, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.possible import require_possible

WHO_AM_I, CTRL_REG1, CTRL_REG2, STATUS, OUT_X, TEMP_OUT, END = (
    0x0F, 0x20, 0x21, 0x27, 0x28, 0x2E, 0x30,
)  # fmt: skip
BURST = 0x80
LIS3MDL_ID = 0x3D
SOFT_RESET, TEMPERATURE_ON, SELF_TEST, BLOCK_UPDATE = 0x04, 0x80, 0x01, 0x40
ALL_AXES_NEW = 0x08
RESET_S, TURN_ON_S, SELF_TEST_SETTLE_S = 0.010, 0.020, 0.060
SLOWEST = 1.2  # how long to wait for a sample, in nominal periods

# Range: code, and counts a gauss. 1 gauss is 100 uT.
RANGES_UT = {
    400.0: (0x00, 6842.0),
    800.0: (0x20, 3421.0),
    1200.0: (0x40, 2281.0),
    1600.0: (0x60, 1711.0),
}
RATES_HZ = (0.625, 1.25, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
PERFORMANCE = ("low", "medium", "high", "ultra-high")
UT_PER_GAUSS = 100.0
LOWEST, HIGHEST = -32768, 32767
SELF_TEST_RANGE_UT, SELF_TEST_HZ, SELF_TEST_SAMPLES = 1200.0, 80.0, 5


def decode_counts(data: bytes) -> tuple[int, int, int, int]:
    """Convert 0x28 to 0x2F, signed words with the low byte first, to counts x, y, z, temperature.

    Raises ProtocolError for another length.

    >>> decode_counts(bytes.fromhex("5d0d 52f9 ac02 0800"))
    (3421, -1710, 684, 8)
    """
    if len(data) != END - OUT_X:
        raise ProtocolError(f"the outputs are {END - OUT_X} bytes, got {len(data)}: {data.hex()}")
    x, y, z, temperature = struct.unpack("<4h", data)
    return x, y, z, temperature


def field_ut(counts: int, range_ut: float) -> float:
    """Convert counts to uT.

    >>> round(field_ut(3421, 400.0), 6)
    50.0
    """
    return counts / RANGES_UT[range_ut][1] * UT_PER_GAUSS


class Lis3mdl:
    """LIS3MDL, up to 1600 uT (16 gauss), -40 to 85 degC. It has no serial number."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        *(Channel(f"magnetic_field_{a}", MAGNETIC_FIELD, a, accuracy=100.0) for a in "xyz"),
        Channel("temperature", TEMPERATURE),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "range": Setting(400.0, tuple(RANGES_UT), Dimension.MAGNETIC_FIELD),
        "rate": Setting(10.0, RATES_HZ, Dimension.FREQUENCY),
        "performance": Setting("ultra-high", PERFORMANCE),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.9, 3.6)
    SELF_TEST_LIMITS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "magnetic_field_x": (100.0, 300.0),
        "magnetic_field_y": (100.0, 300.0),
        "magnetic_field_z": (10.0, 100.0),
    }

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None

    def identify(self) -> Identity:
        """Read who is there. Raises ProtocolError if it is no LIS3MDL."""
        found = self._read(WHO_AM_I, 1)[0]
        if found != LIS3MDL_ID:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {found:#04x}, a LIS3MDL has {LIS3MDL_ID:#04x}"
            )
        return Identity("STMicroelectronics", "LIS3MDL")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and let it sample with these settings, defaults elsewhere.

        Raises SetpointError for a setting that can't be, ProtocolError if the reset does not end.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = None
        self._write(CTRL_REG2, SOFT_RESET)
        self._clock.sleep(RESET_S)
        if self._read(CTRL_REG2, 1)[0] & SOFT_RESET:
            raise NotReady(f"{self._where} never finished its reset")
        self._write(CTRL_REG1, *_control(asked))
        self._settings = asked
        self._clock.sleep(TURN_ON_S)

    def start(self) -> float:
        """Clear what is there already, and return the seconds until a new sample is certain."""
        self._burst()
        return SLOWEST / float(self._prepared["rate"])

    def read(self) -> Block:
        """Return one sample in uT and degC.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings.
        """
        before_s = self._clock.now()
        burst = self._burst()
        if not burst[STATUS - CTRL_REG1] & ALL_AXES_NEW:
            raise NotReady(
                f"{self._where} has no new sample (STATUS {burst[STATUS - CTRL_REG1]:#04x}); "
                "wait as long as start() says"
            )
        *axes, temperature = decode_counts(burst[OUT_X - CTRL_REG1 :])
        range_ut = float(self._prepared["range"])
        for channel, count in zip(self.CHANNELS, axes, strict=False):
            if count in (LOWEST, HIGHEST):
                raise Saturated(
                    f"{self._where}: {channel.name} is saturated in the range of {range_ut:g} uT; "
                    "choose a larger one, or is a magnet near?"
                )
        values = [*(field_ut(count, range_ut) for count in axes), 25.0 + temperature / 8.0]
        require_possible(self._where, self.CHANNELS, values)
        return Block(np.array([values]), before_s, self._clock.now())

    def self_test(self) -> dict[str, float]:
        """Add the part's own field, and return by how much each output moved, in uT, by channel.

        SELF_TEST_LIMITS says what a good part has. The field around it must stay. The part is
        prepared again as it was. Raises ProtocolError without samples.
        """
        before = self._settings
        self.prepare(range=SELF_TEST_RANGE_UT, rate=SELF_TEST_HZ)
        control = _control(self._prepared)[0]
        without = self._mean()
        self._write(CTRL_REG1, control | SELF_TEST)
        self._clock.sleep(SELF_TEST_SETTLE_S)
        moved = np.abs(self._mean() - without)
        self.prepare(**(before or {}))
        return {
            channel.name: field_ut(1, SELF_TEST_RANGE_UT) * float(counts)
            for channel, counts in zip(self.CHANNELS, moved, strict=False)
        }

    def _mean(self) -> npt.NDArray[np.float64]:
        """Return the mean counts of the axes, the first sample left out."""
        rows = []
        for _ in range(1 + SELF_TEST_SAMPLES):
            self._read(OUT_X, 6)
            self._clock.sleep(SLOWEST / SELF_TEST_HZ)
            burst = self._read(STATUS, END - STATUS)
            if not burst[0] & ALL_AXES_NEW:
                raise NotReady(f"{self._where} takes no samples in its self-test")
            rows.append(decode_counts(burst[1:])[:3])
        return np.asarray(np.mean(rows[1:], axis=0))

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() starts the part; call it first")
        return self._settings

    def _burst(self) -> bytes:
        expected = bytes(_control(self._prepared))
        burst = self._read(CTRL_REG1, END - CTRL_REG1)
        if burst[: len(expected)] != expected:
            raise SettingsLost(
                f"{self._where}: CTRL_REG1 to 5 are {burst[: len(expected)].hex()}, "
                f"{expected.hex()} was written. Did the supply dip, or does somebody else use this "
                "part? Prepare it again"
            )
        return burst

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register | BURST]), length)

    def _write(self, register: int, *values: int) -> None:
        self._bus.transfer(self._address, bytes([register | BURST, *values]))


def _control(settings: Settings) -> tuple[int, ...]:
    """Return CTRL_REG1 to 5: continuous, the z axis in the same performance as x and y."""
    performance = PERFORMANCE.index(str(settings["performance"]))
    rate = RATES_HZ.index(float(settings["rate"]))
    return (
        TEMPERATURE_ON | performance << 5 | rate << 2,
        RANGES_UT[float(settings["range"])][0],
        0x00,
        performance << 2,
        BLOCK_UPDATE,
    )
