"""Periods that a link can keep: what the readings of a place's meters take, added up beforehand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sensorbench.core.errors import InputError
from sensorbench.core.quantity import quantities
from sensorbench.station.preflight import preflight
from sensorbench.station.workspace import Workspace

from ...workspaces import START, job_of
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


ROOMS = Path(__file__).parents[2] / "proof" / "rooms"
DOOR = """
[instrument.dmm_{room}]
model = "keysight_34461a"
link = {{ kind = "simulated" }}
nplc = 10

[zone.{room}.bench.voltage.door]
watch = ["dmm_{room}.voltage"]
low = "-1 V"
period = "700 ms"
"""


@pytest.mark.parametrize(("rooms", "kept"), [(("oven",), True), (("oven", "tester"), False)])
def test_a_run_that_uses_two_zones_must_keep_the_periods_of_both_at_once(
    tmp_path: Path, rooms: tuple[str, ...], kept: bool
) -> None:
    shutil.copytree(ROOMS, tmp_path / "rooms")
    station = tmp_path / "rooms" / "station.toml"
    doors = "".join(DOOR.format(room=room) for room in rooms)
    station.write_text(station.read_text("utf-8") + doors, encoding="utf-8")
    job = job_of(Workspace(tmp_path / "rooms"), "profiles/short_two_rooms.toml", ["d1"])
    told = ""
    try:
        preflight(job, START)
    except InputError as error:
        told = "\n".join(str(p) for p in error.problems if "door.period" in str(p))
    assert (told == "") == kept
    assert kept or "every meter of the zones tester and oven once takes up to" in told
