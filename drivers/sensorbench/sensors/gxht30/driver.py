"""GXHT30 over I2C: an SHT3x of another maker, which tells nothing of itself.

Sources: GXCAS's replacement for the SHT30, handled by Linux's sht3x driver without a change to it
(linux-hwmon, "Add support for GXCAS GXHT30", version 7, July 2026); QiaoTuCodes/GXHT30, a port of a
driver for the SHT3x. Accuracy and supply are recalled. Not found for this part: whether it answers
the serial number's commands, so it is not asked; the status after a reset, so nothing rests on it.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.core.channel import Channel
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE
from sensorbench.sensors.sht3x.codec import Status
from sensorbench.sensors.sht3x.driver import Sht3x


class Gxht30(Sht3x):
    """GXHT30, 0 to 100 %RH, -40 to 125 degC. It has no serial number."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("humidity", HUMIDITY, accuracy=3.0),
        Channel("temperature", TEMPERATURE, accuracy=0.3),
    )

    def identify(self) -> Identity:
        """Read the status register, which nothing but this family answers with a right checksum.

        An SHT3x can't be told from it. Raises BenchError for another answer.
        """
        self.read_status()
        return Identity("GXCAS", "GXHT30", "", or_models=("SHT3x",))

    def _require_reset(self, status: Status) -> None:
        """What it says after a reset was not found."""
