"""MSA301 over I2C: single readings; the part has no FIFO to speak of, and no self-test.

- It wakes up suspended and gives the same sample for ever: prepare() leaves that first.
- That a sample is new is latched, and the latch is reset before it is waited for: read so, it does
  not matter that the flag goes off by itself in the other modes (data sheet 4.5.1, 4.5.4).
- The settings come along with every reading, so that a part that was reset is an error.
- A word is left-justified whatever the resolution: full scale is 32768.
- The map prints FIFO_ENTRIES at 0x0D, and nothing else of a FIFO: it is left alone.
Source: MSA301 data sheet 1.3; codes of the range by its register text, not by its table 6, as
torvalds/linux msa311.c and Adafruit's driver have them. How long a soft reset takes is recalled.
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
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import ACCELERATION
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus

SOFT_RESET, PARTID, DATA, DATA_INT, RANGE, ODR, POWER, INT_SET1, INT_LATCH = (
    0x00, 0x01, 0x02, 0x0A, 0x0F, 0x10, 0x11, 0x17, 0x21,
)  # fmt: skip
MSA301_ID = 0x13
RESET, NEW_DATA, NEW_DATA_ON, LATCHED, UNLATCH = 0x24, 0x01, 0x10, 0x07, 0x80
SAMPLE_BYTES = 6
RESET_S, WAKE_S, SETTLE_PERIODS = 0.010, 0.002, 2
SLOWEST = 1.2  # how long to wait for a sample, in nominal periods

G = 9.80665  # m/s2, CGPM 1901
RANGES = (2 * G, 4 * G, 8 * G, 16 * G)
RESOLUTIONS = {"14 bit": 14, "12 bit": 12, "10 bit": 10, "8 bit": 8}
# Codes 0 to 10; the first two are of low power alone, the last two of normal power.
RATES_HZ = (1.0, 1.95, 3.9, 7.81, 15.63, 31.25, 62.5, 125.0, 250.0, 500.0, 1000.0)
POWERS = {"normal": (0, 2, 10), "low": (1, 0, 8)}
"""Code of the mode, and the first and last code of its rates."""
BY_RATE = "by rate"


class Msa301:
    """MSA301, up to 16 g, -40 to 85 degC. It has no serial number.

    An MSA311 (12 bits, another address) and MiraMEMS' DA217 and its siblings answer the same.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = tuple(
        Channel(f"acceleration_{axis}", ACCELERATION, axis, accuracy=0.08 * G) for axis in "xyz"
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "range": Setting(2 * G, RANGES, Dimension.ACCELERATION),
        "rate": Setting(125.0, RATES_HZ, Dimension.FREQUENCY),
        "resolution": Setting("14 bit", tuple(RESOLUTIONS)),
        "power": Setting(BY_RATE, (BY_RATE, *POWERS)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.62, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._is_started = False

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is none of the family."""
        found = self._read(PARTID, 1)[0]
        if found != MSA301_ID:
            raise WrongDevice(
                f"PARTID at {self._where} is {found:#04x}, an MSA301 has {MSA301_ID:#04x}"
            )
        return Identity("MEMSensing", "MSA301", or_models=("MSA311", "DA217", "DA213B", "DA270"))

    def prepare(self, **settings: Any) -> None:
        """Reset the part and let it measure with these settings, defaults elsewhere.

        Raises SetpointError for settings that can't be.
        """
        asked = chosen(self.SETTINGS, settings)
        control = _control(asked)
        self._settings, self._is_started = None, False
        self._write(SOFT_RESET, RESET)
        self._clock.sleep(RESET_S)
        # Awake first: of a suspended part the data sheet promises reads alone.
        self._write(POWER, 0)
        self._clock.sleep(WAKE_S)
        self._write(RANGE, *control)
        self._write(INT_SET1, NEW_DATA_ON)
        self._settings = asked
        self._clock.sleep(SETTLE_PERIODS * SLOWEST / float(asked["rate"]))

    def start(self) -> float:
        """Forget what was new, and return the seconds until a new sample is certain."""
        self._check_control()
        self._write(INT_LATCH, UNLATCH | LATCHED)
        self._read(DATA_INT, 1)
        self._is_started = True
        return SLOWEST / float(self._prepared["rate"])

    def read(self) -> Block:
        """Return one sample in m/s2.

        Raises ProtocolError where it is not new, where an axis is saturated, and where the part
        has lost its settings; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started:
            raise BenchError(f"{self._where}: start() waits for a new sample; call it first")
        self._check_control()
        flag = self._read(DATA_INT, 1)[0]
        if not flag & NEW_DATA:
            raise NotReady(
                f"{self._where} has no new sample (0x0A is {flag:#04x}); wait as long as start() "
                "says"
            )
        self._is_started = False
        asked = self._prepared
        words = decode_words(self._read(DATA, SAMPLE_BYTES))
        self._check_control()  # it may have begun anew since its flag
        for channel, word in zip(self.CHANNELS, words, strict=True):
            if is_saturated(word, RESOLUTIONS[str(asked["resolution"])]):
                raise Saturated(
                    f"{self._where}: {channel.name} is saturated; choose a larger range, or move "
                    "less"
                )
        values = np.array([words], np.float64) * float(asked["range"]) / 32768
        return Block(values, before_s, self._clock.now())

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() sets the part up; call it first")
        return self._settings

    def _check_control(self) -> None:
        found, expected = self._read(RANGE, 3), _control(self._prepared)
        if found != expected:
            raise SettingsLost(
                f"{self._where}: 0x0F to 0x11 (range, rate, power) are {found.hex()}, "
                f"{expected.hex()} was written. Did the supply dip, or does somebody else use this "
                "part? Prepare it again"
            )

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register]), length)

    def _write(self, register: int, *values: int) -> None:
        self._bus.transfer(self._address, bytes([register, *values]))


