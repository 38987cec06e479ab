"""Readings taken now: of what is named, with nothing else opened, asked or powered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from sensorbench.app.commands.read import Asked, read_now
from sensorbench.core.catalog import devices
from sensorbench.core.clock import RealClock
from sensorbench.core.errors import BenchError, InputError
from sensorbench.instruments.keysight_e36312a.driver import KeysightE36312a
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.mount import TcpMount
from sensorbench.links.smbus_api import simulated_smbus_class
from sensorbench.station.device_keys import bus_key
from sensorbench.station.lines import open_line
from sensorbench.station.links import TcpLink
from sensorbench.station.locks import Held
from sensorbench.station.narrowing import narrow
from sensorbench.station.workspace import Workspace
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

from ...workspaces import SHT4X, STATION, edit, lot, sbp1_sockets, sht4x_sockets, write
from ..station.test_locks import another

SERIALS = ("0F3A1100", "0F3A1101")


@dataclass
class Bench:
    """A real-looking bench: two SHT4x on /dev/i2c-1, a supply at a TCP port, a chamber that is off.

    `heard` is what the supply was told.
    """

    root: Path
    heard: list[bytes]
    world: World
    bus: SimulatedI2cBus


REAL = """
[station]
name = "real"

[bus.bus0]
kind = "linux"
device = "/dev/i2c-1"

[instrument.chamber]
model = "espec_p300"
link = {{ kind = "serial", port = "/dev/nowhere" }}

[instrument.psu]
model = "keysight_e36312a"
link = {{ kind = "tcp", host = "{host}", port = {port} }}

[bench.temperature]
set = "chamber.temperature"

[bench.supply]
set = "psu.out1"
high = "3.7 V"
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    smbus2 = pytest.importorskip("smbus2")
    world = World(RealClock())
    bus = SimulatedI2cBus("wires", world.lock)
    supply = devices()["keysight_e36312a"].load_twin()(world, "1")
    world.zone().bind("supply", supply.drives["out1"])
    for address, serial in zip((0x44, 0x45), SERIALS, strict=True):
        bus.attach(address, devices()["sht4x"].load_twin()(Place(world, serial)))
    monkeypatch.setattr(smbus2, "SMBus", simulated_smbus_class({1: bus}))
    heard: list[bytes] = []
    handle = supply.handle

    def listen(line: bytes) -> bytes | None:
        heard.append(line)
        found: bytes | None = handle(line)
        return found

    supply.handle = listen
    with TcpMount(supply, world=world.lock) as mount:
        host, port = mount.address.rsplit(":", 1)
        text = REAL.format(host=host, port=port) + sht4x_sockets()
        write(
            tmp_path, "", text, {"sht40": SHT4X}, {"H1": lot("H1", "sht40", SERIALS, ["H1", "H2"])}
        )
        yield Bench(tmp_path, heard, world, bus)


def by_hand(bench: Bench) -> None:
    """Power the parts with something that the station knows nothing of."""
    bench.world.zone().bind("supply", Constant(3.3))


