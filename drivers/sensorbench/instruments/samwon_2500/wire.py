"""Frames of PC-LINK as the driver writes and reads them; no link, no clock.

Source: Samwon TEMP2500 communication manual; TEMI2000 series manual, chapter 5, alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sensorbench.core.errors import ChecksumError, InstrumentError, ProtocolError

STX = "\x02"
MOST = 64
"""Registers of one command at most."""
_WORD = re.compile(r"[0-9A-F]{4}")
_SUMMED = re.compile(r"\d\d(?:NG\d\d|AMI,OK,.{18})[0-9A-F]{2}")
"""Replies that are longer than without a sum: to AMI, which comes first, and refusals."""
_REFUSALS: Final[Mapping[str, str]] = {
    "00": "it does not say why", "01": "it knows no such command",
    "02": "it has no such register, or it can't be written",
    "04": "it does not take the value: is it outside the range, is the controller in this state?",
    "08": "the command's form is wrong", "11": "the checksum is wrong",
    "12": "no monitor list is stored",
}  # fmt: skip


def checksum(text: str) -> str:
    """Return the sum of the characters behind STX, its low byte in hexadecimal.

    >>> checksum("01RSD,03,0001"), checksum("01WRD,02,0104,01F4,0110,0005")
    ('C6', 'B3')
    """
    return f"{sum(text.encode('ascii')) & 0xFF:02X}"


def frame(address: int, body: str, summed: bool) -> str:
    """Return a command without its CR LF."""
    text = f"{address:02d}{body}"
    return STX + text + (checksum(text) if summed else "")


def told(address: int, command: str, reply: str, summed: bool) -> str:
    r"""Return what a reply says behind OK.

    Raises InstrumentError for NG, ChecksumError, ProtocolError for another form.

    >>> told(1, "RSD", "\x0201RSD,OK,01F4,0000,012C05", True)
    '01F4,0000,012C'
    """
    shown = reply.replace(STX, "<STX>")
    if not reply.startswith(STX):
        raise ProtocolError(f"{command} answered {shown!r}, expected a frame that begins with STX")
    text = reply[1:]
    if summed:
        text, found = text[:-2], text[-2:]
        if checksum(text) != found:
            raise ChecksumError(
                f"{command} answered {shown!r}: its sum is not {checksum(text)}. Damaged, or the "
                "panel is set to PC-LINK without SUM: then write checksum = false in station.toml"
            )
    elif _SUMMED.fullmatch(text) and checksum(text[:-2]) == text[-2:]:
        raise ProtocolError(
            f"{command} answered {shown!r}, with a sum: the panel is set to PC-LINK+SUM; take "
            "checksum = false out of station.toml"
        )
    refused = re.fullmatch(rf"{address:02d}NG(\d\d)", text)
    if refused:
        code = refused[1]
        raise InstrumentError(command, f"NG{code}", _REFUSALS.get(code, ""))
    begins = f"{address:02d}{command},OK"
    if text != begins and not text.startswith(f"{begins},"):
        raise ProtocolError(f"{command} answered {shown!r}, expected {begins}")
    return text[len(begins) + 1 :]


def words(command: str, text: str, count: int) -> tuple[int, ...]:
    """Return the values of a reply, two's complement. Raises ProtocolError for other than `count`.

    >>> words("RRD", "01F4,FE70", 2)
    (500, -400)
    """
    fields = text.split(",")
    if len(fields) != count or not all(map(_WORD.fullmatch, fields)):
        raise ProtocolError(f"{command} answered {text!r}, expected {count} words of 4 hex digits")
    numbers = [int(field, 16) for field in fields]
    return tuple(number - 0x10000 if number & 0x8000 else number for number in numbers)


def reading(registers: Sequence[int]) -> str:
    """Return the command that reads registers, by their D number.

    >>> reading([1, 3])
    'RRD,02,0001,0003'
    """
    return ",".join([f"RRD,{len(registers):02d}", *(f"{number:04d}" for number in registers)])


def writing(values: Mapping[int, int]) -> str:
    """Return the command that writes registers, all at once and in order.

    >>> writing({104: 500, 110: 5})
    'WRD,02,0104,01F4,0110,0005'
    """
    fields = [f"{number:04d},{value & 0xFFFF:04X}" for number, value in values.items()]
    return ",".join([f"WRD,{len(values):02d}", *fields])
