"""The same run with every instrument behind a real pseudo-terminal or TCP port."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.clock import RealClock
from sensorbench.core.verdict import Verdict
from sensorbench.run.execute import Outcome, execute
from sensorbench.station.station import open_station

from ...workspaces import (
    SHT4X,
    STATION,
    data_of,
    events,
    job_of,
    run,
    sht4x_lot,
    sht4x_sockets,
    write,
)

PHASES = """
[[phase]]
kind = "grid"
name = "g"
axes = [{ set = { temperature = ["30 degC"] } }, { set = { pressure = ["90 kPa", "100 kPa"] } }]
measures = ["error"]
"""
SPEED = 300.0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_wire_and_in_process_give_the_same_verdicts_and_values(tmp_path: Path) -> None:
    made = [
        write(tmp_path / name, PHASES, STATION + sht4x_sockets(), {"sht4x": SHT4X},
              {"H1": sht4x_lot()})
        for name in ("inside", "wire")
    ]  # fmt: skip
    inside = run(made[0])
    job = job_of(made[1])
    with open_station(job.station, RealClock(SPEED), job.known_lots, {}, wire=True) as station:
        lines = {
            name: type(instrument.driver._line).__name__  # type: ignore[attr-defined]
            for instrument in station.instruments
            if hasattr(instrument.driver, "_line")
            for name in [instrument.name]
        }
        assert lines == {
            "chamber": "SerialLine", "pace": "VisaLine", "psu": "VisaLine", "dmm": "VisaLine",
        }  # fmt: skip
        wire = execute(made[1], job, station)
    for outcome in (inside, wire):
        assert {unit.verdict for unit in outcome.assessment.units} == {Verdict.PASS}
        assert verify(outcome.root).is_whole
    assert events(wire, "trip", "meter_lost") == []
    assert values(inside) == pytest.approx(values(wire), abs=0.5)


def values(outcome: Outcome) -> list[float]:
    """Return every unit's temperature at each point."""
    readouts = data_of(outcome).readouts
    return [float(v) for name in sorted(readouts) for v in readouts[name].values["temperature"]]
