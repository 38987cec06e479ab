"""Limits of a bench: which end a value is beyond, and by how much it must be."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from sensorbench.app.commands.check import check_workspace
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.safety.limits import arm, beyond, stops_beyond
from sensorbench.station.binding import Binding, bind
from sensorbench.station.workspace import Workspace

from ...workspaces import STATION, edit, job_of, opened, problems, run, sbp1_sockets, write
from ..run.climate import CLIMATE, bake, phase_of_tests, workspace

PRESSURE_LIMITS = 'high = "130 kPa"'


def binding(root: Path, where: str, *changes: tuple[str, str]) -> Binding:
    there = write(root, station=STATION + sbp1_sockets(1))
    edit(there.station_path, *changes)
    return bind(there.load_station()).rows["", where]


def test_a_setpoint_at_its_limit_may_overshoot_by_a_margin(tmp_path: Path) -> None:
    row = binding(tmp_path, "temperature")  # -60 to 155 degC; hours are held within 3 K
    assert stops_beyond(row) == (-63.0, 158.0)
    assert beyond(row, 155.0) is None
    assert beyond(row, 158.0) is None
    assert beyond(row, 158.1) == ("high", 158.1, 155.0)
    assert beyond(row, -63.0) is None
    assert beyond(row, -63.1) == ("low", -63.1, -60.0)


def test_a_large_limit_has_a_hundredth_for_its_margin(tmp_path: Path) -> None:
    row = binding(tmp_path, "pressure")
    assert stops_beyond(row) == (None, pytest.approx(131.3e3))
    assert beyond(row, 131e3) is None
    assert beyond(row, 131.4e3) == ("high", 131.4e3, 130e3)
    # Only high is given: nothing is too low.
    assert beyond(row, 0.0) is None


@pytest.mark.parametrize(
    ("where", "table", "end", "value"),
    [
        ("humidity", 'watch = ["hygrometer.humidity"]\nhigh = "98 %RH"', "high", 100.0),
        ("humidity", 'watch = ["hygrometer.humidity"]\nlow = "2 %RH"', "low", 0.0),
        ("humidity", 'watch = ["hygrometer.humidity"]\nhigh = "100 %RH"', "high", 100.0),
        ("humidity", 'watch = ["hygrometer.humidity"]\nlow = "0 %RH"', "low", 0.0),
        ("pressure", 'set = "pace"\nlow = "10 Pa"', "low", 0.0),
        ("supply_current", 'watch = ["psu.current1"]\nhigh = "5.13 A"', "high", 5.15),
        ("temperature", 'set = "chamber.temperature"\nlow = "-70 degC"', "low", -73.0005),
    ],
)
def test_every_limit_can_stop_something(
    tmp_path: Path, where: str, table: str, end: str, value: float
) -> None:
    """No margin reaches beyond what there is, or what the place's meters can read."""
    hygrometer = '\n[instrument.hygrometer]\nmodel = "sht4x"\n' + (
        'link = { kind = "i2c", bus = "bus0", address = 0x44 }\n'
    )
    head = STATION.split("\n[bench.")[0]
    there = write(tmp_path, station=f"{head}{hygrometer}\n[bench.{where}]\n{table}\n")
    bindings = bind(there.load_station())
    assert not bindings.problems
    found = beyond(bindings.rows["", where], value)
    assert found is not None
    assert found[0] == end
    inward = -1e-3 if end == "high" else 1e-3
    assert beyond(bindings.rows["", where], value + inward) is None


def test_a_limit_that_no_meter_can_read_is_refused(tmp_path: Path) -> None:
    watched = '\n[bench.supply_current]\nwatch = ["psu.current1"]\nhigh = "6 A"\n'
    there = workspace(tmp_path, phase_of_tests("t"), station=CLIMATE + watched)
    told = "bench.supply_current.high: 6 A is beyond what a meter of the place can read, 0 to 5.15"
    assert told in problems(there)


