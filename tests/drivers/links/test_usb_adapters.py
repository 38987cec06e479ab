"""USB-I2C adapters: the real libraries over HID and USB that are simulated, twins behind them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    LinkClosed,
    LinkTimeout,
    NotAcknowledged,
    ProtocolError,
    TransportError,
)
from sensorbench.core.provenance import Provenance
from sensorbench.links import usb_i2c
from sensorbench.links.adapters import ADAPTERS
from sensorbench.links.ft232h import Ft232hI2cBus, driver_hint
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.mcp2221 import Mcp2221I2cBus
from sensorbench.links.tca9548a.twin import SimTca9548a
from sensorbench.links.usb_i2c import UsbI2cBus
from sensorbench.station.probing import probe
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

hid = pytest.importorskip("hid")
pytest.importorskip("EasyMCP2221")
usbtools = pytest.importorskip("pyftdi.usbtools")

from . import fake_ft232h, fake_mcp2221  # noqa: E402 - they need pyusb


class Memory:
    """Registers with a pointer that auto-increments."""

    def __init__(self) -> None:
        self.registers = bytearray(range(256)) * 20
        self._pointer = 0

    def receive(self, data: bytes) -> None:
        if data:
            self._pointer = data[0]
            self.registers[data[0] : data[0] + len(data) - 1] = data[1:]

    def send(self, length: int) -> bytes:
        return bytes(self.registers[self._pointer : self._pointer + length])


@dataclass
class Usb:
    """What is plugged in, and how a bus of it is opened."""

    kind: str
    chips: list[Any]
    open: Callable[..., UsbI2cBus]
    move: Callable[[Any], None]


def hid_of(monkeypatch: pytest.MonkeyPatch, buses: dict[str, SimulatedI2cBus]) -> Usb:
    hub = fake_mcp2221.Hub(*(fake_mcp2221.Chip(name, bus) for name, bus in buses.items()))
    monkeypatch.setattr(hid, "enumerate", hub.enumerate)
    monkeypatch.setattr(hid, "device", hub.device)
    return Usb("mcp2221", hub.chips, Mcp2221I2cBus, lambda _: hub.chips.reverse())


def libusb_of(monkeypatch: pytest.MonkeyPatch, buses: dict[str, SimulatedI2cBus]) -> Usb:
    chips = [fake_ft232h.Chip(name, bus, k + 1) for k, (name, bus) in enumerate(buses.items())]
    backend = fake_ft232h.Backend(*chips)
    monkeypatch.setattr(usbtools.UsbTools, "_load_backend", lambda: backend)
    monkeypatch.setattr(usbtools.UsbTools, "UsbDevices", {})
    monkeypatch.setattr(usbtools.UsbTools, "Devices", {})

    class Told(Ft232hI2cBus):
        """A twin answers a read as a whole: it is told how long that will be."""

        def _exchange(self, address: int, write: bytes, read_length: int) -> bytes:
            for chip in chips:
                chip.read_length = read_length
            return super()._exchange(address, write, read_length)

    def move(chip: Any) -> None:
        chip.address += 20

    usb = Usb("ft232h", chips, Told, move)
    usb.backend = backend  # type: ignore[attr-defined]
    return usb


@pytest.fixture
def simulated() -> SimulatedI2cBus:
    bus = SimulatedI2cBus("behind")
    bus.attach(0x50, Memory())
    return bus


@pytest.fixture(params=[hid_of, libusb_of], ids=["mcp2221", "ft232h"])
def usb(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, simulated: SimulatedI2cBus
) -> Usb:
    found: Usb = request.param(monkeypatch, {"A1": simulated, "B2": SimulatedI2cBus("other")})
    found.chips[1].is_plugged = False
    return found


@pytest.fixture
def bus(usb: Usb) -> Iterator[UsbI2cBus]:
    with usb.open("A1", 400e3) as found:
        yield found


def test_a_transfer_writes_then_reads_with_no_stop_between(bus: UsbI2cBus, usb: Usb) -> None:
    bus.transfer(0x50, b"\x10\xaa\xbb")
    del usb.chips[0].wire[:]
    assert bus.transfer(0x50, b"\x0f", 4) == b"\x0f\xaa\xbb\x12"
    wire = usb.chips[0].wire
    assert [word for word in wire if word in {"S", "Sr", "P"}] == ["S", "Sr", "P"]
    assert bus.provenance is Provenance.HARDWARE
    assert bus.name == f"{usb.kind} A1"


def test_long_reads_and_writes_go_in_pieces_without_a_stop(bus: UsbI2cBus, usb: Usb) -> None:
    bus.transfer(0x50, bytes([0x10, *range(200)]))
    del usb.chips[0].wire[:]
    found = bus.transfer(0x50, b"\x10", 3000)
    assert found[:200] == bytes(range(200))
    assert len(found) == 3000
    assert usb.chips[0].wire.count("P") == 1


def test_what_an_adapter_cant_do_is_refused_before_anything_is_sent(
    bus: UsbI2cBus, usb: Usb
) -> None:
    bus.transfer(0x50, b"")
    del usb.chips[0].wire[:]
    longest = bus.LIMITS.longest_read
    with pytest.raises(TransportError, match=f"at most {longest} bytes without a stop.*nothing"):
        bus.transfer(0x50, b"\x10", longest + 1)
    with pytest.raises(TransportError, match="writes at most"):
        bus.transfer(0x50, bytes(bus.LIMITS.longest_write + 1))
    assert usb.chips[0].wire == []
    with pytest.raises(LinkClosed, match="kHz, not 3400"):
        usb.open("A1", 3.4e6)


def test_nobody_at_an_address_is_not_acknowledged_and_nothing_is_tried_twice(
    bus: UsbI2cBus, usb: Usb, caplog: pytest.LogCaptureFixture
) -> None:
    for write, length in ((b"", 0), (b"", 1), (b"\x01", 0), (b"\x01", 2)):
        del usb.chips[0].wire[:]
        with pytest.raises(NotAcknowledged, match=r"address 0x51: not acknowledged. Is the part"):
            bus.transfer(0x51, write, length)
        assert sum("0x51" in word for word in usb.chips[0].wire) <= 2 - (not write or not length)
    assert bus.transfer(0x50, b"\x10", 1) == b"\x10"
    assert caplog.records == []  # a scan has a hundred of them


def test_a_bus_that_is_held_is_told_and_works_once_it_is_let_go(
    bus: UsbI2cBus, simulated: SimulatedI2cBus
) -> None:
    simulated.stuck = True
    for write, length in ((b"", 0), (b"", 1), (b"\x01", 0), (b"\x01", 2)):
        with pytest.raises(LinkTimeout, match="address 0x50: the bus is held"):
            bus.transfer(0x50, write, length)
    simulated.stuck = False
    assert bus.transfer(0x50, b"\x10", 2) == b"\x10\x11"


def test_one_that_was_unplugged_is_opened_again_where_it_is_then(bus: UsbI2cBus, usb: Usb) -> None:
    bus.transfer(0x50, b"\x10\x77")
    bus.route = (0x70, 1)
    usb.chips[0].is_plugged = False
    with pytest.raises(LinkClosed, match=r"address 0x50: the adapter is gone.*Plug it in"):
        bus.transfer(0x50, b"\x10", 1)
    with pytest.raises(LinkClosed, match=r"no .* with the serial number A1 is plugged in"):
        bus.transfer(0x50, b"\x10", 1)
    usb.chips[0].is_plugged = usb.chips[1].is_plugged = True
    usb.move(usb.chips[0])
    assert bus.transfer(0x50, b"\x10", 1) == b"\x77"
    assert bus.route is None


def test_the_only_one_needs_no_number_and_stays_that_one(usb: Usb) -> None:
    with usb.open() as bus:
        assert bus.name == f"{usb.kind} A1"
        usb.chips[0].is_plugged = False
        with pytest.raises(LinkClosed):
            bus.transfer(0x50, b"")
        usb.chips[1].is_plugged = True
        with pytest.raises(LinkClosed, match="number A1 is plugged in; there are: B2"):
            bus.transfer(0x50, b"")


def test_two_without_a_number_and_a_wrong_number_name_those_there(usb: Usb) -> None:
    usb.chips[1].is_plugged = True
    with pytest.raises(LinkClosed, match=r"2 .*s are plugged in: A1, B2. Write `serial`"):
        usb.open()
    with pytest.raises(LinkClosed, match="number C3 is plugged in; there are: A1, B2"):
        usb.open("C3")
    usb.chips[0].is_plugged = usb.chips[1].is_plugged = False
    with pytest.raises(LinkClosed, match=r"can't be opened: no .* is plugged in"):
        usb.open()
    with pytest.raises(LinkClosed, match="with the serial number A1"):
        usb.open("A1")


def test_two_at_once_are_two_buses(usb: Usb) -> None:
    usb.chips[1].is_plugged = True
    usb.chips[1].bus.attach(0x51, Memory())
    with usb.open("A1") as one, usb.open("B2") as other:
        assert one.transfer(0x50, b"\x10", 1) == b"\x10"
        assert other.transfer(0x51, b"\x20", 1) == b"\x20"
        with pytest.raises(NotAcknowledged):
            one.transfer(0x51, b"\x20", 1)


def test_a_closed_one_says_so_and_can_be_opened_again(bus: UsbI2cBus, usb: Usb) -> None:
    bus.close()
    bus.close()
    with pytest.raises(LinkClosed, match="A1 is closed"):
        bus.transfer(0x50, b"")
    with usb.open("A1") as again:
        assert again.transfer(0x50, b"\x10", 1) == b"\x10"


def test_one_that_does_nothing_has_a_deadline(
    bus: UsbI2cBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading  # noqa: PLC0415

    forever = threading.Event()
    monkeypatch.setattr(usb_i2c, "DEADLINE_S", 0.05)
    monkeypatch.setattr(bus, "_exchange", lambda *_: forever.wait(20) and b"")
    with pytest.raises(LinkTimeout, match="address 0x50: the adapter did nothing"):
        bus.transfer(0x50, b"")
    forever.set()
    monkeypatch.undo()


def test_a_bus_with_a_multiplexer_is_probed(bus: UsbI2cBus, simulated: SimulatedI2cBus) -> None:
    mux = SimTca9548a()
    simulated.attach(0x70, mux)
    mux.attach(2, 0x44, Memory())
    found = {(a.channel, a.address) for a in probe(bus, {0x70}) if a.address}
    assert found == {(None, 0x50), (2, 0x44)}


class Bench:
    """A part's twin on the bus behind an adapter, and its driver at the adapter."""

    def __init__(self, name: str, bus: UsbI2cBus, behind: SimulatedI2cBus, fault: str = "") -> None:
        device, self.clock = devices()[name], VirtualClock()
        world = World(self.clock, 1)
        world.zone().bind("supply", Constant(3.3))
        if fault:
            world.add_fault("7", Fault(fault))
        address = device.addresses[0]
        behind.attach(address, device.load_twin()(Place(world, "7")))
        self.clock.sleep(1.0)
        self.part = device.load_driver()(bus, address, self.clock)

    def sample(self) -> Any:
        self.part.prepare()
        self.clock.sleep(self.part.start())
        return self.part.read().values[0]


