"""LSM6DSO over I2C: single readings, a stream from its FIFO, and its self-test.

- Accelerometer and gyroscope always run at the same rate.
- The control registers come along with every reading, so that a part that was reset behind the
  driver's back (a dip of the supply) is an error, not a part that reads zeros.
- Data registers hold still while they are read (BDU), and a reading has all its data-ready bits.
Sources: registers, codes and scales: hal_st lsm6dso_reg.h and .c; times, self-test and accuracy are
recalled from the LSM6DSO datasheet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, Settings, Stream, chosen
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
from sensorbench.core.quantity import ACCELERATION, ANGULAR_RATE, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.drained import could_fill
from sensorbench.sensors.lsm6dso import registers as reg
from sensorbench.sensors.lsm6dso.codec import (
    HIGHEST,
    LOWEST,
    WORD_BYTES,
    WORDS_PER_SET,
    FifoDecoder,
    decode_axes,
    decode_temperature,
    is_saturated,
)


class Lsm6dso:
    """LSM6DSO, up to 16 g and 2000 deg/s, -40 to 85 degC. It has no serial number."""

    MODEL: ClassVar[str] = "LSM6DSO"
    OR_MODELS: ClassVar[tuple[str, ...]] = ("LSM6DSOX",)
    WHO_AM_I: ClassVar[int] = 0x6C
    ANGULAR_RATE_RANGES: ClassVar[reg.Ranges] = reg.ANGULAR_RATE_RANGES
    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        *(Channel(f"acceleration_{a}", ACCELERATION, a, accuracy=0.02 * reg.G) for a in "xyz"),
        *(Channel(f"angular_rate_{a}", ANGULAR_RATE, a, accuracy=1.0) for a in "xyz"),
        Channel("temperature", TEMPERATURE, accuracy=15.0),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "acceleration_range": Setting(
            2 * reg.G, tuple(reg.ACCELERATION_RANGES), Dimension.ACCELERATION
        ),
        "angular_rate_range": Setting(
            500.0, tuple(reg.ANGULAR_RATE_RANGES), Dimension.ANGULAR_RATE
        ),
        "rate": Setting(104.0, reg.RATES_HZ, Dimension.FREQUENCY),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.71, 3.6)
    SELF_TEST_LIMITS: ClassVar[Mapping[str, tuple[float, float]]] = {
        **{f"acceleration_{a}": (0.050 * reg.G, 1.700 * reg.G) for a in "xyz"},
        **{f"angular_rate_{a}": (150.0, 700.0) for a in "xyz"},
    }

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._decoder: FifoDecoder | None = None
        self._last_samples_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is none of this model; some share it."""
        found = self._read(reg.WHO_AM_I, 1)[0]
        if found != self.WHO_AM_I:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {found:#04x}, an {self.MODEL} has "
                f"{self.WHO_AM_I:#04x}"
            )
        return Identity("STMicroelectronics", self.MODEL, or_models=self.OR_MODELS)

    def prepare(self, **settings: Any) -> None:
        """Reset the part and start both sensors with these settings, defaults elsewhere.

        Raises SetpointError for a setting that can't be, ProtocolError if the reset does not end.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = self._decoder = None
        self._leave_other_pages()
        # Both asleep first: a reset of a part that samples may hang (hal_st, recalled).
        self._write(reg.CTRL1_XL, 0)
        self._write(reg.CTRL2_G, 0)
        self._write(reg.CTRL3_C, reg.SW_RESET | reg.IF_INC)
        self._clock.sleep(reg.RESET_S)
        if self._read(reg.CTRL3_C, 1)[0] & reg.SW_RESET:
            raise NotReady(f"{self._where} never finished its reset")
        self._write(reg.CTRL9_XL, reg.CTRL9)
        self._write(reg.CTRL3_C, reg.BDU | reg.IF_INC)
        self._write(reg.CTRL1_XL, *reg.control_of(asked, self.ANGULAR_RATE_RANGES))
        self._settings = asked
        # The gyroscope's start, and the first samples of its filters.
        self._clock.sleep(reg.TURN_ON_S + 3 * reg.SLOWEST / reg.rate_of(asked))

    def start(self) -> float:
        """Clear what is there already, and return the seconds until new samples are certain."""
        self._burst()
        return reg.SLOWEST / min(reg.rate_of(self._prepared), reg.TEMPERATURE_HZ)

    def read(self) -> Block:
        """Return one sample in m/s2, deg/s and degC.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings.
        """
        before_s = self._clock.now()
        burst = self._burst()
        missing = (reg.READY_A | reg.READY_G | reg.READY_T) & ~burst[reg.STATUS - reg.CTRL1_XL]
        if missing:
            raise NotReady(
                f"{self._where} has no new sample (STATUS lacks {missing:#03x}); "
                "wait as long as start() says"
            )
        temperature, *gyroscope = decode_axes(
            burst[reg.OUT_TEMP - reg.CTRL1_XL : reg.OUT_A - reg.CTRL1_XL]
        )
        raw = (*decode_axes(burst[reg.OUT_A - reg.CTRL1_XL :]), *gyroscope)
        values = [self._value(channel, count) for channel, count in enumerate(raw)]
        if temperature in (LOWEST, HIGHEST):
            raise Saturated(
                f"{self._where}: temperature is saturated at {decode_temperature(temperature):.0f} "
                "degC; the part tells none beyond that"
            )
        values.append(decode_temperature(temperature))
        return Block(np.array([values]), before_s, self._clock.now())

    # -- the stream ------------------------------------------------------------------------

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the FIFO gives with `settings`: sets of six axes, without temperature."""
        asked = chosen(cls.SETTINGS, settings)
        depth = reg.FIFO_WORDS // WORDS_PER_SET
        return Stream(
            rate_hz=reg.rate_of(asked),
            depth=depth,
            # Nine clocks a byte; a drain's overhead shared by a FIFO that is a quarter full.
            bits=9 * WORD_BYTES * WORDS_PER_SET + reg.BURST_BITS / (depth / 4),
            sample_bytes=WORD_BYTES * WORDS_PER_SET,
            burst_bytes=WORD_BYTES * WORDS_PER_SET * depth,
            channels=tuple(channel.name for channel in cls.CHANNELS[:6]),
            scale=reg.scales_of(asked, cls.ANGULAR_RATE_RANGES),
            offset=(0.0,) * 6,
        )

    def open_stream(self) -> None:
        """Empty the FIFO and let it fill. Raises BenchError before `prepare`."""
        code = reg.RATES_HZ.index(reg.rate_of(self._prepared)) + 1
        self._write(reg.FIFO_CTRL4, reg.BYPASS)
        self._write(reg.FIFO_CTRL1, 0, 0)
        self._write(reg.FIFO_CTRL3, code << 4 | code)
        self._read(reg.FIFO_STATUS1, 2)  # an old overrun is nobody's concern
        self._write(reg.FIFO_CTRL4, reg.CONTINUOUS)
        self._decoder = FifoDecoder()
        self._last_samples_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all sets that are in the FIFO, in one burst: int16, shape (n, 6).

        Raises ProtocolError for damage, for a part that lost its settings or stands still, and
        BenchError before `open_stream`.
        """
        if self._decoder is None:
            raise BenchError(f"{self._where}: open_stream() starts the FIFO; call it first")
        before_s = self._clock.now()
        self._check_control(self._read(reg.CTRL1_XL, 2))
        level, flags = self._read(reg.FIFO_STATUS1, 2)
        words = level | (flags & 3) << 8
        lost = bool(flags & reg.OVERRUN)
        # The address pointer goes from the last byte of a word to the first of the next.
        data = self._read(reg.FIFO_DATA, words * WORD_BYTES) if words else b""
        rate_hz, passed_s = reg.rate_of(self._prepared), self._clock.now() - before_s
        if could_fill(words, reg.FIFO_WORDS, WORDS_PER_SET * rate_hz, passed_s):
            # Before it was read, or since: then the next drain is told, too.
            lost |= bool(self._read(reg.FIFO_STATUS1, 2)[1] & reg.OVERRUN)
        try:
            rows = self._decoder.feed(data, lost=lost)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        end_s = self._clock.now()
        self._see_that_it_runs(len(rows), before_s)
        return Block(rows, before_s, end_s, overflow=lost, saturated=is_saturated(rows))

    def close_stream(self) -> None:
        """Stop filling; what is in the FIFO is gone."""
        self._decoder = None
        self._write(reg.FIFO_CTRL4, reg.BYPASS)

    def read_rate_hz(self) -> float:
        """Return the rate at which this part really samples, as trimmed in the factory.

        The part's own statement, in steps of 0.15 % of the fastest rate (formula recalled).
        """
        fine = int.from_bytes(self._read(reg.INTERNAL_FREQ_FINE, 1), signed=True)
        divider = 1 << len(reg.RATES_HZ) - 1 - reg.RATES_HZ.index(reg.rate_of(self._prepared))
        return reg.FASTEST_HZ * (1.0 + 0.0015 * fine) / divider

    # -- self-test -------------------------------------------------------------------------

    def self_test(self) -> dict[str, float]:
        """Move both sensors' masses by their own electrodes; return by how much the outputs moved.

        In m/s2 and deg/s, without sign, by channel; SELF_TEST_LIMITS says what a good part has. The
        part must be at rest. It is prepared again as it was. Raises ProtocolError without samples.
        """
        before = self._settings
        self.prepare()
        # 52 Hz and 4 g, then 208 Hz and 2000 deg/s, each sensor alone.
        acceleration = self._moved(0x30 | 0x08, 0x00, 0x01, reg.READY_A, reg.OUT_A, 52.0)
        angular_rate = self._moved(0x00, 0x50 | 0x0C, 0x04, reg.READY_G, reg.OUT_G, 208.0)
        scale_a = reg.ACCELERATION_RANGES[4 * reg.G][1]
        scale_g = self.ANGULAR_RATE_RANGES[2000.0][1]
        found = {f"acceleration_{a}": d * scale_a for a, d in zip("xyz", acceleration, strict=True)}
        found |= {
            f"angular_rate_{a}": d * scale_g for a, d in zip("xyz", angular_rate, strict=True)
        }
        self.prepare(**(before or {}))
        return found

    def _moved(
        self, ctrl1: int, ctrl2: int, stimulus: int, ready: int, output: int, rate_hz: float
    ) -> tuple[float, ...]:
        """Return how far each axis moves, in counts, when the stimulus is switched on."""
        self._write(reg.CTRL1_XL, ctrl1, ctrl2)
        means = []
        for bits in (0, stimulus):
            self._write(reg.CTRL5_C, bits)
            self._clock.sleep(reg.SETTLE_S)
            rows = [self._next(ready, output, rate_hz) for _ in range(1 + reg.SELF_TEST_SAMPLES)]
            means.append(np.mean(rows[1:], axis=0))
        self._write(reg.CTRL5_C, 0)
        return tuple(float(moved) for moved in np.abs(means[1] - means[0]))

    def _next(self, ready: int, output: int, rate_hz: float) -> tuple[int, ...]:
        self._read(output, 6)
        self._clock.sleep(reg.SLOWEST / rate_hz)
        if not self._read(reg.STATUS, 1)[0] & ready:
            raise NotReady(f"{self._where} takes no samples in its self-test")
        return decode_axes(self._read(output, 6))

    # --------------------------------------------------------------------------------------

    def _leave_other_pages(self) -> None:
        """Go to the page of registers that all of this is about."""
        self._write(reg.FUNC_CFG_ACCESS, 0)

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() starts the part; call it first")
        return self._settings

    def _value(self, channel: int, count: int) -> float:
        if count in (LOWEST, HIGHEST):
            raise Saturated(
                f"{self._where}: {self.CHANNELS[channel].name} is saturated; "
                "choose a larger range, or move less"
            )
        return count * reg.scales_of(self._prepared, self.ANGULAR_RATE_RANGES)[channel]

    def _burst(self) -> bytes:
        burst = self._read(reg.CTRL1_XL, reg.END_OF_OUT - reg.CTRL1_XL)
        self._check_control(burst[:2])
        return burst

    def _check_control(self, found: bytes) -> None:
        expected = bytes(reg.control_of(self._prepared, self.ANGULAR_RATE_RANGES))
        if found != expected:
            raise SettingsLost(
                f"{self._where}: CTRL1_XL and CTRL2_G are {found.hex()}, {expected.hex()} was "
                "written. Did the supply dip, or does somebody else use this part? Prepare it again"
            )

    def _see_that_it_runs(self, samples: int, now_s: float) -> None:
        if samples:
            self._last_samples_s = self._clock.now()  # what came is fetched by now
            return
        silent_s = now_s - self._last_samples_s
        if silent_s > reg.STALLED_PERIODS / reg.rate_of(self._prepared):
            raise NotReady(f"{self._where}: the FIFO got no sample for {silent_s:.3g} s")

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register]), length)

    def _write(self, register: int, *values: int) -> None:
        self._bus.transfer(self._address, bytes([register, *values]))
