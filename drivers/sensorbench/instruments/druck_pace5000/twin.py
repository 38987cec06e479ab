"""Simulated Druck PACE5000 with one absolute module, and the line from it to the parts.

Source: Druck/GE PACE SCPI manual K0472 rev A; EPICS-Pace5000, pace5000.proto and its emulator;
OUTPut:MODE from public clients; names of the rarer units recalled. How far it overshoots is this
twin's own.
Not modelled: units of water columns, filter, tare and head correction, zeroing, volume, logic
contacts, user units, the switch-on setting, serial settings; they are refused and noted.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.instruments.druck_pace5000.twin_controller import SimDruckPace
from sensorbench.world.fields import Field
from sensorbench.world.world import World


class SimDruckPace5000(SimDruckPace):
    """A PACE5000 in a simulated world, class 0.01 %.

    The controller drives its own sensor to the setpoint, so the sensor's error (gain and offset,
    the unit's own, about 3 Pa together at 1 bar) is in the line. Switched off, it holds what is
    there. With overshoot allowed, as it is after *RST, it passes the setpoint by up to 6.7 % of
    the pressure that it makes in 0.8 s at its rate. `echo_headers=False` is firmware that does not
    repeat headers. A person at the panel sets a pressure a tenth lower (`setpoint_changed`), or
    switches to measure (`output_off`) or control (`output_on`); `terminator` is what the unit's
    serial set-up chose.
    """

    IDENTITY = "GE Druck,Pace5000 User Interface,{serial},02.00.07"
    SIBLING: ClassVar[tuple[str, str]] = ("Pace5000", "Pace1000")

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        full_scale_pa: float = 200_000.0,
        echo_headers: bool = True,
        terminator: bytes = b"\n",
    ) -> None:
        super().__init__(world, serial, (full_scale_pa,), echo_headers, terminator)
        self.drives: dict[str, Field] = {"pressure": self.modules[0].outlet}
