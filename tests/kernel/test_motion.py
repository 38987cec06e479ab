"""Linux's own drivers of accelerometers, gyroscopes and magnetometers, unchanged, on the twins."""

import time
from collections.abc import Callable
from statistics import median

import pytest

from .capture import capture
from .conftest import Bench
from .guest import Node

G = 9.80665
Vector = tuple[float, float, float]
TURNING_DPS, FIELD_UT = (20.0, -40.0, 90.0), (30.0, -150.0, 200.0)
OFFSET = {"lis2dh12": 0.1, "sc7a20": 0.1, "msa301": 0.15, "lsm6dso": 0.06, "asm330lhh": 0.06,
          "adxl355": 0.075}  # fmt: skip
"""How far a fresh unit may be off, in g: some two and a half times the typical offset."""
UP = {"x": (1.0, 0.0, 0.0), "y": (0.0, -1.0, 0.0), "z": (0.0, 0.0, 1.0)}


def faster(node: Node) -> None:
    """Have a new sample soon; the driver itself waits for one only where it woke the part."""
    if "sampling_frequency" in node.names():
        rates = node.text("sampling_frequency_available").split()
        node.set("sampling_frequency", next(rate for rate in rates if float(rate) >= 100))


def vector(node: Node, kind: str) -> list[float]:
    return [node.value(f"in_{kind}_{axis}") for axis in "xyz"]


def soon(measure: Callable[[], object], expected: object) -> None:
    """Measure what must be as expected, again where a loaded machine was late with a sample."""
    for _ in range(2):
        if measure() == expected:
            return
        time.sleep(0.5)
    assert measure() == expected


def change(bench: Bench, node: Node, kind: str, quantity: str, to: Vector) -> list[float]:
    """Return by how much a vector changes from none of a quantity to `to`."""
    found = []
    for one in ((0.0, 0.0, 0.0), to):
        bench.pose(**{quantity: one})
        time.sleep(0.1)
        found.append(vector(node, kind))
    return [b - a for a, b in zip(*found, strict=True)]


def accelerometer(name: str) -> str:
    return "accel" if name in ("lsm6dso", "asm330lhh") else ""


@pytest.mark.parametrize("name", sorted(OFFSET))
def test_gravity_is_along_the_axis_that_is_up(bench: Bench, name: str) -> None:
    with bench.part(name) as (_, device):
        node = device.node(name=accelerometer(name))
        faster(node)
        for up in UP.values():
            bench.pose(orientation=up)
            time.sleep(0.1)
            expected = pytest.approx([G * share for share in up], abs=OFFSET[name] * G)
            soon(lambda: vector(node, "accel"), expected)


@pytest.mark.parametrize("name", ["lis2dh12", "sc7a20", "lsm6dso", "asm330lhh"])
def test_every_range_reads_the_same_gravity(bench: Bench, name: str) -> None:
    with bench.part(name) as (_, device):
        node = device.node(name=accelerometer(name))
        faster(node)
        scale = "in_accel_scale" if "in_accel_scale" in node.names() else "in_accel_x_scale"
        steps = node.text("in_accel_scale_available").split()
        # At 16 g Linux takes the SC7A20 for the LIS3DH, whose step there is another one.
        for step in steps[:3] if name == "sc7a20" else steps:
            node.set(scale, step)
            assert node.number(scale) == pytest.approx(float(step), abs=1e-6)
            time.sleep(0.1)
            expected = pytest.approx([0.0, 0.0, G], abs=OFFSET[name] * G)
            soon(lambda: vector(node, "accel"), expected)


@pytest.mark.parametrize("name", ["lsm6dso", "asm330lhh"])
def test_every_range_reads_the_same_rotation(bench: Bench, name: str) -> None:
    with bench.part(name) as (_, device):
        node = device.node(name="gyro")
        faster(node)
        for step in node.text("in_anglvel_scale_available").split():
            node.set("in_anglvel_scale", step)
            radians = pytest.approx([rate / 57.29578 for rate in TURNING_DPS], rel=0.03, abs=0.017)
            soon(lambda: change(bench, node, "anglvel", "angular_rate", TURNING_DPS), radians)


def test_the_lis3mdl_reads_the_field_at_every_range(bench: Bench) -> None:
    with bench.part("lis3mdl") as (twin, device):
        node = device.node()
        node.set("sampling_frequency", 80)
        for step in node.text("in_magn_scale_available").split():
            node.set("in_magn_x_scale", step)
            gauss = pytest.approx([one / 100.0 for one in FIELD_UT], rel=0.04, abs=0.02)
            soon(lambda: change(bench, node, "magn", "magnetic_field", FIELD_UT), gauss)
        assert not twin.beyond


@pytest.mark.parametrize("name", ["lis2dh12", "lis3mdl", "sc7a20"])
def test_samples_in_a_buffer_follow_the_world(bench: Bench, name: str) -> None:
    with bench.part(name) as (_, device):
        node = device.node()
        kind = "magn" if name == "lis3mdl" else "accel"
        node.set("sampling_frequency", 80 if kind == "magn" else 100)
        means = []
        for up in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)):
            bench.pose(orientation=up, magnetic_field=tuple(100.0 * share for share in up))
            samples = capture(bench.guest, node, 8, 0.05)
            assert len(samples) == 8
            means.append([median(row[f"in_{kind}_{a}"] for row in samples) for a in "xyz"])
        steps = [
            node.scaled(f"in_{kind}_{a}", b - x) for a, x, b in zip("xyz", *means, strict=True)
        ]
        unit = 1.0 if kind == "magn" else G
        assert steps == pytest.approx([-unit, 0.0, unit], abs=0.05 * unit)


def test_the_adxl355_takes_rates_and_a_trim_and_tells_its_temperature(bench: Bench) -> None:
    with bench.part("adxl355") as (_, device):
        node = device.node()
        assert node.value("in_temp") / 1000 == pytest.approx(27.5, abs=5)
        for rate in ("4000", "125", "3.906"):
            node.set("in_accel_sampling_frequency", rate)
            assert node.number("in_accel_sampling_frequency") == float(rate)
        node.set("in_accel_sampling_frequency", 1000)
        time.sleep(0.1)
        before = node.number("in_accel_x_raw")
        node.set("in_accel_x_calibbias", 1000)  # 16 bits, each of 16 counts of the output
        time.sleep(0.1)
        assert node.number("in_accel_x_raw") - before == pytest.approx(
            16_000, abs=1000
        )  # noise: 0.4 mg
