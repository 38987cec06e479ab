"""What an instrument owes the bench when it says yes and does not do it.

Each message that an act sends is lost in turn: a second instrument, to which the same was done,
answers in the place of the first, which never hears it. The act then raises, or what the instrument
tells of its setpoint shows it, or it made no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sensorbench.core.device import Source
from sensorbench.core.errors import BenchError
from sensorbench.core.quantity import components, distance
from sensorbench.instruments.members import Switch, members_of, setpoint, setpoints_of, switch
from sensorbench.instruments.telling import Held, changed
from sensorbench.testing.conformity import Nonconformity, changes, only, require, state_of
from sensorbench.testing.instrument_use import go, inside, most_off, setpoint_of, use
from sensorbench.testing.setpoint_checks import DAY_S
from sensorbench.testing.world import Case, InstrumentBench

Prepare = Callable[[InstrumentBench], None]
_MOST_OFF_THE_RATE = 0.15


@dataclass(frozen=True, slots=True)
class _Act:
    """What is done; `missing` says what is missing of a bench where it was, beside a plain one."""

    what: str
    begins: Prepare
    does: Callable[[InstrumentBench], Any]
    missing: Callable[[InstrumentBench, InstrumentBench, Any], str]


class _Loses:
    """A bench whose instrument never hears message `number`, which another one answers."""

    def __init__(self, case: Case, begins: Prepare, number: int) -> None:
        self.bench, self._other = InstrumentBench(case), InstrumentBench(case)
        begins(self.bench)
        begins(self._other)
        self.heard: list[bytes] = []
        self._number = number
        self._healthy = self.bench.twin.handle
        self.bench.twin.handle = self._handle

    def _handle(self, message: bytes) -> bytes | None:
        self.heard.append(message)
        self._other.clock.sleep(max(0.0, self.bench.clock.now() - self._other.clock.now()))
        instead: bytes | None = self._other.twin.handle(message)
        if len(self.heard) != self._number:
            answer: bytes | None = self._healthy(message)
            return answer
        self.bench.twin.reply_terminator = self._other.twin.reply_terminator
        return instead

    def mend(self) -> None:
        """Let everything be heard again."""
        self.bench.twin.handle = self._healthy


def _is_on_a_line(case: Case) -> bool:
    return bool({"serial", "tcp"} & set(case.device.links))


@only(_is_on_a_line)
def check_what_is_not_done(case: Case) -> None:
    """What is acknowledged and not done is noticed: at once, or by what it is set to."""
    for act in _acts(case):
        plain = _Loses(case, act.begins, 0)
        act.does(plain.bench)
        for number in range(1, len(plain.heard) + 1):
            lossy = _Loses(case, act.begins, number)
            with suppress(BenchError):
                result = act.does(lossy.bench)
                lossy.mend()
                usual = InstrumentBench(case)
                act.begins(usual)
                act.does(usual)
                missing = act.missing(lossy.bench, usual, result)
                require(
                    not missing,
                    f"{act.what}: {missing}, where {lossy.heard[number - 1]!r} was acknowledged "
                    "and not done: read back what was sent",
                )


def _acts(case: Case) -> Iterator[_Act]:
    driver = case.load_driver()
    for name, declared in setpoints_of(driver).items():
        if not declared.vector:
            yield from _acts_of(name, declared)
    for name, member in members_of(driver).items():
        if isinstance(member, switch):
            yield _Act(f"closing {name}", _nothing, _turning(name), _missing_of_a_switch)
    if isinstance(InstrumentBench(case).driver, Source):
        yield _Act("make_safe()", use, lambda bench: bench.driver.make_safe(), _missing_of_safety)


def _acts_of(name: str, declared: setpoint[Any]) -> Iterator[_Act]:
    rates = (None,) if declared.fastest is None else (None, declared.fastest / 2)
    for rate in rates:
        for begins in (_nothing, use):
            yield _Act(
                f"setting {name}" + ("" if rate is None else " with a rate"),
                begins, _going(name, declared, rate), _missing_of_a_value(name, declared, rate),
            )  # fmt: skip
    low, high = inside(declared, 0.2), inside(declared, 0.8)
    yield _Act(
        f"narrowing the protection of {name}", _nothing,
        lambda bench: setpoint_of(bench, name).protect(low, high), _missing_of_protection(name),
    )  # fmt: skip


def _nothing(_: InstrumentBench) -> None:
    """Leave it at rest."""


def _going(
    name: str, declared: setpoint[Any], rate: float | None
) -> Callable[[InstrumentBench], Any]:
    return lambda bench: go(bench, name, declared, inside(declared, 0.7), rate)


def _turning(name: str) -> Callable[[InstrumentBench], Any]:
    def close(bench: InstrumentBench) -> None:
        contact = bench.member(name)
        if not isinstance(contact, Switch):
            raise Nonconformity(f"{name} is no switch on an open driver")
        contact.close()

    return close


def _missing_of_a_value(
    name: str, declared: setpoint[Any], rate: float | None
) -> Callable[[InstrumentBench, InstrumentBench, Any], str]:
    limit = declared.limit_rated[0] if declared.limit_rated else None
    unit = declared.quantity.unit

    def shows(bench: InstrumentBench, sent: Any) -> bool:
        bound = setpoint_of(bench, name)
        most = bound.limit_rated[1] if bound.limit_rated else 0.0
        return bool(changed(Held(sent, limit), bound.told(), bound.rounds, most))

    def missing(bench: InstrumentBench, usual: InstrumentBench, sent: Any) -> str:
        if declared.can_tell and shows(bench, sent):
            return ""
        band = max(declared.quantity.soak.within, most_off(declared, components(sent)[0]))
        if rate is not None:
            moves_s = distance(sent, usual.now_of(name)) / rate / 3
            for one in (bench, usual):
                one.clock.sleep(moves_s)
            band = max(band, _MOST_OFF_THE_RATE * rate * moves_s)
            found, wanted = bench.now_of(name), usual.now_of(name)
        else:
            bench.settle(name)
            found, wanted = bench.now_of(name), sent
        if distance(found, wanted) <= band or (declared.can_tell and shows(bench, sent)):
            return ""
        return f"it makes {found} {unit} of {wanted} {unit}"

    return missing


def _missing_of_protection(name: str) -> Callable[[InstrumentBench, InstrumentBench, Any], str]:
    def missing(bench: InstrumentBench, _: InstrumentBench, told: Any) -> str:
        holds = setpoint_of(bench, name).protect(None, None)
        return "" if holds == told else f"protect() told {told}, it holds {holds}"

    return missing


def _missing_of_a_switch(bench: InstrumentBench, usual: InstrumentBench, _: Any) -> str:
    found = changes(state_of(bench.twin), state_of(usual.twin))
    return "; ".join(text for text in found if not text.startswith(".reply_terminator"))


def _missing_of_safety(bench: InstrumentBench, _: InstrumentBench, __: Any) -> str:
    resting, held = InstrumentBench(bench.case), InstrumentBench(bench.case)
    use(held)
    bench.clock.sleep(DAY_S)
    for name, declared in setpoints_of(bench.case.load_driver()).items():
        within, acts = declared.quantity.soak.within, held.now_of(name)
        if declared.vector or distance(acts, resting.now_of(name)) <= within:
            continue
        if distance(bench.now_of(name), acts) <= within:
            return f"{name} still holds {acts} a day later"
    return ""
