"""SCPI as a client speaks it: say a command, ask whether it was accepted, read the replies.

Sources: SCPI-99 volume 1 (7.2 numbers, 21.8 error queue) and IEEE 488.2 section 8, as recalled;
repeated headers: EPICS-Pace5000, pace5000.proto.
"""

from __future__ import annotations

import re
from typing import Protocol

from sensorbench.core.errors import InstrumentError, ProtocolError
from sensorbench.core.provenance import Identity

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_CODE = re.compile(r"[+-]?[0-9]{1,5}")
_ECHO = re.compile(r"[:*][A-Za-z][A-Za-z0-9:]*\s+")
_NOT_KNOWN = 9.9e37
_NOT_A_NUMBER = 9.905e37  # between 9.9E37 (infinity) and 9.91E37 (not a number)
_LONGEST_QUEUE = 32
_LONGEST_IDENTITY = 256  # IEEE 488.2 allows 72 characters; some say more


class ScpiLine(Protocol):
    """What a SCPI client needs of a link; `sensorbench.links.line.Line` fits it."""

    def write(self, line: str) -> None:
        """Send one line that is not answered."""
        ...

    def query(self, line: str, timeout_s: float | None = None) -> str:
        """Send one line and return the reply."""
        ...


def without_echo(reply: str, command: str) -> str:
    """Return a reply without blanks around it and without the header that some repeat.

    A header that is not `command`'s stays: the reply is another's, or was garbled.

    >>> without_echo(":SENS:PRES 1.0132", ":SENSe:PRESsure?"), without_echo(" 1.0132", "READ?")
    ('1.0132', '1.0132')
    >>> without_echo(":SENS:PREaS 1.0132", ":SENS:PRES?")
    ':SENS:PREaS 1.0132'
    """
    reply = reply.strip()
    echo = _ECHO.match(reply)
    if echo is None or not _is_of(echo[0].strip(), command):
        return reply
    return reply[echo.end() :]


def _is_of(echo: str, command: str) -> bool:
    """Return whether a header repeats a command's, in short or long form, with suffixes or not."""
    asked = command.partition(" ")[0].rstrip("?")
    one, other = (header.upper().removeprefix(":").split(":") for header in (echo, asked))
    nodes = [[node.rstrip("0123456789") for node in pair] for pair in zip(one, other, strict=False)]
    # A node that may be left out may be repeated all the same: ":OUTP:STAT 0" for "OUTP?".
    return (
        all(one)
        and abs(len(one) - len(other)) <= 1
        and all(
            told == wanted or (len(wanted) > 4 and len(told) in (3, 4) and wanted.startswith(told))
            for told, wanted in nodes
        )
    )


def parse_number(reply: str, command: str) -> float:
    """Return the number that answers `command`.

    Raises ProtocolError if it isn't a number, InstrumentError where the instrument says that the
    value is not known: 9.9E37 (overload) and 9.91E37 (not a number), of either sign.

    >>> parse_number("+4.99987000E+00", "MEAS:VOLT?")
    4.99987
    """
    text = without_echo(reply, command)
    if not _NUMBER.fullmatch(text):
        raise ProtocolError(f"{command!r} answered {reply!r}, expected a number")
    value = float(text)
    if abs(value) >= _NOT_A_NUMBER:
        raise InstrumentError(command, text, "not a number: the instrument has no valid reading")
    if abs(value) >= _NOT_KNOWN:
        raise InstrumentError(
            command, text, "overload: the input is outside the range, or a lead is open"
        )
    return value


def parse_flag(reply: str, command: str) -> bool:
    """Return the boolean that answers `command`: 1 or 0, or ON or OFF as a few instruments say.

    Raises ProtocolError for anything else.
    """
    text = without_echo(reply, command).upper()
    if text not in {"0", "1", "OFF", "ON"}:
        raise ProtocolError(f"{command!r} answered {reply!r}, expected 0 or 1")
    return text in {"1", "ON"}


def parse_error(reply: str) -> tuple[int, str]:
    """Split a SYST:ERR? reply into code and text. Raises ProtocolError if it is no error reply.

    >>> parse_error('-113, "Undefined header"')
    (-113, 'Undefined header')
    """
    code, _, text = without_echo(reply, "SYST:ERR?").partition(",")
    if not _CODE.fullmatch(code.strip()):
        raise ProtocolError(f"SYST:ERR? answered {reply!r}, expected a code and a quoted text")
    return int(code), text.strip().strip('"')


def parse_identity(reply: str) -> Identity:
    """Split a *IDN? reply into its four fields; an absent serial or firmware is written 0.

    Raises ProtocolError for fewer fields, and for what is longer or no text: it is shown to people.

    >>> parse_identity("Keysight Technologies,E36312A,MY59001234,0").serial
    'MY59001234'
    """
    fields = [field.strip() for field in without_echo(reply, "*IDN?").split(",", 3)]
    if len(fields) != 4 or len(reply) > _LONGEST_IDENTITY or not reply.strip().isprintable():
        raise ProtocolError(
            f"*IDN? answered {reply[:_LONGEST_IDENTITY]!r}, "
            "expected manufacturer,model,serial,firmware"
        )
    manufacturer, model, serial, firmware = fields
    return Identity(manufacturer, model, _present(serial), _present(firmware))


def _present(field: str) -> str:
    return "" if field == "0" else field


def show_number(value: float) -> str:
    """Return a number as sent in commands: decimal (NRf), nine digits.

    >>> show_number(0.1 + 0.2), show_number(101325.0)
    ('0.3', '101325')
    """
    return f"{value:.9g}"


def pending_errors(line: ScpiLine) -> list[tuple[int, str]]:
    """Read the error queue until it is empty; the oldest error comes first."""
    errors: list[tuple[int, str]] = []
    for _ in range(_LONGEST_QUEUE):
        code, text = parse_error(line.query("SYST:ERR?"))
        if code == 0:
            break
        errors.append((code, text))
    return errors


def send(line: ScpiLine, command: str) -> None:
    """Send a command and return once the instrument has accepted it.

    Raises InstrumentError with the instrument's own code and text if it refused. An error that
    somebody else left in the queue is raised too: better than to lose it.
    """
    line.write(command)
    errors = pending_errors(line)
    if errors:
        (code, text), *more = errors
        raise InstrumentError(command, code, "; ".join([text, *(f"{c} {t}" for c, t in more)]))
