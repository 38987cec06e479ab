"""Simulated Numato Lab 4-channel USB relay module.

Sources: Numato Lab's demonstration program (commands, echo, LF CR, prompt) and public clients; the
form of `ver`, `id get`, `relay readall` and `writeall` recalled. Not modelled: the module's GPIO
and ADC pins, which it refuses and notes in `beyond`; the 10 ms that a contact takes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.world.fields import Constant, Driven
from sensorbench.world.world import World

_COUNT = 4
_SWITCH = re.compile(r"relay (on|off|read) ([0-9a-v])")
_ALL = re.compile(r"relay writeall ([0-9a-f]{1,2})")


class SimNumatoRelay:
    """A module in a simulated world. `contacts` are fields by member name: 1 closed, 0 open.

    Faults: `welded` contacts stay as they are while the relays move, `dead` relays don't move,
    `silent` does not answer.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("welded", "dead", "silent")

    terminators: tuple[bytes, ...] = (b"\r", b"\r\n", b"\n\r")
    reply_terminator: bytes = b">"

    def __init__(self, world: World, serial: str) -> None:
        self.serial = serial
        self._world = world
        self.beyond = world.beyond_of(serial)
        self._relays = [False] * _COUNT
        self._fields = [Driven(Constant(0.0)) for _ in range(_COUNT)]
        self.contacts: Mapping[str, Driven] = {
            f"k{number + 1}": field for number, field in enumerate(self._fields)
        }
        digest = hashlib.blake2b(serial.encode(), digest_size=4).hexdigest()
        self._id = serial if re.fullmatch(r"[\w-]{1,16}", serial) else digest

    def understood(self) -> tuple[str, ...]:
        """Return every command it knows."""
        one = tuple(f"relay {verb} <0..3>" for verb in ("off", "on", "read"))
        return ("id get", *one, "relay readall", "relay writeall <hex>", "ver")

    def handle(self, line: bytes) -> bytes | None:
        """Answer one line: its echo, and the answer on a line of its own."""
        if self._fault == "silent":
            return None
        command = line.decode("ascii", "replace").strip()
        answer = self._answer(command) if command else ""
        text = f"{command}\n\r{answer}\n\r" if answer else f"{command}\n\r"
        return text.encode("ascii", "replace")

    @property
    def _fault(self) -> str:
        return self._world.fault_of(self.serial)

    def _answer(self, command: str) -> str:
        if command == "ver":
            return "00000008"
        if command == "id get":
            return self._id
        if command == "relay readall":
            return f"{sum(on << number for number, on in enumerate(self._relays)):x}"
        if match := _ALL.fullmatch(command):
            return self._write_all(int(match[1], 16))
        match = _SWITCH.fullmatch(command)
        if not match:
            self.beyond.note(command)
            return "Bad command"
        if int(match[2], 32) >= _COUNT:
            return "Bad command"
        number = int(match[2], 32)
        if match[1] == "read":
            return "on" if self._relays[number] else "off"
        self._pull(number, match[1] == "on")
        return ""

    def _write_all(self, mask: int) -> str:
        if mask >> _COUNT:
            return "Bad command"
        for number in range(_COUNT):
            self._pull(number, bool(mask >> number & 1))
        return ""

    def _pull(self, number: int, on: bool) -> None:
        if self._fault == "dead":
            return
        self._relays[number] = on
        field = self._fields[number]
        if self._fault != "welded" and components(field.at(0.0))[0] != float(on):
            self._world.changing()
            field.field = Constant(float(on))
