"""Units that do not answer, answer once more, are others, or are damaged: each has its reason."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.errors import LinkTimeout, NotAcknowledged
from sensorbench.core.operator import Operator, Question
from sensorbench.core.provenance import Identity
from sensorbench.core.verdict import Verdict
from sensorbench.reports.build import build
from sensorbench.reports.html import render_html
from sensorbench.reports.runs import load
from sensorbench.run.execute import Outcome
from sensorbench.station.resuming import same_device
from sensorbench.station.station import Station

from ...workspaces import (
    BENCH_TEMPERATURE,
    BUS,
    CHAMBER,
    SBP1,
    STATION,
    THERMOMETER,
    data_of,
    edit,
    events,
    lot,
    problems,
    reasons,
    run,
    sbp1_sockets,
    write,
)
from .barometers import BMP280, bench
from .climate import CLIMATE, FIRST, SECOND, bake, done, fault, phase_of_tests, workspace

THREE = phase_of_tests("t") + phase_of_tests("u") + phase_of_tests("v")


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    return {unit.serial: unit.verdict for unit in outcome.assessment.units}


@pytest.mark.parametrize("kind", ["absent", "silent", "crc"])
def test_a_unit_that_can_not_be_read_is_not_known_and_says_why(tmp_path: Path, kind: str) -> None:
    outcome = done(tmp_path, phase_of_tests("t"), fault(SECOND, kind))
    assert verdicts(outcome) == {FIRST: Verdict.PASS, SECOND: Verdict.INVALID}
    (unit,) = [u for u in outcome.assessment.units if u.serial == SECOND]
    assert unit.reasons[0].code == "device"
    assert unit.reasons[0].values["socket"] == "H2"
    assert unit.reasons[0].values["detail"]


def test_a_unit_that_is_stuck_fails_with_the_value_and_its_limit(tmp_path: Path) -> None:
    outcome = done(tmp_path, phase_of_tests("t", '["room", "hot"]'), fault(SECOND, "stuck"))
    assert verdicts(outcome) == {FIRST: Verdict.PASS, SECOND: Verdict.FAIL}
    reason = next(r for u in outcome.assessment.units if u.serial == SECOND for r in u.reasons)
    assert reason.code == "outside"
    assert (reason.values["low"], reason.values["high"]) == (-1.0, 1.0)
    assert abs(reason.values["value"]) > 1.0
    assert reason.values["parameter"] == "temperature_error"


def test_a_unit_lost_at_one_readout_is_asked_again_and_comes_back(tmp_path: Path) -> None:
    phases = bake("30 h", 'readouts = ["10 h", "20 h"]')
    outcome = done(tmp_path, phases, fault(SECOND, "absent", "5 h", "15 h"))
    lost = [
        event.data["point"]
        for event in events(outcome, "readout")
        if SECOND in event.data["problems"]
    ]
    assert lost == ["bake/10 h/room/temperature_error"]
    back = data_of(outcome).readouts["bake/20 h/room/temperature_error"]
    assert back.values["temperature"][1] == pytest.approx(25.0, abs=3.0)
    # What is not known stays not known, whatever came later.
    assert verdicts(outcome) == {FIRST: Verdict.PASS, SECOND: Verdict.INVALID}
    assert outcome.assessment.verdict is Verdict.INVALID


def test_a_unit_that_never_answered_is_named_as_absent(tmp_path: Path) -> None:
    outcome = done(tmp_path, THREE, fault(SECOND, "absent"))
    absent = data_of(outcome).absent
    assert set(absent) == {SECOND}
    assert absent[SECOND].code == "device"


def flaky(serial: str, times: int) -> Callable[[Station], None]:
    """Return what makes a unit's bus not carry `times` transfers."""

    def before(station: Station) -> None:
        assert station.bench is not None
        bench = station.bench
        plug, left = bench.plug, [times]

        def plugged(unit: str, socket: str) -> None:
            plug(unit, socket)
            twin = bench.parts[unit].twin
            receive = twin.receive
            if unit != serial:
                return

            def now_and_then(data: bytes) -> None:
                if left[0] > 0 and bench.world.clock.now() > 60:
                    left[0] -= 1
                    raise NotAcknowledged("a loose contact")
                receive(data)

            twin.receive = now_and_then

        bench.plug = plugged  # type: ignore[method-assign]

    return before