def decode_words(data: bytes) -> tuple[int, int, int]:
    """Convert the data registers to words x, y, z: low byte first, left-justified.

    Raises ProtocolError for another length.

    >>> [round(word * 4 / 32768, 6) for word in decode_words(bytes.fromhex("0020 00f0 3403"))]
    [1.0, -0.5, 0.100098]
    """
    if len(data) != SAMPLE_BYTES:
        raise ProtocolError(f"a sample is {SAMPLE_BYTES} bytes, got {len(data)}: {data.hex()}")
    x, y, z = np.frombuffer(data, "<i2").tolist()
    return x, y, z


def is_saturated(word: int, bits: int) -> bool:
    """Return whether a word lies at an end of its range, of which `bits` count.

    >>> is_saturated(0x7FFC, 14), is_saturated(0x7FF8, 14), is_saturated(-32768, 8)
    (True, False, True)
    """
    count = word >> 16 - bits
    return count in (-(1 << bits - 1), (1 << bits - 1) - 1)


def _control(asked: Settings) -> bytes:
    """Return 0x0F to 0x11. Raises SetpointError for a rate that the power mode does not have."""
    rate, power = RATES_HZ.index(float(asked["rate"])), str(asked["power"])
    if power == BY_RATE:
        power = "normal" if rate >= POWERS["normal"][1] else "low"
    mode, first, last = POWERS[power]
    if not first <= rate <= last:
        raise SetpointError(
            f"rate can't be {RATES_HZ[rate]:g} Hz with power {power!r}; allowed: "
            f"{RATES_HZ[first]:g} to {RATES_HZ[last]:g} Hz"
        )
    resolution = list(RESOLUTIONS).index(str(asked["resolution"]))
    range_ = RANGES.index(float(asked["range"]))
    # The bandwidth in low power has the same codes, each half of its rate.
    return bytes((resolution << 2 | range_, rate, mode << 6 | rate << 1))