def test_a_setpoint_at_its_limit_is_no_trip(tmp_path: Path) -> None:
    """What `check` lets a profile set must not stop it; where it stops, `check` says."""
    hot = CLIMATE.replace('high = "155 degC"', 'high = "85 degC"')
    there = workspace(tmp_path, bake("2 h", temperature="85 degC"), station=hot)
    assert run(there).assessment.verdict is Verdict.PASS
    (told,) = [text for text in stops(there) if text.startswith("temperature")]
    assert told == "temperature -63 degC or 88 degC"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('delay = "30 min"', " for longer than 30 min"),
        ('action = "note"', ", which only is noted"),
        ('action = "end"', ", by a controlled end"),
    ],
)
def test_check_says_what_a_limit_does_otherwise_than_to_stop_at_once(
    tmp_path: Path, more: str, told: str
) -> None:
    station = CLIMATE.replace('high = "155 degC"', f'high = "155 degC"\n{more}')
    (said,) = [
        text
        for text in stops(workspace(tmp_path, bake("2 h"), station=station))
        if text.startswith("temperature")
    ]
    assert said == f"temperature -63 degC or 158 degC{told}"


@pytest.mark.parametrize("more", ['period = "2 min"', 'delay = "100 h"'])
def test_a_limit_that_nobody_looks_at_is_refused(tmp_path: Path, more: str) -> None:
    station = CLIMATE.replace('high = "155 degC"', f'high = "155 degC"\n{more}')
    with pytest.raises(InputError, match=r"bench\.temperature\.(period|delay)"):
        job_of(workspace(tmp_path, bake("2 h"), station=station))


def stops(there: Workspace) -> list[str]:
    """Return where a run stops for safety, as `check` tells it."""
    return list(checked(there)["stops_beyond"])


def checked(there: Workspace) -> dict[str, list[str]]:
    """Return what `check` tells of a run."""
    buffer = io.StringIO()
    with contextlib.redirect_stdout(buffer):
        check_workspace(there.root, "profile.toml", ["H1"], (), "", "", True)
    found: dict[str, list[str]] = json.loads(buffer.getvalue())
    return found


def test_check_says_where_only_what_acts_tells_what_it_does(tmp_path: Path) -> None:
    """The chamber has a thermometer beside it; the supply has nobody but itself."""
    phases = bake("2 h").replace(
        'set = { temperature = "85 degC" }', 'set = { temperature = "85 degC", supply = "max" }'
    )
    (told,) = checked(workspace(tmp_path, phases))["one_meter_only"]
    assert told.startswith("supply: only psu tells what it makes")


def test_an_end_that_is_not_given_is_none(tmp_path: Path) -> None:
    row = binding(tmp_path, "pressure", (PRESSURE_LIMITS, 'low = "10 kPa"'))
    assert beyond(row, 10e6) is None
    assert beyond(row, 9e3) == ("low", 9e3, 10e3)


def test_far_below_zero_is_not_high(tmp_path: Path) -> None:
    row = binding(tmp_path, "temperature", ('low = "-60 degC"\n', ""))
    assert beyond(row, -200.0) is None


def test_what_is_no_number_is_beyond(tmp_path: Path) -> None:
    row = binding(tmp_path, "temperature")
    assert beyond(row, float("nan")) is not None


def test_of_a_vector_its_size_counts(tmp_path: Path) -> None:
    coil = (
        CLIMATE + '\n[instrument.coil]\nmodel = "helmholtz_coil"\nresistance = "2.4 ohm"\n'
        'members = { x = "psu.out2", y = "psu.out3" }\nconstant = "110 uT/A"\n'
        '\n[bench.magnetic_field]\nset = "coil"\nreference = "coil"\nhigh = "200 uT"\n'
    )
    there = workspace(tmp_path, phase_of_tests("t"), station=coil)
    row = bind(there.load_station()).rows["", "magnetic_field"]
    assert beyond(row, (0.0, -190.0, 0.0)) is None
    found = beyond(row, (0.0, -210.0, 0.0))
    assert found is not None
    assert found[0] == "high"


def test_arming_says_what_holds_and_only_narrows(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    with opened(there, job_of(there)) as station:
        first = arm(station, frozenset({""}))
        assert first["temperature"] == {"by": "chamber.temperature", "low": -63.0, "high": 158.0}
        assert first["supply"]["by"] == "psu.out1"
        chamber = next(i for i in station.instruments if i.name == "chamber").driver
        chamber.temperature.protect(-20.0, 90.0)  # type: ignore[attr-defined]
        again = arm(station, frozenset({""}))
        assert (again["temperature"]["low"], again["temperature"]["high"]) == (-20.0, 90.0)
        assert arm(station, frozenset({"other"})) == {}
