"""Two humidity sensors in a chamber with a thermometer: the smallest bench that does everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sensorbench.run.execute import Outcome
from sensorbench.station.workspace import Workspace

from ...workspaces import (
    BENCH_TEMPERATURE,
    BUS,
    CHAMBER,
    HEAD,
    PSU,
    QUICK,
    SHT4X,
    THERMOMETER,
    run,
    sht4x_lot,
    sht4x_sockets,
    write,
)

BENCH_SUPPLY = '\n[bench.supply]\nset = "psu.out1"\nhigh = "3.7 V"\n'
CLIMATE = BUS + CHAMBER + THERMOMETER + PSU + BENCH_TEMPERATURE + BENCH_SUPPLY
FIRST, SECOND = "0F3A1100", "0F3A1101"


def phase_of_tests(name: str, conditions: str = '["room"]', more: str = "") -> str:
    """Return a phase that tests the parameters."""
    return f'[[phase]]\nkind = "test"\nname = "{name}"\nconditions = {conditions}\n{more}\n'


def bake(hours: str = "10 h", more: str = "", temperature: str = "85 degC") -> str:
    """Return a stress."""
    return (
        f'[[phase]]\nkind = "stress"\nname = "bake"\nset = {{ temperature = "{temperature}" }}\n'
        f'hours = "{hours}"\ntest = {{ before = ["room"], after = ["room"] }}\n{more}\n'
    )


def fault(device: str, kind: str, at: str = "", until: str = "") -> str:
    """Return a simulated fault."""
    more = (f'at = "{at}"\n' if at else "") + (f'until = "{until}"\n' if until else "")
    return f'\n[[simulation.fault]]\ndevice = "{device}"\nkind = "{kind}"\n{more}'


def workspace(
    root: Path, phases: str, faults: str = "", units: int = 2, station: str = CLIMATE, **more: Any
) -> Workspace:
    """Write the bench with phases, and faults of its devices."""
    text = station + faults + sht4x_sockets()
    return write(root, phases, text, {"sht4x": SHT4X}, {"H1": sht4x_lot(units)}, **more)


def done(
    root: Path, phases: str, faults: str = "", units: int = 2, head: str = HEAD + QUICK, **more: Any
) -> Outcome:
    """Write the bench and run phases on it."""
    return run(workspace(root, phases, faults, units, head=head), **more)
