"""HTS221 over I2C: readings on request or while it samples by itself.

- Bursts set bit 7 of the register number: without it one register comes again and again.
- The part has no reset: its boot loads trimming only, so control registers are all written.
- The control registers come along with every reading, so that a part that lost its supply, or that
  somebody heats, is an error.
Sources: map and formulas: hal_st hts221_reg.h and .c; range, supply and accuracy: HTS221 data sheet
DocID026333 rev 4, first page; times are recalled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

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
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.possible import require_possible

WHO_AM_I, AV_CONF, CTRL_REG1, CTRL_REG2, STATUS, OUT, END, FACTORY = (
    0x0F, 0x10, 0x20, 0x21, 0x27, 0x28, 0x2C, 0x30,
)  # fmt: skip
BURST = 0x80
HTS221_ID = 0xBC
POWER_ON, BDU = 0x80, 0x04
BOOT, HEATER, ONE_SHOT = 0x80, 0x02, 0x01
BOTH_NEW = 0x03
FACTORY_BYTES, OUT_BYTES = 16, 4
LOWEST, HIGHEST = -32768, 32767
BOOT_S = 0.005
SLOWEST = 1.2  # how long to wait for a sample, in nominal periods

ON_REQUEST, CONTINUOUSLY = "one shot", "continuous"
RATES_HZ = (1.0, 7.0, 12.5)  # codes 1 to 3
HUMIDITY_AVERAGING = (4, 8, 16, 32, 64, 128, 256, 512)
TEMPERATURE_AVERAGING = (2, 4, 8, 16, 32, 64, 128, 256)


class Factory(NamedTuple):
    """Two points of humidity and of temperature: what it was in %RH and degC, what came out."""

    humidity_rh: tuple[float, float]
    humidity_out: tuple[int, int]
    temperature_c: tuple[float, float]
    temperature_out: tuple[int, int]


def decode_factory(data: bytes) -> Factory:
    """Convert registers 0x30 to 0x3F to the two points.

    Raises ProtocolError for another length, and for points that are one: no good part has such.

    >>> decode_factory(bytes.fromhex("3d8f990e00c4f2ff3a03f5d000001e03"))
    ... # doctest: +NORMALIZE_WHITESPACE
    Factory(humidity_rh=(30.5, 71.5), humidity_out=(-14, -12043), temperature_c=(19.125, 33.75),
            temperature_out=(0, 798))
    """
    if len(data) != FACTORY_BYTES:
        raise ProtocolError(f"the factory words are 16 bytes, got {len(data)}: {data.hex()}")

    def word(at: int) -> int:
        return int.from_bytes(data[at : at + 2], "little", signed=True)

    # Temperatures have 10 bits, whose highest are together in a byte.
    high = data[5]
    temperatures = (data[2] | (high & 0x03) << 8, data[3] | (high & 0x0C) << 6)
    found = Factory(
        (data[0] / 2, data[1] / 2),
        (word(6), word(10)),
        (temperatures[0] / 8, temperatures[1] / 8),
        (word(12), word(14)),
    )
    if any(one == other for one, other in found):
        raise ProtocolError(f"the factory words are {data.hex()}: two points are one")
    return found


def interpolate(points: tuple[float, float], outputs: tuple[int, int], output: int) -> float:
    """Return the value on the line through two points; beyond them it goes straight on.

    >>> interpolate((40.0, 60.0), (0, 10000), 2500), interpolate((20.0, 30.0), (0, 10000), 5000)
    (45.0, 25.0)
    """
    share = (output - outputs[0]) / (outputs[1] - outputs[0])
    return points[0] + (points[1] - points[0]) * share


class Hts221:
    """HTS221, 0 to 100 %RH, -40 to 120 degC. It has no serial number.

    The maker has values beyond 0 and 100 %RH cropped; here they stay, as an error near an end must
    be seen, not hidden.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("humidity", HUMIDITY, accuracy=3.5),
        Channel("temperature", TEMPERATURE, accuracy=0.5),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "mode": Setting(ON_REQUEST, (ON_REQUEST, CONTINUOUSLY)),
        "rate": Setting(12.5, RATES_HZ, Dimension.FREQUENCY),
        "humidity_averaging": Setting(32, HUMIDITY_AVERAGING),
        "temperature_averaging": Setting(16, TEMPERATURE_AVERAGING),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.7, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._factory: Factory | None = None
        self._is_started = False

    def identify(self) -> Identity:
        """Read who is there. Raises WrongDevice if it is no HTS221."""
        found = self._read(WHO_AM_I, 1)[0]
        if found != HTS221_ID:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {found:#04x}, an HTS221 has {HTS221_ID:#04x}"
            )
        return Identity("STMicroelectronics", "HTS221")

    def prepare(self, **settings: Any) -> None:
        """Boot the part, read its factory words, and take the settings.

        Raises SetpointError for a setting that can't be, ProtocolError for a part that does not
        boot or whose words are gone.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings, self._is_started = None, False
        self._write(CTRL_REG1, 0)
        self._write(CTRL_REG2, BOOT)
        self._clock.sleep(BOOT_S)
        if self._read(CTRL_REG2, 1)[0] & BOOT:
            raise NotReady(f"{self._where} never finished its boot")
        try:
            self._factory = decode_factory(self._read(FACTORY, FACTORY_BYTES))
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}. Replace the part.") from error
        self._write(AV_CONF, _averaging(asked))
        self._write(CTRL_REG2, 0, 0)
        self._write(CTRL_REG1, _control(asked))
        self._settings = asked

    def start(self) -> float:
        """Ask for a sample, or clear what is there; return the seconds until one is certain."""
        asked = self._prepared
        self._burst()
        self._is_started = True
        if asked["mode"] == ON_REQUEST:
            self._write(CTRL_REG2, ONE_SHOT)
            return _longest_s(asked)
        return SLOWEST / float(asked["rate"])

    def read(self) -> Block:
        """Return one sample: %RH and degC.

        Raises ProtocolError where it is not new or saturated, and where the part has lost its
        settings or is heated; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started or self._factory is None:
            raise BenchError(f"{self._where}: start() asks for a sample; call it first")
        burst = self._burst()
        status = burst[STATUS - CTRL_REG1]
        if status & BOTH_NEW != BOTH_NEW:
            raise NotReady(
                f"{self._where} has no new sample (STATUS {status:#04x}); "
                "wait as long as start() says"
            )
        self._is_started = False
        humidity, temperature = (
            int.from_bytes(burst[at : at + 2], "little", signed=True)
            for at in (OUT - CTRL_REG1, OUT + 2 - CTRL_REG1)
        )
        if temperature in (LOWEST, HIGHEST):
            raise Saturated(f"{self._where}: temperature is saturated: its word is {temperature}")
        factory = self._factory
        temperature_c = interpolate(factory.temperature_c, factory.temperature_out, temperature)
        require_possible(self._where, self.CHANNELS[1:], (temperature_c,))
        if humidity in (LOWEST, HIGHEST):
            text = f"{self._where}: humidity is saturated: its word is {humidity}"
            raise Saturated(text, (math.nan, temperature_c))
        row = (interpolate(factory.humidity_rh, factory.humidity_out, humidity), temperature_c)
        require_possible(self._where, self.CHANNELS, row)
        return Block(np.array([row]), before_s, self._clock.now())

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
        expected = _control(self._prepared)
        if burst[0] != expected:
            raise SettingsLost(
                f"{self._where}: CTRL_REG1 is {burst[0]:#04x}, {expected:#04x} was written. Did "
                "the supply dip, or does somebody else use this part? Prepare it again"
            )
        if burst[1] & HEATER:
            raise SettingsLost(
                f"{self._where}: its heater is on (CTRL_REG2 {burst[1]:#04x}), so that it reads "
                "its own warmth. Somebody else uses this part; prepare it again"
            )
        return burst

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register | BURST]), length)

    def _write(self, register: int, *values: int) -> None:
        self._bus.transfer(self._address, bytes([register | BURST, *values]))


def _averaging(asked: Settings) -> int:
    """Return AV_CONF."""
    humidity = HUMIDITY_AVERAGING.index(int(asked["humidity_averaging"]))
    return TEMPERATURE_AVERAGING.index(int(asked["temperature_averaging"])) << 3 | humidity


def _control(asked: Settings) -> int:
    """Return CTRL_REG1."""
    on_request = asked["mode"] == ON_REQUEST
    code = 0 if on_request else RATES_HZ.index(float(asked["rate"])) + 1
    return POWER_ON | BDU | code


def _longest_s(asked: Settings) -> float:
    """Return how long a sample on request takes at most: some 3 to 70 ms, by what is averaged."""
    averaged = int(asked["humidity_averaging"]) + int(asked["temperature_averaging"])
    return 3e-3 + averaged * 0.09e-3
