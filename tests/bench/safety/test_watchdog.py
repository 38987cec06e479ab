"""A run that is killed, or hangs: its watchdog makes the bench safe, over the real ports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bench.safety.listeners import Web, web
from tests.bench.safety.ports import one_session
from tests.bench.safety.served import PROGRAM, Served, served, watchdogs

from sensorbench.evidence.canonical import sha256
from sensorbench.evidence.journal import read
from sensorbench.safety import marks
from sensorbench.safety.watching import HEARD_S, is_watched

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the twins of this bench are served on a pseudo-terminal"
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as there:
        yield there


def safe_after(bench: Served, longest_s: float) -> float:
    """Return how long it took until the supply was off, s."""
    start = time.monotonic()
    while bench.is_on():
        assert time.monotonic() - start < longest_s
        time.sleep(0.02)
    return time.monotonic() - start


def mark(bench: Served, state: str) -> marks.Mark:
    """Return the bench's mark once it says so."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = marks.marks()
        if found and found[0].state == state:
            return found[0]
        time.sleep(0.02)
    raise AssertionError([one.said for one in marks.marks()])


def said(bench: Served, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words], cwd=bench.root, text=True, capture_output=True, check=False
    )


def record(bench: Served) -> list[str]:
    """Return what kinds of event the watchdog put on its own record."""
    (path,) = (bench.root / "watchdog").glob("*.jsonl")
    found = read(path, sha256(path.stem.encode()))
    assert not found.damage
    return [event.kind for event in found.events]


@pytest.mark.chaos
def test_a_run_that_is_killed_leaves_the_bench_safe_and_the_next_one_barred(bench: Served) -> None:
    program = bench.run()
    assert bench.is_on()
    program.kill()
    assert safe_after(bench, 5.0) < 5.0
    assert "the watchdog made the bench safe" in mark(bench, marks.SAFE).said
    assert record(bench) == ["attempt", "made_safe"]
    shown = said(bench, "show", bench.journals()[-1].parent.name)
    assert "attempt 1 to make the bench safe: all is safe" in shown.stdout
    assert "no run now: " in said(bench, "check").stdout
    refused = said(bench, "run", "profiles/bake.toml", "--lot", "a")
    assert refused.returncode == 4
    assert "ended without making the bench safe" in refused.stderr
    assert "sensorbench acknowledge --by NAME" in refused.stderr
    assert said(bench, "acknowledge").returncode == 2
    assert said(bench, "acknowledge", "--by", " ").returncode == 2
    known = said(bench, "acknowledge", "--by", "operator 7", "--because", "the PC was restarted")
    assert "acknowledged by operator 7" in known.stdout
    bench.run().send_signal(signal.SIGINT)
    journal = bench.journals()[-1]
    (line,) = [
        json.loads(text) for text in journal.read_text(encoding="utf-8").splitlines()
        if '"kind":"acknowledged"' in text
    ]  # fmt: skip
    assert line["data"]["by"] == "operator 7"
    assert line["data"]["because"] == "the PC was restarted"


@pytest.mark.chaos
def test_a_run_that_hangs_is_ended_and_the_bench_made_safe(bench: Served) -> None:
    program = bench.run()
    program.send_signal(signal.SIGSTOP)
    (found,) = marks.marks()
    assert safe_after(bench, found.allowance_s + 5.0) > 5.0  # it was given its time
    assert program.wait(5) == -signal.SIGKILL
    assert record(bench)[:3] == ["silent", "killed", "gone"]
    assert "it hung" in mark(bench, marks.SAFE).said


@pytest.mark.chaos
def test_a_station_that_is_edited_meanwhile_keeps_no_watchdog_from_its_work(bench: Served) -> None:
    program = bench.run()
    (found,) = marks.marks()
    end = time.monotonic() + 10
    while not marks.is_locked(found.watch_file):
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(2.0)  # it has read what it needs
    (bench.root / "station.toml").write_text("[station\n", encoding="utf-8")
    program.kill()
    assert safe_after(bench, 5.0) < 5.0


