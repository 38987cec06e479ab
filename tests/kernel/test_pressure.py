"""Linux's own drivers of pressure sensors, unchanged, on the twins."""

import time
from itertools import pairwise
from typing import Any

import pytest

from .capture import capture
from .conftest import Bench

ACCURACY_PA = {
    "bmp280": 100.0, "bme280": 100.0, "bmp390": 50.0, "dps310": 100.0, "spl06": 100.0,
    "mpl3115a2": 400.0, "hp206c": 150.0, "lps22hh": 50.0, "ms5611": 150.0,
}  # fmt: skip
ACCURACY_C = {"mpl3115a2": 1.0, "lps22hh": 1.5}
WRONG_BIT = "write 0x10 to 0x09"


def settled(node: Any) -> None:
    """Let a part that measures by itself measure what is new: the driver may read the old."""
    names = node.names()
    if "sampling_frequency" in names:
        node.set("sampling_frequency", "25" if "sampling_frequency_available" in names else "50")
    for kind in ("pressure", "temp"):
        if f"in_{kind}_sampling_frequency" in names:
            node.set(f"in_{kind}_sampling_frequency", 8)
    time.sleep(0.6)  # also what is left of a filter's memory


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in ACCURACY_PA), ("bmp390", {"chip": "BMP388"}),
     ("dps310", {"fuse_error": True})],
)  # fmt: skip
def test_pressure_and_temperature_are_the_world_s(
    bench: Bench, name: str, options: dict[str, Any]
) -> None:
    with bench.part(name, **options) as (_, device):
        node = device.node()
        # Far from 80 kPa the 64 bits of Linux's dps310 overflow, in the term of c30.
        ends = (75_000.0, 85_000.0) if name in ("dps310", "spl06") else (60_000.0, 105_000.0)
        for pressure_pa, temperature_c in ((ends[0], 10.0), (ends[1], 45.0)):
            bench.pose(pressure=pressure_pa, temperature=temperature_c)
            settled(node)
            found_pa = 1000 * node.value("in_pressure")
            assert found_pa == pytest.approx(pressure_pa, abs=ACCURACY_PA[name])
            found_c = node.value("in_temp") / (1 if name in ("mpl3115a2", "hp206c") else 1000)
            assert found_c == pytest.approx(temperature_c, abs=ACCURACY_C.get(name, 1.0))


@pytest.mark.parametrize(
    ("name", "channel", "ratios"),
    [
        ("bmp280", "pressure", (1, 2, 4, 8, 16)),
        ("bme280", "pressure", (1, 2, 4, 8, 16)),
        ("bme280", "humidityrelative", (1, 2, 4, 8, 16)),
        ("bmp390", "pressure", (1, 2, 4, 8, 16, 32)),
        ("bmp390", "temp", (1, 2, 4, 8, 16, 32)),
        ("dps310", "pressure", (1, 2, 4, 8)),  # from 16 on it sets another bit than P_SHIFT
        ("dps310", "temp", (1, 2, 4, 8)),
        ("ms5611", "pressure", (256, 512, 1024, 2048, 4096)),
        ("ms5611", "temp", (256, 512, 1024, 2048, 4096)),
        ("hp206c", "pressure", (128, 256, 512, 1024, 2048, 4096)),
    ],
)
def test_every_oversampling_reads_the_same_world(
    bench: Bench, name: str, channel: str, ratios: tuple[int, ...]
) -> None:
    bench.pose(pressure=80_000.0)
    with bench.part(name) as (twin, device):
        node = device.node()
        if name == "bmp390":
            node.set("sampling_frequency", "12.5")  # it refuses a rate that is too fast for 32 x
        for ratio in ratios:
            node.set(f"in_{channel}_oversampling_ratio", ratio)
            assert node.number(f"in_{channel}_oversampling_ratio") == ratio
            time.sleep(1.2 if name == "dps310" else 0.2)
            assert 1000 * node.value("in_pressure") == pytest.approx(80_000.0, abs=150)
        assert not set(twin.beyond) - {WRONG_BIT}


def test_the_rates_of_the_bmp390_are_taken_and_its_filter_settles(bench: Bench) -> None:
    with bench.part("bmp390") as (twin, device):
        node = device.node()
        for rate in ("1.5625", "25", "50"):
            node.set("sampling_frequency", rate)
            assert node.number("sampling_frequency") == float(rate)
        node.set("filter_low_pass_3db_frequency", 15)
        bench.pose(pressure=70_000.0)
        time.sleep(3.0)
        assert 1000 * node.value("in_pressure") == pytest.approx(70_000.0, abs=50)
        assert not twin.beyond


@pytest.mark.parametrize("temperature_c", [-30.0, -10.0, 15.0, 60.0])
def test_the_ms5611_is_compensated_when_it_is_cold_too(bench: Bench, temperature_c: float) -> None:
    bench.pose(temperature=temperature_c, pressure=70_000.0)
    with bench.part("ms5611") as (twin, device):
        node = device.node()
        assert node.number("in_temp_input") / 1000 == pytest.approx(temperature_c, abs=4)
        assert 1000 * node.number("in_pressure_input") == pytest.approx(70_000.0, abs=400)
        assert not twin.beyond


def test_the_bme280_s_humidity_is_the_world_s(bench: Bench) -> None:
    with bench.part("bme280") as (twin, device):
        for humidity in (20.0, 80.0):
            bench.pose(humidity=humidity)
            time.sleep(0.3)
            found = device.node().value("in_humidityrelative") / 1000
            assert found == pytest.approx(humidity, abs=3)
        assert not twin.beyond


@pytest.mark.parametrize("name", ["bmp280", "bme280", "bmp390", "mpl3115a2", "lps22hh", "ms5611"])
def test_samples_in_a_buffer_follow_the_world(bench: Bench, name: str) -> None:
    with bench.part(name) as (_, device):
        node = device.node()
        settled(node)
        taken = []
        for pressure_pa in (70_000.0, 100_000.0):
            bench.pose(pressure=pressure_pa)
            time.sleep(0.5)
            samples = capture(bench.guest, node, 5, 0.4 if name == "mpl3115a2" else 0.1)
            assert len(samples) == 5
            found = [1000 * node.scaled("in_pressure", row["in_pressure"]) for row in samples]
            taken.append(sum(found) / 5)
            assert taken[-1] == pytest.approx(pressure_pa, abs=ACCURACY_PA[name])
        ((before, after),) = pairwise(taken)
        assert after - before == pytest.approx(30_000.0, rel=0.002)