def test_a_transfer_that_did_not_arrive_is_tried_once_more_and_recorded(tmp_path: Path) -> None:
    outcome = run(workspace(tmp_path, THREE), before=flaky(SECOND, 1))
    assert outcome.assessment.verdict is Verdict.PASS
    retries = [event.data["retries"] for event in events(outcome, "readout")]
    assert sum(found.get(SECOND, 0) for found in retries) == 1
    assert all(FIRST not in found for found in retries)
    assert verify(outcome.root).is_whole


def test_twice_in_a_row_is_not_known(tmp_path: Path) -> None:
    outcome = run(workspace(tmp_path, phase_of_tests("t")), before=flaky(SECOND, 2))
    assert verdicts(outcome)[SECOND] is Verdict.INVALID
    assert "loose contact" in outcome.assessment.units[1].reasons[0].values["detail"]


def glitch(member: str, at: int, count: int = 1) -> Callable[[Station], None]:
    """Return what makes a chamber's line fail `count` times from its reading number `at`."""

    def before(station: Station) -> None:
        driver = next(i for i in station.instruments if i.name == member).driver
        ask, calls = driver._ask, iter(range(10**9))  # type: ignore[attr-defined]

        def sometimes(command: str) -> str:
            if command == "TEMP?" and at <= next(calls) < at + count:
                raise LinkTimeout(f"{member}: no answer to {command!r} within 3 s")
            return str(ask(command))

        driver._ask = sometimes  # type: ignore[attr-defined]

    return before


def test_an_instruments_answer_that_does_not_come_once_is_asked_for_again(tmp_path: Path) -> None:
    outcome = run(workspace(tmp_path, phase_of_tests("t")), before=glitch("chamber", 8))
    assert outcome.assessment.verdict is Verdict.PASS
    retries = events(outcome, "retry")
    assert [event.data["what"] for event in retries] == ["chamber.temperature"]
    assert "no answer to" in retries[0].data["reason"]


# -- the right unit in the right socket ------------------------------------------------------------


def test_a_unit_in_anothers_socket_is_found_out(tmp_path: Path) -> None:
    """An SBP1 tells its number: units that were put into each other's sockets are not judged."""
    serials = ["26000001", "26000002"]
    there = write(
        tmp_path, '[[phase]]\nkind = "record"\nname = "r"\nduration = "1 min"\nevery = "10 s"\n',
        STATION + sbp1_sockets(2), {"sbp1": SBP1}, {"L1": lot("L1", "sbp1", serials, ["A1", "A2"])},
    )  # fmt: skip

    def swap(station: Station) -> None:
        assert station.bench is not None
        for serial in serials:
            station.bench.unplug(serial)
        station.bench.plug("26000001", "A2")
        station.bench.plug("26000002", "A1")

    outcome = run(there, before=swap)
    assert set(verdicts(outcome).values()) == {Verdict.INVALID}
    detail = outcome.assessment.units[0].reasons[0].values["detail"]
    assert "holds 26000002, the lot says 26000001" in detail


SCD4X = """
[part]
name = "SCD41"
driver = "scd4x"

[range.co2]
min = "400 ppm"
max = "5000 ppm"

[range.temperature]
min = "-10 degC"
max = "60 degC"

[range.supply]
min = "2.4 V"
nominal = "3.3 V"
max = "5.5 V"
"""


@pytest.mark.parametrize("swaps", [False, True])
def test_a_unit_that_tells_its_number_only_when_idle_is_found_out_too(
    tmp_path: Path, swaps: bool
) -> None:
    """An SCD4x that another program left measuring is known once it was prepared."""
    serials = ["0000000000A1", "0000000000A2"]
    there = write(
        tmp_path,
        '[[phase]]\nkind = "record"\nname = "r"\nduration = "1 min"\nevery = "15 s"\n',
        BUS + CHAMBER + THERMOMETER + BENCH_TEMPERATURE + '\n[bench.supply]\nfixed = "3.3 V"\n'
        + sbp1_sockets(2).replace("0x28", "0x62"),
        {"scd4x": SCD4X}, {"C1": lot("C1", "scd4x", serials, ["A1", "A2"])},
    )  # fmt: skip

    def measuring(station: Station) -> None:
        assert station.bench is not None
        for serial, socket in zip(serials, ("A2", "A1") if swaps else ("A1", "A2"), strict=True):
            station.bench.unplug(serial)
            station.bench.plug(serial, socket)
        station.clock.sleep(1.0)
        for plugged in station.bench.parts.values():
            plugged.twin.receive(b"\x21\xb1")

    outcome = run(there, before=measuring)
    if swaps:
        detail = outcome.assessment.units[0].reasons[0].values["detail"]
        assert "holds 0000000000A2, the lot says 0000000000A1" in detail
    else:
        told = {e.data["serial"]: e.data["identity"]["serial"] for e in events(outcome, "unit")}
        assert told == dict(zip(serials, serials, strict=True))


