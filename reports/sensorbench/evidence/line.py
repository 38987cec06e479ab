"""A line of the journal: canonical JSON of {data, kind, prev, seq, t, time}, and its own digest.

"hash", the SHA-256 of that JSON, is added at its end; "prev" is the hash of the line before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sensorbench.evidence.canonical import canonical

_TAIL = len(',"hash":""}') + 64
_raw = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal. `t` is in seconds from the start of the run, `time` is UTC."""

    seq: int
    t: float
    time: str
    kind: str
    data: Mapping[str, Any]
    hash: str


def _parse(text: str) -> Any:
    # Not `loads`: it looks for blanks around, which are not there, and that takes a third.
    found, end = _raw(text)
    if end != len(text):
        raise ValueError(f"there is more after column {end}")
    return found


def encode(
    seq: int, t: float, time: str, kind: str, data: Mapping[str, Any], prev: str
) -> tuple[bytes, str]:
    """Return an event's line with its newline, and its digest. Raises ValueError for NaN."""
    body = canonical({"seq": seq, "t": t, "time": time, "kind": kind, "data": data, "prev": prev})
    digest = sha256(body).hexdigest()
    return body[:-1] + b',"hash":"' + digest.encode() + b'"}\n', digest


def decode(line: bytes) -> tuple[dict[str, Any], str] | str:
    """Return a line's fields and its digest, or what is wrong with it; without its newline."""
    body, tail = line[:-_TAIL] + b"}", line[-_TAIL:]
    digest = sha256(body).hexdigest()
    if tail != b',"hash":"' + digest.encode() + b'"}':
        return "was changed: its digest does not match"
    try:
        fields = _parse(body.decode())
        # What is not there, or of no kind that can be listed, is told once and here.
        fields["seq"] + 1, float(fields["t"]), fields["time"], hash(fields["kind"])
        fields["data"], fields["prev"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return f"is not an event: {error}"
    return fields, digest


def event_of(line: bytes) -> Event:
    """Return the event of a line that was checked. Raises ValueError, KeyError or TypeError."""
    row = _parse(line.decode())
    return Event(row["seq"], row["t"], row["time"], row["kind"], row["data"], row["hash"])
