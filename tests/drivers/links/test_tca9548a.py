"""TCA9548A: the multiplexer's twin, its driver, and a channel as a bus of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import LinkTimeout, NotAcknowledged, ProtocolError, TransportError
from sensorbench.core.provenance import Provenance
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.smbus_api import SimulatedSMBus
from sensorbench.links.tca9548a.driver import MultiplexedBus, Multiplexers, Tca9548a
from sensorbench.links.tca9548a.twin import Fault, SimTca9548a
from sensorbench.sensors.sbp1.driver import Sbp1
from sensorbench.sensors.sbp1.twin import SimSbp1
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World


class Memory:
    """A target that always answers with its own byte."""

    def __init__(self, value: int) -> None:
        self.value = value

    def receive(self, data: bytes) -> None:
        pass

    def send(self, length: int) -> bytes:
        return bytes([self.value]) * length


class CountingBus(SimulatedI2cBus):
    """A simulated bus that remembers which addresses were talked to."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.log: list[tuple[int, bytes]] = []

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        self.log.append((address, write))
        return super().transfer(address, write, read_length)


class Bench:
    """Two multiplexers, each with a part at 0x28 behind channels 0, 3 and 7."""

    def __init__(self) -> None:
        self.root = CountingBus("bus0")
        self.twins = {0x70: SimTca9548a(), 0x71: SimTca9548a()}
        for address, twin in self.twins.items():
            self.root.attach(address, twin)
            for channel in (0, 3, 7):
                twin.attach(channel, 0x28, Memory((address & 0xF) << 4 | channel))
        self.multiplexers = Multiplexers(self.root, self.twins)

    def read(self, address: int, channel: int) -> int:
        return self.multiplexers.channel(address, channel).transfer(0x28, b"", 1)[0]


@pytest.fixture
def bench() -> Bench:
    return Bench()


SOCKETS = st.tuples(st.sampled_from([0x70, 0x71]), st.sampled_from([0, 3, 7]))


@given(st.lists(SOCKETS, max_size=20))
def test_each_socket_is_read_through_its_own_channel(sockets: list[tuple[int, int]]) -> None:
    bench = Bench()
    for address, channel in sockets:
        assert bench.read(address, channel) == (address & 0xF) << 4 | channel


@given(st.lists(st.tuples(st.booleans(), SOCKETS), max_size=20))
def test_whoever_shares_a_bus_reads_no_part_through_the_others_channel(
    turns: list[tuple[bool, tuple[int, int]]],
) -> None:
    bench = Bench()
    other = Multiplexers(bench.root, bench.twins)
    for is_other, (address, channel) in turns:
        mine = other if is_other else bench.multiplexers
        read = mine.channel(address, channel).transfer(0x28, b"", 1)[0]
        assert read == (address & 0xF) << 4 | channel


def test_no_other_channel_is_on_while_a_part_is_read(bench: Bench) -> None:
    bench.read(0x70, 3)
    bench.read(0x71, 7)
    assert Tca9548a(bench.root, 0x70).read_selected() == 0
    assert Tca9548a(bench.root, 0x71).read_selected() == 0x80


def test_channels_that_were_left_on_by_somebody_else_are_switched_off_first(bench: Bench) -> None:
    bench.root.transfer(0x70, b"\xff")
    assert bench.read(0x71, 0) == 0x10


def test_a_channel_that_stays_selected_costs_no_further_transfer(bench: Bench) -> None:
    bench.read(0x70, 3)
    bench.root.log.clear()
    for _ in range(3):
        bench.read(0x70, 3)
    assert bench.root.log == [(0x28, b"")] * 3


def test_changing_the_channel_of_one_multiplexer_leaves_the_other_alone(bench: Bench) -> None:
    bench.read(0x70, 3)
    bench.root.log.clear()
    bench.read(0x70, 7)
    assert bench.root.log == [(0x70, b"\x80"), (0x70, b""), (0x28, b"")]


def test_a_failed_transfer_names_bus_channel_and_address(bench: Bench) -> None:
    with pytest.raises(
        NotAcknowledged, match=r"^bus0, mux 0x70 channel 3, address 0x29: not acknowledged"
    ):
        bench.multiplexers.channel(0x70, 3).transfer(0x29, b"\x00")


def test_a_multiplexer_that_lost_its_supply_is_selected_again_after_the_failure(
    bench: Bench,
) -> None:
    bench.read(0x70, 3)
    bench.twins[0x70].reset()
    with pytest.raises(NotAcknowledged):
        bench.read(0x70, 3)
    assert bench.read(0x70, 3) == 0x03


def test_a_multiplexer_that_does_not_switch_is_never_read_through(bench: Bench) -> None:
    bench.read(0x70, 3)
    bench.twins[0x70].fault = Fault.STUCK
    with pytest.raises(ProtocolError, match="bus0, mux 0x70: the control register is 0x08 after"):
        bench.read(0x70, 7)


def test_a_silent_multiplexer_is_named(bench: Bench) -> None:
    bench.twins[0x71].fault = Fault.SILENT
    with pytest.raises(NotAcknowledged, match=r"^bus0, mux 0x71: the multiplexer does not ack"):
        bench.read(0x70, 3)


