"""LIS2DH12 over I2C: single readings, a stream from its FIFO, and its self-test.

- Bursts set bit 7 of the register number: without it one register comes again and again.
- The part has no reset: its boot loads trimming only, so control registers are all written.
- The control registers come along with every reading, so that a part that lost its supply is an
  error, not a part that stands still.
- The part says that its FIFO is full, not that samples were lost; a full one is taken for that.
Sources: registers, codes and scales: hal_st lis2dh12_reg.h and .c; turn-on: LIS2DH data sheet Doc
ID 022516 rev 1, table 10; FIFO, self-test limits and accuracy are recalled.
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
    ProtocolError,
    Saturated,
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import ACCELERATION, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.drained import filled_meanwhile
from sensorbench.sensors.lis2dh12.codec import (
    MODES,
    SAMPLE_BYTES,
    decode_samples,
    decode_temperature,
    is_saturated,
)

STATUS_AUX, OUT_TEMP, WHO_AM_I, TEMP_CFG, CTRL_REG1, CTRL_REG2, CTRL_REG4, CTRL_REG5, STATUS = (
    0x07, 0x0C, 0x0F, 0x1F, 0x20, 0x21, 0x23, 0x24, 0x27,
)  # fmt: skip
OUT, END, FIFO_CTRL, FIFO_SRC, INT1_CFG, INT2_CFG, CLICK_CFG = (
    0x28, 0x2E, 0x2E, 0x2F, 0x30, 0x34, 0x38,
)  # fmt: skip
BURST = 0x80
LIS2DH12_ID = 0x33
ALL_AXES, LOW_POWER = 0x07, 0x08
BDU, HIGH_RESOLUTION, SELF_TEST = 0x80, 0x08, 0x02
BOOT, FIFO_ON = 0x80, 0x40
BYPASS, STREAM, FULL, LEVEL = 0x00, 0x80, 0x40, 0x1F
TEMPERATURE_ON = 0xC0
ALL_NEW, TEMPERATURE_NEW = 0x08, 0x04
BOOT_S = 0.005
TURN_ON_PERIODS = 7  # into high resolution; the other modes take one
SLOWEST = 1.2  # how long to wait for a sample, in nominal periods
STALLED_PERIODS = 20
# From one look at all settings of a stream to the next: up to 250 Hz that is each drain of a FIFO
# that is half full; faster, samples of so long may have another worth. A reset shows in FIFO_CTRL.
LOOKS_S = 0.06
FIFO_SAMPLES = 32
BURST_BITS = 20 * 9  # a drain's other bytes: status, settings, addressing

G = 9.80665  # m/s2, CGPM 1901
RANGES = (2 * G, 4 * G, 8 * G, 16 * G)
# Codes by rate; the fastest are of one mode alone: 9 is two rates.
RATES_HZ = {
    1.0: 1, 10.0: 2, 25.0: 3, 50.0: 4, 100.0: 5, 200.0: 6, 400.0: 7, 1344.0: 9, 1620.0: 8,
    5376.0: 9,
}  # fmt: skip
ONLY_LOW_POWER_HZ, NEVER_LOW_POWER_HZ = (1620.0, 5376.0), (1344.0,)
BY_RATE = "by rate"
SELF_TEST_HZ, SELF_TEST_SAMPLES = 100.0, 5


class Lis2dh12:
    """LIS2DH12, up to 16 g, -40 to 85 degC. It has no serial number; a LIS3DH answers the same.

    Of its temperature only differences are specified.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        *(Channel(f"acceleration_{a}", ACCELERATION, a, accuracy=0.04 * G) for a in "xyz"),
        Channel("temperature", TEMPERATURE),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "range": Setting(2 * G, RANGES, Dimension.ACCELERATION),
        "rate": Setting(100.0, tuple(RATES_HZ), Dimension.FREQUENCY),
        "mode": Setting(BY_RATE, (BY_RATE, *MODES)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.71, 3.6)
    # 17 to 360 digits of 4 mg.
    SELF_TEST_LIMITS: ClassVar[Mapping[str, tuple[float, float]]] = {
        f"acceleration_{a}": (0.068 * G, 1.440 * G) for a in "xyz"
    }

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._control = b""
        self._is_started = self._streams = False
        self._last_samples_s = self._looks_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is none of the family."""
        found = self._read(WHO_AM_I, 1)[0]
        if found != LIS2DH12_ID:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {found:#04x}, a LIS2DH12 has {LIS2DH12_ID:#04x}"
            )
        return Identity("STMicroelectronics", "LIS2DH12", or_models=("LIS3DH", "LIS2DH"))

    def prepare(self, **settings: Any) -> None:
        """Boot the part, write all of its settings, and wait until its samples are good.

        Raises SetpointError for settings that can't be, NotReady if the boot does not end.
        """
        asked = chosen(self.SETTINGS, settings)
        mode = _mode(asked)
        self._settings, self._is_started, self._streams = None, False, False
        self._write(CTRL_REG1, ALL_AXES)
        self._write(CTRL_REG5, BOOT)
        self._clock.sleep(BOOT_S)
        if self._read(CTRL_REG5, 1)[0] & BOOT:
            raise NotReady(f"{self._where} never finished its boot")
        for register in (INT1_CFG, INT2_CFG, CLICK_CFG, FIFO_CTRL):
            self._write(register, 0)
        self._write(TEMP_CFG, TEMPERATURE_ON)
        self._control = _control(asked)
        self._write(CTRL_REG2, *self._control[1:])
        self._write(CTRL_REG1, self._control[0])
        self._settings = asked
        periods = TURN_ON_PERIODS if mode == "high resolution" else 1
        self._clock.sleep(SLOWEST * periods / float(asked["rate"]))

    def start(self) -> float:
        """Clear what is there already, and return the seconds until a new sample is certain."""
        if self._streams:
            raise BenchError(f"{self._where} streams; close_stream() ends that")
        asked = self._prepared
        self._burst()
        self._is_started = True
        return SLOWEST / float(asked["rate"])

    def read(self) -> Block:
        """Return one sample in m/s2 and degC.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started:
            raise BenchError(f"{self._where}: start() waits for a new sample; call it first")
        burst, aux = self._burst()
        status = burst[STATUS - CTRL_REG1]
        if not (status & ALL_NEW and aux[0] & TEMPERATURE_NEW):
            raise NotReady(
                f"{self._where} has no new sample (STATUS {status:#04x}, {aux[0]:#04x}); "
                "wait as long as start() says"
            )
        self._is_started = False
        asked = self._prepared
        shift = MODES[_mode(asked)][0]
        digits = decode_samples(burst[OUT - CTRL_REG1 :], shift)[0]
        for channel, digit in zip(self.CHANNELS, digits, strict=False):
            if is_saturated(np.array([digit]), shift):
                raise Saturated(
                    f"{self._where}: {channel.name} is saturated; choose a larger range, or move "
                    "less"
                )
        try:
            temperature_c = decode_temperature(aux[OUT_TEMP - STATUS_AUX :])
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        row = (*(digits * _scale(asked)).tolist(), temperature_c)
        return Block(np.array([row], np.float64), before_s, self._clock.now())

    # -- the stream ------------------------------------------------------------------------

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the FIFO gives with `settings`: three axes, without temperature.

        Raises SetpointError for settings that can't be.
        """
        asked = chosen(cls.SETTINGS, settings)
        return Stream(
            rate_hz=float(asked["rate"]),
            depth=FIFO_SAMPLES,
            # Nine clocks a byte; a drain's overhead shared by a FIFO that is half full.
            bits=9 * SAMPLE_BYTES + BURST_BITS / (FIFO_SAMPLES / 2),
            sample_bytes=SAMPLE_BYTES,
            burst_bytes=SAMPLE_BYTES * FIFO_SAMPLES,
            channels=tuple(channel.name for channel in cls.CHANNELS[:3]),
            scale=(_scale(asked),) * 3,
            offset=(0.0,) * 3,
        )

    def open_stream(self) -> None:
        """Empty the FIFO and let it fill. Raises BenchError before `prepare`."""
        self._let_fifo(on=True)
        self._write(FIFO_CTRL, BYPASS)
        self._write(FIFO_CTRL, STREAM)
        self._streams, self._is_started = True, False
        self._last_samples_s = self._looks_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all samples that are in the FIFO, in one burst: int16, shape (n, 3).

        Raises ProtocolError for a part that lost its settings or stands still, and BenchError
        before `open_stream`.
        """
        if not self._streams:
            raise BenchError(f"{self._where}: open_stream() starts the FIFO; call it first")
        before_s = self._clock.now()
        if before_s >= self._looks_s:
            self._check_control(self._read(CTRL_REG1, 6))
            self._looks_s = before_s + LOOKS_S
        fifo, source = self._read(FIFO_CTRL, 2)
        if fifo != STREAM:
            raise SettingsLost(
                f"{self._where}: FIFO_CTRL is {fifo:#04x}, {STREAM:#04x} was written. Does "
                "somebody else use this part?"
            )
        full, level = bool(source & FULL), _level(source)
        # The address goes from the last byte of a sample to the first of the next.
        data = self._read(OUT, level * SAMPLE_BYTES) if level else b""
        if data and not any(data[-SAMPLE_BYTES:]):
            # Nothing is what a part has that began anew meanwhile.
            self._check_control(self._read(CTRL_REG1, 6))
        shift = MODES[_mode(self._prepared)][0]
        end_s = self._clock.now()
        lost = full or filled_meanwhile(
            level, FIFO_SAMPLES, float(self._prepared["rate"]), end_s - before_s,
            lambda: _level(self._read(FIFO_SRC, 1)[0]),
        )  # fmt: skip
        rows = decode_samples(data, shift)
        self._see_that_it_runs(len(rows), before_s)
        return Block(rows, before_s, end_s, overflow=lost, saturated=is_saturated(rows, shift))

    def close_stream(self) -> None:
        """Stop filling; what is in the FIFO is gone."""
        self._streams = False
        self._write(FIFO_CTRL, BYPASS)
        self._let_fifo(on=False)

    def _let_fifo(self, *, on: bool) -> None:
        assert self._prepared  # noqa: S101 - raises
        value = FIFO_ON if on else 0
        self._write(CTRL_REG5, value)
        at = CTRL_REG5 - CTRL_REG1
        self._control = self._control[:at] + bytes([value]) + self._control[at + 1 :]

    # -- self-test -------------------------------------------------------------------------

    def self_test(self) -> dict[str, float]:
        """Move the mass by its own electrodes; return by how much the outputs moved, in m/s2.

        Without sign, by channel; SELF_TEST_LIMITS says what a good part has. The part must be at
        rest. It is prepared again as it was. Raises ProtocolError without samples.
        """
        before = self._settings
        self.prepare(range=2 * G, rate=SELF_TEST_HZ, mode="normal")
        without = self._mean()
        self._write(CTRL_REG4, self._control[3] | SELF_TEST)
        moved = np.abs(self._mean() - without)
        scale = _scale(self._prepared)
        self.prepare(**(before or {}))
        return {
            channel.name: scale * float(digits)
            for channel, digits in zip(self.CHANNELS, moved, strict=False)
        }

    def _mean(self) -> npt.NDArray[np.float64]:
        """Return the mean digits of the axes, the first two samples left out."""
        rows = []
        for _ in range(2 + SELF_TEST_SAMPLES):
            self._read(OUT, SAMPLE_BYTES)
            self._clock.sleep(SLOWEST / SELF_TEST_HZ)
            burst = self._read(STATUS, END - STATUS)
            if not burst[0] & ALL_NEW:
                raise NotReady(f"{self._where} takes no samples in its self-test")
            rows.append(decode_samples(burst[1:], MODES["normal"][0])[0])
        return np.asarray(np.mean(rows[2:], axis=0))

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() sets the part up; call it first")
        return self._settings

    def _burst(self) -> tuple[bytes, bytes]:
        """Return the registers from CTRL_REG1 to the outputs, and the temperature with its flag."""
        burst = self._read(CTRL_REG1, END - CTRL_REG1)
        self._check_control(burst)
        return burst, self._read(STATUS_AUX, OUT_TEMP + 2 - STATUS_AUX)

    def _check_control(self, burst: bytes) -> None:
        found = burst[: len(self._control)]
        if found != self._control:
            raise SettingsLost(
                f"{self._where}: CTRL_REG1 to 6 are {found.hex()}, {self._control.hex()} was "
                "written. Did the supply dip, or does somebody else use this part? Prepare it again"
            )

    def _see_that_it_runs(self, samples: int, now_s: float) -> None:
        if samples:
            self._last_samples_s = self._clock.now()  # what came is fetched by now
            return
        silent_s = now_s - self._last_samples_s
        if silent_s > STALLED_PERIODS / float(self._prepared["rate"]):
            raise NotReady(f"{self._where}: the FIFO got no sample for {silent_s:.3g} s")

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register | BURST]), length)

    def _write(self, register: int, *values: int) -> None:
        self._bus.transfer(self._address, bytes([register | BURST, *values]))


