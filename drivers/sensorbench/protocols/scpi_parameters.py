"""Parameters and replies of a simulated SCPI instrument.

Source: IEEE 488.2 section 7.7 and SCPI-99 volume 1, section 7, as recalled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from sensorbench.protocols.scpi_status import ScpiError

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?: ?E ?[+-]?\d+)?)\s*([A-Z]*)", re.IGNORECASE)
_NOT_DECIMAL = re.compile(r"#(?:H([0-9A-F]+)|Q([0-7]+)|B([01]+))", re.IGNORECASE)
_MULTIPLIERS = {
    "EX": 1e18, "PE": 1e15, "T": 1e12, "G": 1e9, "MA": 1e6, "K": 1e3, "": 1.0,
    "M": 1e-3, "U": 1e-6, "N": 1e-9, "P": 1e-12, "F": 1e-15, "A": 1e-18,
}  # fmt: skip
_LARGEST_EXPONENT, _MOST_DIGITS, _DIGITS = 32_000, 255, 300
_FINEST_STEP = 1e-12  # of a range: no instrument sets finer
_MEGA_UNITS = {"HZ", "OHM"}  # MHZ and MOHM are mega although M is milli
_CHANNELS = re.compile(r"\(\s*@\s*(\d+(?::\d+)?(?:\s*,\s*\d+(?::\d+)?)*)\s*\)")
_STRING = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"")
_WORD = re.compile(r"[A-Za-z]\w*")


class NotModelled(ScpiError):
    """A value that the instrument would take and its twin can't: it goes on the twin's record."""

    def __init__(self, token: str) -> None:
        super().__init__(-224)
        self.token = token.upper()


class Limit(Enum):
    """A number given by name: the lowest, the highest or the default value."""

    MIN = "MIN"
    MAX = "MAX"
    DEF = "DEF"


_LIMITS = {
    "MIN": Limit.MIN, "MINIMUM": Limit.MIN, "MAX": Limit.MAX, "MAXIMUM": Limit.MAX,
    "DEF": Limit.DEF, "DEFAULT": Limit.DEF,
}  # fmt: skip


class Parameter(Protocol):
    """One place in a command's parameter list."""

    def parse(self, token: str) -> object:
        """Return the value of `token`. Raises ScpiError."""
        ...


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number, with `unit` and its multipliers if it has one, or MIN, MAX, DEF.

    One without a unit may be written #H20, #Q40 or #B100000, as masks of registers are. Words in
    `beyond` the instrument would take, and the twin can't.
    """

    unit: str = ""
    beyond: tuple[str, ...] = ()

    def parse(self, token: str) -> float | Limit:
        """Return the number in the base unit, or the limit named."""
        limit = _LIMITS.get(token.upper())
        if limit is not None:
            return limit
        if token.upper() in self.beyond:
            raise NotModelled(token)
        whole = _NOT_DECIMAL.fullmatch(token)
        if whole and not self.unit:
            return _whole(whole)
        match = _NUMBER.fullmatch(token)
        if not match:
            raise ScpiError(-104)
        return _read(match[1]) * self._factor(match[2].upper())

    def _factor(self, suffix: str) -> float:
        if not suffix:
            return 1.0
        if not self.unit:
            raise ScpiError(-138)
        multiplier = suffix.removesuffix(self.unit)
        if multiplier == suffix or multiplier not in _MULTIPLIERS:
            raise ScpiError(-131)
        if multiplier == "M" and self.unit in _MEGA_UNITS:
            return 1e6
        return _MULTIPLIERS[multiplier]


def _whole(match: re.Match[str]) -> float:
    """Return a whole number to the base its letter names. Raises ScpiError for too many digits."""
    for digits, base in zip(match.groups(), (16, 8, 2), strict=True):
        if digits is None:
            continue
        if len(digits) > _MOST_DIGITS:
            raise ScpiError(-124)
        return float(int(digits, base))
    raise ScpiError(-104)


def _read(text: str) -> float:
    """Return a decimal number; zero has no sign. Raises ScpiError as IEEE 488.2, 7.7.2.4.1."""
    mantissa, _, exponent = text.replace(" ", "").upper().partition("E")
    if abs(int(exponent[:_DIGITS] or 0)) > _LARGEST_EXPONENT:
        raise ScpiError(-123)
    if sum(letter.isdigit() for letter in mantissa.lstrip("+-0.")) > _MOST_DIGITS:
        raise ScpiError(-124)
    return float(text.replace(" ", "")) + 0.0


@dataclass(frozen=True, slots=True)
class Flag:
    """ON, OFF or a number, which counts as ON unless it rounds to 0."""

    def parse(self, token: str) -> bool:
        """Return the flag."""
        if token.upper() in {"ON", "OFF"}:
            return token.upper() == "ON"
        match = _NUMBER.fullmatch(token)
        if not match or match[2]:
            raise ScpiError(-104)
        return abs(_read(match[1])) >= 0.5


class Choice:
    """One of several words, each written with capitals for its short form.

    Words in `beyond` the instrument would take, and the twin can't.
    """

    def __init__(self, *words: str, beyond: tuple[str, ...] = ()) -> None:
        self._words: dict[str, str] = {}
        self._beyond = frozenset(beyond)
        for word in words:
            short = "".join(letter for letter in word if not letter.islower())
            self._words[short] = self._words[word.upper()] = short

    def parse(self, token: str) -> str:
        """Return the short form of the word."""
        if not _WORD.fullmatch(token):
            raise ScpiError(-104)
        if token.upper() in self._beyond:
            raise NotModelled(token)
        try:
            return self._words[token.upper()]
        except KeyError:
            raise ScpiError(-224) from None


@dataclass(frozen=True, slots=True)
class Text:
    """A string in single or double quotes, in which a doubled quote stands for one."""

    def parse(self, token: str) -> str:
        """Return the string without its quotes."""
        match = _STRING.fullmatch(token)
        if not match:
            raise ScpiError(-151 if token[:1] in {"'", '"'} else -104)
        if match[1] is not None:
            return match[1].replace("''", "'")
        return match[2].replace('""', '"')


@dataclass(frozen=True, slots=True)
class Channels:
    """A channel list such as (@1,2) or (@1:3), of channels 1 to `count`."""

    count: int

    def parse(self, token: str) -> tuple[int, ...]:
        """Return the channels in the order given."""
        match = _CHANNELS.fullmatch(token)
        if not match:
            raise ScpiError(-104)
        channels: list[int] = []
        for part in match[1].split(","):
            first, _, last = part.partition(":")
            channels += range(int(first), min(int(last or first), self.count + 1) + 1)
        if not channels or not all(1 <= channel <= self.count for channel in channels):
            raise ScpiError(-222)
        return tuple(channels)


@dataclass(frozen=True, slots=True)
class Maybe:
    """A parameter that may be left out; the handler then gets None."""

    parameter: Parameter

    def parse(self, token: str) -> object:
        """Return the value of the parameter."""
        return self.parameter.parse(token)


def split_outside(text: str, separator: str) -> list[str]:
    """Split at `separator` except inside quotes and parentheses.

    >>> split_outside('"a,b",(@1,2),3', ",")
    ['"a,b"', '(@1,2)', '3']
    """
    parts, start, quote, depth = [], 0, "", 0
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == separator and depth <= 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def parse_parameters(text: str, parameters: tuple[Parameter, ...]) -> tuple[object, ...]:
    """Return the values of a parameter list.

    A token that an optional parameter can't read is offered to the next one, so that
    `VOLT? MAX,(@1)`, `VOLT? MAX` and `VOLT? (@1)` fit one list. Raises ScpiError: -108 for one too
    many, -109 for one too few, and what the parameters raise.
    """
    tokens = [token.strip() for token in split_outside(text, ",")] if text.strip() else []
    if any(not token for token in tokens):
        raise ScpiError(-102)
    values: list[object] = []
    refusal: ScpiError | None = None
    for parameter in parameters:
        optional = isinstance(parameter, Maybe)
        if not tokens:
            if not optional:
                raise refusal or ScpiError(-109)
            values.append(None)
            continue
        try:
            values.append(parameter.parse(tokens[0]))
            tokens.pop(0)
        except ScpiError as error:
            if not optional or error.code != -104:
                raise
            refusal = refusal or error
            values.append(None)
    if tokens:
        raise refusal or ScpiError(-108)
    return tuple(values)


def bounded(value: float | Limit, low: float, high: float, default: float) -> float:
    """Return a number with MIN, MAX and DEF filled in. Raises ScpiError -222 outside the range.

    What is less than any instrument's step is zero.
    """
    if isinstance(value, Limit):
        return {Limit.MIN: low, Limit.MAX: high, Limit.DEF: default}[value]
    if not low <= value <= high:
        raise ScpiError(-222)
    return 0.0 if abs(value) < _FINEST_STEP * max(abs(low), abs(high)) else value


def nr3(value: float) -> str:
    """Return a number as Keysight instruments do: sign, eight decimals, exponent.

    >>> nr3(4.99987)
    '+4.99987000E+00'
    """
    return f"{value:+.8E}"


def block(text: str) -> str:
    """Return a definite-length block: #, digits of the length, length, data.

    >>> block("(@101,102,103)")
    '#214(@101,102,103)'
    """
    length = str(len(text))
    return f"#{len(length)}{length}{text}"
