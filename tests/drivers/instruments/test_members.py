"""Members: what is declared on a class, and what the bound member refuses and passes on."""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sensorbench.core.errors import DriverFault, ProtocolError, SetpointError
from sensorbench.core.quantity import MAGNETIC_FIELD, SUPPLY, TEMPERATURE, Value
from sensorbench.instruments.members import (
    Band,
    Shape,
    members_of,
    meter,
    meters_of,
    number,
    setpoint,
    setpoints_of,
    switch,
)
from sensorbench.instruments.telling import Held, OfItsOwn, Told, Untold


class Oven:
    """An oven that notes what it is told."""

    air = setpoint["Oven"](
        TEMPERATURE, rated=(20.0, 200.0), fastest=5 / 60, planned=3 / 60, resolution=0.1
    )
    supply = setpoint["Oven"](SUPPLY, rated=(0.0, 5.0), limit_rated=(0.1, 1.0))
    coil = setpoint["Oven"](MAGNETIC_FIELD, rated=(-100.0, 100.0), vector=True)
    wall = meter["Oven"](TEMPERATURE, accuracy=1.0)
    fan = switch["Oven"]()

    def __init__(self) -> None:
        self.name = "oven"
        self.told: list[object] = []
        self.reads: Value = 23.0

    @air.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> Value:
        self.told.append((target, rate, limit))
        return round(number(target), 1)

    @air.read
    def _(self) -> Value:
        return self.reads

    @air.release
    def _(self) -> None:
        self.told.append("off")

    @air.protect
    def _(self, low: float | None, high: float | None) -> Band:
        return low, high

    @air.wave
    def _(self, low: float, high: float, period_s: float, shape: Shape) -> None:
        self.told.append((low, high, period_s, shape))

    @supply.go
    @coil.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> Value:
        self.told.append((target, rate, limit))
        return target

    @supply.read
    @coil.read
    @wall.read
    def _(self) -> Value:
        return self.reads

    @supply.release
    @coil.release
    def _(self) -> None:
        """Nothing to do."""

    @fan.turn
    def _(self, closed: bool) -> None:
        self.told.append(closed)


class Worn:
    """A controller that keeps each setpoint in a memory that wears."""

    air = setpoint["Worn"](
        TEMPERATURE, rated=(0.0, 200.0), fastest=1.0, limit_rated=(0.0, 10.0), resolution=0.1,
        nonvolatile=True,
    )  # fmt: skip

    def __init__(self) -> None:
        self.name = "worn"
        self.writes = 0
        self.holds: Told = None

    @air.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> Value:
        self.writes += 1
        self.holds = Held(round(number(target), 1), limit)
        return self.holds.value

    @air.told
    def _(self) -> Told:
        return self.holds

    @air.read
    def _(self) -> Value:
        return 23.0

    @air.release
    def _(self) -> None:
        self.holds = None


def test_what_a_memory_that_wears_holds_already_is_not_written_again() -> None:
    worn = Worn()
    assert worn.air.go(85.04, limit=2.0) == 85.0
    assert worn.air.go(85.04, limit=2.0) == 85.0
    assert worn.air.go(85.0) == 85.0
    assert worn.writes == 1


@pytest.mark.parametrize("asked", [(86.0, None, 2.0), (85.0, None, 3.0), (85.0, 0.5, 2.0)])
def test_what_it_does_not_hold_is_written(asked: tuple[float, float | None, float]) -> None:
    worn = Worn()
    worn.air.go(85.0, limit=2.0)
    worn.air.go(*asked)
    assert worn.writes == 2


@pytest.mark.parametrize("holds", [None, OfItsOwn("program 3"), Untold(), Held(85.0)])
def test_what_is_not_known_to_be_held_is_written(holds: Told) -> None:
    worn = Worn()
    worn.holds = holds
    worn.air.go(85.0, limit=2.0)
    assert worn.writes == 1


