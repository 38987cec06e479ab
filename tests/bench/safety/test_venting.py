"""Making safe vents only where station.toml declares it, and only where it is cold enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensorbench.run.progress import Status
from sensorbench.safety.reaching import reach_and_make_safe
from sensorbench.station.workspace import Workspace

from ...workspaces import (
    BENCH_PRESSURE,
    PACE,
    SBP1,
    STATION,
    events,
    execute_ending,
    job_of,
    opened,
    problems,
    sbp1_lot,
    sbp1_sockets,
    write,
)
from ..run.climate import fault
from ..run.test_ends import Breaks, driver

PULSER = PACE.replace("druck_pace5000", "pressure_pulser")
HELD = """
[[phase]]
kind = "stress"
name = "bake"
set = { temperature = "85 degC", pressure = "90 kPa" }
hours = "10 h"
start = "always"
test = { before = [], after = [] }
monitor = { every = "1 h" }
"""


def vent(below: str) -> str:
    """Return what a bench table says of venting."""
    return f'vent = {{ temperature = "{below}" }}\n'


def bench(
    root: Path, said: str = "", more: str = "", pace: str = PACE, held: str = HELD
) -> Workspace:
    station = STATION.replace(PACE, pace)
    station = station.replace(BENCH_PRESSURE, BENCH_PRESSURE + said)
    return write(root, held, station + more + sbp1_sockets(2), {"sbp1": SBP1}, {"A": sbp1_lot(2)})


class Later(Breaks):
    """Progress that raises in the second hour of a hold."""

    shown = 0

    def show(self, status: Status) -> None:
        self.shown += self.at in status.doing
        if self.shown > 90:
            super().show(status)


def stopped(there: Workspace, before: str = "") -> tuple[list[str], Any, dict[str, Any]]:
    """Stop a run that holds 90 kPa at 85 degC; the controller was told `before` by another program.

    Return what is on the screen, the controller's (output, vent) and what is on record.
    """
    job = job_of(there)
    with opened(there, job) as station:
        if before:
            driver(station, "pace")._line.write(before)
        raised = execute_ending(there, job, station, Later(KeyboardInterrupt()))
        station.clock.sleep(60.0)
        pace = driver(station, "pace")
        state = (pace._line.query(":OUTP?")[-1], pace.pressure.read())
    (root,) = there.evidence.iterdir()
    (safe,) = events(root, "safe_state")
    return raised.__notes__, state, dict(safe.data)


@pytest.mark.parametrize("pace", [PACE, PULSER], ids=["pace", "pulser"])
def test_where_no_vent_is_declared_pressure_is_shut_in_and_that_is_said(
    tmp_path: Path, pace: str
) -> None:
    screen, (is_on, pressure), record = stopped(bench(tmp_path, pace=pace))
    assert is_on == "0"
    assert pressure == pytest.approx(90e3, abs=200)
    told = "pace: shut in, not vented: station.toml declares no `vent` for it. Vent it by hand"
    assert screen[-1] == told
    assert record["notes"] == {"pace": told}
    assert record["problems"] == []


@pytest.mark.parametrize("pace", [PACE, PULSER], ids=["pace", "pulser"])
def test_a_declared_vent_that_is_cold_enough_vents(tmp_path: Path, pace: str) -> None:
    screen, (_, pressure), record = stopped(bench(tmp_path, vent("95 degC"), pace=pace))
    assert pressure == pytest.approx(101_325, abs=500)
    assert "the bench is in its safe state" in screen
    assert record["notes"] == {}


def test_a_declared_vent_that_is_too_hot_is_not_safe_and_says_what_to_do(tmp_path: Path) -> None:
    screen, (is_on, pressure), record = stopped(bench(tmp_path, vent("60 degC")))
    assert is_on == "0"
    assert pressure == pytest.approx(90e3, abs=200)
    assert screen[-1].startswith(
        "NOT SAFE: pace: shut in, not vented: temperature must be below 60 degC, and "
        "thermometer.temperature reads 8"
    )
    assert screen[-1].endswith("Wait until it is, then vent it by hand. Make it safe by hand.")
    assert record["problems"] == [screen[-1]]


def test_a_temperature_that_is_not_known_is_not_taken_as_cold(tmp_path: Path) -> None:
    there = bench(tmp_path, vent("150 degC"), fault("thermometer", "absent", "90 min"))
    screen, (_, pressure), _ = stopped(there)
    assert pressure == pytest.approx(90e3, abs=200)
    assert (
        "temperature must be below 150 degC, and thermometer.temperature can't be read"
        in screen[-1]
    )


@pytest.mark.parametrize("pace", [PACE, PULSER], ids=["pace", "pulser"])
def test_a_controller_that_the_run_never_set_and_that_drives_nothing_stays_as_it_was_found(
    tmp_path: Path, pace: str
) -> None:
    only_hot = HELD.replace(', pressure = "90 kPa"', "")
    _, (is_on, _), record = stopped(bench(tmp_path, vent("60 degC"), pace=pace, held=only_hot))
    assert is_on == "0"
    assert record["problems"] == []
    assert record["notes"]["pace"].startswith("pace: left as it was found: it drives nothing")


def test_a_controller_that_the_run_never_set_and_that_drives_is_stopped(tmp_path: Path) -> None:
    only_hot = HELD.replace(', pressure = "90 kPa"', "")
    there = bench(tmp_path, vent("60 degC"), held=only_hot)
    screen, (is_on, _), _ = stopped(there, before=":OUTP:STAT 1")
    assert is_on == "0"
    assert screen[-1].startswith("NOT SAFE: pace: shut in, not vented")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("pressure", 'vent = "always"\n'), "bench.pressure.vent: temperature is set here, too"),
        (("pressure", 'vent = "60 degC"\n'), 'write { ADDRESS = "VALUE" }'),
        (("pressure", 'vent = { temperature = "5 V" }\n'), "bench.pressure.vent: "),
        (("pressure", 'vent = { heat = "5 degC" }\n'), "bench.pressure.vent: "),
        (("pressure", "vent = {}\n"), 'write { ADDRESS = "VALUE" }'),
        (
            ("supply", 'vent = { temperature = "60 degC" }\n'),
            "bench.supply.vent: nothing vents here",
        ),
    ],
)
def test_a_vent_that_can_not_be_meant_is_refused(
    tmp_path: Path, change: tuple[str, str], expected: str
) -> None:
    place, line = change
    there = bench(tmp_path)
    text = there.station_path.read_text(encoding="utf-8")
    text = text.replace(f"[bench.{place}]\n", f"[bench.{place}]\n{line}")
    there.station_path.write_text(text, encoding="utf-8")
    assert expected in problems(there)


def test_a_vents_temperature_needs_a_meter(tmp_path: Path) -> None:
    there = bench(tmp_path, vent("60 degC"))
    text = there.station_path.read_text(encoding="utf-8")
    head, _, rest = text.partition("[bench.temperature]")
    rest = rest[rest.index("[bench.pressure]") :]
    there.station_path.write_text(f'{head}[bench.temperature]\nfixed = "25 degC"\n\n{rest}',
        encoding="utf-8")  # fmt: skip
    assert "no meter tells temperature here" in problems(there)


def test_from_outside_it_is_shut_in_and_that_is_said(tmp_path: Path) -> None:
    states, lost = reach_and_make_safe(bench(tmp_path).load_station(), "test")
    assert states["psu"] == "safe"
    assert states["pace"].startswith("shut in, not vented: station.toml declares no `vent`")
    assert lost == {}


def test_from_outside_a_thermometer_that_is_not_reached_is_not_taken_as_cold(
    tmp_path: Path,
) -> None:
    there = bench(tmp_path, vent("150 degC"), fault("thermometer", "absent"))
    _, lost = reach_and_make_safe(there.load_station(), "test")
    assert list(lost) == ["pace"]
    assert "thermometer.temperature can't be read: it is not open" in lost["pace"]
