"""Periods that a link can keep: what the readings of a place's meters take, added up beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.core.errors import InputError
from sensorbench.core.quantity import quantities

from ...workspaces import job_of
from ..run.climate import CLIMATE, bake, workspace

DMM = """
[instrument.dmm]
model = "keysight_34461a"
link = {{ kind = "simulated" }}
{more}

[bench.voltage.door]
watch = ["dmm.voltage"]
low = "-1 V"
period = "{period}"
"""


def found(root: Path, station: str) -> list[str]:
    """Return what is wrong with a station, in words."""
    try:
        job_of(workspace(root, bake(), station=station))
    except InputError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_a_reading_of_4_s_against_1_s_is_refused_with_what_fits(tmp_path: Path) -> None:
    (door, *others) = reversed(
        found(tmp_path, CLIMATE + DMM.format(more="nplc = 100", period="1 s"))
    )
    assert "bench.voltage.door.period: 1 s can't be kept" in door
    assert "dmm.voltage 4 s" in door
    assert "5 s fits" in door
    # The supply of the same zone waits behind it.
    assert [problem for problem in others if "bench.supply.period" in problem]
    # The chamber is looked at every 10 s: that is kept.
    assert not [problem for problem in others if "bench.temperature.period" in problem]


@pytest.mark.parametrize("more", ["", "nplc = 10", "nplc = 1"])
def test_a_quicker_reading_is_kept(tmp_path: Path, more: str) -> None:
    assert found(tmp_path, CLIMATE + DMM.format(more=more, period="1 s")) == []


def test_a_sensor_that_averages_takes_its_time(tmp_path: Path) -> None:
    often = CLIMATE.replace('high = "155 degC"', 'high = "155 degC"\nperiod = "100 ms"')
    (slow,) = found(tmp_path, often)
    assert "bench.temperature.period: 100 ms can't be kept" in slow
    assert "thermometer.temperature 140 ms" in slow  # 8 conversions of 17.5 ms
    assert "200 ms fits" in slow


def test_a_slow_serial_line_counts_its_bytes_and_its_pause(tmp_path: Path) -> None:
    link = '{ kind = "serial", port = "COM3", baud_rate = 300, pause = "0.5 s" }'
    chamber = 'model = "espec_p300"\nlink = { kind = "simulated" }'
    slow = CLIMATE.replace(chamber, f'model = "espec_p300"\nlink = {link}')
    (supply,) = [text for text in found(tmp_path, slow) if "period" in text]
    assert "chamber.temperature 1.83 s" in supply


def test_what_feeds_and_what_is_pressure_is_looked_at_every_second_others_every_ten() -> None:
    for quantity in quantities().values():
        is_quick = quantity.feeds or quantity.dimension.canonical == "Pa"
        assert quantity.period_s <= (1.0 if is_quick else 10.0), quantity.name
