"""SDP3x and SDP8xx over I2C: one measurement at a time, taken once or from those it takes.

- While a part measures continuously it takes no command but to stop; so it does only from `start`
  to `read`, and tells who it is at any other time.
- `average till read` is the mean of all since it began; after 25 ms the older fade out.
- The part measures by the gas that flows through it: where the gas is not at 966 hPa, tell the
  pressure that it has, and the reading is corrected for it.
- The compensation for mass flow is left out: a reading would be no differential pressure.
- A reset would be a general call, which resets others on the bus, too; there is nothing to reset.
Sources: commands, times, sleep: Sensirion driver sensirion-i2c-sdp sdp/commands.py and SDP800 data
sheet, page 9; product numbers of SDP8xx and SDP31: public drivers that read them; those of SDP32
and SDP33, the correction and accuracy are recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import DIFFERENTIAL_PRESSURE, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.sdp.codec import (
    IDENTIFIER_BYTES,
    MEASUREMENT_BYTES,
    decode_identifier,
    decode_measurement,
)

STOP, PREPARE_IDENTIFIER, READ_IDENTIFIER = 0x3FF9, 0x367C, 0xE102
# By mode: its command, whether it goes on by itself, and seconds until a reading is good.
# Continuous ones are a few percent off for 20 ms; the mean has forgotten that after 0.1 s.
MODES: Mapping[str, tuple[int, bool, float]] = {
    "one shot": (0x362F, False, 0.045),
    "continuous": (0x361E, True, 0.020),
    "average till read": (0x3615, True, 0.100),
}
SLOWEST = 1.1  # no longest times are given: how long to wait, in nominal ones
STOPPED_S, IDENTIFIER_S = 1e-3, 1e-3  # stopping takes 0.5 ms
# A part that sleeps takes its address for a wake-up call, one in a measurement is busy for 45 ms.
AWAKE_S, AWAKE_TRIES = 0.050, 3
CALIBRATED_PA = 96_600.0

# By product number without its last byte, the revision.
MODELS: Mapping[int, str] = {
    0x030101: "SDP31", 0x030102: "SDP32", 0x030103: "SDP33",
    0x030201: "SDP800-500Pa", 0x03020A: "SDP810-500Pa",
    0x030204: "SDP801-500Pa", 0x03020D: "SDP811-500Pa",
    0x030202: "SDP800-125Pa", 0x03020B: "SDP810-125Pa",
}  # fmt: skip
FAMILIES: Mapping[int, str] = {0x0301: "SDP3x", 0x0302: "SDP8xx"}


class Sdp:
    """SDP3x or SDP8xx, differential pressure of air up to 125, 500 or 1500 Pa, -40 to 85 degC.

    Accuracy is that of a 500 Pa part: 3 % of a reading at the end of its range.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("differential_pressure", DIFFERENTIAL_PRESSURE, accuracy=15.0),
        Channel("temperature", TEMPERATURE, accuracy=2.0),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "mode": Setting("one shot", tuple(MODES)),
        "ambient_pressure": Setting(
            CALIBRATED_PA, dimension=Dimension.PRESSURE, low=30_000.0, high=120_000.0
        ),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.7, 5.5)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._mode: tuple[int, bool, float] | None = None
        self._correction = 1.0
        self._runs = False
        self._started_s: float | None = None

    def identify(self) -> Identity:
        """Read product and serial number. Raises WrongDevice if it is none of the family.

        A part that measures does not acknowledge it.
        """
        self._send(PREPARE_IDENTIFIER)
        self._send(READ_IDENTIFIER)
        self._clock.sleep(IDENTIFIER_S)
        answer = self._bus.transfer(self._address, b"", IDENTIFIER_BYTES)
        try:
            product, serial = decode_identifier(answer)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        model = MODELS.get(product >> 8) or FAMILIES.get(product >> 16)
        if model is None:
            raise WrongDevice(
                f"the product number at {self._where} is {product:#010x}; that of an SDP3x begins "
                "with 0x0301, of an SDP8xx with 0x0302"
            )
        return Identity("Sensirion", model, f"{serial:016X}", f"{product & 0xFF:02X}")

    def prepare(self, **settings: Any) -> None:
        """Wake the part up, stop what it does, and take the settings.

        Raises SetpointError for a setting that can't be, NotAcknowledged where nobody answers.
        """
        asked = chosen(self.SETTINGS, settings)
        self._mode, self._started_s = None, None
        for last in range(AWAKE_TRIES, 0, -1):
            try:
                self._stop()
                break
            except NotAcknowledged:
                if last == 1:
                    raise
                self._clock.sleep(AWAKE_S)
        self._mode = MODES[str(asked["mode"])]
        self._correction = CALIBRATED_PA / float(asked["ambient_pressure"])

    def start(self) -> float:
        """Let it measure, and return the seconds until a reading is good.

        Raises BenchError before `prepare`.
        """
        if self._mode is None:
            raise BenchError(f"{self._where}: prepare() sets the part up; call it first")
        if self._runs:
            self._stop()
        command, self._runs, ready_s = self._mode
        self._started_s = None
        self._send(command)
        self._started_s = self._clock.now()
        return SLOWEST * ready_s

    def read(self) -> Block:
        """Return the measurement in Pa and degC; the part rests then.

        Raises ProtocolError if it is not ready, damaged or saturated, BenchError before `start`.
        """
        before_s = self._clock.now()
        if self._started_s is None or self._mode is None:
            raise BenchError(f"{self._where}: start() starts a measurement; call it first")
        waited_s, ready_s = before_s - self._started_s, self._mode[2]
        if self._runs and waited_s < ready_s - 1e-9:  # it would answer, and be off
            raise self._too_early(waited_s)
        try:
            answer = self._bus.transfer(self._address, b"", MEASUREMENT_BYTES)
        except NotAcknowledged as error:
            if waited_s < ready_s - 1e-9:
                raise self._too_early(waited_s) from error
            raise
        self._started_s = None
        if self._runs:
            self._stop()
        try:
            found = decode_measurement(answer)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        row = (found.pressure_pa * self._correction, found.temperature_c)
        return Block(np.array([row]), before_s, self._clock.now())

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _too_early(self, waited_s: float) -> NotReady:
        return NotReady(
            f"{self._where} has no good measurement {waited_s * 1e3:.1f} ms after the start; wait "
            "as long as start() says"
        )

    def _stop(self) -> None:
        self._send(STOP)
        self._runs = False
        self._clock.sleep(STOPPED_S)

    def _send(self, command: int) -> None:
        self._bus.transfer(self._address, command.to_bytes(2, "big"))
