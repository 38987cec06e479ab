"""What instruments are asked every few seconds: their alarms, and whether they are still as set.

The rules:
- What acts is asked what it is set to, and that is compared with what this run sent it last, within
  what the instrument rounds. It is never set back: somebody may stand there who knows why.
- `changed` of the place says what follows: the run stops, or it is noted, once.
- Alarms come first: a protection that tripped says more than the output that it switched off.
- From the moment when a command goes out until it was taken, what it acts on is not compared.
- What was off when the run began, or once it was released, stays off until this run sets it:
  somebody may be among the units, and a bias that nobody asked for is another test. What said
  something else then is let alone.
- What a command brings along at other outputs of its instrument is the instrument's own: a chamber
  that is told a humidity runs, and holds a temperature with it. What was otherwise before is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sensorbench.core.device import Alarming
from sensorbench.core.errors import BenchError
from sensorbench.core.quantity import Value, components
from sensorbench.evidence.run import RunWriter
from sensorbench.instruments.given import texts_of
from sensorbench.instruments.members import Setpoint
from sensorbench.instruments.telling import Held, OfItsOwn, Swing, Told, changed
from sensorbench.station.binding import Binding
from sensorbench.station.station import Station

Trip = Callable[[str, str, dict[str, object]], None]
_OFF = "its output is off, or it is stopped"
_ON = "it was off when this run let it alone"


@dataclass(slots=True)
class _Sent:
    """What was sent last by way of a setpoint, and where."""

    row: Binding
    setpoint: Setpoint
    told: Told
    is_noted: bool = False
    is_missed: bool = False


class Asking:
    """Asks; `trip` ends the run with a text, a code and values."""

    def __init__(self, station: Station, evidence: RunWriter, trip: Trip) -> None:
        self._station, self._evidence, self._trip = station, evidence, trip
        # By what acts, not by address: places that share a source through valves are set in turn.
        self._sent: dict[str, _Sent] = {}
        self._mute: set[str] = set()
        # What is not compared while a command is under way to another output of its instrument.
        self._waiting: dict[str, _Sent] = {}

    def ask(self) -> None:
        """Ask for alarms, then whether all is as set. Raises what `trip` raises."""
        for name, driver in self._station.alarming:
            texts = self._alarms_of(name, driver)
            if not texts:
                continue
            words = ", ".join(texts)
            self._trip(
                f"{name} reports {words}; its panel or manual says what that means", "alarm",
                {"instrument": name, "alarms": list(texts)},
            )  # fmt: skip
        for key, sent in list(self._sent.items()):
            self._compare(key, sent)

    def _alarms_of(self, name: str, driver: Alarming) -> tuple[str, ...]:
        """Return what an instrument reports; one that is mute hides no other's alarms."""
        try:
            found = texts_of(driver.read_alarms(), "its alarms", name, type(driver))
        except BenchError as error:
            # Once until it answers: it is asked every few seconds for weeks.
            if name not in self._mute:
                self._evidence.append("retry", {"what": f"{name} alarms", "reason": str(error)})
            self._mute.add(name)
            return ()
        self._mute.discard(name)
        return found

    def noted(self) -> list[str]:
        """Return what acts and is no longer as set, where that only is noted, in words."""
        return [
            f"{key} is no longer as set" for key, sent in list(self._sent.items()) if sent.is_noted
        ]

    # -- what the run sends ------------------------------------------------------------------

    def begin(self, rows: Iterable[Binding]) -> None:
        """Take note of what is off as the run begins."""
        for row in rows:
            if row.acts is not None:
                self._let_alone(row)

    def _let_alone(self, row: Binding) -> None:
        alone = _Sent(row, self._station.setpoint(row.zone, str(row.where)), None)
        with suppress(BenchError):
            if alone.setpoint.told() is None:
                self._sent[str(row.acts)] = alone

    def sending(self, zone: str, where: str) -> None:
        """Say that a command is about to go out: until it was taken nothing is known of it.

        Nor of what else the instrument does, as far as that is as it was set until now.
        """
        row = self._station.bindings.rows[zone, where]
        self._sent.pop(str(row.acts), None)
        for key, other in self._beside(row):
            if _is_as_set(other):
                self._waiting[key] = self._sent.pop(key)

    def sent(self, zone: str, where: str, told: Told) -> None:
        """Say what was sent and taken; an instrument that can't be asked is never compared."""
        row = self._station.bindings.rows[zone, where]
        self._sent[str(row.acts)] = _Sent(row, self._station.setpoint(zone, where), told)
        self._take_back()

    def released(self, zone: str, where: str) -> None:
        """Say that a place was released."""
        row = self._station.bindings.rows[zone, where]
        self._sent.pop(str(row.acts), None)
        self._let_alone(row)
        self._take_back()

    def _take_back(self) -> None:
        """Compare again what the command left as it was; what it brought along is its own."""
        waiting, self._waiting = self._waiting, {}
        for key, other in waiting.items():
            if key not in self._sent and _is_as_set(other):
                self._sent[key] = other

    def _beside(self, row: Binding) -> list[tuple[str, _Sent]]:
        """Return what else the instrument acts on, as far as that is compared."""
        return [
            (key, other)
            for key, other in self._sent.items()
            if row.acts and other.row.acts and row.acts.instrument == other.row.acts.instrument
        ]

    # -- what is told ------------------------------------------------------------------------

    def _compare(self, key: str, sent: _Sent) -> None:
        try:
            found = sent.setpoint.told()
        except BenchError as error:
            if not sent.is_missed:
                what = f"what {key} is set to"
                self._evidence.append("retry", {"what": what, "reason": str(error)})
            sent.is_missed = True
            return
        sent.is_missed = False
        if self._sent.get(key) is not sent:
            return  # a command went out meanwhile
        word = _differs(sent, found)
        if not word:
            sent.is_noted = False
            return
        code, values = f"set_{word}", _values(sent, found, word)
        if sent.row.changed == "stop":
            self._trip(_text(sent, found, word), code, values)
        elif not sent.is_noted:
            sent.is_noted = True
            self._evidence.append(code, {**values, "text": _text(sent, found, word)})


