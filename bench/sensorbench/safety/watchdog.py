"""The watchdog of a run: a process of its own, silent while the heart beats; then it fences first.

The rules:
- While the run's heart keeps its promises nothing is sent to any instrument: many allow one
  session, or share one error queue between sessions.
- A promise that is broken, or a run that is gone without having made the bench safe: the run is
  killed, and seen to be gone, before anything is opened. Then everything is made safe by ranks, and
  again until all of it is.
- It has evidence of its own, and tells the run's mark and the alarm what it did; the alarm also
  that safety stopped a run, or that one ended early. While all is well it sends the sign of life.
- What tells people, and what is written, never holds up what fences and makes safe: a disk that
  stalls, or a mark that can't be read, delays neither.
- It makes safe what the run drove, by station.toml as that was then, whatever became of the file.
- It has a heart of its own: one that was stopped is ended, and another started.
- There is one a run. It ends when the run has ended in order, or all is safe. Nothing that a
  terminal, a log-out or a shutdown sends ends it before.
- A machine that slept, or had no time for this process, proves nothing about the run: it is given
  its usual time again.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from sensorbench.core.catalog import devices
from sensorbench.core.errors import BenchError
from sensorbench.safety import marks
from sensorbench.safety.alarm import DEADLINE_S, Alarm, Alert
from sensorbench.safety.heart import ENDED, LONGEST_S, Listener, Pulse
from sensorbench.safety.making import not_safe
from sensorbench.safety.reaching import reach_and_make_safe
from sensorbench.safety.record import Record, record_of
from sensorbench.safety.watching import heard
from sensorbench.station.locks import STATE
from sensorbench.station.model import StationFile, load_station

_LOOK_S = 0.1
_GRACE_S = 1.0
"""How late a promise may be kept: two processes look at one clock at different moments, s."""
_FENCED_S = 5.0
"""How long ending a run may take before people are told, s."""
_SLEPT_S = 2.0
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_TELL_AGAIN_S = 600.0
_IGNORED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK", "SIGPIPE")


@dataclass(slots=True)
class People:
    """Whoever is told, each time in a thread of its own: what makes safe waits for nobody."""

    alarm: Alarm
    station: str
    run: str
    _threads: list[threading.Thread] = field(default_factory=list)
    _signed_s: float = -math.inf

    def tell(self, state: str, text: str) -> None:
        """Tell everybody that station.toml names."""
        subject = f"{self.station}: {state}: {self.run}"
        alert = Alert(subject, text, state, self.run, self.station)
        self._do(lambda: self.alarm.send(alert))

    def sign_of_life(self) -> None:
        """Send the sign of life, if it is time to."""
        every_s, now = self.alarm.every_s, time.monotonic()
        if every_s is not None and now - self._signed_s >= every_s:
            self._signed_s = now
            self._do(lambda: self.alarm.sign_of_life(f"{self.station}: {self.run} goes on"))

    def _do(self, work: Callable[[], object]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, name="tell", daemon=True)
        with suppress(RuntimeError):  # a machine without threads: making safe matters more
            thread.start()
            self._threads.append(thread)

    def wait(self) -> None:
        """Wait until everybody was told, or can't be."""
        end = time.monotonic() + DEADLINE_S + 1.0
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))


def watch(path: Path) -> int:
    """Watch over the run of a mark until it ended in order, or its bench is safe; return 0.

    Raises BenchError where there is no mark, or no station to make safe.
    """
    mark = marks.read(path)
    lock = FileLock(mark.watch_file, timeout=0, mode=0o666)
    try:
        lock.acquire()
    except Timeout:
        return 0  # there is one already
    try:
        with heard(mark) as own:
            file = _ready(mark)
            people = People(Alarm.of(file), file.station.name, mark.run)
            record = Record(record_of(Path(mark.workspace), mark.run))
            _watch(mark, file, record, people, own)
            own.expect(LONGEST_S)
            people.wait()
            record.wait()
    finally:
        lock.release()
    return 0


def _watch(mark: marks.Mark, file: StationFile, record: Record, people: People, own: Pulse) -> None:
    why = _until_gone(mark, record, people, own)
    left = _left(mark)
    if left is None:
        return
    if left.state in (marks.TRIPPED, marks.ENDED):
        people.tell(left.state, left.said)
        if left.state == marks.ENDED:
            marks.remove(left)
    elif why and left.state in (marks.ENERGISED, marks.UNSAFE) and not left.acknowledged:
        _make_safe(replace(left, text=why), file, record, people, own)


def _ready(mark: marks.Mark) -> StationFile:
    """Load what will be needed, so that nothing has to be found when it is."""
    file = station_of(mark)
    for entry in file.instrument.values():
        devices()[entry.model].load_driver()
    return file


def station_of(mark: marks.Mark) -> StationFile:
    """Return the station of a mark as it was when the run began. Raises InputError.

    Without its sockets: those may be a table beside it, and nobody needs them to make safe.
    """
    if not mark.station_text:
        return load_station(Path(mark.station))
    data = tomllib.loads(mark.station_text)
    data.pop("socket", None)
    return StationFile.model_validate(data)


