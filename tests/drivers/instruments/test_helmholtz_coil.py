"""Helmholtz coils: the driver on doubles of its members, the twin on doubles of rails, and both
on a real supply's and a real relay module's twins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import LinkTimeout, SetpointError
from sensorbench.core.quantity import SUPPLY, SUPPLY_CURRENT, VOLTAGE, Value, components
from sensorbench.instruments.helmholtz_coil.driver import HelmholtzCoil
from sensorbench.instruments.helmholtz_coil.twin import SimHelmholtzCoil
from sensorbench.instruments.keithley_2450.driver import Keithley2450
from sensorbench.instruments.keithley_2450.twin import SimKeithley2450
from sensorbench.instruments.keysight_e36312a.driver import KeysightE36312a
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.instruments.members import Member, Meter, Setpoint, Switch
from sensorbench.instruments.numato_relay.driver import NumatoRelay
from sensorbench.instruments.numato_relay.twin import SimNumatoRelay
from sensorbench.instruments.telling import Held, Untold, changed
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.testing.cases import case_of
from sensorbench.testing.world import InstrumentBench
from sensorbench.world.fields import Constant, Driven
from sensorbench.world.world import Fault, Place, World

Axes = Mapping[str, str]
CONSTANT: Axes = {"x": "110 uT/A", "y": "112 uT/A", "z": "108 uT/A"}
OHMS = "2.4 ohm"


class Members:
    """Outputs, meters and relays that write down what they are told."""

    def __init__(self, axes: str = "xyz", *, relays: str = "", meters: str = "") -> None:
        self.log: list[str] = []
        self.broken = ""
        self.volts: dict[str, float] = dict.fromkeys(axes, 0.0)
        self.amperes: dict[str, float] = dict.fromkeys(axes, 0.0)
        self.all: dict[str, Member] = {axis: self._output(axis) for axis in axes}
        for axis in meters:
            self.all[f"current_{axis}"] = Meter(
                f"i{axis}", SUPPLY_CURRENT, lambda axis=axis: self.amperes[axis]
            )
        for axis in relays:
            self.all[f"reverse_{axis}"] = Switch(
                f"k{axis}",
                lambda axis=axis: self.log.append(f"{axis} reversed"),
                lambda axis=axis: self.log.append(f"{axis} straight"),
            )

    def _output(self, axis: str) -> Setpoint:
        def go(target: Value, rate: float | None, limit: float | None) -> Value:
            if self.broken == axis:
                raise LinkTimeout(f"{axis} is gone")
            assert limit is not None
            self.log.append(f"{axis} {components(target)[0]:.3g} V {limit:.4g} A")
            self.volts[axis], self.amperes[axis] = components(target)[0], limit
            return target

        def release() -> None:
            if self.broken == f"{axis} off":
                raise LinkTimeout(f"{axis} is gone")
            self.log.append(f"{axis} off")
            self.volts[axis] = self.amperes[axis] = 0.0

        return Setpoint(
            f"psu.{axis}", SUPPLY, lambda: self.volts[axis], (0.0, 6.18), None, (0.002, 5.15),
            go, release,
        )  # fmt: skip

    def coil(self, **options: Any) -> HelmholtzCoil:
        options = {"constant": CONSTANT, "resistance": OHMS} | options
        return HelmholtzCoil(self.all, VirtualClock(), **options)


# -- the driver --------------------------------------------------------------------------------


def test_the_current_limit_makes_the_field() -> None:
    members = Members()
    assert members.coil().magnetic_field.go((55.0, 0.0, 108.0)) == (55.0, 0.0, 108.0)
    # 1.3 times the cold coil's voltage, and half a volt for the leads.
    assert members.log == ["x 2.06 V 0.5 A", "y off", "z 3.62 V 1 A"]


def test_the_field_that_is_set_is_told_by_the_current_limits_whoever_changes_one() -> None:
    bench = InstrumentBench(case_of(devices()["helmholtz_coil"]))
    coil = bench.member("magnetic_field")
    assert isinstance(coil, Setpoint)
    sent = Held(coil.go((55.0, 0.0, 11.0)))
    assert changed(sent, coil.told(), coil.rounds) == ""
    supply = bench.others["keysight_e36312a"]
    supply.driver.out3.go(5.0, None, 0.2)  # somebody at the supply's own panel
    assert changed(sent, coil.told(), coil.rounds) == "value"
    coil.go((55.0, 0.0, 11.0))
    supply.driver.out1.release()
    assert changed(sent, coil.told(), coil.rounds) == "value"


def test_a_coil_on_outputs_that_cannot_be_asked_says_so() -> None:
    coil = Members().coil()
    coil.magnetic_field.go((55.0, 0.0, 0.0))
    assert coil.magnetic_field.told() == Untold()


def test_a_compliance_voltage_is_used_as_it_is() -> None:
    members = Members(meters="xyz")
    members.coil(compliance="5 V", resistance=None).magnetic_field.go((55.0, 56.0, 0.0))
    assert members.log == ["x 5 V 0.5 A", "y 5 V 0.5 A", "z off"]


def test_a_relay_turns_the_leads_only_while_its_output_is_off() -> None:
    members = Members(relays="x")
    coil = members.coil()
    coil.magnetic_field.go((-55.0, 0.0, 0.0))
    assert members.log == ["x off", "x reversed", "x 2.06 V 0.5 A", "y off", "z off"]
    members.log.clear()
    coil.magnetic_field.go((-11.0, 0.0, 0.0))
    assert members.log[0] == "x 0.812 V 0.1 A"  # nothing to turn around
    members.log.clear()
    coil.magnetic_field.go((11.0, 0.0, 0.0))
    assert members.log[:3] == ["x off", "x straight", "x 0.812 V 0.1 A"]


def test_without_a_relay_a_negative_component_is_refused_and_nothing_sent() -> None:
    members = Members(relays="x")
    with pytest.raises(SetpointError, match=r"y = -10 uT is negative.*reverse_y"):
        members.coil().magnetic_field.go((-10.0, -10.0, 0.0))
    assert members.log == []


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ((600.0, 0.0, 0.0), "x = 600 uT is outside 0.22 to 283.2 uT"),  # 6.18 V into 2.4 ohm
        ((0.0, 0.1, 0.0), "y = 0.1 uT is outside 0.224"),  # the output's least current
        ((1001.0, 0.0, 0.0), "outside the rated"),
        ((10.0, 0.0), "three components"),
        (10.0, "three components"),
    ],
)
def test_what_the_coils_cannot_do_is_refused_and_nothing_sent(target: Value, why: str) -> None:
    members = Members()
    with pytest.raises(SetpointError, match=why):
        members.coil().magnetic_field.go(target)
    assert members.log == []


def test_one_coil_takes_a_plain_number_and_no_other_axis() -> None:
    members = Members("z")
    coil = members.coil(constant="108 uT/A")
    assert coil.magnetic_field.go(54.0) == (0.0, 0.0, 54.0)
    assert members.log == ["z 2.06 V 0.5 A"]
    with pytest.raises(SetpointError, match="there is no coil along x"):
        coil.magnetic_field.go((1.0, 0.0, 54.0))


def test_the_field_is_read_from_the_currents_with_their_direction() -> None:
    members = Members(relays="x", meters="xyz")
    coil = members.coil()
    coil.magnetic_field.go((-55.0, 56.0, 0.0))
    members.amperes["x"] = 0.499
    found = components(coil.magnetic_field.read())
    assert found == pytest.approx((-54.89, 56.0, 0.0))


def test_without_meters_the_voltage_over_the_resistance_is_read() -> None:
    members = Members("xz")
    members.volts.update(x=1.2, z=0.0)
    assert members.coil().magnetic_field.read() == pytest.approx((55.0, 0.0, 0.0))


def test_what_fails_half_way_switches_all_coils_off() -> None:
    members = Members()
    members.broken = "z"
    with pytest.raises(LinkTimeout, match="z is gone"):
        members.coil().magnetic_field.go((55.0, 56.0, 54.0))
    assert members.log[-3:] == ["x off", "y off", "z off"]


def test_make_safe_tries_everything_and_names_what_stays() -> None:
    members = Members(relays="xy")
    coil = members.coil()
    coil.magnetic_field.go((-55.0, 0.0, 54.0))
    members.log.clear()
    members.broken = "y off"
    with pytest.raises(LinkTimeout, match=r"coil y: y is gone\. Pull the plug"):
        coil.make_safe()
    # The relay of a coil that may still carry current is left alone.
    assert members.log == ["x off", "x straight", "z off"]


def test_release_lets_the_relays_go() -> None:
    members = Members(relays="x")
    coil = members.coil()
    coil.magnetic_field.go((-55.0, 0.0, 0.0))
    coil.magnetic_field.release()
    assert members.log[-4:] == ["x off", "x straight", "y off", "z off"]


def test_making_and_identifying_touch_nothing() -> None:
    members = Members(relays="xyz")
    assert members.coil().identify().model == "Helmholtz coil"
    assert members.log == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"constant": "110 uT"}, 'is written like "110 uT/A", got'),
        ({"constant": "110 V/A"}, 'is written like "110 uT/A", got'),
        ({"constant": {"x": "110 uT/A"}}, "the constant of y is written"),
        ({"constant": "-1 uT/A"}, "is written like"),
        ({"resistance": "0 ohm"}, "resistance of x must be above 0"),
        ({"resistance": None}, "write the coil's resistance"),
        ({"resistance": None, "compliance": "5 V"}, "members.current_x"),
        ({"compliance": "12 V"}, "12 V is outside what psu.x gives, up to 6.18 V"),
    ],
)
def test_options_that_make_no_coil_are_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Members().coil(**options)


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ({"x": Meter("m", VOLTAGE, lambda: 0.0)}, "members.x must be an output of a supply"),
        ({"current_x": Meter("m", VOLTAGE, lambda: 0.0)}, "must read a supply_current"),
        ({"reverse_x": Meter("m", VOLTAGE, lambda: 0.0)}, "must be a switch"),
    ],
)
def test_members_that_make_no_coil_are_refused(extra: dict[str, Member], why: str) -> None:
    members = {**Members().all, **extra}
    with pytest.raises(ValueError, match=why):
        HelmholtzCoil(members, VirtualClock(), constant=CONSTANT, resistance=OHMS)


def test_without_an_axis_there_is_no_coil() -> None:
    with pytest.raises(ValueError, match="members needs x, y or z"):
        HelmholtzCoil({}, VirtualClock(), constant=CONSTANT, resistance=OHMS)


# -- the twin ----------------------------------------------------------------------------------


class Source(Driven):
    """A rail that drives what a test says, at most `volts` over the coil's resistance."""

    def __init__(self, volts: float, limit_a: float) -> None:
        super().__init__(Constant(volts))
        self.volts, self.limit_a = volts, limit_a

    def amperes_into(self, ohms: float) -> float:
        return min(self.limit_a, self.volts / ohms)


