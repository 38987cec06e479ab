"""A journal is read as a stream with an index: what is kept of it is small, and no evidence."""

import gc
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.assessment.assess import assess
from sensorbench.assessment.data import RunData
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import EvidenceError
from sensorbench.evidence import cache, events, index
from sensorbench.evidence.canonical import sha256
from sensorbench.evidence.check import Level, check
from sensorbench.evidence.journal import JournalWriter, read
from sensorbench.evidence.run import Column, RunReader, RunWriter
from sensorbench.evidence.segments import Frame

FIRST = sha256(b"run.json")
KINDS = ("log", "retry", "step")


def written(path: Path, count: int, data: Callable[[int], object] = lambda n: {"n": n}) -> Path:
    """Write a journal of so many events, of three kinds in turn."""
    writer = JournalWriter(path, FIRST)
    for number in range(count):
        writer.append(number / 2, "2026-06-01T08:00:00+00:00", KINDS[number % 3], data(number))  # type: ignore[arg-type]
    writer.commit()
    writer.close()
    return path


@pytest.fixture(autouse=True)
def forgetful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is small too, believe stamps at once, and begin as another program does."""
    monkeypatch.setenv(cache.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_LEAST_EVENTS", 1)
    monkeypatch.setattr(cache, "_LEAST_BYTES", 0)
    monkeypatch.setattr(cache, "_SETTLED_NS", -(10**18))
    events._OPEN.clear()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The lines that were checked against their digests."""
    found: list[bytes] = []
    own = index.decode

    def noted(line: bytes) -> object:
        found.append(line)
        return own(line)

    monkeypatch.setattr(index, "decode", noted)
    return found


@pytest.mark.parametrize("kept", [0, 1 << 14])
def test_events_are_found_by_kind_by_number_and_from_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(events, "_MOST_KEPT", kept)
    journal = read(written(tmp_path / "journal.jsonl", 10_000), FIRST)
    found = journal.log.of(("retry",))
    assert len(found) == 3333
    assert [event.data["n"] for event in found] == list(range(1, 10_000, 3))
    assert found[-1].seq == 9997
    assert [event.seq for event in found[10:13]] == [31, 34, 37]
    assert [event.seq for event in reversed(found[:3])] == [7, 4, 1]
    both = journal.log.of(("step", "log"))
    assert [event.seq for event in both[:4]] == [0, 2, 3, 5]
    assert list(both.seqs[:4]) == [0, 2, 3, 5]
    assert len(journal.events) == 10_000
    assert journal.events[9_999].t == 4999.5
    found_one = journal.log.numbered(7)
    assert found_one is not None
    assert found_one.data == {"n": 7}
    assert journal.log.numbered(10_000) is None
    assert not journal.log.of(("nothing",))


def test_events_that_are_alike_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "journal.jsonl", 3000, lambda n: {"what": f"S{n % 7}", "k": [n % 2]})
    log = read(path, FIRST).log
    expected = Counter(event.data["what"] for event in log.of(("retry",)))
    for most in (10_000, 3):
        monkeypatch.setattr(events, "_MOST_TALLIED", most)
        found: Counter[str] = Counter()
        for event, alike in log.tally("retry"):
            found[event.data["what"]] += alike
        assert found == expected
    assert len(list(log.tally("nothing"))) == 0


def test_events_of_a_damaged_journal_are_found_by_their_numbers(
    tmp_path: Path, decoded: list[bytes]
) -> None:
    path = written(tmp_path / "journal.jsonl", 3000)
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[100:103]
    lines[2000], lines[2001] = lines[2001], lines[2000]
    path.write_bytes(b"".join(lines))
    journal = read(path, FIRST)
    assert len(journal.damage) >= 2
    for seq in (0, 99, 103, 2002, 2003, 2004, 2005, 2999):
        event = journal.log.numbered(seq)
        assert event is not None
        assert event.seq == seq
    assert journal.log.numbered(101) is None
    assert [event.seq for event in journal.log.each_numbered([99, 101, 104])] == [99, 104]
    assert list(journal.log.of(("step",))[-2:].seqs) == [2996, 2999]


