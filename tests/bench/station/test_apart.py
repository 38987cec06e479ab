"""No line serves two instruments, and no adapter is two buses."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.documents import validate
from sensorbench.instruments.espec_p300.twin import SimEspecP300
from sensorbench.instruments.telling import Held
from sensorbench.links.mount import PtyMount
from sensorbench.station.model import StationFile
from sensorbench.station.preflight import check_station
from sensorbench.station.station import open_station
from sensorbench.world.world import World

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


SLOW = SERIAL | {"baud_rate": 1200}


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ({"link": SERIAL, "address": 1}, {"link": SERIAL, "address": 2}, ""),
        ({"link": SERIAL, "address": 1}, {"link": SERIAL, "address": 1}, "both have the address 1"),
        ({"link": SERIAL, "address": 1}, {"link": SERIAL}, "an `address` of its own"),
        ({"link": SERIAL, "address": 1}, {"link": SLOW, "address": 2}, "the same link for both"),
    ],
)
def test_one_cable_is_shared_by_those_with_addresses_of_their_own(
    one: dict[str, Any], other: dict[str, Any], why: str
) -> None:
    instruments = {"oven": {"model": P300} | one, "freezer": {"model": P300} | other}
    data = {"station": {"name": "s"}, "instrument": instruments}
    problems = check_station(validate(data, StationFile, "station.toml"))
    found = [p for p in problems if "too" in p.text]
    assert [p.key for p in found] == (["instrument.freezer.link"] if why else [])
    assert all(why in p.text for p in found)


class Cable:
    """Two P300 on one RS-485 cable: both hear every line, one answers."""

    def __init__(self, *twins: SimEspecP300) -> None:
        self._twins = twins
        self.terminators, self.reply_terminator = twins[0].terminators, twins[0].reply_terminator

    def handle(self, line: bytes) -> bytes | None:
        return next((r for r in [t.handle(line) for t in self._twins] if r is not None), None)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_two_chambers_on_one_cable_are_driven_each_by_itself() -> None:
    world = World(RealClock(), 1)
    ovens = [SimEspecP300(world, f"SIM-{n}", address=n) for n in (1, 2)]
    with PtyMount(Cable(*ovens), world=world.lock) as port:
        link = {"kind": "serial", "port": port.address}
        instruments = {
            name: {"model": P300, "link": link, "address": n}
            for n, name in enumerate(("oven", "freezer"), 1)
        }
        data = {"station": {"name": "s"}, "instrument": instruments}
        file = validate(data, StationFile, "station.toml")
        with open_station(file, RealClock()) as station:
            ends = [i.member("temperature") for i in station.instruments]
            for end, value in zip(ends, (85.0, -10.0), strict=True):
                end.go(value, None, None)
            told = [end.told() for end in ends]
    assert [t.value for t in told if isinstance(t, Held)] == [85.0, -10.0]
    assert [oven.running for oven in ovens] == [True, True]


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