@pytest.mark.parametrize("name", ["bmp280", "sht4x", "lsm6dso", "scd4x", "tmp117"])
def test_drivers_read_what_their_twins_are_in(
    name: str, bus: UsbI2cBus, simulated: SimulatedI2cBus
) -> None:
    bench = Bench(name, bus, simulated)
    straight = SimulatedI2cBus("straight")
    there = Bench(name, straight, straight)  # type: ignore[arg-type] - a bus is a bus
    assert bench.part.identify() == there.part.identify()
    assert list(bench.sample()) == list(there.sample())


def test_a_wrong_checksum_is_found_behind_an_adapter(
    bus: UsbI2cBus, simulated: SimulatedI2cBus
) -> None:
    bench = Bench("sht4x", bus, simulated, "crc")
    with pytest.raises(ProtocolError, match="CRC"):
        bench.sample()


def test_a_fifo_comes_in_one_burst(bus: UsbI2cBus, simulated: SimulatedI2cBus, usb: Usb) -> None:
    bench = Bench("lsm6dso", bus, simulated)
    bench.part.prepare()
    bench.part.open_stream()
    bench.clock.sleep(0.5)
    del usb.chips[0].wire[:]
    block = bench.part.drain()
    assert len(block.values) > 30
    assert usb.chips[0].wire.count("P") <= 3  # how much there is, and all of it


