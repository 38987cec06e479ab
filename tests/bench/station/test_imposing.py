"""[[simulation.field]]: what no instrument drives, read back by parts' own drivers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.documents import load
from sensorbench.core.errors import InputError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.station.imposing import impose, more_at
from sensorbench.station.model import StationFile, load_station
from sensorbench.station.preflight import check_station
from sensorbench.world.place import STANDARD_GRAVITY
from sensorbench.world.world import Place, World

HEAD = """
[station]
name = "bench 1"

[simulation]
seed = 5

[bus.bus0]
kind = "simulated"
"""
SOCKETS = """
[[socket]]
id = "s1"
link = { kind = "i2c", bus = "bus0", address = 0x44 }

[[socket]]
id = "s2"
link = { kind = "i2c", bus = "bus0", address = 0x45 }
"""


def station(root: Path, fields: str) -> StationFile:
    (root / "station.toml").write_text(HEAD + fields + SOCKETS)
    found = load_station(root / "station.toml")
    assert check_station(found) == []
    return found


def place(root: Path, fields: str) -> Place:
    world = World(VirtualClock(), 5)
    impose(station(root, fields), world)
    return Place(world, "7")


def row(kind: str, where: str, more: str) -> str:
    return f'\n[[simulation.field]]\nkind = "{kind}"\nwhere = "{where}"\n{more}\n'


def test_sine_is_on_gravity_with_its_amplitude_and_frequency(tmp_path: Path) -> None:
    here = place(tmp_path, row("sine", "acceleration.x", 'amplitude = "2 g"\nfrequency = "40 Hz"'))
    found = here.acceleration(np.arange(1000) / 1000.0) / STANDARD_GRAVITY
    lines = np.abs(np.fft.rfft(found[:, 0])) / 500
    assert int(lines.argmax()) == 40
    assert lines[40] == pytest.approx(2.0)
    assert found[:, 2] == pytest.approx(1.0)


def test_random_vibration_has_its_density_and_is_the_same_each_time(tmp_path: Path) -> None:
    from scipy.signal import welch  # noqa: PLC0415 - heavy

    text = row("random", "acceleration.z", 'psd = "0.01 g^2/Hz"\nlow = "20 Hz"\nhigh = "200 Hz"')
    times = np.arange(60_000) / 1000.0
    found = place(tmp_path, text).acceleration(times)[:, 2] / STANDARD_GRAVITY
    assert found.mean() == pytest.approx(1.0, abs=0.01)
    frequencies, density = welch(found, 1000.0, nperseg=500)
    inside = density[(frequencies > 30) & (frequencies < 190)]
    assert inside.mean() == pytest.approx(0.01, rel=0.03)
    assert density[(frequencies > 220)].max() < 1e-4
    again = place(tmp_path, text).acceleration(times[500:510])[:, 2] / STANDARD_GRAVITY
    assert again.tobytes() == found[500:510].tobytes()


def test_a_turn_table_turns_gravity_and_is_read_as_a_rate(tmp_path: Path) -> None:
    here = place(tmp_path, row("rotation", "angular_rate.x", 'rate = "90 deg/s"'))
    times = np.array([0.0, 1.0, 2.0])
    assert here.angular_rate(times) == pytest.approx(np.array([[90.0, 0.0, 0.0]] * 3))
    force = here.acceleration(times) / STANDARD_GRAVITY
    assert force == pytest.approx(np.array([[0, 0, 1], [0, 1, 0], [0, 0, -1]]), abs=1e-12)
    # The rate that turns up in the part is minus the one that its gyroscope reads.
    near = here.acceleration(np.array([0.3, 0.3 + 1e-6]))
    turned = np.cross(near[0], np.radians([90.0, 0.0, 0.0]))
    assert (near[1] - near[0]) / 1e-6 == pytest.approx(turned, abs=1e-3)


def test_steps_fall_at_their_time_and_a_chamber_lags(tmp_path: Path) -> None:
    text = row("steps", "co2", 'times = ["60 s", "120 s"]\nvalues = ["1000 ppm", "600 ppm"]')
    here = place(tmp_path, text)
    times = np.array([59.9, 60.0, 119.9, 120.0, 1e6])
    assert here.scalars("co2", times) == pytest.approx([420.0, 1000.0, 1000.0, 600.0, 600.0])
    lagged = place(tmp_path, row("constant", "humidity", 'value = "85 %RH"\nlag = "30 s"'))
    shares = (85.0 - lagged.scalars("humidity", np.array([0.0, 30.0, 60.0]))) / 40.0
    assert shares == pytest.approx([1.0, math.exp(-1), math.exp(-2)])


def test_sht3x_shows_the_time_constant_of_its_chamber(tmp_path: Path) -> None:
    from sensorbench.sensors.sht3x.driver import Sht3x  # noqa: PLC0415 - beside what it proves
    from sensorbench.sensors.sht3x.twin import SimSht3x  # noqa: PLC0415

    fields = row("constant", "humidity", 'value = "85 %RH"\nlag = "5 min"')
    fields += row("constant", "supply", 'value = "3.3 V"')
    there = place(tmp_path, fields)
    clock, bus = there.clock, SimulatedI2cBus("bus0")
    bus.attach(0x44, SimSht3x(there))
    part = Sht3x(bus, 0x44, clock)
    part.prepare()

    def read() -> float:
        clock.sleep(part.start())
        return float(part.read().values[0][0])

    begins = read()
    clock.sleep(300.0)
    after = read()
    clock.sleep(6000.0)
    assert (read() - after) / (read() - begins) == pytest.approx(math.exp(-1), abs=0.01)


@pytest.mark.parametrize("form", ["csv", "npy"])
def test_a_recording_is_played_and_its_digest_is_in_the_station(tmp_path: Path, form: str) -> None:
    table = np.array([[0.0, 100.0], [10.0, 90.0], [20.0, 95.0]])
    if form == "csv":
        lines = "\n".join(",".join(map(str, line)) for line in table.tolist())
        (tmp_path / "flight.csv").write_text("time,pressure\n" + lines + "\n")
    else:
        np.save(tmp_path / "flight.npy", table)
    text = row("recording", "pressure", f'file = "flight.{form}"\nunit = "kPa"')
    here = place(tmp_path, text)
    times = np.array([0.0, 5.0, 20.0, 1e5])
    assert here.pressures_pa(times) == pytest.approx([100e3, 95e3, 95e3, 95e3])
    repeats = place(tmp_path, text + 'ends = "repeat"\n')
    assert repeats.pressures_pa(times + 20.0 * 7) == pytest.approx([100e3, 95e3, 100e3, 100e3])
    told = station(tmp_path, text).model_dump_json()
    if form == "csv":
        (tmp_path / "flight.csv").write_text("0,1\n1,2\n")
    else:
        np.save(tmp_path / "flight.npy", table * 2)
    assert station(tmp_path, text).model_dump_json() != told


def test_sockets_differ(tmp_path: Path) -> None:
    text = row("constant", "temperature", 'value = "60 degC"\nsockets = { s2 = "-1.5 K" }')
    file = station(tmp_path, text)
    assert more_at(file, "", "s1") == {}
    world = World(VirtualClock(), 5)
    impose(file, world)
    middle = Place(world, "7").temperature_c()
    assert Place(world, "7", more=more_at(file, "", "s2")).temperature_c() == pytest.approx(
        middle - 1.5, abs=0.01
    )


BAD = {
    "unknown address": (row("constant", "warmth", 'value = "1 K"'), "is no quantity"),
    "no axis": (row("sine", "acceleration", 'amplitude = "1 g"\nfrequency = "1 Hz"'), "which axis"),
    "unit": (row("constant", "humidity", 'value = "3 kPa"'), "kPa"),
    "unsorted": (
        row("steps", "co2", 'times = ["2 s", "1 s"]\nvalues = ["500 ppm", "600 ppm"]'), "must rise",
    ),
    "count": (row("steps", "co2", 'times = ["2 s"]\nvalues = ["500 ppm", "600 ppm"]'), "one for"),
    "density": (
        row("random", "acceleration.x", 'psd = "1 g"\nlow = "1 Hz"\nhigh = "9 Hz"'), "no density",
    ),
    "band": (
        row("random", "acceleration.x", 'psd = "1 g2/Hz"\nlow = "9 Hz"\nhigh = "9 Hz"'),
        "above low",
    ),
    "two": (
        row("constant", "co2", 'value = "500 ppm"') + row("constant", "co2", 'value = "1 ppm"'),
        "driven by simulation.field[1] too",
    ),
    "axis of another": (
        row("rotation", "angular_rate.x", 'rate = "9 deg/s"')
        + row("constant", "orientation", 'value = "+x up"'),
        "orientation is driven by",
    ),
    "rotation of what": (row("rotation", "co2", 'rate = "9 deg/s"'), "about an axis"),
    "zone": (row("constant", "co2", 'value = "500 ppm"\nzone = "a"'), "zone 'a'"),
    "socket": (
        row("constant", "co2", 'value = "500 ppm"\nsockets = { s9 = "1 ppm" }'),
        "there are: s1, s2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_is_refused(tmp_path: Path, what: str) -> None:
    fields, said = BAD[what]
    (tmp_path / "station.toml").write_text(HEAD + fields + SOCKETS)
    told = [str(problem) for problem in check_station(load_station(tmp_path / "station.toml"))]
    assert any(said in text and "simulation.field[" in text for text in told), told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,1\n1,nan\n", "not finite"),
        ("0,1\n0,2\n", "must rise"),
        ("0,1,2\n1,2,3\n", "one or three"),
        ("0,1\n", "two or more"),
        ("0,1\n1,x\n", "no table of numbers"),
        (None, "can't be read"),
    ],
)
def test_recordings_that_cannot_be_played(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "a.csv").write_text(text)
    fields = row("recording", "co2", 'file = "a.csv"\nunit = "ppm"')
    (tmp_path / "station.toml").write_text(HEAD + fields + SOCKETS)
    with pytest.raises(InputError, match=said) as caught:
        load_station(tmp_path / "station.toml")
    assert "simulation.field" in str(caught.value)


def test_a_band_beyond_what_is_computed_and_an_unknown_kind_are_refused(tmp_path: Path) -> None:
    fields = row("random", "acceleration.x", 'psd = "1 g2/Hz"\nlow = "1 Hz"\nhigh = "30 kHz"')
    (tmp_path / "station.toml").write_text(HEAD + fields + row("wobble", "co2", "") + SOCKETS)
    with pytest.raises(InputError) as caught:
        load(tmp_path / "station.toml", StationFile)
    assert "20000" in str(caught.value)
    assert "constant" in str(caught.value)


def test_the_guide_says_what_is_accepted(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/use-the-twins.md").read_text()
    block = next(b for b in guide.split("```toml\n") if b.startswith("[[simulation.field]]"))
    (tmp_path / "flight.csv").write_text("s,kPa\n0,100\n10,90\n")
    file = station(tmp_path, block.split("```")[0])
    assert file.simulation
    kinds = {field.kind for field in file.simulation.field}
    assert kinds == {"constant", "steps", "sine", "random", "rotation", "recording"}
    here = place(tmp_path, block.split("```")[0])
    assert here.scalar("co2", 1e5) == pytest.approx(1000.0)
    assert here.pressure_pa(at_s=5.0) == pytest.approx(95e3)
    assert here.humidity_rh(at_s=700.0) == pytest.approx(80.0, rel=0.01)


def test_a_field_that_an_instrument_drives_too_is_refused(tmp_path: Path) -> None:
    chamber = """
[instrument.chamber]
model = "espec_p300"
link = { kind = "simulated" }

[bench.temperature]
set = "chamber.temperature"
reference = "chamber.temperature"
"""
    fields = row("constant", "temperature", 'value = "60 degC"')
    (tmp_path / "station.toml").write_text(HEAD + fields + chamber + SOCKETS)
    told = [str(problem) for problem in check_station(load_station(tmp_path / "station.toml"))]
    assert any("simulation.field[1].where" in text and "bench table" in text for text in told)
