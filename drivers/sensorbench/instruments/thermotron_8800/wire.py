"""Replies of an 8800 as its driver reads them; no link, no clock.

Sources: as `driver`. An operation is answered by a result code, 0 for accepted; a coded integer
may have a point behind it; a decimal has digits behind its point.
"""

from __future__ import annotations

import re

from sensorbench.core.errors import InstrumentError, ProtocolError

_CODE = re.compile(r"(\d{1,8})\.?")
_DECIMAL = re.compile(r"[+-]?\d{1,5}\.\d+")
_NUMBER = re.compile(r"[+-]?\d{1,5}(?:\.\d*)?")


def code(command: str, reply: str) -> int:
    """Return a coded integer. Raises ProtocolError for anything else.

    >>> code("AUXE1?", "148."), code("ALRM2?", "1")
    (148, 1)
    """
    found = _CODE.fullmatch(reply.strip())
    if not found:
        raise ProtocolError(f"{command!r} answered {reply!r}, expected a coded integer")
    return int(found[1])


def accepted(command: str, reply: str) -> None:
    """Raise InstrumentError unless an operation was accepted, ProtocolError for another form.

    >>> accepted("AUXE1,59", "0")
    """
    result = code(command, reply)
    if result:
        raise InstrumentError(
            command, result, "it does not take that now: is it in another mode, is its display "
            "locked, is the value outside its limits? Its manual lists the codes",
        )  # fmt: skip


def decimal(command: str, reply: str) -> float:
    """Return a value. Raises ProtocolError where it is none: no digits behind a point.

    A result code that comes late, or says that a query was refused, is no value.

    >>> decimal("PVAR1?", "22.000")
    22.0
    """
    if not _DECIMAL.fullmatch(reply.strip()):
        raise ProtocolError(f"{command!r} answered {reply!r}, expected a decimal as 22.000")
    return float(reply)


def number(command: str, reply: str) -> float:
    """Return a setting that is compared with what was sent, so with or without a point.

    Raises ProtocolError for anything else.

    >>> number("MRMP1?", "5"), number("MRMP1?", "2.5")
    (5.0, 2.5)
    """
    if not _NUMBER.fullmatch(reply.strip()):
        raise ProtocolError(f"{command!r} answered {reply!r}, expected a number")
    return float(reply)
