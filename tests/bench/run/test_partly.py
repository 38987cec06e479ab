"""A part of which one channel is saturated: the others count, and that one has its reason."""

from __future__ import annotations

import csv
from collections.abc import Callable
from math import isnan
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sensorbench.app.main import app
from sensorbench.core.errors import Saturated
from sensorbench.core.verdict import Verdict
from sensorbench.sensors.aht20.driver import convert as of_aht20
from sensorbench.sensors.cht8305.driver import convert as of_cht8305
from sensorbench.sensors.scd4x.driver import convert as of_scd4x
from sensorbench.sensors.sht3x.codec import convert as of_sht3x
from sensorbench.sensors.sht4x.driver import convert as of_sht4x
from sensorbench.sensors.shtc3.driver import convert as of_shtc3
from sensorbench.station.workspace import Workspace

from ...workspaces import BUS, SHT4X, STATION, events, lot, run, write

SHT30 = (
    SHT4X.replace('name = "SHT40"', 'name = "SHT30"')
    .replace("sht4x", "sht3x")
    .replace('min = "1.08 V"', 'min = "2.4 V"')
)
SOCKET = '\n[[socket]]\nid = "H1"\nlink = { bus = "bus0", address = 0x44 }\n'
COLD = """
[[phase]]
kind = "grid"
name = "check"
axes = [{ set = { temperature = ["25 degC", "-20 degC"] } }]
measures = ["error"]
"""
NOISY = COLD.replace('["error"]', '["error", "noise"]')
QUIET = '[accuracy.humidity]\nnoise = "1 %RH"\n'


def cold(root: Path, phase: str = COLD, part: str = SHT30) -> Workspace:
    """Return a bench whose room air is saturated at the second point."""
    units = lot("A", "sht3x", ["00000001"], ["H1"])
    return write(root, phase, STATION + SOCKET, {"sht3x": part}, {"A": units})


def test_in_saturated_air_the_temperature_is_good_and_passes(tmp_path: Path) -> None:
    outcome = run(cold(tmp_path))
    assert outcome.assessment.verdict is Verdict.PASS
    _, at_cold = events(outcome, "readout")
    assert at_cold.data["problems"] == {}
    (said,) = at_cold.data["partly"]["00000001"].values()
    assert "humidity is saturated" in said["detail"]


def test_the_channel_that_is_saturated_is_invalid_and_says_why(tmp_path: Path) -> None:
    outcome = run(cold(tmp_path, NOISY, SHT30.replace("[accuracy.temp", QUIET + "[accuracy.temp")))
    found = {(row.channel, row.measure): row for row in outcome.assessment.results}
    assert found["temperature", "error"].verdict is Verdict.PASS
    noise = found["humidity", "noise"]
    assert noise.verdict is Verdict.INVALID
    (reason,) = noise.reasons
    assert (reason.code, reason.values["error"]) == ("device", "Saturated")
    assert "humidity is saturated" in reason.values["detail"]


def test_read_shows_what_is_good_beside_the_problem(tmp_path: Path) -> None:
    station = (
        f'{BUS}{SOCKET}[bench.supply]\nfixed = "3.3 V"\n'
        '[[simulation.field]]\nkind = "constant"\nwhere = "temperature"\nvalue = "-20 degC"\n'
    )
    write(tmp_path, "", station, {"sht3x": SHT30}, {"A": lot("A", "sht3x", ["00000001"], ["H1"])})
    asked = ["read", "H1", "-w", str(tmp_path), "--format", "csv", "-n", "40"]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 3, shown.output
    row = next(row for row in csv.DictReader(shown.stdout.splitlines()) if row["problem"])
    assert row["humidity (%RH)"] == ""
    assert float(row["temperature (degC)"]) == pytest.approx(-20.0, abs=0.3)
    assert "humidity is saturated" in row["problem"]


@pytest.mark.parametrize(
    ("convert", "words", "good"),
    [
        (of_sht3x, (26214, 0xFFFF), (None, 25.0)),
        (of_sht4x, (26214, 0xFFFF), (None, 25.0)),
        (of_shtc3, (26214, 0xFFFF), (None, 25.0)),
        (of_aht20, (0xFFFFF, 393216), (None, 25.0)),
        (of_cht8305, (25813, 0xFFFF), (None, 25.0)),
        (of_scd4x, (800, 26214, 0xFFFF), (800.0, None, 25.0)),
        (of_scd4x, (40_000, 26214, 32768), (None, 50.0, 25.0)),
        (of_scd4x, (40_000, 26214, 0xFFFF), (None, None, 25.0)),
    ],
)
def test_a_saturated_channel_leaves_the_others(
    convert: Callable[..., object], words: tuple[int, ...], good: tuple[float | None, ...]
) -> None:
    with pytest.raises(Saturated) as raised:
        convert(*words)
    rest = raised.value.at("bus0").rest
    assert [isnan(value) for value in rest] == [value is None for value in good]
    assert [v for v in rest if not isnan(v)] == pytest.approx(
        [v for v in good if v is not None], abs=0.5
    )


@pytest.mark.parametrize(
    ("convert", "words"),
    [
        (of_sht3x, (0xFFFF, 30000)),
        (of_sht4x, (0, 30000)),
        (of_shtc3, (0xFFFF, 30000)),
        (of_aht20, (30000, 0xFFFFF)),
        (of_cht8305, (0, 30000)),
        (of_scd4x, (800, 0xFFFF, 30000)),
    ],
)
def test_what_rests_on_a_saturated_temperature_is_no_value_either(
    convert: Callable[..., object], words: tuple[int, ...]
) -> None:
    with pytest.raises(Saturated, match="temperature is saturated") as raised:
        convert(*words)
    assert raised.value.rest == ()
