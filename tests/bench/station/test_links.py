"""station.toml's links: what an instrument is reached by is read, or refused with what is right."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.documents import validate
from sensorbench.core.errors import InputError
from sensorbench.links.line import LineSettings
from sensorbench.station.lines import open_line
from sensorbench.station.links import LineLink, SerialLink, TcpLink, VisaLink, settings_of
from sensorbench.station.machine import check_machine
from sensorbench.station.model import StationFile, load_station
from sensorbench.station.preflight import check_station

HEAD: dict[str, Any] = {"station": {"name": "s"}}


def station(link: dict[str, Any], model: str = "keysight_e36312a") -> StationFile:
    data = {**HEAD, "instrument": {"psu": {"model": model, "link": link}}}
    return validate(data, StationFile, "station.toml")


def refused(link: dict[str, Any]) -> str:
    with pytest.raises(InputError) as found:
        station(link)
    return str(found.value)


def link_of(link: dict[str, Any]) -> Any:
    return station(link).instrument["psu"].link


@pytest.mark.parametrize(
    ("link", "key", "said"),
    [
        ({"kind": "visa", "resource": "ASRL3::INSTR"}, "resource", '"COM3" on Windows'),
        ({"kind": "visa", "resource": "ASRL/dev/ttyUSB0::INSTR"}, "resource",
         'port = "/dev/ttyUSB0"'),
        ({"kind": "visa", "resource": "asrl1"}, "resource", 'kind = "serial"'),
        ({"kind": "visa", "resource": "TCPIP::192.0.2..20::5025::SOCKET"}, "resource", "no host"),
        ({"kind": "visa", "resource": "TCPIP::192.0.2.20::5025::SOCKT"}, "resource", "::SOCKET"),
        ({"kind": "visa", "resource": "USB0::INSTR"}, "resource", "is no VISA resource"),
        ({"kind": "visa", "resource": "GPIB0::x::INSTR"}, "resource", "GPIB0::5::INSTR"),
        ({"kind": "visa", "resource": "TCPIP::h::70000::SOCKET"}, "resource", "1 to 65535"),
        ({"kind": "visa", "resource": "TCPIP::h::0::SOCKET"}, "resource", "1 to 65535"),
        ({"kind": "visa", "resource": "TCPIP::h::x::SOCKET"}, "resource", "is no VISA resource"),
        ({"kind": "visa", "resource": "TCPIP::h::SOCKET"}, "resource", "is no VISA resource"),
        ({"kind": "visa", "resource": "TCPIP::h::5025"}, "resource", "is no VISA resource"),
        ({"kind": "visa", "resource": "USB::x::INSTR"}, "resource", "is no VISA resource"),
        ({"kind": "visa", "resource": "USB0::x::y::MY1::INSTR"}, "resource", "is no VISA resou"),
        ({"kind": "visa", "resource": "USB0::0x2A8D::0x1102::INSTR"}, "resource", "is no VISA res"),
        ({"kind": "visa", "resource": "USB0::99999::1::MY1::INSTR"}, "resource", "0xFFFF"),
        ({"kind": "visa", "resource": "GPIB0::40::INSTR"}, "resource", "GPIB address is 0 to 30"),
        ({"kind": "visa", "resource": "PXI0::3::INSTR"}, "resource", 'library = "@ivi"'),
        ({"kind": "visa", "resource": "vxi0::9"}, "resource", 'library = "@ivi"'),
        ({"kind": "serial", "port": "hwgrep://"}, "port", "hwgrep://0403:6001"),
        ({"kind": "visa", "resource": "GPIB0::5::40::INSTR"}, "resource", "or 96 to 126"),
        ({"kind": "tcp", "host": "psu", "port": "5025"}, "port", "write 5025 without quotes"),
        ({"kind": "i2c", "bus": "b", "address": "0x48"}, "address", "write 0x48 without quotes"),
        ({"kind": "i2c", "bus": "b", "address": "48h"}, "address", "write 0x48, not '48h'"),
        ({"kind": "i2c", "bus": "b", "address": "x"}, "address", "write a whole number, not 'x'"),
        ({"kind": "serial", "port": "COM3", "data_bits": "8"}, "data_bits", "write 8 without quo"),
        ({"kind": "visa", "resource": "MyDmm"}, "resource", 'library = "@ivi"'),
        ({"kind": "visa", "resource": ""}, "resource", "must not be empty"),
        ({"kind": "serial", "port": "ASRL3::INSTR"}, "port", 'write the port\'s own, "COM3"'),
        ({"kind": "serial", "port": " "}, "port", "such as COM3"),
        ({"kind": "serial", "port": "COM3", "baud_rate": -9600}, "baud_rate", "at least 50"),
        ({"kind": "serial", "port": "COM3", "parity": "E"}, "parity", "'even'"),
        ({"kind": "serial", "port": "COM3", "stop_bits": 3}, "stop_bits", "allowed: 1, 1.5, 2"),
        ({"kind": "serial", "port": "COM3", "data_bits": 9}, "data_bits", "7 or 8"),
        ({"kind": "serial", "port": "COM3", "flow_control": "hardware"}, "flow_control",
         "'rts/cts'"),
        ({"kind": "serial", "port": "loop://"}, "port", "supported: rfc2217, socket, hwgrep"),
        ({"kind": "serial", "port": "rfc2217://192.0.2.20"}, "port", "rfc2217://HOST:PORT"),
        ({"kind": "serial", "port": "socket://192.0.2..20:4001"}, "port", "is no host"),
        ({"kind": "serial", "port": "socket://192.0.2.20:99999"}, "port", "1 to 65535"),
        ({"kind": "serial", "port": "socket://192.0.2.20:4001", "baud_rate": 9600}, "baud_rate",
         "use rfc2217://"),
        ({"kind": "tcp", "host": "192.0.2..20"}, "host", "is no host"),
        ({"kind": "tcp", "host": ""}, "host", "is no host"),
        ({"kind": "tcp", "host": ".lab"}, "host", "is no host"),
        ({"kind": "tcp", "host": "192.0.2.300"}, "host", "four numbers from 0 to 255"),
        ({"kind": "tcp", "host": "192.0.2.20:5025"}, "host", "port = …"),
        ({"kind": "tcp", "host": "http://192.0.2.20"}, "host", "without //"),
        ({"kind": "tcp", "host": "my psu"}, "host", "letters, digits and hyphens"),
        ({"kind": "tcp", "host": "psu", "port": 70000}, "port", "at most 65535"),
        ({"kind": "tcp", "host": "psu", "terminator": ""}, "terminator", "CR, LF or CR LF"),
        ({"kind": "tcp", "host": "psu", "pause": "-1 s"}, "pause", "at least 0"),
        ({"kind": "tcp", "host": "psu", "timeout": 2}, "timeout", 'for example "2 s"'),
    ],
)  # fmt: skip
def test_a_link_that_can_not_be_is_refused_with_what_is_right(
    link: dict[str, Any], key: str, said: str
) -> None:
    found = refused(link)
    assert f"instrument.psu.link{'.' if key else ''}{key}: " in found
    assert said in found


@pytest.mark.parametrize(
    "link",
    [
        {"kind": "visa", "resource": "TCPIP::192.168.1.20::5025::SOCKET"},
        {"kind": "visa", "resource": "TCPIP0::psu-1.lab.example::inst0::INSTR"},
        {"kind": "visa", "resource": "TCPIP::192.168.1.20::hislip0::INSTR"},
        {"kind": "visa", "resource": "TCPIP0::192.168.1.20::INSTR"},
        {"kind": "visa", "resource": "USB0::0x2A8D::0x1102::MY1::INSTR"},
        {"kind": "visa", "resource": "USB0::0x2A8D::0x1102::MY1::0::INSTR"},
        {"kind": "visa", "resource": "USB0::10893::4354::MY1::0::INSTR"},
        {"kind": "visa", "resource": "TCPIP::[fe80::1]::5025::SOCKET"},
        {"kind": "visa", "resource": "GPIB0::5::INSTR"},
        {"kind": "visa", "resource": "GPIB0::30::96::INSTR"},
        {"kind": "visa", "resource": "GPIB::5"},
        {"kind": "visa", "resource": "MyDmm", "library": "@ivi"},
        {"kind": "serial", "port": "hwgrep://0403:6001"},
        {"kind": "tcp", "host": "fe80::1%eth0"},
        {"kind": "tcp", "host": "localhost."},
        {"kind": "tcp", "host": "psu_1"},
    ],
)
def test_links_as_people_write_them_are_read(link: dict[str, Any]) -> None:
    assert link_of(link).kind == link["kind"]


def test_what_a_link_says_goes_before_what_the_driver_knows() -> None:
    link = link_of({
        "kind": "serial", "port": "COM3", "baud_rate": 19200, "data_bits": 7, "parity": "even",
        "stop_bits": 2, "flow_control": "xon/xoff", "terminator": "CR LF", "reply_terminator": "CR",
        "timeout": "5 s", "pause": "50 ms",
    })  # fmt: skip
    assert settings_of(link, LineSettings()) == LineSettings(
        write_terminator="\r\n", read_terminator="\r", timeout_s=5.0, pause_s=0.05,
        baud_rate=19200, data_bits=7, parity="even", stop_bits=2, flow_control="xon/xoff",
    )  # fmt: skip
    bare = link_of({"kind": "serial", "port": "COM3"})
    own = LineSettings(baud_rate=38400, parity="odd", pause_s=0.1, write_terminator="\r")
    assert settings_of(bare, own) == own


def test_a_socket_port_is_a_plain_socket_and_a_library_reaches_visa(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Any] = []

    class Line:
        def __init__(self, *told: Any, **more: Any) -> None:
            opened.append((*told[:-2], *more.values()))

        def __enter__(self) -> Line:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    for module in ("tcp_line.TcpLine", "visa_line.VisaLine", "serial_line.SerialLine"):
        monkeypatch.setattr(f"sensorbench.links.{module}", Line)
    with ExitStack() as stack:
        for link in (
            SerialLink(kind="serial", port="socket://192.0.2.20:4001"),
            SerialLink(kind="serial", port="rfc2217://192.0.2.20:4001"),
            VisaLink(kind="visa", resource="MyDmm", library="/opt/libvisa.so"),
            TcpLink(kind="tcp", host="192.0.2.20"),
        ):
            open_line("x", link, LineSettings(tcp_port=9001), stack)
    assert opened == [
        ("192.0.2.20", 4001, "serial"), ("rfc2217://192.0.2.20:4001",),
        ("MyDmm", "/opt/libvisa.so"), ("192.0.2.20", 9001),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "install"),
    [
        ("USB0::0x2A8D::0x1102::MY1::INSTR", "pip install pyusb"),
        ("GPIB0::5::INSTR", "pip install gpib-ctypes"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    resource: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorbench.links.visa_line.find_spec", lambda _: None)
    (found,) = check_machine(station({"kind": "visa", "resource": resource}))
    assert found.key == "instrument.psu.link.resource"
    assert install in found.text
    vendor = {"kind": "visa", "resource": resource, "library": "@ivi"}
    assert check_machine(station(vendor)) == []


def test_no_terminator_is_the_driver_s_own() -> None:
    assert settings_of(LineLink(), LineSettings(read_terminator="\r")).read_terminator == "\r"


@pytest.mark.parametrize(
    ("library", "said"),
    [
        ("/opt/visa/libvisa.so", "/opt/visa/libvisa.so is not there"),
        (r"C:\\visa64.dll", "is not there"),
        ("@sim7", "@sim7 is a backend of PyVISA that is not installed here"),
        ("@", "is a backend of PyVISA that is not installed"),
        ("ivi", '"@ivi"'),
    ],
)
def test_a_visa_library_that_is_not_here_is_refused_by_check(library: str, said: str) -> None:
    link = {"kind": "visa", "resource": "TCPIP::h::5025::SOCKET", "library": library}
    (problem,) = check_machine(station(link))
    assert problem.key == "instrument.psu.link.library"
    assert said in problem.text


@pytest.mark.parametrize("library", ["@py", "@ivi", "libvisa.so", "libvisa.so.7", "visa64.dll"])
def test_a_visa_library_that_may_be_found_is_left_to_its_loader(library: str) -> None:
    link = {"kind": "visa", "resource": "TCPIP::h::5025::SOCKET", "library": library}
    assert check_machine(station(link)) == []


@pytest.mark.parametrize(
    ("link", "again"),
    [
        ('kind = "tcp", host = "10.0.0.5"', 'kind = "tcp", host = "10.0.0.5", port = 5025'),
        ('kind = "serial", port = "COM3"', 'kind = "serial", port = "com3"'),
        ('kind = "visa", resource = "GPIB::5"', 'kind = "visa", resource = "GPIB0::5::INSTR"'),
    ],
)
def test_one_device_under_two_names_is_refused(tmp_path: Path, link: str, again: str) -> None:
    """A copied table: each of both would undo what the other set."""
    file = tmp_path / "station.toml"
    entries = "".join(
        f'[instrument.{name}]\nmodel = "keysight_e36312a"\nlink = {{ {words} }}\n'
        for name, words in (("psu", link), ("other", again))
    )
    file.write_text(f'[station]\nname = "s"\n{entries}', encoding="utf-8")
    told = [str(problem) for problem in check_station(load_station(file))]
    assert any("instrument.other.link: is" in t and "instrument.psu is, too" in t for t in told)


def test_one_bus_under_two_names_is_refused(tmp_path: Path) -> None:
    """Each would believe another channel of one multiplexer to be on."""
    (tmp_path / "by-path").symlink_to("/dev/i2c-1")
    file = tmp_path / "station.toml"
    buses = "".join(
        f'[bus.{name}]\nkind = "linux"\ndevice = "{device}"\n'
        for name, device in (("a", "/dev/i2c-1"), ("b", tmp_path / "by-path"))
    )
    file.write_text(f'[station]\nname = "s"\n{buses}', encoding="utf-8")
    told = [str(problem) for problem in check_station(load_station(file))]
    assert any("bus.b.device: is" in text and "bus.a is, too" in text for text in told)
