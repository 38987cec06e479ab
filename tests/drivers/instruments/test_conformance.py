"""What every instrument's driver and twin owe the bench, whatever they are."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.core.provenance import Provenance
from sensorbench.instruments.druck_pace5000.driver import DruckPace5000
from sensorbench.instruments.druck_pace5000.twin import SimDruckPace5000
from sensorbench.instruments.espec_p300.driver import EspecP300
from sensorbench.instruments.espec_p300.twin import SimEspecP300
from sensorbench.instruments.keysight_34461a.driver import Keysight34461a
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.keysight_e36312a.driver import KeysightE36312a
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.line import LineSettings
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.world.world import World


@dataclass(frozen=True)
class Case:
    """One instrument, and how to drive it to its limits."""

    name: str
    driver: type[Any]
    twin: type[Any]
    identity_query: str
    impostor: str
    outside: Callable[[Any], None]
    use: Callable[[Any], None]
    refused: tuple[str, str] | None
    is_safe: Callable[[World], bool]


def use_pressure(pace: Any) -> None:
    pace.set_pressure(110_000.0)


def use_supply(supply: Any) -> None:
    supply.set_voltage(3.3, 0.1)
    supply.switch(True)


CASES = [
    Case(
        "espec_p300",
        EspecP300,
        SimEspecP300,
        "TYPE?",
        "T,T,SCP220,200.0",
        lambda chamber: chamber.set_temperature(180.1),
        lambda chamber: chamber.set_temperature(85.0),
        None,
        lambda world: not world.chamber.running,
    ),
    Case(
        "druck_pace5000",
        DruckPace5000,
        SimDruckPace5000,
        "*IDN?",
        "*IDN GE Druck,PACE1000 User Interface,1,1",
        lambda pace: pace.set_pressure(21_000_001.0),
        use_pressure,
        (":SOUR:PRES:SLEW:OVER 0", ':SYST:ERR -201,"Invalid while in local"'),
        lambda world: world.pressure.target_pa == world.ambient_pa,
    ),
    Case(
        "keysight_e36312a",
        KeysightE36312a,
        SimKeysightE36312a,
        "*IDN?",
        "Keysight Technologies,E36313A,MY1,1",
        lambda supply: supply.set_voltage(6.2, 1.0),
        use_supply,
        ("CURR 0.1,(@1)", '-222,"Data out of range"'),
        lambda world: not world.rails[1].on,
    ),
    Case(
        "keysight_34461a",
        Keysight34461a,
        SimKeysight34461a,
        "*IDN?",
        "Keysight Technologies,34465A,MY1,1",
        lambda dmm: dmm.set_integration(5.0),
        lambda dmm: dmm.read_voltage_v(),
        ('FUNC "VOLT";:TRIG:SOUR IMM;COUN 1;:SAMP:COUN 1', '-310,"System error"'),
        lambda _: True,
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def twin(case: Case, world: World) -> Any:
    return case.twin(world, "SIM-0001")


@pytest.fixture
def device(case: Case, twin: Any, clock: VirtualClock) -> Any:
    return case.driver(InProcessLine(twin, case.driver.LINE, case.name), clock)


def metadata(name: str) -> dict[str, Any]:
    text = files(f"sensorbench.instruments.{name}").joinpath("device.toml").read_text("utf-8")
    return tomllib.loads(text)


def test_the_metadata_names_what_is_there(case: Case) -> None:
    device = metadata(case.name)
    assert device["name"] == case.name
    assert device["kind"] == "instrument"
    assert device["mount"] in {"pty", "tcp"}
    assert set(device["links"]) <= {"serial", "tcp", "visa"}
    package = f"sensorbench.instruments.{case.name}"
    assert getattr(importlib.import_module(f"{package}.driver"), device["driver"]) is case.driver
    assert getattr(importlib.import_module(f"{package}.twin"), device["twin"]) is case.twin
    assert set(device) == {
        "name", "title", "kind", "role", "driver", "twin", "mount", "links", "source",
    }  # fmt: skip


def test_the_driver_declares_its_line(case: Case) -> None:
    assert isinstance(case.driver.LINE, LineSettings)


def test_making_a_driver_sends_nothing(case: Case, scripted: Any, clock: VirtualClock) -> None:
    case.driver(scripted(), clock)


def test_the_twin_is_recognised(case: Case, device: Any) -> None:
    identity = device.identify()
    assert identity.model
    assert identity.serial in {"SIM-0001", ""}


def test_another_model_is_refused_with_what_it_said(
    case: Case, scripted: Any, clock: VirtualClock
) -> None:
    line = scripted((case.identity_query, case.impostor))
    with pytest.raises(ProtocolError, match=case.impostor.split(",")[-2].split()[0]):
        case.driver(line, clock).identify()


def test_a_setpoint_outside_the_rating_is_refused_and_nothing_is_sent(
    case: Case, scripted: Any, clock: VirtualClock
) -> None:
    with pytest.raises(SetpointError, match="nothing was sent"):
        case.outside(case.driver(scripted(), clock))


def test_a_refusal_by_the_instrument_is_an_instrument_error(
    case: Case, scripted: Any, clock: VirtualClock
) -> None:
    if case.refused is None:
        line = scripted(("TEMP, S85.0", "NA:PROTECT ON"))
        code: object = "PROTECT ON"
    else:
        command, error = case.refused
        empty = error.split(" ")[0] if error.startswith(":") else ""
        before = [
            (":UNIT:PRES?", ":UNIT:PRES PA"),
            (":INST:SENS:FULL?", ":INST:SENS:FULL 200000.0, 0.0"),
        ]
        line = scripted(
            *(before if case.driver is DruckPace5000 else []),
            (command, None),
            ("SYST:ERR?", error),
            ("SYST:ERR?", f'{empty} 0,"No error"'.strip()),
        )
        code = int(error.split(",")[0].split()[-1])
    with pytest.raises(InstrumentError) as refused:
        case.use(case.driver(line, clock))
    assert refused.value.code == code


def test_make_safe_works_after_use_and_with_errors_waiting(
    case: Case, twin: Any, device: Any, world: World
) -> None:
    device.make_safe()
    case.use(device)
    twin.handle(b"NONSENSE")
    device.make_safe()
    assert case.is_safe(world)


def test_driver_and_twin_import_neither_each_other_nor_each_other_s_codec(case: Case) -> None:
    folder = files(f"sensorbench.instruments.{case.name}")
    driver = folder.joinpath("driver.py").read_text("utf-8")
    assert "twin" not in driver
    assert "sensorbench.world" not in driver
    assert "protocols.scpi_" not in driver
    for part in folder.iterdir():
        if part.name.startswith("twin"):
            twin = part.read_text("utf-8")
            assert "driver" not in twin
            assert "protocols.scpi import" not in twin


WORDS = """
* : ; ? , . ( ) @ ' # + 1 0 9E999 -2.5 IDN CLS RST VOLT CURR PROT TRIP OUTP APPL CH2 MEAS CONF FRES
READ FETC R SAMP COUN TRIG SOUR BUS INIT FUNC NPLC RANG AUTO SENS PRES INL LEV VENT SLEW MODE LIN
MAX UNIT PA INST FULL SYST ERR TEMP, S85.0 MODE, CONSTANT RUN PRGM, TIME0:30 TIME999999:30
GOTEMP40.0 MON % ,DETAIL
"""


@given(
    st.lists(
        st.sampled_from(WORDS.split()),
        max_size=9,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_line_whatever_makes_the_twin_fail(case: Case, words: list[str]) -> None:
    twin = case.twin(World(VirtualClock()), "SIM-1")
    for joint in ("", " "):
        twin.handle(joint.join(words).encode())


def test_a_twin_s_replies_depend_on_seed_serial_and_time_only(case: Case) -> None:
    def replies(seed: int, serial: str) -> list[bytes | None]:
        clock = VirtualClock()
        twin = case.twin(World(clock, seed=seed), serial)
        clock.sleep(12.5)
        queries = (b"TEMP?", b":SENS:PRES?", b"MEAS:VOLT? (@1)", b"READ?")
        return [twin.handle(query) for query in queries]

    assert replies(1, "SIM-1") == replies(1, "SIM-1")
    if case.name != "espec_p300":  # its display has one decimal
        assert replies(1, "SIM-1") != replies(2, "SIM-1")
        assert replies(1, "SIM-1") != replies(1, "SIM-2")


def test_the_driver_works_over_the_twin_s_real_port(case: Case) -> None:
    clock = RealClock(speed=100.0)
    twin = case.twin(World(clock, seed=3), "SIM-0001")
    settings: LineSettings = case.driver.LINE
    on_pty = metadata(case.name)["mount"] == "pty"
    with (PtyMount if on_pty else TcpMount)(twin) as mount:
        line: Any
        if isinstance(mount, TcpMount):
            line = TcpLine("127.0.0.1", mount.port, settings, case.name)
        else:
            line = SerialLine(mount.address, settings, case.name)
        assert line.provenance is Provenance.HARDWARE  # what it is is the station's to say
        try:
            device = case.driver(line, clock)
            device.identify()
            case.use(device)
            device.make_safe()
        finally:
            line.close()
