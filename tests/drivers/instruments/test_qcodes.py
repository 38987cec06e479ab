"""QCoDeS's drivers, unchanged, on the twins over TCP. It brings half a laboratory's software along,
so only `.ci/run` installs it (extra `others`)."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from fnmatch import fnmatch
from typing import Any

import numpy as np
import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.quantity import components
from sensorbench.instruments.aimtti_pl303qmdp.twin import SimAimttiPl303qmdp
from sensorbench.instruments.keithley_2400.twin import SimKeithley2400
from sensorbench.instruments.keithley_2450.twin import SimKeithley2450
from sensorbench.instruments.keithley_dmm6500.twin import SimKeithleyDmm6500
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.keysight_34465a.twin import SimKeysight34465a
from sensorbench.instruments.keysight_n6700.twin import SimKeysightN6700
from sensorbench.instruments.rigol_dp832.twin import SimRigolDp832
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import World

pytestmark = [
    pytest.mark.others,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def world() -> World:
    return World(RealClock(speed=1000.0), seed=1)


def opened(stack: ExitStack, kind: type[Any], twin: Any, **options: Any) -> Any:
    """Serve a twin and open somebody's driver on it."""
    port = stack.enter_context(TcpMount(twin)).port
    client = kind(
        "device",
        f"TCPIP0::127.0.0.1::{port}::SOCKET",
        visalib="@py",
        terminator="\n",
        **options,
    )
    stack.callback(client.close)
    line = client.visa_handle
    wire = line.visalib.sessions[line.session].interface
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # two sends, then a reply
    return client


def rail_v(twin: SimRigolDp832 | SimKeysightN6700 | SimAimttiPl303qmdp, member: str) -> float:
    return float(twin.drives[member].sample(np.array([0.0]))[0])


def test_34461a(stack: ExitStack, world: World) -> None:
    from qcodes.instrument_drivers.Keysight import Keysight34461A  # noqa: PLC0415 - heavy

    twin = SimKeysight34461a(world, "SIM-DMM", resistance_ohm=100.0)
    twin.sense("voltage", lambda: 3.3)
    meter = opened(stack, Keysight34461A, twin, silent=True)
    assert meter.get_idn()["serial"] == "SIM-DMM"
    assert meter.volt() == pytest.approx(3.3, abs=2e-4)
    assert meter.four_wire_res() == pytest.approx(100.0, abs=0.02)
    assert meter.ac_volt() == pytest.approx(0.0, abs=1e-3)
    meter.resolution(1e-5)
    meter.autozero("ONCE")
    meter.trigger.delay(0.1)
    meter.sample.count(3)
    assert meter.read() == pytest.approx([3.3] * 3, abs=2e-4)
    meter.display.text("measuring")
    assert meter.display.text() == "measuring"
    meter.reset()  # reads every parameter back
    assert meter.NPLC() == 10.0
    assert meter.error() == (0, "No error")


def test_34465a(stack: ExitStack, world: World) -> None:
    from qcodes.instrument_drivers.Keysight import Keysight34465A  # noqa: PLC0415 - heavy

    twin = SimKeysight34465a(world, "SIM-DMM", resistance_ohm=100.0)
    twin.sense("voltage", lambda: 3.3)
    meter = opened(stack, Keysight34465A, twin, silent=True)
    assert meter.has_DIG
    assert meter.volt() == pytest.approx(3.3, abs=2e-4)
    assert meter.res() == pytest.approx(100.2, abs=0.02)
    meter.NPLC(0.06)
    assert meter.resolution() == pytest.approx(1.5e-5)
    meter.aperture_time(0.05)
    assert (meter.aperture_mode(), meter.aperture_time()) == ("ON", 0.05)
    meter.NPLC(1.0)
    assert meter.aperture_mode() == "OFF"
    meter.timetrace_dt(0.1)
    meter.timetrace_npts(20)
    assert meter.timetrace() == pytest.approx([3.3] * 20, abs=2e-4)
    assert (meter.sample.source(), meter.trigger.source()) == ("IMM", "IMM")
    meter.trigger.level(1.5)
    assert meter.trigger.level() == 1.5
    meter.increase_range()
    assert (meter.range(), meter.autorange()) == (100.0, "OFF")
    meter.reset()  # reads every parameter back
    assert meter.NPLC() == 10.0
    assert meter.error() == (0, "No error")
    assert not world.beyond.get("SIM-DMM")