def _is_as_set(sent: _Sent) -> bool:
    try:
        return not _differs(sent, sent.setpoint.told())
    except BenchError:
        return False


def _differs(sent: _Sent, found: Told) -> str:
    most = sent.setpoint.limit_rated[1] if sent.setpoint.limit_rated else 0.0
    return changed(sent.told, found, sent.setpoint.rounds, most)


def _values(sent: _Sent, found: Told, word: str) -> dict[str, Any]:
    row = sent.row
    values: dict[str, Any] = {
        "address": str(row.where), "zone": row.zone, "instrument": str(row.acts),
    }  # fmt: skip
    if word == "on":
        values["detail"] = _shown(found, row.where.quantity.unit)
    if word in {"value", "limit"} and isinstance(sent.told, Held) and isinstance(found, Held):
        pair = (sent.told, found)
        ends = [one.value if word == "value" else one.limit for one in pair]
        key = "" if word == "value" else "limit_"
        values |= {f"{key}sent": _plain(ends[0]), f"{key}now": _plain(ends[1])}
        values |= {"unit": row.where.quantity.unit} if word == "value" else {}
    if word == "otherwise":
        values["detail"] = _shown(found, row.where.quantity.unit)
    return values


def _plain(value: Value | None) -> object:
    return list(value) if isinstance(value, tuple) else value


def _text(sent: _Sent, found: Told, word: str) -> str:
    """Return what the person at the bench reads."""
    row = sent.row
    unit = row.where.quantity.unit
    was, now = _shown(sent.told, unit), f"it has {_shown(found, unit)}"
    if word == "off":
        now = _OFF
    if word == "on":
        return (
            f"{row.acts} acts again on {row.where}, and not by this run: {_ON}, now {now}. "
            "Look for who was at its panel, another program; it was not switched off by itself"
        )
    if word == "limit" and isinstance(sent.told, Held) and isinstance(found, Held):
        was, now = f"a limit of {sent.told.limit:g}", f"it has {found.limit:g}"
    return (
        f"{row.acts} is no longer as this run set it for {row.where}: it was sent {was}, "
        f"now {now}. "
        "Look for who was at its panel, a protection, a fuse, another program; it was not set back"
    )


def _shown(told: Told, unit: str) -> str:
    if isinstance(told, Held):
        return f"{', '.join(f'{part:g}' for part in components(told.value))} {unit}"
    if isinstance(told, Swing):
        return f"a wave from {told.low:g} to {told.high:g} {unit} every {told.period_s:g} s"
    return told.what if isinstance(told, OfItsOwn) else "off"