def _level(source: int) -> int:
    """Return how many samples FIFO_SRC tells of."""
    return FIFO_SAMPLES if source & FULL else source & LEVEL


def _mode(asked: Settings) -> str:
    """Return the mode. Raises SetpointError for one that the rate does not have."""
    rate_hz, mode = float(asked["rate"]), str(asked["mode"])
    if mode == BY_RATE:
        return "low power" if rate_hz in ONLY_LOW_POWER_HZ else "high resolution"
    if rate_hz in (NEVER_LOW_POWER_HZ if mode == "low power" else ONLY_LOW_POWER_HZ):
        allowed = "'normal', 'high resolution'" if mode == "low power" else "'low power'"
        raise SetpointError(f"mode can't be {mode!r} at {rate_hz:g} Hz; allowed: {allowed}")
    return mode


def _control(asked: Settings) -> bytes:
    """Return CTRL_REG1 to 6, without the FIFO."""
    mode = _mode(asked)
    first = RATES_HZ[float(asked["rate"])] << 4 | ALL_AXES
    first |= LOW_POWER if mode == "low power" else 0
    fourth = BDU | RANGES.index(float(asked["range"])) << 4
    fourth |= HIGH_RESOLUTION if mode == "high resolution" else 0
    return bytes((first, 0, 0, fourth, 0, 0))


def _scale(asked: Settings) -> float:
    """Return what a digit is worth, in m/s2."""
    return MODES[_mode(asked)][1][RANGES.index(float(asked["range"]))] * 1e-3 * G
