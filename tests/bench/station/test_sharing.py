"""What sockets and places may share, and what not: one reading is the evidence of one unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.run.execute import Outcome
from sensorbench.station.preflight import check_station
from sensorbench.station.workspace import Workspace

from ...workspaces import (
    BENCH_PRESSURE,
    BENCH_SUPPLY,
    BENCH_TEMPERATURE,
    BUS,
    CHAMBER,
    DMM,
    PACE,
    PSU,
    THERMOMETER,
    lot,
    problems,
    run,
    write,
)

RELAYS = '\n[instrument.relays]\nmodel = "numato_relay"\nlink = { kind = "simulated" }\n'
DMM2 = DMM.replace("dmm", "dmm2").replace("E-1", "E-2")
SMU = '\n[instrument.smu]\nmodel = "keithley_2450"\nlink = { kind = "simulated" }\n'
BENCH = (
    BUS + CHAMBER + THERMOMETER + PACE + PSU + DMM + DMM2 + SMU + RELAYS
    + BENCH_TEMPERATURE + BENCH_PRESSURE + BENCH_SUPPLY.replace('"dmm.voltage"', '"dmm2.voltage"')
)  # fmt: skip
SBP1A = (
    '[part]\nname = "SBP1A"\ndriver = "sbp1_analog"\ngrade = 1\n'
    '[range.pressure]\nmin = "20 kPa"\nmax = "120 kPa"\n'
    '[range.temperature]\nmin = "-40 degC"\nmax = "125 degC"\n'
    '[range.supply]\nmin = "2.7 V"\nnominal = "3.3 V"\nmax = "3.5 V"\nlimit = "50 mA"\n'
    '[accuracy.pressure]\nerror = "5 %"\n'
)
GRID = (
    '[[phase]]\nkind = "grid"\nname = "g"\naxes = [{ set = { pressure = ["100 kPa"] } }]\n'
    'measures = ["value"]\n'
)
COMMON = 'supply = "dmm2.voltage"\n'


def through(meter: str, select: str) -> str:
    return f'{{ meter = "{meter}", select = "{select}" }}'


def sockets(*keys: str) -> str:
    return "".join(f'\n[[socket]]\nid = "S{n}"\n{key}' for n, key in enumerate(keys, 1))


def analog(root: Path, *keys: str, station: str = BENCH) -> Workspace:
    serials = [f"A-{n}" for n in range(1, len(keys) + 1)]
    return write(
        root, GRID, station + sockets(*keys), {"sbp1a": SBP1A}, {"A": lot("A", "sbp1a", serials)}
    )


def output(raw: str) -> str:
    return f"output = {raw}\n{COMMON}"


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (output('"dmm.voltage"'), output('"dmm.voltage"'),
         "socket S1.output: dmm.voltage is read for socket S2.output too"),
        (output('"dmm"'), output('"dmm.voltage"'),
         "socket S1.output: dmm.voltage is read for socket S2.output too"),
        (output(through("dmm.voltage", "relays.k1")), output('"dmm.voltage"'),
         "socket S2.output: dmm.voltage is read for socket S1.output too"),
        (output(through("dmm.voltage", "relays.k1")), output(through("dmm.voltage", "relays.k1")),
         "socket S2.output: dmm.voltage is read through relays.k1 for socket S1.output too"),
        (output(through("dmm.voltage", "relays.k1")), output(through("smu.voltage", "relays.k1")),
         "socket S2.output: relays.k1 leads to socket S1.output already"),
        (output(through("dmm.voltage", "relays.k1")) + 'supply_current = "smu.current"\n',
         output(through("dmm.voltage", "relays.k2")) + 'supply_current = "smu.current"\n',
         "socket S1.supply_current: smu.current is read for socket S2.supply_current too"),
        ('output = "dmm.voltage"\nsupply = "dmm.voltage"\n', output('"smu.voltage"'),
         "socket S1.output: dmm.voltage reads [bench.supply]"),
        (output('"dmm2.voltage"'), output('"dmm.voltage"'),
         "socket S1.output: dmm2.voltage reads [bench.supply], so it can't read the output"),
        (output(through("dmm.voltage", "psu.out1")), output(through("dmm.voltage", "relays.k2")),
         "socket S1.output: psu.out1 is no switch"),
        (output('"relays.k1"'), output('"dmm.voltage"'),
         "socket S1.output: relays.k1 is a switch, it reads nothing"),
    ],
    ids=["no switch", "the same by another name", "one without", "one switch", "two meters",
         "a total current", "two things", "the bench's", "no switch at all", "no meter"],
)  # fmt: skip
def test_one_reading_is_never_of_two_units(
    tmp_path: Path, first: str, second: str, told: str
) -> None:
    bench = "dmm.voltage" if 'supply = "dmm.voltage"' in first else "dmm2.voltage"
    station = BENCH.replace('"dmm2.voltage"', f'"{bench}"')
    assert told in problems(analog(tmp_path, first, second, station=station))


def test_a_current_that_is_only_watched_is_a_total(tmp_path: Path) -> None:
    station = BENCH + '\n[bench.supply_current]\nwatch = ["psu.current1"]\n'
    own = 'supply_current = "psu.current1"\n'
    keys = [output(through("dmm.voltage", f"relays.k{n}")) + own for n in (1, 2)]
    assert "socket S1.supply_current: psu.current1 is read for socket S2.supply_current" in (
        problems(analog(tmp_path / "two", *keys, station=station))
    )
    there = analog(tmp_path / "one", keys[0], station=station)
    assert check_station(there.load_station()) == []


def test_units_behind_switches_are_each_read_by_themselves(tmp_path: Path) -> None:
    """They share a meter; each answers as it does with a meter of its own."""
    currents = [f"supply_current = {through('smu.current', f'relays.k{n}')}\n" for n in (3, 4)]
    shared = analog(
        tmp_path / "shared",
        *(output(through("dmm.voltage", f"relays.k{n + 1}")) + currents[n] for n in (0, 1)),
    )
    alone = analog(tmp_path / "alone", output('"dmm.voltage"'), output('"smu.voltage"'))
    found, known = values(run(shared)), values(run(alone))
    for serial in ("A-1", "A-2"):
        assert found[serial, "pressure"] == pytest.approx(known[serial, "pressure"], abs=50.0)
    assert abs(found["A-1", "pressure"] - found["A-2", "pressure"]) > 100.0, "parts differ"
    currents_a = [found[serial, "supply_current"] for serial in ("A-1", "A-2")]
    assert currents_a[0] != pytest.approx(currents_a[1], rel=1e-3)


def values(outcome: Outcome) -> dict[tuple[str, str], float]:
    """Return what each unit read at the first point, by serial and channel."""
    return {
        (result.serial, result.channel): value
        for result in outcome.assessment.results
        if result.measure == "value" and (value := result.value) is not None
    }


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("", "", "chamber.temperature acts for zone.a.bench.temperature already"),
        ('select = "relays.k1"\n', "", "both need `select`"),
        ('select = "relays.k1"\n', 'select = "relays.k1"\n',
         "zone.b.bench.temperature.select: relays.k1 leads to zone.a.bench.temperature already"),
    ],
    ids=["none", "one", "the same"],
)  # fmt: skip
def test_what_places_share_is_switched_to_one_of_them(
    tmp_path: Path, first: str, second: str, told: str
) -> None:
    def zone(name: str, select: str) -> str:
        return f'\n[zone.{name}.bench.temperature]\nset = "chamber.temperature"\n{select}'

    there = analog(tmp_path, output('"dmm.voltage"'))
    head = BUS + CHAMBER + RELAYS
    there.station_path.write_text(head + zone("a", first) + zone("b", second), encoding="utf-8")
    found = [str(problem) for problem in check_station(there.load_station())]
    assert any(told in text for text in found), found
    there.station_path.write_text(
        head + zone("a", 'select = "relays.k1"\n') + zone("b", 'select = "relays.k2"\n'),
        encoding="utf-8",
    )
    assert check_station(there.load_station()) == []
