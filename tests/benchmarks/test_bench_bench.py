"""How fast the bench is. Run with `pytest tests/benchmarks --benchmark-enable`; docs/benchmarks.md.

Ratios against a named peer, or against the physical floor, are measured in the same run and kept in
`extra_info`. Nothing here asserts a time.
"""

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
import pyvisa
from pytest_benchmark.fixture import BenchmarkFixture

from sensorbench.app.demo import write_demo
from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.evidence.run import Column, RunWriter
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.line import LineSettings
from sensorbench.links.tca9548a.driver import Multiplexers
from sensorbench.links.tca9548a.twin import SimTca9548a
from sensorbench.profiles.expand import expand
from sensorbench.profiles.schedule import Band, Settle, Step
from sensorbench.reports.report import write_report
from sensorbench.run.execute import execute
from sensorbench.sensors.lsm6dso.codec import FifoDecoder
from sensorbench.sensors.sbp1.twin import SimSbp1
from sensorbench.station.layout import layout_of
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace, load_job
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

PROOF = Path(__file__).parents[1] / "proof"


def powered_world() -> World:
    world = World(VirtualClock())
    world.zone().bind("supply", Constant(3.3))
    return world


def per_second(benchmark: BenchmarkFixture, name: str, count: int) -> None:
    """Keep how many of `name` a second the fastest round made."""
    if benchmark.stats:
        benchmark.extra_info[f"{name}/s"] = round(count / benchmark.stats.stats.min)


def best_s(work: object, count: int, rounds: int = 5) -> float:
    """Return the shortest time of one call, for a peer in the same run."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            work()  # type: ignore[operator]
        times.append((time.perf_counter() - start) / count)
    return min(times)


def test_transactions_on_the_simulated_bus(benchmark: BenchmarkFixture) -> None:
    """Six identity bytes of an SBP1, written pointer and repeated start: aim 100,000/s."""
    bus = SimulatedI2cBus("bus0")
    bus.attach(0x28, SimSbp1(Place(powered_world(), "1")))

    def thousand() -> None:
        for _ in range(1000):
            bus.transfer(0x28, b"\x00", 6)

    benchmark(thousand)
    per_second(benchmark, "transactions", 1000)


def test_transactions_behind_a_multiplexer(benchmark: BenchmarkFixture) -> None:
    """The same through a TCA9548A, another channel each time, with its read-back."""
    bus, switch, world = SimulatedI2cBus("bus0"), SimTca9548a(), powered_world()
    bus.attach(0x70, switch)
    for channel in range(8):
        switch.attach(channel, 0x28, SimSbp1(Place(world, str(channel))))
    multiplexers = Multiplexers(bus, [0x70])
    channels = [multiplexers.channel(0x70, number) for number in range(8)]

    def thousand() -> None:
        for _ in range(125):
            for channel in channels:
                channel.transfer(0x28, b"\x00", 6)

    benchmark(thousand)
    per_second(benchmark, "transactions", 1000)


PYVISA_SIM = """
spec: "1.0"
devices:
  dmm:
    eom: {TCPIP SOCKET: {q: "\\n", r: "\\n"}}
    error: ERROR
    dialogues: [{q: "*IDN?", r: "Keysight Technologies,34461A,SIM-1,A.03.03"}]
resources:
  TCPIP::localhost::5025::SOCKET: {device: dmm}
