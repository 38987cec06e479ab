"""ADXL355 over I2C: single readings, a stream from its FIFO, and its self-test.

- Settings are written in standby. They come along with every reading, so that a part that lost its
  supply is an error.
- Reading STATUS clears its flags (recalled); it is read before and after the FIFO, which always
  streams while the part measures.
- A reset reads the factory's values into shadow registers; sometimes they come out wrong and it is
  done again (as the Linux driver does).
- The scale is 1/256000 g at 2 g; the data sheet prints 3.9 ug, and allows 8 %.
Sources: torvalds/linux drivers/iio/accel/adxl355_core.c; bits oaslananka/adxl355; flags, times,
ranges of 4 and 8 g and accuracy are recalled from the ADXL355 data sheet. The high-pass filter is
left off.
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
    ChecksumError,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import ACCELERATION, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.adxl355.codec import (
    SAMPLE_BYTES,
    WORD_BYTES,
    FifoDecoder,
    decode_temperature,
    decode_words,
    is_saturated,
)
from sensorbench.sensors.drained import filled_meanwhile

DEVID, STATUS, FIFO_ENTRIES, TEMP2, XDATA, FIFO_DATA = 0x00, 0x04, 0x05, 0x06, 0x08, 0x11
OFFSETS, FILTER, RANGE, POWER_CTL, SELF_TEST, RESET, SHADOW = (
    0x1E, 0x28, 0x2C, 0x2D, 0x2E, 0x2F, 0x50,
)  # fmt: skip
IDENTITY = bytes((0xAD, 0x1D, 0xED))
RESET_CODE, STANDBY, MEASURE = 0x52, 0x01, 0x00
DATA_READY, OVERRUN, ENTRIES = 0x01, 0x04, 0x7F
I2C_HIGH_SPEED = 0x80  # of RANGE, as after reset
SHADOW_BYTES, RESET_TRIES = 5, 3
STIMULUS = (0x01, 0x03)  # in self-test, without and with its force
FIFO_SAMPLES = 32
# From one look at the settings of a stream to the next: up to 250 Hz that is each drain of a FIFO
# that is half full; faster, samples of so long may have another worth. After a reset nothing comes.
LOOKS_S = 0.06
RESET_S, WAKE_S, SETTLE_PERIODS = 0.010, 0.010, 4
SLOWEST = 1.1  # how long to wait for a sample, in nominal periods
STALLED_PERIODS = 20
TEMPERATURE_TRIES, EMPTY_TRIES = 3, 5
SELF_TEST_HZ, SELF_TEST_SAMPLES = 125.0, 16
BURST_BITS = 21 * 9  # a drain's other bytes: settings, status twice, addressing

G = 9.80665  # m/s2, CGPM 1901
RANGES = {2 * G: (1, 256_000), 4 * G: (2, 128_000), 8 * G: (3, 64_000)}  # code, counts a g
RATES_HZ = (
    4000.0, 2000.0, 1000.0, 500.0, 250.0, 125.0, 62.5, 31.25, 15.625, 7.813, 3.906,
)  # fmt: skip


class Adxl355:
    """ADXL355, up to 8 g, -40 to 125 degC. It has no serial number.

    An ADXL357 (10 to 40 g) answers the same (recalled): one g at rest tells them apart.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        *(Channel(f"acceleration_{a}", ACCELERATION, a, accuracy=0.025 * G) for a in "xyz"),
        Channel("temperature", TEMPERATURE, accuracy=5.0),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "range": Setting(2 * G, tuple(RANGES), Dimension.ACCELERATION),
        "rate": Setting(125.0, RATES_HZ, Dimension.FREQUENCY),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.25, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._decoder: FifoDecoder | None = None
        self._overran = False
        self._last_samples_s = self._looks_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no ADXL355."""
        found = self._read(DEVID, len(IDENTITY))
        if found != IDENTITY:
            raise WrongDevice(
                f"DEVID_AD, DEVID_MST and PARTID at {self._where} are {found.hex()}, an ADXL355 "
                f"has {IDENTITY.hex()}"
            )
        return Identity("Analog Devices", "ADXL355", or_models=("ADXL357",))

    def prepare(self, **settings: Any) -> None:
        """Reset the part and let it measure with these settings, defaults elsewhere.

        Raises SetpointError for a setting that can't be, ChecksumError where the factory's values
        don't come back whole.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = self._decoder = None
        self._reset()
        self._write(OFFSETS, *bytes(6))
        self._write(FILTER, _control(asked)[0])
        self._write(RANGE, *_control(asked)[4:])
        self._settings = asked
        self._clock.sleep(WAKE_S + SETTLE_PERIODS * SLOWEST / float(asked["rate"]))

    def start(self) -> float:
        """Clear what is there already, and return the seconds until a new sample is certain."""
        self._check_control()
        self._read(STATUS, 1)
        return SLOWEST / float(self._prepared["rate"])

    def read(self) -> Block:
        """Return one sample in m/s2 and degC.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings.
        """
        before_s = self._clock.now()
        self._check_control()
        burst = self._read(STATUS, XDATA + SAMPLE_BYTES - STATUS)
        if not burst[0] & DATA_READY:
            raise NotReady(
                f"{self._where} has no new sample (STATUS {burst[0]:#04x}); wait as long as "
                "start() says"
            )
        counts = decode_words(burst[XDATA - STATUS :])
        for channel, count in zip(self.CHANNELS, counts, strict=False):
            if is_saturated(np.array([count], np.int32)):
                raise Saturated(
                    f"{self._where}: {channel.name} is saturated; choose a larger range, or move "
                    "less"
                )
        temperature_c = self._whole_temperature(burst[TEMP2 - STATUS : XDATA - STATUS])
        row = np.append(counts * _scale(self._prepared), temperature_c)
        return Block(row[np.newaxis], before_s, self._clock.now())

    def _whole_temperature(self, data: bytes) -> float:
        """Return degC; its two bytes are not held together, so the first is read again."""
        for _ in range(TEMPERATURE_TRIES):
            again = self._read(TEMP2, 2)
            if again[0] == data[0]:
                try:
                    return decode_temperature(data)
                except ProtocolError as error:
                    raise type(error)(f"{self._where}: {error}") from error
            data = again
        raise NotReady(f"{self._where}: its temperature changed at every look")

    # -- the stream ------------------------------------------------------------------------

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the FIFO gives with `settings`: three axes, without temperature."""
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
            dtype="int32",
        )

    def open_stream(self) -> None:
        """Empty the FIFO, which fills by itself. Raises BenchError before `prepare`."""
        assert self._prepared  # noqa: S101 - raises
        self._empty()
        self._decoder = FifoDecoder()
        self._overran = False
        self._last_samples_s = self._looks_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all samples that are in the FIFO, in one burst: int32, shape (n, 3).

        Raises ProtocolError for damage, for a part that lost its settings or stands still, and
        BenchError before `open_stream`.
        """
        if self._decoder is None:
            raise BenchError(f"{self._where}: open_stream() empties the FIFO; call it first")
        before_s = self._clock.now()
        status, entries = self._read(STATUS, 2)
        entries &= ENTRIES
        if not entries or before_s >= self._looks_s:
            self._check_control()
            self._looks_s = before_s + LOOKS_S
        data = self._read(FIFO_DATA, entries * WORD_BYTES) if entries else b""
        # What overran by now did so before these were read, or since: then the next are told, too.
        # Whether its flag goes as data are read is not known: what is left is looked at, too.
        before, self._overran = self._overran, bool(self._read(STATUS, 1)[0] & OVERRUN)
        lost = bool(status & OVERRUN) or before or self._overran or filled_meanwhile(
            entries // 3, FIFO_SAMPLES, float(self._prepared["rate"]),
            self._clock.now() - before_s, lambda: (self._read(STATUS, 2)[1] & ENTRIES) // 3,
        )  # fmt: skip
        try:
            rows = self._decoder.feed(data, lost=lost)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        end_s = self._clock.now()
        self._see_that_it_runs(len(rows), before_s)
        return Block(rows, before_s, end_s, overflow=lost, saturated=is_saturated(rows))

    def close_stream(self) -> None:
        """Fetch no more; the FIFO goes on by itself."""
        self._decoder = None

    # -- self-test -------------------------------------------------------------------------

    def self_test(self) -> dict[str, float]:
        """Move the mass by its own electrodes; return by how much the outputs moved, in m/s2.

        By channel; typically 0.3 g in x and y and 1.5 g in z, of which the data sheet gives no
        limits (recalled). The part must be at rest. It is prepared again as it was. Raises
        ProtocolError without samples.
        """
        before = self._settings
        self.prepare(range=8 * G, rate=SELF_TEST_HZ)
        means = []
        for stimulus in STIMULUS:
            self._write(SELF_TEST, stimulus)
            self._clock.sleep(SETTLE_PERIODS * SLOWEST / SELF_TEST_HZ)
            means.append(self._mean())
        self._write(SELF_TEST, 0)
        moved = (means[1] - means[0]) * _scale(self._prepared)
        self.prepare(**(before or {}))
        return {channel.name: float(d) for channel, d in zip(self.CHANNELS, moved, strict=False)}

    def _mean(self) -> npt.NDArray[np.float64]:
        """Return the mean counts of the axes."""
        rows = []
        for _ in range(SELF_TEST_SAMPLES):
            self._read(STATUS, 1)
            self._clock.sleep(SLOWEST / SELF_TEST_HZ)
            burst = self._read(STATUS, XDATA + SAMPLE_BYTES - STATUS)
            if not burst[0] & DATA_READY:
                raise NotReady(f"{self._where} takes no samples in its self-test")
            rows.append(decode_words(burst[XDATA - STATUS :]))
        return np.asarray(np.mean(rows, axis=0))

    # --------------------------------------------------------------------------------------

    def _empty(self) -> None:
        """Fetch what waits in the FIFO, and forget its overrun; again where it filled meanwhile."""
        for _ in range(EMPTY_TRIES):
            self._read(FIFO_DATA, FIFO_SAMPLES * SAMPLE_BYTES)
            status, entries = self._read(STATUS, 2)
            if not status & OVERRUN and entries < 3 * FIFO_SAMPLES:
                return

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() sets the part up; call it first")
        return self._settings

    def _reset(self) -> None:
        before = self._read(SHADOW, SHADOW_BYTES)
        after = b""
        for _ in range(RESET_TRIES):
            self._write(RESET, RESET_CODE)
            self._clock.sleep(RESET_S)
            after = self._read(SHADOW, SHADOW_BYTES)
            if after == before:
                return
        raise ChecksumError(
            f"{self._where}: the factory's values (0x50 to 0x54) were {before.hex()} and came out "
            f"of {RESET_TRIES} resets as {after.hex()}. Switch its supply off and on; if that does "
            "not help the part is broken"
        )

    def _check_control(self) -> None:
        found = self._read(FILTER, POWER_CTL + 1 - FILTER)
        expected = _control(self._prepared)
        if (found[0], *found[4:]) != (expected[0], *expected[4:]):
            raise SettingsLost(
                f"{self._where}: FILTER, RANGE and POWER_CTL are {found[0]:02x}{found[4:].hex()}, "
                f"{expected[0]:02x}{expected[4:].hex()} was written. Did the supply dip, or does "
                "somebody else use this part? Prepare it again"
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


def _control(asked: Settings) -> bytes:
    """Return the registers from FILTER to POWER_CTL."""
    code = RANGES[float(asked["range"])][0]
    rate = RATES_HZ.index(float(asked["rate"]))
    return bytes((rate, 0, 0, 0, I2C_HIGH_SPEED | code, MEASURE))


def _scale(asked: Settings) -> float:
    """Return what a count is worth, in m/s2."""
    return G / RANGES[float(asked["range"])][1]
