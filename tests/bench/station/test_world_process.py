"""A simulated world in a process of its own: the same results, and it outlives who uses it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.app.commands.run import opened
from sensorbench.core import errors
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, InputError, NotAcknowledged, ProtocolError
from sensorbench.core.operator import OperatorAbsent, Question
from sensorbench.run.execute import execute
from sensorbench.sensors.sbp1.driver import Sbp1
from sensorbench.station import world_mirror, worlds
from sensorbench.station.locks import Held, held, run_key
from sensorbench.station.station import Station, open_station
from sensorbench.station.twin_bench import TwinBench
from sensorbench.station.workspace import Workspace, load_job
from sensorbench.station.world_mirror import MirroredLine
from sensorbench.station.world_pipe import Pipe
from sensorbench.station.world_record import Record, record_path, world_alive
from sensorbench.station.world_ring import SIZE, Ring, make_ring
from sensorbench.station.world_use import standing
from sensorbench.station.world_wire import (
    WorldEnded,
    WorldFailed,
    as_question,
    pack_error,
    question_as_json,
    unpack_error,
)
from sensorbench.station.worlds import Met, end_world, meet_again, meet_anew

from ...workspaces import START, edit, write
from ..run.climate import phase_of_tests

PROOF = Path(__file__).parents[2] / "proof"
UNIT, OTHER = "26000001", "26000002"
COEFFICIENTS = tuple(range(100, 113))


pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and sockets are of POSIX")


@pytest.fixture(autouse=True)
def apart(own_marks: None, own_world: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have worlds in processes of their own, and end those that a test leaves."""
    monkeypatch.delenv("SENSORBENCH_WORLD")
    yield
    for path in Path(os.environ["SENSORBENCH_STATE"]).glob("worlds/*.json"):
        if path.is_file():
            os.kill(Record.read(path).pid, signal.SIGKILL)


@pytest.fixture
def there(tmp_path: Path) -> Workspace:
    return write(tmp_path / "bench")


def quiet(_: str) -> None:
    """Hear what is said of a world, and say nothing."""


def met(there: Workspace, clock: VirtualClock | None = None, **how: Any) -> Met:
    """Meet the world of a workspace, with all of its lots, as a new run does."""
    lots = there.load_lots()
    clock = clock or VirtualClock(START)
    return meet_anew(there.root, there.load_station(), lots, clock, quiet, **how)


# -- the same results ------------------------------------------------------------------------------


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("bench", "profile", "lot"),
    [
        ("imu77", "profiles/short_stream.toml", "many"),  # a FIFO's stream
        ("coil", "check/magnetic_field", "mag"),  # a vector
        ("burst", "aec_q103/ps8_proof", "b1"),  # units that a person loads
    ],
)
def test_a_run_is_the_same_to_the_last_byte(
    bench: str, profile: str, lot: str, tmp_path: Path
) -> None:
    found: list[dict[Path, bytes]] = []
    for place in ("here", "mirrored", "asked"):
        root = tmp_path / place / bench
        shutil.copytree(PROOF / bench, root)
        there = Workspace(root)
        job, clock = load_job(there, profile, [lot]), VirtualClock(START)
        if place == "here":
            with open_station(job.station, clock, job.lots, {}) as station:
                evidence = execute(there, job, station).root
        else:
            world = meet_anew(root, job.station, job.lots, clock, quiet)
            if place == "asked":  # as what a killed program left
                world.bench.close()
                clock = VirtualClock()
                world = meet_anew(root, job.station, job.lots, clock, quiet)
            with open_station(job.station, clock, job.lots, twins=world.bench) as station:
                evidence = execute(there, job, station).root
            world.end()
        files = [path for path in evidence.rglob("*") if path.is_file()]
        found.append({path.relative_to(evidence): path.read_bytes() for path in files})
    assert found[0] == found[1] == found[2]
    assert Path("journal.jsonl") in found[0]


# -- it outlives who uses it -----------------------------------------------------------------------


