"""Two BMP280, calibrated by their maker, on the bench of `workspaces`: what they read is known."""

from __future__ import annotations

from typing import Any

from ...workspaces import STATION, lot

BMP280 = """
[part]
name = "BMP280"
driver = "bmp280"
grade = 1

[range.temperature]
min = "0 degC"
max = "65 degC"

[range.pressure]
min = "30 kPa"
max = "110 kPa"

[range.supply]
min = "1.71 V"
nominal = "3.3 V"
max = "3.6 V"
limit = "500 mA"

[condition]
room = { temperature = "25 degC", supply = "nominal" }

[accuracy.pressure]
error = "0.5 %"

[[parameter]]
name = "pressure_error"
measure = "error"
channel = "pressure"
set = { pressure = "70 kPa" }
limits = { room = ["-500 Pa", "500 Pa"] }
drift = "300 Pa"
"""
SOCKETS = """
[[socket]]
id = "B1"
link = { bus = "bus0", address = 0x76 }

[[socket]]
id = "B2"
link = { bus = "bus0", address = 0x77 }
"""
FIXED = lot("L1", "bmp280", ["b1", "b2"], ["B1", "B2"])
FREE = lot("L1", "bmp280", ["b1", "b2"])


def fault(device: str, kind: str, at: str, until: str = "") -> str:
    """Return a fault of the simulated station."""
    end = f'until = "{until}"\n' if until else ""
    head = f'\n[[simulation.fault]]\ndevice = "{device}"\nkind = "{kind}"\n'
    return f'{head}at = "{at}"\n{end}'


def bench(*faults: str, station: str = STATION + SOCKETS, lots: str = FIXED) -> dict[str, Any]:
    """Return station, part and lot as `workspaces.write` takes them."""
    return {
        "station": station + "".join(faults),
        "parts": {"bmp280": BMP280},
        "lots": {"L1": lots},
    }
