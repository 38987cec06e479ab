"""ADXL345 over I2C: single readings, a stream from its FIFO, and its self-test.

- The part has no reset: what somebody may have left (offsets, interrupts, FIFO) is written back.
- The settings come along with every reading, so that a part that lost its supply is an error, not a
  part that stands still.
- A burst pops one sample of the FIFO and its window does not wrap: 6 bytes are the largest.
Sources: map and rates Adafruit CircuitPython ADXL34x; self-test, low power, formats: ADXL345 data
sheet rev. E, pages 22, 32 and 33; FIFO: ADXL313 data sheet rev. C, page 16 (same core). Bits of the
control registers, times and accuracy are recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.channel import Block, Channel, Setting, Settings, Stream, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    NotReady,
    Saturated,
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import ACCELERATION
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.adxl345.codec import SAMPLE_BYTES, decode_samples, ends_of, is_saturated
from sensorbench.sensors.drained import filled_meanwhile

DEVID, OFFSETS, BW_RATE, POWER_CTL, INT_ENABLE, INT_SOURCE, DATA_FORMAT, DATA, FIFO_CTL = (
    0x00, 0x1E, 0x2C, 0x2D, 0x2E, 0x30, 0x31, 0x32, 0x38,
)  # fmt: skip
ADXL345_ID = 0xE5
LOW_POWER, MEASURE, SELF_TEST, FULL_RESOLUTION = 0x10, 0x08, 0x80, 0x08
DATA_READY, OVERRUN = 0x80, 0x01
BYPASS, STREAM, ENTRIES = 0x00, 0x80, 0x3F
FIFO_SAMPLES = 32
WAKE_S = 0.002
SLOWEST = 1.2  # how long to wait for a sample, in nominal periods
STALLED_PERIODS = 20
BITS = 9 * (3 + SAMPLE_BYTES)  # of one sample on the bus: both addresses and the register, too

G = 9.80665  # m/s2, CGPM 1901
RANGES = {2 * G: 2, 4 * G: 4, 8 * G: 8, 16 * G: 16}
# Codes 0 to 15 of BW_RATE.
RATES_HZ = (
    0.1, 0.2, 0.39, 0.78, 1.56, 3.13, 6.25, 12.5, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0,
    3200.0,
)  # fmt: skip
LOW_POWER_HZ = (12.5, 400.0)
LAST_BIT_ZERO_HZ = 1600.0  # from here on, where a digit is 1/256 g
SELF_TEST_HZ, SELF_TEST_RANGE, SELF_TEST_SAMPLES = 100.0, 16 * G, 10
SELF_TEST_SETTLE_S = 0.05
# Data sheet tables 14 and 15: limits at 2.5 V in digits of 1/256 g, and factors by supply.
_SELF_TEST_DIGITS = {"x": (50.0, 540.0), "y": (-540.0, -50.0), "z": (75.0, 875.0)}
_SUPPLIES_V = (2.0, 2.5, 3.3, 3.6)
_FACTORS = {"x": (0.64, 1.0, 1.77, 2.11), "y": (0.64, 1.0, 1.77, 2.11), "z": (0.8, 1.0, 1.47, 1.69)}


def self_test_limits(supply_v: float) -> dict[str, tuple[float, float]]:
    """Return by how much the self-test moves a good part at a supply, in m/s2, by channel.

    >>> low, high = self_test_limits(2.5)["acceleration_y"]
    >>> round(low / G, 2), round(high / G, 2)
    (-2.11, -0.2)
    """
    return {
        f"acceleration_{axis}": (
            low / 256 * G * float(np.interp(supply_v, _SUPPLIES_V, _FACTORS[axis])),
            high / 256 * G * float(np.interp(supply_v, _SUPPLIES_V, _FACTORS[axis])),
        )
        for axis, (low, high) in _SELF_TEST_DIGITS.items()
    }


class Adxl345:
    """ADXL345, up to 16 g, -40 to 85 degC. It has no serial number; an ADXL343 answers the same."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = tuple(
        Channel(f"acceleration_{axis}", ACCELERATION, axis, accuracy=accuracy_g * G)
        for axis, accuracy_g in (("x", 0.04), ("y", 0.04), ("z", 0.08))
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "range": Setting(2 * G, tuple(RANGES), Dimension.ACCELERATION),
        "rate": Setting(100.0, RATES_HZ, Dimension.FREQUENCY),
        "resolution": Setting("full", ("full", "10 bit")),
        "power": Setting("normal", ("normal", "low")),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.0, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._is_started = self._streams = False
        self._last_samples_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no ADXL345 (an ADXL343 passes)."""
        found = self._read(DEVID, 1)[0]
        if found != ADXL345_ID:
            raise WrongDevice(
                f"DEVID at {self._where} is {found:#04x}, an ADXL345 has {ADXL345_ID:#04x}"
            )
        return Identity("Analog Devices", "ADXL345", or_models=("ADXL343",))

    def prepare(self, **settings: Any) -> None:
        """Write back what somebody may have left, and let it measure with these settings.

        Raises SetpointError for settings that can't be.
        """
        asked = chosen(self.SETTINGS, settings)
        control = _control(asked)
        self._settings, self._is_started, self._streams = None, False, False
        self._write(POWER_CTL, 0)
        self._write(FIFO_CTL, BYPASS)
        self._write(OFFSETS, 0, 0, 0)
        self._write(INT_ENABLE, 0)
        self._write(BW_RATE, control[0])
        self._write(DATA_FORMAT, control[2])
        self._write(POWER_CTL, control[1])
        self._settings = asked

    def start(self) -> float:
        """Clear what is there already, and return the seconds until a new sample is certain."""
        if self._streams:
            raise BenchError(f"{self._where} streams; close_stream() ends that")
        self._burst()
        self._is_started = True
        return WAKE_S + SLOWEST / float(self._prepared["rate"])

    def read(self) -> Block:
        """Return one sample in m/s2.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started:
            raise BenchError(f"{self._where}: start() waits for a new sample; call it first")
        burst = self._burst()
        if not burst[INT_SOURCE - BW_RATE] & DATA_READY:
            raise NotReady(
                f"{self._where} has no new sample (INT_SOURCE {burst[INT_SOURCE - BW_RATE]:#04x}); "
                "wait as long as start() says"
            )
        self._is_started = False
        counts = decode_samples([burst[DATA - BW_RATE :]])
        asked = self._prepared
        for channel, count in zip(self.CHANNELS, counts[0], strict=True):
            if is_saturated(np.array([count], np.int16), _ends(asked), _step(asked)):
                raise Saturated(
                    f"{self._where}: {channel.name} is saturated; choose a larger range, or move "
                    "less"
                )
        return Block(counts.astype(np.float64) * _scale(asked), before_s, self._clock.now())

    # -- the stream ------------------------------------------------------------------------

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the FIFO gives with `settings`. Raises SetpointError for what can't be."""
        asked = chosen(cls.SETTINGS, settings)
        _control(asked)
        return Stream(
            rate_hz=float(asked["rate"]),
            depth=FIFO_SAMPLES,
            bits=float(BITS),
            sample_bytes=SAMPLE_BYTES,
            burst_bytes=SAMPLE_BYTES,
            channels=tuple(channel.name for channel in cls.CHANNELS),
            scale=(_scale(asked),) * 3,
            offset=(0.0,) * 3,
        )

    def open_stream(self) -> None:
        """Empty the FIFO and let it fill. Raises BenchError before `prepare`."""
        assert self._prepared  # noqa: S101 - raises
        self._write(FIFO_CTL, BYPASS)
        self._read(DATA, SAMPLE_BYTES)  # an old overrun is nobody's concern
        self._write(FIFO_CTL, STREAM)
        self._streams, self._is_started = True, False
        self._last_samples_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all samples that are in the FIFO: int16, shape (n, 3).

        Raises ProtocolError for a part that lost its settings or stands still, and BenchError
        before `open_stream`.
        """
        if not self._streams:
            raise BenchError(f"{self._where}: open_stream() starts the FIFO; call it first")
        before_s = self._clock.now()
        control = self._read(BW_RATE, DATA - BW_RATE)
        self._check_control(control)
        fifo, status = self._read(FIFO_CTL, 2)
        if fifo != STREAM:
            raise SettingsLost(
                f"{self._where}: FIFO_CTL is {fifo:#04x}, {STREAM:#04x} was written. Does somebody "
                "else use this part?"
            )
        level = status & ENTRIES
        samples = [self._read(DATA, SAMPLE_BYTES) for _ in range(level)]
        if samples and not any(samples[-1]):
            # Nothing is what a part has that began anew meanwhile.
            self._check_control(self._read(BW_RATE, DATA - BW_RATE))
        end_s = self._clock.now()
        # Its flag goes with each sample that is read.
        lost = bool(control[INT_SOURCE - BW_RATE] & OVERRUN) or filled_meanwhile(
            level, FIFO_SAMPLES, float(self._prepared["rate"]), end_s - before_s,
            lambda: self._read(FIFO_CTL + 1, 1)[0] & ENTRIES,
        )  # fmt: skip
        rows = decode_samples(samples)
        self._see_that_it_runs(len(rows), before_s)
        asked = self._prepared
        saturated = is_saturated(rows, _ends(asked), _step(asked))
        return Block(rows, before_s, end_s, overflow=lost, saturated=saturated)

    def close_stream(self) -> None:
        """Stop filling; what is in the FIFO is gone."""
        self._streams = False
        self._write(FIFO_CTL, BYPASS)

    # -- self-test -------------------------------------------------------------------------

    def self_test(self) -> dict[str, float]:
        """Move the mass by its own electrodes; return by how much the outputs moved, in m/s2.

        With sign, by channel; `self_test_limits` says what a good part has at its supply. The part
        must be at rest. It is prepared again as it was. Raises ProtocolError without samples.
        """
        before = self._settings
        self.prepare(range=SELF_TEST_RANGE, rate=SELF_TEST_HZ)
        without = self._mean()
        format_ = _control(self._prepared)[2]
        self._write(DATA_FORMAT, format_ | SELF_TEST)
        self._clock.sleep(SELF_TEST_SETTLE_S)
        moved = self._mean() - without
        self._write(DATA_FORMAT, format_)
        scale = _scale(self._prepared)
        self.prepare(**(before or {}))
        return {
            channel.name: scale * float(count)
            for channel, count in zip(self.CHANNELS, moved, strict=True)
        }

    def _mean(self) -> npt.NDArray[np.float64]:
        """Return the mean counts of the axes, the first sample left out."""
        rows = []
        for _ in range(1 + SELF_TEST_SAMPLES):
            self._read(DATA, SAMPLE_BYTES)
            self._clock.sleep(WAKE_S + SLOWEST / SELF_TEST_HZ)
            if not self._read(INT_SOURCE, 1)[0] & DATA_READY:
                raise NotReady(f"{self._where} takes no samples in its self-test")
            rows.append(decode_samples([self._read(DATA, SAMPLE_BYTES)])[0])
        return np.asarray(np.mean(rows[1:], axis=0))

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() sets the part up; call it first")
        return self._settings

    def _burst(self) -> bytes:
        burst = self._read(BW_RATE, FIFO_CTL - BW_RATE)
        self._check_control(burst)
        return burst

    def _check_control(self, burst: bytes) -> None:
        found = bytes((burst[0], burst[1], burst[DATA_FORMAT - BW_RATE]))
        expected = bytes(_control(self._prepared))
        if found != expected:
            raise SettingsLost(
                f"{self._where}: BW_RATE, POWER_CTL and DATA_FORMAT are {found.hex()}, "
                f"{expected.hex()} was written. Did the supply dip, or does somebody else use this "
                "part? Prepare it again"
            )

    def _see_that_it_runs(self, samples: int, now_s: float) -> None:
        if samples:
            self._last_samples_s = self._clock.now()  # what came is fetched by now
            return
        silent_s = now_s - self._last_samples_s
        if silent_s > STALLED_PERIODS / float(self._prepared["rate"]):
            raise NotReady(f"{self._where}: the FIFO got no sample for {silent_s:.3g} s")

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register]), length)

    def _write(self, register: int, *values: int) -> None:
        self._bus.transfer(self._address, bytes([register, *values]))


def _control(asked: Settings) -> tuple[int, int, int]:
    """Return BW_RATE, POWER_CTL and DATA_FORMAT. Raises SetpointError for what can't be."""
    rate_hz, low = float(asked["rate"]), asked["power"] == "low"
    if low and not LOW_POWER_HZ[0] <= rate_hz <= LOW_POWER_HZ[1]:
        raise SetpointError(
            f"power can't be 'low' at {rate_hz:g} Hz; allowed: {LOW_POWER_HZ[0]:g} to "
            f"{LOW_POWER_HZ[1]:g} Hz"
        )
    format_ = list(RANGES).index(float(asked["range"]))
    format_ |= FULL_RESOLUTION if asked["resolution"] == "full" else 0
    return RATES_HZ.index(rate_hz) | (LOW_POWER if low else 0), MEASURE, format_


def _ends(asked: Settings) -> tuple[int, int]:
    return ends_of(RANGES[float(asked["range"])], full_resolution=asked["resolution"] == "full")


def _scale(asked: Settings) -> float:
    """Return what a count is worth, in m/s2."""
    wider = 1 if asked["resolution"] == "full" else RANGES[float(asked["range"])] // 2
    return wider * G / 256


def _step(asked: Settings) -> int:
    """Return 2 where the fastest rates leave the last bit 0 (data sheet, page 32)."""
    fine = asked["resolution"] == "full" or RANGES[float(asked["range"])] == 2
    return 2 if fine and float(asked["rate"]) >= LAST_BIT_ZERO_HZ else 1
