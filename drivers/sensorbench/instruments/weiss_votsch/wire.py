"""Texts of SimServ and ASCII-2 as the driver writes and reads them. No link, no clock.

Sources: as `driver`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sensorbench.core.errors import InstrumentError, ProtocolError

SEPARATOR = "\xb6"
_ACCEPTED = 1
_REFUSALS: Final[Mapping[int, str]] = {
    -5: "it knows no such command",
    -6: "too few or wrong parameters: is it outside the input limits of its panel?",
    -8: "the value could not be read: is a sensor open?",
}
_NAME = re.compile(r"(CV|SV|MV|DO)\d\d")
_VALUE = re.compile(r"-?\d{1,4}\.\d")
_MEASURED = re.compile(r"-?\d{1,5}\.\d{1,6}")
_BITS = re.compile(r"[01]{32}")
START = 1
"""The digital output that runs the chamber."""


def request(command: int, *arguments: str) -> str:
    """Return a SimServ command; the chamber's index is 1 whatever it is.

    >>> request(11001, "1", "85.0").replace(SEPARATOR, "|")
    '11001|1|1|85.0'
    """
    return SEPARATOR.join((f"{command:05d}", "1", *arguments))


def answer(sent: str, reply: str, count: int) -> tuple[str, ...]:
    r"""Return the `count` values of a SimServ reply.

    Raises InstrumentError for a refusal, ProtocolError for another form.

    >>> answer("11004", "1\xb623.1", 1)
    ('23.1',)
    """
    code, *values = reply.strip("\r\n").split(SEPARATOR)
    shown = sent.replace(SEPARATOR, "|")
    if re.fullmatch(r"-\d+", code):
        raise InstrumentError(shown, int(code), _REFUSALS.get(int(code), ""))
    if code != str(_ACCEPTED) or (count and len(values) != count):
        raise ProtocolError(
            f"{shown!r} answered {reply.strip()!r}, expected 1 and {count} values: "
            'is this SimServ? For ASCII-2 write protocol = "ascii-2" in station.toml'
        )
    return tuple(value.strip() for value in values[:count])


def as_number(sent: str, text: str) -> float:
    """Return a value of a reply. Raises ProtocolError where it is no number with decimals.

    Every value that clients show has some: one without is cut off.
    """
    if not _MEASURED.fullmatch(text):
        raise ProtocolError(
            f"{sent.replace(SEPARATOR, '|')!r} answered {text!r}, expected a number with "
            "decimals: is a sensor open?"
        )
    return float(text)


def as_code(sent: str, text: str) -> int:
    """Return a value of a reply that is a count or bits. Raises ProtocolError for another."""
    if not re.fullmatch(r"-?\d+", text):
        raise ProtocolError(
            f"{sent.replace(SEPARATOR, '|')!r} answered {text!r}, expected a whole number"
        )
    return int(text)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which values a chamber's E-string takes and its I-string gives, by name and in order.

    `outputs` is how many digital outputs the E-string takes.
    """

    taken: tuple[str, ...]
    given: tuple[str, ...]
    outputs: int

    @classmethod
    def of(cls, e_string: str, i_string: str) -> Layout:
        """Return the layout that a chamber's own help text ($01?) shows.

        Raises ValueError where one of them can't be.

        >>> Layout.of("$01E CV01 SV01 DO00DO01 <CR>", "CV01 CV01 SV01 MV01 DO00 DO01").taken
        ('CV01', 'SV01')
        """
        taken, given = (
            [match[0] for match in _NAME.finditer(text)] for text in (e_string, i_string)
        )
        outputs = sum(name.startswith("DO") for name in taken) or 32
        values = tuple(name for name in taken if not name.startswith("DO"))
        shown = tuple(name for name in given if not name.startswith("DO"))
        unknown = [name for name in values if name not in shown]
        if "CV01" not in values or unknown or len(set(values)) < len(values):
            raise ValueError(
                f"e_string {e_string!r} and i_string {i_string!r}: copy both from what the chamber "
                "answers to $01?; each value that is set is one that is given, CV01 among them"
            )
        if shown[:2] != ("CV01", "CV01") or outputs <= START:
            raise ValueError(
                f"i_string {i_string!r} must begin with CV01 CV01, nominal and actual temperature, "
                "and the digital outputs with DO00 DO01"
            )
        return cls(values, shown, outputs)

    def read(self, reply: str) -> State:
        """Return what an I-string says. Raises ProtocolError for another form."""
        *values, bits = reply.split() or [""]
        if len(values) != len(self.given):
            raise ProtocolError(
                f"the I-string {reply.strip()!r} has {len(values)} values, expected "
                f"{len(self.given)}: send $01? to the chamber and write its e_string and i_string "
                "in station.toml"
            )
        if not _BITS.fullmatch(bits) or not all(map(_VALUE.fullmatch, values)):
            raise ProtocolError(
                f"the I-string {reply.strip()!r} is damaged: expected numbers with one decimal, "
                "then 32 digital outputs"
            )
        nominal: dict[str, float] = {}
        actual: dict[str, float] = {}
        for name, text in zip(self.given, values, strict=True):
            (actual if name in nominal else nominal)[name] = float(text)
        return State(nominal, actual, bits)

    def command(self, state: State) -> str:
        """Return the rest of an E-string: all that is set of a chamber.

        >>> state = State({"CV01": -40.0}, {}, "01" + "0" * 30)
        >>> Layout(("CV01",), ("CV01", "CV01"), 4).command(state)
        '-040.0 0100'
        """
        values = [f"{state.nominal[name]:z06.1f}" for name in self.taken]
        return " ".join([*values, state.bits[: self.outputs]])


@dataclass(frozen=True, slots=True)
class State:
    """An I-string: nominal and actual values by name, and the digital outputs."""

    nominal: Mapping[str, float]
    actual: Mapping[str, float]
    bits: str

    def output(self, number: int) -> bool:
        """Return whether a digital output is on."""
        return self.bits[number] == "1"

    def but(self, values: Mapping[str, float], outputs: Mapping[int, bool]) -> State:
        """Return it with some nominal values and outputs otherwise."""
        bits = list(self.bits)
        for number, is_on in outputs.items():
            bits[number] = str(int(is_on))
        return State({**self.nominal, **values}, self.actual, "".join(bits))


def slopes(rising: float, falling: float) -> str:
    """Return the values of a U-string, K/min; those of humidity are none.

    >>> slopes(2.0, 0.0)
    '0002.0 0000.0 0000.0 0000.0'
    """
    return " ".join(f"{value:06.1f}" for value in (rising, falling, 0.0, 0.0))


def accepted(sent: str, reply: str, name: str) -> None:
    """Raise InstrumentError unless an E- or U-string was answered by 0."""
    if reply.strip() != "0":
        raise InstrumentError(sent, reply.strip(), "an accepted one is answered by 0", name)


def joined(names: Sequence[str]) -> str:
    """Return names in a sentence."""
    return ", ".join(names) or "none"