def test_a_part_that_holds_its_channel_holds_the_root_until_reset(bench: Bench) -> None:
    bench.read(0x70, 3)
    bench.twins[0x70].channels[3].stuck = True
    with pytest.raises(LinkTimeout, match="bus0, mux 0x70 channel 3, address 0x28: the bus is"):
        bench.read(0x70, 3)
    with pytest.raises(LinkTimeout):
        bench.read(0x71, 0)
    bench.twins[0x70].reset()
    assert bench.read(0x71, 0) == 0x10


def test_two_channels_on_at_once_pull_the_lines_low_together(bench: Bench) -> None:
    Tca9548a(bench.root, 0x70).select(0x88)
    assert bench.root.transfer(0x28, b"", 2) == bytes([0x03 & 0x07]) * 2


def test_the_last_byte_written_is_the_control_register(bench: Bench) -> None:
    bench.root.transfer(0x70, b"\x01\x80")
    assert bench.root.transfer(0x70, b"", 2) == b"\x80\x80"


def test_a_part_can_not_have_the_address_of_a_multiplexer(bench: Bench) -> None:
    with pytest.raises(TransportError, match="0x71 is the address of a multiplexer on bus0"):
        bench.multiplexers.channel(0x70, 0).transfer(0x71, b"\x01")


@pytest.mark.parametrize(("address", "channel"), [(0x72, 0), (0x70, 8), (0x70, -1)])
def test_a_channel_that_is_not_there_is_refused(bench: Bench, address: int, channel: int) -> None:
    with pytest.raises(ValueError, match=r"no mux 0x72; it has: 0x70, 0x71|channels 0 to 7"):
        bench.multiplexers.channel(address, channel)


def test_an_address_outside_the_straps_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="0x70 to 0x77, not 0x28"):
        Tca9548a(bench.root, 0x28)


def test_a_driver_sees_a_plain_bus() -> None:
    clock = VirtualClock()
    world = World(clock)
    world.zone().bind("supply", Constant(3.3))
    root, twin = SimulatedI2cBus("bus0"), SimTca9548a()
    root.attach(0x70, twin)
    twin.attach(3, 0x28, SimSbp1(Place(world, "10000001")))
    bus: MultiplexedBus = Multiplexers(root, [0x70]).channel(0x70, 3)
    assert Sbp1(bus, 0x28, clock).identify().serial == "10000001"
    assert bus.provenance is Provenance.SIMULATED
    world.zone().bind("supply", Constant(0.0))
    with pytest.raises(NotAcknowledged, match=r"channel 3, address 0x28: .*\(part 10000001 has no"):
        Sbp1(bus, 0x28, clock).start()


def test_a_multiplexer_behind_a_multiplexer_is_a_root_of_its_own() -> None:
    root, outer, inner = SimulatedI2cBus("bus0"), SimTca9548a(), SimTca9548a()
    root.attach(0x70, outer)
    outer.channels[1].attach(0x71, inner)
    inner.attach(2, 0x28, Memory(0x5A))
    bus = Multiplexers(Multiplexers(root, [0x70]).channel(0x70, 1), [0x71]).channel(0x71, 2)
    assert bus.name == "bus0, mux 0x70 channel 1, mux 0x71 channel 2"
    assert bus.transfer(0x28, b"", 1) == b"\x5a"


def test_a_channel_is_live_after_the_stop_and_not_before() -> None:
    """One i2c_rdwr has one stop, at its end (SCPS207F, section 8.5.4)."""
    i2c_msg = pytest.importorskip("smbus2").i2c_msg
    bench = Bench()
    bus = SimulatedSMBus(bench.root)
    on_3, read = i2c_msg.write(0x70, [0x08]), i2c_msg.read(0x28, 1)
    with pytest.raises(OSError, match="Remote I/O"):
        bus.i2c_rdwr(on_3, read)
    bus.i2c_rdwr(read)  # the stop has come
    assert list(read) == [0x03]
    bus.i2c_rdwr(i2c_msg.write(0x70, [0x80]), read)
    assert list(read) == [0x03]  # the old channel until the stop
    bus.i2c_rdwr(read)
    assert list(read) == [0x07]


# -- multiplexers behind multiplexers ----------------------------------------------------------


def two_deep() -> tuple[SimulatedI2cBus, SimTca9548a]:
    """Return a bus with a part behind channel 2 of 0x71, itself behind channel 3 of 0x70."""
    root, outer, inner = SimulatedI2cBus("bus0"), SimTca9548a(), SimTca9548a()
    outer.attach(3, 0x71, inner)
    inner.attach(2, 0x28, Memory(0x32))
    root.attach(0x70, outer)
    return root, outer


def test_a_multiplexer_behind_another_passes_on_what_is_behind_both() -> None:
    root, _ = two_deep()
    with pytest.raises(NotAcknowledged):
        root.transfer(0x71, b"\x04")
    root.transfer(0x70, b"\x08")
    with pytest.raises(NotAcknowledged):
        root.transfer(0x28, b"", 1)
    root.transfer(0x71, b"\x04")
    assert root.transfer(0x28, b"", 1) == b"\x32"
    root.transfer(0x70, b"\x00")
    with pytest.raises(NotAcknowledged):
        root.transfer(0x28, b"", 1)


def test_what_is_behind_a_multiplexer_goes_with_it() -> None:
    root, _ = two_deep()
    root.transfer(0x70, b"\x08")
    root.detach(0x70)
    with pytest.raises(NotAcknowledged):
        root.transfer(0x71, b"\x04")
