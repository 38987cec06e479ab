"""Tables on terminals of any width: words, numbers and ids stay whole."""

from __future__ import annotations

import re
import sys

import pytest

from sensorbench.app.commands.common import print_table

RUN = "SIM-20261126-044904-LOT-1-pressure-temperature"
PROFILE = "calibration/pressure_temperature"
HEADS = ("run", "profile", "lot", "verdict", "waits for")
ROWS = [
    (RUN, PROFILE, "批次 1", "PASS", ""),
    (f"{RUN}-2", PROFILE, "LOT 1", "INVALID", "the reading of the interim test"),
]


def shown(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_table(HEADS, ROWS)
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize("columns", [40, 60, 80, 110, 130, 200])
def test_no_word_is_broken(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = " ".join(shown(columns, monkeypatch, capsys)).split()
    for cell in (*HEADS, *ROWS[0], *ROWS[1]):
        assert set(cell.split()) <= set(words), columns


def test_at_80_columns_a_run_s_id_stands_above_what_is_known_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(80, monkeypatch, capsys)
    assert lines[2:4] == [RUN, f"  {PROFILE}  批次 1  PASS"]
    assert lines[0] == "run"
    assert lines[1].split() == ["profile", "lot", "verdict", "waits", "for"]


def test_where_it_fits_a_row_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(shown(200, monkeypatch, capsys)) == 3