@pytest.mark.parametrize(
    ("now", "is_same"),
    [
        (Identity("Sensirion", "SCD41", "A1"), True),
        (Identity("Sensirion", "SCD41", "A2"), False),
        (Identity("Sensirion", "SCD41"), False),
        (Identity("Sensirion", "SCD43", or_models=("SCD40", "SCD41")), True),
        (Identity("Sensirion", "SCD43", or_models=("SCD40",)), False),
        (Identity("Bosch", "SCD41", or_models=("SCD40",)), False),
    ],
)
def test_a_unit_that_can_t_tell_now_is_one_that_it_may_be(now: Identity, is_same: bool) -> None:
    before = asdict(Identity("Sensirion", "SCD41", "A1"))
    assert same_device(before, asdict(now)) == is_same


@dataclass
class Watched:
    """The person at the bench, and what they were asked."""

    person: Operator
    asked: list[dict[str, str]] = field(default_factory=list)

    def ask(self, question: Question) -> str:
        self.asked.append(dict(question.what))
        return self.person.ask(question)


def test_units_without_a_socket_are_loaded_by_a_person_and_that_is_on_record(
    tmp_path: Path,
) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    operators: list[Watched] = []

    def watch(station: Station) -> None:
        station.operator = Watched(station.operator)
        operators.append(station.operator)

    outcome = run(there, before=watch)
    assert operators[0].asked == [
        {"kind": "load", "serial": FIRST, "socket": "H1"},
        {"kind": "load", "serial": SECOND, "socket": "H2"},
    ]
    assert {u.serial: u.socket for u in outcome.assessment.units} == {FIRST: "H1", SECOND: "H2"}


