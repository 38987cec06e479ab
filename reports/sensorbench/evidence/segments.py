"""Sample segments: frames of typed rows, appended, each with its checksum.

Frame: "SBF2", rows u32, columns u32, CRC-32 of the payload u32, type u32, CRC-32 of these 20 bytes
u32, then the rows in little-endian, row after row. Types: 1 float64 (NaN is "not known"), 2 int16,
3 int32.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import EvidenceError
from sensorbench.evidence.canonical import sha256
from sensorbench.evidence.holding import why_lost

Rows = npt.NDArray[np.float64]
TypedRows = npt.NDArray[np.float64] | npt.NDArray[np.int16] | npt.NDArray[np.int32]
_TYPES = {1: "<f8", 2: "<i2", 3: "<i4"}
_CODES = {"float64": 1, "int16": 2, "int32": 3}
_HEAD = struct.Struct("<4sIIII")
_CRC = struct.Struct("<I")
_HEAD_LENGTH = _HEAD.size + _CRC.size
_SHAPE = [0, 1, 2, 4]
"""Words of a head that frames of one shape have in common: all but the checksums."""


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
        # Not asdict, which copies deeply: this is done for every sweep.
        return {
            "stream": self.stream, "file": self.file, "offset": self.offset,
            "length": self.length, "sha256": self.sha256,
        }  # fmt: skip

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Frame:
        """Return what the journal stored; a later version may have said more. Raises KeyError."""
        return cls(data["stream"], data["file"], data["offset"], data["length"], data["sha256"])


def encode(rows: TypedRows) -> bytes:
    """Return `rows`, shape (n, columns), as one frame. Raises KeyError for another type."""
    code = _CODES[rows.dtype.name]
    payload = np.ascontiguousarray(rows, dtype=_TYPES[code]).tobytes()
    head = _HEAD.pack(b"SBF2", rows.shape[0], rows.shape[1], zlib.crc32(payload), code)
    return head + _CRC.pack(zlib.crc32(head)) + payload


def decode(frame: bytes, where: str) -> TypedRows:
    """Return the rows of a frame, shape (n, columns), read-only. Raises EvidenceError."""
    head = frame[: _HEAD.size]
    if len(frame) < _HEAD_LENGTH or zlib.crc32(head) != _CRC.unpack_from(frame, _HEAD.size)[0]:
        raise EvidenceError(f"{where}: the frame's head is damaged")
    magic, rows, columns, crc, code = _HEAD.unpack(head)
    payload = memoryview(frame)[_HEAD_LENGTH:]
    kind = _TYPES.get(code)
    if magic != b"SBF2" or kind is None or zlib.crc32(payload) != crc:
        raise EvidenceError(f"{where}: the frame's samples are damaged")
    if len(payload) != rows * columns * np.dtype(kind).itemsize:
        raise EvidenceError(f"{where}: the frame's samples are damaged")
    return np.frombuffer(payload, dtype=kind).reshape(rows, columns)


def decode_alike(data: bytes, length: int, where: str) -> TypedRows:
    """Return the rows of frames that lie one behind the other, each `length` bytes.

    Shape (n, columns). Where all are of one shape they are decoded at once; each has its checksums
    compared. Raises EvidenceError where one is damaged or cut.
    """
    first = decode(data[:length], where)
    frames = np.frombuffer(data, np.uint8, len(data) // length * length).reshape(-1, length)
    heads = frames[:, :_HEAD_LENGTH].copy().view("<u4")
    if len(data) % length or (heads[:, _SHAPE] != heads[0, _SHAPE]).any():
        blocks = [decode(data[at : at + length], where) for at in range(0, len(data), length)]
        return cast("TypedRows", np.concatenate(blocks))
    view = memoryview(data)
    starts = range(0, len(data), length)
    for at, own, of_head in zip(starts, heads[:, 3].tolist(), heads[:, 5].tolist(), strict=True):
        if zlib.crc32(view[at : at + _HEAD.size]) != of_head:
            raise EvidenceError(f"{where}: the frame's head is damaged")
        if zlib.crc32(view[at + _HEAD_LENGTH : at + length]) != own:
            raise EvidenceError(f"{where}: the frame's samples are damaged")
    rows = frames[:, _HEAD_LENGTH:].copy().view(first.dtype)
    return cast("TypedRows", rows.reshape(-1, first.shape[1]))


class SegmentWriter:
    """Appends frames of one stream to one file."""

    def __init__(self, root: Path, stream: str, again: bool = False) -> None:
        self.file = f"samples/{stream}.seg"
        self._stream = stream
        self._dirty = self._is_behind = False
        self.path = root / self.file
        there = again and self.path.exists()
        self._open: BinaryIO = self.path.open("r+b" if there else "xb", buffering=1 << 20)
        self._open.seek(0, os.SEEK_END)
        # Frames that the disk was not seen to have, with their place; how many the system has.
        self._unsure: list[tuple[int, bytes]] = []
        self._handed, self._failed = 0, False

    def append(self, rows: TypedRows) -> Frame:
        """Add a frame; it is durable after the next `commit`."""
        data = encode(rows)
        self._dirty = True
        # Asked of the file: a write that an exception cut off leaves bytes that nothing names.
        offset = self._open.tell()
        self._open.write(data)
        self._unsure.append((offset, data))
        return Frame(self._stream, self.file, offset, len(data), sha256(data))

    def flush(self) -> bool:
        """Hand all frames to the system; return whether the disk has to be waited for."""
        if self._dirty:
            self._open.flush()
            self._handed = len(self._unsure)
            self._dirty, self._is_behind = False, True
        return self._is_behind

    def hand_over(self) -> None:
        """Hand all frames to the system; the next `flush` still says that the disk waits."""
        if self._dirty:
            self._open.flush()

    def sync(self) -> None:
        """Bring what was handed to the system to the disk.

        What it could not write it forgets, and says so once: then all of it is handed over anew.
        """
        file = self._open.fileno()
        for offset, data in self._unsure[: self._handed] if self._failed else ():
            written = 0
            while written < len(data):
                written += os.pwrite(file, data[written:], offset + written)
        self._failed = hasattr(os, "pwrite")  # Windows fails once and for all
        os.fsync(file)
        self._failed = False
        del self._unsure[: self._handed]
        # Not before: the next commit must not name what this one failed to bring there.
        self._handed, self._is_behind = 0, False

    def why_lost(self) -> str:
        """Return in words why the file can't be found any more, "" where it can."""
        return why_lost(self._open, self.path)

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._open.close()
