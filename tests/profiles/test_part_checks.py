"""What is wrong with a part is told as of its file, once, with a profile and without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.app.commands.check import check_workspace
from sensorbench.core.errors import InputError
from sensorbench.station.workspace import Workspace

from ..bench.run.climate import CLIMATE, phase_of_tests, workspace
from ..workspaces import SBP1, SHT4X, STATION, check, edit, lot, problems, sbp1_sockets, write

HUMIDITY = (
    '\n[[parameter]]\nname = "humidity_error"\nmeasure = "error"\nchannel = "humidity"\n'
    'set = { humidity = "50 %RH" }\nlimits = { room = ["-3 %RH", "3 %RH"] }\ndrift = "2 %RH"\n'
)
BENCH_HUMIDITY = '\n[bench.humidity]\nset = "chamber.humidity"\nreference = "set"\n'


def climate(root: Path) -> Workspace:
    there = workspace(root, phase_of_tests("t"), station=CLIMATE + BENCH_HUMIDITY)
    path = there.part_path("sht4x")
    path.write_text(path.read_text(encoding="utf-8") + HUMIDITY, encoding="utf-8")
    return there


def bare(there: Workspace) -> str:
    """Return what `sensorbench check` says without a profile."""
    with pytest.raises(InputError) as refused:
        check_workspace(there.root, None, (), (), "", "", False)
    return str(refused.value)


def test_a_part_that_is_in_order_is_accepted(tmp_path: Path) -> None:
    there = climate(tmp_path)
    check_workspace(there.root, None, (), (), "", "", False)
    check(there)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('["-3 %RH", "3 %RH"]', '["3 %RH", "-3 %RH"]',
         "parameter.humidity_error.limits.room: low must be below high, not 3 %RH and -3 %RH"),
        ('["-3 %RH", "3 %RH"]', '["-3 K", "3 %RH"]',
         "parameter.humidity_error.limits.room: unit 'K' is not a relative humidity"),
        ('["-3 %RH", "3 %RH"]', '["-3 %RH", "0 %RH", "3 %RH"]',
         "parameter.humidity_error.limits.room: write limits as [low, high]"),
        ('["-3 %RH", "3 %RH"]', '"-3 %RH"',
         "parameter.humidity_error.limits.room: '-3 %RH': one number is a limit both ways"),
        ('humidity = "50 %RH"', "humidity = 50",
         'parameter.humidity_error.set.humidity: humidity: write a humidity with its unit, for '
         'example "50 %RH"'),
        ('humidity = "50 %RH"', 'humidity = "least"',
         "parameter.humidity_error.set.humidity: humidity: 'least' is not a number with a unit"),
        ('drift = "2 %RH"', 'drift = "3 K"',
         "parameter.humidity_error.drift: unit 'K' is not a relative humidity"),
        ('drift = "2 %RH"', 'drift = "-2 %RH"',
         "parameter.humidity_error.drift: '-2 %RH': the largest change must be above 0"),
        ('channel = "humidity"', 'channel = "humidty"',
         "parameter.humidity_error: error of channel 'humidty' can't be measured"),
        ('measure = "error"\nchannel = "humidity"', 'measure = "eror"\nchannel = "humidity"',
         "parameter.humidity_error: 'eror' is no measure"),
        ('[condition]\n', '[accuracy.humidty]\nerror = "3 %RH"\n[condition]\n',
         "accuracy.humidty: is no channel of a sht4x; there are"),
        ('[condition]\n', '[accuracy.humidity]\nerror = "3 K"\n[condition]\n',
         "accuracy.humidity.error: unit 'K' is not a relative humidity"),
        ('[condition]\n', '[accuracy.humidity]\neror = "3 %RH"\n[condition]\n',
         "accuracy.humidity.eror: 'eror' is no measure"),
        ('[condition]\n', '[condition]\nodd = { temperature = "25 V" }\n',
         "condition.odd.temperature: temperature: unit 'V' is not a temperature"),
        ('[condition]\n', '[settings]\nfast = { speed = "high" }\n[condition]\n',
         "settings.fast: 'speed' is no setting"),
        ('nominal = "3.3 V"', 'nominal = "0.4 V"',
         "range.supply.nominal: nominal must lie between min and max"),
        ('set = { humidity = "50 %RH" }', 'set = { humidity = "50 %RH", supply = "4 V" }',
         "parameter.humidity_error.set.supply: 4 V is beyond the part's own range, 1.08 V to "
         "3.6 V: write a value within it, or widen [range.supply]"),
        ('set = { humidity = "50 %RH" }', 'set = { humidity = "50 %RH", supply = "150 %" }',
         "parameter.humidity_error.set.supply: 4.86 V is beyond the part's own range"),
        ('[condition]\n', '[condition]\nodd = { temperature = "200 degC" }\n',
         "condition.odd.temperature: 200 degC is beyond the part's own range"),
        ('[condition]\n', '[condition]\nodd = { supply = { low = "off", high = "9 V", '
         'period = "2 s" } }\n', "condition.odd.supply: 9 V is beyond the part's own range"),
        ('limit = "100 mA"', 'limit = "-500 mA"',
         "range.supply.limit: must be above 0, not -500 mA"),
        ('limit = "100 mA"', 'limit = "0 A"',
         "range.supply.limit: must be above 0"),
        ('driver = "sht4x"', 'driver = "sht4x"\ngrade = true',
         "part.grade: write a whole number, not true"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_part_is_told_as_of_its_file_once(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    there = climate(tmp_path)
    edit(there.part_path("sht4x"), (right, wrong))
    for text in (bare(there), problems(there)):
        assert text.count(f"parts/sht4x.toml: {told.split(': ', maxsplit=1)[0]}") == 1, text
        assert f"parts/sht4x.toml: {told}" in text


def test_a_value_that_the_range_has_a_word_for_is_the_part_s_own(tmp_path: Path) -> None:
    there = climate(tmp_path)
    edit(
        there.part_path("sht4x"),
        ('min = "1.08 V"', 'min = "1.08 V"\nproof = "5 V"'),
        ("[condition]\n", '[condition]\nodd = { supply = "proof" }\nother = { supply = "4 V" }\n'),
    )
    check_workspace(there.root, None, (), (), "", "", False)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("seed = 1", "seed = true", "simulation.seed: write a whole number, not true"),
        ("address = 0x48", "address = true", "link.address: write a whole number, not true"),
        ("channel = 1", "channel = true", "socket[2].link.channel: write a whole number, not true"),
    ],
)
def test_true_is_no_number(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    there = write(tmp_path, "")
    edit(there.station_path, (right, wrong))
    with pytest.raises(InputError) as refused:
        there.load_station()
    assert told in str(refused.value)


def test_all_of_it_is_told_at_once(tmp_path: Path) -> None:
    there = climate(tmp_path)
    edit(
        there.part_path("sht4x"),
        ('["-3 %RH", "3 %RH"] }', '["3 %RH", "-3 %RH"], rom = ["-3 %RH", "3 %RH"] }'),
        ('humidity = "50 %RH"', "humidity = 50"),
    )
    for text in (bare(there), problems(there)):
        assert "parameter[2].limits.rom: [condition] has no rom, but room, hot" in text
        assert "parameter.humidity_error.limits.room: low must be below high" in text
        assert "parameter.humidity_error.set.humidity: humidity: write a humidity" in text


def test_each_value_of_a_condition_is_told_by_its_key(tmp_path: Path) -> None:
    there = climate(tmp_path)
    odd = (
        'odd = { temperature = "2 V", pressure = 3, supply = { vdd = "3" } }\n'
        'cold = { temperature = "20 K", pressure = { low = "1 V", high = "2 kPa", x = 1 } }\n'
    )
    edit(there.part_path("sht4x"), ("[condition]\n", f"[condition]\n{odd}"))
    for text in (bare(there), problems(there)):
        for key in ("odd.temperature", "odd.pressure", "odd.supply.vdd", "cold.pressure"):
            assert text.count(f"parts/sht4x.toml: condition.{key}: ") == 1, text


def test_what_is_wrong_with_a_profile_is_told_as_of_its_file(tmp_path: Path) -> None:
    there = climate(tmp_path)
    edit(there.root / "profile.toml", ('["room"]', '["tropical"]'))
    assert "profile.toml: phase[1].test: SHT40 has no [condition] tropical" in problems(there)


# -- several parts in a run ------------------------------------------------------------------------

PRESSURE = (
    '\n[[phase]]\nkind = "grid"\nname = "g"\naxes = [{ set = { pressure = ["20 %", "80 %"] } }]\n'
)
BOTH = STATION + sbp1_sockets(1) + (
    '\n[[socket]]\nid = "H1"\nlink = { bus = "bus0", address = 0x44 }\n'
)  # fmt: skip


def both(root: Path, phases: str, sht4x: str = SHT4X) -> Workspace:
    """Write a bench with a part that senses pressure, and one that does not."""
    lots = {"a": lot("A", "sht4x", ["0F3A1100"]), "b": lot("B", "sbp1", ["26000001"])}
    return write(root, phases, BOTH, {"sbp1": SBP1, "sht4x": sht4x}, lots)


@pytest.mark.parametrize("measures", ['["error"]', '["sensitivity"]', '["pressure"]'])
def test_a_part_without_a_range_says_nothing_to_another_s_words(
    tmp_path: Path, measures: str
) -> None:
    schedule = check(both(tmp_path, PRESSURE + f"measures = {measures}\n"))
    set_to = {point.conditions["pressure"] for point in schedule.points.values()}
    assert len(set_to) == 2


def test_what_no_part_has_a_range_for_names_the_parts_and_the_key(tmp_path: Path) -> None:
    there = both(tmp_path, PRESSURE.replace("pressure", "co2") + 'measures = ["value"]\n')
    told = "profile.toml: phase[1].axes: SHT40, SBP1: co2 = '20 %' needs min and max in [range.co2]"
    assert told in problems(there)


def test_conditions_of_parts_that_differ_are_refused(tmp_path: Path) -> None:
    """The first part's condition was taken for all: the other was judged by limits of its own."""
    cooler = SHT4X.replace('hot = { temperature = "85 degC"', 'hot = { temperature = "70 degC"')
    assert cooler != SHT4X
    told = problems(both(tmp_path, phase_of_tests("t", '["hot"]'), cooler))
    assert "phase[1].test: [condition] hot: temperature is 70 degC for SHT40, 1" in told
    assert "for SBP1: run these parts apart" in told