def test_dp832(stack: ExitStack, world: World) -> None:
    from qcodes.instrument_drivers.rigol import RigolDP832  # noqa: PLC0415 - heavy

    twin = SimRigolDp832(world, "SIM-PSU")
    twin.sense("current2", lambda: rail_v(twin, "out2") / 100.0)
    supply = opened(stack, RigolDP832, twin)
    second = supply.ch2
    second.set_voltage(3.3)
    second.set_current(0.5)
    second.ovp_value(6.0)
    second.ovp_state("on")
    second.ocp_value(1.0)
    second.ocp_state("on")
    second.state("on")
    assert (second.set_voltage(), second.set_current()) == (3.3, 0.5)
    assert (second.ovp_value(), second.ovp_state()) == (6.0, "ON")
    assert (second.ocp_value(), second.ocp_state()) == (1.0, "ON")
    assert (second.state(), second.mode()) == ("ON", "ConstantVoltage")
    assert second.voltage() == pytest.approx(3.3, abs=0.01)
    assert second.current() == pytest.approx(0.033, abs=1e-3)
    assert second.power() == pytest.approx(0.109, abs=5e-3)
    assert supply.ch1.state() == "OFF"
    second.state("off")
    assert second.state() == "OFF"  # answered after the switch was carried out
    assert rail_v(twin, "out2") == 0.0
    assert twin.handle(b":SYST:ERR?") == b'0,"No error"'


def test_2450(stack: ExitStack, world: World) -> None:
    from qcodes.instrument_drivers.Keithley import Keithley2450  # noqa: PLC0415 - heavy

    twin = SimKeithley2450(world, "SIM-SMU")
    twin.sense("current", lambda: components(twin.drives["source"].at(0.0))[0] / 100.0)
    smu = opened(stack, Keithley2450, twin)
    smu.source.function("voltage")
    smu.sense.function("current")
    smu.source.range(20.0)
    smu.source.limit(0.05)
    smu.source.voltage(3.3)
    smu.sense.range(0.1)
    smu.output_enabled(True)
    assert smu.output_enabled()
    assert (smu.source.function(), smu.sense.function()) == ("voltage", "current")
    assert smu.sense.current() == pytest.approx(0.033, rel=0.01)
    assert (smu.source.voltage(), smu.source.limit()) == (3.3, 0.05)
    assert not smu.source.limit_tripped()
    smu.source.delay(0.01)
    assert float(smu.source.delay()) == pytest.approx(0.01)
    smu.output_enabled(False)
    assert not smu.output_enabled()
    assert (twin.handle(b":SYST:ERR?") or b"").startswith(b"0,")


def test_dmm6500(stack: ExitStack, world: World) -> None:
    from qcodes.instrument_drivers.Keithley import Keithley6500  # noqa: PLC0415 - heavy

    twin = SimKeithleyDmm6500(world, "SIM-DMM", resistance_ohm=100.0)
    twin.sense("voltage", lambda: 3.3)
    meter = opened(stack, Keithley6500, twin)
    assert meter.get_idn()["serial"] == "SIM-DMM"
    meter.mode("dc voltage")
    meter.nplc(0.1)
    meter.range(10.0)
    assert (meter.mode(), meter.nplc(), meter.range()) == ("dc voltage", 0.1, 10.0)
    assert meter.amplitude() == pytest.approx(3.3, abs=2e-4)
    meter.averaging_type("moving")
    meter.averaging_count(5)
    meter.averaging_enabled(True)
    assert (meter.averaging_type(), meter.averaging_count()) == ("moving", 5)
    assert meter.averaging_enabled()
    meter.mode("4w resistance")
    assert meter.amplitude() == pytest.approx(100.0, abs=0.02)
    meter.reset()
    assert (meter.mode(), meter.nplc()) == ("dc voltage", 1.0)
    assert meter.digits() == 6
    assert twin.handle(b"SYST:ERR?") == b'0,"No error"'


def test_n6705b(stack: ExitStack, world: World) -> None:
    from qcodes.instrument_drivers.Keysight import KeysightN6705B  # noqa: PLC0415 - heavy

    twin = SimKeysightN6700(world, "SIM-PSU", modules=("N6731B", "N6752A", "N6733B", "N6762A"))
    twin.sense("current2", lambda: rail_v(twin, "out2") / 100.0)
    supply = opened(stack, KeysightN6705B, twin)
    assert supply.get_idn()["serial"] == "SIM-PSU"
    second = supply.ch2
    second.source_voltage(3.3)
    second.source_current(0.5)
    assert (second.source_voltage(), second.source_current()) == (3.3, 0.5)
    assert second.voltage_limit() == pytest.approx(60.0)
    assert second.enable() == "off"
    second.enable("on")
    assert (second.enable(), supply.ch1.enable()) == ("on", "off")
    assert second.voltage() == pytest.approx(3.3, abs=0.01)
    assert second.current() == pytest.approx(0.033, abs=1e-3)
    supply.ch4.source_mode("current")
    assert supply.ch4.source_mode() == "current"
    second.enable("off")
    assert second.enable() == "off"
    assert rail_v(twin, "out2") == 0.0
    assert (twin.handle(b"SYST:ERR?") or b"").startswith(b"+0,")


