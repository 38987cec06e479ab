"""What a fault of the bench did to the units is never a PASS, also where the bench recovered."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.core.verdict import Verdict
from sensorbench.safety.reaching import reach_and_make_safe

from ...workspaces import edit
from .climate import bake, done, fault, workspace
from .deaths import Mortal

HEATING = ("10 min", "30 min")


def test_units_that_were_heated_beyond_what_they_are_made_for_are_not_known(
    tmp_path: Path,
) -> None:
    """The controller heats on for a sensor that sticks for a while; then all is as asked for."""
    outcome = done(
        tmp_path, bake("5 h", temperature="120 degC"), fault("chamber", "sensor_stuck", *HEATING)
    )
    assert outcome.assessment.verdict is Verdict.INVALID
    for unit in outcome.assessment.units:
        (reason,) = [r for r in unit.reasons if r.code == "overstressed"]
        assert reason.values["address"] == "temperature"
        assert reason.values["meter"] == "thermometer.temperature"
        assert reason.values["value"] > 131.7 > reason.values["high"] == 125.0


@pytest.mark.parametrize("hot", ["85 degC", "120 degC"])
def test_what_stays_within_the_parts_range_is_no_doubt(tmp_path: Path, hot: str) -> None:
    outcome = done(tmp_path, bake("1 h", temperature=hot))
    assert outcome.assessment.verdict is Verdict.PASS


def test_what_was_asked_for_beyond_the_range_is_no_doubt(tmp_path: Path) -> None:
    outcome = done(tmp_path, bake("1 h", temperature="140 degC"))
    assert "overstressed" not in {r.code for u in outcome.assessment.units for r in u.reasons}


def test_a_bench_that_was_made_safe_while_nobody_drove_it_is_no_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part for the hot side only: a power cut, and it is cold when the run goes on."""
    phases = '[[phase]]\nkind = "stress"\nname = "bake"\nset = { temperature = "85 degC" }\n'
    there = workspace(tmp_path, phases + 'hours = "10 h"\nmonitor = { every = "30 min" }\n')
    edit(
        there.root / "parts" / "sht4x.toml",
        ('min = "-40 degC"', 'min = "60 degC"'),
        ('room = { temperature = "25 degC", supply = "nominal" }\n', ""),
        ('room = ["-1 K", "1 K"], ', ""),
    )
    bench = Mortal(there)
    assert bench.dies(monkeypatch, 60)
    reach_and_make_safe(bench.job.station, "safe", bench.clock, bench.world)
    bench.clock.sleep(24 * 3600.0)
    outcome = bench.goes_on()
    assert [unit.reasons for unit in outcome.assessment.units] == [(), ()]
    assert outcome.assessment.verdict is Verdict.PASS
