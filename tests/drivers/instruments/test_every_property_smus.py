"""PyMeasure's source-measure units, unchanged, on the twins over TCP: all they have."""

from __future__ import annotations

from typing import Any

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.quantity import components
from sensorbench.instruments.keithley_2400.twin import SimKeithley2400
from sensorbench.instruments.keithley_2450.twin import SimKeithley2450
from sensorbench.world.world import World

from .every_property import As, Walk, Watched, pymeasure_on, refusals, walk

SERIAL = "SIM-ONE"


@pytest.fixture
def world() -> World:
    return World(RealClock(speed=1000.0), seed=1)


def loaded(smu: Any) -> None:
    """Hang 100 ohm on a source-measure unit."""
    smu.sense("current", lambda: components(smu.drives["source"].at(0.0))[0] / 100.0)


# -- Keithley 2400 ---------------------------------------------------------------------------------


def fill_buffer(client: Any) -> None:
    client.source_voltage = 3.0
    client.source_enabled = True
    client.write(":SENS:FUNC:ALL")
    client.config_buffer(points=4)
    client.start_buffer()


OF_STORE = [
    f"{which}_{of}" for which in ("mean", "max", "min", "std")
    for of in ("voltage", "current", "resistance")
]  # fmt: skip
STATISTICS = ("means", "maximums", "minimums", "standard_devs", "buffer_data", *OF_STORE)
KEITHLEY_2400 = Walk(
    values={
        "arm_count": (1, 5, 500),
        "arm_input_line": (1, 4),
        "arm_output_line": (1, 4),
        "arm_timer": (0.001, 2.5, 90000.0),
        "buffer_points": (2, 64, 1024),
        "compliance_current": (1e-4, 0.05, As(-0.05, 0.05), 1.05),
        "compliance_voltage": (0.1, 40.0, As(-20.0, 20.0)),
        "current_nplc": (0.01, 1.0, 10.0),
        "current_range": (As(0.0105, 0.01), As(-1.05, 1.0), As(5e-6, 1e-5)),
        "filter_count": (1, 50, 100),
        "filter_state": (As("ON", 1.0), As("OFF", 0.0)),  # deprecated: it reads a number
        "line_frequency": (50, 60),
        "output_off_state": ("disconnected", "normal", "zero", "guard", As("HIMP", "disconnected")),
        "auto_zero": (True, False, As("ONCE", False)),
        "resistance_nplc": (0.1, 10.0),
        "resistance_range": (As(100.0, 200.0), As(210e6, 200e6)),
        "source_current": (0.0, 1e-3, -0.5),
        "source_current_range": (As(0.5, 1.0), 1e-3),
        "source_delay": (0.0, 0.25, 999.0),
        "source_voltage": (0.0, 3.3, -21.0),
        "source_voltage_range": (As(3.3, 20.0), As(210.0, 200.0)),
        "trigger_count": (1, 7, 2500),
        "trigger_delay": (0.0, 0.125, 999.0),
        "trigger_input_line": (1, 3),
        "trigger_output_line": (1, 3),
        "voltage_nplc": (0.01, 5.0),
        "voltage_range": (As(3.3, 20.0), As(-210.0, 200.0)),
    },
    beyond={},
    prepare_for=dict.fromkeys(STATISTICS, fill_buffer),
)


@pytest.fixture
def smu_2400(world: World) -> SimKeithley2400:
    twin = SimKeithley2400(world, SERIAL)
    twin.reply_terminator = b"\n"  # as chosen at its panel
    loaded(twin)
    return twin


def test_a_2400_has_every_property_of_pymeasure_s(smu_2400: SimKeithley2400) -> None:
    from pymeasure.instruments.keithley import Keithley2400  # noqa: PLC0415 - heavy

    with pymeasure_on(smu_2400, Keithley2400) as client:
        walk(client, smu_2400, KEITHLEY_2400)


def test_a_2400_does_what_pymeasure_s_methods_ask(smu_2400: SimKeithley2400, world: World) -> None:
    from pymeasure.instruments.keithley import Keithley2400  # noqa: PLC0415 - heavy

    with pymeasure_on(smu_2400, Keithley2400) as opened:
        client = Watched(opened)
        client.reset()
        client.clear()
        client.reset_data_format()
        client.apply_voltage(voltage_range=None, compliance_current=0.1)
        client.auto_range_source()
        client.measure_current(nplc=0.1, current=0.01, auto_range=False)
        assert client.current_range == 0.01
        client.measure_voltage(nplc=0.1, voltage=20.0)
        client.measure_resistance(nplc=0.1)
        client.auto_zero_once()
        client.enable_source()
        client.ramp_to_voltage(1.0, steps=3, pause=0.0)
        assert client.measure_all()["current"] == pytest.approx(0.01, rel=1e-2)

        client.config_buffer(points=5, delay=0.01)
        client.start_buffer()
        client.wait_for_buffer(timeout=5.0, interval=0.0)
        assert client.is_buffer_full()
        assert client.buffer_data.shape == (25,)
        assert client.mean_voltage == pytest.approx(1.0, abs=2e-3)
        assert client.min_current <= client.mean_current <= client.max_current
        assert client.std_current == pytest.approx(0.0, abs=1e-6)
        client.stop_buffer()
        client.reset_buffer()
        assert not client.is_buffer_full()
        client.disable_buffer()

        client.set_trigger_counts(arm=1, trigger=2)
        client.set_trigger_counts(arm=2, trigger=1)
        client.trigger_on_bus()
        client.start_buffer()
        client.trigger()
        assert len(client.values(":FETC?")) == 5
        client.trigger_on_external(line=2)
        assert (client.arm_source, client.trigger_input_line) == ("trigger_link", 2)
        client.output_trigger_on_external(line=3, after="SENS")
        assert (client.trigger_output_event, client.trigger_output_line) == ("sense", 3)
        client.disable_output_trigger()
        client.disable_output_triggers()
        client.set_timed_arm(0.5)
        assert (client.arm_source, client.arm_timer) == ("timer", 0.5)
        client.reset_trigger()
        client.clear_trigger()
        client.sample_continuously()
        client.trigger_immediately()
        assert client.arm_source == "immediate"

        client.beep(400, 0.1)
        client.triad(400, 0.0)
        client.use_rear_terminals()
        assert not client.front_terminals_enabled
        client.use_front_terminals()
        client.apply_current(current_range=1e-3, compliance_voltage=1.0)
        client.ramp_to_current(1e-3, steps=2, pause=0.0)
        assert client.source_current == 1e-3
        client.disable_source()
        assert client.check_errors() == []
        client.shutdown()
        assert client.not_called() == set()
    assert refusals(smu_2400) == []
    assert list(world.beyond_of(SERIAL)) == ["source current"]


