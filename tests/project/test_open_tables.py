"""Nothing above the devices names a quantity or a kind of test: both are open tables."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensorbench.core.quantity import quantities
from sensorbench.profiles.model import kinds

ROOT = Path(__file__).parents[2]
FLOORS = ("profiles", "reports", "bench")
# What computes with one kind of number only, and what is written for people.
_FREE = (
    "reports/sensorbench/analysis/",
    "reports/sensorbench/reports/words/",
    "bench/sensorbench/testing/",  # what is done to the world to prove a driver
    "bench/sensorbench/app/templates/",
    "bench/sensorbench/app/demo.py",
    "bench/sensorbench/app/commands/demo.py",
)
# English words that a quantity happens to be called, too.
_ENGLISH = frozenset({"load", "flow", "supply", "voltage"})
_VERBS = frozenset({"load"})


def sources(floors: tuple[str, ...] = FLOORS) -> Iterator[tuple[str, str]]:
    """Return name and text of every module that may name no quantity."""
    for floor in floors:
        for path in sorted((ROOT / floor / "sensorbench").rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(_FREE):
                yield name, path.read_text(encoding="utf-8")


def docstrings(text: str) -> set[tuple[int, int]]:
    """Return where the docstrings of a module begin."""
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = set()
    for node in ast.walk(ast.parse(text)):
        bodies = [node.body] if isinstance(node, nodes) else []
        for body in bodies:
            for statement in body:
                value = getattr(statement, "value", None)
                if isinstance(statement, ast.Expr) and isinstance(value, ast.Constant):
                    found.add((value.lineno, value.col_offset))
    return found


def words(text: str) -> Iterator[tuple[int, str]]:
    """Return line and word of every identifier and string, docstrings and comments aside.

    An English word counts where it stands alone as a string or in a key: `"supply"` and
    "[bench.supply]", not "check the supply".
    """
    prose = docstrings(text)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            parts = {token.string.lower(), *token.string.lower().split("_")}
            yield from ((token.start[0], part) for part in sorted(parts - _ENGLISH))
        elif token.type == tokenize.STRING and token.start not in prose:
            content = token.string.lower().strip("rbf\"'")
            parts = set(re.findall(r"[a-z0-9_]+", content))
            keys = re.findall(r"(?<=[.\[])[a-z]+(?=[\s.\]=]|$)|[a-z]+(?=\.[a-z])", content)
            parts -= _ENGLISH - set(keys) if content not in _ENGLISH else _VERBS
            yield from ((token.start[0], part) for part in sorted(parts))


@pytest.mark.parametrize("name", [name for name, _ in sources()])
def test_no_module_above_the_devices_names_a_quantity(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    found = [f"{name}:{line}: {word}" for line, word in words(text) if word in quantities()]
    assert found == []


def test_the_search_finds_what_it_is_to_find() -> None:
    text = (
        '"""About pressure."""\nx = {"pressure": 1}  # pressure\n'
        'temperature_c = x["humidity.a"]\nsay("check the supply.")\nbind("supply")\n'
        'say("write [bench.supply]")\nsay("load.current is low")\n'
    )
    found = [(line, word) for line, word in words(text) if word in quantities()]
    found, again = found[:4], found[4:]
    assert found == [(2, "pressure"), (3, "temperature"), (3, "humidity"), (5, "supply")]
    assert again == [(6, "supply"), (7, "load")]


@pytest.mark.parametrize("floor", FLOORS)
def test_no_module_but_its_own_knows_a_kind_of_test(floor: str) -> None:
    """Kinds are found by name: no list of them, and nobody asks which one a phase is."""
    own = re.compile(r"/(kinds|measures|verbs)/")
    there = set(kinds())
    found = []
    for name, text in sources((floor,)):
        if own.search(name):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and any(
                f".kinds.{kind}" in f"{node.module}" for kind in there
            ):
                found.append(f"{name}:{node.lineno}: imports {node.module}")
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                asked = ast.unparse(node.args[1])
                if re.search(r"\b(\w*Phase|kinds\.\w+)\b", asked):
                    found.append(f"{name}:{node.lineno}: isinstance of {asked}")
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                said = [s.value for s in sides if isinstance(s, ast.Constant) and s.value in there]
                if said and '"kind"' in ast.unparse(node).replace("'", '"'):
                    found.append(f"{name}:{node.lineno}: compares a kind with {said[0]!r}")
    assert found == []


def test_a_verb_is_one_file_and_the_runner_names_none() -> None:
    text = (ROOT / "bench/sensorbench/run/runner.py").read_text(encoding="utf-8")
    strings = {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    verbs = {path.stem for path in (ROOT / "bench/sensorbench/run/verbs").glob("[a-z]*.py")}
    assert verbs >= {"load", "unload", "park", "ask", "write", "null", "gate"}
    assert strings & verbs == set()
