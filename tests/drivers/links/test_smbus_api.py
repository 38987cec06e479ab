"""smbus2's API on a simulated bus: what goes over the wire, and the errors that Linux gives."""

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.errors import NotAcknowledged, ProtocolError, TransportError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.smbus_api import SimulatedSMBus, simulated_smbus_class

smbus2 = pytest.importorskip("smbus2", reason="smbus2 is installed on Linux only")


class Memory:
    """256 registers with a pointer, and a list of what was asked of it."""

    def __init__(self) -> None:
        self.registers = bytearray(range(256))
        self.log: list[str] = []
        self._pointer = 0

    def receive(self, data: bytes) -> None:
        self.log.append("W" + data.hex())
        if data:
            self._pointer = data[0]
            self.registers[data[0] : data[0] + len(data) - 1] = data[1:]

    def send(self, length: int) -> bytes:
        self.log.append(f"R{length}")
        return bytes(self.registers[(self._pointer + i) & 0xFF] for i in range(length))


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def bus(memory: Memory) -> SimulatedI2cBus:
    bus = SimulatedI2cBus("bus0")
    bus.attach(0x50, memory)
    return bus


@pytest.fixture
def smbus(bus: SimulatedI2cBus) -> SimulatedSMBus:
    return SimulatedSMBus(bus)


@pytest.mark.parametrize(
    ("call", "arguments", "wire", "result"),
    [
        ("write_quick", (), ["W"], None),
        ("read_byte", (), ["R1"], 0),
        ("write_byte", (0x12,), ["W12"], None),
        ("read_byte_data", (0x12,), ["W12", "R1"], 0x12),
        ("write_byte_data", (0x12, 0x34), ["W1234"], None),
        ("write_byte_data", (0x12, -1), ["W12ff"], None),
        ("read_word_data", (0x12,), ["W12", "R2"], 0x1312),
        ("write_word_data", (0x12, 0x3456), ["W125634"], None),
        ("process_call", (0x12, 0x3456), ["W125634", "R2"], 0x3456),
        ("read_block_data", (0x02,), ["W02", "R33"], [3, 4]),
        ("write_block_data", (0x12, [1, 2, 3]), ["W1203010203"], None),
        ("block_process_call", (0x12, [9, 8]), ["W12020908", "R33"], [9, 8]),
        ("read_i2c_block_data", (0x12, 3), ["W12", "R3"], [0x12, 0x13, 0x14]),
        ("write_i2c_block_data", (0x12, [1, 2, 3]), ["W12010203"], None),
    ],
)
def test_every_call_puts_the_protocol_s_bytes_on_the_wire(
    smbus: SimulatedSMBus,
    memory: Memory,
    call: str,
    arguments: tuple[Any, ...],
    wire: list[str],
    result: Any,
) -> None:
    assert getattr(smbus, call)(0x50, *arguments) == result
    assert memory.log == wire


def test_every_public_method_of_smbus2_is_there_with_its_arguments() -> None:
    for name, theirs in inspect.getmembers(smbus2.SMBus, inspect.isfunction):
        if not name.startswith("_"):
            ours = getattr(SimulatedSMBus, name)
            assert list(inspect.signature(ours).parameters) == list(
                inspect.signature(theirs).parameters
            ), name


@given(st.integers(0, 0xFFFF))
def test_a_word_is_read_back_as_written(word: int) -> None:
    bus = SimulatedI2cBus()
    bus.attach(0x50, Memory())
    smbus = SimulatedSMBus(bus)
    smbus.write_word_data(0x50, 0x10, word)
    assert smbus.read_word_data(0x50, 0x10) == word


def test_messages_are_joined_where_there_is_no_stop_between_them(
    smbus: SimulatedSMBus, memory: Memory, bus: SimulatedI2cBus
) -> None:
    other = Memory()
    bus.attach(0x51, other)
    read, read_other = smbus2.i2c_msg.read(0x50, 40), smbus2.i2c_msg.read(0x51, 2)
    smbus.i2c_rdwr(
        smbus2.i2c_msg.write(0x50, [0x10, 0xAA]),
        smbus2.i2c_msg.write(0x50, [0x10]),
        read,
        smbus2.i2c_msg.write(0x50, []),
        read_other,
    )
    assert bytes(read)[:2] == b"\xaa\x11"
    assert len(bytes(read)) == 40
    assert list(read_other) == [0, 1]
    assert memory.log == ["W10aa", "W10", "R40", "W"]


@pytest.mark.parametrize("messages", [0, 43])
def test_a_wrong_number_of_messages_is_invalid(smbus: SimulatedSMBus, messages: int) -> None:
    with pytest.raises(OSError, match="Errno 22"):
        smbus.i2c_rdwr(*[smbus2.i2c_msg.read(0x50, 1)] * messages)


