"""PyMeasure's multimeters, unchanged, on the twins over TCP: all they have."""

from __future__ import annotations

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.instruments.keithley_dmm6500.twin import SimKeithleyDmm6500
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.world.world import World

from .every_property import As, Walk, Watched, pymeasure_on, walk

SERIAL = "SIM-ONE"


@pytest.fixture
def world() -> World:
    return World(RealClock(speed=1000.0), seed=1)


# -- Keithley DMM6500 ------------------------------------------------------------------------------

NO_CARD = "no scanner card is fitted"
UNREADABLE = "what the world has does not alternate, and has no temperature at the meter's leads"
VOLTS, AMPERES = (0.1, 1, 10, 100, 1000), (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 3)
OHMS, AC_AMPERES = (10, 1e3, 1e8), (1e-3, 0.1, 3)
NPLC = (0.0005, 1, 12)  # of 50 Hz
DIGITS = (3, 4, 5, 6)
DMM_6500 = Walk(
    values={
        "aperture": (0.04, As("MIN", 1e-5), As("MAX", 0.24)),
        "buffer_points": (10, 1000),
        "buffer_size": (10, 1000),
        "capacitance_relative": (1e-6, 0),
        "capacitance_relative_status": (True, False),
        "capacitance_range": (1e-5,),
        "command_set": (As("TSP", "SCPI"), "SCPI"),  # it holds from the next start on
        "current_ac_range": AC_AMPERES,
        "current_nplc": NPLC,
        "current_range": AMPERES,
        "detector_bandwidth": (3, 30, 300, As("MIN", 3), As("MAX", 300)),
        "diode_bias": (1e-5, 1e-4, 1e-3, 1e-2),
        "diode_nplc": NPLC,
        "frequency_aperature": (0.002, 0.273),
        "frequency_relative": (-1e6, 50.0),
        "frequency_threshold": (0.1, 10, 750),
        "nplc": NPLC,
        "period_aperature": (0.002, 0.273),
        "period_relative": (-1, 0.5),
        "period_threshold": (10,),
        "pseudo_scanner_enabled": (True,),
        "range": VOLTS,
        "relative": (0.5, -1.25),
        "resistance_4W_nplc": NPLC,
        "resistance_4W_range": (1, *OHMS),
        "resistance_4W_relative": (-1e8, 0.5),
        "resistance_nplc": NPLC,
        "resistance_range": OHMS,
        "resistance_relative": (-1e8, 0.5),
        "scan_interval": (1.0,),
        "scan_count": (1,),
        "scan_modes": ("voltage",),
        "scan_channels": ("(@1,2)",),
        "scan_channels_list": ([1, 2],),
        "system_time": (As("2018, 2, 15, 11, 30, 30", "Thu Feb 15 11:30:30 2018"),),
        "temperature_nplc": NPLC,
        "temperature_relative": (-3310, 25.0),
        "voltage_ac_range": (0.1, 1, 10, 100, 750),
        "voltage_nplc": NPLC,
        "voltage_range": VOLTS,
        **{
            f"{quantity}_relative": (-most, 0.5)
            for quantity, most in {
                "voltage": 1000, "voltage_ac": 750, "current": 3, "current_ac": 3,
            }.items()
        },
        **{
            f"{quantity}_digits": DIGITS
            for quantity in (
                "capacitance", "current", "current_ac", "frequency", "period", "resistance",
                "resistance_4W", "temperature", "voltage", "voltage_ac",
            )
        },
        "digits": DIGITS,
        **{f"{quantity}_ac_bandwidth": (3, 30, 300) for quantity in ("current", "voltage")},
    },
    beyond={
        "options": "a DMM6500 has no *OPT?",
        "period_threshold": "the client misspells PER as PRE where it sets it",
        "pseudo_scanner_enabled": NO_CARD,
        "scan_card_vmax": NO_CARD,
        "scan_channels": NO_CARD,
        "scan_channels_list": NO_CARD,
        "scan_count": NO_CARD,
        "scan_interval": NO_CARD,
        "scan_modes": NO_CARD,
        "scan_vch_end": NO_CARD,
        "scan_vch_start": NO_CARD,
        **dict.fromkeys(("frequency", "period", "temperature"), UNREADABLE),
    },
    words_beyond={"data_format": dict.fromkeys(("REAL", "SRE"), "binary replies")},
    unread={"display_screen": "set only", "capacitance_range": "the client sets CURR:RANG instead"},
    prepare_for={
        "detector_bandwidth": lambda client: setattr(client, "mode", "voltage ac"),
        "frequency": lambda client: client.measure_frequency(),
        "period": lambda client: client.measure_period(),
        "temperature": lambda client: client.measure_temperature(),
        "capacitance_range": lambda client: client.measure_capacitance(),
    },
)  # fmt: skip


@pytest.fixture
def dmm(world: World) -> SimKeithleyDmm6500:
    twin = SimKeithleyDmm6500(
        world, SERIAL, resistance_ohm=100.0, current_a=0.02, capacitance_f=1e-6
    )
    twin.sense("voltage", lambda: 3.3)
    return twin


def test_a_dmm6500_has_the_properties_of_pymeasure_s(dmm: SimKeithleyDmm6500) -> None:
    from pymeasure.instruments.keithley import KeithleyDMM6500  # noqa: PLC0415 - heavy

    with pymeasure_on(dmm, KeithleyDMM6500) as client:
        walk(client, dmm, DMM_6500)


def test_a_dmm6500_does_what_pymeasure_s_methods_ask(dmm: SimKeithleyDmm6500) -> None:
    from pymeasure.instruments.keithley import KeithleyDMM6500  # noqa: PLC0415 - heavy

    with pymeasure_on(dmm, KeithleyDMM6500) as opened:
        client = Watched(opened)
        client.reset()
        client.clear()
        client.measure_voltage(10)
        client.enable_filter(type="repeat", count=3)
        assert client.voltage == pytest.approx(3.3, abs=2e-4)
        client.disable_filter()
        assert client.acquire_relative() == pytest.approx(3.3, abs=2e-4)
        client.enable_relative()
        assert client.voltage == pytest.approx(0.0, abs=1e-4)
        client.disable_relative()
        client.auto_range()
        assert client.auto_range_status()
        client.trigger_single_autozero()
        client.measure_current(0.1)
        assert client.current == pytest.approx(0.02, rel=1e-2)
        client.measure_resistance(1e3, wires=4)
        assert client.resistance == pytest.approx(100.0, rel=1e-3)
        client.measure_capacitance(1e-5)
        client.auto_range()  # which it set for current
        assert client.capacitance == pytest.approx(1e-6, rel=1e-2)
        client.measure_diode()
        assert client.diode == pytest.approx(0.1, rel=1e-2)
        client.measure_continuity()
        for set_up in (client.measure_frequency, client.measure_period, client.measure_temperature):
            set_up()
        assert client.mode == "temperature"
        assert client.scanned_data(raw=True) != []
        client.displayed_text("line", "below")
        client.beep(400, 0.1)
        client.scan_stop()
        assert client.check_errors() == []
        client.close()
        assert client.not_called() == {"scan_start", "write"}  # a scan needs a card


# -- Agilent 34410A and HP 34401A on the 34461A ----------------------------------------------------


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