def test_of_a_journal_that_grew_only_what_came_is_read(
    tmp_path: Path, decoded: list[bytes]
) -> None:
    root = tmp_path / "run"
    with RunWriter(root, VirtualClock(), {"provenance": "simulated"}, {}) as writer:
        for number in range(3000):
            writer.append("log", {"n": number})
        writer.commit()
        assert len(RunReader(root).events("log")) == 3000
        assert len(decoded) == 3000
        for _ in range(5):
            writer.append("attached", {"point": "x"})
            writer.commit()
            decoded.clear()
            assert RunReader(root).events("attached")[-1].data["point"] == "x"
            assert len(decoded) == 1
        assert [event.seq for event in RunReader(root).events("attached")] == [*range(3000, 3005)]
        # Another program knows as much, from what was kept.
        events._OPEN.clear()
        decoded.clear()
        assert len(RunReader(root).events("log")) == 3000
        assert not decoded


def test_a_line_that_was_torn_is_read_once_it_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.jsonl", 20)
    data = path.read_bytes()
    path.write_bytes(data[:-10])
    torn = read(path, FIRST)
    assert (len(torn.events), torn.torn, torn.damage) == (19, True, ())
    with path.open("ab") as file:
        file.write(data[-10:])
    whole = read(path, FIRST)
    assert (len(whole.events), whole.torn, whole.damage) == (20, False, ())


def test_it_is_written_on_behind_the_last_whole_line_of_a_long_journal(tmp_path: Path) -> None:
    path = written(tmp_path / "journal.jsonl", 50, lambda n: {"text": "x" * 400 * n})
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"data":' + b"y" * 100_000)
    last = read(path, FIRST).events[-1].hash
    writer = JournalWriter.reopen(path, 50, last)
    assert writer.append(25.0, "", "log", {}) == 50
    writer.commit()
    writer.close()
    assert path.read_bytes().startswith(whole)
    found = read(path, FIRST)
    assert (len(found.events), found.torn, found.damage) == (51, False, ())


# -- what is found is what a plain reader finds ------------------------------------------------


def plainly(data: bytes, first: str) -> tuple[list[int], list[str], bool]:
    """Read a journal as a whole: numbers of its events, damage, and whether a line is torn."""
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    torn = lines.pop() != b""
    seqs: list[int] = []
    damage: list[str] = []
    prev: str | None = first
    for number, line in enumerate(lines, 1):
        body, tail = line[:-75] + b"}", line[-75:]
        if tail != b',"hash":"' + sha256(body).encode() + b'"}':
            damage.append(f"line {number} was changed: its digest does not match")
            prev = None
            continue
        fields = json.loads(body)
        if prev is not None and fields["prev"] != prev:
            damage.append(f"line {number}")
        seqs.append(fields["seq"])
        prev = sha256(body)
    return seqs, damage, torn


def changed(data: bytes, how: str, at: float) -> bytes:
    """Change one line of a journal."""
    lines = data.split(b"\n")
    number = int(at * (len(lines) - 2))
    if len(lines) < 3:
        return data
    match how:
        case "flip":
            line = bytearray(lines[number] or b"x")
            line[len(line) // 2] ^= 4
            lines[number] = bytes(line)
        case "drop":
            del lines[number]
        case "twice":
            lines.insert(number, lines[number])
        case "swap":
            lines[number], lines[number + 1] = lines[number + 1], lines[number]
        case "returns":
            lines = [line + b"\r" for line in lines[:-1]] + lines[-1:]
        case "cut":
            return data[: int(at * len(data))]
    return b"\n".join(lines)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["flip", "drop", "twice", "swap", "returns", "cut"]),
            st.floats(0, 0.999),
        ),
        max_size=4,
    ),
    st.integers(40, 3000),
)
def test_whatever_is_done_to_a_journal_is_found_in_blocks_of_any_size(
    changes: list[tuple[str, float]], block: int
) -> None:
    import tempfile  # noqa: PLC0415 - no fixture of a function with hypothesis

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "_BLOCK", block)
        path = written(Path(folder) / "journal.jsonl", 12)
        data = path.read_bytes()
        for how, at in changes:
            data = changed(data, how, at)
        path.write_bytes(data)
        events._OPEN.clear()
        found = read(path, FIRST)
        seqs, damage, torn = plainly(data, FIRST)
        assert [event.seq for event in found.events] == seqs
        assert found.torn == torn
        assert len(found.damage) >= len(damage)
        for one in damage:
            assert any(text.startswith(one) for text in found.damage), (one, found.damage)
        assert bool(found.damage) == bool(damage) or "has number" in found.damage[0]


