"""Parts on serial lines in sockets: declared, checked, read, run, and served to other programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import minimalmodbus
import pytest

from sensorbench.app.commands.read import Asked, read_now
from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.provenance import Provenance
from sensorbench.core.verdict import Verdict
from sensorbench.links.mount import PtyMount
from sensorbench.sensors.senseair_s8.twin import SimSenseairS8
from sensorbench.station.preflight import check_station
from sensorbench.station.simulation import is_simulated
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

from ...workspaces import (
    BENCH_TEMPERATURE,
    BUS,
    CHAMBER,
    START,
    THERMOMETER,
    check,
    events,
    lot,
    problems,
    run,
    write,
)

S8 = """
[part]
name = "S8"
driver = "senseair_s8"
[range.temperature]
min = "0 degC"
max = "50 degC"
[range.co2]
min = "400 ppm"
max = "2000 ppm"
[range.supply]
min = "4.5 V"
nominal = "5 V"
max = "5.25 V"
limit = "500 mA"
"""
SUPPLY = '\n[bench.supply]\nfixed = "5 V"\n'
GRID = (
    '[[phase]]\nkind = "grid"\nname = "g"\n'
    'axes = [{ set = { temperature = ["10 degC", "40 degC"] } }]\nmeasures = ["value"]\n'
)
SIMULATED = '{ kind = "simulated" }'
SERIALS = ["07A10001", "07A10002"]
posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")


def sockets(*links: str) -> str:
    return "".join(f'\n[[socket]]\nid = "C{n}"\nlink = {x}\n' for n, x in enumerate(links, 1))


def workspace(root: Path, *links: str, more: str = "") -> Workspace:
    links = links or (SIMULATED, SIMULATED)
    names = [f"C{n}" for n in range(1, len(links) + 1)]
    station = BUS + CHAMBER + THERMOMETER + BENCH_TEMPERATURE + SUPPLY + more + sockets(*links)
    parts = lot("L1", "s8", SERIALS[: len(links)], names)
    return write(root, GRID, station, {"s8": S8}, {"L1": parts})


def serial_link(port: str) -> str:
    return f'{{ kind = "serial", port = "{port}" }}'


def test_check_takes_them_and_a_run_reads_each_in_its_socket(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    check(made)
    outcome = run(made)
    readouts = events(outcome, "readout")
    assert len(readouts) == 2
    (told,) = {unit.verdict for unit in outcome.assessment.units}
    assert told is Verdict.PASS
    assert {unit.serial for unit in outcome.assessment.units} == set(SERIALS)


def test_read_shows_what_they_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = workspace(tmp_path)
    assert read_now(made.root, Asked("s8")) == 0
    rows = capsys.readouterr().out.splitlines()[-2:]
    assert [row.split()[1:3] for row in rows] == [["C1", SERIALS[0]], ["C2", SERIALS[1]]]
    assert all(300 < float(row.split()[3]) < 600 for row in rows)


def test_an_empty_socket_does_not_answer_and_the_other_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = f'\n[[simulation.fault]]\ndevice = "{SERIALS[0]}"\nkind = "absent"\n'
    made = workspace(tmp_path, more=fault)
    assert read_now(made.root, Asked("s8")) == 3
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert "no complete answer" in first
    assert SERIALS[1] in second
    assert "no complete" not in second


def test_a_part_needs_the_link_that_it_speaks_over(tmp_path: Path) -> None:
    made = workspace(tmp_path, '{ bus = "bus0", address = 0x44 }')
    assert "socket C1 has no serial line, a senseair_s8 needs one" in problems(made)


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ('{ kind = "seriel", port = "COM3" }', "'seriel' is not allowed; allowed: 'i2c'"),
        ('{ kind = "serial" }', "port"),
        ('{ kind = "serial", port = "COM3", baudrate = 9600 }', "baud_rate"),
        ('{ bus = "bus0", address = 0x99 }', "socket[1].link.address"),
        ('{ bus = "bus0", adress = 0x40 }', "address"),
    ],
)
def test_a_link_that_can_not_be_is_refused_in_words(tmp_path: Path, link: str, told: str) -> None:
    assert told in problems(workspace(tmp_path, link))


def test_two_sockets_have_two_ports_and_none_is_an_instruments(tmp_path: Path) -> None:
    port = f'\n[instrument.relays]\nmodel = "numato_relay"\nlink = {serial_link("/dev/a")}\n'
    made = workspace(tmp_path, serial_link("/dev/b"), serial_link("/dev/b"))
    assert "socket C2.link: is /dev/b, where socket C1 is, too" in problems(made)
    made = workspace(tmp_path / "2", serial_link("/dev/a"), more=port)
    assert "socket C1.link: is /dev/a, where instrument.relays is, too" in problems(made)


def test_a_real_port_makes_a_station_real(tmp_path: Path) -> None:
    assert is_simulated(workspace(tmp_path).load_station())
    assert not is_simulated(workspace(tmp_path / "2", serial_link("/dev/b")).load_station())


def test_a_port_that_is_not_there_is_a_part_that_does_not_answer(tmp_path: Path) -> None:
    file = workspace(tmp_path, serial_link("/dev/nothing")).load_station()
    assert check_station(file) == []
    with open_station(file, VirtualClock(START)) as station:
        assert station.provenance is Provenance.SIMULATED
        with pytest.raises(Exception, match="socket C1: /dev/nothing can't be opened"):
            station.sensor("C1", "senseair_s8").identify()


@posix
def test_a_part_at_a_real_port_is_read(tmp_path: Path) -> None:
    world = World(RealClock(100.0), 1)
    world.zone().bind("supply", Constant(5.0))
    with PtyMount(SimSenseairS8(Place(world, SERIALS[0])), world=world.lock) as mount:
        file = workspace(tmp_path, serial_link(mount.address)).load_station()
        with open_station(file, RealClock()) as station:
            assert station.sensor("C1", "senseair_s8").identify().serial == SERIALS[0]
            assert station.provenance_at(station.socket("C1")) is Provenance.HARDWARE


def test_a_part_on_a_line_may_be_the_reference(tmp_path: Path) -> None:
    meter = '\n[instrument.meter]\nmodel = "senseair_s8"\nlink = { kind = "simulated" }\n'
    bench = '\n[bench.co2]\nfixed = "500 ppm"\nwatch = ["meter.co2"]\n'
    file = workspace(tmp_path, more=meter + bench).load_station()
    assert check_station(file) == []
    with open_station(file, VirtualClock(START)) as station:
        value = station.meter_named("meter.co2").read()
        assert value == pytest.approx(500.0, abs=80.0)


@posix
def test_simulate_serves_them_on_ports(tmp_path: Path) -> None:
    root = workspace(tmp_path).root
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorbench.app.main", "simulate", str(root),
         "--speed", "50", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        told = [json.loads(process.stdout.readline()) for _ in range(3)]
        found = {row["name"]: row for row in told}
        assert found["socket.C1"]["model"] == "senseair_s8"
        client = minimalmodbus.Instrument(found["socket.C2"]["address"], 0xFE)
        client.serial.timeout = 2.0
        number = client.read_registers(0x1D, 2, functioncode=4)
        assert f"{number[0]:04X}{number[1]:04X}" == SERIALS[1]
        client.serial.close()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