def test_a_socket_is_read_with_nothing_else_opened_or_asked(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(bench)
    assert read_now(bench.root, Asked("H1")) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["time", "s", "socket", "serial", "humidity", "%RH", "temperature",
                            "degC"]  # fmt: skip
    assert row.split()[1:3] == ["H1", SERIALS[0]]
    assert float(row.split()[4]) == pytest.approx(23.0, abs=1.0)
    assert bench.heard == []
    assert not (bench.root / "evidence").exists()


def test_without_power_nothing_is_powered_and_that_is_said(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_now(bench.root, Asked("sht40")) == 3
    told = capsys.readouterr()
    assert told.out.count("not acknowledged") == 2
    assert "nothing was powered; --power feeds the parts" in told.err
    assert bench.heard == []


def test_with_power_the_part_has_its_nominal_supply_and_none_afterwards(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_now(bench.root, Asked("sht40", power=True, count=2, every="10 ms")) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[2] for row in rows] == [*SERIALS, *SERIALS]
    assert bench.heard[0] == b"*IDN?"
    assert b"VOLT 3.3,(@1)" in bench.heard
    assert b"*RST" not in bench.heard
    assert bench.world.zone().value("supply") == 0.0


def test_an_error_that_an_earlier_program_left_is_not_taken_for_a_refusal(bench: Bench) -> None:
    file = Workspace(bench.root).load_station()
    link = file.instrument["psu"].link
    assert isinstance(link, TcpLink)
    with ExitStack() as stack:
        line = open_line("psu", link, KeysightE36312a.LINE, stack)
        line.write("NONSENSE 1")
    assert read_now(bench.root, Asked("H1", power=True)) == 0


def test_what_was_powered_is_off_also_where_reading_is_stopped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> float:
        assert bench.world.zone().value("supply") == pytest.approx(3.3, abs=0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr("sensorbench.sensors.sht4x.driver.Sht4x.start", stopped)
    with pytest.raises(KeyboardInterrupt):
        read_now(bench.root, Asked("H1", power=True))
    assert bench.world.zone().value("supply") == 0.0


def test_what_can_not_be_switched_off_is_told_as_not_safe(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> None:
        raise BenchError("psu: went away")

    out1 = KeysightE36312a.__dict__["out1"]
    monkeypatch.setattr(out1, "_release", gone)
    with pytest.raises(BenchError) as told:
        read_now(bench.root, Asked("H1", power=True))
    assert told.value.__notes__ == ["NOT SAFE: psu.out1: psu: went away. Make it safe by hand."]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('nominal = "3.3 V"', "", "has no nominal value, so nothing is powered"),
        ('nominal = "3.3 V"', 'nominal = "3.6 V"', "the part's nominal is 3.6 V"),
    ],
)
def test_a_supply_that_is_not_known_or_not_allowed_is_not_given(
    bench: Bench, old: str, new: str, message: str
) -> None:
    part, station = bench.root / "parts" / "sht40.toml", bench.root / "station.toml"
    edit(part, (old, new), ('limit = "100 mA"', ""), (', supply = "nominal"', ""))
    edit(station, ('high = "3.7 V"', 'high = "3.5 V"'))
    with pytest.raises(InputError, match=message):
        read_now(bench.root, Asked("H1", power=True))
    assert not any(b"VOLT" in line or b"OUTP" in line for line in bench.heard)


def test_power_needs_a_supply_that_station_toml_sets(bench: Bench) -> None:
    edit(bench.root / "station.toml", ('[bench.supply]\nset = "psu.out1"\nhigh = "3.7 V"\n', ""))
    with pytest.raises(InputError, match=r"bench\.supply: no bench table sets what feeds"):
        read_now(bench.root, Asked("H1", power=True))


def test_a_bus_that_a_run_holds_is_not_read(bench: Bench) -> None:
    with another(bus_key("/dev/i2c-1")), pytest.raises(Held, match="the other bench"):
        read_now(bench.root, Asked("H1"))


def test_one_part_that_is_silent_does_not_hide_the_other(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(bench)
    bench.bus.detach(0x44)
    assert read_now(bench.root, Asked("sht40", count=2, every="10 ms", json=True)) == 3
    rows = json.loads(capsys.readouterr().out)
    assert [(row["socket"], bool(row["problem"])) for row in rows] == [
        ("H1", True), ("H2", False), ("H1", True), ("H2", False),
    ]  # fmt: skip
    assert {row["provenance"] for row in rows} == {"hardware"}


def test_a_part_without_a_file_is_read_by_its_model(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(bench)
    for path in (*bench.root.glob("lots/*"), *bench.root.glob("parts/*")):
        path.unlink()
    with pytest.raises(InputError, match="Say --part PART"):
        read_now(bench.root, Asked("H1"))
    assert read_now(bench.root, Asked("H1", part="sht4x")) == 0
    assert read_now(bench.root, Asked("sht4x")) == 0
    assert SERIALS[0] in capsys.readouterr().out


def test_readings_become_csv_and_pictures(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(bench)
    asked = Asked("sht40", count=3, every="10 ms", format="plot", output=tmp_path / "out.csv")
    assert read_now(bench.root, asked) == 0
    shown = capsys.readouterr().out
    assert "humidity in %RH" in shown
    assert f"o H2 {SERIALS[1]}" in shown
    head, *rows = (tmp_path / "out.csv").read_text().splitlines()
    assert head == ("time (s),socket,serial,model,humidity (%RH),temperature (degC),provenance,"
                    "problem")  # fmt: skip
    assert len(rows) == 6
    assert rows[0].endswith(",hardware,")
    assert read_now(bench.root, Asked("H1", count=2, every="0 s", output=tmp_path / "o.png")) == 0
    assert (tmp_path / "o.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="is there already"):
        Asked("H1", output=tmp_path / "out.csv")


def test_the_simulated_bench_is_marked_and_keeps_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = lot("L1", "sbp1", ["26000001"], ["A1"])
    there = write(tmp_path, lots={"L1": own})
    assert read_now(there.root, Asked("sbp1", power=True, format="csv")) == 0
    told = capsys.readouterr()
    assert "SIMULATED - NOT A MEASUREMENT" in told.err
    # Not calibrated: it has counts, and no pressure yet.
    assert told.out.splitlines()[1].split(",")[1:4] == ["A1", "26000001", "sbp1"]
    assert ",,,simulated," in told.out
    assert not there.memory_path().exists()


def test_an_analog_part_is_read_through_its_own_meters_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smu = '[instrument.smu]\nmodel = "keithley_2450"\nlink = { kind = "tcp", host = "nowhere" }\n'
    socket = ('[[socket]]\nid = "V1"\noutput = "dmm.voltage"\nsupply = "psu.out1"\n'
              'supply_current = "smu.current"\n')  # fmt: skip
    part = ('[part]\nname = "SBP1-A"\ndriver = "sbp1_analog"\n[range.supply]\nnominal = "5 V"\n'
            'limit = "100 mA"\n')  # fmt: skip
    supplied = STATION.replace('reference = "dmm.voltage"\nhigh = "3.7 V"', 'high = "5.5 V"')
    own = {"L1": lot("L1", "sbp1a", ["1"], ["V1"])}
    there = write(tmp_path, "", supplied + smu + socket, {"sbp1a": part}, own)
    alone = narrow(there.load_station(), ["V1"], {"V1": ["output", "supply"]})
    assert "smu" not in alone.instrument
    assert list(alone.socket[0].meters) == ["output", "supply"]
    assert read_now(there.root, Asked("V1", power=True, json=True)) == 0
    (row,) = json.loads(capsys.readouterr().out)
    (value,) = (v["value"] for v in row["values"] if v["channel"] == "pressure")
    assert value == pytest.approx(101325, rel=0.1)
    assert row["provenance"] == "simulated"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked("A9"), "is neither a socket"),
        (Asked("A1", part="sht4x"), "has address 0x28"),
        (Asked("sbp1", part="sht4x"), "is no socket"),
        (Asked("sht4x"), "no socket of station.toml fits"),
    ],
)
def test_what_can_not_be_read_is_said(tmp_path: Path, asked: Asked, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_now(write(tmp_path).root, asked)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"format": "pdf"}, "table, csv, plot"),
        ({"count": 0}, "at least 1"),
        ({"every": "1 V"}, "--every"),
        ({"every": "-1 s"}, "below 0"),
        ({"output": Path("x.xlsx")}, ".csv or .png"),
    ],
)
def test_wrong_options_are_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Asked("A1", **more)  # type: ignore[arg-type]


def test_what_is_simulated_stays_one_world_and_what_is_real_is_left_out(tmp_path: Path) -> None:
    real = '[bus.bus1]\nkind = "linux"\ndevice = "/dev/i2c-9"\n'
    sockets = sbp1_sockets(1) + sht4x_sockets(1).replace("bus0", "bus1")
    file = write(tmp_path, "", STATION + real + sockets).load_station()
    simulated = narrow(file, ["A1"])
    assert set(simulated.instrument) == set(file.instrument)
    assert set(simulated.bus) == {"bus0"}
    alone = narrow(file, ["H1"])
    assert not alone.instrument
    assert set(alone.bus) == {"bus1"}
    assert [socket.id for socket in alone.socket] == ["H1"]
