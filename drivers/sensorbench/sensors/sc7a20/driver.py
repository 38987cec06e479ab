"""SC7A20 over I2C: single readings of the part and of its forms E and H.

- One identity, three forms, told apart by their version (0x70). Only the rates that all forms have
  under the same codes can be chosen.
- A digit is full scale over 2048 in every range, as the maker's kernel driver has it. UNCERTAIN:
  mainline Linux takes the steps of the ST part, 2.4 % more and at 16 g 54 %. One g at rest shows
  which is right: 128 digits at 16 g, or 83.
- A burst needs bit 7 of the register number. UNCERTAIN for the first form; the settings come along
  with every burst, so that a part which does not count up is an error.
- Left out, as public sources contradict each other: the FIFO (the H form has a port of its own),
  low power, the self-test (no limits are published), temperature.
Sources: the maker's Android kernel driver sc7a20.c; two public register headers; Ralim/IronOS
SC7A20.cpp; torvalds/linux st_accel_core.c. No data sheet was read. Times, supply and accuracy are
recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

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
from sensorbench.core.quantity import ACCELERATION
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus

WHO_AM_I, CTRL1, CTRL2, CTRL5, STATUS, OUT, FIFO_CTRL, VERSION = (
    0x0F, 0x20, 0x21, 0x24, 0x27, 0x28, 0x2E, 0x70,
)  # fmt: skip
BURST = 0x80
SC7A20_ID = 0x11
FORMS = {0x11: "SC7A20", 0x26: "SC7A20E", 0x28: "SC7A20H"}
ALL_AXES, BOOT, BDU, HIGH_RESOLUTION, ALL_NEW = 0x07, 0x80, 0x80, 0x08, 0x08
SAMPLE_BYTES = 6
BOOT_S, SETTLE_PERIODS = 0.005, 3
SLOWEST = 1.3  # how long to wait for a sample, in nominal periods
LOWEST, HIGHEST = -2048, 2047

G = 9.80665  # m/s2, CGPM 1901
RANGES = (2 * G, 4 * G, 8 * G, 16 * G)
RATES_HZ = {25.0: 3, 50.0: 4, 100.0: 5, 200.0: 6, 400.0: 7}


class Sc7a20:
    """SC7A20, SC7A20E and SC7A20H, up to 16 g, -40 to 85 degC. It has no serial number."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = tuple(
        Channel(f"acceleration_{axis}", ACCELERATION, axis, accuracy=0.04 * G) for axis in "xyz"
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "range": Setting(2 * G, RANGES, Dimension.ACCELERATION),
        "rate": Setting(100.0, tuple(RATES_HZ), Dimension.FREQUENCY),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.71, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._is_started = False

    def identify(self) -> Identity:
        """Read who is there, and which form of it. Raises WrongDevice if it is none of them."""
        found = self._read(WHO_AM_I, 1)[0]
        if found != SC7A20_ID:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {found:#04x}, an SC7A20 has {SC7A20_ID:#04x}"
            )
        version = self._read(VERSION, 1)[0]
        if version not in FORMS:
            known = ", ".join(f"{number:#04x}" for number in FORMS)
            raise WrongDevice(
                f"0x70 at {self._where} is {version:#04x}, an SC7A20 has one of {known}. A LIS3DHH "
                "has the same WHO_AM_I"
            )
        return Identity("Silan", FORMS[version])

    def prepare(self, **settings: Any) -> None:
        """Boot the part, write all of its settings, and see that they are there.

        Raises SetpointError for settings that can't be, ProtocolError where a burst does not count
        up.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings, self._is_started = None, False
        self._write(CTRL5, BOOT)
        self._clock.sleep(BOOT_S)
        control = _control(asked)
        for register, value in enumerate(control[1:], CTRL2):
            self._write(register, value)
        self._write(FIFO_CTRL, 0)
        self._write(CTRL1, control[0])
        found = self._read(CTRL1, len(control))
        if found == control[:1] * len(control):
            raise ProtocolError(
                f"{self._where} gives one register again and again ({found.hex()}): it does not "
                "count up in a burst, as some first forms are said to do. This driver can't read it"
            )
        self._settings = asked
        self._clock.sleep(SETTLE_PERIODS * SLOWEST / float(asked["rate"]))

    def start(self) -> float:
        """Clear what is there already, and return the seconds until a new sample is certain."""
        self._burst()
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
        burst = self._burst()
        status = burst[STATUS - CTRL1]
        if not status & ALL_NEW:
            raise NotReady(
                f"{self._where} has no new sample (STATUS {status:#04x}); wait as long as start() "
                "says"
            )
        self._is_started = False
        digits = decode_sample(burst[OUT - CTRL1 :])
        for channel, digit in zip(self.CHANNELS, digits, strict=True):
            if digit in (LOWEST, HIGHEST):
                raise Saturated(
                    f"{self._where}: {channel.name} is saturated; choose a larger range, or move "
                    "less"
                )
        values = digits.astype(np.float64) * (float(self._prepared["range"]) / 2048)
        return Block(values[np.newaxis], before_s, self._clock.now())

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
        """Return the registers from CTRL1 to the outputs, the settings as they were written."""
        expected = _control(self._prepared)
        burst = self._read(CTRL1, OUT + SAMPLE_BYTES - CTRL1)
        found = burst[: len(expected)]
        if found != expected:
            raise SettingsLost(
                f"{self._where}: CTRL1 to CTRL6 are {found.hex()}, {expected.hex()} was written. "
                "Did the supply dip, or does somebody else use this part? Prepare it again"
            )
        return burst

    def _read(self, register: int, length: int) -> bytes:
        number = register | BURST if length > 1 else register
        return self._bus.transfer(self._address, bytes([number]), length)

    def _write(self, register: int, value: int) -> None:
        self._bus.transfer(self._address, bytes([register, value]))


def decode_sample(data: bytes) -> npt.NDArray[np.int16]:
    """Convert the outputs to digits x, y, z: 12 bits, left-justified, low byte first.

    Raises ProtocolError for another length.

    >>> (decode_sample(bytes.fromhex("4006 80f3 803e")) / 2048 * 2000).tolist()
    [97.65625, -195.3125, 976.5625]
    """
    if len(data) != SAMPLE_BYTES:
        raise ProtocolError(f"a sample is {SAMPLE_BYTES} bytes, got {len(data)}: {data.hex()}")
    return (np.frombuffer(data, "<i2") >> 4).astype(np.int16)


def _control(asked: Settings) -> bytes:
    """Return CTRL1 to CTRL6."""
    first = RATES_HZ[float(asked["rate"])] << 4 | ALL_AXES
    fourth = BDU | RANGES.index(float(asked["range"])) << 4 | HIGH_RESOLUTION
    return bytes((first, 0, 0, fourth, 0, 0))
