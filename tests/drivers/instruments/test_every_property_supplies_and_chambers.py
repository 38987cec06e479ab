"""PyMeasure's supplies and chambers, unchanged, on the twins over TCP: all they have."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.instruments.rs_hmp4040.twin import SimRsHmp4040
from sensorbench.instruments.siglent_spd3303x.twin import SimSiglentSpd3303x
from sensorbench.instruments.temptronic_ats545.twin import SimTemptronicAts545
from sensorbench.instruments.thermotron_8800.twin import SimThermotron8800
from sensorbench.world.world import World

from .every_property import As, Walk, Watched, arrives, pymeasure_on, walk

SERIAL = "SIM-ONE"


@pytest.fixture
def world() -> World:
    return World(RealClock(speed=1000.0), seed=1)


# -- Keysight E36312A ------------------------------------------------------------------------------


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


# -- Rohde & Schwarz HMP4040 -----------------------------------------------------------------------

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


# -- Siglent SPD1305X on the SPD3303X, which has the same dialect ----------------------------------

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


# -- Temptronic ATS-545 ----------------------------------------------------------------------------

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
        twin.mode = 63  # the screen after power-up
        client.reset()
        arrives(lambda: twin.mode == 10)
        time.sleep(0.02)  # which takes 4 s, of the world's
        client.shutdown(head=True)
        arrives(lambda: twin.head_up)
        missing = client.not_called() - {"check_errors", "wait_for"}
        assert missing == set()


# -- Thermotron 3800 on the 8800 -------------------------------------------------------------------


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
