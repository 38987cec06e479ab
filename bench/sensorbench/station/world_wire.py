"""What goes between a simulated world in a process of its own and the program that uses it.

The rules:
- A request is what is wanted and when: an operation, the caller's time and since when it works
  aside; a reply is whether it was done, and what time it is after it. Both are one message.
- Nothing that comes is ever unpickled, and what is no request is refused.
- What comes by the million is packed: I2C transfers, lines, outlooks. The rest is JSON.
- An error crosses as its class, of a closed list, and its text.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from sensorbench.core import errors
from sensorbench.core.errors import BenchError, InputError, Problem, ProtocolError
from sensorbench.core.operator import OperatorAbsent, Question

VERSION = 2
"""Of what is said here; who speaks another one is told so."""
MOST_BYTES = 1 << 20
"""Of one message: far more than an I2C transfer or an answer has."""

TRANSFER, LINE, OUTLOOK, CALL = 1, 2, 3, 4
DONE, FAILED, SILENT = 0, 1, 2
"""How a reply begins; SILENT is an instrument that gives no answer to a line."""

HEAD = struct.Struct("<Bdd")
"""What every request begins with: operation, now in s, since when aside in s, or NOT_ASIDE."""
TRANSFER_HEAD = struct.Struct("<BddBBI")
"""As HEAD, then the bus by its number, the address, how many bytes are read; what is written."""
LINE_HEAD = struct.Struct("<BddH")
"""As HEAD, then the instrument by its number; the line without its terminator."""
OUTLOOK_HEAD = struct.Struct("<BddH")
"""As HEAD, then the place by its number."""
CAME = struct.Struct("<I")
"""Before a request that is told and gets no reply: what the last one came to (`outcome`)."""
NOT_KNOWN = 0
REPLY = struct.Struct("<Bd")
"""How it went, now in s; then bytes, JSON, or a terminator's length, the terminator, the answer."""
OUTLOOK_REPLY = struct.Struct("<Bddddd")
"""As REPLY, then the Outlook of a place: still until, least, greatest, sure until."""
NOT_ASIDE = -1.0

Json = dict[str, Any]


class WorldFailed(BenchError):
    """The simulated world itself failed: a fault of a twin, not of what it stands for."""


class WorldEnded(BenchError):
    """The simulated world of a run is not there any more, and with it what became of the units."""


class BadRequest(ProtocolError):
    """What came is no request: it was not done, and whoever sent it is not listened to again."""


class WorldInUse(BenchError):
    """Another program uses the simulated world; nothing was touched."""


_KINDS: Mapping[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        errors.TransportError, errors.NotAcknowledged, errors.LinkTimeout, errors.LinkClosed,
        errors.ProtocolError, errors.WrongDevice, errors.ChecksumError, errors.NotReady,
        errors.Saturated, errors.SettingsLost, errors.NotYetKnown, errors.SetpointError,
        BenchError, WorldFailed, WorldEnded, WorldInUse, OperatorAbsent, KeyError, ValueError,
        NotImplementedError,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is neither a transfer nor a line: what is called, with what."""

    name: str
    arguments: tuple[Any, ...] = ()


def outcome(reply: bytes) -> int:
    """Return what two worlds that did the same are compared by; never NOT_KNOWN."""
    return crc32(reply) or 1


def pack_call(now_s: float, aside_s: float, name: str, arguments: Sequence[Any] = ()) -> bytes:
    """Return a call as it goes over the wire."""
    said = json.dumps([name, *arguments], separators=(",", ":"))
    return HEAD.pack(CALL, now_s, aside_s) + said.encode()


def unpack_call(request: bytes) -> Call:
    """Return what a request calls. Raises BadRequest."""
    try:
        name, *arguments = json.loads(request[HEAD.size :])
    except (ValueError, TypeError) as error:
        raise BadRequest(f"not a call of a simulated world: {error}") from None
    return Call(str(name), tuple(arguments))


def pack_error(now_s: float, error: Exception) -> bytes:
    """Return a reply that raises the same error at the other side.

    One that is none of the list is its nearest class there; a fault of a twin is WorldFailed.
    """
    if isinstance(error, InputError):
        said: Json = {
            "kind": "InputError",
            "problems": [[p.file, p.key, p.text] for p in error.problems],
        }
    else:
        kind = next((k.__name__ for k in type(error).__mro__ if _KINDS.get(k.__name__) is k), "")
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        if not kind:
            kind = WorldFailed.__name__
            text = f"the simulated world failed: {type(error).__name__}: {text}"
        said = {"kind": kind, "text": text}
    return REPLY.pack(FAILED, now_s) + json.dumps(said).encode()


def unpack_error(reply: bytes) -> Exception:
    """Return the error that a reply carries."""
    try:
        said = json.loads(reply[REPLY.size :])
        if said["kind"] == "InputError":
            return InputError([Problem(*map(str, row)) for row in said["problems"]])
        return _KINDS.get(said["kind"], BenchError)(str(said["text"]))
    except (ValueError, TypeError, KeyError):
        return ProtocolError(f"the simulated world sent what is no error: {reply[:80]!r}")


def pack_line_reply(now_s: float, terminator: bytes, reply: bytes | None) -> bytes:
    """Return an instrument's answer to a line, with what it ends its answers with now."""
    status = SILENT if reply is None else DONE
    return REPLY.pack(status, now_s) + bytes((len(terminator),)) + terminator + (reply or b"")


def unpack_line_reply(reply: bytes) -> tuple[bytes, bytes | None]:
    """Return what an instrument ends its answers with, and its answer if it gave one."""
    begin = REPLY.size + 1
    end = begin + reply[REPLY.size]
    return reply[begin:end], None if reply[0] == SILENT else reply[end:]


def question_as_json(question: Question) -> Json:
    """Return a question as it goes over the wire."""
    return {
        "text": dict(question.text), "answers": list(question.answers),
        "what": dict(question.what), "within_s": question.within_s,
    }  # fmt: skip


def as_question(told: Any) -> Question:
    """Return a question that came over the wire. Raises BadRequest."""
    try:
        return Question(
            {str(k): str(v) for k, v in told["text"].items()},
            tuple(map(str, told["answers"])),
            {str(k): str(v) for k, v in told["what"].items()},
            float(told["within_s"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRequest(f"not a question: {error!r}") from None


def in_words(request: bytes) -> str:
    """Return what a request asked for, for people."""
    kind = request[0] if request else 0
    if kind == TRANSFER:
        _, now_s, _, bus, address, length = TRANSFER_HEAD.unpack_from(request)
        write = request[TRANSFER_HEAD.size :].hex()
        said = f"{write or 'nothing'} written, {length} bytes read"
        return f"I2C bus {bus}, address {address:#04x}, {said}, at {now_s} s"
    if kind == LINE:
        _, now_s, _, number = LINE_HEAD.unpack_from(request)
        return f"{request[LINE_HEAD.size :]!r} to instrument {number}, at {now_s} s"
    return repr(request[HEAD.size :])
