"""What can't be done is said by check, or where only the open instrument knows, before the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.core.errors import InputError

from ...workspaces import (
    PSU,
    SBP1,
    STATION,
    check,
    edit,
    problems,
    run,
    sbp1_lot,
    sbp1_sockets,
    write,
)
from ..run.climate import CLIMATE, workspace

GRID = """
[[phase]]
kind = "grid"
name = "g"
axes = [{{ set = {{ {axis} }}{path} }}]
measures = ["{measure}"]
"""
STRESS = """
[[phase]]
kind = "stress"
name = "storage"
set = {{ temperature = "{at}" }}
hours = "2 h"
test = {{ before = ["room"], after = ["room"] }}
cool = {{ until = {{ temperature = "{until}" }} }}
"""


def grid(axis: str, measure: str = "error", path: str = "") -> str:
    return GRID.format(axis=axis, measure=measure, path=path)


@pytest.mark.parametrize(
    ("where", "within", "steady"),
    [("pressure", "0.01 Pa", "2.5 Pa"), ("temperature", "0.05 K", "0.2 K"),
     ("supply", "1 mV", "0.005 V")],
)  # fmt: skip
def test_no_soak_is_finer_than_what_sets_it_can_hold(
    tmp_path: Path, where: str, within: str, steady: str
) -> None:
    axis = 'pressure = ["50 kPa"], temperature = ["25 degC"], supply = ["3.3 V"]'
    phases = grid(axis) + f'soak = {{ {where} = {{ within = "{within}" }} }}\n'
    found = problems(write(tmp_path, phases))
    assert found.startswith("1 problem")
    assert f"reads up to {steady} beside it" in found


SOURCE = """
[instrument.smu]
model = "keithley_2450"
link = { kind = "simulated" }
"""


def test_what_an_instrument_can_not_do_together_is_refused(tmp_path: Path) -> None:
    """A 2450 has 210 V, and 1.05 A, but not both."""
    station = STATION.replace(PSU, SOURCE).replace("psu.out1", "smu.source")
    station = station.replace('high = "3.7 V"', 'high = "50 V"') + sbp1_sockets(4)
    part = SBP1.replace('max = "3.6 V"', 'max = "3.6 V"\nburst = "30 V"')
    phases = (
        '[[phase]]\nkind = "steps"\nname = "over"\nset = { supply = ["3.3 V", "30 V"] }\n'
        'dwell = "1 s"\n'
    )
    there = write(tmp_path, phases, station, {"sbp1": part})
    found = problems(there)
    assert "30 V allows a limit of 0.105 A, not 0.5 A" in found


COIL = """
[instrument.coil]
model = "helmholtz_coil"
members = { x = "aux.out1", current_x = "aux.current1" }
constant = "110 uT/A"
resistance = "2.4 ohm"
certificate = "M-1"
calibration_due = 2027-06-01
uncertainty = "0.5 uT"

[instrument.aux]
model = "keysight_e36312a"
link = { kind = "simulated" }