def test_beyond_its_range_it_is_refused_before_it_is_asked_what_it_holds() -> None:
    worn = Worn()
    worn.holds = Held(300.0)
    with pytest.raises(SetpointError):
        worn.air.go(300.0)


@pytest.fixture
def oven() -> Oven:
    return Oven()


def test_what_is_declared_is_known_without_an_instrument() -> None:
    assert list(members_of(Oven)) == ["air", "supply", "coil", "wall", "fan"]
    assert list(setpoints_of(Oven)) == ["air", "supply", "coil"]
    assert list(meters_of(Oven)) == ["air", "supply", "coil", "wall"]
    assert Oven.air.rated == (20.0, 200.0)
    assert Oven.air.can_wave
    assert not Oven.supply.can_wave
    assert Oven.wall.accuracy == 1.0


def test_a_bound_member_acts_on_its_own_instrument(oven: Oven) -> None:
    other = Oven()
    assert oven.air.go(85.04, 1 / 60) == 85.0
    oven.air.release()
    oven.fan.close()
    oven.fan.open()
    assert oven.told == [(85.04, 1 / 60, None), "off", True, False]
    assert other.told == []
    assert oven.air.name == "oven.air"


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda o: o.air.go(200.1), r"oven\.air: 200\.1 degC is outside the rated 20\.\.200 degC"),
        (lambda o: o.air.go(math.nan), "outside the rated"),
        (lambda o: o.air.go(85.0, 0.1), "rate 0.1"),
        (lambda o: o.air.go(85.0, 0.0), "rate 0"),
        (lambda o: o.air.go(85.0, None, 1.0), "no limit"),
        (lambda o: o.supply.go(3.3, 1.0), "no ramp"),
        (lambda o: o.supply.go(3.3, None, 1.1), "limit 1.1 is outside the rated"),
        (lambda o: o.coil.go((0.0, 0.0, 101.0)), "outside the rated"),
        (lambda o: o.air.wave(10.0, 85.0, 60.0, "square"), "beyond its range"),
        (lambda o: o.air.wave(85.0, 85.0, 60.0, "square"), "beyond its range"),
        (lambda o: o.supply.wave(0.0, 3.3, 60.0, "square"), "makes no waves"),
    ],
)
def test_what_can_t_be_is_refused_before_anything_is_told(
    oven: Oven, act: Callable[[Oven], object], text: str
) -> None:
    with pytest.raises(SetpointError, match=text):
        act(oven)
    assert oven.told == []


def test_the_rated_rate_is_allowed_however_it_was_converted(oven: Oven) -> None:
    oven.air.go(85.0, math.nextafter(5 / 60, 1.0))


@pytest.mark.parametrize("reads", [math.nan, math.inf, 9.9e37, -9.91e37])
def test_a_reading_that_is_no_number_is_an_error(oven: Oven, reads: Value) -> None:
    oven.reads = reads
    for member in (oven.air, oven.wall, oven.coil):
        with pytest.raises(ProtocolError, match="Is a sensor open"):
            member.read()


@pytest.mark.parametrize(
    "reads",
    ["25.0", None, True, 1j, Decimal(25), [25.0], 10**400, (1.0, 2.0), (1.0, math.nan, 0.0), ()],
    ids=repr,
)
def test_a_reading_that_is_none_at_all_is_the_driver_s_fault(oven: Oven, reads: Any) -> None:
    oven.reads = reads
    with pytest.raises(DriverFault, match="a fault of the driver, not of the instrument"):
        oven.air.read()


@pytest.mark.parametrize("reads", [np.float32(25.5), np.float64(25.5), 25, Fraction(51, 2)])
def test_numbers_of_other_libraries_are_readings(oven: Oven, reads: Any) -> None:
    oven.reads = reads
    assert oven.air.read() == float(reads)
    assert type(oven.air.read()) is float


