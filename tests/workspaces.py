"""Small workspaces as users write them, checked and run on twins in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.operator import Operator
from sensorbench.evidence.journal import Event
from sensorbench.evidence.run import RunReader
from sensorbench.profiles.schedule import Schedule
from sensorbench.run.execute import Outcome, execute, resume
from sensorbench.run.progress import Progress
from sensorbench.station.preflight import preflight
from sensorbench.station.station import Station, open_station
from sensorbench.station.workspace import Job, Workspace, load_job

START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
DUE = "2027-06-01"

BUS = """
[station]
name = "bench 1"

[simulation]
seed = 1

[bus.bus0]
kind = "simulated"
"""
CHAMBER = """
[instrument.chamber]
model = "espec_p300"
link = { kind = "simulated" }
"""
THERMOMETER = f"""
[instrument.thermometer]
model = "tmp117"
link = {{ kind = "i2c", bus = "bus0", address = 0x48 }}
certificate = "T-1"
calibration_due = {DUE}
uncertainty = "0.1 K"
"""
PACE = f"""
[instrument.pace]
model = "druck_pace5000"
link = {{ kind = "simulated" }}
certificate = "P-1"
calibration_due = {DUE}
uncertainty = "8 Pa"
"""
PSU = """
[instrument.psu]
model = "keysight_e36312a"
link = { kind = "simulated" }
"""
DMM = f"""
[instrument.dmm]
model = "keysight_34461a"
link = {{ kind = "simulated" }}
certificate = "E-1"
calibration_due = {DUE}
uncertainty = "0.5 mV"
"""
BENCH_TEMPERATURE = """
[bench.temperature]
set = "chamber.temperature"
reference = "thermometer"
agree = "2 K"
gradient = "0.4 K"
low = "-60 degC"
high = "155 degC"
"""
BENCH_PRESSURE = """
[bench.pressure]
set = "pace"
reference = "pace"
high = "130 kPa"
"""
BENCH_SUPPLY = """
[bench.supply]
set = "psu.out1"
reference = "dmm.voltage"
high = "3.7 V"
"""
STATION = (
    BUS + CHAMBER + THERMOMETER + PACE + PSU + DMM
    + BENCH_TEMPERATURE + BENCH_PRESSURE + BENCH_SUPPLY
)  # fmt: skip

SBP1 = """
[part]
name = "SBP1"
driver = "sbp1"
grade = 1

[range.temperature]
min = "-40 degC"
max = "125 degC"

[range.pressure]
min = "20 kPa"
max = "120 kPa"

[range.supply]
min = "3.0 V"
nominal = "3.3 V"
max = "3.6 V"
limit = "500 mA"

[condition]
room = { temperature = "25 degC", supply = "nominal" }
cold = { temperature = "min", supply = "nominal" }
hot = { temperature = "max", supply = "nominal" }

[accuracy.pressure]
error = "0.1 %"
hysteresis = "0.05 %"

[[parameter]]
name = "pressure_error"
measure = "error"
channel = "pressure"
set = { pressure = "70 kPa" }
limits = { room = ["-300 Pa", "300 Pa"], cold = ["-300 Pa", "300 Pa"], hot = ["-300 Pa", "300 Pa"] }
drift = "150 Pa"
"""
SHT4X = """
[part]
name = "SHT40"
driver = "sht4x"

[range.temperature]
min = "-40 degC"
max = "125 degC"

[range.humidity]
min = "0 %RH"
max = "100 %RH"

[range.supply]
min = "1.08 V"
nominal = "3.3 V"
max = "3.6 V"
limit = "100 mA"

[condition]
room = { temperature = "25 degC", supply = "nominal" }
hot = { temperature = "85 degC", supply = "nominal" }

[accuracy.temperature]
error = "1 K"

