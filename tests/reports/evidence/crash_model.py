"""What a power cut may leave: every file operation is recorded, every legal disk made from it.

The model is what POSIX promises, and no more than that:
- A file's bytes are on the disk once fsync of the file returned. Until then each block of each
  write may be there or not, and the file as long as any write left it: what never came is NULs.
- A sector is written whole or not at all, and what was on the disk before in it stays.
- A name (created, linked, renamed, unlinked, a folder made) is on the disk once fsync of its folder
  returned. Until then it may be there or not, whatever became of other names or of the bytes. A
  rename within a folder is one change.
- An fsync that failed leaves what was pending forgotten, and the next one does not say so again.
- fsync of a file says nothing of its name, and that of a folder nothing of the folder's own name.
"""

from __future__ import annotations

import errno
import io
import itertools
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = 0
Tree = dict[str, "bytes | None"]
"""A disk: relative names with their bytes, None for a folder."""


@dataclass(frozen=True)
class Write:
    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    file: int
    size: int


@dataclass(frozen=True)
class Sync:
    node: int


@dataclass(frozen=True)
class Failed:
    """fsync said that it could not write: what was pending is forgotten, and said no more."""

    node: int


@dataclass(frozen=True)
class Names:
    """One change of a folder: what is taken out of it, and then what is put into it."""

    folder: int
    gone: tuple[str, ...] = ()
    new: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Make:
    node: int
    is_folder: bool


@dataclass(frozen=True)
class Acknowledged:
    """Something that returned: from here on no power cut may take it back."""

    what: object


Operation = Write | Truncate | Sync | Failed | Names | Make | Acknowledged


class Killed(BaseException):
    """The program is gone at this operation, as by kill -9; its files stay as they are."""