def test_every_kind_that_is_at_usb_is_in_the_table(usb: Usb) -> None:
    adapter = ADAPTERS[usb.kind]
    assert [one.serial for one in adapter.plugged()] == ["A1"]
    assert adapter.missing() == ""
    assert adapter.limits.address_alone


# -- what only one of them has ---------------------------------------------------------------------


def test_an_mcp2221_is_never_reset_and_its_flash_never_written(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedI2cBus
) -> None:
    usb = hid_of(monkeypatch, {"A1": simulated})
    chip = usb.chips[0]
    with usb.open("A1", 200e3) as bus:
        bus.transfer(0x50, b"\x10", 4)
        simulated.stuck = True
        with pytest.raises(LinkTimeout):
            bus.transfer(0x50, b"\x10", 4)
        chip.is_plugged = False
        with pytest.raises(LinkClosed):
            bus.transfer(0x50, b"\x10", 4)
        chip.is_plugged, simulated.stuck = True, False
        bus.transfer(0x50, b"\x10", 4)
    assert chip.forbidden == []
    assert chip.speeds[-1] == 200_000


def test_an_mcp2221_that_answers_no_report_is_gone(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedI2cBus
) -> None:
    usb = hid_of(monkeypatch, {"A1": simulated})
    with usb.open("A1") as bus:
        usb.chips[0].is_mute = True
        with pytest.raises(LinkClosed, match="the adapter is gone"):
            bus.transfer(0x50, b"\x10", 4)


