"""Senseair S8 over Modbus RTU: the newest of what it measures by itself, every 4 s.

- It does not say when a measurement is new, so a reading waits for one and a tenth of its period.
  A measurement is a flash of its lamp, so what ends by then is of the time since.
- A dip of the supply shows until the first measurement after it: CO2 reads 0 before.
- Alone on its line it is spoken to at 0xFE, which every S8 answers; where several share a line,
  each at its `address`.
- Nothing is written: its automatic baseline correction (ABC), which takes the lowest CO2 of some
  days for fresh air, and its calibrations are kept for good (WEARING).
Sources: product specification PSP 126 rev 8, table 1 (range, 4 s, accuracy, supply); registers,
bits and commands jcomas/S8_UART s8_uart.h and s8_uart.cpp; 9600 baud, 8N1 nymea-plugins senseair.
Estimates: how long the first measurement takes, that CO2 reads 0 before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    InstrumentError,
    NotReady,
    ProtocolError,
    Saturated,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import CO2
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.modbus import Register
from sensorbench.protocols.modbus_client import ModbusClient

ANY_ADDRESS = 0xFE
STATUS, CO2_PPM = Register(0x00, space="input"), Register(0x03, space="input")
IDENTITY, IDENTITY_WORDS = 0x19, 6  # input registers
ABC_PERIOD = Register(0x1F)
WEARING: Mapping[str, str] = {
    "holding 0x01": "0x7C06 and 0x7C07 calibrate, at 400 ppm and at 0 ppm",
    "holding 0x1F": "the period of the automatic baseline correction, h",
}
"""Registers that this driver never writes."""
PERIOD_S, SLOWEST, FIRST_S = 4.0, 1.1, 15.0
MOST_PPM = 10_000
OUT_OF_RANGE = 0x0020
ERRORS: Mapping[int, str] = {
    0x0001: "fatal error", 0x0002: "offset regulation error", 0x0004: "algorithm error",
    0x0008: "output error", 0x0010: "self-diagnostics error", OUT_OF_RANGE: "out of range",
    0x0040: "memory error",
}  # fmt: skip


def co2_ppm(status: int, co2: int) -> float:
    """Return the CO2 of the registers IR1 and IR4, ppm. Raises ProtocolError for what is none.

    >>> co2_ppm(0, 904)
    904.0
    """
    wrong = [text for bit, text in ERRORS.items() if status & bit]
    if status == OUT_OF_RANGE:
        raise Saturated(f"CO2 is out of range: its word is {co2}")
    if wrong:
        raise ProtocolError(
            f"the part reports {', '.join(wrong)} (status {status:#06x}). Switch it off and on; if "
            "it stays, the part is broken"
        )
    if status:
        raise ProtocolError(f"the meter status is {status:#06x}, of which no bit is known")
    if co2 == 0:
        raise NotReady("the CO2 word is 0: nothing was measured since the supply came")
    if co2 >= MOST_PPM:
        raise Saturated(f"CO2 is saturated: {co2} ppm, the part ends at {MOST_PPM}")
    return float(co2)


class SenseairS8:
    """S8 LP, 400 to 2000 ppm (to 10000 ppm with less accuracy), 0 to 50 degC."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="", read_terminator="", timeout_s=0.5, baud_rate=9600, pause_s=0.005
    )
    CHANNELS: ClassVar[tuple[Channel, ...]] = (Channel("co2", CO2, accuracy=70.0),)
    SETTINGS: ClassVar[Mapping[str, Setting]] = {}
    SUPPLY_V: ClassVar[tuple[float, float]] = (4.5, 5.25)

    def __init__(self, line: FrameLine, clock: Clock, *, address: int = ANY_ADDRESS) -> None:
        self._line, self._clock = line, clock
        # A measurement and its status in one reply: they belong together.
        self._modbus = ModbusClient(line, address, gap=2)
        self._is_prepared = False
        self._ready_s: float | None = None

    def identify(self) -> Identity:
        """Read serial number, type and firmware. Raises ProtocolError for what is no S8."""
        try:
            words = self._modbus.read_words("input", IDENTITY, IDENTITY_WORDS)
        except InstrumentError as error:
            raise WrongDevice(
                f"{self._line.name}: no S8, which has its number in the input registers 0x1D and "
                f"0x1E: {error}"
            ) from error
        high, low, _, firmware, *number = words
        serial = f"{number[0]:04X}{number[1]:04X}"
        if serial in ("00000000", "FFFFFFFF") or not high & 0xFF | low:
            raise WrongDevice(
                f"{self._line.name}: no S8, its type is {high:04x}{low:04x} and its number {serial}"
            )
        return Identity("Senseair", "S8", serial, f"{firmware >> 8}.{firmware & 0xFF}")

    def prepare(self, **settings: Any) -> None:
        """Wait until the part measures. Raises SetpointError for any setting: it has none.

        Raises ProtocolError where it reports an error, NotReady where nothing comes within 15 s.
        """
        chosen(self.SETTINGS, settings)
        self._is_prepared, self._ready_s = False, None
        until_s = self._clock.now() + FIRST_S
        while True:
            try:
                self._measured()
            except Saturated:
                pass  # what it measures now is a reading's matter
            except NotReady:
                if self._clock.now() >= until_s:
                    raise
                self._clock.sleep(1.0)
                continue
            break
        self._is_prepared = True

    def start(self) -> float:
        """Return the seconds until a measurement is there that began after this. Call `prepare`."""
        if not self._is_prepared:
            raise BenchError(f"{self._line.name}: prepare() comes first; call it")
        wait_s = SLOWEST * PERIOD_S
        self._ready_s = self._clock.now() + wait_s
        return wait_s

    def read(self) -> Block:
        """Return the newest measurement, ppm.

        Raises ProtocolError if it is not ready, damaged, saturated or an error, BenchError before
        `start`.
        """
        before_s = self._clock.now()
        if self._ready_s is None:
            raise BenchError(f"{self._line.name}: start() begins a reading; call it first")
        late_s, self._ready_s = before_s - self._ready_s, None
        if late_s < -1e-9:
            raise NotReady(
                f"{self._line.name}: read {-late_s:.1f} s too early; wait as long as start() says"
            )
        return Block(np.array([[self._measured()]]), before_s, self._clock.now())

    def read_abc_period(self) -> int:
        """Return the period of the automatic baseline correction, h; 0 is off."""
        return self._modbus.read_code(ABC_PERIOD)

    # --------------------------------------------------------------------------------------

    def _measured(self) -> float:
        status, co2 = map(round, self._modbus.read_many([STATUS, CO2_PPM]))
        try:
            return co2_ppm(status, co2)
        except ProtocolError as error:
            raise type(error)(f"{self._line.name}: {error}") from error
