"""LPS22HH over I2C: readings one by one, on request or while it samples, and a stream by its FIFO.

- The control registers come along with every reading, so that a part that was reset behind the
  driver's back (a dip of the supply) is an error, not a part that stands still.
- Data registers hold still while they are read (BDU), and a reading has both its data-ready bits.
Sources: registers, codes and scales: hal_st lps22hh_reg.h and .c; range, supply and accuracy: the
data sheet's first page, DocID030890 rev 2; times and the depth of the FIFO are recalled.
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
from sensorbench.core.quantity import PRESSURE, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.drained import filled_meanwhile
from sensorbench.sensors.lps22hh.codec import (
    K_PER_COUNT,
    PA_PER_COUNT,
    SAMPLE_BYTES,
    decode_fifo,
    decode_sample,
    is_saturated,
)

WHO_AM_I, CTRL_REG1, CTRL_REG2, FIFO_CTRL, OFFSET, FIFO_STATUS1, STATUS, OUT, END, FIFO_DATA = (
    0x0F, 0x10, 0x11, 0x13, 0x18, 0x25, 0x27, 0x28, 0x2D, 0x78,
)  # fmt: skip
LPS22HH_ID = 0xB3
BDU = 0x02
ONE_SHOT, LOW_NOISE, SW_RESET, IF_ADD_INC = 0x01, 0x02, 0x04, 0x10
BYPASS, CONTINUOUS, OVERRUN = 0x00, 0x02, 0x40
BOTH_NEW = 0x03
FIFO_SAMPLES = 128
RESET_S, ONE_SHOT_S = 0.005, 0.015
SLOWEST = 1.2  # how long to wait for a sample, in nominal periods
STALLED_PERIODS = 20
BURST_BITS = 13 * 9  # a drain's other bytes: status, settings, addressing

RATES_HZ = (1.0, 10.0, 25.0, 50.0, 75.0, 100.0, 200.0)  # codes 1 to 7
FASTEST_LOW_NOISE_HZ = 75.0
FILTERS: Mapping[str, int] = {"off": 0x00, "rate / 9": 0x08, "rate / 20": 0x0C}
CONTINUOUSLY, ON_REQUEST = "continuous", "one shot"
BY_RATE = "by rate"
RANGE_PA, BESIDE_PA = (26_000.0, 126_000.0), 200.0  # its accuracy, four times


class Lps22hh:
    """LPS22HH absolute pressure sensor, 26 to 126 kPa, -40 to 85 degC. It has no serial number."""

    # Accuracy: data sheet, first page (pressure); of temperature recalled.
    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure", PRESSURE, accuracy=50.0),
        Channel("temperature", TEMPERATURE, accuracy=1.5),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "mode": Setting(CONTINUOUSLY, (CONTINUOUSLY, ON_REQUEST)),
        "rate": Setting(25.0, RATES_HZ, Dimension.FREQUENCY),
        "low_noise": Setting(BY_RATE, (BY_RATE, "on", "off")),
        "filter": Setting("off", tuple(FILTERS)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.7, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._is_started = self._streams = False
        self._last_samples_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no LPS22HH."""
        found = self._read(WHO_AM_I, 1)[0]
        if found != LPS22HH_ID:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {found:#04x}, an LPS22HH has {LPS22HH_ID:#04x}"
            )
        return Identity("STMicroelectronics", "LPS22HH")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and take the settings; unless on request, it samples from then on.

        Raises SetpointError for settings that can't be, NotReady if the reset does not end.
        """
        asked = chosen(self.SETTINGS, settings)
        first, second = _control(asked)
        self._settings, self._is_started, self._streams = None, False, False
        self._write(CTRL_REG2, SW_RESET | IF_ADD_INC)
        self._clock.sleep(RESET_S)
        if self._read(CTRL_REG2, 1)[0] & SW_RESET:
            raise NotReady(f"{self._where} never finished its reset")
        self._write(OFFSET, 0, 0)  # somebody's one-point offset outlives a reset
        # Low noise is chosen while it is powered down: afterwards it may not be (hal_st).
        self._write(CTRL_REG2, second)
        self._write(CTRL_REG1, first)
        self._settings = asked

    def start(self) -> float:
        """Ask for a sample, or clear what is there; return the seconds until one is certain."""
        asked = self._prepared
        self._burst()
        self._is_started = True
        if asked["mode"] == ON_REQUEST:
            self._write(CTRL_REG2, _control(asked)[1] | ONE_SHOT)
            return ONE_SHOT_S
        return SLOWEST / float(asked["rate"])

    def read(self) -> Block:
        """Return one sample in Pa and degC.

        Raises ProtocolError where it is not new or beyond what the part measures, and where the
        part has lost its settings; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started:
            raise BenchError(f"{self._where}: start() asks for a sample; call it first")
        burst = self._burst()
        status = burst[STATUS - CTRL_REG1]
        if status & BOTH_NEW != BOTH_NEW:
            raise NotReady(
                f"{self._where} has no new sample (STATUS {status:#04x}); "
                "wait as long as start() says"
            )
        self._is_started = False
        pressure, temperature = decode_sample(burst[OUT - CTRL_REG1 :])
        pressure_pa = pressure * PA_PER_COUNT
        if _is_beyond(np.array([[pressure, temperature]], np.int32)):
            raise Saturated(
                f"{self._where} reads {pressure_pa:.0f} Pa, {temperature * K_PER_COUNT:.2f} degC; "
                f"it measures {RANGE_PA[0]:g} to {RANGE_PA[1]:g} Pa"
            )
        row = (pressure_pa, temperature * K_PER_COUNT)
        return Block(np.array([row]), before_s, self._clock.now())

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
        self._write(FIFO_CTRL, BYPASS)
        self._write(FIFO_CTRL, CONTINUOUS)
        self._streams = True
        self._last_samples_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all samples that are in the FIFO, in one burst: int32, shape (n, 2).

        Raises ProtocolError for a part that lost its settings or stands still, and BenchError
        before `open_stream`.
        """
        if not self._streams:
            raise BenchError(f"{self._where}: open_stream() starts the FIFO; call it first")
        before_s = self._clock.now()
        control = self._read(CTRL_REG1, 4)
        self._check_control(control[:2])
        if control[FIFO_CTRL - CTRL_REG1] != CONTINUOUS:
            raise SettingsLost(
                f"{self._where}: FIFO_CTRL is {control[FIFO_CTRL - CTRL_REG1]:#04x}, "
                f"{CONTINUOUS:#04x} was written. Does somebody else use this part?"
            )
        level, flags = self._read(FIFO_STATUS1, 2)
        if level > FIFO_SAMPLES:
            raise ProtocolError(f"{self._where} claims {level} samples; its FIFO has room for 128")
        # The address goes from the last byte of a sample to the first of the next.
        data = self._read(FIFO_DATA, level * SAMPLE_BYTES) if level else b""
        if data and not any(data[-SAMPLE_BYTES:]):
            # Nothing is what a part has that began anew meanwhile.
            self._check_control(self._read(CTRL_REG1, 2))
        end_s = self._clock.now()
        lost = bool(flags & OVERRUN) or filled_meanwhile(
            level, FIFO_SAMPLES, float(self._prepared["rate"]), end_s - before_s,
            lambda: self._read(FIFO_STATUS1, 1)[0],
        )  # fmt: skip
        rows = decode_fifo(data)
        self._see_that_it_runs(len(rows), before_s)
        return Block(rows, before_s, end_s, overflow=lost, saturated=_is_beyond(rows))

    def close_stream(self) -> None:
        """Stop filling; what is in the FIFO is gone."""
        self._streams = False
        self._write(FIFO_CTRL, BYPASS)

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
        burst = self._read(CTRL_REG1, END - CTRL_REG1)
        # A sample that was asked for is not there as long as its bit is.
        self._check_control(bytes((burst[0], burst[1] & ~ONE_SHOT)))
        return burst

    def _check_control(self, found: bytes) -> None:
        expected = bytes(_control(self._prepared))
        if found != expected:
            raise SettingsLost(
                f"{self._where}: CTRL_REG1 and 2 are {found.hex()}, {expected.hex()} was written. "
                "Did the supply dip, or does somebody else use this part? Prepare it again"
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


def _control(asked: Settings) -> tuple[int, int]:
    """Return CTRL_REG1 and 2. Raises SetpointError for low noise that the rate does not allow."""
    rate_hz = float(asked["rate"])
    on_request = asked["mode"] == ON_REQUEST
    possible = on_request or rate_hz <= FASTEST_LOW_NOISE_HZ
    if asked["low_noise"] == "on" and not possible:
        raise SetpointError(
            f"low_noise can't be 'on' at {rate_hz:g} Hz; allowed: up to {FASTEST_LOW_NOISE_HZ:g} Hz"
        )
    low_noise = possible if asked["low_noise"] == BY_RATE else asked["low_noise"] == "on"
    code = 0 if on_request else RATES_HZ.index(rate_hz) + 1
    return (
        code << 4 | FILTERS[str(asked["filter"])] | BDU,
        IF_ADD_INC | (LOW_NOISE if low_noise else 0),
    )


def _is_beyond(counts: npt.NDArray[np.int32]) -> bool:
    """Return whether any sample, shape (n, 2), is none of what the part measures."""
    pressure_pa = counts[:, 0] * PA_PER_COUNT
    low_pa, high_pa = RANGE_PA[0] - BESIDE_PA, RANGE_PA[1] + BESIDE_PA
    return is_saturated(counts) or bool(((pressure_pa < low_pa) | (pressure_pa > high_pa)).any())
