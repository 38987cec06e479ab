"""PyMeasure's drivers, unchanged, on the twins over TCP: every property, every method."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.quantity import components
from sensorbench.instruments.keithley_2400.twin import SimKeithley2400
from sensorbench.instruments.keithley_2450.twin import SimKeithley2450
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.instruments.rs_hmp4040.twin import SimRsHmp4040
from sensorbench.instruments.siglent_spd3303x.twin import SimSiglentSpd3303x
from sensorbench.instruments.temptronic_ats545.twin import SimTemptronicAts545
from sensorbench.instruments.thermotron_8800.twin import SimThermotron8800
from sensorbench.world.world import World

from .every_property import As, Walk, Watched, arrives, pymeasure_on, refusals, walk

SERIAL = "SIM-ONE"


@pytest.fixture
def world() -> World:
    return World(RealClock(speed=1000.0), seed=1)


def loaded(smu: Any) -> None:
    """Hang 100 ohm on a source-measure unit."""
    smu.sense("current", lambda: components(smu.drives["source"].at(0.0))[0] / 100.0)


# -- Keithley 2400 -----------------------------------------------------------------------------


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


# -- Keithley 2450 -----------------------------------------------------------------------------

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


# -- Agilent 34410A and HP 34401A on the 34461A ------------------------------------------------


@pytest.fixture
def meter(world: World) -> SimKeysight34461a:
    twin = SimKeysight34461a(world, SERIAL, resistance_ohm=100.0, current_a=0.02)
    twin.sense("voltage", lambda: 3.3)
    return twin


def test_a_34461a_has_every_property_of_pymeasure_s_34410a(meter: SimKeysight34461a) -> None:
    from pymeasure.instruments.agilent import Agilent34410A  # noqa: PLC0415 - heavy

    with pymeasure_on(meter, Agilent34410A) as opened:
        walk(opened, meter, Walk())
        client = Watched(opened)
        client.reset()
        client.clear()
        assert client.voltage_dc == pytest.approx(3.3, abs=1e-3)
        assert client.current_dc == pytest.approx(0.02, rel=1e-2)
        assert client.resistance == pytest.approx(100.2, rel=1e-3)
        assert client.resistance_4w == pytest.approx(100.0, rel=1e-3)
        assert client.voltage_ac == pytest.approx(0.0, abs=1e-3)
        assert client.check_errors() == []
        assert client.not_called() == set()


HP_34401A = Walk(
    values={
        "detector_bandwidth": (3, 20, 200, As("MIN", 3), As("MAX", 200)),
        "displayed_text": ("HELLO", "it's 5 V", ""),
        "gate_time": (0.01, 0.1, 1, As("MIN", 0.01), As("MAX", 1)),
        "nplc": (0.02, 0.2, 1, 10, 100, As("MIN", 0.02), As("MAX", 100)),
        "range_": (0.1, 1, 1000, As("MIN", 0.1), As("MAX", 1000)),
        "resolution": (1e-4, 3e-5),
        "sample_count": (1, 5, 50_000),
        "trigger_count": (1, 5, 50_000),
        "trigger_delay": (0.5, As("MIN", 0), As("MAX", 3600)),
    },
    beyond={
        "remote_control_enabled": "the client asks `SYST: `, which is no header",
        "remote_lock_enabled": "the client asks `SYST: `, which is no header",
    },
    words_beyond={
        "function_": {"DCV_RATIO": "nothing lies at the sense terminals to divide by"},
    },
    prepare_for={
        "gate_time": lambda client: setattr(client, "function_", "FREQ"),
        "resolution": lambda client: setattr(client, "range_", 10),
        "stored_reading": lambda client: client.init_trigger(),
    },
)


@pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")
def test_a_34461a_has_the_properties_of_pymeasure_s_34401a(meter: SimKeysight34461a) -> None:
    from pymeasure.instruments.hp import HP34401A  # noqa: PLC0415 - heavy

    with pymeasure_on(meter, HP34401A) as opened:
        walk(opened, meter, HP_34401A)
        client = Watched(opened)
        client.reset()
        client.clear()
        for function in HP34401A.FUNCTIONS:
            if function != "DCV_RATIO":
                client.function_ = function
                assert client.function_ == function
        client.function_ = "FREQ"
        assert client.reading == 0.0
        client.autorange = False
        assert not client.autorange
        client.function_ = "DCV"
        client.trigger_single_autozero()
        assert not client.autozero_enabled
        client.remote_lock_enabled = True
        assert (client.complete, meter.control) == ("1", "locked")
        client.remote_control_enabled = False
        assert (client.complete, meter.control) == ("1", "local")
        client.trigger_count, client.sample_count = 2, 3
        client.init_trigger()
        assert client.stored_reading == pytest.approx([3.3] * 6, abs=1e-3)
        assert client.stored_readings_count == 6
        client.beep()
        client.write("SYST:BEEP")
        assert client.check_errors() == []
        assert client.not_called() == set()
    assert meter.beeps == 2


# -- Keysight E36312A --------------------------------------------------------------------------


def test_an_e36312a_has_the_properties_of_pymeasure_s(world: World) -> None:
    from pymeasure.instruments.keysight import KeysightE36312A  # noqa: PLC0415 - heavy

    twin = SimKeysightE36312a(world, SERIAL)
    with pymeasure_on(twin, KeysightE36312A) as opened:
        walk(opened, twin, Walk(beyond={"options": "not known whether it has *OPT?"}))
        most = {1: (6, 5), 2: (25, 1), 3: (25, 1)}
        for number, (volts, amperes) in most.items():
            known = Walk(
                values={
                    "voltage_setpoint": (0, 3.3, volts),
                    "current_limit": (0.002, 0.25, amperes),
                }
            )
            walk(opened, twin, known, of=getattr(opened, f"ch_{number}"))
        client = Watched(opened)
        client.reset()
        client.clear()
        assert client.check_errors() == []
        assert client.not_called() == set()


# -- Rohde & Schwarz HMP4040 -------------------------------------------------------------------

HMP_4040 = Walk(
    values={
        "current": (0.0, 0.25, 10.01),
        "current_step": (0.05, 1.0),
        "output_enabled": (True, False),
        "repetitions": (0, 1, 255),
        "selected_channel": (1, 2, 3, 4),
        "selected_channel_active": (True, False),
        "sequence": ([1.0, 0.5, 0.1], [1.0, 0.5, 0.06, 2.0, 0.5, 10]),
        "voltage": (0.0, 3.3, 32.05),
        "voltage_and_current": (As((4.0, 0.5), [4.0, 0.5]),),
        "voltage_step": (0.5, 32.05),
    },
    beyond={"options": "an HMP has no *OPT?"},
    unread={"control_method": "set only", "sequence": "set only"},
)


def test_an_hmp4040_has_the_properties_of_pymeasure_s(world: World) -> None:
    from pymeasure.instruments.rohdeschwarz import HMP4040  # noqa: PLC0415 - heavy

    twin = SimRsHmp4040(world, SERIAL)
    with pymeasure_on(twin, HMP4040) as opened:
        walk(opened, twin, HMP_4040)
        client = Watched(opened)
        client.reset()
        client.clear()
        client.selected_channel = 2
        client.voltage_to_max()
        client.step_voltage_down()
        client.voltage_to_min()
        client.step_voltage_up()
        client.current_to_max()
        client.step_current_down()
        client.current_to_min()
        client.step_current_up()
        assert client.voltage_and_current == [1.0, 0.1]
        client.set_channel_state(3, True)
        client.selected_channel = 3
        assert client.selected_channel_active
        client.sequence = [1.0, 0.5, 0.1, 2.0, 0.5, 0.1]
        client.save_sequence(2)
        client.load_sequence(2)
        client.transfer_sequence(3)
        client.stop_sequence(3)
        client.clear_sequence(3)
        client.beep()
        assert client.check_errors() == []
        client.start_sequence(3)
        assert len(client.check_errors()) == 1  # a sequence that runs is not modelled
        assert client.not_called() == set()


# -- Siglent SPD1305X on the SPD3303X, which has the same dialect ------------------------------

SPD_1305X = Walk(
    beyond={
        name: f"an SPD has no {query}"
        for name, query in {"complete": "*OPC?", "options": "*OPT?", "status": "*STB?"}.items()
    }
)
SPD_CHANNEL = Walk(values={"voltage_setpoint": (0, 3.3, 16), "current_limit": (0.1, 3.2)})


@pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")
def test_an_spd3303x_has_the_properties_of_pymeasure_s_spd1305x(world: World) -> None:
    from pymeasure.instruments.siglenttechnologies import SPD1305X  # noqa: PLC0415 - heavy

    twin = SimSiglentSpd3303x(world, SERIAL)
    with pymeasure_on(twin, SPD1305X) as opened:
        walk(opened, twin, SPD_1305X)
        walk(opened, twin, SPD_CHANNEL, of=opened.ch_1)
        client, channel = Watched(opened), opened.ch_1
        assert client.fw_version == "1.01.01.02.07R2"
        channel.voltage_setpoint, channel.current_limit = 3.3, 0.5
        client.save_config(2)
        channel.voltage_setpoint, channel.current_limit = 5.0, 1.0
        client.recall_config(2)
        assert (channel.voltage_setpoint, channel.current_limit) == (3.3, 0.5)
        channel.configure_timer(3, 2.0, 0.5, 60)
        channel.enable_timer(False)
        channel.enable_output()
        assert client.system_status_code & 16
        client.enable_local_interface(False)
        client.enable_local_interface()
        assert twin.handle(b"TIME:SET? CH1,3") == b"2,0.5,60"
        before = set(world.beyond_of(SERIAL))
        client.enable_4W_mode()
        channel.enable_timer()
        assert channel.voltage_setpoint == 3.3
        assert set(world.beyond_of(SERIAL)) - before == {":MODE:SET", ":TIME CH1,ON"}
        client.shutdown()
        assert client.not_called() == {"check_errors", "clear", "reset"}  # SCPI's, which it has not


# -- Temptronic ATS-545 ------------------------------------------------------------------------

UNHURRIED = SimpleNamespace(sleep=lambda _: None, time=time.time)
ATS_545 = Walk(
    values={
        "copy_active_setup_file": (1, 12),
        "dut_constant": (20, 500),
        "load_setup_file": (1, 12),
        "maximum_test_time": (0, 60, 9999),
        "ramp_rate": (As(1.0, 1.0), 9999),
        "set_point_number": (0, 1, 2),
        "temperature_limit_air_dut": (10, 300),
        "temperature_limit_air_high": (25, 225),
        "temperature_limit_air_low": (-80, 25),
        "temperature_setpoint": (-40.0, 25.0, 85.5),
        "temperature_setpoint_window": (0.1, 9.9),
        "temperature_soak_time": (0, 9999),
        "total_cycle_count": (1, 9999),
    },
    beyond={
        "mode": "the client compares the answer with a tuple and fails",
        "next_error": "the ATS-545 has EROR? instead of SYSTem:ERRor?",
        "options": "the ATS-545 is not known to have *OPT?",
        "status": "the ATS-545 is not known to have *STB?",
    },
    unread=dict.fromkeys(
        (
            "compressor_enable", "copy_active_setup_file", "cycling_enable", "enable_air_flow",
            "load_setup_file", "local_lockout", "remote_mode",
        ),
        "set only",
    ),
    words_beyond={"cycling_enable": {True: "cycling is not modelled"}},
    reset=lambda twin: [twin.handle(line) for line in (b"LLIM -80", b"ULIM 225", b"SETN 0")],
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")
@pytest.mark.parametrize("kind", ["ATS545", "ATSBase"])
def test_an_ats_545_has_the_properties_of_pymeasure_s(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from pymeasure.instruments import instrument, temptronic  # noqa: PLC0415 - heavy
    from pymeasure.instruments.temptronic import temptronic_base  # noqa: PLC0415 - heavy

    monkeypatch.setattr(temptronic_base, "time", UNHURRIED)
    monkeypatch.setattr(instrument, "time", UNHURRIED)
    client_kind = getattr(temptronic, kind, None) or getattr(temptronic_base, kind)
    twin = SimTemptronicAts545(world, SERIAL)
    with pymeasure_on(twin, client_kind, ends=("\r\n", "\n")) as client:
        walk(client, twin, ATS_545)


@pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")
def test_an_ats_545_does_what_pymeasure_s_methods_ask(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pymeasure.instruments import instrument  # noqa: PLC0415 - heavy
    from pymeasure.instruments.temptronic import ATS545, temptronic_base  # noqa: PLC0415 - heavy

    monkeypatch.setattr(temptronic_base, "time", UNHURRIED)
    monkeypatch.setattr(instrument, "time", UNHURRIED)
    twin = SimTemptronicAts545(world, SERIAL)
    with pymeasure_on(twin, ATS545, ends=("\r\n", "\n")) as opened:
        client = Watched(opened)
        client.clear()
        client.configure(temp_window=2, dut_type=None, soak_time=1)
        client.start()
        client.compressor_enable = True
        client.set_point_number = 0
        client.temperature_setpoint = 85
        assert client.not_at_temperature()
        client.wait_for_settling(time_limit=60)
        assert client.at_temperature()
        assert client.temperature_event_status == 3.0  # both since it was asked last
        ended = client.cycling_stopped, client.end_of_all_cycles, client.end_of_one_cycle
        assert not any(has() for has in (*ended, client.end_of_test))
        assert client.error_status() == 0
        client.copy_active_setup_file = 3
        client.temperature_setpoint = 30
        client.load_setup_file = 3
        assert client.temperature_setpoint == 85.0
        before = set(world.beyond_of(SERIAL))
        client.enter_cycle()
        client.enter_ramp()
        assert client.set_point_number == 0
        assert set(world.beyond_of(SERIAL)) - before == {":RMPC", ":RMPS"}
        with pytest.raises(NotImplementedError):
            client.next_setpoint()
        with pytest.raises(IndexError):  # it asks for `mode`
            client.set_temperature(40)
        client.reset()
        time.sleep(0.02)  # a reset takes 4 s, of the world's
        client.shutdown(head=True)
        arrives(lambda: twin.head_up)
        missing = client.not_called() - {"check_errors", "wait_for"}
        assert missing == set()


# -- Thermotron 3800 on the 8800 ---------------------------------------------------------------


def test_an_8800_has_the_properties_of_pymeasure_s_3800(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pymeasure.instruments.thermotron import thermotron3800  # noqa: PLC0415 - heavy

    monkeypatch.setattr(thermotron3800, "sleep", lambda _: None)
    twin = SimThermotron8800(world, SERIAL, acknowledges=False)
    no_scpi = "the client is not for SCPI and says so"
    known = Walk(
        values={"setpoint": (-55, 23.5, 150)},
        beyond=dict.fromkeys(("complete", "next_error", "options", "status"), no_scpi),
        reset=lambda _: None,
    )
    with pymeasure_on(twin, thermotron3800.Thermotron3800, ends=("\r", "\r")) as opened:
        walk(opened, twin, known)
        client = Watched(opened)
        client.setpoint = 60
        client.run()
        assert client.mode == client.Thermotron3800Mode.MANUAL_MODE
        client.stop()
        client.initalize_oven()
        assert client.mode == 0
        assert client.not_called() == {"write"}  # which the others use
