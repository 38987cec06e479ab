"""BMP390 and BMP388 over I2C: readings on request or while it samples, and a stream by its FIFO.

- The settings come along with every reading, so that a part that was reset behind the driver's back
  (a dip of the supply) is an error, not a part that stands still.
- The FIFO has no flag for lost samples; one without room for another frame is taken for one that
  lost some.
Sources: registers, codes, times, start-up, limits of rate and oversampling:
boschsensortec/BMP3_SensorAPI bmp3.c and bmp3_defs.h; range and accuracy: BMP390 data sheet
BST-BMP390-DS002-07, first page; 2020 us a conversion, and that the FIFO's address does not count
up, are recalled.
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
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.bmp390.codec import (
    FRAME_BYTES,
    NVM_BYTES,
    SAMPLE_BYTES,
    Counts,
    Floats,
    Trimming,
    compensate,
    decode_fifo,
    decode_sample,
    decode_trimming,
    is_saturated,
)
from sensorbench.sensors.drained import filled_meanwhile
from sensorbench.sensors.possible import require_possible

CHIP_ID, ERR_REG, DATA, FIFO_LENGTH, FIFO_DATA, FIFO_CONFIG_1, NVM, CMD = (
    0x00, 0x02, 0x04, 0x12, 0x14, 0x17, 0x30, 0x7E,
)  # fmt: skip
PWR_CTRL, OSR, ODR, CONFIG = 0x1B, 0x1C, 0x1D, 0x1F
MODELS: Mapping[int, str] = {0x60: "BMP390", 0x50: "BMP388"}
SOFT_RESET, FIFO_FLUSH = 0xB6, 0xB0
CMD_ERROR, CONF_ERROR, COMMAND_READY, BOTH_NEW = 0x02, 0x04, 0x10, 0x60
BOTH, FORCED, NORMAL = 0x03, 0x10, 0x30
FIFO_ON, FIFO_OFF, FILTERED = 0x19, 0x00, 0x08  # both channels, oldest go first, no subsampling
COMMAND_S, COMMAND_TRIES = 0.002, 5
SETTLE_S, CONVERSION_S = (234 + 392 + 313) * 1e-6, 2020e-6
SLOWEST = 1.2  # how long to wait for a sample, in nominal times
STALLED_PERIODS = 20
FIFO_BYTES = 512
FIFO_SAMPLES = FIFO_BYTES // FRAME_BYTES
BURST_BITS = (4 + 12 + 4) * 9  # a drain's other bytes: settings, length, addressing
PA_PER_DIGIT, K_PER_DIGIT = 0.001, 0.0001  # of a stream's compensated values
RANGE_PA, BESIDE_PA = (30_000.0, 125_000.0), 200.0  # its accuracy, four times

RATES_HZ = tuple(200.0 / (1 << code) for code in range(18))
OVERSAMPLING = tuple(1 << code for code in range(6))
FILTERS = tuple((1 << code) - 1 for code in range(8))
CONTINUOUSLY, ON_REQUEST = "continuous", "one shot"
BY_RATE = "by rate"


class Bmp390:
    """BMP390 or BMP388 absolute pressure sensor, 30 to 125 kPa, -40 to 85 degC; without a serial.

    `filter` is the coefficient of its low pass: n parts of what it had, one part of the new.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure_raw"),
        Channel("temperature_raw"),
        Channel("pressure", PRESSURE, accuracy=50.0),
        Channel("temperature", TEMPERATURE, accuracy=0.5),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "mode": Setting(CONTINUOUSLY, (CONTINUOUSLY, ON_REQUEST)),
        "rate": Setting(12.5, RATES_HZ, Dimension.FREQUENCY),
        "oversampling": Setting(BY_RATE, (BY_RATE, *OVERSAMPLING)),
        "temperature_oversampling": Setting(1, OVERSAMPLING),
        "filter": Setting(0, FILTERS),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.65, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._words: Trimming | None = None
        self._is_started = self._streams = self._is_first_drain = False
        self._last_samples_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is neither a BMP390 nor a BMP388."""
        found = self._read(CHIP_ID, 1)[0]
        if found not in MODELS:
            known = ", ".join(f"a {model} has {code:#04x}" for code, model in MODELS.items())
            raise WrongDevice(f"CHIP_ID at {self._where} is {found:#04x}; {known}")
        return Identity("Bosch Sensortec", MODELS[found])

    def prepare(self, **settings: Any) -> None:
        """Reset the part, read its factory words, take the settings; then it samples by itself.

        On request it waits. Raises SetpointError for settings that can't be, ProtocolError for a
        part that does not start, whose factory words are damaged, or that refuses its settings.
        """
        asked = chosen(self.SETTINGS, settings)
        control = _control(asked)
        self._settings, self._words = None, None
        self._is_started = self._streams = False
        self._command(SOFT_RESET, "reset")
        try:
            words = decode_trimming(self._read(NVM, NVM_BYTES))
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}. Replace the part.") from error
        # The mode is taken last: from then on it samples.
        for register in (OSR, ODR, CONFIG, PWR_CTRL):
            self._write(register, control[register])
        self._settings, self._words = asked, words
        self._check_errors()

    def start(self) -> float:
        """Ask for a sample, or clear what is there; return the seconds until one is certain."""
        asked = self._prepared
        if self._streams:
            raise BenchError(f"{self._where} streams; close_stream() ends that")
        self._check_control()
        self._read(DATA, SAMPLE_BYTES)
        self._is_started = True
        lasts_s = SLOWEST * _measuring_s(*_oversampling(asked))
        if asked["mode"] == ON_REQUEST:
            self._write(PWR_CTRL, BOTH | FORCED)
            return lasts_s
        return SLOWEST / float(asked["rate"]) + lasts_s

    def read(self) -> Block:
        """Return one sample, in the order of CHANNELS: counts, Pa, degC.

        Raises ProtocolError where it is not new or beyond what the part measures, and where the
        part has lost its settings; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started:
            raise BenchError(f"{self._where}: start() asks for a sample; call it first")
        self._check_control()
        burst = self._read(ERR_REG, DATA - ERR_REG + SAMPLE_BYTES)
        status = burst[1]
        if status & BOTH_NEW != BOTH_NEW:
            raise NotReady(
                f"{self._where} has no new sample (STATUS {status:#04x}); "
                "wait as long as start() says"
            )
        self._is_started = False
        counts = decode_sample(burst[2:])
        row = self._compensated(counts)
        if is_saturated(counts) or _is_beyond(row[:, 2]):
            raise Saturated(
                f"{self._where} reads {row[0, 2]:.0f} Pa of counts {counts[0].tolist()}; it "
                f"measures {RANGE_PA[0]:g} to {RANGE_PA[1]:g} Pa"
            )
        require_possible(self._where, self.CHANNELS, row[0])
        return Block(row, before_s, self._clock.now())

    # -- the stream ------------------------------------------------------------------------

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the FIFO gives with `settings`: counts, and what they mean by the formula.

        The formula is no straight line, so compensated values come as whole numbers of 1 mPa and
        0.1 mK. Raises SetpointError for settings that can't be, or that have no stream.
        """
        asked = chosen(cls.SETTINGS, settings)
        _check_streams(asked)
        _oversampling(asked)
        return Stream(
            rate_hz=float(asked["rate"]),
            depth=FIFO_SAMPLES,
            # Nine clocks a byte; a drain's overhead shared by a FIFO that is a quarter full.
            bits=9 * FRAME_BYTES + BURST_BITS / (FIFO_SAMPLES / 4),
            sample_bytes=FRAME_BYTES,
            burst_bytes=FRAME_BYTES * FIFO_SAMPLES,
            channels=tuple(channel.name for channel in cls.CHANNELS),
            scale=(1.0, 1.0, PA_PER_DIGIT, K_PER_DIGIT),
            offset=(0.0,) * 4,
            dtype="int32",
        )

    def open_stream(self) -> None:
        """Empty the FIFO and let it fill.

        Raises BenchError before `prepare`, SetpointError for a part that samples on request.
        """
        _check_streams(self._prepared)
        self._write(FIFO_CONFIG_1, FIFO_ON, FILTERED)
        self._command(FIFO_FLUSH, "flush of the FIFO")
        self._streams = self._is_first_drain = True
        self._is_started = False
        self._last_samples_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all samples that are in the FIFO, in one burst: int32, shape (n, 4).

        Raises ProtocolError for a part that lost its settings or stands still, and BenchError
        before `open_stream`.
        """
        if not self._streams:
            raise BenchError(f"{self._where}: open_stream() starts the FIFO; call it first")
        before_s = self._clock.now()
        self._check_control()
        length = self._read_length()
        if length > FIFO_BYTES:
            raise ProtocolError(f"{self._where} claims {length} bytes in a FIFO of {FIFO_BYTES}")
        try:
            data = self._read(FIFO_DATA, length) if length else b""
            end_s = self._clock.now()
            lost = length + FRAME_BYTES > FIFO_BYTES or filled_meanwhile(
                length, FIFO_BYTES + 1 - FRAME_BYTES, FRAME_BYTES * float(self._prepared["rate"]),
                end_s - before_s, self._read_length,
            )  # fmt: skip
            frames = decode_fifo(data)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}. Open the stream again") from error
        # Switching the FIFO on may leave a frame of its own in front of the first sample.
        if frames.failed or (frames.changed and not self._is_first_drain):
            raise SettingsLost(
                f"{self._where}: the FIFO says that the settings were changed. Does somebody else "
                "use this part? Prepare it again"
            )
        self._is_first_drain = False
        self._see_that_it_runs(len(frames.counts), before_s)
        values = self._compensated(frames.counts)
        rows = np.rint(values / (1.0, 1.0, PA_PER_DIGIT, K_PER_DIGIT)).astype(np.int32)
        return Block(
            rows, before_s, end_s,
            overflow=lost,
            saturated=is_saturated(frames.counts) or _is_beyond(values[:, 2]),
        )  # fmt: skip

    def close_stream(self) -> None:
        """Stop filling; what is in the FIFO is gone."""
        self._streams = False
        self._write(FIFO_CONFIG_1, FIFO_OFF, FILTERED)
        self._command(FIFO_FLUSH, "flush of the FIFO")

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() sets the part up; call it first")
        return self._settings

    def _read_length(self) -> int:
        return int.from_bytes(self._read(FIFO_LENGTH, 2), "little")

    def _command(self, code: int, name: str) -> None:
        """Send a command and wait until it was done. Raises NotReady, ProtocolError."""
        for _ in range(COMMAND_TRIES):
            if self._read(ERR_REG, 2)[1] & COMMAND_READY:
                break
            self._clock.sleep(COMMAND_S)
        else:
            raise NotReady(f"{self._where} takes no commands: STATUS.cmd_rdy never rose")
        self._write(CMD, code)
        self._clock.sleep(COMMAND_S)
        if self._read(ERR_REG, 1)[0] & CMD_ERROR:
            raise ProtocolError(f"{self._where} refused its {name}: ERR_REG.cmd_err is set")

    def _check_errors(self) -> None:
        if self._read(ERR_REG, 1)[0] & CONF_ERROR:
            raise ProtocolError(
                f"{self._where} refuses its rate and oversampling: ERR_REG.conf_err is set"
            )

    def _check_control(self) -> None:
        """Raise SettingsLost unless the part has what was written."""
        expected = dict(_control(self._prepared))
        if self._streams:
            expected |= {FIFO_CONFIG_1: FIFO_ON, FIFO_CONFIG_1 + 1: FILTERED}
        data = self._read(FIFO_CONFIG_1, CONFIG - FIFO_CONFIG_1 + 1)
        found = {register: data[register - FIFO_CONFIG_1] for register in expected}
        if self._prepared["mode"] == ON_REQUEST:
            found[PWR_CTRL] &= BOTH  # the mode goes back to sleep by itself
        if found != expected:
            wrong = next(each for each in expected if found[each] != expected[each])
            raise SettingsLost(
                f"{self._where}: register {wrong:#04x} is {found[wrong]:#04x}, "
                f"{expected[wrong]:#04x} was written. Did the supply dip, or does somebody else "
                "use this part? Prepare it again"
            )

    def _compensated(self, counts: Counts) -> Floats:
        """Return rows of CHANNELS of counts, shape (n, 2) to (n, 4)."""
        assert self._words is not None  # noqa: S101 - prepared
        raw = counts.astype(np.float64)
        return np.column_stack((raw, *compensate(self._words, raw[:, 0], raw[:, 1])))

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
        """Write registers that follow one another, each with its own number: none counts up."""
        pairs = bytes(byte for pair in enumerate(values, register) for byte in pair)
        self._bus.transfer(self._address, pairs)


