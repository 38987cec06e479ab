"""A run's directory: written once by RunWriter, read by RunReader. Layout: docs/evidence.md."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import numpy as np

from sensorbench.core.clock import Clock
from sensorbench.core.errors import EvidenceError
from sensorbench.core.provenance import Provenance
from sensorbench.evidence import journal, segments
from sensorbench.evidence.cache import Cache
from sensorbench.evidence.canonical import canonical, sha256
from sensorbench.evidence.events import Selection
from sensorbench.evidence.files import make_folder, sync_folder, sync_tree, write_new
from sensorbench.evidence.foreign import left_by
from sensorbench.evidence.holding import lost
from sensorbench.evidence.readonly import ReadOnly
from sensorbench.evidence.segments import Frame, Rows, TypedRows

FORMAT = 2
STALLED_S = 0.5
"""How long a commit takes at most on a disk that is well, s; longer is put on record."""
_LONG = 1 << 26  # a frame that claims more is no longer than its file
PAYLOAD_TYPE = "application/vnd.sensorbench.evidence.{}+json"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of samples: its value is `stored * scale + offset`, in `unit`."""

    name: str
    unit: str
    scale: float = 1.0
    offset: float = 0.0


class RunWriter:
    """Writes the evidence of one run. What `commit` returned for is never lost.

    Raises FileExistsError where there is such a run.

    Samples reach the disk before the journal line that names them, so that no line ever names
    samples that are not there.
    """

    def __init__(
        self,
        root: Path,
        clock: Clock,
        manifest: Mapping[str, Any],
        inputs: Mapping[str, bytes],
        commit_interval_s: float = 0.0,
    ) -> None:
        self.root = root
        self._commit_interval_s = commit_interval_s
        self._committed_at = -math.inf
        self._clock = clock
        self._start_s = clock.now()
        make_folder(root, exist_ok=False)
        for folder in ("samples", "derived", "inputs"):  # the order is what `never_begun` knows
            (root / folder).mkdir()
        for name, data in inputs.items():
            write_new(root / "inputs" / name, data)
        digests = {name: sha256(data) for name, data in inputs.items()}
        self.manifest = {
            "format": FORMAT,
            "run_id": root.name,
            "clock_start_s": self._start_s,
            **manifest,
            "inputs": digests,
        }
        manifest_bytes = canonical(self.manifest)
        self._journal = journal.JournalWriter(root / "journal.jsonl", sha256(manifest_bytes))
        # The last, once the journal has brought all names before it to the disk: a folder without
        # it is not a run yet, whenever program or power go.
        write_new(root / "run.json", manifest_bytes)
        self._segments: dict[str, segments.SegmentWriter] = {}
        self._since_s: float | None = None
        # Safety writes from a thread of its own.
        self._lock, self._disk = threading.RLock(), threading.RLock()
        self._stalled_s = 0.0

    @classmethod
    def reopen(cls, root: Path, clock: Clock, commit_interval_s: float = 0.0) -> RunWriter:
        """Return a writer that goes on with a run that is not sealed. Raises EvidenceError, and
        BenchError where another program writes it.

        Times go on by the calendar: what passed since the last line counts. All that is there is on
        the disk when this returns: a program that was killed may not have seen to it.
        """
        reader = RunReader(root)
        if reader.is_sealed:
            raise EvidenceError(f"{root.name} is sealed: nothing can be added to it")
        if reader.journal.damage or reader.journal.crlf:
            what = [*reader.journal.damage, "the line ends of journal.jsonl were changed"]
            raise EvidenceError(f"{root.name} is damaged: {what[0]}; `verify` says more")
        events = reader.journal.events
        writer = cls.__new__(cls)
        writer.root = root
        writer.manifest = dict(reader.manifest)
        writer._commit_interval_s, writer._committed_at = commit_interval_s, -math.inf
        writer._clock = clock
        # A run that was cut off before its first event goes on from its beginning.
        t, time_utc, prev = (
            0.0,
            str(reader.manifest.get("started", "")),
            sha256(reader.manifest_bytes),
        )
        if events:
            t, time_utc, prev = events[-1].t, events[-1].time, events[-1].hash
        began = datetime.fromisoformat(time_utc) if time_utc else clock.utc()
        passed = (clock.utc() - began).total_seconds()
        # The clock is another one than the run began with; its zero moves so that times go on.
        writer._start_s = clock.now() - t - max(0.0, passed)
        writer._journal = journal.JournalWriter.reopen(root / "journal.jsonl", len(events), prev)
        writer._segments = {
            name: segments.SegmentWriter(root, name, again=True) for name in reader.streams
        }
        sync_tree(root)
        writer._since_s = None
        writer._lock, writer._disk = threading.RLock(), threading.RLock()
        writer._stalled_s = 0.0
        return writer

    @property
    def start_s(self) -> float:
        """Return the clock's time at the start of the run: evidence counts from there."""
        return self._start_s

    def seconds_since(self, t: float) -> float:
        """Return how long ago something was, by its time in the evidence, in s."""
        return round(self._clock.now() - self._start_s - t, 6)

    @property
    def streams(self) -> tuple[str, ...]:
        """Return the streams that are announced."""
        return tuple(self._segments)

    def attach(self, folder: str, name: str, data: bytes) -> dict[str, Any]:
        """Keep a file that came from elsewhere; return its name in the run and its digest."""
        path = self.root / "attached" / folder / name
        make_folder(path.parent)
        number = 1
        while path.exists():  # sent again, corrected: what came before stays as it was
            number += 1
            path = path.with_name(f"{Path(name).stem} ({number}){Path(name).suffix}")
        write_new(path, data)
        return {"file": path.relative_to(self.root).as_posix(), "sha256": sha256(data)}

    def declare(self, stream: str, columns: Sequence[Column]) -> None:
        """Announce a stream of samples and what its columns are. Raises EvidenceError."""
        if stream in self._segments:
            raise EvidenceError(f"{self.root.name}: stream {stream} was announced before")
        # A file may be there: of a program that was killed before the announcement was on the disk.
        self._segments[stream] = segments.SegmentWriter(self.root, stream, again=True)
        sync_folder(self.root / "samples")
        self.append(
            "stream",
            {"stream": stream, "columns": [asdict(column) for column in columns]},
        )

    def waited_s(self) -> float:
        """Return for how long the oldest event has waited for a commit, s; 0 where none does."""
        since = self._since_s
        return 0.0 if since is None else self._clock.now() - since

    def append(
        self, kind: str, data: Mapping[str, Any], samples: Mapping[str, TypedRows] | None = None
    ) -> int:
        """Add an event, with frames of samples by stream, and return its number."""
        with self._lock:
            if samples:
                frames = [self._segments[s].append(rows).as_data() for s, rows in samples.items()]
                data = {**data, "frames": frames}
            now = self._clock.now()
            if self._since_s is None:
                self._since_s = now
            t = round(now - self._start_s, 6)
            stamp = self._clock.utc().isoformat(timespec="microseconds")
            return self._journal.append(t, stamp, kind, data)

    def commit_soon(self) -> None:
        """Commit, unless the last commit was within the interval that was asked for.

        An interval above 0 is for virtual time, where hours of events pass in a second: until then
        what was appended outlives the program, not the machine.
        """
        if time.monotonic() - self._committed_at >= self._commit_interval_s:
            self.commit()
        else:
            self.hand_over()

    def hand_over(self) -> None:
        """Hand everything appended so far to the system: a death of the program loses none of it.

        On the disk it is after the next `commit`. While another thread commits, that does so.
        """
        if not self._disk.acquire(blocking=False):
            return
        try:
            with self._lock:
                for segment in self._segments.values():
                    segment.hand_over()
                waits = self._journal.hand_over()
        finally:
            self._disk.release()
        if waits > journal.AT_ONCE // 2:  # of more a power cut would leave what nobody can read
            self.commit()

    def commit(self) -> None:
        """Acknowledge everything appended so far: it is on the disk when this returns."""
        with self._disk:
            if self._stalled_s:
                self.append("disk_stalled", {"seconds": round(self._stalled_s, 3)})
                self._stalled_s = 0.0
            with self._lock:  # short: whoever appends does not wait for the disk
                self._committed_at = began_s = time.monotonic()
                flushed = [segment for segment in self._segments.values() if segment.flush()]
                count = self._journal.waiting
                self._since_s = None
            for segment in flushed:
                segment.sync()
            self._journal.commit(count)
            self.look()
            took_s = time.monotonic() - began_s
            self._stalled_s = took_s if took_s >= STALLED_S else 0.0

    def look(self) -> None:
        """Raise OSError where the run's files are no longer where they were, or not all of them."""
        files: list[journal.JournalWriter | segments.SegmentWriter] = [self._journal]
        files += self._segments.values()
        for file in files:
            if why := file.why_lost():
                raise lost(file.path, f"{why}; what was written since can't be kept")

    def write_derived(self, name: str, value: Any) -> None:
        """Store a result that can be recomputed from the rest."""
        make_folder(self.root / "derived")  # git and archives leave out folders that are empty
        write_new(self.root / "derived" / name, canonical(value))

    def seal(self) -> None:
        """Close the run for ever: the digests of all its files, and of the last journal line."""
        self.commit()
        self.close()
        sync_tree(self.root)  # what it names is on the disk before it
        lines, last = self._journal.last
        origin = self.manifest.get("provenance", Provenance.SIMULATED.value)
        body = {
            "payload_type": PAYLOAD_TYPE.format(origin),
            "run_id": self.root.name,
            "sealed": self._clock.utc().isoformat(timespec="microseconds"),
            "journal_lines": lines,
            "journal_last": last,
            "files": {
                name: digest(self.root / name) for name in files_of(self.root) if not left_by(name)
            },
        }
        write_new(self.root / "seal.json", canonical({**body, "seal": sha256(canonical(body))}))

    def close(self) -> None:
        """Give the files back, without sealing; closing twice is fine."""
        with (
            ExitStack() as stack
        ):  # a disk that is full lets some of them fail, and keeps none open
            stack.callback(self._journal.close)
            for segment in self._segments.values():
                stack.callback(segment.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(self.root)  # as of a disk that is full
        try:
            self.close()
        except OSError:
            if error is None:  # else what ended the run is what must be told
                raise


def digest(path: Path) -> dict[str, Any]:
    """Return size and SHA-256 of a file, as the seal stores them."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": found}


def files_of(root: Path) -> list[str]:
    """Return the names of all files of a run but the seal, sorted, with forward slashes."""
    paths = (path for path in root.rglob("*") if path.is_file())
    return sorted(
        name for path in paths if (name := path.relative_to(root).as_posix()) != "seal.json"
    )


def _why(error: Exception) -> str:
    """Return what stands in the way of reading a run, in words."""
    if isinstance(error, OSError) and error.filename:
        return f"{Path(error.filename).name} can't be read: {error.strerror}"
    if isinstance(error, KeyError):
        return f"an entry of the journal lacks {error}"
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON at line {error.lineno}, column {error.colno}"
    return str(error) or type(error).__name__


class RunReader:
    """Reads a run, complete or not. Damage is for `evidence.check`; readers take what is whole.

    What the journal holds is read when it is used. With `afresh` nothing is believed of what was
    kept of an earlier reading before every byte of the journal was read again.
    """

    def __init__(self, root: Path, afresh: bool = False) -> None:
        # Resolved, so that "." has a name too.
        self.root = root = root.resolve()
        self._segments: dict[str, ReadOnly] = {}
        self.cache = Cache(root)
        try:
            self.manifest_bytes = (root / "run.json").read_bytes()
            manifest = json.loads(self.manifest_bytes)
            first = sha256(self.manifest_bytes)
            self.journal = journal.read(root / "journal.jsonl", first, self.cache, afresh)
            self._streams = {
                event.data["stream"]: tuple(_column(row) for row in event.data["columns"])
                for event in self.events("stream")
            }
        except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
            raise EvidenceError(f"{root.name} is not a readable run: {_why(error)}") from None
        if not isinstance(manifest, dict):
            raise EvidenceError(f"{root.name} is not a readable run: run.json holds no table")
        self.manifest: Mapping[str, Any] = manifest

    @property
    def run_id(self) -> str:
        """Return the run's id, which is also its folder's name."""
        return str(self.manifest.get("run_id", self.root.name))

    @property
    def provenance(self) -> Provenance:
        """Return where the run's values come from: the weakest of all that is on record.

        An edited run.json does not make simulated values measured: instruments and id count too.
        """
        said = [str(self.manifest.get("provenance"))]
        said += [str(event.data.get("provenance")) for event in self.events("instrument")]
        hardware = all(word == Provenance.HARDWARE.value for word in said)
        marked = self.root.name.startswith("SIM-")
        return Provenance.HARDWARE if hardware and not marked else Provenance.SIMULATED

    @property
    def last_event(self) -> journal.Event | None:
        """Return the last event that is whole, None where there is none."""
        return self.journal.events[-1] if self.journal.events else None

    @property
    def is_sealed(self) -> bool:
        """Return whether the run was closed in order."""
        return (self.root / "seal.json").exists()

    def events(self, *kinds: str) -> Selection:
        """Return the events of those kinds, or all, in order; each is read when it is used."""
        return self.journal.log.of(kinds)

    def input_text(self, name: str) -> str:
        """Return one of the input files. Raises EvidenceError where it is missing."""
        try:
            return (self.root / "inputs" / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise EvidenceError(f"{self.run_id}: inputs/{name} can't be read: {error}") from None

    @property
    def streams(self) -> tuple[str, ...]:
        """Return the streams that the journal announces."""
        return tuple(self._streams)

    def columns(self, stream: str) -> tuple[Column, ...]:
        """Return a stream's columns, as the run announced them. Raises EvidenceError."""
        if stream not in self._streams:
            raise EvidenceError(f"{self.run_id}: the journal announces no stream {stream}")
        return self._streams[stream]

    def streams_of(self, event: journal.Event) -> tuple[str, ...]:
        """Return the streams that an event has samples of."""
        return tuple(dict.fromkeys(frame["stream"] for frame in event.data.get("frames", ())))

    def samples(self, event: journal.Event, stream: str) -> TypedRows:
        """Return the rows that an event has of a stream, as stored, shape (n, columns).

        (0, columns) if there are none. Raises EvidenceError if they are damaged.
        """
        rows = event.data.get("frames", ())
        frames = [frame for frame in map(Frame.of, rows) if frame.stream == stream]
        if not frames:
            return np.empty((0, len(self._streams.get(stream, ()))))
        found = [segments.decode(self.frame_bytes(f), f.file) for f in frames]
        return found[0] if len(found) == 1 else cast("TypedRows", np.concatenate(found))

    def values(self, event: journal.Event, stream: str) -> Rows:
        """Return the rows of a stream in their units, scaled as the stream was announced."""
        stored = self.samples(event, stream)
        columns = self.columns(stream)
        scale = np.array([column.scale for column in columns])
        offset = np.array([column.offset for column in columns])
        return np.asarray(stored * scale + offset)

    def rows(self, stream: str, breaks: Sequence[int] = ()) -> Iterator[tuple[int, Rows]]:
        """Yield all rows of a stream in its units, many at a time, without the events' lines.

        With the number of the event that the first of them is from: no piece has rows of events
        both before and after one of `breaks`. Raises EvidenceError where a frame is damaged.
        """
        columns = self.columns(stream)
        scale = np.array([column.scale for column in columns])
        offset = np.array([column.offset for column in columns])
        is_plain = not (scale != 1.0).any() and not offset.any()
        for event, file, start, count, length in self.journal.log.frames(stream, breaks):
            data = self.segment(file).read(start, count * length)
            if len(data) < count * length or not length:
                raise EvidenceError(f"{file}: the frame's samples are damaged")
            stored = segments.decode_alike(data, length, file)
            yield event, np.asarray(stored if is_plain else stored * scale + offset)

    def frame_bytes(self, frame: Frame) -> bytes:
        """Return the bytes of a frame, as many as there are. Raises EvidenceError."""
        file, length = self.segment(frame.file), frame.length
        if frame.offset < 0 or length > _LONG:
            length = min(length, file.stat().st_size - frame.offset) if frame.offset >= 0 else 0
        return file.read(frame.offset, length)

    def segment(self, name: str) -> ReadOnly:
        """Return a file of samples, to be read in pieces. Raises EvidenceError."""
        if name not in self._segments:
            path = (self.root / name).resolve()
            if not path.is_relative_to(self.root.resolve()):
                raise EvidenceError(f"{name} points outside the run")
            try:
                self._segments[name] = ReadOnly(path)
            except OSError as error:
                raise EvidenceError(f"{name} can't be read: {error.strerror}") from None
        return self._segments[name]


def _column(row: Mapping[str, Any]) -> Column:
    """Return a column of a stream's announcement; a later version may have said more."""
    return Column(row["name"], row["unit"], row.get("scale", 1.0), row.get("offset", 0.0))
