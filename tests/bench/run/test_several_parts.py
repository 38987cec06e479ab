"""Several parts in one run: each is judged, and streams, as it is alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.core.verdict import Verdict

from ...workspaces import HEAD, QUICK, SHT4X, data_of, lot, problems, run, sht4x_lot, write
from .test_kinds import CLIMATE

BARE = """
[part]
name = "{name}"
driver = "{driver}"

[range.supply]
nominal = "3.3 V"
limit = "100 mA"

[condition]
room = {{ temperature = "25 degC", supply = "nominal" }}
"""
PRESSURE = BARE.format(name="BMP390", driver="bmp390")
SOCKETS = """
[[socket]]
id = "B1"
link = { bus = "bus0", address = 0x76 }
[[socket]]
id = "B2"
link = { bus = "bus0", address = 0x1D }
"""
PARTS = {"sht4x": SHT4X, "bmp390": PRESSURE}
LOTS = {"H1": sht4x_lot(1), "B": lot("B", "bmp390", ["b1"], ["B1"])}
GRID = (
    '[[phase]]\nkind = "grid"\nname = "g"\n'
    'axes = [{ set = { temperature = ["25 degC", "40 degC"] } }]\nmeasures = ["error"]\n'
)
TEST = '[[phase]]\nkind = "test"\nname = "t"\nconditions = ["room"]\n'
ERROR = '[[parameter]]\nname = "{name}"\nmeasure = "error"\nchannel = "temperature"\n'


def test_a_part_without_limits_passes_by_its_readings_beside_one_that_has_some(
    tmp_path: Path,
) -> None:
    outcome = run(write(tmp_path, GRID, CLIMATE + SOCKETS, PARTS, LOTS))
    assert {u.serial: u.verdict for u in outcome.assessment.units} == {
        "0F3A1100": Verdict.PASS,
        "b1": Verdict.PASS,
    }
    (read,) = [r for r in outcome.assessment.results if r.measure == "readings"]
    assert (read.serial, read.value) == ("b1", 2.0)


def test_a_part_without_limits_that_was_not_read_is_not_known(tmp_path: Path) -> None:
    gone = '\n[[simulation.fault]]\ndevice = "b1"\nkind = "absent"\nat = "0 s"\n'
    outcome = run(write(tmp_path, GRID, CLIMATE + SOCKETS + gone, PARTS, LOTS))
    (unit,) = [u for u in outcome.assessment.units if u.serial == "b1"]
    assert unit.verdict is Verdict.INVALID
    assert [reason.code for reason in unit.reasons] == ["device"]


def test_a_parameter_without_limits_passes_by_its_readings(tmp_path: Path) -> None:
    parts = {**PARTS, "bmp390": PRESSURE + ERROR.format(name="warm")}
    outcome = run(write(tmp_path, TEST, CLIMATE + SOCKETS, parts, LOTS))
    assert {unit.verdict for unit in outcome.assessment.units} == {Verdict.PASS}


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("", "phase[1].test: BMP390 has no [[parameter]] to test"),
        (
            ERROR.format(name="warm") + 'limits = { hot = ["-1 K", "1 K"] }\n',
            "phase[1].test: no parameter of BMP390 has limits at room",
        ),
    ],
)
def test_a_part_of_which_nothing_is_tested_is_refused(
    tmp_path: Path, parameter: str, said: str
) -> None:
    hot = '[condition.hot]\ntemperature = "85 degC"\n'
    parts = {**PARTS, "bmp390": PRESSURE + (hot + parameter if parameter else "")}
    assert said in problems(write(tmp_path, TEST, CLIMATE + SOCKETS, parts, LOTS))


def test_what_a_measure_lacks_says_of_which_part(tmp_path: Path) -> None:
    record = (
        '[[phase]]\nkind = "record"\nname = "r"\nduration = "10 s"\nmeasures = ["noise_density"]\n'
    )
    parts = {
        "a": BARE.format(name="ADXL355", driver="adxl355"),
        "b": BARE.format(name="BMP390", driver="bmp390"),
    }
    lots = {"A": lot("A", "a", ["a1"], ["B2"]), "B": lot("B", "b", ["b1"], ["B1"])}
    said = problems(write(tmp_path, record, CLIMATE + SOCKETS, parts, lots, HEAD + QUICK))
    assert "phase[1].measures: BMP390: noise_density of pressure: it needs 1024 samples" in said


def test_a_small_fifo_loses_nothing_while_other_parts_are_prepared(tmp_path: Path) -> None:
    """An ADXL355 at 500 Hz is full after 64 ms; an SPA06 takes longer to prepare."""
    fast = '[settings.always]\nrate = "500 Hz"\n'
    record = '[[phase]]\nkind = "record"\nname = "r"\nduration = "10 s"\n'
    parts = {
        "a": BARE.format(name="ADXL355", driver="adxl355") + fast,
        "b": BARE.format(name="SPA06", driver="spa06"),
    }
    lots = {"A": lot("A", "a", ["a1"], ["B2"]), "B": lot("B", "b", ["b1"], ["B1"])}
    outcome = run(write(tmp_path, record, CLIMATE + SOCKETS, parts, lots, HEAD + QUICK))
    found = data_of(outcome).streams("r")
    assert (found["a1"].overflow, found["a1"].lost) == (False, 0)
    assert found["a1"].count == pytest.approx(10 * 500, rel=0.04)
    assert {unit.verdict for unit in outcome.assessment.units} == {Verdict.PASS}