def test_2400(stack: ExitStack, world: World) -> None:
    from qcodes.instrument_drivers.Keithley import Keithley2400  # noqa: PLC0415 - heavy

    twin = SimKeithley2400(world, "SIM-SMU")
    twin.reply_terminator = b"\n"  # as chosen at its panel
    twin.sense("current", lambda: components(twin.drives["source"].at(0.0))[0] / 100.0)
    smu = opened(stack, Keithley2400, twin)
    smu.mode("VOLT")
    assert (smu.mode(), smu.sense()) == ("VOLT", '"CURR:DC"')
    smu.rangev(20.0)
    smu.compliancei(0.05)
    smu.nplci(0.1)
    smu.volt(3.3)
    with pytest.raises(RuntimeError, match="output off"):
        smu.volt()
    smu.output("on")
    assert smu.output() is True
    assert smu.volt() == 3.3  # what was set: it does not measure it
    assert smu.curr() == pytest.approx(0.033, rel=0.01)
    assert smu.resistance() == pytest.approx(100.0, rel=0.01)
    assert (smu.compliancei(), smu.nplci()) == (0.05, 0.1)
    smu.output("off")
    assert smu.output() is False
    assert (twin.handle(b":SYST:ERR?") or b"").startswith(b"+0,")


def test_pl303qmdp(stack: ExitStack, world: World) -> None:
    from qcodes.instrument_drivers.AimTTi import AimTTiPL303QMDP  # noqa: PLC0415 - heavy

    twin = SimAimttiPl303qmdp(world, "SIM-PSU")
    supply = opened(stack, AimTTiPL303QMDP, twin)
    assert supply.get_idn()["serial"] == "SIM-PSU"
    second = supply.ch2
    second.volt(3.3)
    second.curr(0.5)
    second.output(True)
    assert (second.volt(), second.curr(), second.output()) == (3.3, 0.5, True)
    assert rail_v(twin, "out2") == pytest.approx(3.3, abs=0.01)
    second.volt_step_size(0.1)
    second.curr_step_size(0.05)
    second.increment_volt_by_step_size()
    second.decrement_curr_by_step_size()
    assert (second.volt(), second.volt_step_size()) == (3.4, 0.1)
    assert (second.curr(), second.curr_step_size()) == (0.45, 0.05)
    second.save_setup(3)
    second.curr_range(1)  # off, and on again
    assert (second.curr_range(), second.output()) == (1, True)
    second.output(False)
    second.volt(1.0)
    second.load_setup(3)
    assert (second.volt(), second.curr_range(), second.output()) == (3.4, 2, True)
    assert (supply.lock_interface(), supply.is_interface_locked()) == (1, 1)
    assert supply.unlock_interface() == 0
    assert (supply.get_netConfig(), supply.get_address()) == ("DHCP", 11)
    supply.local_mode()
    second.output(False)
    assert second.output() is False
    assert rail_v(twin, "out2") == 0.0
    assert twin.handle(b"EER?") == b"0"
    assert not world.beyond_of("SIM-PSU")


# -- every parameter ---------------------------------------------------------------------------

