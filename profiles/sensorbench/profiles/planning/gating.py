"""Gating: a gate asks an earlier phase what that can answer."""

from __future__ import annotations

from collections.abc import Iterable

from sensorbench.profiles.planning.pointing import Pointing
from sensorbench.profiles.schedule import Action, Do

_OF_NO_UNIT = frozenset({"load", "unload", "park", "ask", "null", "gate"})


def acts_on_units(actions: Iterable[Action]) -> bool:
    """Return whether something is done to each unit, with an outcome: written, for one."""
    return any(isinstance(a, Do) and a.verb not in _OF_NO_UNIT for a in actions)


def unanswerable(c: Pointing, of: str, word: str) -> str:
    """Return why a phase can't say of units what a gate requires, "" where it can.

    `word` is value, pass or calibrated.
    """
    points = [point for point in c.points.values() if point.phase == of]
    if not points and of not in c.acted:
        return f"{of!r} reads no unit and does nothing to one: no unit has a {word} there"
    if word == "value" and not points:
        return f"{of!r} reads no unit: require pass"
    if word == "calibrated" and of not in c.acted and not _reads_calibrated(c, of):
        return (
            f"{of!r} reads no channel that a part computes by coefficients of its own: name a "
            "phase that does, or that writes them"
        )
    return ""


def _reads_calibrated(c: Pointing, of: str) -> bool:
    """Return whether a phase reads, here, a channel of a quantity that parts are calibrated for."""
    points = [p for p in c.points.values() if p.phase == of and "attach" not in p.labels]
    if not points or c.told[of].get("streams"):  # a stream is of what the part samples
        return False
    tested = {name for point in points for name in point.labels.get("parameters", ())}
    asked = [(row["part"], row["channel"]) for row in c.told[of].get("asks", ())]
    for part in c.parts:
        named = {channel for name, channel in asked if name == part.part.name}
        named |= {row.channel for row in part.parameter if row.name in tested and row.channel}
        formats = {form.quantity for form in getattr(c.sensor(part), "CALIBRATION", ())}
        for channel in c.channels(part):
            if channel.address in formats and (not named or channel.name in named):
                return True
    return False