@pytest.mark.chaos
def test_a_run_that_ends_in_order_leaves_no_mark_and_no_watchdog(bench: Served) -> None:
    program = bench.run()
    (found,) = marks.marks()
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=30)
    end = time.monotonic() + 10
    while marks.is_locked(found.watch_file):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not marks.marks()
    assert not list((bench.root).glob("watchdog/*"))


@pytest.mark.chaos
def test_where_run_and_watchdog_are_killed_the_guard_sees_to_it(bench: Served) -> None:
    guard = subprocess.Popen([*PROGRAM, "guard"], stderr=subprocess.PIPE, text=True)
    try:
        bench.kill_with_its_watchdog(bench.run())
        assert safe_after(bench, 15.0) < 15.0
        mark(bench, marks.SAFE)
    finally:
        guard.kill()
        _, told = guard.communicate()
    assert "had no watchdog: one was started" in told


@pytest.mark.chaos
def test_a_watchdog_that_is_killed_is_started_again_by_its_run(bench: Served) -> None:
    program = bench.run()
    (found,) = marks.marks()
    (first,) = watchdogs(found.file)
    os.kill(first, signal.SIGKILL)
    end = time.monotonic() + 15
    while not (
        there := [pid for pid in watchdogs(found.file) if pid != first]
    ) or not marks.is_locked(found.watch_file):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert len(there) == 1
    program.kill()
    safe_after(bench, 5.0)


@pytest.mark.chaos
def test_a_watchdog_that_is_stopped_is_ended_and_another_started(bench: Served) -> None:
    program = bench.run()
    (found,) = marks.marks()
    (first,) = watchdogs(found.file)
    while not found.heard_file.exists():
        time.sleep(0.05)
    os.kill(first, signal.SIGSTOP)
    end = time.monotonic() + HEARD_S + 15
    while first in watchdogs(found.file) or not is_watched(found):
        assert time.monotonic() < end
        time.sleep(0.1)
    while "was not heard and was started again" not in bench.journals()[-1].read_text("utf-8"):
        assert time.monotonic() < end + 10
        time.sleep(0.1)
    program.kill()
    safe_after(bench, 5.0)


@pytest.mark.chaos
def test_a_guard_ends_a_watchdog_that_is_stopped_when_its_run_was_killed(bench: Served) -> None:
    program = bench.run()
    (found,) = marks.marks()
    (first,) = watchdogs(found.file)
    while not found.heard_file.exists():
        time.sleep(0.05)
    os.kill(first, signal.SIGSTOP)
    program.kill()
    guard = subprocess.Popen([*PROGRAM, "guard"], stderr=subprocess.PIPE, text=True)
    try:
        safe_after(bench, HEARD_S + 15)
    finally:
        guard.kill()
        guard.communicate()


@pytest.mark.chaos
def test_a_station_that_was_edited_or_moved_keeps_no_guard_from_its_work(bench: Served) -> None:
    """What the run drove is what is made safe, whatever became of the files since."""
    bench.kill_with_its_watchdog(bench.run())
    moved = bench.root.rename(bench.root.with_name("moved"))
    (moved / "station.toml").write_text("[station\n", encoding="utf-8")
    done = subprocess.run(
        [*PROGRAM, "guard", "--once"], cwd=moved, capture_output=True, text=True, check=False
    )
    assert "one was started" in done.stderr
    assert safe_after(bench, 15.0) < 15.0
    mark(bench, marks.SAFE)


@pytest.mark.chaos
def test_a_mark_that_is_taken_away_ends_the_run(bench: Served) -> None:
    program = bench.run()
    shutil.rmtree(bench.root.parent / "state")
    _, told = program.communicate(timeout=20)
    assert program.returncode == 3
    assert "was taken away while the run went on" in told
    assert not bench.is_on()


