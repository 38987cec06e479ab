"""Making safe on a machine that gives nothing any more."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator

import pytest

from sensorbench.app.failure import tell
from sensorbench.core.errors import BenchError, LinkClosed
from sensorbench.instruments.trying import try_each
from sensorbench.safety import making
from sensorbench.safety.alarm import Alarm
from sensorbench.safety.watchdog import People


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    yield
    monkeypatch.undo()


def attempt(name: str, works: list[str], fails: int = 0) -> making._Attempt:
    def work() -> str:
        works.append(name)
        if works.count(name) <= fails:
            raise BenchError("no answer")
        return ""

    return making._Attempt(name, work)


@pytest.mark.usefixtures("no_threads")
def test_a_machine_without_threads_makes_all_safe_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(making, "LAST_S", 0.1)
    done: list[str] = []
    ranks = [
        [attempt("load", done, fails=1), attempt("mute", done, fails=99)],
        [attempt("chamber", done)],
    ]
    making._in_real_time(ranks)
    assert [one.problem for rank in ranks for one in rank] == ["", "no answer", ""]
    assert done == ["load", "load", *["mute"] * making.TRIES, "chamber"]


def test_a_supply_that_is_gone_for_a_moment_is_tried_until_it_is_safe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its LAN was away for a second: three refused connections are no refusal of the supply's."""
    works: list[str] = []

    def switch_off() -> None:
        works.append("off")
        if len(works) <= 2 * making.TRIES:
            raise LinkClosed("psu: nothing listens at 192.168.1.21:5025")

    def work() -> str:
        try_each({"output 1": switch_off}, "make safe", "Pull the plug of the supply")
        return ""

    monkeypatch.setattr(making, "_PAUSE_S", 0.01)
    one = making._Attempt("psu", work)
    making._in_real_time([[one]])
    assert not one.problem
    assert one.tries == 2 * making.TRIES + 1


@pytest.mark.usefixtures("no_threads")
def test_who_can_tell_nobody_goes_on_making_safe() -> None:
    people = People(Alarm(every_s=1.0), "station", "R1")
    people.tell("not safe", "it is tried on")
    people.sign_of_life()
    people.wait()


def test_what_is_not_safe_is_the_last_line_where_json_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """On one screen: the JSON comes before it."""
    monkeypatch.setattr("sys.argv", ["sensorbench", "run", "--json"])
    monkeypatch.setattr("sys.stderr", sys.stdout)
    error = BenchError("stopped")
    error.add_note("NOT SAFE: psu: no answer. Make it safe by hand.")
    assert tell(error, "stopped", 9) == 9
    said = capfd.readouterr().out
    assert said.splitlines()[-1].startswith("NOT SAFE: psu")
    assert json.loads(said.rpartition("stopped\nNOT SAFE")[0])["exit_code"] == 9
