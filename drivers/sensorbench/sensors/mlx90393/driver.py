"""MLX90393 over I2C: one measurement at a time, of three axes and temperature.

- Every command is answered by a status. The part has no identity: it is known by what only it has
  in its registers, how its plates spin and what its thermometer read at 35 degC.
- The registers that hold the settings are looked at with every reading, so that a part that was
  reset behind the driver's back is an error; so is the flag that it was.
- The memory is never written (WEARING). Its own temperature compensation stays off: it needs
  coefficients of the user's.
- Not known, and not done: what the self-test should give; what a part gives beyond its range (if it
  wraps around, nobody can tell: leave a margin).
Sources: adafruit/Adafruit_CircuitPython_MLX90393 adafruit_mlx90393.py (commands, scale, times,
temperature reference); tedyapo/arduino-MLX90393 (status bits, time of temperature); Melexis
3901090393 revision 002 (temperature), 003 (supply). What clears the reset flag is recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, Settings, chosen
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
from sensorbench.core.quantity import MAGNETIC_FIELD, TEMPERATURE
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.possible import require_possible

MEASURE, READ_MEASUREMENT, READ_REGISTER, WRITE_REGISTER = 0x30, 0x40, 0x50, 0x60
EXIT, RESET = 0x80, 0xF0
ALL = 0x0F  # z, y, x and temperature
WEARING: Mapping[int, str] = {0xE0: "memory store: registers become what the part starts with"}
"""Commands that this driver never sends."""
CONF1, CONF2, CONF3, TEMPERATURE_REFERENCE = 0x00, 0x01, 0x02, 0x24
MODES, ERROR, WAS_RESET = 0xE0, 0x10, 0x04
HALLCONF, HALLCONFS = 0x0C, (0x0C, 0x00)
EXIT_S, RESET_S = 1e-3, 2e-3
# Factor of the digit by code, and digits at a factor of 1 by resolution, uT: x and y, z.
GAINS = (5.0, 4.0, 3.0, 2.5, 2.0, 1.667, 1.333, 1.0)
RESOLUTIONS = (16, 17, 18, 19)
DIGITS_UT = ((0.150, 0.242), (0.300, 0.484), (0.601, 0.968), (1.202, 1.936))
# What a raw word is counted from, and between which words it is no end of the range.
FROM = (0, 0, 0x8000, 0x4000)
ENDS = ((-0x8000, 0x7FFF), (-0x8000, 0x7FFF), (0, 0xFFFF), (0, 0x7FFF))
# Of three axes, ms: by filter and oversampling.
MEASURING_MS = (
    (1.27, 1.84, 3.00, 5.30),
    (1.46, 2.23, 3.76, 6.84),
    (1.84, 3.00, 5.30, 9.91),
    (2.61, 4.53, 8.37, 16.05),
    (4.15, 7.60, 14.52, 28.34),
    (7.22, 13.75, 26.80, 52.92),
    (13.36, 26.04, 51.38, 102.07),
    (25.65, 50.61, 100.53, 200.37),
)
TEMPERATURE_MS = 0.192
SLOWEST = 1.15  # no tolerance is given; Adafruit waits 1.1 times as long
REFERENCE_C, COUNTS_PER_K = 35.0, 45.2
REFERENCES = range(40_000, 53_000)  # 46696 is typical


def field_ut(word: int, resolution: int, gain: float, *, is_z: bool = False) -> float:
    """Convert a word of 16 bits to uT. Raises Saturated at an end of the range.

    >>> [round(field_ut(word & 0xFFFF, 16, 1.0), 6) for word in (1000, -1000)]
    [150.0, -150.0]
    >>> field_ut(500, 16, 1.0, is_z=True), round(field_ut(0x8000 + 100, 18, 2.0), 6)
    (121.0, 120.2)
    """
    code = RESOLUTIONS.index(resolution)
    low, high = ENDS[code]
    value = word - 0x10000 if low < 0 and word & 0x8000 else word
    if value <= low or value >= high:
        raise Saturated(f"the word {word:#06x} is at an end of the range")
    return (value - FROM[code]) * DIGITS_UT[code][is_z] * gain


def temperature_c(word: int, reference: int) -> float:
    """Convert a word to degC; `reference` is the unit's own at 35 degC, typically 46696.

    >>> temperature_c(46244, 46696)
    25.0
    """
    return REFERENCE_C + (word - reference) / COUNTS_PER_K


class Mlx90393:
    """MLX90393, up to 50 mT, -40 to 85 degC. It has no serial number."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        *(Channel(f"magnetic_field_{a}", MAGNETIC_FIELD, a, accuracy=60.0) for a in "xyz"),
        Channel("temperature", TEMPERATURE, accuracy=3.0),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "gain": Setting(1.0, GAINS),
        "resolution": Setting(16, RESOLUTIONS),
        "filter": Setting(5, tuple(range(8))),
        "oversampling": Setting(2, tuple(range(4))),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.2, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._reference = 0
        self._started_s: float | None = None

    def identify(self) -> Identity:
        """Read what only an MLX90393 has in its registers. Raises WrongDevice, NotReady."""
        status, configuration = self._read(CONF1)
        if status & ERROR and status & MODES:
            raise NotReady(
                f"{self._where} has the status {status:#04x}: if it is an MLX90393, it measures by "
                "itself for somebody else. Stop that, or take its supply away for a moment"
            )
        reference = self._read(TEMPERATURE_REFERENCE)[1]
        spins = configuration & 0x0F
        if status & ERROR or spins not in HALLCONFS or reference not in REFERENCES:
            raise WrongDevice(
                f"{self._where} has {configuration:#06x} in register 0x00 and {reference:#06x} in "
                "0x24; an MLX90393 has 0xc at the end of the one, and about 0xb668 in the other"
            )
        return Identity("Melexis", "MLX90393")

    def prepare(self, **settings: Any) -> None:
        """Stop and reset the part and take the settings.

        Raises SetpointError for a setting that can't be, SettingsLost where one does not read back.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = self._started_s = None
        self._command(bytes([EXIT]))
        self._clock.sleep(EXIT_S)
        self._command(bytes([RESET]))
        self._clock.sleep(RESET_S)
        for register, word in _configuration(asked).items():
            status, _ = self._command(
                bytes([WRITE_REGISTER, *word.to_bytes(2, "big"), register << 2])
            )
            self._require_taken(status, f"a write to register {register:#04x}")
        self._require(asked)
        self._reference = self._read(TEMPERATURE_REFERENCE)[1]
        if self._reference not in REFERENCES:
            raise ProtocolError(
                f"{self._where}: the thermometer's reference is {self._reference:#06x}, about "
                "0xb668 is due. Is it an MLX90393?"
            )
        self._settings = asked

    def start(self) -> float:
        """Start a measurement and return the seconds until it is ready. Call `prepare` first."""
        settings = self._prepared
        status, _ = self._command(bytes([MEASURE | ALL]))
        self._require_taken(status, "a measurement")
        if status & WAS_RESET:
            raise SettingsLost(
                f"{self._where} was reset (status {status:#04x}). Did the supply dip? Prepare it "
                "again"
            )
        self._started_s = self._clock.now()
        return _measuring_s(settings)

    def read(self) -> Block:
        """Return the measurement that was started: uT of x, y, z, and degC.

        Raises ProtocolError if it is not ready or saturated, or the part lost its settings,
        BenchError before `start`.
        """
        before_s, settings = self._clock.now(), self._prepared
        if self._started_s is None:
            raise BenchError(f"{self._where}: start() starts a measurement; call it first")
        waited_s, self._started_s = before_s - self._started_s, None
        status, data = self._command(bytes([READ_MEASUREMENT | ALL]), 8)
        if status & ERROR:
            raise NotReady(
                f"{self._where} has no new measurement {waited_s * 1e3:.1f} ms after the start "
                f"(status {status:#04x}); it takes up to {_measuring_s(settings) * 1e3:.1f} ms. If "
                "that was waited, did its supply dip?"
            )
        self._require(settings)
        words = [int.from_bytes(data[start : start + 2], "big") for start in range(0, 8, 2)]
        resolution, gain = int(settings["resolution"]), float(settings["gain"])
        row = []
        for axis, word in zip("xyz", words[1:], strict=True):
            try:
                row.append(field_ut(word, resolution, gain, is_z=axis == "z"))
            except Saturated as error:
                raise Saturated(
                    f"{self._where}: magnetic_field_{axis}: {error} of gain {gain:g} and "
                    f"resolution {resolution}; choose larger ones, or move the magnet away"
                ) from error
        row.append(temperature_c(words[0], self._reference))
        require_possible(self._where, self.CHANNELS, row)
        return Block(np.array([row]), before_s, self._clock.now())

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() resets the part; call it first")
        return self._settings

    def _require(self, settings: Settings) -> None:
        for register, wanted in _configuration(settings).items():
            found = self._read(register)[1]
            if found != wanted:
                raise SettingsLost(
                    f"{self._where}: register {register:#04x} is {found:#06x}, {wanted:#06x} was "
                    "written. Did the supply dip, or does somebody else use this part? Prepare it "
                    "again"
                )

    def _require_taken(self, status: int, what: str) -> None:
        if status & ERROR:
            raise ProtocolError(
                f"{self._where} refused {what} (status {status:#04x}). Does it measure by itself "
                "for somebody else? Prepare it again"
            )

    def _read(self, register: int) -> tuple[int, int]:
        status, data = self._command(bytes([READ_REGISTER, register << 2]), 2)
        return status, int.from_bytes(data, "big")

    def _command(self, command: bytes, length: int = 0) -> tuple[int, bytes]:
        """Send a command and return its status, and what came with it."""
        answer = self._bus.transfer(self._address, command, 1 + length)
        return answer[0], answer[1:]


def _configuration(settings: Settings) -> dict[int, int]:
    """Return the registers that hold settings."""
    resolution = RESOLUTIONS.index(int(settings["resolution"]))
    oversampling, filtering = int(settings["oversampling"]), int(settings["filter"])
    return {
        CONF1: GAINS.index(float(settings["gain"])) << 4 | HALLCONF,
        CONF2: 0x0000,
        CONF3: resolution << 9 | resolution << 7 | resolution << 5 | filtering << 2 | oversampling,
    }


def _measuring_s(settings: Settings) -> float:
    milliseconds = MEASURING_MS[int(settings["filter"])][int(settings["oversampling"])]
    return SLOWEST * 1e-3 * (milliseconds + TEMPERATURE_MS)
