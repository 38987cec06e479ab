"""QMI8658 over I2C: single readings and the part's own self-test.

- Accelerometer and gyroscope run at the same rate, on the gyroscope's clock.
- The part counts its samples (TIMESTAMP): a reading is new where the count has changed, and whole
  where it is the same after the burst, as nothing holds the data registers still.
- Bursts count up only after CTRL1 has ADDR_AI; a reset takes that away again.
- BE of CTRL1 is left on, as after reset. UNCERTAIN what it does: with it on, public drivers read
  low byte first, as here.
- Left out: the FIFO. It takes no samples while it is read, so that no stream of it is whole; rates
  above 900 Hz, at which registers change faster than they can be read; low power; motion engines.
- The temperature has a sign (some public drivers lose it below 0 degC).
Sources: lewisxhe/SensorLib SensorQMI8658_Reg.hpp and .cpp; byte order sebromero's
micropython-qmi8658c; times, supply, accuracy and that the FIFO stands still are recalled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, Settings, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, NotReady, Saturated, SettingsLost, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import ACCELERATION, ANGULAR_RATE, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.possible import require_possible

WHO_AM_I, CTRL1, CTRL2, CTRL3, CTRL5, CTRL7, STATUS_INT, TIMESTAMP, TEMP, RESULT, TEST, RESET = (
    0x00, 0x02, 0x03, 0x04, 0x06, 0x08, 0x2D, 0x30, 0x33, 0x4D, 0x51, 0x60,
)  # fmt: skip
QMI8658_ID = 0x05
COUNT_UP, BIG_ENDIAN = 0x40, 0x20
RESET_CODE, RESET_DONE, BOTH_ON = 0xB0, 0x80, 0x03
SELF_TEST, AVAILABLE = 0x80, 0x01
RESET_S, RESET_TRIES, START_S = 0.020, 25, 0.150
TRIES = 5  # to read between two samples
SLOWEST = 1.1  # how long to wait for a sample, in nominal periods
LOWEST, HIGHEST = -32768, 32767
# 8 g and 1024 deg/s at 224.2 Hz; whatever the range, results are in 1/2048 g and 1/16 deg/s.
SELF_TEST_CONTROL = {"acceleration": (CTRL2, 0x25), "angular_rate": (CTRL3, 0x65)}
SELF_TEST_LONGEST_S, SELF_TEST_STEP_S = 3.0, 0.020

G = 9.80665  # m/s2, CGPM 1901
ACCELERATION_RANGES = (2 * G, 4 * G, 8 * G, 16 * G)
ANGULAR_RATE_RANGES = (16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0)
RATES_HZ = {
    896.8: 3, 448.4: 4, 224.2: 5, 112.1: 6, 56.05: 7, 28.025: 8, 14.0125: 9, 7.006: 10,
}  # fmt: skip
FILTERS = {"off": 0x00, "2.66 %": 0x11, "3.63 %": 0x33, "5.39 %": 0x55, "13.37 %": 0x77}
"""CTRL5 by bandwidth of both sensors, as a share of the rate."""


class Qmi8658:
    """QMI8658A and QMI8658C, up to 16 g and 2048 deg/s, -40 to 85 degC, without a serial number."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        *(Channel(f"acceleration_{a}", ACCELERATION, a, accuracy=0.05 * G) for a in "xyz"),
        *(Channel(f"angular_rate_{a}", ANGULAR_RATE, a, accuracy=3.0) for a in "xyz"),
        Channel("temperature", TEMPERATURE, accuracy=3.0),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "acceleration_range": Setting(2 * G, ACCELERATION_RANGES, Dimension.ACCELERATION),
        "angular_rate_range": Setting(512.0, ANGULAR_RATE_RANGES, Dimension.ANGULAR_RATE),
        "rate": Setting(112.1, tuple(RATES_HZ), Dimension.FREQUENCY),
        "filter": Setting("off", tuple(FILTERS)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.71, 3.6)
    SELF_TEST_LIMITS: ClassVar[Mapping[str, tuple[float, float]]] = {
        **{f"acceleration_{a}": (0.2 * G, math.inf) for a in "xyz"},
        **{f"angular_rate_{a}": (300.0, math.inf) for a in "xyz"},
    }

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._seen: bytes | None = None  # the count of the last sample that is old

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no QMI8658 (A or C)."""
        found = self._read(WHO_AM_I, 1)[0]
        if found != QMI8658_ID:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {found:#04x}, a QMI8658 has {QMI8658_ID:#04x}"
            )
        return Identity("QST", "QMI8658A", or_models=("QMI8658C",))

    def prepare(self, **settings: Any) -> None:
        """Reset the part and start both sensors with these settings, defaults elsewhere.

        Raises SetpointError for a setting that can't be, NotReady if the reset does not end.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = self._seen = None
        self._reset()
        control = _control(asked)
        for register in (CTRL1, CTRL2, CTRL3, CTRL5, CTRL7):
            self._write(register, control[register - CTRL1])
        self._settings = asked
        self._clock.sleep(START_S + 3 * SLOWEST / float(asked["rate"]))

    def start(self) -> float:
        """Note which sample is old, and return the seconds until a new one is certain."""
        self._check_control()
        self._seen = self._read(TIMESTAMP, 3)
        return SLOWEST / float(self._prepared["rate"])

    def read(self) -> Block:
        """Return one sample in m/s2, deg/s and degC.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings; BenchError before `start`.
        """
        before_s = self._clock.now()
        if self._seen is None:
            raise BenchError(f"{self._where}: start() waits for a new sample; call it first")
        self._check_control()
        burst = self._whole_burst()
        if burst[:3] == self._seen:
            raise NotReady(
                f"{self._where} has no new sample (its count is still {burst[:3].hex()}); wait as "
                "long as start() says"
            )
        self._seen = None
        self._check_control()  # it may have begun anew since the first look
        temperature, *raw = np.frombuffer(burst[TEMP - TIMESTAMP :], "<i2").tolist()
        for channel, count in zip(self.CHANNELS, raw, strict=False):
            if count in (LOWEST, HIGHEST):
                raise Saturated(
                    f"{self._where}: {channel.name} is saturated; choose a larger range, or move "
                    "less"
                )
        if temperature in (LOWEST, HIGHEST):
            raise Saturated(
                f"{self._where}: temperature is saturated at {temperature / 256.0:.0f} degC; the "
                "part tells none beyond that"
            )
        row = (*(np.array(raw) * _scales(self._prepared)).tolist(), temperature / 256.0)
        require_possible(self._where, self.CHANNELS, row)
        return Block(np.array([row]), before_s, self._clock.now())

    def _whole_burst(self) -> bytes:
        """Return the registers from TIMESTAMP to the last output, all of one sample."""
        for _ in range(TRIES):
            burst = self._read(TIMESTAMP, TEMP + 14 - TIMESTAMP)
            if self._read(TIMESTAMP, 3) == burst[:3]:
                return burst
        raise NotReady(
            f"{self._where}: a new sample came into each of {TRIES} readings; choose a lower rate "
            "or a faster bus clock"
        )

    # -- self-test -------------------------------------------------------------------------

    def self_test(self) -> dict[str, float]:
        """Let the part test itself; return by how much it moved its masses, without sign.

        In m/s2 and deg/s, by channel; SELF_TEST_LIMITS says what a good part has at least. The
        part must be at rest. It is prepared again as it was. Raises NotReady where it does not
        finish.
        """
        before = self._settings
        self._settings = self._seen = None
        self._reset()
        self._write(CTRL1, COUNT_UP | BIG_ENDIAN)
        found = {}
        for name, digit in (("acceleration", G / 2048), ("angular_rate", 1 / 16)):
            register, control = SELF_TEST_CONTROL[name]
            self._write(register, control | SELF_TEST)
            self._wait_for(AVAILABLE, name)
            self._write(register, control)
            self._wait_for(0, name)
            moved = np.frombuffer(self._read(TEST, 6), "<i2")
            for axis, count in zip("xyz", moved.tolist(), strict=True):
                found[f"{name}_{axis}"] = abs(count) * digit
        self.prepare(**(before or {}))
        return found

    def _wait_for(self, flag: int, name: str) -> None:
        for _ in range(round(SELF_TEST_LONGEST_S / SELF_TEST_STEP_S)):
            if self._read(STATUS_INT, 1)[0] & AVAILABLE == flag:
                return
            self._clock.sleep(SELF_TEST_STEP_S)
        raise NotReady(
            f"{self._where} did not end its self-test of {name} in {SELF_TEST_LONGEST_S:g} s"
        )

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() starts the part; call it first")
        return self._settings

    def _reset(self) -> None:
        self._write(RESET, RESET_CODE)
        for _ in range(RESET_TRIES):
            self._clock.sleep(RESET_S)
            if self._read(RESULT, 1)[0] & RESET_DONE:
                return
        raise NotReady(f"{self._where} never finished its reset")

    def _check_control(self) -> None:
        found, expected = self._read(CTRL1, CTRL7 + 1 - CTRL1), _control(self._prepared)
        if found != expected:
            raise SettingsLost(
                f"{self._where}: CTRL1 to CTRL7 are {found.hex()}, {expected.hex()} was written. "
                "Did the supply dip, or does somebody else use this part? Prepare it again"
            )

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register]), length)

    def _write(self, register: int, value: int) -> None:
        self._bus.transfer(self._address, bytes([register, value]))


def _control(asked: Settings) -> bytes:
    """Return CTRL1 to CTRL7."""
    rate = RATES_HZ[float(asked["rate"])]
    accel = ACCELERATION_RANGES.index(float(asked["acceleration_range"])) << 4 | rate
    gyro = ANGULAR_RATE_RANGES.index(float(asked["angular_rate_range"])) << 4 | rate
    return bytes((COUNT_UP | BIG_ENDIAN, accel, gyro, 0, FILTERS[str(asked["filter"])], 0, BOTH_ON))


def _scales(asked: Settings) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return what a count is worth, shape (6,), in m/s2 and deg/s."""
    full_scales = (asked["acceleration_range"],) * 3 + (asked["angular_rate_range"],) * 3
    return np.array(full_scales, np.float64) / 32768
