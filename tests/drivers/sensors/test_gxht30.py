"""GXHT30: what an SHT3x does, and nothing that was not found of this part."""

from __future__ import annotations

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.errors import NotAcknowledged, ProtocolError
from sensorbench.protocols.checksums import decode_words
from sensorbench.sensors.sht3x.codec import convert
from sensorbench.testing.cases import case_of
from sensorbench.testing.stimuli import prepared
from sensorbench.testing.world import SERIAL, SensorBench

CASE = case_of(devices()["gxht30"])
EXAMPLE = bytes.fromhex("666693 8000a2")


def test_the_worked_example_at_the_driver() -> None:
    humidity_rh, temperature_c = convert(*decode_words(EXAMPLE, 2))
    assert (round(humidity_rh, 4), temperature_c) == (50.0008, 25.0)


def test_the_worked_example_at_the_twin() -> None:
    bench = prepared(CASE)
    bench.fault(SERIAL, "stuck")  # at the example's words
    bench.send(bytes.fromhex("2400"), 0)
    bench.clock.sleep(0.016)
    assert bench.send(b"", 6) == EXAMPLE


def test_it_tells_no_number_and_is_not_asked_for_one() -> None:
    bench = SensorBench(CASE)
    found = bench.part.identify()
    assert (found.manufacturer, found.model, found.serial) == ("GXCAS", "GXHT30", "")
    assert not bench.twin.beyond
    bench.send(bytes.fromhex("3780"), 0)
    with pytest.raises(NotAcknowledged):
        bench.send(b"", 6)
    assert bench.twin.beyond


def test_its_status_after_a_reset_may_be_any() -> None:
    bench = SensorBench(CASE)
    bench.twin._status = lambda: bytes.fromhex("0000")
    bench.part.prepare()
    assert bench.sample()["temperature"] == pytest.approx(25.0, abs=5.0)


def test_readings_follow_the_world() -> None:
    bench = prepared(CASE)
    bench.put("temperature", 60.0)
    bench.put("humidity", 40.0)
    bench.sample()
    found = bench.sample()
    assert found["temperature"] == pytest.approx(60.0, abs=0.5)
    assert found["humidity"] == pytest.approx(40.0, abs=4.0)


def test_damage_is_an_error() -> None:
    bench = prepared(CASE)
    bench.fault(SERIAL, "crc")
    with pytest.raises(ProtocolError, match="damaged on the wire"):
        bench.sample()
