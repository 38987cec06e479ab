"""A station that is open: what is behind a multiplexer is reached there, whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.core.errors import LinkTimeout, ProtocolError
from sensorbench.instruments.members import Setpoint
from sensorbench.safety import making

from ...workspaces import (
    BENCH_TEMPERATURE,
    BUS,
    CHAMBER,
    DUE,
    PSU,
    data_of,
    events,
    job_of,
    lot,
    opened,
    run,
    write,
)
from ..run.climate import BENCH_SUPPLY, CLIMATE, fault, phase_of_tests, workspace

# The reference and the parts are of one kind and answer at one address, each behind its channel.
BEHIND = (
    BUS + CHAMBER + PSU + BENCH_TEMPERATURE + BENCH_SUPPLY + f"""
[instrument.thermometer]
model = "tmp117"
link = {{ kind = "i2c", bus = "bus0", multiplexer = 0x70, channel = 7, address = 0x48 }}
certificate = "T-1"
calibration_due = {DUE}
uncertainty = "0.1 K"
""" + "".join(
        f'\n[[socket]]\nid = "S{n}"\n'
        f'link = {{ bus = "bus0", multiplexer = 0x70, channel = {n}, address = 0x48 }}\n'
        for n in range(2)
    )
)  # fmt: skip
TMP117 = (
    '[part]\nname = "TMP117"\ndriver = "tmp117"\n[range.temperature]\nmin = "-40 degC"\n'
    'max = "125 degC"\n[range.supply]\nnominal = "3.3 V"\nmax = "3.6 V"\n'
)
GRID = (
    '[[phase]]\nkind = "grid"\nname = "g"\n'
    'axes = [{ set = { temperature = ["40 degC", "10 degC"] } }]\nmeasures = ["error"]\n'
)


def test_a_reference_behind_a_multiplexer_is_never_another_parts_answer(tmp_path: Path) -> None:
    """The second part is stuck: whoever reads it instead of the reference is found out."""
    serials = ["0000000000A1", "0000000000A2"]
    there = write(
        tmp_path, GRID, BEHIND + fault(serials[1], "stuck", "2 min"), {"tmp117": TMP117},
        {"T": lot("T", "tmp117", serials, ["S0", "S1"])},
    )  # fmt: skip
    outcome = run(there)
    assert events(outcome, "disagree", "meter_lost") == []
    for readout in data_of(outcome).readouts.values():
        wanted = readout.point.conditions["temperature"]
        assert isinstance(wanted, float)
        reference = readout.references[":temperature"][0]
        first, second = readout.values["temperature"]
        assert reference == pytest.approx(wanted, abs=3.0)
        assert first == pytest.approx(reference, abs=1.0)
        assert abs(second - reference) > 2.0


def test_what_answers_is_what_the_file_says_or_it_is_not_opened(tmp_path: Path) -> None:
    there = workspace(tmp_path / "a", phase_of_tests("t"), fault("chamber", "identity"))
    with pytest.raises(ProtocolError) as refused, opened(there, job_of(there)):
        pass
    assert "this was chamber, a espec_p300, while it was opened" in refused.value.__notes__
    there = workspace(tmp_path / "b", phase_of_tests("t"), fault("psu", "silent"))
    with pytest.raises(LinkTimeout), opened(there, job_of(there)):
        pass


def test_a_simulated_meter_integrates_as_long_as_station_toml_says(tmp_path: Path) -> None:
    """Over the wire, as a real one is told: the twin itself has no such option."""
    dmm = '\n[instrument.dmm]\nmodel = "keysight_34461a"\nlink = { kind = "simulated" }\nnplc = 1\n'
    there = workspace(tmp_path, phase_of_tests("t"), station=CLIMATE + dmm)
    with opened(there, job_of(there)) as station:
        station.take()
        began = station.clock.now()
        station.meter_named("dmm.voltage").read()
        assert station.clock.now() - began == pytest.approx(0.04)


@pytest.mark.parametrize(("model", "at"), [("sht4x", "0x46"), ("tmp117", "0x49")])
def test_a_reading_waits_for_nobody_where_a_poll_aside_still_reads_the_sensor(
    tmp_path: Path, model: str, at: str
) -> None:
    """The part does one thing at a time; a run with that poll implied reads it at once."""
    probe = f"""
[instrument.probe]
model = "{model}"
link = {{ kind = "i2c", bus = "bus0", address = {at} }}
"""
    there = workspace(tmp_path, phase_of_tests("t"), station=CLIMATE + probe)
    with opened(there, job_of(there)) as station:
        station.take()
        clock, meter = station.clock, station.meter_named("probe.temperature")
        clock.sleep(100.0)
        clock.aside(meter.read)
        assert clock.aside(meter.read) == clock.aside(meter.read)  # one conversion
        clock.sleep(0.001)
        began = clock.now()
        values = [meter.read()]
        took_s = clock.now() - began
        clock.sleep(1.0)
        began = clock.now()
        values.append(meter.read())
        assert took_s == pytest.approx(clock.now() - began, abs=1e-9)
        assert values[0] == pytest.approx(values[1], abs=0.2)


def test_members_are_reached_by_zone_and_address(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    with opened(there, job_of(there)) as station:
        found = station.setpoint("", "temperature")
        assert isinstance(found, Setpoint)
        assert found.name == "chamber.temperature"
        with pytest.raises(KeyError):
            station.setpoint("", "humidity")
        names = [name for name, _ in station.meters(station.bindings.rows["", "temperature"])]
        assert names == ["thermometer.temperature", "chamber.temperature"]
        assert station.provenance.value == "simulated"


def test_safe_is_reached_by_rank_one_after_the_other(tmp_path: Path) -> None:
    """Humidity before heat, supplies last: as the bench says, in parallel within a rank."""
    station = CLIMATE.replace("[bench.supply]\n", "[bench.supply]\nrank = 1\n")
    there = workspace(tmp_path, phase_of_tests("t"), station=station)
    order: list[str] = []
    with opened(there, job_of(there)) as opened_station:
        for instrument in opened_station.instruments:
            if hasattr(instrument.driver, "make_safe"):
                make_safe = instrument.driver.make_safe
                instrument.driver.make_safe = lambda m=make_safe, n=instrument.name: (  # type: ignore[attr-defined]
                    order.append(n), m(),
                )  # fmt: skip
        assert making.make_safe(opened_station).problems == {}
    assert order == ["chamber", "psu"]
