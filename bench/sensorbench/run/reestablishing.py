"""The bench brought back to where a run goes on: what held is set again, in the order it came.

The rules:
- What was waited for before the next value came is waited for again before it: a part that had its
  supply before its heat has it so again.
- What the next steps set at once is left to them: a cycle begins from wherever the bench is. What
  feeds units is not left while they are read, and what is read no longer is not begun again.
- Units are known again as soon as they are supplied, and before anything else acts on them: one
  that is another now ends the run with nothing done to it.
- What then does not settle is on record, as any soak that was not reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from sensorbench.core.errors import BenchError
from sensorbench.core.quantity import address
from sensorbench.profiles.schedule import Hold, Release, Set, Settle
from sensorbench.run.state import Key, State
from sensorbench.station.resuming import same_device, who

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner


class Swapped(BenchError):
    """A unit is not the one that was in its socket before."""


def reestablish(run: Runner) -> None:
    """Set again what held before the next step, wait for it, and go on with open reads."""
    state, seen_to = run.state, _seen_to(run)
    anew = _set_anew(run)
    reads = {name: read for name, read in state.reads.items() if (read[0], name) not in anew}
    held = {
        key: action
        for key, action in state.sets.items()
        if key not in anew or (reads and address(key[1]).quantity.feeds)
    }
    feeds = {key for key in held if address(key[1]).quantity.feeds}
    is_known, waited = not feeds, set[tuple[str, Settle]]()
    if held and is_known:
        recognise(run)
    for place, (key, action) in enumerate(held.items()):
        run.bench.set(key[0], action)
        soak = _still(state, held, seen_to, key, first=True)
        later = set(list(held)[place + 1 :])
        if soak is not None and not later & {(key[0], band.address) for band in soak.bands}:
            run.bench.settle(key[0], soak)
            waited.add((key[0], soak))
        feeds.discard(key)
        if not feeds and not is_known:
            is_known = True
            recognise(run)
    for key in held:
        soak = _still(state, held, seen_to, key, first=False)
        if soak is not None and (key[0], soak) not in waited:
            run.bench.settle(key[0], soak)
            waited.add((key[0], soak))
    for zone, read in reads.values():
        run.readings.open(zone, read)


def _set_anew(run: Runner) -> set[Key]:
    """Return what the next steps set or let go at once: how it was before is nobody's matter."""
    found = set[Key]()
    for step in run.schedule.steps[run.state.next :]:
        match step.action:
            case Set():
                found.add((step.zone, step.action.address))
            case Release():
                found.add((step.zone, step.action.what))
            case _:
                break
    return found


def _still(
    state: State, held: Mapping[Key, Set], seen_to: set[Key], key: Key, *, first: bool
) -> Settle | None:
    """Return a soak with what of it is set as it was then, None where there was none.

    What the next hold sees to itself need only be there: to wait longer would be stress.
    """
    soaks = state.soaks.get(key)
    if soaks is None:
        return None
    soak = soaks.first if first else soaks.last
    bands = tuple(
        band
        for band in soak.bands
        if (key[0], band.address) in held and held[key[0], band.address].target == band.target
    )
    if not bands:
        return None
    if {(key[0], band.address) for band in bands} <= seen_to:
        return replace(soak, bands=bands, for_s=0.0)
    if len(bands) == len(soak.bands):
        return soak
    # What it was long for is gone: what is left has its usual time.
    usual_s = max(address(band.address).quantity.soak.for_s for band in bands)
    return replace(soak, bands=bands, for_s=min(soak.for_s, usual_s))


def _seen_to(run: Runner) -> set[Key]:
    """Return what the hold that comes next sees to itself: before, it credits nothing."""
    steps, number = run.schedule.steps, run.state.next
    step = steps[number] if number < len(steps) else None
    if step is None or not isinstance(step.action, Hold):
        return set()
    return {(step.zone, band.address) for band in step.action.bands}


def recognise(run: Runner) -> None:
    """Ask every unit that spoke before who it is. Raises Swapped; who is silent is asked later."""
    found = run.duts.who(sorted(run.duts.loaded))
    swapped = {
        serial: who(asdict(identity))
        for serial, identity in found.items()
        if serial in run.known and not same_device(run.known[serial], asdict(identity))
    }
    run.evidence.append("recognised", {"units": sorted(found), "swapped": sorted(swapped)})
    if swapped:
        where = run.state.sockets
        texts = [
            f"socket {where.get(serial, '?')} has {now}, where {serial} was"
            for serial, now in sorted(swapped.items())
        ]
        raise Swapped(
            f"{'; '.join(texts[:8])}: put the units where they were loaded, then `resume` again"
        )
