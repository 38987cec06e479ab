"""A simulated GXHT30 on an I2C bus: what an SHT3x does, less what nobody says of this part.

Sources: as the replacement for the SHT30 that Linux's sht3x driver handles without a change to it
(linux-hwmon, "Add support for GXCAS GXHT30", version 7, July 2026); accuracy recalled. Not
confirmed for this part: times, currents, the heater, alert limits, the status after a reset.
Not modelled: a serial number, asked for it notes that and answers nothing.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.sensors.sht3x.twin import SimSht3x


class SimGxht30(SimSht3x):
    """One part at a place in the world, with its own offsets, noise and speed."""

    OFFSET_RH: ClassVar[float] = 1.0
    OFFSET_C: ClassVar[float] = 0.1
    NUMBERED: ClassVar[bool] = False
