"""Keysight DAQ970A data acquisition unit: the 34970A's successor, on LAN.

Source: public clients of it, whose commands are those of the 34970A; the sequences of its driver
hold as they are. Accuracy and integrations are recalled as those of the 34970A: check them before
they enter a budget. That READ? tells fields in the same order is not confirmed by a source: a
reading without its unit and channel in their places is an error.
One session at a time on the raw socket (recalled).
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.instruments.keysight_34970a.driver import Keysight34970a
from sensorbench.links.line import LineSettings


class KeysightDaq970a(Keysight34970a):
    """Three slots of 20-channel multiplexers (DAQM901A), to 300 V.

    `probes` says what thermometer is where, such as {"101:110" = "TC K", "205" = "FRTD 85"}; `nplc`
    is over how many power line cycles each channel integrates (1 without it).
    """

    LINE: ClassVar[LineSettings] = LineSettings()
    MODEL: ClassVar[str] = "DAQ970A"
