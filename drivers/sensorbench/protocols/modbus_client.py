"""A Modbus client on a line: reads and writes the registers of one unit, one request at a time.

It keeps nothing of the device; of the line it keeps whether its adapter echoes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal, Protocol

from sensorbench.core.errors import InstrumentError, ProtocolError
from sensorbench.protocols.modbus import (
    ECHOED,
    MOST_BITS,
    MOST_READ,
    MOST_WRITTEN,
    SERIAL,
    Bits,
    Framing,
    Register,
    Space,
    TcpReply,
    Words,
    decode,
    encode,
    reading,
    reading_bits,
    writing,
    writing_bit,
)

_TRANSACTIONS = 0x10000


class ModbusLine(Protocol):
    """What a client needs of a link; `sensorbench.links.line.FrameLine` fits it."""

    name: str
    medium: Literal["serial", "tcp"]

    def exchange(
        self,
        frame: bytes,
        length_of: Callable[[bytes], int | None],
        timeout_s: float | None = None,
    ) -> bytes:
        """Send a frame and return the first frame that comes back."""
        ...


class ModbusClient:
    """Speaks to `unit` (1 to 255) on a line: Modbus/TCP where it is TCP, else RTU or ASCII.

    `framing` is what the device is set to on a serial line, `words` the order of the halves of 32
    bits, `most` how many registers it gives in one reply, `gap` how many between two that are asked
    for are read along rather than by a second request: none, where a register that is not there is
    an exception.
    """

    def __init__(
        self,
        line: ModbusLine,
        unit: int,
        *,
        words: Words = "high first",
        most: int = MOST_READ,
        gap: int = 0,
        framing: Framing = "rtu",
    ) -> None:
        if not 1 <= unit <= 255:
            raise ValueError(f"{line.name}: {unit} is no Modbus unit: 1 to 247")
        if framing not in SERIAL:
            raise ValueError(
                f"{line.name}: framing = {framing!r} is not allowed; allowed: {', '.join(SERIAL)}"
            )
        self.name, self.unit = line.name, unit
        self._line, self._words, self._most, self._gap = line, words, most, gap
        self._framing = framing
        self._transaction = 0
        self._echoes: bool | None = None

    def read(self, register: Register) -> float:
        """Return a register's value.

        Raises ProtocolError for a reply that is none, InstrumentError for an exception.
        """
        return self.read_many([register])[0]

    def read_code(self, register: Register) -> int:
        """Return the value of a register that is a code or a count; see `read`."""
        return round(self.read(register))

    def read_many(self, registers: Sequence[Register]) -> tuple[float, ...]:
        """Return the values of several, neighbours in one request; see `read`."""
        found: dict[tuple[Space, int], int] = {}
        for space, first, count in _spans(registers, self._most, self._gap):
            words = self.read_words(space, first, count)
            found |= {(space, first + k): word for k, word in enumerate(words)}
        return tuple(self._decoded(register, found) for register in registers)

    def read_words(self, space: Space, first: int, count: int) -> tuple[int, ...]:
        """Return `count` registers from `first` on as they are, 16 bits each."""
        return self._exchange(reading(space, first, count))

    def read_bits(self, space: Bits, first: int, count: int) -> tuple[bool, ...]:
        """Return `count` bits from `first` on, coils by function 1, discrete inputs by 2."""
        if not 1 <= count <= MOST_BITS:
            raise ValueError(f"{self.name}: {count} bits can't be read at once")
        return tuple(map(bool, self._exchange(reading_bits(space, first, count))))

    def write_bit(self, address: int, is_on: bool, *, told_by: Bits = "coil") -> None:
        """Set or clear one bit by function 5; `told_by` is how the device gives it."""
        if self._must_learn_echo:
            self._learn_echo(reading_bits(told_by, address, 1))
        self._exchange(writing_bit(address, is_on))

    def read_text(self, first: int, count: int) -> str:
        """Return a text of one character a register; it ends at the first that is 0."""
        words = self.read_words("holding", first, count)
        kept = words[: words.index(0)] if 0 in words else words
        text = "".join(map(chr, kept)).strip()
        if not text.isascii() or not text.isprintable():
            raise ProtocolError(f"{self.name}: registers from {first} hold {text!r}, no text")
        return text

    def write(self, register: Register, value: float) -> float:
        """Write a value, and return what it is once it has the register's steps.

        One register by function 6, two by 16. Raises SetpointError before anything is sent,
        InstrumentError where the device refuses.
        """
        words = encode(register, value, self._words)
        self.write_words(register.address, words, several=len(words) > 1)
        return decode(register, words, self._words)

    def write_words(self, first: int, words: Sequence[int], *, several: bool = True) -> None:
        """Write registers from `first` on: by function 16, or one alone by 6."""
        if not 1 <= len(words) <= (MOST_WRITTEN if several else 1):
            raise ValueError(f"{self.name}: {len(words)} registers can't be written at once")
        if not several and self._must_learn_echo:
            self._learn_echo(reading("holding", first, 1))
        self._exchange(writing(first, tuple(words), several))

    # --------------------------------------------------------------------------------------

    def _decoded(self, register: Register, found: dict[tuple[Space, int], int]) -> float:
        words = tuple(found[register.space, register.address + k] for k in range(register.count))
        try:
            return decode(register, words, self._words)
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from None

    @property
    def _must_learn_echo(self) -> bool:
        return self._echoes is None and self._line.medium == "serial"

    def _learn_echo(self, question: bytes) -> None:
        """Find out by a reading whether the adapter echoes: a reply that is the request can't."""
        with suppress(InstrumentError):  # one that can't be read was asked for all the same
            self._exchange(question)

    def _exchange(self, pdu: bytes) -> tuple[int, ...]:
        try:
            if self._line.medium == "tcp":
                self._transaction = (self._transaction + 1) % _TRANSACTIONS
                awaited = TcpReply(self.unit, pdu, self._transaction)
                return awaited.words(self._line.exchange(awaited.frame, awaited.length_of))
            reply = SERIAL[self._framing](self.unit, pdu, bool(self._echoes))
            received = self._line.exchange(reply.frame, reply.length_of)
            if pdu[0] not in ECHOED:
                self._echoes = bool(reply.echo_of(received))
            return reply.words(received)
        except InstrumentError as refused:
            raise refused.named(self.name) from None
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from error


def _spans(registers: Sequence[Register], most: int, gap: int) -> list[tuple[Space, int, int]]:
    """Return the fewest requests that read all registers: space, first, count.

    >>> _spans([Register(10), Register(12), Register(11), Register(90)], 125, 0)
    [('holding', 10, 3), ('holding', 90, 1)]
    """
    found: list[tuple[Space, int, int]] = []
    for one in sorted(registers, key=lambda one: (one.space, one.address)):
        end = one.address + one.count
        if found:
            space, first, count = found[-1]
            is_near = one.address <= first + count + gap and end - first <= most
            if space == one.space and is_near:
                found[-1] = (space, first, max(count, end - first))
                continue
        found.append((one.space, one.address, one.count))
    return found