@given(st.floats(0, 2), st.floats(0, 2), st.booleans())
def test_the_twin_s_field_is_the_sum_of_its_currents(
    x_a: float, z_a: float, reversed_x: bool
) -> None:
    world = World(VirtualClock(), seed=5)
    members = {
        "x": Source(6.0, x_a), "z": Source(6.0, z_a), "reverse_x": Constant(float(reversed_x)),
    }  # fmt: skip
    twin = SimHelmholtzCoil(world, "C1", members, constant=CONSTANT, resistance=OHMS)
    found = components(twin.drives["magnetic_field"].at(0.0))
    expected = (110.0 * x_a * (-1 if reversed_x else 1), 0.0, 108.0 * z_a)
    # 0.3 % of each, and a skew of some tenths of a degree.
    assert found == pytest.approx(expected, abs=0.012 * (110 * x_a + 108 * z_a) + 1e-9)


def test_a_coil_takes_no_more_than_its_resistance_lets() -> None:
    world = World(VirtualClock(), seed=5)
    twin = SimHelmholtzCoil(
        world, "C1", {"z": Source(1.2, 5.0)}, constant="100 uT/A", resistance="2.4 ohm"
    )
    assert components(twin.drives["magnetic_field"].at(0.0))[2] == pytest.approx(50.0, rel=0.01)


