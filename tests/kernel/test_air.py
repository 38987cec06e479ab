"""Linux's own drivers of sensors of humidity, unchanged, on the twins."""

import time

import pytest

from .conftest import Bench
from .guest import Node


def assert_reads(node: Node, humidity: float, temperature_c: float) -> None:
    assert node.number("humidity1_input") / 1000 == pytest.approx(humidity, abs=2)
    assert node.number("temp1_input") / 1000 == pytest.approx(temperature_c, abs=0.3)


@pytest.mark.parametrize("name", ["sht3x", "gxht30", "sht4x", "shtc3", "aht20"])
def test_humidity_and_temperature_are_the_world_s(bench: Bench, name: str) -> None:
    for humidity, temperature_c in ((20.0, 10.0), (60.0, 45.0)):
        bench.pose(humidity=humidity, temperature=temperature_c)
        with bench.part(name) as (twin, device):
            assert_reads(device.node("hwmon"), humidity, temperature_c)
            # Linux asks the AHT20 for the AHT10's cycle mode, a bit that the AHT20 has not, and a
            # GXHT30 for its serial number, which may not be answered.
            assert not set(twin.beyond) - {"write be2800", "command 0x3780"}


def test_the_hts221_reads_the_world_at_little_and_much_averaging(bench: Bench) -> None:
    with bench.part("hts221") as (twin, device):
        node = device.node()
        node.set("sampling_frequency", 13)
        # At 512 and 256 a conversion outlasts the 50 ms that Linux waits: it reads the one before.
        for humidity, temperature_c, ratios in ((20.0, 15.0, (4, 2)), (60.0, 45.0, (256, 128))):
            bench.pose(humidity=humidity, temperature=temperature_c)
            node.set("in_humidityrelative_oversampling_ratio", ratios[0])
            node.set("in_temp_oversampling_ratio", ratios[1])
            time.sleep(0.3)
            # In %, where other drivers of IIO tell thousandths.
            assert node.value("in_humidityrelative") == pytest.approx(humidity, abs=3.5)
            assert node.value("in_temp") == pytest.approx(temperature_c, abs=1)
        assert not twin.beyond


def test_the_tmp117_reads_the_world_and_adds_its_offset(bench: Bench) -> None:
    with bench.part("tmp117") as (twin, device):
        node = device.node()
        for temperature_c in (-40.0, 27.5, 125.0):
            bench.pose(temperature=temperature_c)
            time.sleep(1.2)  # it converts once in a second
            assert node.value("in_temp") / 1000 == pytest.approx(temperature_c, abs=0.2)
        bench.pose(temperature=27.5)
        node.set("in_temp_calibbias", -128)  # counts of 1/128 degC
        assert node.number("in_temp_calibbias") == -128
        time.sleep(1.2)
        assert node.value("in_temp") / 1000 == pytest.approx(26.5, abs=0.2)
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
