"""Simulated Druck PACE6000: two absolute modules, each with the line from it to the parts.

Sources: as the PACE5000's twin; suffixes of both modules: bliss (ESRF), pace.py, and two public
clients. Estimate: that the pressure register tells of either module.
Not modelled: as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sensorbench.instruments.druck_pace5000.twin_controller import SimDruckPace
from sensorbench.world.fields import Field
from sensorbench.world.world import World


class SimDruckPace6000(SimDruckPace):
    """A PACE6000 with modules of class 0.01 %, each with errors, unit and settings of its own.

    Module `gauge` (1 or 2) is in a gauge range, 0 for none. Otherwise as the PACE5000's.
    """

    IDENTITY = "GE Druck,Pace6000 User Interface,{serial},02.00.07"
    SIBLING: ClassVar[tuple[str, str]] = ("Pace6000", "Pace5000")

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        full_scales_pa: Sequence[float] = (200_000.0, 700_000.0),
        gauge: int = 0,
        echo_headers: bool = True,
        terminator: bytes = b"\n",
    ) -> None:
        super().__init__(world, serial, full_scales_pa, echo_headers, terminator)
        for number, module in enumerate(self.modules, start=1):
            module.gauge = number == gauge
        self.drives: dict[str, Field] = {
            f"pressure{number}": module.outlet
            for number, module in enumerate(self.modules, start=1)
        }