def test_the_room_s_field_is_added() -> None:
    world = World(VirtualClock(), seed=5, ambient={"magnetic_field": (20.0, 0.0, -40.0)})
    twin = SimHelmholtzCoil(world, "C1", {"z": Source(0.0, 0.0)}, constant="100 uT/A")
    assert twin.drives["magnetic_field"].at(0.0) == (20.0, 0.0, -40.0)


# -- with a supply's and a relay module's twins ------------------------------------------------


class Bench:
    def __init__(self, fault: str = "") -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed=3)
        if fault:
            self.world.add_fault("C1", Fault(fault))
        supply, relays = SimKeysightE36312a(self.world, "P1"), SimNumatoRelay(self.world, "K1")
        rails: dict[str, object] = {
            axis: supply.drives[f"out{n}"] for n, axis in enumerate("xyz", 1)
        }
        contacts = {f"reverse_{axis}": relays.contacts[f"k{n}"] for n, axis in enumerate("xyz", 1)}
        self.twin = SimHelmholtzCoil(
            self.world, "C1", rails | contacts, constant=CONSTANT, resistance=OHMS
        )
        self.world.zone().bind("magnetic_field", self.twin.drives["magnetic_field"])
        psu = KeysightE36312a(InProcessLine(supply, KeysightE36312a.LINE, "psu"), self.clock)
        k = NumatoRelay(InProcessLine(relays, NumatoRelay.LINE, "relays"), self.clock)
        members: dict[str, Member] = {"x": psu.out1, "y": psu.out2, "z": psu.out3}
        members |= {"reverse_x": k.k1, "reverse_y": k.k2, "reverse_z": k.k3}
        self.coil = HelmholtzCoil(members, self.clock, constant=CONSTANT, resistance=OHMS)

    def felt(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return Place(self.world, "7").magnetic_field(np.array([self.clock.now()]))[0]


@pytest.mark.parametrize("target", [(50.0, 0.0, 0.0), (-30.0, 40.0, -50.0), (0.0, 0.0, 0.0)])
def test_a_part_feels_what_was_set(target: tuple[float, ...]) -> None:
    bench = Bench()
    bench.coil.magnetic_field.go(target)
    assert bench.felt() == pytest.approx(target, abs=1.2)


def test_after_make_safe_there_is_no_field() -> None:
    bench = Bench()
    bench.coil.magnetic_field.go((-30.0, 40.0, -50.0))
    bench.coil.make_safe()
    assert bench.felt() == pytest.approx([0.0, 0.0, 0.0])


def test_swapped_leads_show_only_at_a_part() -> None:
    bench = Bench("swapped")
    bench.coil.magnetic_field.go((0.0, 40.0, 0.0))
    assert bench.felt()[1] == pytest.approx(-40.0, abs=1.0)


def test_a_source_measure_unit_reads_the_coil_s_current_and_tells_the_world() -> None:
    clock = VirtualClock()
    world = World(clock, seed=3)
    unit = SimKeithley2450(world, "S1")
    members = {"z": unit.drives["source"]}
    twin = SimHelmholtzCoil(world, "C1", members, constant="100 uT/A", resistance="5 ohm")
    smu = Keithley2450(InProcessLine(unit, Keithley2450.LINE, "smu"), clock)
    coil = HelmholtzCoil(
        {"z": smu.source, "current_z": smu.current}, clock, constant="100 uT/A", resistance="5 ohm"
    )
    seen: list[float] = []
    world.listen(lambda: seen.append(components(twin.drives["magnetic_field"].at(clock.now()))[2]))
    coil.magnetic_field.go(50.0)
    assert components(coil.magnetic_field.read())[2] == pytest.approx(50.0, rel=1e-3)
    assert components(twin.drives["magnetic_field"].at(clock.now()))[2] == pytest.approx(
        50.0, rel=0.015
    )
    assert seen[0] == 0.0  # before it came up