@pytest.mark.parametrize(
    ("declares", "said"),
    [
        ({"rated": (150.0, 0.0)}, r"rated = \(150.0, 0.0\)"),
        ({"rated": ("0", "150")}, "rated = "),
        ({"rated": 150.0}, "rated = 150.0"),
        ({"rated": (0.0, math.nan)}, "rated = "),
        ({"limit_rated": (1.0, 1.0)}, "limit_rated = "),
        ({"fastest": math.nan}, "fastest = nan"),
        ({"planned": -1.0}, "planned = -1.0"),
        ({"planned": math.inf}, "planned = inf"),
        ({"settling_s": math.nan}, "settling_s = nan"),
        ({"seconds": -100.0}, "seconds = -100.0"),
        ({"rounds": math.nan}, "rounds = nan"),
        ({"steady": "0.1"}, "steady = '0.1'"),
        ({"resolution": -0.1}, "resolution = -0.1"),
        ({"accuracy": math.nan}, "accuracy = nan"),
        ({"against": "moon"}, "against = 'moon'"),
        ({"vector": True}, "a temperature has no axes"),
        ({"fastest_wave": 5.0, "slowest_wave": 1.0}, "fastest_wave = 5.0"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused_at_import(
    declares: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        setpoint["Oven"](TEMPERATURE, **({"rated": (0.0, 150.0)} | declares))


@pytest.mark.parametrize(
    "declares", [{"rated": (5.0, -5.0)}, {"seconds": math.nan}, {"against": "sea level"}]
)
def test_so_is_that_of_a_meter(declares: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rated|seconds|against"):
        meter["Oven"](TEMPERATURE, **declares)


class Liar:
    """An oven whose driver gives whatever it is made with."""

    air = setpoint["Liar"](TEMPERATURE, rated=(20.0, 200.0), resolution=0.1)

    def __init__(self, gives: Any) -> None:
        self.name, self._gives = "liar", gives

    @air.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> Any:
        return self._gives

    @air.told
    def _(self) -> Any:
        return self._gives

    @air.read
    def _(self) -> Any:
        return self._gives

    @air.release
    def _(self) -> None: ...


@pytest.mark.parametrize("gives", [None, "60", 30.0, 60.7, math.nan, (60.0, 0.0)], ids=repr)
def test_what_a_driver_says_that_it_sent_is_what_was_asked_for(gives: Any) -> None:
    with pytest.raises(DriverFault, match=r"liar\.air: its driver"):
        Liar(gives).air.go(60.0)


@pytest.mark.parametrize(
    "gives", ["off", 60.0, Held("60"), Held(math.nan), Held(60.0, "1 A"), Held((60.0, 60.0))],
    ids=repr,
)  # fmt: skip
def test_what_a_driver_tells_of_a_set_point_is_held_or_none(gives: Any) -> None:
    with pytest.raises(DriverFault, match=r"liar\.air: its driver"):
        Liar(gives).air.told()


def test_a_vector_has_as_many_numbers_as_its_quantity_has_axes(oven: Oven) -> None:
    oven.reads = (1.0, 2.0, 3.0)
    assert oven.coil.read() == (1.0, 2.0, 3.0)
    oven.reads = (1.0, 2.0)
    with pytest.raises(DriverFault, match=r"gave \(1\.0, 2\.0\) where a magnetic_field belongs"):
        oven.coil.read()


def test_protection_and_waves_are_passed_on(oven: Oven) -> None:
    assert oven.air.protect(-10.0, None) == (-10.0, None)
    assert oven.supply.protect(None, 5.0) is None
    oven.air.wave(40.0, 85.0, 60.0, "sine")
    assert oven.told == [(40.0, 85.0, 60.0, "sine")]


def test_a_member_that_is_not_complete_can_t_be_declared() -> None:
    with pytest.raises((TypeError, RuntimeError), match=r"[Hh]alf"):

        class Half:
            half = setpoint["Half"](TEMPERATURE, rated=(0.0, 1.0))


def test_a_vector_is_no_number() -> None:
    with pytest.raises(SetpointError, match="several components"):
        number((1.0, 2.0, 3.0))