@dataclass
class Recorder:
    """Records what happens under `root` from when `recording` begins. What was there is durable.

    `dies_at` is the number of the operation before which the program is gone; whatever it still
    does on its way out changes nothing. While it `refuses`, fsync fails.
    """

    root: Path
    operations: list[Operation] = field(default_factory=list)
    dies_at: int | None = None
    is_dead: bool = False
    refuses: bool = False
    _nodes: dict[int, int] = field(default_factory=dict)
    _count: int = 0
    steps: int = 0

    def acknowledge(self, what: object) -> None:
        self.operations.append(Acknowledged(what))

    def revive(self, dies_after: int | None = None) -> None:
        """Let another program begin, which is killed after so many operations, or not."""
        self.is_dead = False
        self.dies_at = None if dies_after is None else self.steps + dies_after

    def node(self, path: str | Path | int) -> int:
        """Return the number of a file or folder that is there."""
        return self._nodes[os.stat(path).st_ino]

    def made(self, path: Path, is_folder: bool) -> int:
        self._count += 1
        self._nodes[path.stat().st_ino] = self._count
        self.operations.append(Make(self._count, is_folder))
        return self._count

    def inside(self, path: Any) -> bool:
        return isinstance(path, str | Path) and Path(path).absolute().is_relative_to(self.root)

    def knows(self, descriptor: int) -> bool:
        return os.fstat(descriptor).st_ino in self._nodes

    def alive(self) -> None:
        """Come to the next operation."""
        if self.is_dead or (self.dies_at is not None and self.steps >= self.dies_at):
            self.is_dead = True
            raise Killed
        self.steps += 1

    @contextmanager
    def recording(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
        self._nodes[self.root.stat().st_ino] = ROOT
        for path in sorted(self.root.rglob("*")):  # durable, as it was before
            number = self.made(path, path.is_dir())
            folder = self.node(path.parent)
            self.operations.append(Names(folder, new=((path.name, number),)))
            self.operations.append(Sync(folder))
            if path.is_file():
                self.operations += [Write(number, 0, path.read_bytes()), Sync(number)]
        with monkeypatch.context() as patch:
            _patch(self, patch)
            yield self


class _Traced(io.FileIO):
    """A file whose writes are recorded."""

    recorder: Recorder

    def write(self, data: Any) -> int:
        if self.recorder.is_dead:  # it is only being closed
            return len(memoryview(data).cast("B"))
        self.recorder.alive()
        offset = os.fstat(self.fileno()).st_size if "a" in self.mode else self.tell()
        written = super().write(data)
        kept = bytes(memoryview(data)[:written])
        self.recorder.operations.append(Write(self.recorder.node(self.fileno()), offset, kept))
        return written

    def truncate(self, size: int | None = None) -> int:
        self.recorder.alive()
        end = super().truncate(size)
        self.recorder.operations.append(Truncate(self.recorder.node(self.fileno()), end))
        return end


def _patch(recorder: Recorder, patch: pytest.MonkeyPatch) -> None:
    real_open, real_mkdir, real_link = io.open, os.mkdir, os.link
    real_unlink, real_fsync, real_pwrite = os.unlink, os.fsync, os.pwrite
    log = recorder.operations.append

    def opened(path: Any, mode: str = "r", buffering: int = -1, *rest: Any, **more: Any) -> Any:
        if not recorder.inside(path) or not set(mode) & set("wax+"):
            return real_open(path, mode, buffering, *rest, **more)
        recorder.alive()
        path = Path(path)
        was_there = path.exists()
        raw = _Traced(path, mode.replace("b", "").replace("t", ""))
        raw.recorder = recorder
        if not was_there:
            log(Names(recorder.node(path.parent), new=((path.name, recorder.made(path, False)),)))
        elif "w" in mode:
            log(Truncate(recorder.node(path), 0))
        if buffering == 0:
            return raw
        buffered: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *rest, **more)

    def mkdir(path: Any, mode: int = 0o777) -> None:
        if not recorder.inside(path):
            return real_mkdir(path, mode)
        recorder.alive()
        real_mkdir(path, mode)
        new = ((Path(path).name, recorder.made(Path(path), True)),)
        return log(Names(recorder.node(Path(path).parent), new=new))

    def link(source: Any, target: Any, **more: Any) -> None:
        recorder.alive()
        real_link(source, target, **more)
        new = ((Path(target).name, recorder.node(target)),)
        log(Names(recorder.node(Path(target).parent), new=new))

    def unlink(path: Any) -> None:
        if recorder.inside(path):
            recorder.alive()
        real_unlink(path)
        if recorder.inside(path):
            log(Names(recorder.node(Path(path).parent), gone=(Path(path).name,)))

    def renaming(real: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        def rename(source: Any, target: Any) -> None:
            if not recorder.inside(target):
                return real(source, target)
            recorder.alive()
            assert Path(source).parent == Path(target).parent, "not modelled: between folders"
            real(source, target)
            new = ((Path(target).name, recorder.node(target)),)
            return log(Names(recorder.node(Path(target).parent), (Path(source).name,), new))

        return rename

    def fsync(descriptor: int) -> None:
        if recorder.knows(descriptor):
            recorder.alive()
            if recorder.refuses:
                log(Failed(recorder.node(descriptor)))
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            real_fsync(descriptor)
            log(Sync(recorder.node(descriptor)))

    patch.setattr(io, "open", opened)

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        recorder.alive()
        written = real_pwrite(descriptor, data, offset)
        log(Write(recorder.node(descriptor), offset, bytes(data[:written])))
        return written

    patch.setattr(os, "pwrite", pwrite)
    for name, function in [("mkdir", mkdir), ("link", link), ("unlink", unlink), ("fsync", fsync)]:
        patch.setattr(os, name, function)
    patch.setattr(os, "rename", renaming(os.rename))
    patch.setattr(os, "replace", renaming(os.replace))


# -- what may be left ------------------------------------------------------------------------------


@dataclass
class _Node:
    """What is on the disk for certain, and what was done since."""

    is_folder: bool
    durable: bytes = b""
    names: dict[str, int] = field(default_factory=dict)
    pending: list[Any] = field(default_factory=list)

    def settle(self) -> None:
        """Bring what was done to the disk."""
        if self.is_folder:
            self.names = _named(self.names, self.pending)
        else:
            self.durable = _written(self.durable, self.pending)
        self.pending = []


def _named(names: dict[str, int], changes: list[Names]) -> dict[str, int]:
    found = dict(names)
    for change in changes:
        for name in change.gone:
            found.pop(name, None)
        found.update(change.new)
    return found


def _written(data: bytes, changes: list[Write | Truncate]) -> bytes:
    found = bytearray(data)
    for change in changes:
        if isinstance(change, Truncate):
            del found[change.size :]
            found += bytes(change.size - len(found))
        else:
            found += bytes(max(0, change.offset - len(found)))
            found[change.offset : change.offset + len(change.data)] = change.data
    return bytes(found)


def disk(operations: list[Operation]) -> Tree:
    """Return the files as programs see them, whatever of it the disk has."""
    return _tree(_nodes([o for o in operations if not isinstance(o, Failed)]), {}, {})


def _nodes(operations: list[Operation]) -> dict[int, _Node]:
    nodes = {ROOT: _Node(True)}
    for operation in operations:
        match operation:
            case Make(node, is_folder):
                nodes[node] = _Node(is_folder)
            case Write(node) | Truncate(node) | Names(node):
                nodes[node].pending.append(operation)
            case Sync(node):
                nodes[node].settle()
            case Failed(node):
                nodes[node].pending = []
    return nodes


def acknowledged(operations: list[Operation]) -> list[object]:
    return [operation.what for operation in operations if isinstance(operation, Acknowledged)]


def after_power_cut(
    operations: list[Operation], chance: random.Random, most: int
) -> Iterator[Tree]:
    """Give every disk that a power cut may leave after all of `operations`, `most` at most.

    Where there are more, each is drawn by chance, the plainest of them first.
    """
    nodes = _nodes(operations)
    choices: dict[int, list[Any]] = {}
    for number, node in nodes.items():
        if not node.pending:
            continue
        if node.is_folder:
            kept = itertools.product((True, False), repeat=len(node.pending))
            choices[number] = [
                _named(node.names, list(itertools.compress(node.pending, one)))
                for one in itertools.islice(kept, 256)
            ]
        else:
            choices[number] = list(_contents(node, chance))
    count = 1
    for options in choices.values():
        count *= len(options)
    numbers = list(choices)
    picked: Iterator[tuple[Any, ...]] = itertools.product(*choices.values())
    if count > most:
        plain = itertools.islice(picked, most // 4)
        drawn = (
            tuple(chance.choice(options) for options in choices.values())
            for _ in range(most - most // 4)
        )
        picked = itertools.chain(plain, drawn)
    for one in picked:
        chosen = dict(zip(numbers, one, strict=True))
        yield _tree(nodes, chosen, {})


def _contents(node: _Node, chance: random.Random) -> Iterator[bytes]:
    """Give what a file may hold: each block as it was, NULs, or written; any length on the way."""
    sizes = {len(node.durable)}
    stages = [_written(node.durable, node.pending[: n + 1]) for n in range(len(node.pending))]
    sizes |= {len(stage) for stage in stages}
    final = max(stages, key=len)
    seen = set[bytes]()

    def fresh(data: bytes) -> Iterator[bytes]:
        if data not in seen:
            seen.add(data)
            yield data

    for stage in (*stages, node.durable):
        yield from fresh(stage)
    for block in (512, 4096):
        for size in sorted(sizes):
            touched = [
                n for n in range(0, size, block)
                if node.durable[n : n + block] != final[n : n + block][: size - n]
            ]  # fmt: skip
            every: Iterator[Sequence[bool]] = itertools.product((False, True), repeat=len(touched))
            if len(touched) > 4:
                every = itertools.chain(
                    ([n != gone for n in touched] for gone in touched),  # any one is missing
                    ([n == kept for n in touched] for kept in touched),  # or alone there
                    ([chance.random() < 0.5 for _ in touched] for _ in range(8)),
                )
            for kept in every:
                data = bytearray(node.durable[:size].ljust(size, b"\0"))
                for start in itertools.compress(touched, kept):
                    end = min(start + block, size)
                    data[start:end] = final[start:end].ljust(end - start, b"\0")
                yield from fresh(bytes(data))


def _tree(
    nodes: dict[int, _Node], chosen: dict[int, Any], found: Tree, at: int = ROOT, name: str = ""
) -> Tree:
    node = nodes[at]
    if not node.is_folder:
        found[name] = chosen[at] if at in chosen else _written(node.durable, node.pending)
        return found
    if name:
        found[name] = None
    names = chosen[at] if at in chosen else _named(node.names, node.pending)
    for entry, number in sorted(names.items()):
        _tree(nodes, chosen, found, number, f"{name}/{entry}".lstrip("/"))
    return found


def laid_out(tree: Tree, target: Path) -> Path:
    """Make the files of a disk, as a machine finds them that starts again."""
    target.mkdir(parents=True)
    for name, data in tree.items():
        path = target / name
        if data is None:
            path.mkdir()
        else:
            path.write_bytes(data)
    return target


def on_disk(root: Path) -> Tree:
    """Return what really is there now."""
    return {
        path.relative_to(root).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(root.rglob("*"))
    }
