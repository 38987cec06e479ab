"""Sample segments: frames of float64 rows, appended, each with its checksum.

Frame: "SBF1", rows u32, columns u32, CRC-32 of the payload u32, CRC-32 of these 16 bytes u32, then
the rows in little-endian float64, row after row. NaN is "not known".
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import EvidenceError
from sensorbench.evidence.canonical import sha256
from sensorbench.evidence.files import sync

Rows = npt.NDArray[np.float64]
_HEAD = struct.Struct("<4sIII")
_CRC = struct.Struct("<I")
_HEAD_LENGTH = _HEAD.size + _CRC.size


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a frame lies; the journal names it so, with the digest of its bytes."""

    stream: str
    file: str
    offset: int
    length: int
    sha256: str

    def as_data(self) -> dict[str, Any]:
        """Return the frame as the journal stores it."""
        return asdict(self)


def encode(rows: Rows) -> bytes:
    """Return `rows`, shape (n, columns), as one frame."""
    payload = np.ascontiguousarray(rows, dtype="<f8").tobytes()
    head = _HEAD.pack(b"SBF1", rows.shape[0], rows.shape[1], zlib.crc32(payload))
    return head + _CRC.pack(zlib.crc32(head)) + payload


def decode(frame: bytes, where: str) -> Rows:
    """Return the rows of a frame, shape (n, columns), read-only. Raises EvidenceError."""
    head = frame[: _HEAD.size]
    if len(frame) < _HEAD_LENGTH or zlib.crc32(head) != _CRC.unpack_from(frame, _HEAD.size)[0]:
        raise EvidenceError(f"{where}: the frame's head is damaged")
    magic, rows, columns, crc = _HEAD.unpack(head)
    payload = frame[_HEAD_LENGTH:]
    if magic != b"SBF1" or len(payload) != rows * columns * 8 or zlib.crc32(payload) != crc:
        raise EvidenceError(f"{where}: the frame's samples are damaged")
    return np.frombuffer(payload, dtype="<f8").reshape(rows, columns)


class SegmentWriter:
    """Appends frames of one stream to one file."""

    def __init__(self, root: Path, stream: str) -> None:
        self.file = f"samples/{stream}.seg"
        self._stream = stream
        self._dirty = False
        self._open = (root / self.file).open("xb", buffering=1 << 20)

    def append(self, rows: Rows) -> Frame:
        """Add a frame; it is durable after the next `commit`."""
        data = encode(rows)
        self._dirty = True
        # Asked of the file: a write that an exception cut off leaves bytes that nothing names.
        offset = self._open.tell()
        self._open.write(data)
        return Frame(self._stream, self.file, offset, len(data), sha256(data))

    def commit(self) -> None:
        """Bring all frames to the disk."""
        if self._dirty:
            sync(self._open)
            self._dirty = False

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._open.close()