@pytest.mark.chaos
def test_nothing_that_a_terminal_or_a_shutdown_sends_ends_a_watchdog(bench: Served) -> None:
    program = bench.run()
    (found,) = marks.marks()
    (pid,) = watchdogs(found.file)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        os.kill(pid, number)
    assert os.getsid(pid) == pid  # of no terminal
    program.kill()
    safe_after(bench, 5.0)


# -- instruments that allow one session --------------------------------------------------------


@pytest.mark.chaos
@pytest.mark.parametrize("keeps_s", [6.0, 120.0])
def test_a_watchdog_disturbs_no_session_and_gets_in_when_it_must(
    bench: Served, keeps_s: float
) -> None:
    with one_session(bench, "psu", keeps_s) as psu:
        program = bench.run()
        bench.tell("psu", "FROB")  # an error in the queue that all sessions share
        time.sleep(2.0)
        assert (psu.sessions, psu.refused) == (1, 0)
        program.kill()
        # The old session was still there.
        assert keeps_s - 2.0 < safe_after(bench, keeps_s + 14.0)
        assert psu.sessions == 2
        assert psu.refused >= 1
        assert mark(bench, marks.SAFE).unsafe == ()
    assert record(bench)[-1] == "made_safe"


# -- one owner -------------------------------------------------------------------------------


@pytest.mark.chaos
def test_a_second_run_on_a_bench_is_refused_and_the_first_goes_on(bench: Served) -> None:
    first = bench.run()
    journals = bench.journals()
    second = said(bench, "run", "profiles/bake.toml", "--lot", "a")
    assert second.returncode == 3
    assert f"process {first.pid} holds it" in second.stderr
    assert bench.is_on()
    assert first.poll() is None
    assert bench.journals() == journals
    first.send_signal(signal.SIGINT)
    _, told = first.communicate(timeout=30)
    assert "the bench is in its safe state" in told


