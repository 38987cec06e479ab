"""LabMCP's drivers, unchanged, on our twins, and our drivers on LabMCP's simulators: both over TCP.

It knows supplies and source-measure units, each from the maker's manual. Where a simulator lacks a
command of ours, what it has is tried, and the lack is an error. It brings a web framework along,
so only `.ci/run` installs it (extra `others`).
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import LinkTimeout
from sensorbench.instruments.aimtti_pl303qmdp.driver import AimttiPl303qmdp
from sensorbench.instruments.aimtti_pl303qmdp.twin import SimAimttiPl303qmdp
from sensorbench.instruments.keithley_2400.driver import Keithley2400
from sensorbench.instruments.keithley_2400.twin import SimKeithley2400
from sensorbench.instruments.keithley_2450.driver import Keithley2450
from sensorbench.instruments.keithley_2450.twin import SimKeithley2450
from sensorbench.instruments.rigol_dp832.driver import RigolDp832
from sensorbench.instruments.rigol_dp832.twin import SimRigolDp832
from sensorbench.instruments.siglent_spd3303x.driver import SiglentSpd3303x
from sensorbench.instruments.siglent_spd3303x.twin import SimSiglentSpd3303x
from sensorbench.instruments.telling import Held
from sensorbench.links.mount import TcpMount
from sensorbench.links.tcp_line import TcpLine
from sensorbench.world.world import World

pytestmark = pytest.mark.others


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def world() -> World:
    return World(RealClock(speed=1000.0), seed=1)


# -- their drivers on our twins ----------------------------------------------------------------


def reached(stack: ExitStack, twin: Any) -> Any:
    """Serve a twin and return their transport to it."""
    from labmcp.transports.tcp import TCPTransport  # noqa: PLC0415 - heavy

    port = stack.enter_context(TcpMount(twin)).port
    end = twin.reply_terminator.decode()
    transport = TCPTransport("127.0.0.1", port, read_termination=end, write_termination="\n")
    stack.callback(transport.close)
    return transport


def rail_v(twin: Any, member: str) -> float:
    return float(twin.drives[member].sample(np.array([0.0]))[0])


def a_supply(stack: ExitStack, kind: str, models: str, twin: Any) -> Any:
    from labmcp_bench_psu import driver  # noqa: PLC0415 - heavy

    _, model, serial, *_ = (field.strip() for field in twin.identity.split(","))
    idn = {"manufacturer": "", "model": model, "serial": serial, "firmware": ""}
    return getattr(driver, kind)(reached(stack, twin), idn, getattr(driver, models)[model])


def test_a_dp832_is_set_measured_tripped_and_cleared(stack: ExitStack, world: World) -> None:
    twin = SimRigolDp832(world, "SIM-PSU")
    twin.sense("current1", lambda: rail_v(twin, "out1") / 100.0)
    supply = a_supply(stack, "RigolPSU", "RIGOL_MODELS", twin)
    supply.set_voltage(1, 5.0)
    supply.set_current(1, 0.5)
    supply.set_output(1, True)
    assert supply.setpoints(1) == (5.0, 0.5)
    assert (supply.output_state(1), supply.mode(1)) == (True, "CV")
    assert supply.measure(1) == pytest.approx((5.0, 0.05), abs=5e-3)
    supply.set_ovp(1, 6.0, True)
    supply.set_ocp(1, 1.0, True)
    protection = supply.protection(1)
    assert (protection.ovp_v, protection.ovp_enabled, protection.ovp_tripped) == (6.0, True, False)
    assert (protection.ocp_a, protection.ocp_enabled, protection.ocp_tripped) == (1.0, True, False)
    supply.set_voltage(1, 7.0)
    assert supply.protection(1).ovp_tripped
    assert not supply.output_state(1)
    supply.clear_trips(1)
    assert not supply.protection(1).ovp_tripped
    assert not supply.output_state(1)
    assert supply.all_off() == []
    assert supply.errors() == []
    assert not world.beyond_of("SIM-PSU")


def test_an_spd3303x_is_set_and_measured(stack: ExitStack, world: World) -> None:
    twin = SimSiglentSpd3303x(world, "SIM-PSU")
    twin.sense("current1", lambda: rail_v(twin, "out1") / 100.0)
    supply = a_supply(stack, "SiglentPSU", "SIGLENT_MODELS", twin)
    supply.set_voltage(1, 5.0)
    supply.set_current(1, 0.5)
    supply.set_output(1, True)
    assert supply.setpoints(1) == (5.0, 0.5)
    assert (supply.output_state(1), supply.mode(1)) == (True, "CV")
    assert supply.measure(1) == pytest.approx((5.0, 0.05), abs=5e-3)
    supply.set_current(1, 0.02)
    assert supply.mode(1) == "CC"
    assert supply.all_off() == []
    assert (supply.output_state(1), rail_v(twin, "out1")) == (False, 0.0)
    assert not world.beyond_of("SIM-PSU")


def test_a_pl303qmdp_is_set_measured_tripped_and_cleared(stack: ExitStack, world: World) -> None:
    twin = SimAimttiPl303qmdp(world, "SIM-PSU")
    twin.sense("current1", lambda: rail_v(twin, "out1") / 100.0)
    supply = a_supply(stack, "AimTTiPSU", "TTI_MODELS", twin)
    supply.set_voltage(1, 5.0)
    supply.set_current(1, 0.5)
    supply.set_output(1, True)
    assert supply.setpoints(1) == (5.0, 0.5)
    assert (supply.output_state(1), supply.output_state(2)) == (True, False)
    assert supply.measure(1) == pytest.approx((5.0, 0.05), abs=0.01)
    supply.set_ovp(1, 6.0, True)
    supply.set_ocp(1, 1.0, None)
    protection = supply.protection(1)
    assert (protection.ovp_v, protection.ocp_a) == (6.0, 1.0)
    assert (protection.ovp_tripped, protection.ocp_tripped) == (False, False)
    supply.set_voltage(1, 7.0)
    assert supply.protection(1).ovp_tripped
    assert not supply.output_state(1)
    supply.clear_trips(1)
    assert not supply.output_state(1)
    with pytest.raises(Exception, match="range error"):
        supply.set_voltage(1, 31.0)
    assert supply.all_off() == []
    assert supply.errors() == []
    assert not world.beyond_of("SIM-PSU")


@pytest.mark.parametrize(
    ("kind", "make"), [("Keithley2450", SimKeithley2450), ("Keithley2400", SimKeithley2400)]
)
def test_a_source_measure_unit_sources_and_sweeps(
    stack: ExitStack, world: World, kind: str, make: type[Any]
) -> None:
    from labmcp_keithley_smu import driver  # noqa: PLC0415 - heavy

    twin = make(world, "SIM-SMU")
    twin.sense("current", lambda: rail_v(twin, "source") / 100.0)
    smu = getattr(driver, kind)(reached(stack, twin), twin.identity)
    smu.configure("voltage", 3.3, 0.05)
    smu.set_output(True)
    status, reading = smu.measure()
    assert (status.output_on, status.source, status.level, status.compliance) == (
        True, "voltage", 3.3, 0.05,
    )  # fmt: skip
    assert (reading.voltage_v, reading.current_a) == pytest.approx((3.3, 0.033), rel=1e-3)
    assert not reading.in_compliance
    smu.set_level("voltage", 20.0)
    assert smu.measure()[1].in_compliance
    swept = smu.sweep("voltage", [0.5, 1.0, 2.0])
    assert [row.current_a for row in swept.readings] == pytest.approx([0.005, 0.01, 0.02], rel=1e-2)
    smu.set_output(False)
    assert not smu.output_state()
    assert smu.error_list() == []
    assert not world.beyond_of("SIM-SMU")


@pytest.mark.parametrize(
    ("kind", "make"), [("Keithley2450", SimKeithley2450), ("Keithley2400", SimKeithley2400)]
)
def test_a_source_measure_unit_has_the_rest_of_its_methods(
    stack: ExitStack, world: World, kind: str, make: type[Any]
) -> None:
    from labmcp_keithley_smu import driver  # noqa: PLC0415 - heavy

    twin = make(world, "SIM-SMU")
    twin.sense("current", lambda: rail_v(twin, "source") / 100.0)
    smu = getattr(driver, kind)(reached(stack, twin), twin.identity)
    assert smu.identify()["serial"] == "SIM-SMU"
    smu.set_remote_sense(True)
    smu.configure("voltage", 2.0, 0.05, source_range=20.0, nplc=0.1)
    smu.set_output(True)
    assert smu.status().remote_sense
    assert smu.read("voltage").voltage_v == pytest.approx(2.0, abs=3e-3)
    smu.configure("current", 1e-3, 2.0)
    smu.set_level("current", 5e-4)
    status = smu.status()
    assert (status.source, status.level, status.compliance) == ("current", 5e-4, 2.0)
    smu.raise_errors("at the end")
    assert list(world.beyond_of("SIM-SMU")) == ["source current"]


def test_supplies_have_the_rest_of_their_methods(stack: ExitStack, world: World) -> None:
    rigol = a_supply(stack, "RigolPSU", "RIGOL_MODELS", SimRigolDp832(world, "SIM-ONE"))
    siglent = a_supply(stack, "SiglentPSU", "SIGLENT_MODELS", SimSiglentSpd3303x(world, "SIM-TWO"))
    for supply, serial in ((rigol, "SIM-ONE"), (siglent, "SIM-TWO")):
        assert supply.identify()["serial"] == serial
        supply.clear_error_state()
        supply.set_output(3, True)
        assert supply.all_off() == []
        assert supply.errors() == []
        assert not world.beyond_of(serial)
    assert rigol.output_state(3) is False
    assert siglent.protection(1).ovp_v is None


# -- our drivers on their simulators -----------------------------------------------------------


class _Lines(socketserver.StreamRequestHandler):
    """Hands each line to somebody's simulator, and its answer back."""

    def handle(self) -> None:
        for line in self.rfile:
            reply = self.server.simulator.handle(line.decode().strip())  # type: ignore[attr-defined]
            if reply is not None:
                self.wfile.write(f"{reply}\n".encode())


