"""DPS310 over I2C: it samples in the background; readings one by one, or a stream by its FIFO.

- The settings come along with every reading, so that a part that was reset behind the driver's back
  (a dip of the supply) is an error, not a part that stands still.
- A FIFO result is fetched alone: its window does not wrap, so 3 bytes are the largest burst.
- The part has no flag for lost results; a full FIFO is taken for one that lost some.
Sources: registers, coefficients, start-up: Infineon/DPS310-Pressure-Sensor src; the repair of
parts with a fuse error, and how they are told: torvalds/linux drivers/iio/pressure/dps310.c.
Conversion times: PX4/PX4-Autopilot pull 27326 (same series); ready times and accuracy recalled.
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
from sensorbench.sensors.dps310.codec import (
    COEFFICIENT_BYTES,
    EMPTY,
    HIGHEST,
    LOWEST,
    RESULT_BYTES,
    SCALE,
    Coefficients,
    Pairing,
    compensate,
    decode_coefficients,
    decode_result,
    decode_results,
)

RESULT, PRS_CFG, MEAS_CFG, CFG_REG, RESET, PROD_ID, COEF, COEF_SRCE = (
    0x00, 0x06, 0x08, 0x09, 0x0C, 0x0D, 0x10, 0x28,
)  # fmt: skip
FUSE_STATE, FUSE_GOOD = 0x32, 0x02
# Undocumented; Infineon's own library writes them to parts that read some 60 degC too much.
FUSE_REPAIR = ((0x0E, 0xA5), (0x0F, 0x96), (0x62, 0x02), (0x0E, 0x00), (0x0F, 0x00))
SOFT_RESET, FIFO_FLUSH = 0x09, 0x80
IDLE, BACKGROUND = 0x00, 0x07
READY, BOTH_NEW = 0xC0, 0x30
TMP_EXT, T_SHIFT, P_SHIFT, FIFO_EN = 0x80, 0x08, 0x04, 0x02
READY_S, READY_TRIES = 0.040, 5
CONVERSION_S = {
    1: 3.6e-3, 2: 5.2e-3, 4: 8.4e-3, 8: 14.8e-3, 16: 27.6e-3, 32: 53.2e-3, 64: 104.4e-3,
    128: 206.8e-3,
}  # fmt: skip
SLOWEST = 1.2  # how long to wait for a sample, in nominal periods
STALLED_PERIODS = 20
LOOKS_S = 0.25  # from one look at the settings of a stream to the next; after a reset nothing comes
FIFO_RESULTS = 32
BITS = 9 * (3 + RESULT_BYTES)  # of one result on the bus: both addresses and the register, too
PA_PER_DIGIT, K_PER_DIGIT = 0.01, 0.001  # of a stream's compensated values
BESIDE_PA = 400.0  # its accuracy, four times
# It measures from -40 to 85 degC, and parts are baked; beyond these the formula says nothing.
LIMITS_C = (-85.0, 155.0)

BY_RATE = "by rate"
RATES_HZ = tuple(float(1 << n) for n in range(8))


class Dps310:
    """DPS310 absolute pressure sensor, 30 to 120 kPa, -40 to 85 degC. It has no serial number.

    Goertek's SPL06-001 has the same identity; the part does not tell which it is.
    """

    MAKER: ClassVar[str] = "Infineon"
    MODEL: ClassVar[str] = "DPS310"
    OR_MODELS: ClassVar[tuple[str, ...]] = ("SPL06-001",)
    PRODUCT_ID: ClassVar[int] = 0x10
    COEFFICIENT_BYTES: ClassVar[int] = COEFFICIENT_BYTES
    RATE_CODES: ClassVar[Mapping[float, int]] = {rate: code for code, rate in enumerate(RATES_HZ)}
    RANGE_PA: ClassVar[tuple[float, float]] = (30_000.0, 120_000.0)
    # Accuracy: recalled, absolute.
    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure_raw"),
        Channel("temperature_raw"),
        Channel("pressure", PRESSURE, accuracy=100.0),
        Channel("temperature", TEMPERATURE, accuracy=0.5),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "rate": Setting(4.0, RATES_HZ, Dimension.FREQUENCY),
        "oversampling": Setting(BY_RATE, (BY_RATE, *SCALE)),
        "temperature_oversampling": Setting(1, tuple(SCALE)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.7, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._coefficients: Coefficients | None = None
        self._control = b""
        self._pairing: Pairing | None = None
        self._is_started = False
        self._last_samples_s = self._looks_s = 0.0

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is none of the family."""
        found = self._read(PROD_ID, 1)[0]
        if found != self.PRODUCT_ID:
            raise WrongDevice(
                f"PROD_ID at {self._where} is {found:#04x}, "
                f"a {self.MODEL} has {self.PRODUCT_ID:#04x}"
            )
        return Identity(self.MAKER, self.MODEL, or_models=self.OR_MODELS)

    def prepare(self, **settings: Any) -> None:
        """Reset the part, read its coefficients, and let it sample with these settings.

        Raises SetpointError for settings that can't be, ProtocolError for a part that does not
        start or whose coefficients are gone.
        """
        asked = chosen(self.SETTINGS, settings)
        oversampling = _oversampling(asked)
        self._settings, self._coefficients, self._pairing = None, None, None
        self._is_started = False
        self._write(RESET, SOFT_RESET)
        self._wait_until_ready()
        try:
            length = self.COEFFICIENT_BYTES
            coefficients = decode_coefficients(self._read(COEF, length), length)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}. Replace the part.") from error
        source = self._temperature_source()
        rate = self.RATE_CODES[float(asked["rate"])] << 4
        codes = [list(SCALE).index(each) for each in oversampling]
        shifts = (P_SHIFT if oversampling[0] > 8 else 0) | (T_SHIFT if oversampling[1] > 8 else 0)
        self._control = bytes((rate | codes[0], source | rate | codes[1], BACKGROUND, shifts))
        # The mode is taken from idle only, and last: from then on it samples.
        self._write(MEAS_CFG, IDLE)
        self._write(PRS_CFG, *self._control[:2])
        self._write(CFG_REG, shifts)
        self._write(MEAS_CFG, BACKGROUND)
        self._settings, self._coefficients = asked, coefficients

    def start(self) -> float:
        """Clear what is there already, and return the seconds until new values are certain."""
        asked = self._prepared
        if self._pairing is not None:
            raise BenchError(f"{self._where} streams; close_stream() ends that")
        self._check_control()
        self._read(RESULT, 2 * RESULT_BYTES)
        self._is_started = True
        return SLOWEST / float(asked["rate"]) + sum(
            CONVERSION_S[each] for each in _oversampling(asked)
        )

    def read(self) -> Block:
        """Return one sample, in the order of CHANNELS: counts, Pa, degC.

        Raises ProtocolError where it is not new or beyond what the part measures, and where the
        part has lost its settings; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started:
            raise BenchError(f"{self._where}: start() waits for a new sample; call it first")
        status = self._check_control()
        if status & BOTH_NEW != BOTH_NEW:
            raise NotReady(
                f"{self._where} has no new sample (MEAS_CFG {status:#04x}); "
                "wait as long as start() says"
            )
        self._is_started = False
        data = self._read(RESULT, 2 * RESULT_BYTES)
        self._check_control()  # it may have begun anew since its flags
        raw = np.array([[decode_result(data[:3]), decode_result(data[3:])]], np.int32)
        row = self._compensated(raw)
        if self._is_beyond(row):
            low_pa, high_pa = self.RANGE_PA
            raise Saturated(
                f"{self._where} reads {row[0, 2]:.0f} Pa and {row[0, 3]:.1f} degC of counts "
                f"{raw[0].tolist()}; it measures {low_pa:g} to {high_pa:g} Pa, -40 to 85 degC"
            )
        return Block(row, before_s, self._clock.now())

    # -- the stream ------------------------------------------------------------------------

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the FIFO gives with `settings`: counts, and what they mean by the formula.

        The formula is no straight line, so compensated values come as whole numbers of 0.01 Pa and
        1 mK. Raises SetpointError for settings that can't be.
        """
        asked = chosen(cls.SETTINGS, settings)
        _oversampling(asked)
        return Stream(
            rate_hz=float(asked["rate"]),
            depth=FIFO_RESULTS // 2,
            bits=2.0 * BITS,
            sample_bytes=2 * RESULT_BYTES,
            burst_bytes=RESULT_BYTES,
            channels=tuple(channel.name for channel in cls.CHANNELS),
            scale=(1.0, 1.0, PA_PER_DIGIT, K_PER_DIGIT),
            offset=(0.0,) * 4,
            dtype="int32",
        )

    def open_stream(self) -> None:
        """Empty the FIFO and let it fill. Raises BenchError before `prepare`."""
        shifts = self._shifts
        self._write(CFG_REG, shifts | FIFO_EN)
        self._write(RESET, FIFO_FLUSH)
        self._control = self._control[:3] + bytes([shifts | FIFO_EN])
        self._pairing = Pairing()
        self._last_samples_s = self._looks_s = self._clock.now()

    def drain(self) -> Block:
        """Fetch all results that are in the FIFO: int32, shape (n, 4), a row a pressure.

        Raises ProtocolError for a part that lost its settings or stands still, and BenchError
        before `open_stream`.
        """
        if self._pairing is None:
            raise BenchError(f"{self._where}: open_stream() starts the FIFO; call it first")
        before_s = self._clock.now()
        results: list[bytes] = []
        while len(results) < FIFO_RESULTS:
            result = self._read(RESULT, RESULT_BYTES)
            if decode_result(result) == EMPTY:
                break
            results.append(result)
        # As many as it holds came: it was full, and lost what had no room. FIFO_STS says no more.
        lost = len(results) == FIFO_RESULTS
        if lost or not results or before_s >= self._looks_s:
            self._check_control()
            self._looks_s = before_s + LOOKS_S
        raw = self._pairing.feed(decode_results(b"".join(results)), lost=lost)
        end_s = self._clock.now()
        self._see_that_it_runs(len(raw), before_s)
        rows = self._compensated(raw)
        digits = np.rint(rows / (1.0, 1.0, PA_PER_DIGIT, K_PER_DIGIT)).astype(np.int32)
        return Block(digits, before_s, end_s, overflow=lost, saturated=self._is_beyond(rows))

    def close_stream(self) -> None:
        """Stop filling; what is in the FIFO is gone."""
        shifts = self._shifts
        self._pairing = None
        self._write(CFG_REG, shifts)
        self._write(RESET, FIFO_FLUSH)
        self._control = self._control[:3] + bytes([shifts])

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() sets the part up; call it first")
        return self._settings

    @property
    def _shifts(self) -> int:
        """Return CFG_REG without the FIFO. Raises BenchError before `prepare`."""
        assert self._prepared  # noqa: S101 - raises
        return self._control[3] & ~FIFO_EN

    def _temperature_source(self) -> int:
        """Return TMP_EXT as the coefficients want it; repair a part whose fuses are wrong."""
        if not self._read(FUSE_STATE, 1)[0] & FUSE_GOOD:
            for register, value in FUSE_REPAIR:
                self._write(register, value)
        return self._read(COEF_SRCE, 1)[0] & TMP_EXT

    def _wait_until_ready(self) -> None:
        for _ in range(READY_TRIES):
            self._clock.sleep(READY_S)
            status = self._read(MEAS_CFG, 1)[0]
            if status & READY == READY:
                return
        raise NotReady(f"{self._where} never became ready after its reset: MEAS_CFG {status:#04x}")

    def _check_control(self) -> int:
        """Return MEAS_CFG. Raises SettingsLost unless the part has what was written."""
        found = self._read(PRS_CFG, 4)
        plain = bytes((found[0], found[1], found[2] & 0x07, found[3]))
        if plain != self._control:
            raise SettingsLost(
                f"{self._where}: PRS_CFG to CFG_REG are {plain.hex()}, {self._control.hex()} was "
                "written. Did the supply dip, or does somebody else use this part? Prepare it again"
            )
        return found[2]

    def _compensated(self, raw: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """Return rows of CHANNELS of raw pressure and temperature, shape (n, 2) to (n, 4)."""
        assert self._coefficients is not None  # noqa: S101 - prepared
        scales = [SCALE[each] for each in _oversampling(self._prepared)]
        pressure, temperature = raw[:, 0] / scales[0], raw[:, 1] / scales[1]
        values = compensate(self._coefficients, pressure, temperature)
        return np.column_stack((raw, *values)).astype(np.float64)

    def _is_beyond(self, rows: npt.NDArray[np.float64]) -> bool:
        """Return whether any of rows of CHANNELS is none of what the part measures."""
        raw, pressure_pa, temperature_c = rows[:, :2], rows[:, 2], rows[:, 3]
        low_pa, high_pa = self.RANGE_PA[0] - BESIDE_PA, self.RANGE_PA[1] + BESIDE_PA
        # The last bit is the tag in the FIFO.
        beyond = ((raw <= LOWEST + 1) | (raw >= HIGHEST - 1)).any(axis=1)
        beyond |= (pressure_pa < low_pa) | (pressure_pa > high_pa)
        beyond |= (temperature_c < LIMITS_C[0]) | (temperature_c > LIMITS_C[1])
        return bool(beyond.any())

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


def _oversampling(asked: Settings) -> tuple[int, int]:
    """Return the oversampling of pressure and of temperature.

    Raises SetpointError where both together do not fit between two samples.
    """
    rate_hz, temperature = float(asked["rate"]), int(asked["temperature_oversampling"])
    left_s = 1.0 / rate_hz - CONVERSION_S[temperature]
    fitting = [each for each, lasts_s in CONVERSION_S.items() if lasts_s <= left_s]
    wanted = asked["oversampling"]
    if not fitting or (wanted != BY_RATE and int(wanted) not in fitting):
        shown = "" if wanted == BY_RATE else f"oversampling {wanted} and "
        raise SetpointError(
            f"rate can't be {rate_hz:g} Hz with {shown}temperature_oversampling {temperature}: "
            "both conversions must fit into a period; lower one of them"
        )
    return fitting[-1] if wanted == BY_RATE else int(wanted), temperature