[bench.magnetic_field]
set = "coil"
reference = "coil"
"""


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("600 uT", "x = 600 uT is outside 0.22 to 283.2 uT, which aux.out1 can drive there"),
        ("-100 uT", "x = -100 uT is negative, and aux.out1 drives one way; add a relay"),
    ],
)
def test_what_is_made_of_others_can_do_what_they_can(tmp_path: Path, field: str, said: str) -> None:
    axis = f'magnetic_field = [{{ x = "{field}", y = "0 uT", z = "0 uT" }}]'
    there = write(tmp_path, grid(axis, "value"), STATION + COIL + sbp1_sockets(4))
    found = problems(there)
    assert "profile.toml: g: coil: " in found
    assert said in found


def test_what_only_the_open_instrument_knows_is_asked_before_the_run(tmp_path: Path) -> None:
    """Which module a PACE holds is in it: a pressure beyond it is refused with nothing written."""
    there = write(tmp_path, grid('pressure = ["50 kPa", "300 kPa"]'))
    edit(there.station_path, ('high = "130 kPa"', 'high = "400 kPa"'))
    edit(there.part_path("sbp1"), ('max = "120 kPa"', 'max = "350 kPa"'))
    check(there)
    with pytest.raises(InputError, match="300000 Pa is outside "):
        run(there)
    assert not list(there.evidence.glob("*"))


def test_hysteresis_needs_readings_from_both_sides(tmp_path: Path) -> None:
    axis = 'pressure = ["30 kPa", "50 kPa", "90 kPa"]'
    found = problems(write(tmp_path / "once", grid(axis, "hysteresis")))
    assert "it needs a grid with an axis of path" in found
    check(write(tmp_path / "both", grid(axis, "hysteresis", ', path = "there and back"')))


@pytest.mark.parametrize(
    ("at", "until", "said"),
    [
        ("125 degC", "10 degC", "temperature never falls to 10 degC: it goes to 23 degC"),
        ("-40 degC", "50 degC", "temperature never rises to 50 degC: it goes to 23 degC"),
        ("125 degC", "40 degC", ""),
        ("-40 degC", "10 degC", ""),
    ],
)
def test_what_nobody_acts_on_goes_to_what_the_room_has(
    tmp_path: Path, at: str, until: str, said: str
) -> None:
    there = write(tmp_path, STRESS.format(at=at, until=until))
    if said:
        found = problems(there)
        assert said in found
        return
    (step,) = [s for s in check(there).steps if getattr(s.action, "for_s", None) == 0.0]
    (band,) = step.action.bands  # type: ignore[union-attr]
    assert (band.high is None) == (at == "-40 degC")


GATE = """
[[phase]]
kind = "test"
name = "a"
units = "A"
conditions = ["room"]

[[phase]]
kind = "gate"
name = "enough"
of = "a"
require = { value = "50 %" }
otherwise = { skip_to = "end" }

[[phase]]
kind = "test"
name = "b"
units = "B"
conditions = ["room"]

[[phase]]
kind = "test"
name = "end"
units = "B"
conditions = ["room"]
"""


def test_a_jump_finds_the_units_where_the_straight_way_has_them(tmp_path: Path) -> None:
    units = sbp1_lot(4).split("[[unit]]")
    grouped = "[[unit]]".join(
        [units[0], *(text + f'group = "{"AABB"[n]}"\n' for n, text in enumerate(units[1:]))]
    )
    found = problems(write(tmp_path, GATE, lots={"L1": grouped}))
    assert "phase[2].skip_to: a jump to 'end' leaves out that other units are loaded" in found
    same = GATE.replace('units = "B"', 'units = "A"')
    check(write(tmp_path / "same", same, lots={"L1": grouped}))


HUMID = """
[bench.humidity]
set = "chamber.humidity"
reference = "set"
high = "95 %RH"
"""
DAMP = """
[[phase]]
kind = "steps"
name = "damp"
set = { temperature = "25 degC", humidity = ["40 %RH", "60 %RH"] }
dwell = "10 min"
"""


def test_a_chamber_whose_humidity_is_not_declared_is_no_surprise_of_a_run(tmp_path: Path) -> None:
    station = CLIMATE.replace("espec_p300", "weiss_votsch") + HUMID
    found = problems(workspace(tmp_path, DAMP, station=station))
    assert "damp: " in found
    assert "write humidity_output in station.toml" in found


@pytest.mark.parametrize(
    ("model", "option", "said"),
    [
        ("binder_mb2", "address = 1.5", "chamber.address: 1.5 is not a whole number"),
        ("binder_mb2", "address = true", "chamber.address: true is not a whole number"),
        ("binder_mb2", 'address = "1"', "chamber.address: '1' is not a whole number"),
        ("samwon_2500", "checksum = 1", "chamber.checksum: 1 is not true or false"),
        ("weiss_votsch", "humidity_output = 2.0", "humidity_output: 2.0 is not a whole number"),
        ("watlow_f4t", "protocol = 1", "chamber.protocol: 1 is not a text"),
    ],
)
def test_an_option_of_another_type_is_said_by_check(
    tmp_path: Path, model: str, option: str, said: str
) -> None:
    """Not by the first frame that a driver builds of it, in a run."""
    station = CLIMATE.replace('model = "espec_p300"', f'model = "{model}"\n{option}')
    assert said in problems(workspace(tmp_path, DAMP, station=station))