def ours(stack: ExitStack, driver: type[Any], simulator: Any) -> Any:
    """Serve somebody's simulator and open our driver on it."""
    server = stack.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Lines))
    server.daemon_threads = True
    server.simulator = simulator  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    settings = replace(
        driver.LINE, write_terminator="\n", read_terminator="\n", timeout_s=1.0, pause_s=0.0
    )
    line = stack.enter_context(TcpLine("127.0.0.1", server.server_address[1], settings, "device"))
    return driver(line, RealClock())


def test_our_spd3303x_drives_theirs(stack: ExitStack) -> None:
    from labmcp_bench_psu.simulator import SiglentSimulator  # noqa: PLC0415 - heavy

    supply = ours(stack, SiglentSpd3303x, SiglentSimulator("SPD3303X"))
    assert supply.identify().model == "SPD3303X"
    assert supply.out1.told() is None
    supply.out1.go(5.0, limit=0.6)
    assert supply.out1.told() == Held(5.0, 0.6)
    assert supply.out1.read() == pytest.approx(5.0, abs=0.01)
    assert supply.current1.read() == pytest.approx(0.5, abs=2e-3)  # 10 ohm hang on it
    supply.make_safe()
    assert supply.out1.told() is None


def test_our_pl303qmdp_drives_theirs(stack: ExitStack) -> None:
    from labmcp_bench_psu.simulator import TTiSimulator  # noqa: PLC0415 - heavy

    simulator = TTiSimulator("PL303QMD-P")
    supply = ours(stack, AimttiPl303qmdp, simulator)
    assert supply.identify().model == "PL303QMD-P"
    assert supply.take() == ()
    assert supply.out1.told() is None
    assert supply.out1.protect(None, 6.0) == (None, 6.0)
    supply.out1.go(5.0, limit=0.6)
    assert supply.out1.told() == Held(5.0, 0.6)
    assert supply.out1.read() == pytest.approx(5.0, abs=0.01)
    assert supply.current1.read() == pytest.approx(0.5, abs=2e-3)  # 10 ohm hang on it
    assert supply.read_alarms() == ()
    simulator.set_current(1, 1.0)  # as somebody at its panel
    simulator.set_voltage(1, 7.0)
    assert supply.out1.told() is None
    assert supply.read_alarms() == ("over-voltage protection of output 1 tripped",)
    supply.clear_trips()
    assert supply.read_alarms() == ()
    supply.make_safe()