"""


def test_scpi_queries_in_process(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """*IDN? of a 34461A twin through InProcessLine, against pyvisa-sim: aim 5x."""
    line = InProcessLine(SimKeysight34461a(powered_world(), "SIM-1"), LineSettings(), "dmm")
    (tmp_path / "dmm.yaml").write_text(PYVISA_SIM)
    manager = pyvisa.ResourceManager(f"{tmp_path / 'dmm.yaml'}@sim")
    with manager.open_resource(
        "TCPIP::localhost::5025::SOCKET", read_termination="\n", write_termination="\n"
    ) as theirs:
        count = 2000 if benchmark.enabled else 1
        peer_s = best_s(lambda: theirs.query("*IDN?"), count)  # type: ignore[attr-defined]
    manager.close()

    def thousand() -> None:
        for _ in range(1000):
            line.query("*IDN?")

    benchmark(thousand)
    per_second(benchmark, "queries", 1000)
    if benchmark.stats:
        benchmark.extra_info["pyvisa-sim queries/s"] = round(1 / peer_s)
        benchmark.extra_info["times pyvisa-sim"] = round(
            peer_s / (benchmark.stats.stats.min / 1000), 1
        )


def test_journaled_measurements(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Sweeps of 24 units, each a journal line and a frame, flushed to disk every 100 sweeps.

    A measurement is one unit's sample of four channels. Aim 100,000/s. The floor is the same bytes
    written to one file with the same number of flushes.
    """
    rows = np.random.default_rng(1).normal(size=(24, 7))
    sweeps, group = (2000, 100) if benchmark.enabled else (2, 1)
    runs = iter(range(10**6))

    def journal() -> Path:
        root = tmp_path / f"run{next(runs)}"
        with RunWriter(root, RealClock(), {"provenance": "simulated"}, {}) as run:
            run.declare("duts", [Column(f"c{n}", "1") for n in range(7)])
            for number in range(sweeps):
                run.append("sweep", {"number": number}, {"duts": rows})
                if number % group == group - 1:
                    run.commit()
        return root

    root = benchmark.pedantic(journal, rounds=5 if benchmark.enabled else 1)
    per_second(benchmark, "measurements", sweeps * 24)
    if benchmark.stats:
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        floor_s = best_s(lambda: _floor(tmp_path / "floor", size, 2 * sweeps // group), 1)
        benchmark.extra_info["times the floor's time"] = round(
            benchmark.stats.stats.min / floor_s, 1
        )


def _floor(path: Path, size: int, flushes: int) -> None:

    block = b"x" * (size // flushes)
    with path.open("wb") as file:
        for _ in range(flushes):
            file.write(block)
            file.flush()
            os.fsync(file.fileno())


@pytest.mark.parametrize("units", [24, 77, 231])
def test_demo_by_number_of_units(benchmark: BenchmarkFixture, tmp_path: Path, units: int) -> None:
    """Calibration, HTOL and report of a lot in virtual time: at most linear in the units."""
    if not benchmark.enabled:
        units = units // 24
    workspace = Workspace(tmp_path / "demo")
    profiles = ("calibration/pressure_temperature", "aec_q100/b1_htol")

    def demo() -> None:
        write_demo(workspace.root, 1, date(2026, 6, 1), units)
        clock = VirtualClock(datetime(2026, 6, 1, tzinfo=UTC))
        jobs = [load_job(workspace, profile, ["sbp1"]) for profile in profiles]
        outcomes = []
        with open_station(jobs[0].station, clock, jobs[0].lots, {}) as station:
            for job in jobs if benchmark.enabled else jobs[:1]:
                outcomes.append(execute(workspace, job, station))
        if benchmark.enabled:
            write_report([o.root for o in outcomes], ("html", "pdf"), workspace.reports)

    benchmark.pedantic(demo, rounds=2 if benchmark.enabled else 1)
    if benchmark.stats:
        benchmark.extra_info["ms/unit"] = round(benchmark.stats.stats.min / units * 1000)


def test_help(benchmark: BenchmarkFixture) -> None:
    """`sensorbench --help` in a new process, against an empty Python: aim 0.25 s."""

    def run(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    benchmark.pedantic(
        run, args=("-m", "sensorbench.app.main", "--help"), rounds=10 if benchmark.enabled else 1
    )
    if benchmark.stats:
        empty_s = best_s(lambda: run("-c", "pass"), 1, rounds=10)
        benchmark.extra_info["of it an empty Python, s"] = round(empty_s, 3)


def cycling(root: Path, units: int, cycles: int, safety_s: float) -> Workspace:
    """Write a bench for temperature cycling of SBP1, polled for safety every `safety_s` seconds."""
    shutil.copytree(PROOF / "pressure", root)
    station = root / "station.toml"
    text = station.read_text(encoding="utf-8")
    for where in ("temperature", "pressure", "supply", "supply_current"):
        head = f"[bench.{where}]\n"
        assert head in text
        text = text.replace(head, f'{head}period = "{safety_s:g} s"\n')
    station.write_text(text, encoding="utf-8")
    serials = "\n".join(f"{27_010_001 + n}" for n in range(units))
    (root / "lots" / "e1_units.csv").write_text(f"serial\n{serials}\n", encoding="utf-8")
    profile = (PROOF / "pressure" / "profiles" / "short_cycles.toml").read_text(encoding="utf-8")
    for old, new in (
        ("cycles = 12", f"cycles = {cycles}"),
        ("readouts = [4, 8]", f"readouts = [{cycles // 2}]"),
    ):
        assert old in profile
        profile = profile.replace(old, new)
    (root / "cycling.toml").write_text(profile, encoding="utf-8")
    return Workspace(root)


def test_expansion_of_a_thousand_cycles(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """From profile to schedule, against a plain loop that builds as many steps."""
    cycles = 1000 if benchmark.enabled else 4
    workspace = cycling(tmp_path / "bench", 77, cycles, 10.0)
    job = load_job(workspace, "cycling.toml", ["e1"])
    layout = layout_of(job.station)

    schedule = benchmark(lambda: expand(job.profile, job.lots, layout))
    count = len(schedule.steps)
    assert count >= 4 * cycles
    per_second(benchmark, "steps", count)
    if benchmark.stats:
        floor_s = best_s(lambda: _steps_in_a_loop(count), 1)
        benchmark.extra_info["times a plain loop of the same steps"] = round(
            benchmark.stats.stats.min / floor_s, 1
        )


def _steps_in_a_loop(count: int) -> list[Step]:
    found = []
    for number in range(count):
        bands = (Band("temperature", 150.0, 1.0), Band("supply", 3.3, 0.02))
        action = Settle(bands, 900.0, 7200.0)
        found.append(Step(action, "", number, "TC", 60.0 * number, 60.0))
    return found


# A process begins with its parent's peak: the parent has to be small.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.parametrize("safety_s", [10.0, 1.0])
def test_a_thousand_temperature_cycles_of_77_units(
    benchmark: BenchmarkFixture, tmp_path: Path, safety_s: float
) -> None:
    """In virtual time, with safety polling every 10 s or every second: aim 60 s and 512 MiB.

    In a process of its own, so that its memory is its own too.
    """
    units, cycles = (77, 1000) if benchmark.enabled else (2, 2)
    workspace = cycling(tmp_path / "bench", units, cycles, safety_s)
    peaks = []

    def run() -> None:
        command = [sys.executable, "-m", "sensorbench.app.main", "run", "cycling.toml"]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *command, "--lot", "e1", "--json"],
            cwd=workspace.root, capture_output=True, text=True, check=True,
        )  # fmt: skip
        peaks.append(int(done.stdout) / (2**20 if sys.platform == "darwin" else 2**10))

    benchmark.pedantic(run, rounds=1)
    if benchmark.stats:
        benchmark.extra_info["cycles"] = cycles
        benchmark.extra_info["peak MiB"] = round(max(peaks))
        benchmark.extra_info["cycles/s"] = cycles / benchmark.stats.stats.min


def fifo_burst(sets: int) -> bytes:
    """Return FIFO words as an LSM6DSO sends them: gyroscope and accelerometer, set by set."""
    axes = np.random.default_rng(1).integers(-32768, 32768, (sets, 2, 3), dtype="<i2")
    words = bytearray()
    for number in range(sets):
        for half, sensor in enumerate((1, 2)):
            tag = sensor << 3 | (number & 3) << 1
            words.append(tag | tag.bit_count() & 1)
            words += axes[number, half].tobytes()
    return bytes(words)


def word_by_word(data: bytes) -> list[tuple[int, ...]]:
    """Decode the same words in plain Python, with the same checks: the peer."""
    rows = []
    first: tuple[int, ...] = ()
    last = -1
    for start in range(0, len(data), 14):
        for offset, expected in ((start, 1), (start + 7, 2)):
            tag = data[offset]
            if tag.bit_count() & 1 or tag >> 3 != expected:
                raise ValueError(tag)
            word = data[offset + 1 : offset + 7]
            axes = tuple(int.from_bytes(word[k : k + 2], "little", signed=True) for k in (0, 2, 4))
            if expected == 1:
                first = axes
        if last >= 0 and (tag >> 1 & 3) != last + 1 & 3:
            raise ValueError(tag)
        last = tag >> 1 & 3
        rows.append(axes + first)
    return rows


def test_decoding_of_fifo_blocks(benchmark: BenchmarkFixture) -> None:
    """Full FIFO of an LSM6DSO, six axes a sample: aim 5 million samples/s.

    The peer is the same decode, word by word in Python.
    """
    sets, blocks = 256, 100 if benchmark.enabled else 2  # a multiple of 4: blocks follow on
    block = fifo_burst(sets)
    assert FifoDecoder().feed(block).tolist() == [list(row) for row in word_by_word(block)]

    def decode() -> None:
        decoder = FifoDecoder()
        for _ in range(blocks):
            decoder.feed(block)

    benchmark(decode)
    per_second(benchmark, "samples", sets * blocks)
    if benchmark.stats:
        peer_s = best_s(lambda: word_by_word(block), 10)
        benchmark.extra_info["samples/s word by word"] = round(sets / peer_s)
        benchmark.extra_info["times word by word"] = round(
            peer_s / (benchmark.stats.stats.min / blocks), 1
        )
