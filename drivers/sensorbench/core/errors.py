"""One root, split by who has to act. Every message names the device, what came and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class BenchError(Exception):
    """Root of every error raised on purpose, so a run can catch exactly those."""


class TransportError(BenchError):
    """The bytes did not travel: no ACK, time-out, lost link. Check cables; a retry may help."""


class NotAcknowledged(TransportError):
    """No I2C device acknowledged the address or a data byte (errno EREMOTEIO on Linux)."""


class LinkTimeout(TransportError):
    """The peer did not finish its answer before the deadline of the exchange."""


class LinkClosed(TransportError):
    """The peer is not there or went away."""


class ProtocolError(BenchError):
    """Bytes arrived that the datasheet forbids: bad CRC, wrong identity. A retry hides a fault."""

    def at(self, where: str) -> Self:
        """Return this error, told of a place."""
        return type(self)(f"{where}: {self}")


class WrongDevice(ProtocolError):
    """Another part or instrument answers than the one that was asked for."""


class ChecksumError(ProtocolError):
    """Data came whose CRC or parity is wrong: damaged on the wire, or in the part's memory."""


class NotReady(ProtocolError):
    """The device has no new value: it still converts, or nothing was started."""


class Saturated(ProtocolError):
    """The output is at the end of its range: the value is beyond what the device measures.

    `rest` is what the reading is good for all the same: its channels in order, NaN for those that
    are saturated or rest on one that is; empty where that is all of them.
    """

    def __init__(self, text: str, rest: Sequence[float] = ()) -> None:
        super().__init__(text)
        self.rest = tuple(rest)

    def at(self, where: str) -> Self:
        """Return this error, told of a place."""
        return type(self)(f"{where}: {self}", self.rest)


class SettingsLost(ProtocolError):
    """The device's settings are not those that were written: its supply dipped, or it was reset."""


class InstrumentError(BenchError):
    """The instrument understood and refused. Carries its own code and text."""

    def __init__(self, command: str, code: int | str, text: str, name: str = "") -> None:
        said = f"{command!r} refused: {code} {text}".rstrip()
        super().__init__(f"{name}: {said}" if name else said)
        self.command, self.code, self.text = command, code, text

    def named(self, name: str) -> InstrumentError:
        """Return the same error with the instrument's name in the station."""
        return InstrumentError(self.command, self.code, self.text, name)


class DriverFault(Exception):
    """A driver gave what no driver may, such as text for a reading. Who wrote it has to act.

    It is no BenchError: no retry helps, and nobody takes it for what an instrument said.
    """


class NotYetKnown(BenchError):
    """Nothing was done yet that could be read: nobody is at fault, and nothing is lost."""


class SetpointError(BenchError, ValueError):
    """The caller asked for more than the rated range. Nothing was sent."""


class EvidenceError(BenchError):
    """A file of the evidence is missing, damaged or not in its place."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what the user wrote: where (file, key) and what is allowed."""

    file: str
    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.text}" if self.key else f"{self.file}: {self.text}"


class InputError(BenchError):
    """What the user wrote can't be run. Lists every problem at once; nothing was touched."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        noun = "problem" if len(self.problems) == 1 else "problems"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{len(self.problems)} {noun}:\n{lines}")

    @classmethod
    def one(cls, file: str, key: str, text: str) -> InputError:
        """Build the error for a single problem."""
        return cls([Problem(file, key, text)])


def kind_of(error: BaseException) -> str:
    """Return the name of the nearest class of this module: what evidence keeps as an error's code.

    Evidence is read for years: classes of plug-ins may be gone by then, these have words in every
    language of the reports. The name of its own class where an error is none of ours.

    >>> kind_of(Saturated("the output is clipped")), kind_of(OSError())
    ('Saturated', 'OSError')
    """
    own = (kind for kind in type(error).__mro__ if kind.__module__ == __name__)
    return next(own, type(error)).__name__