# -- what is kept is no evidence ---------------------------------------------------------------


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A sealed run with samples of every type, verified once."""
    root = tmp_path / "run"
    with RunWriter(root, VirtualClock(), {"provenance": "simulated"}, {}) as writer:
        writer.declare("log", [Column("time", "s"), Column("value", "Pa", 0.5)])
        for number in range(300):
            writer.append("log", {}, {"log": np.full((3, 2), number, dtype=np.int16)})
        writer.append("run_ended", {"state": "complete"})
        writer.seal()
    assert check(root) == []
    return root


def flipped(path: Path) -> None:
    """Change a byte in the middle of a file, and put its time back."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("name", ["journal.jsonl", "samples/log.seg", "run.json", "seal.json"])
@pytest.mark.parametrize("afresh", [True, False])
@pytest.mark.parametrize("another", [True, False])
def test_a_byte_that_changed_since_a_run_was_verified_is_found(
    sealed: Path, name: str, afresh: bool, another: bool
) -> None:
    assert check(sealed, afresh=False) == []
    flipped(sealed / name)
    if another:
        events._OPEN.clear()
    assert Level.DAMAGE in {finding.level for finding in check(sealed, afresh)}


def test_files_of_another_run_in_its_place_are_read_again(sealed: Path, tmp_path: Path) -> None:
    shutil.copytree(sealed, tmp_path / "kept")
    shutil.rmtree(sealed)
    shutil.copytree(tmp_path / "kept", sealed)
    flipped(sealed / "journal.jsonl")
    assert Level.DAMAGE in {finding.level for finding in check(sealed, afresh=False)}


def test_of_files_that_nobody_wrote_since_nothing_is_read_again(
    sealed: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[bytes]
) -> None:
    def read_again(path: Path, _length: int) -> None:
        raise AssertionError(path)

    monkeypatch.setattr("sensorbench.evidence.check._digest", read_again)
    events._OPEN.clear()
    assert check(sealed, afresh=False) == []
    assert not decoded
    with pytest.raises(AssertionError):
        check(sealed)


def test_files_of_the_same_digests_are_not_looked_at_line_by_line_again(
    sealed: Path, decoded: list[bytes]
) -> None:
    events._OPEN.clear()
    assert check(sealed) == []
    assert not decoded


@pytest.mark.parametrize("another", [True, False])
@pytest.mark.parametrize("spoil", ["", "samples/log.seg", "samples/new.seg"])
def test_of_a_run_that_goes_on_only_the_new_frames_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, another: bool, spoil: str
) -> None:
    looked: list[Frame] = []
    own = RunReader.frame_bytes
    monkeypatch.setattr(
        RunReader, "frame_bytes", lambda run, frame: looked.append(frame) or own(run, frame)
    )
    root = tmp_path / "run"
    with RunWriter(root, VirtualClock(), {"provenance": "simulated"}, {}) as writer:
        writer.declare("log", [Column("value", "Pa")])
        for number in range(50):
            writer.append("log", {}, {"log": np.full((3, 1), float(number))})
        writer.commit()
        assert [finding.level for finding in check(root)] == [Level.INCOMPLETE]
        assert len(looked) == 50
        writer.declare("new", [Column("value", "Pa")])
        writer.append("log", {}, {"log": np.zeros((1, 1)), "new": np.ones((1, 1))})
        writer.commit()
    looked.clear()
    if another:
        events._OPEN.clear()
    if spoil:
        flipped(root / spoil)
    levels = {finding.level for finding in check(root)}
    assert levels == ({Level.INCOMPLETE, Level.DAMAGE} if spoil else {Level.INCOMPLETE})
    assert len(looked) == (52 if spoil == "samples/log.seg" else 2)


def test_lines_that_were_forged_after_the_last_look_vouch_for_no_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "run"
    with RunWriter(root, VirtualClock(), {"provenance": "simulated"}, {}) as writer:
        writer.declare("log", [Column("value", "Pa")])
        for number in range(30):
            writer.append("log", {}, {"log": np.full((3, 1), float(number))})
        writer.commit()
        check(root)
        monkeypatch.setattr(cache, "_LEAST_EVENTS", 100)  # what comes now is not kept in the index
        for number in range(5):
            writer.append("log", {}, {"log": np.full((3, 1), float(number))})
        writer.commit()
        assert {finding.level for finding in check(root)} == {Level.INCOMPLETE}
    journal = root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    kept = [json.loads(line) for line in lines[:-3]]
    journal.write_bytes(b"".join(lines[:-3]))
    forger = JournalWriter.reopen(journal, len(kept), kept[-1]["hash"])
    for line in lines[-3:]:
        row = json.loads(line)
        frame = {**row["data"]["frames"][0], "sha256": "0" * 64}
        forger.append(row["t"], row["time"], "log", {"frames": [frame]})
    forger.commit()
    forger.close()
    events._OPEN.clear()
    found = [finding for finding in check(root) if finding.level is Level.DAMAGE]
    assert len(found) == 3
    assert all("its digest does not match" in str(finding) for finding in found)


