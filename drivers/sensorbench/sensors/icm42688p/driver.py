"""ICM-42688-P over I2C: single readings, a stream from its FIFO, and its self-test.

- Accelerometer and gyroscope run at the same rate, both in their low-noise mode.
- The settings come along with every reading and every drain, so that a part that was reset behind
  the driver's back is an error, not a part that reads zeros.
- The part counts the packets that its FIFO lost; the counter is read after each burst.
- Registers other than ranges, rates and the FIFO's are written only while both sensors are off, and
  nothing is written for 200 us after they are switched on (section 14.36).
- 16 and 32 kHz and low power are left out: a packet of 16 bytes does not fit through I2C so often.
Sources: DS-000347 rev 1.5; self-test InvenSenseInc/public.mcu.iim42652 Ixm42xxxSelfTest.c.
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
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import ACCELERATION, ANGULAR_RATE, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.icm42688p import registers as reg
from sensorbench.sensors.icm42688p.codec import (
    INVALID,
    PACKET_BYTES,
    decode_packets,
    decode_temperature,
    decode_words,
    is_saturated,
)
from sensorbench.sensors.possible import require_possible


class Icm42688p:
    """ICM-42688-P, up to 16 g and 2000 deg/s, -40 to 85 degC. It has no serial number."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        *(Channel(f"acceleration_{a}", ACCELERATION, a, accuracy=0.02 * reg.G) for a in "xyz"),
        *(Channel(f"angular_rate_{a}", ANGULAR_RATE, a, accuracy=0.7) for a in "xyz"),
        Channel("temperature", TEMPERATURE, accuracy=2.0),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "acceleration_range": Setting(
            2 * reg.G, tuple(reg.ACCELERATION_RANGES), Dimension.ACCELERATION
        ),
        "angular_rate_range": Setting(
            500.0, tuple(reg.ANGULAR_RATE_RANGES), Dimension.ANGULAR_RATE
        ),
        "rate": Setting(100.0, tuple(reg.RATES_HZ), Dimension.FREQUENCY),
        "filter": Setting("1/4", tuple(reg.FILTERS_OF)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.71, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._lost: int | None = None  # packets, by the part's own counter; None without a stream
        self._last_samples_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no ICM-42688-P."""
        found = self._read(reg.WHO_AM_I, 1)[0]
        if found != reg.IDENTITY:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {found:#04x}, an ICM-42688-P has {reg.IDENTITY:#04x}"
            )
        return Identity("TDK InvenSense", "ICM-42688-P")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and start both sensors with these settings, defaults elsewhere.

        Raises SetpointError for a setting that can't be, NotReady if the reset does not end.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = self._lost = None
        self._write(reg.BANK, 0)
        self._write(reg.DEVICE_CONFIG, reg.RESET)
        self._clock.sleep(reg.RESET_S)
        if not self._read(reg.INT_STATUS, 1)[0] & reg.RESET_DONE:
            raise NotReady(f"{self._where} never finished its reset")
        power, gyro, accel, filters = reg.control_of(asked)
        self._write(reg.FILTERS, filters)
        self._write(reg.FIFO_CONFIG1, reg.PACKETS)
        self._write(reg.GYRO_CONFIG0, gyro, accel)
        self._write(reg.PWR_MGMT0, power)
        self._settings = asked
        # The gyroscope's start, and the first samples.
        self._clock.sleep(reg.START_S + 3 * reg.SLOWEST / reg.rate_of(asked))

    def start(self) -> float:
        """Clear what is there already, and return the seconds until new samples are certain."""
        self._check_control()
        self._read(reg.INT_STATUS, 1)
        return reg.SLOWEST / reg.rate_of(self._prepared)

    def read(self) -> Block:
        """Return one sample in m/s2, deg/s and degC.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings.
        """
        before_s = self._clock.now()
        self._check_control()
        status = self._read(reg.INT_STATUS, 1)[0]
        if not status & reg.DATA_READY:
            raise NotReady(
                f"{self._where} has no new sample (INT_STATUS {status:#04x}); wait as long as "
                "start() says"
            )
        temperature, *raw = decode_words(self._read(reg.TEMP_DATA, reg.OUTPUT_BYTES))
        if INVALID in (temperature, *raw):
            raise NotReady(f"{self._where}: {INVALID} is no sample; a sensor has not started")
        for channel, count in zip(self.CHANNELS, raw, strict=False):
            if is_saturated(np.array([count], np.int16)):
                raise Saturated(
                    f"{self._where}: {channel.name} is saturated; choose a larger range, or move "
                    "less"
                )
        values = np.array(raw) * reg.scales_of(self._prepared)
        row = np.append(values, decode_temperature(temperature))
        require_possible(self._where, self.CHANNELS, row)
        return Block(row[np.newaxis], before_s, self._clock.now())

    # -- the stream ------------------------------------------------------------------------

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the FIFO gives with `settings`: sets of six axes, without temperature."""
        asked = chosen(cls.SETTINGS, settings)
        return Stream(
            rate_hz=reg.rate_of(asked),
            depth=reg.FIFO_PACKETS,
            # Nine clocks a byte; a drain's overhead shared by a FIFO that is a quarter full.
            bits=9 * PACKET_BYTES + reg.BURST_BITS / (reg.FIFO_PACKETS / 4),
            sample_bytes=PACKET_BYTES,
            burst_bytes=PACKET_BYTES * reg.FIFO_PACKETS,
            channels=tuple(channel.name for channel in cls.CHANNELS[:6]),
            scale=reg.scales_of(asked),
            offset=(0.0,) * 6,
        )

    def open_stream(self) -> None:
        """Empty the FIFO and let it fill. Raises BenchError before `prepare`."""
        assert self._prepared  # noqa: S101 - raises
        self._write(reg.FIFO_CONFIG, reg.BYPASS)
        self._write(reg.SIGNAL_PATH_RESET, reg.FLUSH)
        self._lost = self._read_lost()
        self._write(reg.FIFO_CONFIG, reg.STREAM)
        self._last_samples_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all packets that are in the FIFO, in one burst: int16, shape (n, 6).

        Raises ProtocolError for damage, for a part that lost its settings or stands still, and
        BenchError before `open_stream`.
        """
        if self._lost is None:
            raise BenchError(f"{self._where}: open_stream() starts the FIFO; call it first")
        before_s = self._clock.now()
        self._check_control()
        count = int.from_bytes(self._read(reg.FIFO_COUNT, 2), "big")
        data = self._read(reg.FIFO_DATA, count) if count else b""
        lost, self._lost = self._lost, self._read_lost()
        try:
            rows = decode_packets(data)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        end_s = self._clock.now()
        self._see_that_it_runs(len(rows), before_s)
        overflow = self._lost != lost
        return Block(rows, before_s, end_s, overflow=overflow, saturated=is_saturated(rows))

    def close_stream(self) -> None:
        """Stop filling; what is in the FIFO is gone."""
        self._lost = None
        self._write(reg.FIFO_CONFIG, reg.BYPASS)

    # -- self-test -------------------------------------------------------------------------

    def self_test(self) -> dict[str, float]:
        """Move both sensors' masses by their own electrodes; return by how much the outputs moved.

        In m/s2 and deg/s, without sign, by channel; `self_test_limits` says what this part is to
        have. It must be at rest, and is prepared again as it was. Raises ProtocolError without
        samples.
        """
        before = self._settings
        self.prepare(
            acceleration_range=reg.SELF_TEST_ACCEL,
            angular_rate_range=reg.SELF_TEST_GYRO,
            rate=reg.SELF_TEST_HZ,
            filter="1/10",
        )
        without = self._mean()
        moved = []
        for stimulus in (reg.ACCEL_STIMULUS, reg.GYRO_STIMULUS):
            self._write(reg.SELF_TEST_CONFIG, stimulus)
            self._clock.sleep(reg.SELF_TEST_SETTLE_S)
            moved.append(np.abs(self._mean() - without))
        self._write(reg.SELF_TEST_CONFIG, 0)
        found = np.append(moved[0][:3], moved[1][3:]) * reg.scales_of(self._prepared)
        self.prepare(**(before or {}))
        return {channel.name: float(d) for channel, d in zip(self.CHANNELS, found, strict=False)}

    def self_test_limits(self) -> dict[str, tuple[float, float]]:
        """Return between what the self-test is to move this part, in m/s2 and deg/s, by channel.

        Half to one and a half times what it moved in the factory, by the part's own codes;
        absolute where a sensor of the part has none.
        """
        found = {}
        for bank_register, channels, full_scale, absolute in (
            (reg.ACCEL_CODES, self.CHANNELS[:3], reg.SELF_TEST_ACCEL,
             tuple(g * reg.G for g in reg.SELF_TEST_ABSOLUTE_G)),
            (reg.GYRO_CODES, self.CHANNELS[3:6], reg.SELF_TEST_GYRO, reg.SELF_TEST_ABSOLUTE_DPS),
        ):  # fmt: skip
            codes = self._read_in(*bank_register)
            for channel, code in zip(channels, codes, strict=True):
                response = reg.response_of(code) * full_scale / 32768
                low, high = (response * ratio for ratio in reg.SELF_TEST_RATIO)
                found[channel.name] = (low, high) if all(codes) else (absolute[0], absolute[1])
        return found

    def _mean(self) -> npt.NDArray[np.float64]:
        """Return the mean counts of the six axes."""
        rows = []
        for _ in range(reg.SELF_TEST_SAMPLES):
            self._read(reg.INT_STATUS, 1)
            self._clock.sleep(reg.SLOWEST / reg.SELF_TEST_HZ)
            if not self._read(reg.INT_STATUS, 1)[0] & reg.DATA_READY:
                raise NotReady(f"{self._where} takes no samples in its self-test")
            rows.append(decode_words(self._read(reg.TEMP_DATA, reg.OUTPUT_BYTES))[1:])
        return np.asarray(np.mean(rows, axis=0))

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() starts the part; call it first")
        return self._settings

    def _check_control(self) -> None:
        # Between them lies what is not set here.
        data = self._read(reg.PWR_MGMT0, reg.FILTERS + 1 - reg.PWR_MGMT0)
        found, expected = data[:3] + data[-1:], bytes(reg.control_of(self._prepared))
        if found != expected:
            raise SettingsLost(
                f"{self._where}: PWR_MGMT0, GYRO_CONFIG0, ACCEL_CONFIG0 and GYRO_ACCEL_CONFIG0 are "
                f"{found.hex()}, {expected.hex()} was written. Did the supply dip, or does "
                "somebody else use this part? Prepare it again"
            )

    def _see_that_it_runs(self, samples: int, now_s: float) -> None:
        if samples:
            self._last_samples_s = self._clock.now()  # what came is fetched by now
            return
        silent_s = now_s - self._last_samples_s
        if silent_s > reg.STALLED_PERIODS / reg.rate_of(self._prepared):
            raise NotReady(f"{self._where}: the FIFO got no sample for {silent_s:.3g} s")

    def _read_lost(self) -> int:
        return int.from_bytes(self._read(reg.FIFO_LOST, 2), "little")

    def _read_in(self, bank: int, register: int) -> bytes:
        """Return three registers of another bank, and go back to the first."""
        self._write(reg.BANK, bank)
        try:
            return self._read(register, 3)
        finally:
            self._write(reg.BANK, 0)

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register]), length)

    def _write(self, register: int, *values: int) -> None:
        self._bus.transfer(self._address, bytes([register, *values]))
