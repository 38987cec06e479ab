"""USB-I2C adapters of a station: what is checked, locked, scanned and opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.documents import validate
from sensorbench.core.errors import InputError, LinkClosed
from sensorbench.links import adapters as table
from sensorbench.links.adapters import ADAPTERS
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.i2c_limits import Limits
from sensorbench.station import adapter_check, device_keys
from sensorbench.station.locks import station_keys
from sensorbench.station.model import StationFile
from sensorbench.station.pasting import lines_for
from sensorbench.station.preflight import check_station
from sensorbench.station.scan import adapters, scan_adapter
from sensorbench.station.station import open_station, tcp_port
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

from ...workspaces import check
from .test_preflight import imus
from .test_preflight import problems as job_problems
from .test_scan import another, station

hid = pytest.importorskip("hid")
pytest.importorskip("EasyMCP2221")
from ...drivers.links.fake_mcp2221 import Chip, Hub  # noqa: E402


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Two MCP2221 with numbers: an SHT4x at the first, nothing at the second."""
    world = World(VirtualClock())
    world.zone().bind("supply", Constant(3.3))
    bus = SimulatedI2cBus("behind")
    bus.attach(0x44, devices()["sht4x"].load_twin()(Place(world, "7")))
    hub = Hub(Chip("A1", bus), Chip("B2", SimulatedI2cBus("other")))
    monkeypatch.setattr(hid, "enumerate", hub.enumerate)
    monkeypatch.setattr(hid, "device", hub.device)
    return hub


def bus(name: str, **keys: Any) -> str:
    lines = "".join(f"{key} = {value!r}\n" for key, value in keys.items())
    return f"[bus.{name}]\n{lines}"


def problems(*tables: str) -> list[str]:
    return [str(row) for row in check_station(station("".join(tables)))]


# -- check -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hub")
def test_a_bus_at_usb_is_accepted_with_and_without_its_number() -> None:
    assert problems(bus("a", kind="mcp2221")) == []
    assert problems(bus("a", kind="mcp2221", serial="A1"), bus("b", kind="ft232h")) == []
    assert problems(bus("a", kind="mcp2221", serial="A1"),
                    bus("b", kind="mcp2221", serial="B2")) == []  # fmt: skip


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ([bus("a", kind="mcp2221", speed="1 MHz")], "bus.a.speed: a MCP2221 does 47 to 400 kHz"),
        ([bus("a", kind="ft232h", speed="3.4 MHz")], "bus.a.speed: a FT232H does 10 to 1000 kHz"),
        ([bus("a", kind="mcp2221"), bus("b", kind="mcp2221", serial="B2")],
         "bus.b.serial: bus.a is a MCP2221, too: each of several needs its serial"),
        ([bus("a", kind="mcp2221", serial="A1"), bus("b", kind="mcp2221", serial="A1")],
         "bus.b.serial: is A1, which bus.a is, too"),
    ],
)  # fmt: skip
def test_what_an_adapter_cant_do_is_refused(tables: list[str], said: str) -> None:
    (found,) = problems(*tables)
    assert said in found


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"kind": "mcp2221", "device": "/dev/i2c-1"}, "a mcp2221 bus has no device"),
        ({"kind": "linux", "device": "/dev/i2c-1", "serial": "1"}, "a linux bus has no serial"),
        ({"kind": "linux"}, "a linux bus needs its device, as /dev/i2c-1"),
        ({"kind": "ch341"}, "'ch341' is not allowed; allowed: 'simulated', 'linux', 'mcp2221'"),
    ],
)
def test_keys_of_another_kind_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        validate({"station": {"name": "b"}, "bus": {"a": keys}}, StationFile, "station.toml")
    assert said in str(refused.value)


def test_a_library_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table, "find_spec", lambda _: None)
    (found,) = problems(bus("a", kind="ft232h"))
    assert "bus.a.kind: a FT232H needs the package pyftdi" in found
    assert "pip install 'sensorbench[ft232h]'" in found


def test_a_part_that_holds_the_clock_is_refused_where_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = station(bus("a", kind="ft232h"))
    link = SimpleNamespace(bus="a")
    slow = devices()["sht4x"].model_copy(update={"stretch_s": 15e-3})
    (found,) = adapter_check.stretched(file, cast("Any", link), slow)
    assert "holds the clock for up to 15 ms, a FT232H waits for 0 ms" in found
    fine = station(bus("a", kind="mcp2221"))
    assert list(adapter_check.stretched(fine, cast("Any", link), slow)) == []


