"""What an instrument owes the bench over a real port: sessions, and replies that go wrong there."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from sensorbench.core.clock import RealClock
from sensorbench.core.device import Source
from sensorbench.core.errors import BenchError, TransportError
from sensorbench.core.provenance import Identity
from sensorbench.instruments.members import setpoints_of
from sensorbench.links.line import LineSettings, LineTwin
from sensorbench.links.mount import Fault, PtyMount, TcpMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.testing.conformity import Nonconformity, only, refusal, require
from sensorbench.testing.instrument_use import inside
from sensorbench.testing.world import SERIAL, Case
from sensorbench.world.world import World

_SOON_S = 0.12
_SPEED = 100.0
_TRIES = 20
_FAULTS: Mapping[str, Fault] = {
    "that never comes": Fault(cut_after=0),
    "that is cut": Fault(cut_after=2),
    "that is late": Fault(late_s=1.5 * _SOON_S),
    "that comes behind noise": Fault(noise=b"\xff\x00\x7f"),
    "that comes twice": Fault(doubled=True),
    "whose connection is lost": Fault(cut_after=2, drop=True),
}


def has_port(case: Case) -> bool:
    """Return whether an instrument is reached over a port of its own."""
    return case.device.mount is not None and "members" not in case.device.links


def _has_tcp(case: Case) -> bool:
    return has_port(case) and case.device.mount == "tcp"


def _twin(case: Case) -> LineTwin:
    world = World(RealClock(speed=_SPEED), 3)
    twin: LineTwin = case.device.load_twin()(world, SERIAL, **case.options, **case.twin_options)
    return twin


@contextmanager
def _served(case: Case) -> Iterator[PtyMount | TcpMount]:
    with (PtyMount if case.device.mount == "pty" else TcpMount)(_twin(case)) as mount:
        yield mount


@contextmanager
def _driven(case: Case, mount: PtyMount | TcpMount, settings: LineSettings) -> Iterator[Any]:
    name = case.device.name
    line = (
        TcpLine("127.0.0.1", mount.port, settings, name)
        if isinstance(mount, TcpMount)
        else SerialLine(mount.address, settings, name)
    )
    with line:
        clock = RealClock(speed=_SPEED)
        yield case.load_driver()(line, clock, **case.options, **case.driver_options)


def _asked(made: Any) -> Identity:
    """Return who it is: on a machine that is busy a short deadline may pass a few times."""
    for tries_left in reversed(range(_TRIES)):
        try:
            found: Identity = made.identify()
        except TransportError:
            if not tries_left:
                raise
        else:
            return found
    raise AssertionError("unreachable")


@only(has_port)
def check_real_port(case: Case) -> None:
    """The driver works over the twin's real port."""
    driver = case.load_driver()
    with _served(case) as mount, _driven(case, mount, driver.LINE) as made:
        made.identify()
        for name, declared in setpoints_of(driver).items():
            if not declared.vector:
                limit = declared.limit_rated[0] if declared.limit_rated else None
                getattr(made, name).go(inside(declared, 0.5), None, limit)
        if isinstance(made, Source):
            made.make_safe()


@only(_has_tcp)
def check_sessions(case: Case) -> None:
    """The twin takes as many connections at once as the driver says, and gives a free one again."""
    settings: LineSettings = case.load_driver().LINE
    with _served(case) as mount, ExitStack() as stack:

        def asks() -> ExitStack:
            own = stack.enter_context(ExitStack())
            own.enter_context(_driven(case, mount, settings)).identify()
            return own

        first, *_ = [asks() for _ in range(settings.sessions)]
        with refusal(TransportError, f"the twin takes more than {settings.sessions} sessions"):
            asks()
        first.close()
        asks()


@only(has_port)
def check_replies_on_its_port(case: Case) -> None:
    """A reply that is late, cut, doubled or lost on its port is none of the next question's."""
    quick = replace(case.load_driver().LINE, timeout_s=_SOON_S, pause_s=0.0)
    with _served(case) as mount, _driven(case, mount, quick) as made:
        known = _asked(made)
        for what, fault in _FAULTS.items():
            if fault.drop and isinstance(mount, PtyMount):
                continue
            mount.fail_next(fault)
            try:
                found = made.identify()
            except BenchError:
                pass
            except Exception as error:
                raise Nonconformity(
                    f"a reply {what} raised {type(error).__name__}: {error}"
                ) from error
            else:
                require(found == known, f"a reply {what} made it {found}, it is {known}")
            again = _asked(made)
            require(again == known, f"after a reply {what} it is {again}, it was {known}")


@only(has_port)
def check_two_threads(case: Case) -> None:
    """Two threads that use one driver at once each get their own answers."""
    wrong: list[BaseException | object] = []
    with _served(case) as mount, _driven(case, mount, case.load_driver().LINE) as made:
        known = made.identify()

        def ask() -> None:
            try:
                wrong.extend(
                    found for found in (made.identify() for _ in range(5)) if found != known
                )
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    require(not wrong, f"two threads that ask at once got {wrong[:1]}")


@only(_has_tcp)
def check_a_power_cycle_within_an_exchange(case: Case) -> None:
    """An instrument that is switched off and on in an exchange is an error there, and met again."""
    quick = replace(case.load_driver().LINE, timeout_s=4 * _SOON_S, pause_s=0.0)
    with ExitStack() as stack:
        mount = stack.enter_context(TcpMount(_twin(case)))
        made = stack.enter_context(_driven(case, mount, quick))
        known = _asked(made)
        mount.fail_next(Fault(late_s=10.0))
        off = threading.Timer(_SOON_S, mount.close)
        off.start()
        with refusal(TransportError, "it was switched off while it answered, and nothing was said"):
            made.identify()
        off.join()
        stack.enter_context(TcpMount(_twin(case), port=mount.port))
        require(_asked(made) == known, "it is not met again after it was switched on")