[[parameter]]
name = "temperature_error"
measure = "error"
channel = "temperature"
limits = { room = ["-1 K", "1 K"], hot = ["-1 K", "1 K"] }
drift = "0.3 K"
"""

HEAD = 'id = "own/test"\ntitle = "Test"\nsource = "own"\n'
QUICK = """
[soak]
temperature = { within = "1 K", for = "2 min", timeout = "4 h", held = "3 K" }
humidity = { within = "3 %RH", for = "2 min", timeout = "4 h", held = "6 %RH" }
pressure = { within = "20 Pa", for = "5 s", timeout = "5 min" }
"""
"""Soaks that are over soon, for profiles whose soaks are not what is tested."""


def sbp1_sockets(count: int, first: int = 0, zone: str = "", bus: str = "bus0") -> str:
    """Return sockets for SBP1, each behind a channel of a multiplexer."""
    where = f'zone = "{zone}"\n' if zone else ""
    return "".join(
        f'\n[[socket]]\nid = "{zone}A{n + 1}"\n{where}'
        f'link = {{ bus = "{bus}", multiplexer = {0x70 + n // 8:#04x}, channel = {n % 8}, '
        "address = 0x28 }\n"
        for n in range(first, first + count)
    )


def sht4x_sockets(count: int = 2) -> str:
    """Return sockets for SHT4x, on the bus itself."""
    return "".join(
        f'\n[[socket]]\nid = "H{n + 1}"\nlink = {{ bus = "bus0", address = {0x44 + n:#04x} }}\n'
        for n in range(count)
    )


def lot(name: str, part: str, serials: Sequence[str], sockets: Sequence[str] = ()) -> str:
    """Return a lot; units without a socket are loaded where there is room."""
    units = "".join(
        f'\n[[unit]]\nserial = "{serial}"\n'
        + (f'socket = "{sockets[n]}"\n' if n < len(sockets) else "")
        for n, serial in enumerate(serials)
    )
    return f"[lot]\nid = '{name}'\npart = \"{part}\"\n{units}"


def sbp1_lot(count: int = 2, name: str = "L1", first: int = 1) -> str:
    """Return a lot of SBP1."""
    return lot(name, "sbp1", [f"{26000000 + first + n:08d}" for n in range(count)])


def sht4x_lot(count: int = 2, name: str = "H1") -> str:
    """Return a lot of SHT4x."""
    return lot(name, "sht4x", [f"0F3A11{n:02X}" for n in range(count)])


def write(
    root: Path,
    phases: str = "",
    station: str = "",
    parts: Mapping[str, str] | None = None,
    lots: Mapping[str, str] | None = None,
    head: str = HEAD + QUICK,
) -> Workspace:
    """Write a workspace with one profile, `profile.toml`; two SBP1 in their sockets if left out."""
    for folder in ("parts", "lots"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "station.toml").write_text(station or STATION + sbp1_sockets(4), encoding="utf-8")
    for name, text in (parts or {"sbp1": SBP1}).items():
        (root / "parts" / f"{name}.toml").write_text(text, encoding="utf-8")
    for name, text in (lots or {"L1": sbp1_lot()}).items():
        (root / "lots" / f"{name}.toml").write_text(text, encoding="utf-8")
    (root / "profile.toml").write_text(head + phases, encoding="utf-8")
    return Workspace(root)


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replace texts in a file; each must be there."""
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def job_of(
    workspace: Workspace,
    profile: str = "profile.toml",
    lots: Sequence[str] = (),
    choices: Mapping[str, tuple[str, str]] | None = None,
    at: str = "",
) -> Job:
    """Return the job of a profile on lots; all lots of the workspace if none is named."""
    there = sorted(path.stem for path in (workspace.root / "lots").glob("*.toml"))
    return load_job(workspace, profile, lots or there, choices, at)


def check(workspace: Workspace, start: datetime = START, **job: Any) -> Schedule:
    """Return the schedule that preflight accepts. Raises InputError."""
    return preflight(job_of(workspace, **job), start)


def problems(workspace: Workspace, start: datetime = START, **job: Any) -> str:
    """Return why a run is refused, in words; a failure where it is not."""
    try:
        check(workspace, start, **job)
    except InputError as error:
        return str(error)
    raise AssertionError("it was not refused")


@contextmanager
def opened(
    workspace: Workspace,
    job: Job,
    start: datetime = START,
    operator: Operator | None = None,
) -> Iterator[Station]:
    """Open a workspace's station in virtual time; what its parts remember is kept."""
    memory = workspace.load_memory()
    clock = VirtualClock(start)
    lots = job.known_lots or job.lots
    with open_station(job.station, clock, lots, memory, operator=operator) as station:
        yield station
    workspace.save_memory(memory)


def run(
    workspace: Workspace,
    start: datetime = START,
    before: Callable[[Station], None] | None = None,
    operator: Operator | None = None,
    implied: bool = True,
    progress: Progress | None = None,
    **job: Any,
) -> Outcome:
    """Run a profile on twins; `before` may do something to the open station."""
    asked = job_of(workspace, **job)
    with opened(workspace, asked, start, operator) as station:
        if before is not None:
            before(station)
        return execute(workspace, asked, station, progress, implied_polls=implied)


def execute_ending(
    workspace: Workspace,
    job: Job,
    station: Station,
    progress: Progress | None = None,
    implied: bool = True,
) -> BaseException:
    """Run a job that does not end well; return what was raised."""
    try:
        execute(workspace, job, station, progress, implied_polls=implied)
    except BaseException as error:
        return error
    raise AssertionError("the run ended well")


def go_on(
    workspace: Workspace,
    root: Path,
    reached: Sequence[str] = (),
    start: datetime | None = None,
    operator: Operator | None = None,
) -> Outcome:
    """Go on with a parked run, at the time of its last event if `start` is left out."""
    last = datetime.fromisoformat(RunReader(root).journal.events[-1].time)
    with opened(workspace, job_of(workspace), start or last, operator) as station:
        return resume(root, station, reached=frozenset(reached))


def events(outcome: Outcome | Path, *kinds: str) -> list[Event]:
    """Return a run's events of those kinds."""
    root = outcome if isinstance(outcome, Path) else outcome.root
    return list(RunReader(root).events(*kinds))


def data_of(outcome: Outcome) -> RunData:
    """Return a run's evidence as arrays."""
    return RunData.read(outcome.root)


def reasons(outcome: Outcome, serial: str = "") -> list[str]:
    """Return the codes of why units did not pass."""
    return [
        reason.code
        for unit in outcome.assessment.units
        if not serial or unit.serial == serial
        for reason in unit.reasons
    ]