def _check_streams(asked: Settings) -> None:
    if asked["mode"] == ON_REQUEST:
        raise SetpointError(f"mode {ON_REQUEST!r} has no stream; it needs {CONTINUOUSLY!r}")


def _measuring_s(pressure: int, temperature: int) -> float:
    return SETTLE_S + CONVERSION_S * (pressure + temperature)


def _oversampling(asked: Settings) -> tuple[int, int]:
    """Return the oversampling of pressure and of temperature.

    Raises SetpointError where both together do not fit between two samples.
    """
    wanted, temperature = asked["oversampling"], int(asked["temperature_oversampling"])
    if asked["mode"] == ON_REQUEST:
        return OVERSAMPLING[-1] if wanted == BY_RATE else int(wanted), temperature
    rate_hz = float(asked["rate"])
    fitting = [each for each in OVERSAMPLING if _measuring_s(each, temperature) < 1.0 / rate_hz]
    if not fitting or (wanted != BY_RATE and int(wanted) not in fitting):
        shown = "" if wanted == BY_RATE else f"oversampling {wanted} and "
        raise SetpointError(
            f"rate can't be {rate_hz:g} Hz with {shown}temperature_oversampling {temperature}: "
            "both conversions must fit into a period; lower one of them"
        )
    return fitting[-1] if wanted == BY_RATE else int(wanted), temperature


def _control(asked: Settings) -> dict[int, int]:
    """Return the control registers while it samples, or on request while it waits."""
    pressure, temperature = (OVERSAMPLING.index(each) for each in _oversampling(asked))
    return {
        PWR_CTRL: BOTH | (NORMAL if asked["mode"] == CONTINUOUSLY else 0),
        OSR: temperature << 3 | pressure,
        ODR: RATES_HZ.index(float(asked["rate"])),
        CONFIG: FILTERS.index(int(asked["filter"])) << 1,
    }


def _is_beyond(pressure_pa: Floats) -> bool:
    low_pa, high_pa = RANGE_PA[0] - BESIDE_PA, RANGE_PA[1] + BESIDE_PA
    return bool(((pressure_pa < low_pa) | (pressure_pa > high_pa)).any())
