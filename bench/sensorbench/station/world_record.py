"""Whether a workspace's simulated world is there, where it listens, and what it was made of.

The rules:
- A world holds an operating-system lock for as long as it lives: that alone says whether it is
  alive, and dies with it.
- Its record, with where it listens and the key that opens it, is in the state folder and readable
  by its owner alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sensorbench.core.errors import BenchError
from sensorbench.parts.model import Lot, Part
from sensorbench.station.locks import is_locked, state_folder, world_key
from sensorbench.station.model import StationFile

WORLD = "SENSORBENCH_WORLD"
HERE = "here"
"""What SENSORBENCH_WORLD says for a world in the program itself."""
READY, GO = b"ready\n", b"go\n"
"""What a world says once it is made, is told then, and says once it listens; else a packed error.

One that is told nothing has lost who started it: nobody ever sees it.
"""
Lots = Sequence[tuple[Lot, Part]]


@dataclass(frozen=True, slots=True)
class Record:
    """Where a world listens, and the key that opens it."""

    address: str
    key: bytes
    pid: int
    version: int

    @classmethod
    def read(cls, path: Path) -> Record:
        """Return the record of a world. Raises FileNotFoundError, BenchError in plain words."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                str(told["address"]), bytes.fromhex(told["key"]), int(told["pid"]),
                int(told["version"]),
            )  # fmt: skip
        except PermissionError:
            raise BenchError(
                f"{path} belongs to another account, which started this workspace's simulated "
                "world: let that account end it, or copy the workspace"
            ) from None
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BenchError(
                f"the simulated world of this workspace can't be found: {path}: {error}. Leave the "
                "state folder alone while a simulated run is under way"
            ) from None

    def write(self, path: Path) -> None:
        """Keep it, readable by its owner alone. Raises OSError."""
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        told = {
            "address": self.address, "key": self.key.hex(), "pid": self.pid,
            "version": self.version,
        }  # fmt: skip
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(told, file)
        os.replace(draft, path)


def is_here() -> bool:
    """Return whether the world is to be in the program itself: for tests, and to profile."""
    return os.environ.get(WORLD, "") == HERE


def record_path(workspace: Path) -> Path:
    """Return where the record of a workspace's world is; its folder is made. Raises BenchError."""
    folder = state_folder().with_name("worlds")
    try:
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(0o777)
    except OSError as error:
        raise BenchError(
            f"a simulated world can't be started: {folder} can't be made: "
            f"{error.strerror or error}. Let the machine's owner make it, name a folder in "
            f"SENSORBENCH_STATE, or say {WORLD}={HERE} to do without"
        ) from None
    digest = hashlib.blake2b(str(workspace.resolve()).encode(), digest_size=8).hexdigest()
    return folder / f"{digest}.json"


def world_alive(workspace: Path) -> bool:
    """Return whether the simulated world of a workspace is there, used or waiting."""
    return is_locked(world_key(workspace))


# -- what a world is made of -----------------------------------------------------------------------


def station_digest(file: StationFile) -> str:
    """Return a digest of what a station.toml says."""
    return _digest([file.model_dump_json()])


def lot_digests(lots: Lots) -> dict[str, str]:
    """Return a digest of each lot and its part, by the lot's id."""
    return {
        lot.lot.id: _digest([lot.model_dump_json(), part.model_dump_json()]) for lot, part in lots
    }


def _digest(texts: Sequence[str]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for text in texts:
        found.update(f"{len(text)} ".encode() + text.encode())
    return found.hexdigest()