SET_BY_NAME = {"MIN", "MAX", "DEF", "MINIMUM", "MAXIMUM", "DEFAULT", "INF"}
SAME = {"on": True, "off": False, "1": True, "0": False}  # as QCoDeS maps them back
MULTIMETER_BEYOND = {
    "time_axis": "it is as long as the sample count, which was set to its largest",
    "timetrace": "it is as long as the sample count, which was set to its largest",
}
EVERY: dict[str, tuple[str, type[Any], dict[str, Any], dict[str, str]]] = {
    "Keysight34461A": ("Keysight", SimKeysight34461a, {}, MULTIMETER_BEYOND),
    "Keysight34410A": ("Keysight", SimKeysight34461a, {}, MULTIMETER_BEYOND),
    "Keysight34465A": (
        "Keysight", SimKeysight34465a, {},
        {
            **MULTIMETER_BEYOND,
            "trigger.source": "INT: triggers by level are not modelled",
            "sample.pretrigger_count": "samples before the trigger are not modelled",
        },
    ),
    "RigolDP832": ("rigol", SimRigolDp832, {}, {}),
    "KeysightN6705B": (
        "Keysight", SimKeysightN6700,
        {"modules": ("N6762A", "N6762A", "N6762A", "N6762A")},
        {},
    ),
    "Keithley2450": (
        "Keithley", SimKeithley2450, {},
        {
            "_s*.sweep*": "no sweep is set up",
            "_s*.user_delay": "the client asks for USERNone where no number was chosen",
            "_sense_*.nplc": "0.001 is less than the 0.01 of the manual",
            "terminals": "the client sets front and reads FRON",
            **{
                f"_sense_{quantity}.{quantity}": "refused by the client while the output is off"
                for quantity in ("current", "resistance", "voltage")
            },
        },
    ),
    "Keithley6500": (
        "Keithley", SimKeithleyDmm6500, {},
        {
            "display_backlight": "the client knows BLACkout by no other spelling",
            "trigger*": "trigger models and their timers are not modelled",
            "mode": "the client expects FREQ where PyMeasure's expects FREQ:VOLT, as the twin has",
        },
    ),
    "Keithley2400": (
        "Keithley", SimKeithley2400, {},
        {
            "volt": "refused by the client while the output is off",
            "curr": "refused by the client while the output is off",
            "resistance": "refused by the client while the output is off",
            "sense": "the client lets an empty word through",
        },
    ),
}  # fmt: skip


def parameters(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return all parameters of an instrument and its submodules, by their path."""
    for name, found in part.parameters.items():
        if name not in {"timeout", "IDN"}:
            yield path + name, found
    for name, module in part.submodules.items():
        if hasattr(module, "parameters"):
            yield from parameters(module, f"{path}{name}.")


def refused(twin: Any) -> list[str]:
    found = []
    while (error := twin.status.pop())[0]:
        found.append(f"{error[0]} {error[1]}")
    return found


def words(parameter: Any) -> list[Any]:
    known = getattr(parameter.vals, "valid_values", ()) if parameter.vals is not None else ()
    return [word for word in known if isinstance(word, str) and word.upper() not in SET_BY_NAME]


def is_same(found: Any, word: Any) -> bool:
    told = SAME.get(str(word).lower(), word)
    return bool(found in (word, told) or str(found).lower() == str(word).lower())


@pytest.mark.parametrize("kind", EVERY)
def test_every_parameter(stack: ExitStack, world: World, kind: str) -> None:
    """Read each; set each to all its words and read it again. Numbers the tests above set.

    What a client does not let through, or a twin does not model, is listed by its path.
    """
    family, make, options, beyond = EVERY[kind]
    client_kind = getattr(importlib.import_module(f"qcodes.instrument_drivers.{family}"), kind)
    twin = make(world, "SIM-ONE", **options)
    if kind == "Keithley2400":
        twin.reply_terminator = b"\n"
    client = opened(stack, client_kind, twin)
    client.timeout(2.0)
    wrong = []
    for path, parameter in parameters(client):
        if any(fnmatch(path, pattern) for pattern in beyond):
            continue
        try:
            before = parameter.get() if parameter.gettable else None
            for word in words(parameter) if parameter.settable else ():
                parameter.set(word)
                found = parameter.get() if parameter.gettable else word
                if not is_same(found, word) and word != "ONCE":
                    wrong.append(f"{path} was set to {word!r} and reads {found!r}")
            again = [word for word in words(parameter) if is_same(before, word)]
            if again and parameter.settable:
                parameter.set(again[0])
        except Exception as error:
            wrong.append(f"{path}: {type(error).__name__}: {error}")
        wrong += [f"{path}: refused: {one}" for one in refused(twin)]
    assert not wrong, "\n".join(wrong)


def test_a_2450_sweeps(stack: ExitStack, world: World) -> None:
    from qcodes.instrument_drivers.Keithley import Keithley2450  # noqa: PLC0415 - heavy

    twin = SimKeithley2450(world, "SIM-SMU")
    twin.sense("current", lambda: components(twin.drives["source"].at(0.0))[0] / 100.0)
    smu = opened(stack, Keithley2450, twin)
    smu.source.function("voltage")
    smu.sense.function("current")
    smu.source.limit(0.1)
    smu.source.sweep_setup(0.0, 2.0, 5)
    assert smu.source.sweep_axis() == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])
    assert smu.sense.sweep() == pytest.approx([0.0, 0.005, 0.01, 0.015, 0.02], abs=5e-5)
    assert refused(twin) == []
