"""What a scan shows of a machine, and that whoever works there is left alone."""

from __future__ import annotations

import os
import re
import signal
import socket
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from sensorbench.core.catalog import devices
from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.links.smbus_api import simulated_smbus_class
from sensorbench.links.tca9548a.twin import SimTca9548a
from sensorbench.station import scan
from sensorbench.station.device_keys import bus_key, host_keys, serial_key, visa_keys
from sensorbench.station.model import StationFile
from sensorbench.station.pasting import lines_for
from sensorbench.station.scan import (
    Found,
    adapters,
    kernel_drivers,
    scan_adapter,
    scan_hosts,
    scan_ports,
    scan_usb,
)
from sensorbench.world.world import Place, World

from .test_locks import another

USB = "USB0::0x2A8D::0x1301::MY1::0::INSTR"


class Listening:
    """An instrument's twin whose every line is on record."""

    def __init__(self, twin: object) -> None:
        self.heard: list[bytes] = []
        self._twin = twin
        self.terminators = twin.terminators  # type: ignore[attr-defined]
        self.reply_terminator = twin.reply_terminator  # type: ignore[attr-defined]

    def handle(self, line: bytes) -> bytes | None:
        self.heard.append(line)
        found: bytes | None = self._twin.handle(line)  # type: ignore[attr-defined]
        return found


def station(text: str = "") -> StationFile:
    return StationFile.model_validate(tomllib.loads('[station]\nname = "b"\n' + text))


def instrument(model: str, link: str) -> str:
    return f'[instrument.it]\nmodel = "{model}"\nlink = {{ {link} }}\n'


@contextmanager
def served(model: str) -> Iterator[tuple[Listening, str, int]]:
    twin = Listening(devices()[model].load_twin()(World(RealClock()), "SIM-1"))
    with TcpMount(twin) as mount:
        host, port = mount.address.rsplit(":", 1)
        yield twin, host, int(port)


# -- hosts -----------------------------------------------------------------------------------------


def test_a_host_that_station_toml_names_says_who_it_is_and_is_only_asked() -> None:
    for link in ('kind = "tcp", host = "{}", port = {}',
                 'kind = "visa", resource = "TCPIP::{}::{}::SOCKET"'):  # fmt: skip
        with served("keysight_e36312a") as (twin, host, port):
            (row,) = scan_hosts(station(instrument("keysight_e36312a", link.format(host, port))))
            assert row.what.startswith("answers: Keysight")
            assert (row.known, row.where) == ("it", f"{host}:{port}")
            assert twin.heard == [b"*IDN?"]


def test_another_model_and_nobody_are_told_in_words() -> None:
    with served("keysight_34461a") as (_, host, port):
        link = f'kind = "tcp", host = "{host}", port = {port}'
        (row,) = scan_hosts(station(instrument("keysight_e36312a", link)))
        assert "expected an E36312A" in row.what
    (row,) = scan_hosts(station(instrument("keysight_e36312a", link)))
    assert f"{host}:{port}" in row.what
    assert "answers" not in row.what


def test_an_instrument_that_a_run_holds_is_not_asked_until_the_run_is_killed() -> None:
    with served("keysight_e36312a") as (twin, host, port):
        link = f'kind = "tcp", host = "{host}", port = {port}'
        file = station(instrument("keysight_e36312a", link))
        with another(*host_keys(host, port)) as process:
            (row,) = scan_hosts(file)
            assert f"`the other bench` of process {process.pid}" in row.what
            assert twin.heard == []
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            (row,) = scan_hosts(file)
            assert row.what.startswith("answers")


