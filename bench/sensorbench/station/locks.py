"""Locks: who drives a device, one program at a time, whatever account it runs under.

The rules:
- A lock is the operating system's, on a file that stays: it dies with the process that holds it,
  however that ends. The file beside it only says who holds it, for the message to the next one.
- The key is the real device: a bus by its device file, a serial port by what it resolves to, a host
  by its addresses and port, a VISA resource by its name. Two station.toml that call one supply by
  different names meet.
- Once an instrument has told its serial number, that is held, too: it may have two plugs.
- The folder is our own and never a temporary one, which is cleaned under running programs:
  SENSORBENCH_STATE, else the machine's (every account meets there), else the user's where the
  machine's can't be written.
- Who makes a bench safe needs no disk for it: what can't be locked there is opened all the same,
  unless another program is seen to hold it.
- Whoever can't have all has none: nothing was touched when Held is raised.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import site_state_path, user_state_path

from sensorbench.core.errors import BenchError
from sensorbench.evidence.files import make_folder
from sensorbench.station.device_keys import adapter_keys, host_keys, port_keys, visa_keys
from sensorbench.station.links import SerialLink, TcpLink, VisaLink
from sensorbench.station.model import StationFile

STATE = "SENSORBENCH_STATE"
MARKS = "marks"
_EVERYBODY = 0o666
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Held(BenchError):
    """Another program holds what this one needs; nothing was touched."""


def state_folder() -> Path:
    """Return the folder of the locks, made where it is not there. Raises BenchError."""
    said = os.environ.get(STATE)
    places = (
        [Path(said)]
        if said
        else [site_state_path("sensorbench", appauthor=False), user_state_path("sensorbench")]
    )
    folders = [place / "locks" for place in places]
    for folder in folders:
        try:
            # Both at once: whoever comes first may be the only one who can make them. Not sticky:
            # there no account may lock a file that another one left.
            for each in (folder, folder.with_name(MARKS)):
                if not each.is_dir():
                    make_folder(each)  # a mark in it outlives a power cut
                    each.chmod(0o777)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    for folder in folders:
        if folder.is_dir():  # a disk that went read-only, or is full, still says who holds what
            return folder
    tried = " and ".join(str(place) for place in places)
    raise BenchError(
        f"no folder for locks: {tried} can't be written. Let the machine's owner make {places[0]}, "
        f"or name a folder in {STATE}"
    )


@contextmanager
def held(keys: Iterable[str], purpose: str) -> Iterator[None]:
    """Hold all of `keys` within the block. Raises Held, with nothing held, naming the holder."""
    wanted = sorted(set(keys))
    with ExitStack() as stack:
        if wanted:
            folder = state_folder()
            for key in wanted:
                stack.enter_context(_one(folder, key, purpose))
        yield


@contextmanager
def _one(folder: Path, key: str, purpose: str) -> Iterator[None]:
    path = folder / file_name(key)
    lock = FileLock(path, timeout=0, mode=_EVERYBODY)
    try:
        lock.acquire()
    except Timeout:
        raise _in_use(key, path) from None
    except OSError as error:
        raise BenchError(f"{key} can't be locked: {path}: {error.strerror or error}") from None
    said = path.with_suffix(".holder")
    try:
        _say(said, key, purpose)
        yield
    finally:
        with suppress(OSError):  # what says who holds it matters less than that it is let go
            said.unlink()
        lock.release()


@contextmanager
def held_where_possible(keys: Iterable[str], purpose: str) -> Iterator[None]:
    """Hold what can be held: a disk that can't be written keeps nobody from making safe.

    Raises Held, with nothing held, where another program is seen to hold any of them.
    """
    with ExitStack() as stack:
        try:
            folder = state_folder()
        except BenchError:
            yield
            return
        for key in sorted(set(keys)):
            try:
                stack.enter_context(_one(folder, key, purpose))
            except Held:
                raise
            except BenchError:
                path = folder / file_name(key)
                if is_held(path):
                    raise _in_use(key, path) from None
        yield


def is_locked(key: str) -> bool:
    """Return whether a program that lives holds a key. Raises BenchError without a folder."""
    path = state_folder() / file_name(key)
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0, mode=_EVERYBODY)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return is_held(path)
    lock.release()
    return False


def is_held(path: Path) -> bool:
    """Return whether a lock is held whose file can't be opened to be written.

    What can't be known is taken as held.
    """
    try:
        import fcntl  # noqa: PLC0415 - POSIX only
    except ImportError:
        return True
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # to read is enough for it
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _in_use(key: str, path: Path) -> Held:
    return Held(f"{key} is in use: {_holder(path)}. Nothing was touched; wait for it or stop it")


def file_name(key: str) -> str:
    """Return what the file of a key's lock is called."""
    digest = hashlib.blake2b(key.encode(), digest_size=6).hexdigest()
    return f"{re.sub(r'[^0-9A-Za-z.-]+', '-', key).strip('-')[-60:]}-{digest}.lock"


def _say(path: Path, key: str, purpose: str) -> None:
    told = {
        "key": key,
        "purpose": purpose,
        "pid": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "boot": boot_id(),
    }
    try:
        path.write_text(json.dumps(told), encoding="utf-8")
        path.chmod(_EVERYBODY)
    except OSError:
        pass  # the lock holds without it; only the next one's message is poorer


def boot_id() -> str:
    """Return which start of the machine this is, "" where it does not say."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _holder(path: Path) -> str:
    try:
        told = json.loads(path.with_suffix(".holder").read_text(encoding="utf-8"))
        since = datetime.fromisoformat(told["since"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return f"`{told['purpose']}` of process {told['pid']} holds it since {since}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another program holds it"


# -- what is locked --------------------------------------------------------------------------------


RUNS = "runs of "


def run_key(workspace: Path) -> str:
    """Return the key of running in a workspace: its evidence and its simulated memory."""
    return f"{RUNS}{workspace.resolve()}"


def simulation_key(workspace: Path) -> str:
    """Return the key of serving a workspace's twins."""
    return f"twins of {workspace.resolve()}"


def world_key(workspace: Path) -> str:
    """Return the key of being a workspace's simulated world."""
    return f"simulated world of {workspace.resolve()}"


def station_keys(file: StationFile, port_of: Callable[[str], int]) -> list[str]:
    """Return the keys of everything real that a station opens.

    `port_of` gives a model's own TCP port, where station.toml says none.
    """
    keys: list[str] = []
    for bus in file.bus.values():
        if bus.adapter is not None:
            keys += adapter_keys(bus.adapter, bus.where)
    ways = [(entry.link, entry.model) for entry in file.instrument.values()]
    for link, model in [*ways, *((socket.line, "") for socket in file.socket)]:
        match link:
            case SerialLink() as link if link.remote is not None:
                keys += host_keys(*link.remote)
            case SerialLink(port=port):
                keys += port_keys(port)
            case TcpLink(host=host, port=port):
                keys += host_keys(host, port or port_of(model))
            case VisaLink(resource=resource):
                keys += visa_keys(resource)
            case _:
                pass
    return keys