def test_our_dp832_knows_theirs_and_misses_its_tracking(stack: ExitStack) -> None:
    from labmcp_bench_psu.simulator import RigolSimulator  # noqa: PLC0415 - heavy

    supply = ours(stack, RigolDp832, RigolSimulator("DP832"))
    assert supply.identify().model == "DP832"
    assert supply.take() == ()
    assert supply.out1.protect(None, 6.0) == (None, 6.0)
    assert (supply.out1.told(), supply.out1.read(), supply.current1.read()) == (None, 0.0, 0.0)
    assert supply.read_alarms() == ()
    with pytest.raises(LinkTimeout, match=":OUTP:TRAC\\? CH1"):
        supply.out1.go(5.0, limit=0.6)
    supply.make_safe()
    assert supply.out1.told() is None


def test_our_2450_drives_theirs(stack: ExitStack) -> None:
    from labmcp_keithley_smu.simulator import make_simulator  # noqa: PLC0415 - heavy

    smu = ours(stack, Keithley2450, make_simulator("2450"))
    assert smu.identify().model.endswith("2450")
    assert smu.take() == ()
    smu.source.go(5.0, limit=0.01)
    assert smu.source.told() == Held(5.0, 0.01)
    with pytest.raises(LinkTimeout, match=":MEAS:CURR\\?"):
        smu.current.read()
    smu.make_safe()
    assert smu.source.told() is None


def test_our_2400_knows_theirs(stack: ExitStack) -> None:
    from labmcp_keithley_smu.simulator import make_simulator  # noqa: PLC0415 - heavy

    smu = ours(stack, Keithley2400, make_simulator("2400"))
    assert smu.identify().model.endswith("2400")
    assert smu.take() == ()
    assert smu.source.told() is None
    smu.make_safe()