def test_a_stream_whose_burst_is_longer_than_the_longest_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = imus(tmp_path, 1, "slow")
    text = there.station_path.read_text()
    there.station_path.write_text(
        text.replace('[bus.bus0]\nkind = "simulated"', '[bus.bus0]\nkind = "mcp2221"')
    )
    check(there)
    burst = devices()["lsm6dso"].load_sensor().stream(rate=52.0).burst_bytes
    small = replace(ADAPTERS["mcp2221"], limits=Limits(60, burst - 1))
    monkeypatch.setitem(ADAPTERS, "mcp2221", small)
    assert (
        f"station.toml: bus.bus0.kind: the stream of IMU1 is read {burst} bytes at a time, a "
        f"MCP2221 reads {burst - 1} without a stop"
    ) in job_problems(there)


# -- locks -----------------------------------------------------------------------------------------


def test_one_adapter_has_one_key_whatever_names_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub.chips[1].is_plugged = False

    def keys(**written: Any) -> list[str]:
        return station_keys(station(bus("a", **written)), tcp_port)

    named = keys(kind="mcp2221", serial="A1")
    assert named == ["adapter mcp2221 A1"]
    assert keys(kind="mcp2221") == named
    # The kernel drives the same adapter as /dev/i2c-3.
    usb = tmp_path / "usb1" / "1-2"
    (usb / "1-2:1.2" / "i2c-3").mkdir(parents=True)
    for name, text in (("idVendor", "04d8"), ("idProduct", "00dd"), ("serial", "A1")):
        (usb / name).write_text(text + "\n")
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "i2c-3").symlink_to(usb / "1-2:1.2" / "i2c-3")
    monkeypatch.setattr(device_keys, "I2C_DEVICES", tmp_path / "devices")
    assert keys(kind="linux", device="/dev/i2c-3")[1:] == named


# -- the scan --------------------------------------------------------------------------------------


def at_usb(file: StationFile | None = None) -> list[tuple[str, str, str]]:
    return [(row.name, row.device, row.refused) for row in adapters(file) if row.kind == "mcp2221"]


@pytest.mark.usefixtures("hub")
def test_adapters_are_listed_with_their_numbers_and_pasted_with_what_is_on_them() -> None:
    assert at_usb() == [("mcp2221", "A1", ""), ("mcp2221x", "B2", "")]
    found = scan_adapter("A1", (), None, "mcp2221", "mcp2221")
    assert [(row.where, row.what) for row in found] == [("mcp2221 A1", "0x44 answers")]
    pasted = "\n".join(line for lines in lines_for(found, None) for line in lines)
    file = station(pasted)
    assert (file.bus["mcp2221"].kind, file.bus["mcp2221"].serial) == ("mcp2221", "A1")
    assert check_station(file) == []
    assert at_usb(file) == [("mcp2221", "A1", ""), ("mcp2221x", "B2", "")]
    (again,) = scan_adapter("A1", (), file, "mcp2221", "mcp2221")
    assert again.known == "socket S1"
    assert lines_for([again], file) == [[]]


def test_those_that_nobody_can_tell_apart_are_not_probed(hub: Hub) -> None:
    for chip in hub.chips:
        chip.tells_serial = False
    for _, device, refused in at_usb():
        assert device == "MCP2221"
        assert "give it one with the maker's tool" in refused
    hub.chips[0].is_plugged = False
    assert at_usb() == [("mcp2221", "", "")]


@pytest.mark.usefixtures("hub")
def test_an_adapter_that_another_program_holds_is_not_touched() -> None:
    with another("adapter mcp2221 A1") as process:
        (row,) = scan_adapter("A1", (), None, "mcp2221", "mcp2221")
    assert f"process {process.pid}" in row.what


# -- a station -------------------------------------------------------------------------------------


def test_a_station_opens_its_adapter_at_its_speed_and_gives_it_back(hub: Hub) -> None:
    file = station(bus("usb", kind="mcp2221", serial="A1", speed="200 kHz"))
    with open_station(file, VirtualClock()) as bench:
        assert bench._buses["usb"].transfer(0x44, b"") == b""
    assert hub.chips[0].speeds[-1] == 200_000
    with open_station(file, VirtualClock()):
        pass
    missing = station(bus("usb", kind="mcp2221", serial="C3"))
    told = r"usb: mcp2221 C3 can't be opened.*there are: A1, B2"
    with pytest.raises(LinkClosed, match=told), open_station(missing, VirtualClock()):
        pass
