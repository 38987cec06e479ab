"""QMC5883P over I2C: single readings while it samples by itself, and its self-test.

- The control registers come along with every reading, so that a part that was reset behind the
  driver's back (a dip of the supply) is an error, not a part that gives its last sample for ever.
- What clears the ready bit is not known, reading the status or reading data: both are read, in this
  order, so that either will do.
- QMC6310 has the same map and the same identity, at other addresses.
Sources: adafruit/Adafruit_CircuitPython_QMC5883P adafruit_qmc5883p.py and lewisxhe/SensorLib
SensorQSTMagnetic.hpp (registers, codes, scale, self-test); lionyhw/MQC5883P_nrf52 qmc5883p.c (the
same scale); QST QMC5883P data sheet, page 1 (supply). Accuracy is recalled.
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
from sensorbench.core.quantity import MAGNETIC_FIELD
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus

CHIP_ID, OUT_X, STATUS, CTRL1, CTRL2 = 0x00, 0x01, 0x09, 0x0A, 0x0B
QMC5883P_ID = 0x80
NEVER_SET = 0xFC  # of the status
OTHERS_ID, OTHERS = 0x0D, (0x10, 0x11)  # a DPS310 or SPL06, whose data begin with 0x80, too
READY, OVERFLOW = 0x01, 0x02
NORMAL, CONTINUOUS, SOFT_RESET, SELF_TEST = 0x01, 0x03, 0x80, 0x40
RESET_S, CONTINUOUS_S, SELF_TEST_S, SAMPLE_S = 0.050, 0.020, 0.005, 0.002
SLOWEST = 1.2  # how long to wait for a sample, in nominal periods
UT_PER_GAUSS = 100.0
# Code, and counts a gauss. Codes descend.
RANGES_UT: Mapping[float, tuple[int, float]] = {
    200.0: (0x0C, 15_000.0),
    800.0: (0x08, 3_750.0),
    1200.0: (0x04, 2_500.0),
    3000.0: (0x00, 1_000.0),
}
RATES_HZ: Mapping[float, int] = {10.0: 0x00, 50.0: 0x04, 100.0: 0x08, 200.0: 0x0C}
OVERSAMPLING: Mapping[float, int] = {8: 0x00, 4: 0x10, 2: 0x20, 1: 0x30}
DOWNSAMPLING: Mapping[float, int] = {1: 0x00, 2: 0x40, 4: 0x80, 8: 0xC0}
LOWEST, HIGHEST = -32768, 32767
SELF_TEST_RANGE_UT, SELF_TEST_SAMPLES = 800.0, 5


def decode_counts(data: bytes) -> tuple[int, int, int]:
    """Convert 0x01 to 0x06, signed words with the low byte first, to counts x, y, z.

    Raises ProtocolError for another length.

    >>> decode_counts(bytes.fromhex("5307 56fc 7701"))
    (1875, -938, 375)
    """
    if len(data) != 6:
        raise ProtocolError(f"the outputs are 6 bytes, got {len(data)}: {data.hex()}")
    x, y, z = struct.unpack("<3h", data)
    return x, y, z


def field_ut(counts: int, range_ut: float) -> float:
    """Convert counts to uT. Raises Saturated at an end of the range.

    >>> [round(field_ut(counts, 800.0), 3) for counts in (1875, -938, 375)]
    [50.0, -25.013, 10.0]
    """
    if counts in (LOWEST, HIGHEST):
        raise Saturated(f"{counts} counts are an end of the range of {range_ut:g} uT")
    return counts / RANGES_UT[range_ut][1] * UT_PER_GAUSS


class Qmc5883p:
    """QMC5883P, up to 3000 uT (30 gauss), -40 to 85 degC. It has no serial number."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = tuple(
        Channel(f"magnetic_field_{a}", MAGNETIC_FIELD, a, accuracy=5.0) for a in "xyz"
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "range": Setting(200.0, tuple(RANGES_UT), Dimension.MAGNETIC_FIELD),
        "rate": Setting(10.0, tuple(RATES_HZ), Dimension.FREQUENCY),
        "oversampling": Setting(8, tuple(OVERSAMPLING)),
        "downsampling": Setting(1, tuple(DOWNSAMPLING)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.5, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no QMC5883P, nor of its family."""
        found, other = self._read(CHIP_ID, 1)[0], self._read(OTHERS_ID, 1)[0]
        if found != QMC5883P_ID or other in OTHERS:
            raise WrongDevice(
                f"registers 0x00 and 0x0d at {self._where} are {found:#04x} and {other:#04x}; a "
                "QMC5883P has 0x80 in the first. Boards sold as it may carry a QMC5883L, at 0x0d, "
                "or an HMC5883L, at 0x1e"
            )
        return Identity("QST", "QMC5883P", or_models=("QMC6310",))

    def prepare(self, **settings: Any) -> None:
        """Reset the part and let it sample with these settings, defaults elsewhere.

        Raises SetpointError for a setting that can't be, SettingsLost where it does not read back.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = None
        self._write(CTRL2, SOFT_RESET)
        self._clock.sleep(RESET_S)
        # Nothing says that a reset ends by itself.
        first, second = _control(asked)
        self._write(CTRL2, second)
        self._write(CTRL1, first)
        self._require(self._read(CTRL1, 2), asked)
        self._settings = asked

    def start(self) -> float:
        """Clear what is there already, and return the seconds until a new sample is certain."""
        rate_hz = float(self._prepared["rate"])
        self._read(STATUS, 1)
        self._read(OUT_X, 6)
        return SLOWEST / rate_hz

    def read(self) -> Block:
        """Return one sample in uT.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings.
        """
        before_s, settings = self._clock.now(), self._prepared
        status, *control = self._read(STATUS, CTRL2 - STATUS + 1)
        self._require(bytes(control), settings)
        if status & READY == 0 or status & NEVER_SET:
            raise NotReady(
                f"{self._where} has no new sample (status {status:#04x}); wait as long as start() "
                "says"
            )
        counts = decode_counts(self._read(OUT_X, 6))
        # It may have begun anew since its status.
        self._require(self._read(CTRL1, CTRL2 - CTRL1 + 1), settings)
        range_ut = float(settings["range"])
        row = []
        for channel, count in zip(self.CHANNELS, counts, strict=True):
            try:
                row.append(field_ut(count, range_ut))
            except Saturated as error:
                raise self._saturated(f"{channel.name}: {error}") from error
        if status & OVERFLOW:
            raise self._saturated(f"the status {status:#04x} tells an overflow")
        return Block(np.array([row]), before_s, self._clock.now())

    def self_test(self) -> dict[str, float]:
        """Add the part's own field, and return by how much each output moved, in uT, by channel.

        No limits are published: an axis that does not move is dead. The field around it must stay.
        The part is prepared again as it was. Raises ProtocolError where the test does not end.
        """
        before = self._settings
        self.prepare(range=SELF_TEST_RANGE_UT, rate=200.0)
        first, second = _control(self._prepared)
        self._write(CTRL1, first | CONTINUOUS)
        self._clock.sleep(CONTINUOUS_S)
        rows = []
        for _ in range(SELF_TEST_SAMPLES):
            self._clock.sleep(SAMPLE_S)
            rows.append(self._outputs_ut())
        self._write(CTRL2, second | SELF_TEST)
        self._clock.sleep(SELF_TEST_S)
        if self._read(CTRL2, 1)[0] & SELF_TEST:
            raise NotReady(f"{self._where} never finished its self-test")
        moved = np.abs(self._outputs_ut() - np.mean(rows, axis=0))
        self.prepare(**(before or {}))
        return {c.name: float(value) for c, value in zip(self.CHANNELS, moved, strict=True)}

    def _outputs_ut(self) -> npt.NDArray[np.float64]:
        counts = decode_counts(self._read(OUT_X, 6))
        return np.array([field_ut(count, SELF_TEST_RANGE_UT) for count in counts])

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
                f"{self._where}: registers 0x0a and 0x0b are {found.hex()}, {wanted.hex()} was "
                "written. Did the supply dip, or does somebody else use this part? Prepare it again"
            )

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register]), length)

    def _write(self, register: int, value: int) -> None:
        self._bus.transfer(self._address, bytes([register, value]))


def _control(settings: Settings) -> tuple[int, int]:
    """Return CTRL1 and CTRL2: normal mode, set and reset both on."""
    first = NORMAL | RATES_HZ[float(settings["rate"])]
    first |= OVERSAMPLING[float(settings["oversampling"])]
    first |= DOWNSAMPLING[float(settings["downsampling"])]
    return first, RANGES_UT[float(settings["range"])][0]