# -- Keithley 2450 ---------------------------------------------------------------------------------

OF_ONE_FUNCTION = "its buffer holds one function: one statistic, where the client takes three"
KEITHLEY_2450 = Walk(
    values={
        "buffer_points": (10, 500, 6_875_000),
        "compliance_current": (1e-4, 0.05, 1.05),
        "compliance_voltage": (0.1, 40.0, 210.0),
        "current_filter_count": (1, 50, 100),
        "current_filter_state": (As("ON", 1.0), As("OFF", 0.0)),
        "current_nplc": (0.01, 1.0, 10.0),
        "current_range": (As(0.05, 0.1), As(-1.05, 1.0)),
        "resistance_nplc": (0.1, 10.0),
        "resistance_range": (As(100.0, 200.0), As(210e6, 200e6)),
        "source_current": (0.0, 1e-3, -0.5),
        "source_current_delay": (0.0, 0.25, 999.0),
        "source_current_delay_auto": (True, False),
        "source_current_range": (As(0.5, 1.0), 1e-3),
        "source_voltage": (0.0, 3.3, -21.0),
        "source_voltage_delay": (0.0, 0.25, 999.0),
        "source_voltage_delay_auto": (True, False),
        "source_voltage_range": (As(3.3, 20.0), As(210.0, 200.0)),
        "voltage_filter_count": (1, 50, 100),
        "voltage_nplc": (0.01, 5.0),
        "voltage_range": (As(3.3, 20.0), As(-210.0, 200.0)),
    },
    beyond={
        "buffer_data": "TRACe:DATA? wants a first and a last index; the client is for SCPI 2400",
        "options": "a 2450 has no *OPT?",
        **dict.fromkeys(OF_STORE, OF_ONE_FUNCTION),
    },
    prepare_for=dict.fromkeys(STATISTICS[:4], lambda client: client.current),
)


@pytest.fixture
def smu_2450(world: World) -> SimKeithley2450:
    twin = SimKeithley2450(world, SERIAL)
    loaded(twin)
    return twin


def test_a_2450_has_the_properties_of_pymeasure_s(smu_2450: SimKeithley2450) -> None:
    from pymeasure.instruments.keithley import Keithley2450  # noqa: PLC0415 - heavy

    with pymeasure_on(smu_2450, Keithley2450) as client:
        walk(client, smu_2450, KEITHLEY_2450)


def test_a_2450_does_what_pymeasure_s_methods_ask(smu_2450: SimKeithley2450, world: World) -> None:
    """But those of a 2400's data store, which only its SCPI 2400 command set has."""
    from pymeasure.instruments.keithley import Keithley2450  # noqa: PLC0415 - heavy

    with pymeasure_on(smu_2450, Keithley2450) as opened:
        client = Watched(opened)
        client.reset()
        client.clear()
        client.apply_voltage(compliance_current=0.05)
        client.auto_range_source()
        client.enable_source()
        client.ramp_to_voltage(3.0, steps=3, pause=0.0)
        client.measure_current(nplc=0.1, current=0.1, auto_range=False)
        client.current_filter_type = "REP"
        client.current_filter_count = 3
        client.current_filter_state = "ON"
        assert client.current == pytest.approx(0.03, rel=1e-2)
        assert client.means == pytest.approx(0.03, rel=1e-2)
        client.measure_voltage(nplc=0.1)
        assert client.voltage == pytest.approx(3.0, abs=3e-3)
        client.measure_resistance(nplc=0.1)
        assert client.resistance == pytest.approx(100.0, rel=1e-2)
        client.beep(400, 0.1)
        client.triad(400, 0.0)
        client.trigger()
        client.use_rear_terminals()
        client.use_front_terminals()
        client.disable_source()
        client.apply_current(compliance_voltage=2.0)
        client.ramp_to_current(1e-3, steps=2, pause=0.0)
        assert client.source_current == 1e-3
        assert client.check_errors() == []
        client.shutdown()
        assert client.not_called() == {
            "config_buffer", "disable_buffer", "is_buffer_full", "reset_buffer", "start_buffer",
            "stop_buffer", "wait_for_buffer",
        }  # fmt: skip
    assert list(world.beyond_of(SERIAL)) == ["source current"]