@pytest.mark.chaos
def test_parts_that_are_fed_to_be_read_are_off_whatever_becomes_of_the_reading(
    bench: Served,
) -> None:
    reading = subprocess.Popen(
        [*PROGRAM, "read", "S01", "--power", "--count", "1000"], cwd=bench.root,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 20
    while not bench.is_on():
        assert time.monotonic() < end
        assert reading.poll() is None, reading.communicate()
        time.sleep(0.1)
    reading.kill()
    reading.communicate()
    assert safe_after(bench, 5.0) < 5.0
    assert said(bench, "acknowledge", "--by", "operator 7").returncode == 0
    done = said(bench, "read", "S01", "--power", "--count", "2")
    assert "NOT SAFE" not in done.stderr  # whatever it read: its meter is on no part here
    assert not bench.is_on()
    # What was acknowledged waits for a run that has it on record; this reading left nothing.
    assert [one.acknowledged.get("by") for one in marks.marks()] == ["operator 7"]


# -- a machine that has no time -------------------------------------------------------------


STALLING = """
import os, sys, threading, time
from sensorbench.app.main import main
synced, began = os.fsync, time.monotonic()
def slow(descriptor):
    if time.monotonic() - began > 6.0 and not os.path.exists("stalled"):
        open("stalled", "w").close()
        time.sleep(10.0)
    synced(descriptor)
os.fsync = slow
main()
"""


@pytest.mark.chaos
def test_a_disk_that_stalls_for_ten_seconds_trips_nothing_and_is_on_record(bench: Served) -> None:
    program = bench.run(program_words=[sys.executable, "-c", STALLING])
    end = time.monotonic() + 40
    journal = bench.journals()[-1]
    while '"kind":"disk_stalled"' not in journal.read_text(encoding="utf-8"):
        assert time.monotonic() < end
        assert program.poll() is None
        time.sleep(0.2)
    assert bench.is_on()
    time.sleep(1.0)
    program.send_signal(signal.SIGINT)
    _, told = program.communicate(timeout=30)
    assert "the bench is in its safe state" in told
    assert '"kind":"trip"' not in journal.read_text(encoding="utf-8")
    assert not list(bench.root.glob("watchdog/*"))


@pytest.mark.chaos
@pytest.mark.parametrize("slept_s", [5.0, 70.0])
def test_a_machine_that_slept_finds_its_run_going_on(bench: Served, slept_s: float) -> None:
    """Both processes stand still, as a sleeping machine lets them, longer than any promise."""
    program = bench.run()
    (watchdog,) = watchdogs(bench.root.parent / "state")
    for pid in (program.pid, watchdog):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(slept_s)
    for pid in (watchdog, program.pid):  # the one that could do harm wakes first
        os.kill(pid, signal.SIGCONT)
    time.sleep(12.0)
    assert program.poll() is None
    assert bench.is_on()
    program.send_signal(signal.SIGINT)
    _, told = program.communicate(timeout=30)
    assert "the bench is in its safe state" in told
    assert '"kind":"trip"' not in bench.journals()[-1].read_text(encoding="utf-8")
    assert [kind for kind in record(bench) if kind != "slept"] == []


# -- who is told -------------------------------------------------------------------------------


def told(bench: Served, hooks: Web) -> None:
    """Let the bench's station tell a web server, and send it the sign of life."""
    file = bench.root / "station.toml"
    file.write_text(
        file.read_text(encoding="utf-8")
        + f"""
[[alarm.webhook]]
url = "http://127.0.0.1:{hooks.port}/hook"

[alarm.sign_of_life]
url = "http://127.0.0.1:{hooks.port}/life"
every = "10 s"
""",
        encoding="utf-8",
    )


def posted(hooks: Web) -> dict[str, str]:
    """Return the first alert that comes."""
    end = time.monotonic() + 15
    while not (found := [body for how, *_, body in hooks.asked if how == "POST"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    alert: dict[str, str] = json.loads(found[0])
    return alert


@pytest.mark.chaos
def test_a_sign_of_life_goes_out_and_people_are_told_of_a_run_that_was_killed(
    bench: Served,
) -> None:
    with web() as hooks:
        told(bench, hooks)
        program = bench.run()
        end = time.monotonic() + 10
        while not any(path.startswith("/life") for _, path, *_ in hooks.asked):
            assert time.monotonic() < end
            time.sleep(0.05)
        program.kill()
        alert = posted(hooks)
        assert "made safe" in alert["subject"]
        assert "the watchdog made the bench safe" in alert["text"]


@pytest.mark.chaos
def test_people_are_told_of_a_run_that_ends_early_and_it_bars_nothing(bench: Served) -> None:
    with web() as hooks:
        told(bench, hooks)
        program = bench.run()
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=30)
        alert = posted(hooks)
        assert "ended early, with the bench safe: stopped by SIGTERM" in alert["text"]
    end = time.monotonic() + 10
    while marks.marks():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.chaos
def test_an_alarm_that_hangs_holds_up_nothing(bench: Served) -> None:
    with web(0) as hooks:
        told(bench, hooks)
        bench.run().kill()
        assert safe_after(bench, 5.0) < 5.0
        mark(bench, marks.SAFE)


# -- what only a person may clear --------------------------------------------------------------


@pytest.mark.chaos
def test_what_nobody_made_safe_is_acknowledged_only_by_who_did_it_by_hand(
    bench: Served,
) -> None:
    program = bench.run()
    bench.kill_with_its_watchdog(program)
    assert bench.is_on()
    refused = said(bench, "run", "profiles/bake.toml", "--lot", "a")
    assert refused.returncode == 4
    assert "it may be left energised" in refused.stderr
    hot = said(bench, "acknowledge", "--by", "operator 7")
    assert hot.returncode == 2
    assert "--made-safe-by-hand" in hot.stderr
    assert said(bench, "safe").returncode == 0
    assert not bench.is_on()
    assert "`sensorbench safe` made it safe" in mark(bench, marks.SAFE).said
    assert said(bench, "acknowledge", "--by", "operator 7").returncode == 0
    again = said(bench, "acknowledge", "--by", "operator 7")
    assert "nothing to acknowledge" in again.stdout