def _until_gone(mark: marks.Mark, record: Record, people: People, own: Pulse) -> str:
    """Return why the run is gone, seen to be gone, "" where it ended in order."""
    heart: Listener | None = None
    looked = time.monotonic()
    from_s = looked
    while marks.is_locked(mark.alive_file):
        time.sleep(_LOOK_S)
        own.beat()
        now = time.monotonic()
        if now - looked > _SLEPT_S:
            record.note("slept", seconds=round(now - looked, 3))
            from_s = now
        looked = now
        people.sign_of_life()
        due = from_s + mark.allowance_s
        try:
            heart = heart or Listener(mark.beat)
            beat = heart.last()
        except OSError:
            pass  # it is gone in a moment, or was never there: its usual time counts
        else:
            if beat.state == ENDED:
                return ""
            due = max(beat.due, due) if from_s > beat.written else beat.due
        if now > due + _GRACE_S:
            late_s = round(now - due, 3)
            record.note("silent", pid=mark.pid, late_s=late_s)
            _fence(mark, record, people, own)
            return f"it hung: {late_s:.1f} s after it should have been heard it was ended"
    return "its process ended"


def _fence(mark: marks.Mark, record: Record, people: People, own: Pulse) -> None:
    """Kill the run, and return once it is gone; tell people where it can't be ended."""
    told = False
    why, again_s = "it does not end", time.monotonic() + _FENCED_S
    while marks.is_locked(mark.alive_file):
        own.beat()
        try:
            os.kill(mark.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        except OSError as error:
            why = error.strerror or str(error)
        if time.monotonic() >= again_s:
            again_s = time.monotonic() + _TELL_AGAIN_S
            text = f"it hangs, and its process {mark.pid} can't be ended: {why}"
            record.note("not_ended", pid=mark.pid, reason=why)
            left = replace(mark, state=marks.UNSAFE, unsafe=(not_safe("the bench", text),))
            _tell(left, record)
            people.tell(marks.UNSAFE, left.said)
        if not told:
            record.note("killed", pid=mark.pid)
            told = True
        time.sleep(0.02)
    record.note("gone", pid=mark.pid)


def _make_safe(
    mark: marks.Mark, file: StationFile, record: Record, people: People, own: Pulse
) -> None:
    """Make the bench safe, and try again until it is.

    `file` is the station as it was when the watch began: what was edited since may not be whole.
    """
    purpose = f"the watchdog of {mark.run}"
    states: dict[str, str] = {}
    told_s = -math.inf
    attempt = 0
    while True:
        attempt += 1
        own.beat()
        own.expect(LONGEST_S)
        try:
            found, lost = reach_and_make_safe(file, purpose)
            states |= found
            unsafe = tuple(text for name, text in lost.items() if name not in states)
        except Exception as error:  # whatever it is, it is tried again
            unsafe = (f"NOT SAFE: {error}",)
        record.note("attempt", number=attempt, states=states, unsafe=list(unsafe))
        now = _left(mark)
        if now is None or now.acknowledged:
            return  # a person took over
        if not unsafe:
            break
        left = replace(mark, state=marks.UNSAFE, unsafe=unsafe)
        _tell(left, record)
        if time.monotonic() - told_s >= _TELL_AGAIN_S:
            people.tell(marks.UNSAFE, f"{left.said}\n{mark.text}. It is tried on.")
            told_s = time.monotonic()
        time.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S)) - 1])
    at = datetime.now(UTC).isoformat(timespec="seconds")
    tries = "" if attempt == 1 else f", at attempt {attempt}"
    text = f"{mark.text}; the watchdog made the bench safe at {at}{tries}"
    record.note("made_safe", states=states)
    left = replace(mark, state=marks.SAFE, text=text, unsafe=())
    _tell(left, record)
    people.tell(marks.SAFE, left.said)


def _left(mark: marks.Mark) -> marks.Mark | None:
    """Return the mark as it is on the disk now; None where the run, or a person, took it away."""
    if not mark.file.exists():
        return None
    try:
        return marks.read(mark.file)
    except BenchError:
        return mark  # whatever became of the file: nobody has said that the bench is safe


def _tell(mark: marks.Mark, record: Record) -> None:
    """Have the mark say what became of the bench, unless a person took over meanwhile."""

    def write() -> None:
        there = _left(mark)
        if there is None or there.acknowledged:
            return
        try:
            marks.write(mark)
        except BenchError as error:
            record.note("mark_failed", text=str(error))

    record.do(write)


def main() -> None:
    """Watch over the run whose mark is named on the command line."""
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    path = Path(sys.argv[1])
    # Its folder is the one that it was started for, whatever disk can't be written by then.
    os.environ[STATE] = str(path.parent.parent)
    sys.exit(watch(path))


if __name__ == "__main__":
    main()