def test_a_printer_is_never_asked_nor_what_a_question_puts_into_remote(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def connect(*_: object) -> socket.socket:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(socket.socket, "connect", connect)
    for link in ('kind = "tcp", host = "127.0.0.1", port = 9100',
                 'kind = "visa", resource = "TCPIP::127.0.0.1::9100::SOCKET"'):  # fmt: skip
        (row,) = scan_hosts(station(instrument("keysight_e36312a", link)))
        assert row.what == "port 9100 is a printer's; not asked"
    for resource in ("TCPIP::127.0.0.1::INSTR", "GPIB0::5::INSTR"):
        link = f'kind = "visa", resource = "{resource}"'
        (row,) = scan_hosts(station(instrument("keysight_e36312a", link)))
        assert row.where == resource
        assert row.what.startswith("not asked")


ASKING = re.compile(
    rb"\*IDN\?|\*LANG\?|TYPE\?|ACL\?|id get|ver|ID\?|PRESsure:MODule1:STABle\?"
    rb"|IDEN\?|CCNF\d\?|TMPS\?|VRSN\?"  # Thermotron
    rb"|.[\x03\x04].{6}"  # Modbus RTU: functions that read
    rb"|(?P<unit>[\x80-\xd0])(?P=unit)R.{5}"  # AIBUS: the command that reads
    rb"|\x02\d\d(AMI|RRD).*"  # PC-LINK: who it is, registers
    rb"|(99997|11018|11023)\xb6.*",  # SimServ: who it is, how many values it has, their names
    re.DOTALL,
)
LINES = sorted(
    device.name
    for device in devices().values()
    if device.kind == "instrument" and {"tcp", "serial"} & set(device.links)
)


@pytest.mark.parametrize("model", LINES)
def test_opening_and_identifying_only_ask(model: str) -> None:
    """No *RST, no *CLS, no remote: whoever works at the instrument notices nothing."""
    device = devices()[model]
    twin = Listening(device.load_twin()(World(RealClock()), "SIM-1"))
    driver = device.load_driver()
    with InProcessLine(twin, driver.LINE, model) as line:
        driver(line, RealClock()).identify()
    assert twin.heard
    assert all(ASKING.fullmatch(line) for line in twin.heard)


# -- ports and USB ---------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pty")
def test_a_serial_port_is_listed_named_and_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = Listening(devices()["espec_p300"].load_twin()(World(RealClock()), "SIM-1"))
    with PtyMount(twin) as mount:
        port = mount.address
        there = [SimpleNamespace(device=port, description="n/a")]
        monkeypatch.setattr(list_ports, "comports", lambda: there)

        def opened(*_: object, **__: object) -> None:
            raise AssertionError("the port was opened")

        monkeypatch.setattr("serial.Serial", opened)
        (row,) = scan_ports(None)
        assert row.what == "serial port; not opened"
        assert "espec_p300" in row.may_be
        assert f'# link = {{ kind = "serial", port = "{port}" }}' in lines_for([row], None)[0]
        file = station(instrument("espec_p300", f'kind = "serial", port = "{port}"'))
        (row,) = scan_ports(file)
        assert row.known == "it"
        assert lines_for([row], file) == [[]]
        with another(serial_key(port)) as process:
            (row,) = scan_ports(None)
            assert f"process {process.pid}" in row.what
        assert twin.heard == []


def test_usb_instruments_are_listed_without_searching_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pyvisa_py import highlevel  # noqa: F401, PLC0415 - it registers the sessions
    from pyvisa_py.sessions import Session  # noqa: PLC0415

    def searched() -> list[str]:
        raise AssertionError("the network, GPIB or a port was searched")

    from pyvisa.constants import InterfaceType  # noqa: PLC0415

    kinds = {
        key: SimpleNamespace(list_resources=searched)
        for key, _ in Session.iter_valid_session_classes()
        if key[0] != InterfaceType.usb  # it is there where libusb is
    }
    usb = SimpleNamespace(list_resources=lambda: [USB])
    everything = [*kinds.items(), ((InterfaceType.usb, "INSTR"), usb)]
    monkeypatch.setattr(Session, "iter_valid_session_classes", lambda: iter(everything))
    (row,) = scan_usb(None)
    assert row.where == USB
    assert row.what == "USB instrument 0x2A8D:0x1301, number MY1; not asked"
    with another(*visa_keys(USB)) as process:
        (row,) = scan_usb(None)
        assert f"process {process.pid}" in row.what


# -- I2C adapters ----------------------------------------------------------------------------------


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimulatedI2cBus:
    """/dev/i2c-1 with an SHT4x, and an SBP1 behind a multiplexer's channel 3."""
    smbus2 = pytest.importorskip("smbus2")
    bus, mux, world = SimulatedI2cBus("bus"), SimTca9548a(), World(VirtualClock())
    bus.attach(0x44, devices()["sht4x"].load_twin()(Place(world, "0F3A1100", powered=False)))
    bus.attach(0x70, mux)
    mux.attach(3, 0x28, devices()["sbp1"].load_twin()(Place(world, "26000001", powered=False)))
    monkeypatch.setattr(smbus2, "SMBus", simulated_smbus_class({1: bus}))
    monkeypatch.setattr(scan, "I2C_DEVICES", tmp_path)
    return bus


@pytest.mark.usefixtures("adapter")
def test_what_is_new_can_be_pasted_into_station_toml() -> None:
    found = scan_adapter("/dev/i2c-1", {0x70}, None, "i2c1")
    assert [(row.where, row.what, row.may_be) for row in found] == [
        ("/dev/i2c-1", "0x44 answers", ("gxht30", "sht3x", "sht4x")),
        ("/dev/i2c-1, mux 0x70 channel 3", "0x28 answers", ("sbp1",)),
    ]
    pasted = "\n".join(line for lines in lines_for(found, None) for line in lines)
    file = station(pasted)
    assert [socket.link for socket in file.socket] == [row.place for row in found]
    assert file.bus["i2c1"].device == "/dev/i2c-1"
    again = scan_adapter("/dev/i2c-1", {0x70}, file, "i2c1")
    assert [row.known for row in again] == ["socket S1", "socket S2"]
    assert lines_for(again, file) == [[], []]


@pytest.mark.usefixtures("adapter")
def test_a_multiplexer_is_only_looked_behind_where_somebody_says_it_is_one() -> None:
    found = scan_adapter("/dev/i2c-1", (), None, "i2c1")
    assert [row.what for row in found] == ["0x44 answers", "0x70 answers"]
    assert "tca9548a" in found[1].may_be
    assert "--multiplexer /dev/i2c-1:0x70 looks behind it" in found[1].notes[0]


@pytest.mark.usefixtures("adapter")
def test_where_being_addressed_starts_a_conversion_the_scan_says_so() -> None:
    *_, behind = scan_adapter("/dev/i2c-1", {0x70}, None, "i2c1")
    assert behind.notes == (
        "if it is a HYT or ChipCap 2, being addressed has started a conversion",
    )


@pytest.mark.usefixtures("adapter")
def test_a_device_file_says_that_being_addressed_starts_a_conversion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = devices()["sht4x"].model_copy(update={"starts_when_addressed": True})
    monkeypatch.setattr(scan, "devices", lambda: {"sht4x": own})
    first, *_ = scan_adapter("/dev/i2c-1", {0x70}, None, "i2c1")
    assert first.notes == ("if it is a sht4x, being addressed has started a conversion",)


def test_a_bus_that_another_program_holds_is_not_touched(
    adapter: SimulatedI2cBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(*_: object) -> list[object]:
        raise AssertionError("the bus was touched")

    monkeypatch.setattr(adapter, "reach", touched)
    with another(bus_key("/dev/i2c-1")) as process:
        (row,) = scan_adapter("/dev/i2c-1", {0x70}, None, "i2c1")
    assert f"`the other bench` of process {process.pid}" in row.what


def test_an_adapter_that_can_not_send_an_address_alone_sends_nothing(
    adapter: SimulatedI2cBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    smbus2 = pytest.importorskip("smbus2")
    whole = smbus2.SMBus

    class Without(whole):  # type: ignore[misc,valid-type]
        def open(self, bus: object) -> None:
            super().open(bus)
            self.funcs &= ~0x10000

    monkeypatch.setattr(smbus2, "SMBus", Without)
    monkeypatch.setattr(adapter, "reach", lambda _: pytest.fail("the bus was touched"))
    (row,) = scan_adapter("/dev/i2c-1", {0x70}, None, "i2c1")
    assert "can't send an address alone" in row.what


def test_what_the_kernel_uses_is_named_and_not_touched(
    adapter: SimulatedI2cBus, tmp_path: Path
) -> None:
    (tmp_path / "1-0044").mkdir()
    (tmp_path / "drivers" / "sht4x").mkdir(parents=True)
    (tmp_path / "1-0044" / "driver").symlink_to(tmp_path / "drivers" / "sht4x")
    (tmp_path / "1-0050").mkdir()  # a device without a driver
    assert kernel_drivers("/dev/i2c-1") == {0x44: "sht4x"}
    assert adapter.targets
    found = scan_adapter("/dev/i2c-1", {0x70}, None, "i2c1")
    assert found[0].what == "0x44 belongs to the kernel's driver sht4x; not touched"
    assert [row.what for row in found[1:]] == ["0x28 answers"]


def test_the_computers_own_adapters_are_probed_only_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = {"i2c-0": "SMBus I801 adapter at efa0", "i2c-1": "bcm2835 (i2c@7e804000)",
             "i2c-2": "i915 gmbus dpb"}  # fmt: skip
    for name, text in names.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(text + "\n")
    monkeypatch.setattr(scan, "I2C_DEVICES", tmp_path)
    monkeypatch.setattr(Path, "glob", lambda *_: iter([Path("/dev") / name for name in names]))
    rows = list(adapters(None))
    assert [(name, bool(refused)) for name, _, refused, kind in rows if kind == "linux"] == [
        ("i2c0", True), ("i2c1", False), ("i2c2", True),
    ]  # fmt: skip
    file = station('[bus.own]\nkind = "linux"\ndevice = "/dev/i2c-2"\n')
    assert ("own", "/dev/i2c-2", "", "linux") in list(adapters(file))


def test_what_station_toml_has_and_nobody_answers_for_is_named(
    adapter: SimulatedI2cBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = '[bus.i2c1]\nkind = "linux"\ndevice = "/dev/i2c-1"\n'
    sockets = "".join(
        f'[[socket]]\nid = "H{n}"\nlink = {{ bus = "i2c1", address = {0x44 + n:#04x} }}\n'
        for n in range(3)
    )
    port = instrument("espec_p300", 'kind = "serial", port = "/dev/nowhere"')
    file = station(bus + sockets + port)
    assert 0x44 in adapter.targets
    *_, last = scan_adapter("/dev/i2c-1", {0x70}, file, "i2c1")
    assert last.what.startswith("no answer of socket H1 (0x45), socket H2 (0x46).")
    monkeypatch.setattr(list_ports, "comports", list)
    (row,) = scan_ports(file)
    assert (row.known, row.what) == ("it", "is not there. Is its adapter plugged in?")
    usb = station(instrument("keysight_34461a", f'kind = "visa", resource = "{USB}"'))
    monkeypatch.setattr(scan, "usb_resources", list)
    (row,) = scan_usb(usb)
    assert row.known == "it"
    assert "is not there" in row.what


def test_rows_that_only_say_something_have_no_lines() -> None:
    assert lines_for([Found("USB", "can't be looked at")], None) == [[]]
