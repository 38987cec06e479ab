"""Several devices on one cable: parts in sockets and instruments, each at an address of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import minimalmodbus
import pytest

from sensorbench.app.commands.read import Asked, read_now
from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import BenchError, LinkClosed, LinkTimeout
from sensorbench.core.verdict import Verdict
from sensorbench.instruments.espec_p300.twin import SimEspecP300
from sensorbench.instruments.watlow_f4t.twin import SimWatlowF4t
from sensorbench.links.line import LineTwin
from sensorbench.links.mount import Fault as WireFault
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.sensors.senseair_s8.driver import SenseairS8
from sensorbench.sensors.senseair_s8.twin import SimSenseairS8
from sensorbench.station.cable import cable_of
from sensorbench.station.preflight import check_station
from sensorbench.station.scan import scan_hosts, scan_ports
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

from ...workspaces import (
    BENCH_TEMPERATURE,
    BUS,
    CHAMBER,
    START,
    THERMOMETER,
    check,
    lot,
    problems,
    run,
    write,
)
from .test_serial_parts import GRID, S8, SERIALS, SUPPLY, sockets

posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")
CABLE = '{{ kind = "simulated", cable = "rs485", address = {} }}'
PORT = '{{ kind = "serial", port = "{}", address = {} }}'


def workspace(root: Path, *links: str, more: str = "", part: str = S8) -> Workspace:
    names = [f"C{n}" for n in range(1, len(links) + 1)]
    station = BUS + CHAMBER + THERMOMETER + BENCH_TEMPERATURE + SUPPLY + more + sockets(*links)
    return write(root, GRID, station, {"s8": part}, {"L1": lot("L1", "s8", SERIALS, names)})


def simulated(root: Path, more: str = "") -> Workspace:
    return workspace(root, CABLE.format(1), CABLE.format(2), more=more)


class Parts:
    """CO2 sensors at addresses 1, 2, … in one world."""

    def __init__(self, count: int) -> None:
        self.world = World(RealClock(100.0), 1)
        self.world.zone().bind("supply", Constant(5.0))
        self.twins = [
            SimSenseairS8(Place(self.world, f"07A1000{n}"), address=n) for n in range(1, count + 1)
        ]

    @contextmanager
    def on_a_pty(self, *more: LineTwin) -> Iterator[PtyMount]:
        with PtyMount(cable_of([*self.twins, *more]), world=self.world.lock) as mount:
            yield mount


def test_a_run_reads_each_on_a_cable_at_its_address(tmp_path: Path) -> None:
    made = simulated(tmp_path)
    check(made)
    outcome = run(made)
    assert {unit.serial: unit.verdict for unit in outcome.assessment.units} == dict.fromkeys(
        SERIALS, Verdict.PASS
    )


def test_one_that_is_gone_leaves_its_neighbour_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = f'\n[[simulation.fault]]\ndevice = "{SERIALS[0]}"\nkind = "absent"\n'
    assert read_now(simulated(tmp_path, fault).root, Asked("s8")) == 3
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert "no complete answer" in first
    assert SERIALS[1] in second
    assert "no complete" not in second


@pytest.mark.parametrize(
    ("links", "told"),
    [
        ((PORT.format("/dev/b", 3), PORT.format("/dev/b", 3)), "both have the address 3"),
        (
            (PORT.format("/dev/b", 3), '{ kind = "serial", port = "/dev/b" }'),
            "is /dev/b, where socket C1 is, too: each needs a line of its own, or on one cable",
        ),
        (
            (PORT.format("/dev/b", 3),
             '{ kind = "serial", port = "/dev/b", baud_rate = 19200, address = 4 }'),
            "spoken to alike: write the same link",
        ),
        ((CABLE.format(1), CABLE.format(1)), "on the cable rs485, where socket C1 is, too: both"),
        (
            ('{ kind = "tcp", host = "gw", port = 502, address = 1 }',
             '{ kind = "tcp", host = "GW.", port = 502, address = 1 }'),
            "both have the address 1",
        ),
        (('{ kind = "tcp", host = "gw", address = 1 }',), "socket[1].link.port: is required"),
        ((PORT.format("/dev/b", 999),), "link.address"),
    ],
)  # fmt: skip
def test_who_can_not_share_a_line_is_refused(
    tmp_path: Path, links: tuple[str, ...], told: str
) -> None:
    assert told in problems(workspace(tmp_path, *links))


def test_a_part_and_an_instrument_share_a_port_only_where_they_are_spoken_to_alike(
    tmp_path: Path,
) -> None:
    link = '{ kind = "serial", port = "/dev/b" }'
    oven = f'\n[instrument.p300]\nmodel = "espec_p300"\nlink = {link}\n'
    at_3 = PORT.format("/dev/b", 3)
    assert "where instrument.p300 is, too: each needs a line of its own" in problems(
        workspace(tmp_path / "1", at_3, more=oven)
    )
    made = workspace(tmp_path / "2", at_3, more=oven + "address = 3\n")
    assert "where instrument.p300 is, too: both have the address 3" in problems(made)


def test_a_part_without_an_address_needs_a_line_of_its_own(tmp_path: Path) -> None:
    sps30 = S8.replace("senseair_s8", "sps30").replace("co2", "mass_concentration")
    made = workspace(tmp_path, CABLE.format(1), part=sps30.replace("ppm", "ug/m3"))
    assert "socket C1 has address 1 on its line, a sps30 has no address" in problems(made)


def test_an_address_that_a_part_can_not_have_is_refused(tmp_path: Path) -> None:
    assert "0 is no Modbus unit" in problems(workspace(tmp_path, CABLE.format(0)))


@posix
def test_a_port_is_opened_once_for_all_who_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sensorbench.links.serial_line import SerialLine  # noqa: PLC0415 - to be watched

    opened: list[str] = []
    opens = SerialLine._open
    monkeypatch.setattr(SerialLine, "_open", lambda s: (opened.append(s.name), opens(s))[1])
    with Parts(2).on_a_pty() as port:
        links = [PORT.format(port.address, n) for n in (1, 2)]
        file = workspace(tmp_path, *links).load_station()
        assert check_station(file) == []
        with open_station(file, RealClock()) as station:
            parts = [station.sensor(name, "senseair_s8") for name in ("C1", "C2")]
            with ThreadPoolExecutor(2) as pool:  # at the same time: one exchange waits for another
                found = list(pool.map(lambda part: part.identify().serial, parts))
    assert found == SERIALS
    assert opened == ["socket C1 and socket C2"]


class Babbling:
    """Something on the cable that says what nobody asked it, whoever is spoken to."""

    terminators: tuple[bytes, ...] = ()
    reply_terminator = b""

    def __init__(self, says: bytes) -> None:
        self.says = says

    def handle(self, line: bytes) -> bytes:
        return self.says


@posix
@pytest.mark.parametrize("says", [b"\xff", b"\x02\x04\x08" + bytes(10), b"\x00" * 40])
def test_one_that_babbles_makes_no_reading_of_its_neighbours_wrong(says: bytes) -> None:
    parts = Parts(2)
    with parts.on_a_pty(Babbling(says)) as port:
        from sensorbench.links.serial_line import SerialLine  # noqa: PLC0415 - POSIX

        with SerialLine(port.address, SenseairS8.LINE, "cable") as line:
            drivers = [SenseairS8(line, RealClock(), address=n) for n in (1, 2)]
            for driver, serial in zip(drivers, SERIALS, strict=True):
                try:
                    assert driver.identify().serial == serial
                except BenchError:
                    continue


@posix
def test_a_reply_that_is_late_answers_no_neighbour() -> None:
    parts = Parts(3)
    parts.world.add_fault("07A10003", Fault("silent"))
    with parts.on_a_pty() as port:
        from sensorbench.links.serial_line import SerialLine  # noqa: PLC0415 - POSIX

        with SerialLine(port.address, SenseairS8.LINE, "cable") as line:
            drivers = [SenseairS8(line, RealClock(), address=n) for n in (1, 2, 3)]
            with pytest.raises(LinkTimeout):
                drivers[2].identify()
            port.fail_next(WireFault(late_s=0.7))
            with pytest.raises(LinkTimeout):
                drivers[0].identify()
            assert [driver.identify().serial for driver in drivers[:2][::-1]] == SERIALS[::-1]


def test_parts_behind_a_gateway_are_spoken_to_over_tcp(tmp_path: Path) -> None:
    parts = Parts(2)
    with TcpMount(cable_of(parts.twins), world=parts.world.lock) as gateway:
        link = f'{{{{ kind = "tcp", host = "127.0.0.1", port = {gateway.port}, address = {{}} }}}}'
        file = workspace(tmp_path, *[link.format(n) for n in (1, 2)]).load_station()
        with open_station(file, RealClock()) as station:
            for name, serial in zip(("C1", "C2"), SERIALS, strict=True):
                assert station.sensor(name, "senseair_s8").identify().serial == serial
        file = workspace(tmp_path / "2", link.format(1), link.format(9)).load_station()
        with open_station(file, RealClock()) as station:
            with pytest.raises(BenchError, match="does not answer the gateway"):
                station.sensor("C2", "senseair_s8").identify()
            assert station.sensor("C1", "senseair_s8").identify().serial == SERIALS[0]


def ovens(link: str) -> str:
    return "".join(
        f'\n[instrument.{name}]\nmodel = "espec_p300"\nlink = {link}\naddress = {n}\n'
        for n, name in enumerate(("p1", "p2"), 1)
    )


def test_instruments_on_a_simulated_cable_are_each_themselves(tmp_path: Path) -> None:
    more = ovens('{ kind = "simulated", cable = "ovens" }')
    file = workspace(tmp_path, CABLE.format(1), more=more).load_station()
    assert check_station(file) == []
    with open_station(file, VirtualClock(START)) as station:
        ends = {i.name: i.member("temperature") for i in station.instruments if i.name[0] == "p"}
        ends["p1"].go(85.0, None, None)
        ends["p2"].go(-10.0, None, None)
        assert [end.told().value for end in ends.values()] == [85.0, -10.0]


@posix
def test_a_scan_names_all_who_are_on_a_port_and_finds_those_behind_a_host(tmp_path: Path) -> None:
    with Parts(1).on_a_pty() as port:
        links = [PORT.format(port.address, n) for n in (1, 2)]
        rows = list(scan_ports(workspace(tmp_path / "1", *links).load_station()))
    assert "socket C1 and socket C2" in [row.known for row in rows]
    world = World(RealClock(100.0), 1)
    twins = [SimEspecP300(world, f"SIM-{n}", address=n) for n in (1, 2)]
    with TcpMount(cable_of(twins), world=world.lock) as host:
        link = f'{{ kind = "tcp", host = "127.0.0.1", port = {host.port} }}'
        file = workspace(tmp_path / "2", CABLE.format(1), more=ovens(link)).load_station()
        found = list(scan_hosts(file))
    assert [row.known for row in found] == ["p1", "p2"]
    assert all("P300" in row.what for row in found)


@posix
def test_simulate_serves_a_cable_on_one_port(tmp_path: Path) -> None:
    root = simulated(tmp_path).root
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorbench.app.main", "simulate", str(root),
         "--speed", "50", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        told = [json.loads(process.stdout.readline()) for _ in range(2)]
        cable = {row["name"]: row for row in told}["cable.rs485"]
        assert cable["model"] == "socket C1, socket C2"
        for unit, serial in enumerate(SERIALS, 1):
            client = minimalmodbus.Instrument(cable["address"], unit)
            client.serial.timeout = 2.0
            number = client.read_registers(0x1D, 2, functioncode=4)
            assert f"{number[0]:04X}{number[1]:04X}" == serial
            client.serial.close()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_two_with_one_address_garble_each_other() -> None:
    world = World(VirtualClock(START), 1)
    twins = [SimEspecP300(world, f"SIM-{n}", address=1) for n in (1, 2)]
    for twin, value in zip(twins, (b"1,TEMP, S85.0", b"1,TEMP, S20.0"), strict=True):
        twin.handle(value)
    asked = b"1,CONSTANT SET?,TEMP"
    heard = cable_of(twins).handle(asked)
    assert heard is not None
    assert heard not in [twin.handle(asked) for twin in twins]


F4T = """
[instrument.f4t]
model = "watlow_f4t"
address = 7
link = {}
"""
AT_9600 = '{{ kind = "serial", port = "{}", baud_rate = 9600{} }}'


@posix
def test_a_chamber_and_parts_of_another_sort_share_a_cable_at_one_baud_rate(
    tmp_path: Path,
) -> None:
    parts = Parts(2)
    chamber = SimWatlowF4t(parts.world, "SIM-77", address=7)
    with parts.on_a_pty(chamber) as port:
        more = F4T.format(AT_9600.format(port.address, ""))
        links = [AT_9600.format(port.address, f", address = {n}") for n in (1, 2)]
        file = workspace(tmp_path, *links, more=more).load_station()
        assert check_station(file) == []
        with open_station(file, RealClock()) as station:
            part = station.sensor("C2", "senseair_s8")
            end = next(i for i in station.instruments if i.name == "f4t").member("temperature")
            end.go(40.0, None, None)
            assert part.identify().serial == SERIALS[1]
            assert end.told().value == 40.0
            # Each has its own deadline; the longer pause is kept for all.
            assert (part._line._timeout_s, part._line._line._settings.pause_s) == (0.5, 0.03)
    assert chamber.running


def test_who_is_set_to_another_baud_rate_is_on_no_cable_with_others(tmp_path: Path) -> None:
    more = F4T.format('{ kind = "serial", port = "/dev/b" }') + ovens(
        '{ kind = "serial", port = "/dev/b" }'
    )
    made = workspace(tmp_path, PORT.format("/dev/b", 3), more=more)
    found = problems(made)
    assert "instrument.p1.link: is /dev/b, where instrument.f4t is, too: all on one cable" in found


def test_a_part_that_is_spoken_to_otherwise_says_so(tmp_path: Path) -> None:
    # Which part is in a socket, lots say: station.toml alone can't tell two sorts.
    file = workspace(tmp_path, CABLE.format(1), CABLE.format(2)).load_station()
    with open_station(file, VirtualClock(START)) as station:
        station.sensor("C1", "senseair_s8")
        assert station._lines is not None
        other = replace(SenseairS8.LINE, write_terminator="\r", read_terminator="\r")
        line = station._lines.to_socket(station.socket("C2"), other)
        with pytest.raises(LinkClosed, match="only parts alike share a line"):
            line.query("x")


def test_a_run_of_a_chamber_and_parts_on_one_simulated_cable(tmp_path: Path) -> None:
    link = '{ kind = "simulated", cable = "rs485" }'
    chamber = F4T.format(link).replace("instrument.f4t", "instrument.chamber")
    station = BUS + chamber + THERMOMETER + BENCH_TEMPERATURE + SUPPLY
    station += sockets(CABLE.format(1), CABLE.format(2))
    made = write(
        tmp_path, GRID, station, {"s8": S8}, {"L1": lot("L1", "s8", SERIALS, ["C1", "C2"])}
    )
    check(made)
    found = {unit.serial: unit.verdict for unit in run(made).assessment.units}
    assert found == dict.fromkeys(SERIALS, Verdict.PASS)
