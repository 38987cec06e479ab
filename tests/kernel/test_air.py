"""Linux's own drivers of sensors of humidity, unchanged, on the twins."""

import time

import pytest

from .conftest import Bench
from .guest import Node


def assert_reads(node: Node, humidity: float, temperature_c: float) -> None:
    assert node.number("humidity1_input") / 1000 == pytest.approx(humidity, abs=2)
    assert node.number("temp1_input") / 1000 == pytest.approx(temperature_c, abs=0.3)


@pytest.mark.parametrize("name", ["sht3x", "sht4x"])
def test_humidity_and_temperature_are_the_world_s(bench: Bench, name: str) -> None:
    for humidity, temperature_c in ((20.0, 10.0), (60.0, 45.0)):
        bench.pose(humidity=humidity, temperature=temperature_c)
        with bench.part(name) as (twin, device):
            assert_reads(device.node("hwmon"), humidity, temperature_c)
            assert not twin.beyond


def test_the_sht3x_measures_by_itself_at_every_repeatability(bench: Bench) -> None:
    with bench.part("sht3x") as (twin, device):
        node = device.node("hwmon")
        for repeatability in (0, 1, 2):
            node.set("repeatability", repeatability)
            assert node.number("repeatability") == repeatability
            for interval_ms in (100, 250, 500, 0):
                bench.pose(humidity=40.0 + 10 * repeatability)
                node.set("update_interval", interval_ms)
                assert node.number("update_interval") == interval_ms
                time.sleep(interval_ms / 1000 + 0.2)
                assert_reads(node, 40.0 + 10 * repeatability, 27.5)
        assert not twin.beyond


def test_the_sht3x_keeps_its_limits_and_tells_that_they_are_passed(bench: Bench) -> None:
    with bench.part("sht3x") as (twin, device):
        node = device.node("hwmon")
        node.set("update_interval", 100)
        for name, value in (
            ("temp1_max", 40_000), ("temp1_max_hyst", 38_000),
            ("temp1_min", 0), ("temp1_min_hyst", 2_000),
            ("humidity1_max", 80_000), ("humidity1_max_hyst", 75_000),
        ):  # fmt: skip
            node.set(name, value)
            # The part keeps 9 bits of a temperature and 7 of a humidity.
            assert node.number(name) == pytest.approx(value, abs=1000)
        time.sleep(0.3)
        assert (node.number("temp1_alarm"), node.number("humidity1_alarm")) == (0, 0)
        bench.pose(temperature=45.0)
        time.sleep(0.5)
        assert (node.number("temp1_alarm"), node.number("humidity1_alarm")) == (1, 0)
        bench.pose(temperature=25.0, humidity=90.0)
        time.sleep(0.5)
        assert (node.number("temp1_alarm"), node.number("humidity1_alarm")) == (0, 1)
        bench.pose(humidity=50.0)
        time.sleep(0.5)
        assert (node.number("temp1_alarm"), node.number("humidity1_alarm")) == (0, 0)
        assert not twin.beyond


def test_the_heater_of_the_sht3x_warms_it(bench: Bench) -> None:
    with bench.part("sht3x") as (twin, device):
        node = device.node("hwmon")
        cold = node.number("temp1_input")
        node.set("heater_enable", 1)
        assert node.number("heater_enable") == 1
        time.sleep(2.0)
        assert node.number("temp1_input") > cold + 300
        node.set("heater_enable", 0)
        assert node.number("heater_enable") == 0
        assert not twin.beyond
