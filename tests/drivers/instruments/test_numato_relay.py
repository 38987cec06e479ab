"""Numato relay module: driver and twin on the wire, then together."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, LinkTimeout, ProtocolError
from sensorbench.core.quantity import components
from sensorbench.instruments.members import Switch
from sensorbench.instruments.numato_relay.driver import NumatoRelay
from sensorbench.instruments.numato_relay.twin import SimNumatoRelay
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]


@pytest.fixture
def twin(world: World) -> SimNumatoRelay:
    return SimNumatoRelay(world, "SIM-K")


@pytest.fixture
def relays(twin: SimNumatoRelay, clock: VirtualClock) -> NumatoRelay:
    return NumatoRelay(InProcessLine(twin, NumatoRelay.LINE, "relays"), clock)


def closed(twin: SimNumatoRelay) -> list[float]:
    return [components(field.at(0.0))[0] for field in twin.contacts.values()]


# -- the driver on the wire: what stands before the prompt -------------------------------------


def test_a_relay_is_switched_and_read_back(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        ("relay on 0", "relay on 0\n\r"),
        ("relay read 0", "relay read 0\n\ron\n\r"),
        ("relay off 3", "relay off 3\n\n\r"),
        ("relay read 3", "relay read 3 \n\n\roff\n\r"),
    )
    relays = NumatoRelay(line, clock)
    relays.k1.close()
    relays.k4.open()


def test_a_relay_that_did_not_switch_is_told(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("relay on 1", "relay on 1\n\r"), ("relay read 1", "relay read 1\n\roff\n\r"))
    with pytest.raises(InstrumentError, match="k2 of scripted did not switch"):
        NumatoRelay(line, clock).k2.close()


@pytest.mark.parametrize("reply", ["", "on\n\r", "relay read 1\n\ron\n\r", "xx relay read 0\n\ron"])
def test_a_reply_without_its_echo_is_refused(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    line = scripted(("relay read 0", reply))
    with pytest.raises(ProtocolError, match="without its echo"):
        NumatoRelay(line, clock).is_closed("k1")


def test_neither_on_nor_off_is_refused(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("relay read 0", "relay read 0\n\rmaybe\n\r"))
    with pytest.raises(ProtocolError, match="'maybe', expected on or off"):
        NumatoRelay(line, clock).is_closed("k1")


def test_the_identity_is_read(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("id get", "id get\n\rLAB00017\n\r"), ("ver", "ver\n\r00000008\n\r"))
    identity = NumatoRelay(line, clock).identify()
    assert (identity.serial, identity.firmware) == ("LAB00017", "00000008")


def test_a_module_that_tells_nothing_is_refused(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(ProtocolError, match="'id get' was not answered"):
        NumatoRelay(scripted(("id get", "id get\n\r")), clock).identify()


# -- the twin on the wire ----------------------------------------------------------------------


def test_the_twin_answers_as_the_maker_s_program_expects(twin: SimNumatoRelay) -> None:
    # It reads 17 bytes and shows three from the 14th on.
    reply = (twin.handle(b"relay read 0") or b"") + twin.reply_terminator
    assert reply[14:17] == b"off"
    assert twin.handle(b"relay on 0") == b"relay on 0\n\r"
    reply = (twin.handle(b"relay read 0") or b"") + twin.reply_terminator
    assert reply[:17] == b"relay read 0\n\ron\n"
    assert reply.endswith(b">")


@given(st.integers(0, 15))
def test_all_relays_can_be_written_and_read_at_once(mask: int) -> None:
    twin = SimNumatoRelay(World(VirtualClock()), "SIM-K")
    twin.handle(f"relay writeall {mask:x}".encode())
    assert twin.handle(b"relay readall") == f"relay readall\n\r{mask:x}\n\r".encode()
    assert closed(twin) == [float(mask >> k & 1) for k in range(4)]


@pytest.mark.parametrize("line", [b"relay on 4", b"relay toggle 0", b"gpio set 0", b"relay on"])
def test_the_twin_refuses_what_it_does_not_know(twin: SimNumatoRelay, line: bytes) -> None:
    assert b"Bad command" in (twin.handle(line) or b"")
    assert closed(twin) == [0.0] * 4


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(4))
def test_every_contact_closes_and_opens(
    relays: NumatoRelay, twin: SimNumatoRelay, number: int
) -> None:
    name = f"k{number + 1}"
    contact = getattr(relays, name)
    assert isinstance(contact, Switch)
    assert contact.name == f"relays.{name}"
    contact.close()
    assert closed(twin) == [float(k == number) for k in range(4)]
    assert relays.is_closed(name)
    contact.open()
    assert closed(twin) == [0.0] * 4


def test_make_safe_opens_everything(relays: NumatoRelay, twin: SimNumatoRelay) -> None:
    relays.k1.close()
    relays.k3.close()
    relays.make_safe()
    assert closed(twin) == [0.0] * 4


def test_make_safe_tries_each_and_names_what_stays(
    relays: NumatoRelay, twin: SimNumatoRelay, world: World
) -> None:
    relays.k2.close()
    relays.k4.close()
    world.add_fault("SIM-K", Fault("dead"))
    with pytest.raises(InstrumentError, match=r"k2: .*k4: .*Unplug the module") as raised:
        relays.make_safe()
    assert "k1" not in str(raised.value)


def test_the_world_is_told_before_a_contact_moves(
    relays: NumatoRelay, twin: SimNumatoRelay, world: World
) -> None:
    seen: list[list[float]] = []
    world.listen(lambda: seen.append(closed(twin)))
    relays.k1.close()
    relays.k1.close()
    assert seen == [[0.0] * 4]


def test_a_welded_contact_is_not_seen_by_the_module(
    relays: NumatoRelay, twin: SimNumatoRelay, world: World
) -> None:
    relays.k1.close()
    world.add_fault("SIM-K", Fault("welded"))
    relays.k1.open()
    assert closed(twin)[0] == 1.0


def test_identifying_changes_nothing(relays: NumatoRelay, twin: SimNumatoRelay) -> None:
    relays.k2.close()
    assert relays.identify().serial == "SIM-K"
    assert closed(twin) == [0.0, 1.0, 0.0, 0.0]


def test_a_silent_module_times_out(relays: NumatoRelay, world: World) -> None:
    world.add_fault("SIM-K", Fault("silent"))
    with pytest.raises(LinkTimeout):
        relays.k1.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pty")
def test_driver_and_twin_talk_over_a_real_serial_port() -> None:
    twin = SimNumatoRelay(World(RealClock()), "SIM-K")
    with (
        PtyMount(twin) as mount,
        SerialLine(mount.address, NumatoRelay.LINE, "relays") as line,
    ):
        relays = NumatoRelay(line, RealClock())
        relays.identify()
        relays.k3.close()
        assert closed(twin) == [0.0, 0.0, 1.0, 0.0]
        relays.make_safe()
