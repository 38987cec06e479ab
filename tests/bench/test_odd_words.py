"""Words that nothing can be called, at every place of every command: refused in words, code 2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from sensorbench.app.commands.init import init_workspace
from sensorbench.app.main import app

from .test_command_line import typed


def places(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Walk every command with each of its arguments and options that take a word."""
    for name, below in getattr(command, "commands", {}).items():
        yield from places(below, (*path, name))
    if hasattr(command, "commands"):
        return
    for parameter in command.params:
        if not getattr(parameter, "is_flag", False):
            yield path, command, parameter


PLACES = list(places(get_command(app)))


def words(path: tuple[str, ...], command: Any, parameter: Any, word: str) -> list[str]:
    """Type `word` at one place of a command, and something at every other that must be there."""
    found = list(path)
    if parameter.param_type_name == "option":
        found += [parameter.opts[0], word]
    found.append("--")
    for other in command.params:
        if other.param_type_name == "argument" and (other.required or other is parameter):
            found.append(word if other is parameter else "x")
    return found


def test_every_command_is_walked() -> None:
    assert len({path for path, _, _ in PLACES}) > 14
    assert {("show",), ("profiles", "show"), ("simulate",)} <= {path for path, _, _ in PLACES}


@pytest.mark.parametrize(
    ("path", "command", "parameter"),
    PLACES,
    ids=[f"{' '.join(path)} {parameter.name}" for path, _, parameter in PLACES],
)
def test_no_word_is_empty_or_has_a_nul(
    path: tuple[str, ...], command: Any, parameter: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    init_workspace(tmp_path / "bench")
    monkeypatch.chdir(tmp_path / "bench")
    before = sorted(tmp_path.rglob("*"))
    for word in ("", "  ", "a\0b", "\0"):
        code, _, err = typed(monkeypatch, capsys, *words(path, command, parameter, word))
        assert code == 2, (word, err)
        assert "is empty" in err or "NUL" in err, (word, err)
        called = parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar
        assert called in err, (word, err)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("word", ["..", ".", "/", "../lots/first", "../x", "-", "x" * 5000, "a\nb"])
@pytest.mark.parametrize(
    "command",
    [
        ("show", "WORD"), ("report", "WORD"), ("verify", "WORD"), ("resume", "WORD"),
        ("attach", "WORD", "p", "f"), ("run", "WORD", "--lot", "first"),
        ("profiles", "show", "WORD"),
        ("check", "WORD", "--lot", "first"), ("read", "WORD"), ("read", "A1", "--part", "WORD"),
        ("check", "calibration/pressure_temperature", "--lot", "WORD"),
        ("check", "calibration/pressure_temperature", "--lot", "first", "--at", "WORD"),
        ("runs", "-w", "WORD/nowhere"), ("check", "-w", "WORD/nowhere"),
        ("simulate", "WORD/nowhere"),
        ("check-device", "WORD"), ("new", "sensor", "WORD"), ("devices", "--multiplexer", "WORD"),
        ("check", "--because", "WORD"), ("check", "--choose", "WORD"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_names_nothing_is_told_in_words(
    command: tuple[str, ...], word: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    init_workspace(tmp_path / "bench")
    monkeypatch.chdir(tmp_path / "bench")
    capsys.readouterr()
    asked = [part.replace("WORD", word) for part in command]
    code, out, err = typed(monkeypatch, capsys, *asked, "--json")
    assert code == 2, err
    told = json.loads(out)
    assert told["text"]
    assert "Traceback" not in err


def test_a_lot_is_no_path_but_of_a_toml_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    init_workspace(tmp_path / "bench")
    monkeypatch.chdir(tmp_path / "bench")
    lot = tmp_path / "bench" / "lots" / "first.toml"
    asked = ("check", "calibration/pressure_temperature", "--lot")
    for word in ("../lots/first", str(lot.with_suffix(""))):
        _, _, err = typed(monkeypatch, capsys, *asked, word)
        assert "is no name of a file in lots/: write one of first, or the path of a .toml" in err
    for word in ("lots/first.toml", str(lot)):
        assert typed(monkeypatch, capsys, *asked, word)[0] == 0
    elsewhere = tmp_path / "other.toml"
    elsewhere.write_text(lot.read_text().replace("part = ", "prat = "))
    _, _, err = typed(monkeypatch, capsys, *asked, "../other.toml")
    assert "../other.toml: lot.part: is required" in err


@pytest.mark.parametrize("how", ["file", "loop", "nowhere"])
def test_evidence_that_is_no_folder_is_no_empty_list_of_runs(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    init_workspace(tmp_path / "bench")
    monkeypatch.chdir(tmp_path / "bench")
    evidence = Path("evidence")
    if evidence.exists():
        evidence.rmdir()
    if how == "file":
        evidence.write_text("")
    else:
        evidence.symlink_to("evidence" if how == "loop" else "gone")
    capsys.readouterr()
    said = "is a file where a folder should be" if how == "file" else "leads to no folder"
    for asked in (("runs",), ("show", "x"), ("report", "x"), ("verify", "x"), ("resume", "x"),
                  ("attach", "x", "p", "f"), ("check",)):  # fmt: skip
        code, out, err = typed(monkeypatch, capsys, *asked, "--json")
        assert code == 2, (asked, err)
        assert said in err, (asked, err)
        assert not json.loads(out)["ok"]