def test_an_mcp2221_of_the_factory_tells_no_number(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedI2cBus
) -> None:
    usb = hid_of(monkeypatch, {"A1": simulated, "B2": simulated})
    for chip in usb.chips:
        chip.tells_serial = False
    with pytest.raises(LinkClosed, match=r"one without a serial number.*maker's tool"):
        usb.open()
    usb.chips[0].is_plugged = False
    with usb.open() as bus:
        assert bus.name == "mcp2221"
        assert bus.transfer(0x50, b"\x10", 1) == b"\x10"


def test_an_ft232h_that_may_not_be_opened_says_which_driver_it_needs(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedI2cBus
) -> None:
    usb = libusb_of(monkeypatch, {"A1": simulated})
    usb.backend.is_refused = True  # type: ignore[attr-defined]
    with pytest.raises(BenchError, match="Linux"):
        usb.open("A1")
    assert "libusbK with Zadig" in driver_hint("win32")
    assert "brew install libusb" in driver_hint("darwin")


@pytest.mark.parametrize(("kind", "module"), [("mcp2221", "hid"), ("ft232h", "pyftdi.ftdi")])
def test_without_its_library_an_adapter_says_which_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, kind: str, module: str
) -> None:
    import sys  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(LinkClosed, match=rf"pip install 'sensorbench\[{kind}\]'"):
        ADAPTERS[kind].open("", 100e3)
