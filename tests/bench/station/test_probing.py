"""Probing a bus: everything that is there is found, and nobody notices."""

from __future__ import annotations

import pytest

from sensorbench.core.catalog import Device, devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotAcknowledged
from sensorbench.links.i2c import I2cTarget, SimulatedI2cBus
from sensorbench.links.tca9548a.driver import Multiplexers
from sensorbench.links.tca9548a.twin import Fault, SimTca9548a
from sensorbench.sensors.sbp1.driver import Sbp1
from sensorbench.station.probing import Answer, probe
from sensorbench.world.world import Place, World


class Logged:
    """A part whose every access is on record."""

    def __init__(self, inside: I2cTarget | None = None) -> None:
        self.inside = inside
        self.log: list[str] = []

    def receive(self, data: bytes) -> None:
        self.log.append(f"write {data.hex()}".strip())
        if self.inside is not None:
            self.inside.receive(data)

    def send(self, length: int) -> bytes:
        self.log.append(f"read {length}")
        return self.inside.send(length) if self.inside is not None else bytes(length)

    def general_call(self, data: bytes) -> None:
        self.log.append("general call")

    def alert(self) -> int | None:
        self.log.append("alert")
        return 1

    def alert_answered(self) -> None:
        self.log.append("alert answered")


class Transfers(SimulatedI2cBus):
    """A bus that keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__("bus0")
        self.asked: list[tuple[int, bytes, int]] = []

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        self.asked.append((address, write, read_length))
        return super().transfer(address, write, read_length)


def addresses(found: list[Answer]) -> list[int | None]:
    return [answer.address for answer in found]


def part(name: str, serial: str = "26000001", clock: VirtualClock | None = None) -> I2cTarget:
    twin: I2cTarget = devices()[name].load_twin()(
        Place(World(clock or VirtualClock()), serial, powered=False)
    )
    return twin


I2C = sorted((d for d in devices().values() if "i2c" in d.links), key=lambda d: d.name)


@pytest.mark.parametrize("device", I2C, ids=lambda device: device.name)
def test_every_part_is_found_and_nothing_is_written_or_read_at_it(device: Device) -> None:
    for address in device.addresses:
        bus, logged = SimulatedI2cBus("bus0"), Logged(part(device.name))
        bus.attach(address, logged)
        assert addresses(probe(bus)) == [address]
        # At EEPROMs' addresses a quick write is what may do harm.
        only = "read 1" if 0x30 <= address <= 0x37 or 0x50 <= address <= 0x5F else "write"
        assert logged.log == [only]


@pytest.mark.parametrize("device", I2C, ids=lambda device: device.name)
def test_a_reading_that_waits_in_a_part_is_still_there(device: Device) -> None:
    clock = VirtualClock()
    bus = SimulatedI2cBus("bus0")
    address = device.addresses[0]
    bus.attach(address, part(device.name, clock=clock))
    sensor = device.load_driver()(bus, address, clock)
    sensor.prepare()
    clock.sleep(sensor.start())
    probe(bus)
    assert len(sensor.read().values) == 1


def test_an_sht4x_that_refuses_reads_is_found() -> None:
    bus, twin = SimulatedI2cBus("bus0"), part("sht4x")
    bus.attach(0x44, twin)
    with pytest.raises(NotAcknowledged):
        bus.transfer(0x44, b"", 1)
    assert addresses(probe(bus)) == [0x44]


def test_nobody_is_called_together_and_no_alert_is_answered() -> None:
    bus, logged = Transfers(), Logged()
    bus.attach(0x48, logged)
    probe(bus)
    asked = {address for address, _, _ in bus.asked}
    assert asked == set(range(0x08, 0x78))
    assert logged.log == ["write"]
    assert {(w, r) for a, w, r in bus.asked if 0x30 <= a <= 0x37 or 0x50 <= a <= 0x5F} == {(b"", 1)}
    assert {(w, r) for a, w, r in bus.asked if not (0x30 <= a <= 0x37 or 0x50 <= a <= 0x5F)} == {
        (b"", 0)
    }


def test_an_address_that_the_kernel_uses_is_left_alone() -> None:
    bus, logged = SimulatedI2cBus("bus0"), Logged()
    bus.attach(0x68, logged)
    assert probe(bus, skip={0x68}) == []
    assert logged.log == []


@pytest.fixture
def muxed() -> tuple[SimulatedI2cBus, SimTca9548a, VirtualClock]:
    clock = VirtualClock()
    bus, mux = SimulatedI2cBus("bus0"), SimTca9548a()
    bus.attach(0x70, mux)
    world = World(clock)
    for channel, serial in enumerate(("26000001", "26000002")):
        twin = devices()["sbp1"].load_twin()(Place(world, serial, powered=False))
        mux.attach(channel, 0x28, twin)
    return bus, mux, clock


Bench = tuple[SimulatedI2cBus, SimTca9548a, VirtualClock]


@pytest.mark.parametrize("mask", [0x00, 0x01, 0x02, 0x80, 0x81])
def test_a_multiplexer_gets_its_mask_back(muxed: Bench, mask: int) -> None:
    bus, mux, _ = muxed
    mux.receive(bytes([mask]))
    found = probe(bus, {0x70})
    assert [(a.channel, a.address) for a in found] == [(0, 0x28), (1, 0x28)]
    assert found[0].where == "bus0, mux 0x70 channel 0"
    assert mux.send(1) == bytes([mask])


def test_who_reads_between_two_scans_never_reads_another_part(muxed: Bench) -> None:
    bus, _, clock = muxed
    mine = Sbp1(Multiplexers(bus, [0x70]).channel(0x70, 0), 0x28, clock)
    mine.prepare()
    own = mine.identify().serial
    for _ in range(3):
        for _ in probe(bus, {0x70}):
            assert mine.identify().serial == own


def test_the_mask_comes_back_where_the_scan_is_stopped(
    muxed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, mux, _ = muxed
    mux.receive(b"\x02")
    whole, number = bus.transfer, [0]

    def stopped(address: int, write: bytes, read_length: int = 0) -> bytes:
        number[0] += 1
        if number[0] == 150:
            raise KeyboardInterrupt
        return whole(address, write, read_length)

    monkeypatch.setattr(bus, "transfer", stopped)
    with pytest.raises(KeyboardInterrupt):
        probe(bus, {0x70})
    assert mux.send(1) == b"\x02"


def test_a_multiplexer_that_is_silent_is_named_and_the_others_are_looked_behind(
    muxed: Bench,
) -> None:
    bus, _, _ = muxed
    bus.attach(0x71, SimTca9548a(Fault.SILENT))
    found = probe(bus, {0x70, 0x71})
    assert "mux 0x71: the multiplexer does not acknowledge" in found[0].problem
    assert [a.channel for a in found[1:]] == [0, 1]


def test_a_mask_that_can_not_be_restored_is_told(muxed: Bench) -> None:
    bus, mux, _ = muxed
    mux.receive(b"\x01")
    mux.fault = Fault.STUCK
    told = [answer.problem for answer in probe(bus, {0x70})]
    assert any("mux 0x70 had the mask 0x01 before, which can't be restored" in t for t in told)


def test_a_held_bus_is_asked_once() -> None:
    bus = Transfers()
    bus.stuck = True
    (found,) = probe(bus)
    assert "the bus is held" in found.problem
    assert len(bus.asked) == 1


def test_a_channel_that_holds_the_bus_is_named_with_the_mask_that_was_there(muxed: Bench) -> None:
    bus, mux, _ = muxed
    mux.channels[0].stuck = True
    told = [answer.problem for answer in probe(bus, {0x70})]
    assert "the bus is held" in told[0]
    assert "mux 0x70 had the mask 0x00 before, which can't be restored" in told[-1]
