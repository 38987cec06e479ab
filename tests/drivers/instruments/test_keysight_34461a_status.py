"""The twin of the 34461A: what its status says of readings that run, wait and end."""

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.world.world import World

MEASURING, WAITING = b"16", b"32"


@pytest.fixture
def twin(world: World) -> SimKeysight34461a:
    return SimKeysight34461a(world, "SIM-DMM")


def test_the_operation_register_tells_measuring_from_waiting_for_a_trigger(
    twin: SimKeysight34461a, clock: VirtualClock
) -> None:
    twin.handle(b"SAMP:COUN 2;:TRIG:SOUR BUS;COUN 2;:INIT")
    assert twin.handle(b"STAT:OPER:COND?") == WAITING
    twin.handle(b"*TRG")
    assert twin.handle(b"STAT:OPER:COND?") == MEASURING
    clock.sleep(0.8)  # twice 0.4 s: at that very instant the first burst has ended
    assert twin.handle(b"STAT:OPER:COND?") == WAITING
    twin.handle(b"ABOR")
    assert twin.handle(b"STAT:OPER:COND?") == b"0"


def test_a_measurement_that_came_and_went_is_an_event(
    twin: SimKeysight34461a, clock: VirtualClock
) -> None:
    twin.handle(b"STAT:OPER:ENAB 16;:INIT")
    clock.sleep(10.0)
    assert twin.handle(b"STAT:OPER:COND?") == b"0"
    assert twin.handle(b"*STB?") == b"128"
    assert twin.handle(b"STAT:OPER:EVEN?;EVEN?") == b"16;0"


@pytest.mark.parametrize("command", [b"*RST", b"*CLS"])
def test_an_opc_that_waits_is_forgotten(
    twin: SimKeysight34461a, clock: VirtualClock, command: bytes
) -> None:
    twin.handle(b"*CLS;:SAMP:COUN 2;:INIT;*OPC")
    twin.handle(command)
    clock.sleep(10.0)
    assert twin.handle(b"*ESR?") == b"0"


def test_an_opc_is_told_where_the_readings_are_aborted(twin: SimKeysight34461a) -> None:
    assert twin.handle(b"*CLS;:SAMP:COUN 2;:INIT;*OPC;:ABOR;*ESR?") == b"1"
