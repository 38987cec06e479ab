"""MPL3115A2 over I2C: readings on request or while it samples, and a stream by its FIFO.

- The control registers come along with every reading, so that a part that was reset behind the
  driver's back (a dip of the supply) is an error, not a part that stands still. In a stream they
  are looked at now and then, and where a drain finds nothing: a part that was reset fills nothing.
- Its altitude is not asked for: it is a formula of the pressure and of what is said to be at sea
  level. Offsets that somebody left are cleared.
- The register must be read without a stop behind its number: the part forgets it there.
Sources: registers, times, flags: dzakich/mbed-mpl3115a2 MPL3115A2_REGISTER_MAP.h; reset that is not
acknowledged: torvalds/linux drivers/iio/pressure/mpl3115.c; range, accuracy, and the flags of the
FIFO recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.channel import Block, Channel, Setting, Settings, Stream, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.drained import filled_meanwhile
from sensorbench.sensors.mpl3115a2.codec import (
    K_PER_COUNT,
    PA_PER_COUNT,
    SAMPLE_BYTES,
    decode_samples,
    is_saturated,
)
from sensorbench.sensors.possible import require_possible

STATUS, WHO_AM_I, F_STATUS, F_DATA, F_SETUP, PT_DATA_CFG, CTRL_REG1, CTRL_REG2, OFF_P, OFF_T = (
    0x00, 0x0C, 0x0D, 0x0E, 0x0F, 0x13, 0x26, 0x27, 0x2B, 0x2C,
)  # fmt: skip
MPL3115A2_ID = 0xC4
ACTIVE, ONE_SHOT, RESET = 0x01, 0x02, 0x04
ALL_FLAGS, BOTH_NEW = 0x07, 0x06
CIRCULAR, OVERFLOW, COUNT = 0x40, 0x80, 0x3F
RESET_S, RESET_TRIES = 0.010, 5
SLOWEST = 1.2  # how long to wait for a sample, in nominal times
STALLED_PERIODS = 5
FIFO_SAMPLES = 32
LOOK_PERIODS = 256  # a drain that finds samples leaves the settings alone for so long
BURST_BITS = (4 + 3) * 9  # a drain's other bytes: status, addressing
RANGE_PA, BESIDE_PA = (20_000.0, 110_000.0), 1600.0  # its accuracy, four times

CONVERSION_S: Mapping[int, float] = {
    1: 0.006, 2: 0.010, 4: 0.018, 8: 0.034, 16: 0.066, 32: 0.130, 64: 0.258, 128: 0.512,
}  # fmt: skip
RATES_HZ = tuple(1.0 / (1 << code) for code in range(16))
CONTINUOUSLY, ON_REQUEST = "continuous", "one shot"


class Mpl3115a2:
    """MPL3115A2 absolute pressure sensor, 20 to 110 kPa, -40 to 85 degC. It has no serial number.

    Trimmed from 50 to 110 kPa, which the accuracy is of.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure", PRESSURE, accuracy=400.0),
        Channel("temperature", TEMPERATURE, accuracy=1.0),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "mode": Setting(CONTINUOUSLY, (CONTINUOUSLY, ON_REQUEST)),
        "rate": Setting(1.0, RATES_HZ, Dimension.FREQUENCY),
        "oversampling": Setting(128, tuple(CONVERSION_S)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.95, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._is_started = self._streams = False
        self._last_samples_s = self._looked_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no MPL3115A2."""
        found = self._read(WHO_AM_I, 1)[0]
        if found != MPL3115A2_ID:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {found:#04x}, an MPL3115A2 has {MPL3115A2_ID:#04x}"
            )
        return Identity("NXP", "MPL3115A2")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and take the settings; unless on request, it samples from then on.

        Raises SetpointError for settings that can't be, NotReady if the reset does not end.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings, self._is_started, self._streams = None, False, False
        self._reset()
        control = _control(asked)
        self._write(PT_DATA_CFG, ALL_FLAGS)
        self._write(OFF_P, 0, 0)
        # Active comes last: while it samples nothing else may be changed.
        self._write(CTRL_REG1, control[CTRL_REG1] & ~ACTIVE, control[CTRL_REG2])
        self._write(CTRL_REG1, control[CTRL_REG1])
        self._settings = asked

    def start(self) -> float:
        """Ask for a sample, or clear what is there; return the seconds until one is certain."""
        asked = self._prepared
        if self._streams:
            raise BenchError(f"{self._where} streams; close_stream() ends that")
        self._check_control()
        self._read(STATUS, 1 + SAMPLE_BYTES)
        self._is_started = True
        lasts_s = SLOWEST * CONVERSION_S[int(asked["oversampling"])]
        if asked["mode"] == ON_REQUEST:
            self._write(CTRL_REG1, _control(asked)[CTRL_REG1] | ONE_SHOT)
            return lasts_s
        return SLOWEST / float(asked["rate"]) + lasts_s

    def read(self) -> Block:
        """Return one sample in Pa and degC.

        Raises ProtocolError where it is not new or beyond what the part measures, and where the
        part has lost its settings; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started:
            raise BenchError(f"{self._where}: start() asks for a sample; call it first")
        self._check_control()
        burst = self._read(STATUS, 1 + SAMPLE_BYTES)
        if burst[0] & BOTH_NEW != BOTH_NEW:
            raise NotReady(
                f"{self._where} has no new sample (STATUS {burst[0]:#04x}); "
                "wait as long as start() says"
            )
        self._is_started = False
        counts = decode_samples(burst[1:])
        row = counts.astype(np.float64) * np.array((PA_PER_COUNT, K_PER_COUNT))
        if _is_saturated(counts):
            raise Saturated(
                f"{self._where} reads {row[0, 0]:.0f} Pa, {row[0, 1]:.2f} degC; it measures "
                f"{RANGE_PA[0]:g} to {RANGE_PA[1]:g} Pa"
            )
        require_possible(self._where, self.CHANNELS, row[0])
        return Block(row, before_s, self._clock.now())

    # -- the stream ------------------------------------------------------------------------

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the FIFO gives with `settings`: pressure and temperature.

        Raises SetpointError for a part that samples on request.
        """
        asked = chosen(cls.SETTINGS, settings)
        _check_streams(asked)
        return Stream(
            rate_hz=float(asked["rate"]),
            depth=FIFO_SAMPLES,
            # Nine clocks a byte; a drain's overhead shared by a FIFO that is a quarter full.
            bits=9 * SAMPLE_BYTES + BURST_BITS / (FIFO_SAMPLES / 4),
            sample_bytes=SAMPLE_BYTES,
            burst_bytes=SAMPLE_BYTES * FIFO_SAMPLES,
            channels=tuple(channel.name for channel in cls.CHANNELS),
            scale=(PA_PER_COUNT, K_PER_COUNT),
            offset=(0.0, 0.0),
            dtype="int32",
        )

    def open_stream(self) -> None:
        """Empty the FIFO and let it fill.

        Raises BenchError before `prepare`, SetpointError for a part that samples on request.
        """
        _check_streams(self._prepared)
        self._switch_fifo(CIRCULAR)
        self._streams, self._is_started = True, False
        self._last_samples_s = self._looked_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all samples that are in the FIFO, in one burst: int32, shape (n, 2).

        Raises ProtocolError for a part that lost its settings or stands still, and BenchError
        before `open_stream`.
        """
        if not self._streams:
            raise BenchError(f"{self._where}: open_stream() starts the FIFO; call it first")
        before_s = self._clock.now()
        status = self._read(F_STATUS, 1)[0]
        level = status & COUNT
        look_s = self._looked_s + LOOK_PERIODS / float(self._prepared["rate"])
        if not level or before_s >= look_s:
            self._check_control()
            self._looked_s = before_s
        if level > FIFO_SAMPLES:
            raise ProtocolError(f"{self._where} claims {level} samples; its FIFO has room for 32")
        data = self._read(F_DATA, level * SAMPLE_BYTES) if level else b""
        if data and not any(data[-SAMPLE_BYTES:]):
            self._check_control()  # nothing is what a part has that began anew meanwhile
        counts = decode_samples(data)
        end_s = self._clock.now()
        self._see_that_it_runs(len(counts), before_s)
        lost = bool(status & OVERFLOW) or filled_meanwhile(
            level, FIFO_SAMPLES, float(self._prepared["rate"]), end_s - before_s,
            lambda: self._read(F_STATUS, 1)[0] & COUNT,
        )  # fmt: skip
        saturated = _is_saturated(counts)
        return Block(counts, before_s, end_s, overflow=lost, saturated=saturated)

    def close_stream(self) -> None:
        """Stop filling; what is in the FIFO is gone."""
        self._streams = False
        self._switch_fifo(0)

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() sets the part up; call it first")
        return self._settings

    def _reset(self) -> None:
        # It resets before it could acknowledge; whether it is there at all shows below.
        with suppress(NotAcknowledged):
            self._write(CTRL_REG1, RESET)
        for last in range(RESET_TRIES, 0, -1):
            self._clock.sleep(RESET_S)
            try:
                if not self._read(CTRL_REG1, 1)[0] & RESET:
                    return
            except NotAcknowledged:
                if last == 1:
                    raise
        raise NotReady(f"{self._where} never finished its reset")

    def _switch_fifo(self, setup: int) -> None:
        control = _control(self._prepared)[CTRL_REG1]
        self._write(CTRL_REG1, control & ~ACTIVE)
        # It goes from one mode to another by way of none, which empties it.
        self._write(F_SETUP, 0)
        if setup:
            self._write(F_SETUP, setup)
        self._write(CTRL_REG1, control)

    def _check_control(self) -> None:
        """Raise SettingsLost unless the part has what was written."""
        expected = _control(self._prepared)
        expected[F_SETUP] = CIRCULAR if self._streams else 0
        data = self._read(F_SETUP, OFF_T - F_SETUP + 1)
        found = {register: data[register - F_SETUP] for register in expected}
        if self._prepared["mode"] == ON_REQUEST:
            found[CTRL_REG1] &= ~ONE_SHOT  # it is there as long as the sample is not
        for register, value in expected.items():
            if found[register] != value:
                raise SettingsLost(
                    f"{self._where}: register {register:#04x} is {found[register]:#04x}, "
                    f"{value:#04x} was written. Did the supply dip, or does somebody else use this "
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


def _check_streams(asked: Settings) -> None:
    if asked["mode"] == ON_REQUEST:
        raise SetpointError(f"mode {ON_REQUEST!r} has no stream; it needs {CONTINUOUSLY!r}")


def _control(asked: Settings) -> dict[int, int]:
    """Return the control registers while it samples, or on request while it waits."""
    code = list(CONVERSION_S).index(int(asked["oversampling"]))
    return {
        PT_DATA_CFG: ALL_FLAGS,
        CTRL_REG1: code << 3 | (ACTIVE if asked["mode"] == CONTINUOUSLY else 0),
        CTRL_REG2: RATES_HZ.index(float(asked["rate"])),
        OFF_P: 0,
        OFF_T: 0,
    }


def _is_saturated(counts: npt.NDArray[np.int32]) -> bool:
    """Return whether a sample is at an end of its registers, or beyond what the part measures."""
    pressure_pa = counts[:, 0] * PA_PER_COUNT
    beyond = (pressure_pa < RANGE_PA[0] - BESIDE_PA) | (pressure_pa > RANGE_PA[1] + BESIDE_PA)
    return is_saturated(counts) or bool(beyond.any())
