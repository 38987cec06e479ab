"""Faults that every part on a bus can have: it browns out, or holds its bus."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import LinkTimeout, NotAcknowledged, SettingsLost
from sensorbench.links.tca9548a.driver import Tca9548a
from sensorbench.sensors.adxl355.driver import Adxl355
from sensorbench.sensors.bmp390.driver import Bmp390
from sensorbench.testing import simulated_bench

from ...workspaces import BUS, lot, problems, write

SOCKETS = """
[[socket]]
id = "A"
link = { bus = "bus0", address = 0x76 }
[[socket]]
id = "B"
link = { bus = "bus0", multiplexer = 0x70, channel = 0, address = 0x1D }
[[socket]]
id = "C"
link = { bus = "bus0", multiplexer = 0x70, channel = 1, address = 0x1D }
"""
FAULT = '\n[[simulation.fault]]\ndevice = "{}"\nkind = "{}"\nat = "2 s"\nuntil = "3 s"\n'
PART = '[part]\nname = "{0}"\ndriver = "{0}"\n[range.supply]\nnominal = "3.3 V"\n'
PARTS = {name: PART.format(name) for name in ("bmp390", "adxl355")}
LOTS = {"A": lot("A", "bmp390", ["a"], ["A"]), "B": lot("B", "adxl355", ["b", "c"], ["B", "C"])}


def workspace(root: Path, *faults: tuple[str, str]) -> Path:
    station = BUS + "".join(FAULT.format(*fault) for fault in faults) + SOCKETS
    return write(root, station=station, parts=PARTS, lots=LOTS).root


def test_a_part_that_browned_out_lost_its_settings_and_the_others_did_not(tmp_path: Path) -> None:
    clock = VirtualClock()
    bus = simulated_bench(workspace(tmp_path, ("a", "brown_out")), clock).buses["bus0"]
    switch = Tca9548a(bus, 0x70)
    switch.select(0x01)
    barometer, other = Bmp390(bus, 0x76, clock), Adxl355(bus, 0x1D, clock)
    for part in (barometer, other):
        part.prepare()
        clock.sleep(part.start())
        part.read()
    clock.sleep(2.1 - clock.now())
    with pytest.raises(NotAcknowledged, match="no supply"):
        barometer.start()
    clock.sleep(1.0)
    with pytest.raises(SettingsLost):
        barometer.start()
    clock.sleep(other.start())
    other.read()
    barometer.prepare()
    clock.sleep(barometer.start())
    barometer.read()


def test_a_brown_out_within_a_stream_is_an_error_and_no_gap(tmp_path: Path) -> None:
    clock = VirtualClock()
    bus = simulated_bench(workspace(tmp_path, ("a", "brown_out")), clock).buses["bus0"]
    part = Bmp390(bus, 0x76, clock)
    part.prepare()
    part.open_stream()
    clock.sleep(1.9 - clock.now())
    assert len(part.drain().values)
    clock.sleep(1.2)
    with pytest.raises(SettingsLost):
        part.drain()


def test_a_part_that_holds_its_bus_silences_all_that_are_connected_to_it(tmp_path: Path) -> None:
    clock = VirtualClock()
    bus = simulated_bench(workspace(tmp_path, ("c", "bus_held")), clock).buses["bus0"]
    switch = Tca9548a(bus, 0x70)
    switch.select(0x01)
    clock.sleep(2.5)
    bus.transfer(0x76, b"\x00", 1)
    bus.transfer(0x1D, b"\x00", 1)
    bus.transfer(0x70, b"\x02")
    for address in (0x76, 0x1D, 0x70):
        with pytest.raises(LinkTimeout, match="the bus is held"):
            bus.transfer(address, b"\x00", 1)
    clock.sleep(1.0)
    assert bus.transfer(0x76, b"\x00", 1) == b"\x60"


def test_what_can_be_wrong_with_every_part_is_accepted_and_named(tmp_path: Path) -> None:
    said = problems(write(tmp_path, '[[phase]]\nkind = "prompt"\nname = "p"\ntext = "?"\n',
                          BUS + FAULT.format("a", "tired") + SOCKETS, PARTS, LOTS))  # fmt: skip
    assert "fault 'tired' is not one of absent, brown_out, bus_held, drift" in said
