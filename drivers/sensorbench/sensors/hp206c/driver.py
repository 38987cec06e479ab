"""HP206C over I2C: one conversion at a time; the part compensates.

- It has no identity. A part passes for one that says that it is ready, and whose registers are zero
  in all the bits that an HP206C leaves zero; others that do so can't be told from it.
- Its answers look the same whether they are compensated or not, new or old: with every reading come
  the registers that a reset clears, and the flag that nothing is under way.
Sources: commands, formats, times: HP206C data sheet EN V2.0, pages 5 to 8; start-up and its flag:
torvalds/linux drivers/iio/pressure/hp206c.c; reserved bits: eclipse/upm src/hp20x/hp20x.hpp; range
and accuracy of the pressure recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
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
from sensorbench.core.quantity import PRESSURE, TEMPERATURE
from sensorbench.links.i2c import I2cBus

SOFT_RESET, CONVERT, READ_BOTH, READ_REGISTER, WRITE_REGISTER = 0x06, 0x40, 0x10, 0x80, 0xC0
INT_EN, INT_CFG, INT_SRC, PARA = 0x0B, 0x0C, 0x0D, 0x0F
ZERO: Mapping[int, int] = {INT_EN: 0xC0, INT_CFG: 0x80, PARA: 0x7F}  # bits that have no meaning
READY, COMPENSATED = 0x40, 0x80
# Cleared by a reset whatever PARA says then; no pin is told of it, as INT_CFG stays 0.
BOTH_READY_ENABLED = 0x30
READY_S, READY_TRIES = 0.020, 10  # the longest conversion takes 131.1 ms
RESET_S = 0.0006
SLOWEST = 1.2  # no longest time is given: how long to wait, in nominal ones
ANSWER_BYTES, VALUE_BITS = 6, 20
PA_PER_COUNT, K_PER_COUNT = 1.0, 0.01
RANGE_PA, BESIDE_PA = (30_000.0, 120_000.0), 600.0  # its accuracy, four times
RANGE_C, BESIDE_K = (-40.0, 85.0), 4.0

# By oversampling: code, and seconds of temperature and pressure together (table 5).
OVERSAMPLING: Mapping[int, tuple[int, float]] = {
    128: (0x14, 0.0041), 256: (0x10, 0.0082), 512: (0x0C, 0.0164), 1024: (0x08, 0.0328),
    2048: (0x04, 0.0656), 4096: (0x00, 0.1311),
}  # fmt: skip


def decode_both(data: bytes) -> tuple[int, int]:
    """Convert an answer of 3 bytes each to counts of pressure and temperature, which comes first.

    The highest four bits of each mean nothing; the temperature is two's complement, the pressure
    has no sign. Raises ProtocolError for another length.

    >>> decode_both(bytes.fromhex("000a5c 018a9e")), decode_both(bytes.fromhex("fffc18 0fffff"))
    ((101022, 2652), (1048575, -1000))
    """
    if len(data) != ANSWER_BYTES:
        raise ProtocolError(f"both values are {ANSWER_BYTES} bytes, got {len(data)}: {data.hex()}")
    mask = (1 << VALUE_BITS) - 1
    temperature, pressure = (int.from_bytes(part, "big") & mask for part in (data[:3], data[3:]))
    sign = temperature >> (VALUE_BITS - 1)
    return pressure, temperature - (sign << VALUE_BITS)


class Hp206c:
    """HP206C absolute pressure sensor, 30 to 120 kPa, -40 to 85 degC.

    The HP203B answers the same; the part does not tell which it is.
    """

    # Accuracy of temperature: data sheet table 2, typical over -10 to 70 degC.
    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure", PRESSURE, accuracy=150.0),
        Channel("temperature", TEMPERATURE, accuracy=0.6),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "oversampling": Setting(4096, tuple(OVERSAMPLING)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.8, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._conversion: tuple[int, float] | None = None
        self._is_started = False

    def identify(self) -> Identity:
        """See that the part answers as an HP206C does; it waits for a conversion to end.

        Raises WrongDevice for an answer that none gives.
        """
        self._wait_until_ready(WrongDevice)
        for register, zero in ZERO.items():
            found = self._read_register(register)
            if found & zero:
                raise WrongDevice(
                    f"register {register:#04x} at {self._where} is {found:#04x}; "
                    f"an HP206C has 0 in its bits {zero:#04x}"
                )
        return Identity("Hope Microelectronics", "HP206C", or_models=("HP203B",))

    def prepare(self, **settings: Any) -> None:
        """Reset the part, let it compensate, and take the settings.

        Raises SetpointError for a setting that can't be, NotReady if the reset does not end.
        """
        asked = chosen(self.SETTINGS, settings)
        self._conversion, self._is_started = None, False
        self._send(SOFT_RESET)
        self._clock.sleep(RESET_S)
        self._wait_until_ready(NotReady)
        self._send(WRITE_REGISTER | PARA, COMPENSATED)
        self._send(WRITE_REGISTER | INT_EN, BOTH_READY_ENABLED)
        self._check_settings()
        self._conversion = OVERSAMPLING[int(asked["oversampling"])]

    def start(self) -> float:
        """Start a conversion of both, and return the seconds until it is ready.

        Raises BenchError before `prepare`.
        """
        if self._conversion is None:
            raise BenchError(f"{self._where}: prepare() sets the part up; call it first")
        code, lasts_s = self._conversion
        self._check_settings()
        self._send(CONVERT | code)
        self._is_started = True
        return SLOWEST * lasts_s

    def read(self) -> Block:
        """Return the conversion that was started, in Pa and degC.

        Raises ProtocolError where it has not ended or is beyond what the part measures, and where
        the part has lost its settings; BenchError before `start`.
        """
        before_s = self._clock.now()
        if not self._is_started:
            raise BenchError(f"{self._where}: start() starts a conversion; call it first")
        self._check_settings()
        source = self._read_register(INT_SRC)
        if not source & READY:
            raise NotReady(
                f"{self._where} still converts (INT_SRC {source:#04x}); wait as long as start() "
                "says"
            )
        self._is_started = False
        answer = self._bus.transfer(self._address, bytes([READ_BOTH]), ANSWER_BYTES)
        pressure, temperature = decode_both(answer)
        pressure_pa, temperature_c = pressure * PA_PER_COUNT, temperature * K_PER_COUNT
        if not (
            RANGE_PA[0] - BESIDE_PA <= pressure_pa <= RANGE_PA[1] + BESIDE_PA
            and RANGE_C[0] - BESIDE_K <= temperature_c <= RANGE_C[1] + BESIDE_K
        ):
            raise Saturated(
                f"{self._where} reads {pressure_pa:.0f} Pa, {temperature_c:.2f} degC; it measures "
                f"{RANGE_PA[0]:g} to {RANGE_PA[1]:g} Pa, {RANGE_C[0]:g} to {RANGE_C[1]:g} degC"
            )
        return Block(np.array([[pressure_pa, temperature_c]]), before_s, self._clock.now())

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _wait_until_ready(self, error: type[ProtocolError]) -> None:
        for _ in range(READY_TRIES):
            source = self._read_register(INT_SRC)
            if source & READY:
                return
            self._clock.sleep(READY_S)
        raise error(
            f"{self._where} never says that it is ready: INT_SRC is {source:#04x}, bit 6 is 0. "
            "Is it an HP206C?"
        )

    def _check_settings(self) -> None:
        """Raise SettingsLost unless the part compensates and was not reset."""
        for name, register, expected in (
            ("PARA", PARA, COMPENSATED),
            ("INT_EN", INT_EN, BOTH_READY_ENABLED),
        ):
            found = self._read_register(register)
            if found != expected:
                raise SettingsLost(
                    f"{self._where}: {name} is {found:#04x}, {expected:#04x} was written. Did the "
                    "supply dip, or does somebody else use this part? Prepare it again"
                )

    def _read_register(self, register: int) -> int:
        return self._bus.transfer(self._address, bytes([READ_REGISTER | register]), 1)[0]

    def _send(self, *data: int) -> None:
        self._bus.transfer(self._address, bytes(data))
