"""BMI270 over I2C: single readings, a stream from its FIFO, the accelerometer's self-test.

- The part samples only once Bosch's image of 8192 bytes was loaded, which is the user's (image.py):
  prepare() loads it after the reset, each time. On a simulated bus zeros will do.
- Accelerometer and gyroscope run at the same rate, with performance filters and without power
  saving.
- The angular rate x is rid of its share of z by the part's own factor, in readings and streams.
- That the image is still there comes along with every reading and drain, as do the settings.
- Left out: the gyroscope's self-test, which needs Bosch's own routine in the part (CRT); features.
Sources: boschsensortec/BMI270_SensorAPI bmi2.c, bmi2_defs.h, bmi270.c; temperature, times, supply
and accuracy are recalled from the data sheet.
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
    InputError,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity, Provenance
from sensorbench.core.quantity import ACCELERATION, ANGULAR_RATE, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.bmi270 import registers as reg
from sensorbench.sensors.bmi270.codec import (
    FRAME_BYTES,
    INVALID_TEMPERATURE,
    TEMPERATURE_ENDS,
    decode_frames,
    decode_temperature,
    decode_words,
    is_saturated,
    without_cross_axis,
)
from sensorbench.sensors.bmi270.image import load_image


class Bmi270:
    """BMI270, up to 16 g and 2000 deg/s, -40 to 85 degC. It has no serial number.

    `image` names the file with Bosch's image; without it SENSORBENCH_BMI270_IMAGE does.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        *(Channel(f"acceleration_{a}", ACCELERATION, a, accuracy=0.02 * reg.G) for a in "xyz"),
        *(Channel(f"angular_rate_{a}", ANGULAR_RATE, a, accuracy=0.8) for a in "xyz"),
        Channel("temperature", TEMPERATURE, accuracy=2.0),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "acceleration_range": Setting(2 * reg.G, reg.ACCELERATION_RANGES, Dimension.ACCELERATION),
        "angular_rate_range": Setting(500.0, reg.ANGULAR_RATE_RANGES, Dimension.ANGULAR_RATE),
        "rate": Setting(100.0, tuple(reg.RATES_HZ), Dimension.FREQUENCY),
        "filter": Setting("normal", tuple(reg.FILTERS)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.71, 3.6)
    SELF_TEST_LIMITS: ClassVar[Mapping[str, tuple[float, float]]] = {
        f"acceleration_{axis}": (low * reg.G, high * reg.G)
        for axis, (low, high) in reg.SELF_TEST_G.items()
    }

    def __init__(
        self, bus: I2cBus, address: int, clock: Clock, *, image: str | None = None
    ) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._image_name = image
        self._settings: Settings | None = None
        self._cross_axis = 0
        self._is_started = self._streams = False
        self._last_samples_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no BMI270."""
        found = self._read(reg.CHIP_ID, 1)[0]
        if found != reg.IDENTITY:
            raise WrongDevice(
                f"CHIP_ID at {self._where} is {found:#04x}, a BMI270 has {reg.IDENTITY:#04x}"
            )
        return Identity("Bosch Sensortec", "BMI270")

    @classmethod
    def lacks(cls, *, simulated: bool) -> str:
        """Return where Bosch's image is to be had, if it is not on this machine."""
        try:
            load_image(None, simulated=simulated)
        except InputError as error:
            return "; ".join(problem.text for problem in error.problems)
        return ""

    def prepare(self, **settings: Any) -> None:
        """Reset the part, load its image and start both sensors with these settings.

        Raises SetpointError for a setting that can't be, InputError without an image, before
        anything is sent; ProtocolError where the part refuses it.
        """
        asked = chosen(self.SETTINGS, settings)
        simulated = self._bus.provenance is not Provenance.HARDWARE
        image = load_image(self._image_name, simulated=simulated)
        self._settings, self._is_started, self._streams = None, False, False
        self._write(reg.COMMAND, reg.RESET)
        self._clock.sleep(reg.RESET_S)
        self._write(reg.PWR_CONF, 0)
        self._clock.sleep(reg.AWAKE_S)
        self._load(image)
        self._write(reg.FEATURE_PAGE, 0)
        self._cross_axis = (self._read(reg.CROSS_AXIS, 1)[0] & 0x7F ^ 0x40) - 0x40  # 7 bits, signed
        self._write(reg.ACC_CONF, *reg.control_of(asked))
        self._write(reg.FIFO_CONFIG, 0, 0)
        self._write(reg.PWR_CTRL, reg.ALL_ON)
        self._settings = asked
        self._clock.sleep(reg.START_S + 3 * reg.SLOWEST / reg.rate_of(asked))

    def start(self) -> float:
        """Clear what is there already, and return the seconds until new samples are certain."""
        if self._streams:
            raise BenchError(f"{self._where} streams; close_stream() ends that")
        self._check_control()
        self._read(reg.ACC_DATA, 12)
        self._is_started = True
        return reg.SLOWEST / reg.rate_of(self._prepared)

    def read(self) -> Block:
        """Return one sample in m/s2, deg/s and degC.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings or its image; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started:
            raise BenchError(f"{self._where}: start() waits for a new sample; call it first")
        self._check_control()
        burst = self._read(reg.STATUS, reg.END_OF_OUTPUTS - reg.STATUS)
        if ~burst[0] & (reg.READY_A | reg.READY_G):
            raise NotReady(
                f"{self._where} has no new sample (STATUS {burst[0]:#04x}); wait as long as "
                "start() says"
            )
        self._is_started = False
        raw = np.array([decode_words(burst[reg.ACC_DATA - reg.STATUS :][:12])], np.int16)
        for channel, count in zip(self.CHANNELS, raw[0], strict=False):
            if is_saturated(np.array([count], np.int16)):
                raise Saturated(
                    f"{self._where}: {channel.name} is saturated; choose a larger range, or move "
                    "less"
                )
        (temperature,) = decode_words(burst[reg.TEMPERATURE - reg.STATUS :])
        if temperature == INVALID_TEMPERATURE:
            raise NotReady(f"{self._where} has no temperature yet")
        if temperature in TEMPERATURE_ENDS:
            raise Saturated(
                f"{self._where}: temperature is saturated at "
                f"{decode_temperature(temperature):.0f} degC; the part tells none beyond that"
            )
        values = without_cross_axis(raw, self._cross_axis)[0] * reg.scales_of(self._prepared)
        row = np.append(values, decode_temperature(temperature))
        return Block(row[np.newaxis], before_s, self._clock.now())

    # -- the stream ------------------------------------------------------------------------

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the FIFO gives with `settings`: sets of six axes, without temperature."""
        asked = chosen(cls.SETTINGS, settings)
        return Stream(
            rate_hz=reg.rate_of(asked),
            depth=reg.FIFO_FRAMES,
            # Nine clocks a byte; a drain's overhead shared by a FIFO that is a quarter full.
            bits=9 * FRAME_BYTES + reg.BURST_BITS / (reg.FIFO_FRAMES / 4),
            sample_bytes=FRAME_BYTES,
            burst_bytes=FRAME_BYTES * reg.FIFO_FRAMES,
            channels=tuple(channel.name for channel in cls.CHANNELS[:6]),
            scale=reg.scales_of(asked),
            offset=(0.0,) * 6,
        )

    def open_stream(self) -> None:
        """Empty the FIFO and let it fill. Raises BenchError before `prepare`."""
        assert self._prepared  # noqa: S101 - raises
        self._write(reg.FIFO_CONFIG, 0, reg.HEADERS | reg.FIFO_BOTH)
        self._write(reg.COMMAND, reg.FLUSH)
        self._streams, self._is_started = True, False
        self._last_samples_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all frames that are in the FIFO, in one burst: int16, shape (n, 6).

        Raises ProtocolError for damage, for a part that lost its settings or stands still, and
        BenchError before `open_stream`.
        """
        if not self._streams:
            raise BenchError(f"{self._where}: open_stream() starts the FIFO; call it first")
        before_s = self._clock.now()
        self._check_control()
        length = int.from_bytes(self._read(reg.FIFO_LENGTH, 2), "little") & 0x3FFF
        data = self._read(reg.FIFO_DATA, length) if length else b""
        try:
            rows, skipped = decode_frames(data)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        end_s = self._clock.now()
        self._see_that_it_runs(len(rows), before_s)
        saturated = is_saturated(rows)
        rows = without_cross_axis(rows, self._cross_axis)
        return Block(rows, before_s, end_s, overflow=skipped > 0, saturated=saturated)

    def close_stream(self) -> None:
        """Stop filling; what is in the FIFO is gone."""
        self._streams = False
        self._write(reg.FIFO_CONFIG, 0, 0)
        self._write(reg.COMMAND, reg.FLUSH)

    # -- self-test -------------------------------------------------------------------------

    def self_test(self) -> dict[str, float]:
        """Push the accelerometer's masses to either side; return by how much the outputs differ.

        In m/s2, with sign, by channel; SELF_TEST_LIMITS says what a good part has. The part must be
        at rest. It is prepared again as it was. Raises ProtocolError without samples.
        """
        before = self._settings
        self.prepare(acceleration_range=16 * reg.G, rate=reg.SELF_TEST_HZ)
        means = []
        for sign in (reg.STIMULUS_PLUS, 0):
            self._write(reg.ACC_SELF_TEST, reg.STIMULUS_WIDE | reg.STIMULUS_ON | sign)
            self._clock.sleep(reg.SELF_TEST_SETTLE_S)
            means.append(self._acceleration())
        self._write(reg.ACC_SELF_TEST, 0)
        moved = (means[0] - means[1]) * reg.scales_of(self._prepared)[0]
        self.prepare(**(before or {}))
        return {channel.name: float(d) for channel, d in zip(self.CHANNELS, moved, strict=False)}

    def _acceleration(self) -> npt.NDArray[np.float64]:
        """Return the counts of the accelerometer's next sample."""
        self._read(reg.ACC_DATA, 6)
        self._clock.sleep(reg.SLOWEST / reg.SELF_TEST_HZ)
        if not self._read(reg.STATUS, 1)[0] & reg.READY_A:
            raise NotReady(f"{self._where} takes no samples in its self-test")
        return np.array(decode_words(self._read(reg.ACC_DATA, 6)), np.float64)

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() starts the part; call it first")
        return self._settings

    def _load(self, image: bytes) -> None:
        """Load the image, at word addresses, and wait until the part has started it."""
        self._write(reg.INIT_CTRL, 0)
        for start in range(0, len(image), reg.UPLOAD_BYTES):
            word = start // 2
            self._write(reg.INIT_ADDRESS, word & 0x0F, word >> 4)
            self._write(reg.INIT_DATA, *image[start : start + reg.UPLOAD_BYTES])
        self._write(reg.INIT_CTRL, 1)
        message = 0
        for _ in range(reg.LOAD_TRIES):
            self._clock.sleep(reg.LOAD_STEP_S)
            message = self._read(reg.INTERNAL_STATUS, 1)[0] & reg.MESSAGE
            if message == reg.LOADED:
                return
            if message == reg.REFUSED:
                break
        raise ProtocolError(
            f"{self._where} did not start its image: INTERNAL_STATUS says {message}, not "
            f"{reg.LOADED}. Is it Bosch's, whole, and for the BMI270?"
        )

    def _check_control(self) -> None:
        expected = reg.control_of(self._prepared)
        found = self._read(reg.ACC_CONF, len(expected))
        power, internal = self._read(reg.PWR_CTRL, 1)[0], self._read(reg.INTERNAL_STATUS, 1)[0]
        if (found, power, internal & reg.MESSAGE) != (expected, reg.ALL_ON, reg.LOADED):
            raise SettingsLost(
                f"{self._where}: ACC_CONF to GYR_RANGE are {found.hex()}, {expected.hex()} was "
                f"written; PWR_CTRL {power:#04x}, {reg.ALL_ON:#04x} was written; INTERNAL_STATUS "
                f"{internal:#04x}. Did the supply dip, or does somebody else use this part? "
                "Prepare it again"
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
