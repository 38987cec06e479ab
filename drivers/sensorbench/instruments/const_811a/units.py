"""Units of a ConST 811A: by code where they are set, by name in replies; and fields with a unit.

Source: the maker's command set as a public driver's tests have it, and additel-sdk. Older public
tables say otherwise (1131 is GPa here and Pa there; 1134, 1135 are mPa, uPa and not mmHg, atm): so
a code is believed only beside the name that replies carry.
"""

from __future__ import annotations

import re

from sensorbench.core.errors import ProtocolError
from sensorbench.protocols.scpi import parse_number

KPA_CODE = 1133
_NAMES = {
    1130: "Pa", 1132: "MPa", KPA_CODE: "kPa", 1136: "hPa", 1137: "bar", 1138: "mbar", 1141: "psi",
}  # fmt: skip
PASCALS = {
    "Pa": 1.0, "MPa": 1e6, "kPa": 1e3, "hPa": 100.0, "bar": 1e5, "mbar": 100.0,
    "psi": 6894.757293168361,
}  # fmt: skip
_CODE = re.compile(r"\d{4}")
_NUMBER = re.compile(r"[-+]?\.?\d")


def parse_code(reply: str, command: str) -> str:
    """Return the name of the unit whose code was answered.

    Raises ProtocolError for a code of which the tables differ, and for what is none.

    >>> parse_code("1132", "PRESsure:MODule1:UNIT?")
    'MPa'
    """
    text = reply.strip()
    name = _NAMES.get(int(text)) if _CODE.fullmatch(text) else None
    if name is None:
        raise ProtocolError(
            f"{command!r} answered {reply!r}: none of the units that are used here "
            f"({', '.join(PASCALS)}); choose kPa at the panel"
        )
    return name


def parse_pascals(reply: str, numbers: int, unit: str, command: str) -> tuple[float, ...]:
    """Return the numbers of a reply, Pa, from "0.566,MPa" or "0,73.5,MPa".

    Further fields may follow. Raises ProtocolError where the unit is not the one that the
    controller says it is in, or fields are missing or come twice.

    >>> parse_pascals("0.566,MPa", 1, "MPa", "PRESsure0?")
    (566000.0,)
    """
    fields = [field.strip() for field in reply.split(",")]
    values, told, rest = fields[:numbers], fields[numbers : numbers + 1], fields[numbers + 1 :]
    if not told or any(not field or field in PASCALS or _NUMBER.match(field) for field in rest):
        raise ProtocolError(
            f"{command!r} answered {reply!r}, expected {numbers} of number and then a unit"
        )
    if told != [unit]:
        raise ProtocolError(
            f"{command!r} answered in {told[0]!r}, and the controller says that it is in {unit}: "
            "was the unit changed at the panel, or is its firmware's table of units another?"
        )
    # To a uPa, so that 50.0001 kPa is 50000.1 Pa.
    return tuple(round(parse_number(value, command) * PASCALS[unit], 6) for value in values)