def test_a_fixed_socket_asks_nobody(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    edit(
        there.lot_path("H1"),
        (f'serial = "{FIRST}"', f'serial = "{FIRST}"\nsocket = "H2"'),
        (f'serial = "{SECOND}"', f'serial = "{SECOND}"\nsocket = "H1"'),
    )

    operators: list[Watched] = []

    def watch(station: Station) -> None:
        station.operator = Watched(station.operator)
        operators.append(station.operator)

    outcome = run(there, before=watch)
    assert operators[0].asked == []
    assert outcome.assessment.verdict is Verdict.PASS
    assert {u.serial: u.socket for u in outcome.assessment.units} == {FIRST: "H2", SECOND: "H1"}


# -- conditions that were not kept -----------------------------------------------------------------


def test_a_soak_that_never_settles_makes_the_readings_after_it_not_known(tmp_path: Path) -> None:
    # The chamber gets there, the thermometer beside the units stays where it was.
    station = CLIMATE.replace('agree = "2 K"', 'agree = "0.2 K"') + fault("thermometer", "stuck")
    soak = 'soak = { temperature = { within = "0.3 K", for = "1 min", timeout = "1 h" } }'
    outcome = run(workspace(tmp_path, phase_of_tests("t", more=soak), station=station))
    assert outcome.assessment.verdict is Verdict.INVALID
    assert set(reasons(outcome)) == {"not_settled", "meters_disagree"}
    values = outcome.assessment.units[0].reasons[0].values
    assert values["address"] == "temperature"
    assert values["target"] == 25.0
    (settled,) = [e for e in events(outcome, "soak") if "temperature" in e.data["addresses"]]
    assert settled.data["settled"] is False
    assert settled.data["took_s"] == pytest.approx(3600, abs=15)


def test_a_supply_change_prepares_the_parts_anew(tmp_path: Path) -> None:
    """A part forgets its settings without its supply: they are written again, not assumed."""
    phases = (
        '[[phase]]\nkind = "grid"\nname = "g"\nsettings = "low"\n'
        'axes = [{ set = { supply = ["3.0 V", "3.6 V"] } }]\nmeasures = ["noise"]\n'
    )
    there = workspace(tmp_path, phases)
    part = there.part_path("sht4x")
    part.write_text(part.read_text() + '\n[settings]\nlow = { repeatability = "low" }\n')
    outcome = run(there)
    readings = [data_of(outcome).readouts[p] for p in ("g/3 V", "g/3.6 V")]
    assert all(not reading.problems for reading in readings)
    assert outcome.assessment.verdict is Verdict.PASS or not reasons(outcome)


def test_what_a_unit_says_of_itself_is_on_record(tmp_path: Path) -> None:
    part = BMP280.replace('"BMP280"', '"MS5611"').replace('"bmp280"', '"ms5611"')
    stated = '[settings]\nalways = { variant = "MS5611" }\n\n[accuracy.pressure]'
    given = bench()
    given["parts"] = {"ms5611": part.replace("[accuracy.pressure]", stated)}
    given["lots"] = {"L1": lot("L1", "ms5611", ["b1", "b2"], ["B1", "B2"])}
    phase = """
[[phase]]
kind = "grid"
name = "check"
axes = [{ set = { pressure = ["50 kPa", "100 kPa"] } }]
measures = ["error"]
"""
    outcome = run(write(tmp_path, phase, **given))
    told = [event.data for event in events(outcome, "unit")]
    assert [data["serial"] for data in told] == ["b1", "b2"]
    assert told[0]["identity"]["model"] == "MS5611"
    assert told[0]["identity"]["or_models"] == ["MS5607"]
    said = render_html(build(load([outcome.root]), UTC))
    assert (
        html.unescape(said.decode()).count(
            "TE Connectivity MS5611, which can't be told from MS5607"
        )
        == 2
    )


def test_a_unit_that_tells_too_little_is_told_by_what_the_bench_reads(tmp_path: Path) -> None:
    """MS5611 of which nobody says that they are no MS5607, first met at 50 kPa."""
    part = BMP280.replace('"BMP280"', '"MS5611"').replace('"bmp280"', '"ms5611"')
    given = bench()
    given["parts"] = {"ms5611": part}
    given["lots"] = {"L1": lot("L1", "ms5611", ["b1", "b2"], ["B1", "B2"])}
    phase = """
[[phase]]
kind = "grid"
name = "check"
axes = [{ set = { pressure = ["50 kPa", "60 kPa"] } }]
measures = ["error"]
"""
    outcome = run(write(tmp_path, phase, **given))
    assert set(verdicts(outcome).values()) == {Verdict.PASS}


# -- meters of a socket's own ----------------------------------------------------------------------


def test_a_meter_that_only_some_sockets_have_mixes_up_no_reading(tmp_path: Path) -> None:
    """The first unit's current stands beside its temperature; the second has none of its own."""
    there = workspace(tmp_path, phase_of_tests("t"))
    edit(there.station_path, ('id = "H1"\n', 'id = "H1"\nsupply_current = "psu.current1"\n'))
    outcome = run(there)
    assert verdicts(outcome) == {FIRST: Verdict.PASS, SECOND: Verdict.PASS}
    (readout,) = data_of(outcome).readouts.values()
    current = readout.values["supply_current"]
    assert np.isfinite(current[0])
    assert np.isnan(current[1])


def test_what_not_every_socket_measures_is_not_asked(tmp_path: Path) -> None:
    record = (
        '[[phase]]\nkind = "record"\nname = "r"\nduration = "1 min"\nevery = "10 s"\n'
        'measures = ["supply_current"]\n'
    )
    there = workspace(tmp_path, record)
    edit(there.station_path, ('id = "H1"\n', 'id = "H1"\nsupply_current = "psu.current1"\n'))
    said = problems(there)
    assert "'supply_current' is no measure" in said
    assert 'give each socket supply_current = "INSTRUMENT.METER"' in said
    edit(there.station_path, ('id = "H2"\n', 'id = "H2"\nsupply_current = "psu.current2"\n'))
    assert run(there).assessment.verdict is Verdict.PASS