def test_message_flags_that_are_not_modelled_are_refused(smbus: SimulatedSMBus) -> None:
    message = smbus2.i2c_msg.read(0x50, 1)
    message.flags |= 0x4000  # I2C_M_NOSTART
    with pytest.raises(OSError, match="Errno 95"):
        smbus.i2c_rdwr(message)


def test_a_missing_part_is_a_remote_io_error(smbus: SimulatedSMBus) -> None:
    with pytest.raises(OSError, match="Remote I/O error") as raised:
        smbus.read_byte(0x51)
    assert raised.value.errno == 121
    assert isinstance(raised.value.__cause__, NotAcknowledged)


def test_a_stuck_bus_is_a_time_out(smbus: SimulatedSMBus, bus: SimulatedI2cBus) -> None:
    bus.stuck = True
    with pytest.raises(OSError, match="timed out") as raised:
        smbus.read_byte(0x50)
    assert raised.value.errno == 110


def test_any_other_failure_of_the_bus_is_an_io_error(smbus: SimulatedSMBus, memory: Memory) -> None:
    def lose_arbitration(length: int) -> bytes:
        raise TransportError("arbitration lost")

    memory.send = lose_arbitration  # type: ignore[method-assign]
    with pytest.raises(OSError, match="Errno 5"):
        smbus.read_byte(0x50)


@pytest.mark.parametrize("count", [0, 33])
def test_a_block_count_that_smbus_forbids_is_a_protocol_error(
    smbus: SimulatedSMBus, memory: Memory, count: int
) -> None:
    memory.registers[0x20] = count
    with pytest.raises(OSError, match="Errno 71"):
        smbus.read_block_data(0x50, 0x20)


def test_an_address_of_more_than_7_bits_is_invalid(smbus: SimulatedSMBus) -> None:
    with pytest.raises(OSError, match="Errno 22"):
        smbus.read_byte(0x80)


def test_blocks_stop_at_32_bytes(smbus: SimulatedSMBus) -> None:
    for call in (smbus.write_block_data, smbus.write_i2c_block_data, smbus.block_process_call):
        with pytest.raises(ValueError, match="Data length cannot exceed 32 bytes"):
            call(0x50, 0, [0] * 33)
    with pytest.raises(ValueError, match="Desired block length over 32 bytes"):
        smbus.read_i2c_block_data(0x50, 0, 33)


def test_packet_error_checking_is_refused(smbus: SimulatedSMBus) -> None:
    smbus.pec = False
    assert smbus.pec == 0
    with pytest.raises(OSError, match="SMBUS_PEC is not a feature"):
        smbus.pec = True
    assert not smbus.funcs & smbus2.I2cFunc.SMBUS_PEC


def test_a_closed_bus_is_a_bad_file_descriptor(bus: SimulatedI2cBus) -> None:
    with SimulatedSMBus(bus, force=True) as smbus:
        assert smbus.force
    smbus.close()
    with pytest.raises(OSError, match="Errno 9"):
        smbus.read_byte(0x50)


def test_a_program_opens_its_bus_by_number_or_path(bus: SimulatedI2cBus) -> None:
    smbus_class = simulated_smbus_class({1: bus, "/dev/i2c-mux": bus})
    for name in (1, "/dev/i2c-1", "/dev/i2c-mux"):
        with smbus_class(name) as smbus:
            assert smbus.read_byte_data(0x50, 0x42) == 0x42
    late = smbus_class()
    late.open(1)
    late.write_quick(0x50)


def test_a_bus_that_is_not_there_is_a_missing_file(bus: SimulatedI2cBus) -> None:
    with pytest.raises(FileNotFoundError, match="/dev/i2c-2"):
        simulated_smbus_class({1: bus})(2)
    with pytest.raises(TypeError, match="Unexpected type"):
        simulated_smbus_class({1: bus})(1.5)


@pytest.mark.parametrize(
    "error", [NotImplementedError("not modelled"), ProtocolError("frame"), TransportError("lost")]
)
def test_whatever_a_twin_refuses_with_comes_as_an_oserror(
    smbus: SimulatedSMBus, bus: SimulatedI2cBus, error: Exception
) -> None:
    class Refusing(Memory):
        def receive(self, data: bytes) -> None:
            raise error

    bus.attach(0x51, Refusing())
    for call in (
        lambda: smbus.write_quick(0x51),
        lambda: smbus.read_i2c_block_data(0x51, 0, 4),
        lambda: smbus.i2c_rdwr(smbus2.i2c_msg.write(0x51, [1])),
    ):
        with pytest.raises(OSError, match="Input/output error") as raised:
            call()
        assert raised.value.errno == 5