def begin(station: Station, bench: TwinBench) -> None:
    """Load a unit, feed and heat it for days, and write into its memory."""
    bench.plug(UNIT, "A1")
    station.setpoint("", "supply").go(3.3, None, 0.5)
    station.setpoint("", "temperature").go(125.0)
    station.clock.sleep(100 * 3600.0)
    cast("Sbp1", station.sensor("A1", "sbp1")).write_coefficients(COEFFICIENTS)
    station.clock.sleep(3600.0)


def find(station: Station) -> dict[str, object]:
    """Return what is there now."""
    unit = cast("Sbp1", station.sensor("A1", "sbp1"))
    unit.prepare()
    station.clock.sleep(unit.start())
    told: dict[str, object] = {
        "now": station.clock.now(), "utc": station.clock.utc(),
        "coefficients": unit.read_coefficients(), "reads": unit.read().values.tolist(),
    }  # fmt: skip
    for where in ("temperature", "supply"):
        row = station.bindings.rows["", where]
        told[where] = [meter.read() for _, meter in station.meters(row)]
    return told


_KILLED = """
import os, signal, sys
from pathlib import Path
from sensorbench.core.clock import VirtualClock
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace
from tests.bench.station.test_world_process import START, begin, met
there, clock = Workspace(Path(sys.argv[1])), VirtualClock(START)
world = met(there, clock)
with open_station(there.load_station(), clock, there.load_lots(), twins=world.bench) as station:
    begin(station, world.bench)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.chaos
def test_who_is_killed_leaves_the_bench_exactly_as_it_stood(tmp_path: Path) -> None:
    """Temperature, supply, written coefficients, the time and the ageing: as without the kill."""
    whole, there = write(tmp_path / "whole"), write(tmp_path / "bench")
    memory: dict[str, str] = {}
    clock = VirtualClock(START)
    with open_station(whole.load_station(), clock, whole.load_lots(), memory) as station:
        assert station.bench is not None
        begin(station, station.bench)
        undisturbed = find(station)
    root = Path(__file__).parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, there.root],
        env={**os.environ, "PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{root}"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert world_alive(there.root)
    clock = VirtualClock()
    world = meet_again(there.root, there.load_station(), None, clock)
    assert world.stood
    # The last thing that it did was an hour after the last call: nobody told the world of that.
    clock.sleep(3600.0)
    with open_station(there.load_station(), clock, there.load_lots(), twins=world.bench) as station:
        assert find(station) == undisturbed
    world.end()
    assert not world_alive(there.root)
    kept = there.load_memory()
    kept.pop("simulated until")
    assert kept == memory
    assert float(memory[f"L1/{UNIT}/stress_h"]) > 90


@pytest.mark.chaos
def test_what_a_killed_program_left_is_met_by_read_safe_and_the_next_run(tmp_path: Path) -> None:
    there = write(tmp_path / "bench", phase_of_tests("t"))
    clock = VirtualClock(START)
    world = met(there, clock)
    with open_station(there.load_station(), clock, there.load_lots(), twins=world.bench) as station:
        begin(station, world.bench)
    world.bench.close()  # as a kill does

    def command(*words: str) -> str:
        line = [sys.executable, "-m", "sensorbench.app.main", *words, "-w", str(there.root)]
        said = subprocess.run(line, capture_output=True, text=True, check=False)
        return said.stdout + said.stderr

    (reading,) = json.loads(command("read", "A1", "--part", "sbp1", "--json"))
    values = {row["channel"]: row["value"] for row in reading["values"]}
    assert values["temperature"] > 35  # by its own coefficients: still in the oven, and fed
    scanned = command("devices", "--scan")
    assert "sbp1" in scanned
    assert "psu: safe" in command("safe")
    assert "no supply" in command("read", "A1", "--part", "sbp1")
    assert world_alive(there.root)
    said = command("run", "profile.toml", "--lot", "L1")
    assert "stands as a program left it that was killed, at 2026-06-05" in said
    assert "evidence: " in said
    assert not world_alive(there.root)
    assert float(there.load_memory()[f"L1/{UNIT}/stress_h"]) > 90


# -- as commands use it ----------------------------------------------------------------------------


@pytest.mark.chaos
def test_a_program_that_ends_in_order_leaves_no_world_and_one_that_is_refused_the_one_that_stood(
    there: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, lots = there.load_station(), there.load_lots()
    with opened(there, file, VirtualClock(START), lots, anew=True):
        assert world_alive(there.root)
    assert not world_alive(there.root)
    with (
        pytest.raises(BenchError, match="a device failed"),
        opened(there, file, VirtualClock(START), lots, anew=True),
    ):
        raise BenchError("a device failed")
    assert not world_alive(there.root)
    met(there).bench.close()
    with pytest.raises(InputError), opened(there, file, VirtualClock(), lots, anew=True):
        raise InputError.one("run", "", "refused before anything was touched")
    assert world_alive(there.root)
    monkeypatch.setenv("SENSORBENCH_WORLD", "here")  # there are never two
    with opened(there, file, VirtualClock(START), lots, anew=True):
        assert not world_alive(there.root)


# -- one after the other ---------------------------------------------------------------------------


def test_one_program_at_a_time_and_the_next_finds_what_it_left(
    there: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds, "_GIVES_WAY_S", 0.2)
    first = met(there)
    first.bench.lines["psu"].handle(b"OUTP ON,(@1)")
    with pytest.raises(BenchError, match="another program uses the simulated bench"):
        met(there)
    first.bench.close()
    second = met(there)
    assert second.stood
    assert second.bench.lines["psu"].handle(b"OUTP? (@1)") == b"1"


def test_who_only_looks_waits_for_the_run_that_goes_on(there: Workspace) -> None:
    with held([run_key(there.root)], "sensorbench in bench"):
        with standing(there.root, there.load_station(), VirtualClock(), "read") as found:
            assert found is None  # a run whose world is its own, or that has none yet
        met(there)
        looks = standing(there.root, there.load_station(), VirtualClock(), "read")
        with pytest.raises(Held, match="sensorbench in bench"), looks:
            pass


def test_time_goes_on_from_the_worlds_and_from_the_journals_where_that_is_later(
    there: Workspace,
) -> None:
    first = VirtualClock(START)
    world = met(there, first)
    first.sleep(50.0)
    world.bench.lines["psu"].handle(b"*IDN?")
    world.bench.close()
    again, later = VirtualClock(), VirtualClock(START)
    meet_again(there.root, there.load_station(), None, again).bench.close()
    assert (again.now(), again.utc()) == (50.0, first.utc())
    later.sleep(80.0)  # a hold, in which the world was asked nothing
    meet_again(there.root, there.load_station(), there.load_lots(), later).bench.close()
    assert later.now() == 80.0


# -- who may, and what may come --------------------------------------------------------------------


def test_the_wrong_key_opens_nothing(there: Workspace) -> None:
    met(there).bench.close()
    path = record_path(there.root)
    assert path.stat().st_mode & 0o077 == 0
    record = Record.read(path)
    Record(record.address, b"x" * 32, record.pid, record.version).write(path)
    with pytest.raises(BenchError, match="refuses the key"):
        met(there)
    record.write(path)
    assert met(there).stood


def test_garbage_and_cut_connections_change_nothing(there: Workspace) -> None:
    world = met(there)
    world.bench.lines["psu"].handle(b"OUTP ON,(@1)")
    world.bench.close()
    record = Record.read(record_path(there.root))
    for junk in (b"", b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 5000, b"\0\0\0\x04abcd"):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(record.address)
            stranger.sendall(junk)
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(record.address)  # and says nothing, for as long as it likes
    for request in (b"", b"\0", b"\x01short", b"\x04" + b"\xff" * 40, b"\x04" + b"\0" * 16 + b"[1"):
        pipe = _user(record)
        pipe.send(request)
        with pytest.raises(ProtocolError, match="no"):
            raise unpack_error(pipe.receive())
        with pytest.raises(EOFError):
            pipe.receive()
    pipe = _user(record)
    os.write(pipe._fd, b"\x7f\xff\xff\xff and no more")
    with pytest.raises((EOFError, OSError)):
        pipe.receive()
    again = met(there)
    silent.close()
    assert again.bench.lines["psu"].handle(b"OUTP? (@1)") == b"1"


def _user(record: Record) -> Pipe:
    """Connect with the right key, once whoever was there is gone."""
    while True:
        pipe = Pipe(Client(record.address, authkey=record.key))
        reply = pipe.receive()
        if reply[0] == 0:
            return pipe
        pipe.close()


def test_a_call_that_was_cut_short_leaves_no_answer_for_the_next(
    there: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    met(there).bench.close()
    world = met(there)  # which stood, and is asked
    receive = Pipe.receive

    def cut_short(_: Pipe) -> bytes:
        monkeypatch.setattr(Pipe, "receive", receive)
        raise KeyboardInterrupt

    monkeypatch.setattr(Pipe, "receive", cut_short)
    with pytest.raises(KeyboardInterrupt):
        world.bench.lines["psu"].handle(b"*IDN?")
    assert world.bench.lines["psu"].handle(b"OUTP? (@1)") == b"0"


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        *(
            kind("why")
            for kind in vars(errors).values()
            if isinstance(kind, type)
            and issubclass(kind, BenchError)
            and kind not in {errors.InstrumentError, errors.InputError, errors.EvidenceError}
        ),
        OperatorAbsent("nobody"), KeyError("psu"), NotImplementedError("not modelled"),
        InputError.one("simulation.json", "", "is damaged"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_an_error_keeps_its_class_and_its_words(error: Exception) -> None:
    found = unpack_error(pack_error(0.0, error))
    assert type(found) is type(error)
    assert str(found) == str(error)


def test_a_fault_of_a_twin_is_told_as_that() -> None:
    found = unpack_error(pack_error(0.0, ZeroDivisionError("division by zero")))
    assert isinstance(found, WorldFailed)
    assert "ZeroDivisionError: division by zero" in str(found)


def test_what_a_bus_refuses_reads_the_same(there: Workspace) -> None:
    with open_station(there.load_station(), VirtualClock(START)) as station:
        assert station.bench is not None
        with pytest.raises(NotAcknowledged) as here:
            station.bench.buses["bus0"].transfer(0x50, b"", 1)
    with pytest.raises(NotAcknowledged) as apart:
        met(there).bench.buses["bus0"].transfer(0x50, b"", 1)
    assert str(apart.value) == str(here.value)


def test_a_question_arrives_as_it_was_asked() -> None:
    asked = Question({"en": "Turn it", "zh": "转"}, ("done",), {"kind": "turn"}, 60.0)
    assert as_question(json.loads(json.dumps(question_as_json(asked)))) == asked


# -- two worlds that are one -----------------------------------------------------------------------


def test_a_twin_that_is_not_the_same_each_time_is_found_out(there: Workspace) -> None:
    world = met(there)
    line = world.bench.lines["psu"]
    assert isinstance(line, MirroredLine)
    world.bench.take_in("R1 0")
    line._twin = Moody()
    line.handle(b"MEAS:VOLT? (@1)")
    line.handle(b"*IDN?")
    world.bench.close()
    with pytest.raises(InputError, match=r"MEAS:VOLT\? \(@1\).*not the same each time"):
        meet_again(there.root, there.load_station(), there.load_lots(), VirtualClock(START))
    fresh = met(there)
    assert not fresh.stood
    fresh.bench.close()
    with pytest.raises(InputError, match="its simulated world is not there"):
        meet_again(
            there.root, there.load_station(), there.load_lots(), VirtualClock(START), life="R1 0"
        )


def test_a_call_that_was_cut_short_is_whole_in_the_world_that_stays(there: Workspace) -> None:
    world = met(there)
    line = world.bench.lines["psu"]
    assert isinstance(line, MirroredLine)
    twin, line._twin = line._twin, CutShort()
    with pytest.raises(KeyboardInterrupt):
        line.handle(b"OUTP ON,(@1)")
    line._twin = twin
    assert line.handle(b"OUTP? (@1)") == b"0"  # what this program's own has
    world.bench.close()
    again = meet_again(there.root, there.load_station(), there.load_lots(), VirtualClock(START))
    assert again.bench.lines["psu"].handle(b"OUTP? (@1)") == b"1"


class CutShort:
    """A twin in which Ctrl-C is met."""

    terminators = (b"\n",)
    reply_terminator = b"\n"

    def handle(self, line: bytes) -> bytes | None:
        raise KeyboardInterrupt


class Moody:
    """A twin that throws dice."""

    terminators = (b"\n",)
    reply_terminator = b"\n"

    def handle(self, line: bytes) -> bytes | None:
        return b"6"


def test_nobody_goes_on_from_a_world_that_was_not_told_all(
    there: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world_mirror, "_FOLLOWS_S", 0.01)
    world = met(there)
    pid = Record.read(record_path(there.root)).pid
    os.kill(pid, signal.SIGSTOP)  # as good as hung
    for _ in range(40_000):
        world.bench.lines["psu"].handle(b"OUTP? (@1)")
    os.kill(pid, signal.SIGCONT)
    world.bench.close()
    with pytest.raises(InputError, match="did not arrive"):
        meet_again(there.root, there.load_station(), there.load_lots(), VirtualClock(START))


@given(st.lists(st.binary(max_size=SIZE // 5), max_size=40), st.integers(0, 5))
def test_a_ring_gives_what_was_put_in_as_long_as_there_is_room(
    messages: list[bytes], lag: int
) -> None:
    path = make_ring(Path(tempfile.gettempdir()))
    mine, other = Ring(path), Ring(path)
    path.unlink()
    taken: list[bytes] = []
    for number, message in enumerate(messages):
        while not mine.put(message):
            found = other.take()
            assert found is not None
            taken.append(found)
        if number % (lag + 1) == 0 and (found := other.take()) is not None:
            taken.append(found)
    while (found := other.take()) is not None:
        taken.append(found)
    assert taken == messages
    assert other.is_whole
    mine.close()
    other.close()


# -- its end ---------------------------------------------------------------------------------------


def test_it_ends_when_nobody_uses_it_for_long_and_keeps_what_units_went_through(
    there: Workspace,
) -> None:
    world = met(there, idle_s=0.4)
    world.bench.plug(UNIT, "A1")
    time.sleep(0.8)  # used, if silent
    assert world_alive(there.root)
    world.bench.close()
    _await(lambda: not world_alive(there.root))
    assert f"L1/{UNIT}/stress_h" in there.load_memory()
    assert not record_path(there.root).exists()


def test_it_ends_when_its_workspace_is_gone(there: Workspace) -> None:
    met(there, idle_s=2.0).bench.close()
    shutil.rmtree(there.root)
    _await(lambda: not world_alive(there.root))


def test_a_workspace_that_was_made_anew_has_nothing_of_the_one_before(there: Workspace) -> None:
    world = met(there)
    world.bench.plug(UNIT, "A1")
    world.bench.close()
    shutil.rmtree(there.root)
    again = write(there.root)
    with pytest.raises(InputError, match=r"the workspace.*another one"):
        meet_again(again.root, again.load_station(), again.load_lots(), VirtualClock(START))
    world = met(again)
    assert not world.stood
    assert again.load_memory() == {}


@pytest.mark.chaos
def test_a_world_whose_starter_was_killed_before_it_was_there_never_is(there: Workspace) -> None:
    start = (
        "import os, signal, sys; from datetime import UTC, datetime; from pathlib import Path; "
        "from sensorbench.station.world_starting import start_world; "
        "start_world(Path(sys.argv[1]), [], datetime.now(UTC)); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", start, there.root], check=False)
    world = met(there)
    assert not world.stood
    time.sleep(1.5)
    assert Record.read(record_path(there.root)).pid != 0
    world.bench.lines["psu"].handle(b"*IDN?")
    world.end()
    assert not world_alive(there.root)


def test_a_shutdown_keeps_what_units_went_through(there: Workspace) -> None:
    world = met(there)
    world.bench.plug(UNIT, "A1")
    os.kill(Record.read(record_path(there.root)).pid, signal.SIGTERM)
    _await(lambda: not world_alive(there.root))
    assert f"L1/{UNIT}/stress_h" in there.load_memory()


def test_a_world_that_hangs_holds_up_nobody(
    there: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    met(there).bench.close()
    pid = Record.read(record_path(there.root)).pid
    monkeypatch.setattr(worlds, "_GIVES_WAY_S", 0.1)
    monkeypatch.setattr(worlds, "_ANSWERS_S", 0.2)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(BenchError, match=f"does not answer .*end its process {pid}"):
        met(there)


def test_where_memory_cannot_be_kept_the_world_stays(there: Workspace) -> None:
    world = met(there)
    world.bench.plug(UNIT, "A1")
    there.memory_path().mkdir()
    for _ in range(2):  # by who began it, and by who meets it
        with pytest.raises(BenchError, match=r"simulation\.json.*make room"):
            world.end()
        assert world_alive(there.root)
        world.bench.close()
        world = met(there)
    there.memory_path().rmdir()
    world.bench.plug(OTHER, "A2")
    world.end()
    assert {f"L1/{UNIT}/stress_h", f"L1/{OTHER}/stress_h"} <= set(there.load_memory())


def test_who_began_a_world_does_without_where_its_process_is_killed(there: Workspace) -> None:
    world = met(there)
    os.kill(Record.read(record_path(there.root)).pid, signal.SIGKILL)
    _await(lambda: not world_alive(there.root))
    for _ in range(40_000):  # more than what waits to be followed
        world.bench.lines["psu"].handle(b"OUTP? (@1)")
    world.bench.plug(UNIT, "A1")
    world.end()
    assert f"L1/{UNIT}/stress_h" in there.load_memory()


def test_who_goes_on_in_a_world_that_was_killed_is_told(there: Workspace) -> None:
    met(there).bench.close()
    world = met(there)
    os.kill(Record.read(record_path(there.root)).pid, signal.SIGKILL)
    with pytest.raises(WorldEnded, match="can't go on honestly"):
        world.bench.buses["bus0"].transfer(0x70, b"", 1)
    assert not world_alive(there.root)
    end_world(there.root)  # nothing to end
    assert not met(there).stood


def test_another_station_is_a_fresh_world_for_a_new_run_and_none_to_go_on_in(
    there: Workspace,
) -> None:
    first = met(there)
    first.bench.plug(UNIT, "A1")
    first.bench.close()
    edit(there.station_path, ("seed = 1", "seed = 2"))
    with pytest.raises(InputError, match=r"station\.toml.*put it back to go on"):
        meet_again(there.root, there.load_station(), there.load_lots(), VirtualClock(START))
    said: list[str] = []
    second = meet_anew(
        there.root, there.load_station(), there.load_lots(), VirtualClock(START), said.append
    )
    assert not second.stood
    assert "a fresh one begins" in said[0]
    assert f"L1/{UNIT}/stress_h" in there.load_memory()


def test_a_state_folder_that_cannot_be_written_is_said_in_plain_words(there: Workspace) -> None:
    (Path(os.environ["SENSORBENCH_STATE"]) / "worlds").parent.mkdir(parents=True, exist_ok=True)
    (Path(os.environ["SENSORBENCH_STATE"]) / "worlds").write_text("in the way", encoding="utf-8")
    with pytest.raises(BenchError, match=r"simulated world can't be started: .*worlds can't be"):
        met(there)


def test_a_file_that_was_damaged_is_said_as_in_the_program_itself(there: Workspace) -> None:
    there.memory_path().write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="is damaged"):
        met(there)
    assert not world_alive(there.root)


def _await(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 20.0
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)
