"""What every twin owes whoever uses it: it is where it is, however often it was looked at.

A twin computes when it is asked. That must not show: what it does at a time follows from what was
done to it until then, not from who looked in between.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from sensorbench.core.errors import BenchError, TransportError
from sensorbench.core.quantity import components
from sensorbench.testing.conformity import changes, require, state_of
from sensorbench.testing.instrument_use import used_by
from sensorbench.testing.stimuli import prepared, stimuli
from sensorbench.testing.world import SERIAL, Case, InstrumentBench, SensorBench, vector_of
from sensorbench.world.twins import Loads
from sensorbench.world.world import Fault

_SEEDS = range(60)
_MOST_ACTS = 16
_PAUSES_S = (0.0, 0.0007, 0.004, 0.03, 0.2, 1.7, 40.0, 5000.0)
_TRANSFERS = 400
_RULE = "A twin brings itself up to now before anything changes it."
Transfer = tuple[bytes, int]
Act = Callable[[SensorBench], bytes]


def check_looking_changes_nothing(case: Case) -> None:
    """Whatever a part is sent and goes through, looking at it in between changes nothing."""
    sent = list(_sent_by_driver(case))
    for seed in _SEEDS:
        alone, looked = SensorBench(case), SensorBench(case)
        chance = random.Random(seed)  # noqa: S311 - no secret
        told: list[str] = []
        for what, act in islice(_acts(alone, case, sent, chance), chance.randint(2, _MOST_ACTS)):
            told.append(what)
            answers = act(alone), act(looked)
            require(
                answers[0] == answers[1],
                f"after {'; '.join(told)}: a twin that was looked at in between answers "
                f"{answers[1].hex()}, one that was not {answers[0].hex()}. {_RULE}",
            )
            pause_s, share = chance.choice(_PAUSES_S), chance.random()
            told.append(f"{pause_s:g} s")
            for bench in (alone, looked):
                bench.clock.sleep(share * pause_s)
                if bench is looked:
                    _look(bench)
                bench.clock.sleep(pause_s - share * pause_s)
            _look(looked)
        _look(alone)
        changed = changes(state_of(alone.twin), state_of(looked.twin))
        require(not changed, f"after {'; '.join(told)}: {'; '.join(changed[:4])}. {_RULE}")


def check_the_supply_starts_it(case: Case) -> None:
    """A part starts when its supply comes, not when somebody first talks to it."""
    if not SensorBench(case).is_asked:
        return
    benches = [SensorBench(case, supply_v=0.0) for _ in range(2)]
    for talked, bench in zip((True, False), benches, strict=True):
        bench.put("supply", sum(bench.part.SUPPLY_V) / 2)
        if talked:
            with suppress(TransportError):
                bench.send(b"", 0)
        bench.clock.sleep(3600.0)
        _look(bench)
    changed = changes(*(state_of(bench.twin) for bench in benches))
    require(not changed, f"it starts when it is talked to: {'; '.join(changed)}")


def check_the_driver_stays_within_the_model(case: Case) -> None:
    """The driver does nothing with the part that the twin can't follow (`Beyond`)."""
    bench = prepared(case)
    with suppress(BenchError):
        bench.part.identify()
    bench.sample()
    beyond = bench.world.beyond.get(bench.place.serial)
    require(not beyond, f"the twin does not model what the driver does: {beyond}")


def check_looking_at_an_instrument_changes_nothing(case: Case) -> None:
    """Whatever an instrument is told and suffers, asking who it is in between changes nothing."""
    for fault in ("", *case.device.load_faults()):
        alone, looked = InstrumentBench(case), InstrumentBench(case)
        for bench, looks in ((alone, False), (looked, True)):
            now_s = bench.clock.now()
            bench.world.add_fault(SERIAL, Fault(fault, now_s + 10.0, now_s + 17.5))
            with suppress(BenchError):
                for _ in used_by(bench):
                    _pass_time(bench, looks=looks)
            _pass_time(bench, looks=looks)
            _ask(bench)
        changed = changes(_whole_state(alone), _whole_state(looked))
        during = f" while it has the fault {fault}" if fault else ""
        require(
            not changed,
            f"it matters whether it was asked{during}: {'; '.join(changed[:4])}. {_RULE}",
        )


def _whole_state(bench: InstrumentBench) -> dict[str, Any]:
    found = state_of(bench.twin)
    for name, field in bench.drives.items():
        parts = components(field.at(bench.clock.now()))
        found[f"drives {name}"] = [float(f"{part:.9g}") for part in parts]
    return found


def _pass_time(bench: InstrumentBench, *, looks: bool) -> None:
    for _ in range(4):
        bench.clock.sleep(7.0)
        if looks:
            _ask(bench)


def _ask(bench: InstrumentBench) -> None:
    with suppress(BenchError):  # it may be silent, or say that it is another
        bench.driver.identify()
    _look(bench)


def _look(bench: SensorBench | InstrumentBench) -> None:
    bench.world.changing()  # twins catch up with the clock
    if isinstance(bench.twin, Loads):
        bench.twin.supply_current_a()


def _sent_by_driver(case: Case) -> Iterator[Transfer]:
    """Return what the driver sends to prepare the part and to read it, in all its settings."""
    chosen: list[dict[str, Any]] = [
        {name: choice}
        for name, setting in case.load_driver().SETTINGS.items()
        for choice in setting.choices or (setting.low, setting.high)
    ]
    for settings in chosen or [{}]:
        bench = SensorBench(case)
        sent: list[Transfer] = bench.note_sent()
        with suppress(BenchError):
            bench.part.prepare(**settings)
            bench.sample()
        yield from sent[:_TRANSFERS]


def _acts(
    bench: SensorBench, case: Case, sent: Sequence[Transfer], chance: random.Random
) -> Iterator[tuple[str, Act]]:
    """Return things that can happen to a part, without end: what is sent, what the world does."""
    moves = [
        (where, value if isinstance(value, tuple) else vector_of(where, value))
        for where, value in stimuli(bench, case)
    ]
    supply_v = sum(bench.part.SUPPLY_V) / 2
    while True:
        kind = chance.choice(("send", "send", "send", "spoil", "move", "supply"))
        if kind in {"send", "spoil"} and sent:
            write, length = chance.choice(sent)
            if kind == "spoil" and len(write) > 1:
                write = write[:-1] + bytes([chance.randrange(256)])
            yield f"{write.hex()} and read {length}", _sending(write, length)
        elif kind == "supply":
            volts = chance.choice((supply_v, supply_v, 0.0))
            yield f"supply {volts:g} V", _putting("supply", volts)
        else:
            where, value = chance.choice(moves)
            whole = where.partition(".")[0] if isinstance(value, tuple) else where
            yield f"{whole} at {value}", _putting(whole, value)


def _sending(write: bytes, length: int) -> Act:
    def act(bench: SensorBench) -> bytes:
        try:
            return bench.send(write, length)
        except TransportError:
            return b"not acknowledged"

    return act


def _putting(where: str, value: Any) -> Act:
    def act(bench: SensorBench) -> bytes:
        bench.put(where, value)
        return b""

    return act