def test_what_was_written_just_before_it_was_verified_is_read_again(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_SETTLED_NS", 10**18)
    check(sealed)
    read_again: list[Path] = []
    monkeypatch.setattr(
        "sensorbench.evidence.check._digest",
        lambda path, _length: read_again.append(path) or ("", ""),
    )
    check(sealed, afresh=False)
    assert read_again


def spoilt(folder: Path) -> Iterator[str]:
    """Spoil what is kept, a file after the other, each in several ways."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            kept = path.read_bytes()
            middle = len(kept) // 2
            other = kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :] if kept else b"x"
            for data in (b"", b"{}", b"\0" * 7, kept[:-3], other):
                path.write_bytes(data)
                yield f"{path.name} {data[:5]!r}"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(kept)


def test_what_is_kept_and_spoilt_is_found_anew(sealed: Path, tmp_path: Path) -> None:
    for what in spoilt(tmp_path / "cache"):
        events._OPEN.clear()
        run = RunReader(sealed)
        assert (len(run.events("log")), run.journal.damage) == (300, ()), what
        assert check(sealed) == [], what


def test_what_is_kept_may_be_removed_while_a_run_is_read(tmp_path: Path) -> None:
    root = tmp_path / "run"
    with RunWriter(root, VirtualClock(), {"provenance": "simulated"}, {}) as writer:
        for number in range(40):
            writer.append("log", {"n": number})
            writer.commit()
            if number % 10 == 9:
                shutil.rmtree(tmp_path / "cache")
            if number % 13 == 12:
                events._OPEN.clear()
            found = RunReader(root).events("log")
            assert [event.data["n"] for event in found] == list(range(number + 1))


@pytest.mark.parametrize("where", ["", "a file"])
def test_a_run_is_read_where_nothing_can_be_kept(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where:
        where = str(tmp_path / "file" / "below")
        (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(cache.CACHE, where)
    events._OPEN.clear()
    assert check(sealed) == []
    run = RunReader(sealed)
    assert len(run.events("log")) == 300
    assert [len(rows) for _, rows in run.rows("log")] == [900]


def test_nothing_is_kept_in_the_runs_folder(sealed: Path) -> None:
    names = {path.relative_to(sealed).as_posix() for path in sealed.rglob("*") if path.is_file()}
    assert names == {"journal.jsonl", "run.json", "samples/log.seg", "seal.json"}


# -- samples, many at a time -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.int32])
def test_rows_of_a_stream_are_those_of_its_events(tmp_path: Path, dtype: type) -> None:
    chance = random.Random(3)
    root = tmp_path / "run"
    with RunWriter(root, VirtualClock(), {"provenance": "simulated"}, {}) as writer:
        columns = [Column("time", "s"), Column("value", "Pa", 0.5, 3.0)]
        writer.declare("log", columns)
        writer.declare("other", columns)
        for number in range(400):
            size = 3 if number % 50 else chance.randrange(1, 7)
            rows = np.full((size, 2), number, dtype=dtype)
            writer.append("log", {}, {"log": rows, "other": rows[:1]})
        writer.commit()
    run = RunReader(root)
    expected = np.concatenate([run.values(event, "log") for event in run.events("log")])
    breaks = [100, 101, 250]
    found = list(run.rows("log", breaks))
    assert np.array_equal(np.concatenate([rows for _, rows in found]), expected)
    for seq, rows in found:
        numbers = rows[:, 0] + 2  # two streams are announced before
        assert numbers.min() == seq
        assert not any(seq < cut <= numbers.max() for cut in breaks)


def test_a_damaged_frame_among_many_is_an_error_in_words(sealed: Path) -> None:
    flipped(sealed / "samples/log.seg")
    with pytest.raises(EvidenceError, match=r"samples/log.seg: the frame's .* damaged"):
        list(RunReader(sealed).rows("log"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are told by /proc")
def test_a_run_that_nobody_reads_any_more_keeps_no_file_open(sealed: Path, run_copy: Path) -> None:
    assess(RunReader(run_copy))
    gc.collect()
    gc.disable()
    try:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(10):
            run = RunReader(sealed)
            assert len(run.events("log")) == 300
            list(run.rows("log"))
            data = RunData.read(run_copy)
            assert assess(data).units
        del run, data
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    finally:
        gc.enable()
