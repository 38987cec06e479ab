"""Replies of Mensor's command set: a blank, or an E while errors wait, and then what was asked for.

Sources: Mensor/WIKA operating instructions CPC 6000, pages 49 and 50, and CPC6050, pages 73 and 74;
units as WorkBench and pymensor have them; Errorno? as WorkBench reads it (E<number>-<text>). That
no error is told as number 0, or in words, is recalled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sensorbench.core.errors import ProtocolError
from sensorbench.protocols.scpi import parse_number

PASCALS = {
    "PA": 1.0, "HPA": 100.0, "KPA": 1e3, "MPA": 1e6, "MBAR": 100.0, "BAR": 1e5,
    "PSI": 6894.757293168361,
}  # fmt: skip
_ERROR = re.compile(r"[E ]\s*E?(\d{1,4})\s*[-,]\s*(\S.*)")
_DECIMAL_COMMA = re.compile(r"([-+]?\d),(\d+E[-+]\d\d)")
_FLAGS = {"YES": True, "NO": False}


@dataclass(frozen=True, slots=True)
class Reply:
    """What was asked for, and whether the instrument has an error to tell."""

    text: str
    has_error: bool

    @classmethod
    def parse(cls, reply: str, command: str) -> Reply:
        """Split the first character off. Raises ProtocolError for another than a blank or an E.

        >>> Reply.parse("EMENSOR, 600, 610189, 0.1.5", "ID?").has_error
        True
        """
        if reply[:1] not in {" ", "E"} or not reply[1:].strip():
            raise ProtocolError(
                f"{command!r} answered {reply!r}, expected a blank or an E, and then what was "
                "asked for: is the Mensor command set chosen, and the last line whole?"
            )
        return cls(reply[1:].strip(), reply[0] == "E")


def parse_value(text: str, command: str) -> float:
    """Return a number; with a decimal comma in exponential form, as some languages have it.

    >>> parse_value("+1.01325E+02", "A?"), parse_value("1,01325E+02", "A?")
    (101.325, 101.325)
    """
    return parse_number(_DECIMAL_COMMA.sub(r"\1.\2", text), command)


def parse_unit(text: str, command: str) -> float:
    """Return how many Pa a unit is. Raises ProtocolError for one that is not used here.

    >>> parse_unit("mbar", "Units?")
    100.0
    """
    pascals = PASCALS.get(text.upper())
    if pascals is None:
        raise ProtocolError(
            f"{command!r} answered {text!r}: none of {', '.join(PASCALS)}; choose kPa at the panel"
        )
    return pascals


def parse_yes(text: str, command: str) -> bool:
    """Return whether YES was answered. Raises ProtocolError for neither YES nor NO."""
    flag = _FLAGS.get(text.upper())
    if flag is None:
        raise ProtocolError(f"{command!r} answered {text!r}, expected YES or NO")
    return flag


def parse_error(reply: str, command: str) -> tuple[int, str]:
    """Return number and text of an error; number 0 is none.

    >>> parse_error("E12-Syntax error", "Errorno?"), parse_error(" 1, No error", "Errorno?")
    ((12, 'Syntax error'), (0, 'No error'))
    """
    match = _ERROR.fullmatch(reply.rstrip())
    if match is None:
        raise ProtocolError(f"{command!r} answered {reply!r}, expected a number, - and a text")
    number, text = int(match[1]), match[2]
    return (0 if text.lower().startswith("no error") else number), text
