"""QMC5883L over I2C: single readings while it samples by itself.

- Its identity, 0xFF, is also what a bus reads where nobody answers: the control registers, which
  have bits that are never set, come along. Copies of other makers answer other numbers, and are
  refused; some parts answer only after a first write (ArduPilot/ardupilot pull 6669).
- The control registers come along with every reading, so that a part that was reset behind the
  driver's back (a dip of the supply) is an error, not a part that gives its last sample for ever.
- Its temperature is no channel: the gain is calibrated, the offset is not, some 50 K.
Source: QST QMC5883L data sheet 1.0, sections 6.2, 7 and 9.2, tables 2, 7, 13 to 21; that a reset
takes 10 ms: lewisxhe/SensorLib SensorQMC5883L.hpp. Accuracy of the sensitivity is recalled.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

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
from sensorbench.core.quantity import MAGNETIC_FIELD
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus

OUT_X, STATUS, CTRL1, CTRL2, PERIOD, CHIP_ID = 0x00, 0x06, 0x09, 0x0A, 0x0B, 0x0D
QMC5883L_ID = 0xFF
NEVER_SET = (0x22, 0x3E)  # of CTRL1 and CTRL2
READY, OVERFLOW = 0x01, 0x02
CONTINUOUS, SOFT_RESET, SET_RESET_PERIOD = 0x01, 0x80, 0x01
RESET_S = 0.010
SLOWEST = 1.2  # how long to wait for a sample, in nominal periods
UT_PER_GAUSS = 100.0
# Code, and counts a gauss.
RANGES_UT: Mapping[float, tuple[int, float]] = {200.0: (0x00, 12_000.0), 800.0: (0x10, 3_000.0)}
RATES_HZ: Mapping[float, int] = {10.0: 0x00, 50.0: 0x04, 100.0: 0x08, 200.0: 0x0C}
OVERSAMPLING: Mapping[float, int] = {512: 0x00, 256: 0x40, 128: 0x80, 64: 0xC0}
LOWEST, HIGHEST = -32768, 32767


def decode_counts(data: bytes) -> tuple[int, int, int]:
    """Convert 0x00 to 0x05, signed words with the low byte first, to counts x, y, z.

    Raises ProtocolError for another length.

    >>> decode_counts(bytes.fromhex("dc05 12fd 2c01"))
    (1500, -750, 300)
    """
    if len(data) != 6:
        raise ProtocolError(f"the outputs are 6 bytes, got {len(data)}: {data.hex()}")
    x, y, z = struct.unpack("<3h", data)
    return x, y, z


def field_ut(counts: int, range_ut: float) -> float:
    """Convert counts to uT. Raises Saturated at an end of the range.

    >>> [field_ut(counts, 800.0) for counts in (1500, -750, 300)]
    [50.0, -25.0, 10.0]
    """
    if counts in (LOWEST, HIGHEST):
        raise Saturated(f"{counts} counts are an end of the range of {range_ut:g} uT")
    return counts / RANGES_UT[range_ut][1] * UT_PER_GAUSS


class Qmc5883l:
    """QMC5883L, up to 800 uT (8 gauss), -40 to 85 degC. It has no serial number."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = tuple(
        Channel(f"magnetic_field_{a}", MAGNETIC_FIELD, a, accuracy=5.0) for a in "xyz"
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "range": Setting(200.0, tuple(RANGES_UT), Dimension.MAGNETIC_FIELD),
        "rate": Setting(10.0, tuple(RATES_HZ), Dimension.FREQUENCY),
        "oversampling": Setting(512, tuple(OVERSAMPLING)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.16, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no QMC5883L."""
        found = self._read(CTRL1, CHIP_ID - CTRL1 + 1)
        if found[-1] != QMC5883L_ID or found[0] & NEVER_SET[0] or found[1] & NEVER_SET[1]:
            raise WrongDevice(
                f"registers 0x09 to 0x0d at {self._where} are {found.hex()}; a QMC5883L has 0xff "
                "at their end and not in the others. Boards sold as QMC5883L may carry a QMC5883P, "
                "at 0x2c, or an HMC5883L, at 0x1e"
            )
        return Identity("QST", "QMC5883L")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and let it sample with these settings, defaults elsewhere.

        Raises SetpointError for a setting that can't be, SettingsLost where it does not read back.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = None
        self._write(CTRL2, SOFT_RESET)
        self._clock.sleep(RESET_S)
        # Nothing says that a reset ends by itself.
        control = _control(asked)
        self._write(CTRL2, control[1])
        self._write(PERIOD, control[2])
        self._write(CTRL1, control[0])
        self._require(self._read(CTRL1, 3), asked)
        self._settings = asked

    def start(self) -> float:
        """Clear what is there already, and return the seconds until a new sample is certain."""
        rate_hz = float(self._prepared["rate"])
        self._read(OUT_X, 6)
        return SLOWEST / rate_hz

    def read(self) -> Block:
        """Return one sample in uT.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings.
        """
        before_s, settings = self._clock.now(), self._prepared
        burst = self._read(STATUS, PERIOD - STATUS + 1)
        self._require(burst[CTRL1 - STATUS :], settings)
        if not burst[0] & READY:
            raise NotReady(
                f"{self._where} has no new sample (status {burst[0]:#04x}); wait as long as "
                "start() says"
            )
        counts = decode_counts(self._read(OUT_X, 6))
        # It may have begun anew since its status.
        self._require(self._read(CTRL1, PERIOD - CTRL1 + 1), settings)
        range_ut = float(settings["range"])
        row = []
        for channel, count in zip(self.CHANNELS, counts, strict=True):
            try:
                row.append(field_ut(count, range_ut))
            except Saturated as error:
                raise self._saturated(f"{channel.name}: {error}") from error
        if burst[0] & OVERFLOW:
            raise self._saturated(f"the status {burst[0]:#04x} tells an overflow")
        return Block(np.array([row]), before_s, self._clock.now())

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() starts the part; call it first")
        return self._settings

    def _saturated(self, what: str) -> Saturated:
        return Saturated(f"{self._where}: {what}; choose a larger range, or is a magnet near?")

    def _require(self, found: bytes, settings: Settings) -> None:
        wanted = bytes(_control(settings))
        if found != wanted:
            raise SettingsLost(
                f"{self._where}: registers 0x09 to 0x0b are {found.hex()}, {wanted.hex()} was "
                "written. Did the supply dip, or does somebody else use this part? Prepare it again"
            )

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register]), length)

    def _write(self, register: int, value: int) -> None:
        self._bus.transfer(self._address, bytes([register, value]))


def _control(settings: Settings) -> tuple[int, int, int]:
    """Return CTRL1, CTRL2 and the period of set and reset."""
    control = RANGES_UT[float(settings["range"])][0] | RATES_HZ[float(settings["rate"])]
    return control | OVERSAMPLING[float(settings["oversampling"])] | CONTINUOUS, 0, SET_RESET_PERIOD
