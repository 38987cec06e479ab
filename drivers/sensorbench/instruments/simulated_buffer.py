"""What queries of Keithley's graphical instruments name: a buffer, and elements of a reading.

Source: a public client (labmcp-keithley-smu 0.1.2, `READ? "defbuffer1",SOUR,READ`); the names of
all elements recalled from the reference manuals of the 2450 and the DMM6500.
"""

from __future__ import annotations

from collections.abc import Sequence

from sensorbench.protocols.scpi_parameters import Choice, Maybe, Parameter, Text
from sensorbench.protocols.scpi_status import ScpiError

_BUFFERS = ("defbuffer1", "defbuffer2")
_ELEMENTS = (
    "DATE", "FORMatted", "FRACtional", "READing", "RELative", "SEConds", "SOURce", "SOURFORMatted",
    "SOURSTATus", "SOURUNIT", "STATus", "TIME", "TSTamp", "UNIT",
)  # fmt: skip
READING = "READ"


class BufferName:
    """The name of a reading buffer, in quotes."""

    def parse(self, token: str) -> str:
        """Return the name. Raises ScpiError for a buffer that is not there."""
        name = Text().parse(token)
        if name not in _BUFFERS:
            raise ScpiError(-224)
        return name


def buffer_and_elements(*known: str) -> tuple[Parameter, ...]:
    """Return the parameters of a query: a buffer, then elements, of which the twin has `known`."""
    others = [name for name in _ELEMENTS if name not in known]
    short = ["".join(letter for letter in name if not letter.islower()) for name in others]
    element = Choice(*known, beyond=(*short, *(name.upper() for name in others)))
    return (Maybe(BufferName()), *[Maybe(element)] * len(_ELEMENTS))


def asked_for(elements: Sequence[str | None]) -> list[str]:
    """Return the elements that were named, in short form; the reading alone where none was."""
    return [element for element in elements if element] or [READING]
