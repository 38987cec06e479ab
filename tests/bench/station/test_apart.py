"""No line serves two instruments, and no adapter is two buses."""

from __future__ import annotations

from typing import Any

import pytest

from sensorbench.core.documents import validate
from sensorbench.station.model import StationFile
from sensorbench.station.preflight import check_station

SERIAL = {"kind": "serial", "port": "/dev/ttyUSB7"}
P300, PSU = "espec_p300", "keysight_e36312a"


def found(*entries: tuple[str, dict[str, Any]], bus: Any = None) -> list[tuple[str, str]]:
    instruments = {
        f"i{number}": {"model": model, "link": link} for number, (model, link) in enumerate(entries)
    }
    data: dict[str, Any] = {"station": {"name": "s"}, "instrument": instruments}
    if bus:
        data["bus"] = bus
    file = validate(data, StationFile, "station.toml")
    return [(p.key, p.text) for p in check_station(file) if "too" in p.text]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((P300, SERIAL), (P300, SERIAL | {"baud_rate": 19200})),
        ((P300, SERIAL), ("ideal_aerosmith", SERIAL)),
        ((P300, {"kind": "serial", "port": "COM3"}), (P300, {"kind": "serial", "port": "com3"})),
        ((PSU, {"kind": "tcp", "host": "psu.lab"}), (PSU, {"kind": "tcp", "host": "PSU.lab."})),
        ((PSU, {"kind": "tcp", "host": "h"}), (PSU, {"kind": "tcp", "host": "h", "port": 5025})),
        ((PSU, {"kind": "tcp", "host": "h"}),
         (PSU, {"kind": "visa", "resource": "TCPIP0::h::5025::SOCKET"})),
        ((PSU, {"kind": "visa", "resource": "TCPIP::h::INSTR"}),
         (PSU, {"kind": "visa", "resource": "tcpip0::h::inst0::instr"})),
        ((PSU, {"kind": "visa", "resource": "TCPIP::h"}),
         (PSU, {"kind": "visa", "resource": "TCPIP::h::INSTR"})),
        ((P300, {"kind": "serial", "port": "socket://h:4001"}),
         (P300, {"kind": "tcp", "host": "h", "port": 4001})),
    ],
)  # fmt: skip
def test_a_line_that_two_instruments_have_is_refused(
    one: tuple[str, dict[str, Any]], other: tuple[str, dict[str, Any]]
) -> None:
    ((key, text),) = found(one, other)
    assert key == "instrument.i1.link"
    assert "instrument.i0 is, too: each needs a line of its own" in text


def test_two_addresses_on_one_cable_need_a_line_each() -> None:
    instruments = {
        f"i{address}": {"model": P300, "link": SERIAL, "address": address} for address in (1, 2)
    }
    data = {"station": {"name": "s"}, "instrument": instruments}
    problems = check_station(validate(data, StationFile, "station.toml"))
    assert [p.key for p in problems if "too" in p.text] == ["instrument.i2.link"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"kind": "tcp", "host": "h"}, {"kind": "tcp", "host": "h", "port": 5026}),
        ({"kind": "tcp", "host": "h"}, {"kind": "tcp", "host": "h2"}),
        ({"kind": "visa", "resource": "TCPIP::h::inst1::INSTR"},
         {"kind": "visa", "resource": "TCPIP::h::INSTR"}),
        ({"kind": "visa", "resource": "TCPIP1::h::INSTR"},
         {"kind": "visa", "resource": "TCPIP::h::INSTR"}),
    ],
)  # fmt: skip
def test_lines_that_differ_are_two(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert found((PSU, one), (PSU, other)) == []


def test_an_adapter_is_one_bus() -> None:
    bus = {name: {"kind": "linux", "device": "/dev/i2c-7"} for name in ("a", "b")}
    assert found(bus=bus) == [("bus.b.device", "is /dev/i2c-7, which bus.a is, too")]
