"""Parts on a shaker, on a turn table and in a chamber: their drivers read what the fields say."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import welch

from sensorbench.core.clock import VirtualClock
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.lsm6dso.driver import Lsm6dso
from sensorbench.sensors.lsm6dso.twin import SimLsm6dso
from sensorbench.sensors.sht4x.driver import Sht4x
from sensorbench.station.imposing import impose
from sensorbench.station.model import load_station
from sensorbench.station.preflight import check_station
from sensorbench.station.simulation import SimulatedBench
from sensorbench.station.twin_bench import TwinBench
from sensorbench.station.worlds import meet_again, meet_anew
from sensorbench.world.place import STANDARD_GRAVITY
from sensorbench.world.world import Place, World

from ...workspaces import BUS, SHT4X, START, edit, job_of, sht4x_lot, sht4x_sockets, write
from .test_imposing import HEAD, row

FED = row("constant", "supply", 'value = "3.3 V"')


def imu(root: Path, fields: str, **settings: float) -> tuple[Lsm6dso, VirtualClock]:
    (root / "station.toml").write_text(HEAD + FED + fields)
    file = load_station(root / "station.toml")
    assert check_station(file) == []
    clock, bus = VirtualClock(), SimulatedI2cBus("bus0")
    world = World(clock, 5)
    impose(file, world)
    bus.attach(0x6A, SimLsm6dso(Place(world, "7")))
    part = Lsm6dso(bus, 0x6A, clock)
    part.prepare(**settings)
    return part, clock


def streamed(
    part: Lsm6dso, clock: VirtualClock, seconds: float
) -> tuple[npt.NDArray[np.float64], float]:
    """Return what the FIFO gave, in counts, shape (n, 6), and the part's own rate in Hz."""
    part.open_stream()
    blocks = []
    for _ in range(round(seconds / 0.1)):
        clock.sleep(0.1)
        blocks.append(part.drain().values)
    return np.concatenate(blocks).astype(float), part.read_rate_hz()


def test_a_stream_on_a_shaker_has_its_amplitude_and_frequency(tmp_path: Path) -> None:
    asked = {"rate": 833.0, "acceleration_range": 4 * STANDARD_GRAVITY}
    text = row("sine", "acceleration.x", 'amplitude = "2 g"\nfrequency = "40 Hz"')
    part, clock = imu(tmp_path, text, **asked)
    found, rate_hz = streamed(part, clock, 5.0)
    x = found[:, 0] * Lsm6dso.stream(**asked).scale[0] / STANDARD_GRAVITY
    spectrum = np.abs(np.fft.rfft((x - x.mean()) * np.hanning(len(x))))
    frequency_hz = spectrum.argmax() * rate_hz / len(x)
    assert frequency_hz == pytest.approx(40.0, abs=rate_hz / len(x))
    assert x.std() * math.sqrt(2) == pytest.approx(2.0, rel=0.02)


def test_a_stream_on_random_vibration_has_its_density(tmp_path: Path) -> None:
    asked = {"rate": 833.0, "acceleration_range": 16 * STANDARD_GRAVITY}
    text = row("random", "acceleration.x", 'psd = "0.01 g^2/Hz"\nlow = "20 Hz"\nhigh = "100 Hz"')
    part, clock = imu(tmp_path, text, **asked)
    found, rate_hz = streamed(part, clock, 20.0)
    x = found[:, 0] * Lsm6dso.stream(**asked).scale[0] / STANDARD_GRAVITY
    frequencies, density = welch(x, rate_hz, nperseg=256)
    inside = density[(frequencies > 28) & (frequencies < 92)]
    assert inside.mean() == pytest.approx(0.01, rel=0.1)


def test_a_turn_table_is_read_by_both_halves_of_an_imu(tmp_path: Path) -> None:
    part, clock = imu(tmp_path, row("rotation", "angular_rate.x", 'rate = "90 deg/s"'))
    angles, times = [], []
    for _ in range(6):
        clock.sleep(part.start())
        values = np.asarray(part.read().values[0], float)
        times.append(clock.now())
        angles.append(math.atan2(values[1], values[2]))
        assert values[3] == pytest.approx(90.0, abs=3.0)
        clock.sleep(0.25)
    turned = np.diff(np.degrees(np.unwrap(angles)))
    assert turned / np.diff(times) == pytest.approx(90.0, rel=0.06)


def test_a_run_keeps_the_recording_that_it_played(tmp_path: Path) -> None:
    grid = (
        '[[phase]]\nkind = "grid"\nname = "g"\naxes = [{ set = { pressure = ["min", "max"] } }]\n'
    )
    there = write(tmp_path / "bench", grid + 'measures = ["error"]\n')
    data = b"0,100\n10,200\n"
    (there.root / "gas.csv").write_bytes(data)
    text = row("recording", "co2", 'file = "gas.csv"\nunit = "ppm"')
    edit(there.station_path, ("[bus.bus0]", text + "\n[bus.bus0]"))
    job = job_of(there)
    (kept,) = (name for name in job.inputs if name.startswith("recording-"))
    assert job.inputs[kept] == data


@pytest.mark.skipif(os.name == "nt", reason="worlds of their own are tried with signals of POSIX")
def test_a_world_of_its_own_goes_on_in_the_same_fields(
    tmp_path: Path, own_marks: None, own_world: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = FED + row("constant", "humidity", 'value = "85 %RH"\nlag = "5 min"')
    fields += row("recording", "temperature", 'file = "day.csv"\nunit = "degC"\nends = "repeat"')
    there = write(
        tmp_path / "bench", station=BUS + fields + sht4x_sockets(2), parts={"sht4x": SHT4X},
        lots={"H1": sht4x_lot()},
    )  # fmt: skip
    (there.root / "day.csv").write_text("0,20\n400,40\n900,25\n")
    file, lots = there.load_station(), there.load_lots()
    serial, socket = lots[0][0].unit[0].serial, file.socket[0]
    assert socket.link

    def read(bench: TwinBench, clock: VirtualClock) -> list[float]:
        part = Sht4x(bench.buses["bus0"], 0x44, clock)
        found: list[float] = []
        part.prepare()
        for _ in range(3):
            clock.sleep(100.0 + part.start())
            found += map(float, part.read().values[0])
        return found

    clock = VirtualClock(START)
    here = SimulatedBench(file, clock, {}, lots)
    here.plug(serial, socket.id)
    wanted = [read(here, clock), read(here, clock)]

    monkeypatch.delenv("SENSORBENCH_WORLD")
    clock = VirtualClock(START)
    world = meet_anew(there.root, file, lots, clock, lambda _: None)
    world.bench.plug(serial, socket.id)
    found = [read(world.bench, clock)]
    world.bench.close()  # as what a killed program left
    clock = VirtualClock(START)
    world = meet_again(there.root, file, lots, clock)
    try:
        found.append(read(world.bench, clock))
    finally:
        world.end()
    assert found == wanted
