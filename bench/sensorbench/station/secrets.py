"""Secrets of station.toml: named there by where they are, never written there.

station.toml is copied into the evidence of every run, so it says only which environment variable or
which file holds a password. What is read here goes to the one who is asked for it, and no further:
no text of an error has it.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from sensorbench.core.errors import BenchError
from sensorbench.parts.model import problem

_LARGEST = 8192
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")


class SecretMissing(BenchError):
    """A secret is not where station.toml says it is, or anybody could read it there."""


def _variable(name: str) -> str:
    # What is refused is not shown: it may be the secret itself.
    if not _NAME.fullmatch(name):
        raise problem(
            "write the name of an environment variable, in capitals, digits and _; not the secret"
        )
    return name


def _file(name: str) -> str:
    if not Path(name).expanduser().is_absolute():
        raise problem("write the whole path of a file that holds the secret; not the secret")
    return name


Variable = Annotated[str, AfterValidator(_variable)]
"""The name of an environment variable that holds a secret."""
SecretFile = Annotated[str, AfterValidator(_file)]
"""The path of a file that holds a secret, and nothing else."""


def read_secret(variable: str | None, file: str | None) -> str:
    """Return the secret in an environment variable or else in a file, "" where neither is named.

    Raises SecretMissing, which says what to do.
    """
    if variable is not None:
        found = os.environ.get(variable, "").strip()
        if not found:
            raise SecretMissing(f"the environment variable {variable} is not set")
        return found
    return _in_file(file) if file is not None else ""


def _in_file(name: str) -> str:
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise SecretMissing(f"{name} can't be read: {error.strerror}") from None
    if os.name == "posix":  # Windows has lists of access instead, which its administrator keeps
        if state.st_uid not in {os.getuid(), 0}:
            raise SecretMissing(f"{name} belongs to another user: chown it")
        if stat.S_IMODE(state.st_mode) & 0o077:
            raise SecretMissing(f"{name} can be read or changed by others: chmod 600 {name}")
    try:
        found = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise SecretMissing(f"{name} is no text") from None
    if not found or len(data) > _LARGEST:
        raise SecretMissing(f"{name} {'is empty' if not found else 'is too long for a secret'}")
    return found
