"""SHT3x words to numbers: values, the status register, alert limits.

Source: Sensirion SHT3x-DIS data sheet version 5, sections 4.11 to 4.13; alert limits: Linux
drivers/hwmon/sht3x.c and Sensirion's note "Alert Mode of SHT3x".
"""

from __future__ import annotations

import math
from typing import NamedTuple

from sensorbench.core.errors import Saturated, SetpointError

FULL_SCALE = 0xFFFF
LOWEST_C, SPAN_C = -45.0, 175.0


def convert(temperature_raw: int, humidity_raw: int) -> tuple[float, float]:
    """Return %RH and degC. Raises Saturated for a word at an end of its range.

    Over 65535, as Sensirion's own driver has it; Linux divides by 65536, which is 3 mK and
    1.5 m%RH less at most.

    >>> humidity_rh, temperature_c = convert(26214, 32768)
    >>> round(humidity_rh, 4), temperature_c
    (50.0008, 25.0)
    """
    if temperature_raw in (0, FULL_SCALE):
        raise Saturated(f"temperature is saturated: its word is {temperature_raw:#06x}")
    temperature_c = LOWEST_C + SPAN_C * temperature_raw / FULL_SCALE
    if humidity_raw in (0, FULL_SCALE):
        text = f"humidity is saturated: its word is {humidity_raw:#06x}"
        raise Saturated(text, (math.nan, temperature_c))
    return 100.0 * humidity_raw / FULL_SCALE, temperature_c


class Status(NamedTuple):
    """The status register, by its bits 15, 13, 11, 10, 4, 1 and 0 (data sheet table 18)."""

    alert_pending: bool
    heater_on: bool
    humidity_alert: bool
    temperature_alert: bool
    was_reset: bool
    command_failed: bool
    checksum_failed: bool


def decode_status(word: int) -> Status:
    """Return what the status register says.

    >>> decode_status(0x8010).was_reset, decode_status(0x2000).heater_on
    (True, True)
    """
    return Status(*(bool(word >> bit & 1) for bit in (15, 13, 11, 10, 4, 1, 0)))


class AlertLimit(NamedTuple):
    """One alert limit. The part keeps it in steps of 0.8 %RH and 0.34 K."""

    humidity_rh: float
    temperature_c: float


def encode_limit(limit: AlertLimit) -> int:
    """Return the word of a limit: 7 bits of humidity above 9 bits of temperature, the nearest.

    Raises SetpointError for one that the part can't have.

    >>> hex(encode_limit(AlertLimit(80.0, 60.0))), hex(encode_limit(AlertLimit(20.0, -10.0)))
    ('0xcd33', '0x3466')
    """
    humidity = round(limit.humidity_rh / 100.0 * FULL_SCALE / 512)
    temperature = round((limit.temperature_c - LOWEST_C) / SPAN_C * FULL_SCALE / 128)
    if not (0.0 <= limit.humidity_rh <= 100.0 and LOWEST_C <= limit.temperature_c <= 130.0):
        raise SetpointError(f"{limit} is no alert limit; allowed: 0 to 100 %RH, -45 to 130 degC")
    return min(humidity, 0x7F) << 9 | min(temperature, 0x1FF)


def decode_limit(word: int) -> AlertLimit:
    """Return the limit that a word means.

    >>> limit = decode_limit(0xCD33)
    >>> round(limit.humidity_rh, 2), round(limit.temperature_c, 2)
    (79.69, 59.93)
    """
    return AlertLimit(
        100.0 * (word & 0xFE00) / FULL_SCALE, LOWEST_C + SPAN_C * ((word & 0x1FF) << 7) / FULL_SCALE
    )
