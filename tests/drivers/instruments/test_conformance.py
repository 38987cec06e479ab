"""What every instrument owes the bench, tried on all of ours; and the suite on wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import SetpointError
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, Value
from sensorbench.instruments.druck_pace5000.driver import DruckPace5000
from sensorbench.instruments.espec_p300.driver import EspecP300
from sensorbench.instruments.keysight_34461a.driver import Keysight34461a
from sensorbench.instruments.keysight_e36312a.driver import KeysightE36312a
from sensorbench.instruments.members import Setpoint, setpoint
from sensorbench.instruments.pressure_pulser.driver import PressurePulser
from sensorbench.testing import instruments as suite
from sensorbench.testing.cases import case_of
from sensorbench.testing.conformity import Nonconformity
from sensorbench.testing.instruments import INSTRUMENT_CHECKS, check_instrument
from sensorbench.testing.port_checks import (
    check_a_power_cycle_within_an_exchange,
    check_replies_on_its_port,
)
from sensorbench.testing.world import Case
from sensorbench.world.world import World

INSTRUMENTS = {name: row for name, row in devices().items() if row.kind == "instrument"}
Check = Callable[[Case], None]


CASES = {name: case_of(device) for name, device in INSTRUMENTS.items()}


WAITING = (check_replies_on_its_port, check_a_power_cycle_within_an_exchange)
"""They wait for deadlines of real ports: tried apart."""


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=check.__name__, marks=[pytest.mark.chaos] * (check in WAITING))
        for check in INSTRUMENT_CHECKS
    ],
)
@pytest.mark.parametrize("name", INSTRUMENTS)
def test_every_instrument(name: str, check: Check) -> None:
    check(CASES[name])


def test_a_chamber_without_humidity_refuses_what_it_has_not() -> None:
    bench = suite.InstrumentBench(Case(INSTRUMENTS["espec_p300"], twin_options={"humidity": False}))
    with pytest.raises(suite.BenchError, match="no humidity"):
        bench.driver.humidity.go(50.0)


WORDS = """
* : ; ? , . ( ) @ ' # + 1 0 9E999 -2.5 IDN CLS RST VOLT CURR PROT TRIP OUTP APPL CH2 MEAS CONF FRES
READ FETC R SAMP COUN TRIG SOUR BUS INIT FUNC NPLC RANG AUTO SENS PRES INL LEV VENT SLEW MODE LIN
MAX UNIT PA INST FULL SYST ERR TEMP, S85.0 HUMI, SOFF S50 MODE, CONSTANT RUN PRGM, TIME0:30
TIME999999:30 GOTEMP40.0 HUMI50 GOHUMI60 MON % ,DETAIL relay on 00 gpio read
"""
ON_A_LINE = [name for name, row in INSTRUMENTS.items() if set(row.links) & {"serial", "tcp"}]


@pytest.mark.parametrize("name", ON_A_LINE)
@given(words=st.lists(st.sampled_from(WORDS.split()), max_size=9))
@settings(deadline=None)
def test_no_line_whatever_makes_a_twin_fail(name: str, words: list[str]) -> None:
    twin = INSTRUMENTS[name].load_twin()(World(VirtualClock()), "SIM-1")
    for joint in ("", " "):
        twin.handle(joint.join(words).encode())


IN_TEXT = [
    name for name in ON_A_LINE if INSTRUMENTS[name].load_driver().LINE.write_terminator
]  # the others speak in frames


@pytest.mark.parametrize("name", IN_TEXT)
def test_what_a_twin_does_not_know_is_refused_and_on_record(name: str) -> None:
    world = World(VirtualClock())
    twin = INSTRUMENTS[name].load_twin()(world, "SIM-1")
    for _ in range(2):
        twin.handle(b"FLUX:CAPACITOR?")
    (asked,) = world.beyond["SIM-1"].counts.items()
    assert "FLUX" in asked[0]
    assert asked[1] == 2


# The suite finds drivers that are wrong.


class Hot(EspecP300):
    """Sets 20 K more than it says."""

    def _set(self, command: str) -> None:
        if command.startswith("TEMP, S"):
            command = f"TEMP, S{float(command[7:]) + 20.0:.1f}"
        super()._set(command)


class HalfHumidity(EspecP300):
    """Reads half of the humidity."""

    def _read(self, command: str) -> Any:
        loop = super()._read(command)
        if command == "HUMI?":
            return type(loop)(loop.measured / 2, loop.setpoint, loop.high, loop.low)
        return loop


class Told(EspecP300):
    """Reads what it was told, not what is there."""

    def _read(self, command: str) -> Any:
        loop = super()._read(command)
        return type(loop)(loop.setpoint, loop.setpoint, loop.high, loop.low)


class PerMinute(PressurePulser):
    """Takes a rate for one in a minute."""

    def __init__(self, line: Any, clock: Any) -> None:
        write, slew = line.write, ":SOUR:PRES:SLEW "

        def written(text: str) -> None:
            rate = text.removeprefix(slew)
            write(
                f"{slew}{float(rate) / 60:g}" if text.startswith(slew) and "M" not in rate else text
            )

        def asked(text: str, timeout_s: float | None = None) -> str:
            reply = str(query(text, timeout_s))
            return f"{float(reply) * 60:g}" if text == f"{slew.rstrip()}?" else reply

        query, line.write, line.query = line.query, written, asked
        super().__init__(line, clock)


class Trusting(PressurePulser):
    """Takes a slew rate for set that was only accepted."""

    def __init__(self, line: Any, clock: Any) -> None:
        write, query, slew, sent = line.write, line.query, ":SOUR:PRES:SLEW", ""

        def written(text: str) -> None:
            nonlocal sent
            sent = text.removeprefix(f"{slew} ") if text.startswith(f"{slew} ") else sent
            write(text)

        line.write = written
        line.query = lambda text, *more: sent if text == f"{slew}?" else query(text, *more)
        super().__init__(line, clock)


class Resetting(KeysightE36312a):
    """Resets the supply to identify it."""

    def identify(self) -> Identity:
        self._line.write("*RST")
        return super().identify()


class Believing(Keysight34461a):
    """Believes whoever answers."""

    def identify(self) -> Identity:
        self._line.query("*IDN?")
        return Identity("Keysight", "34461A")


class Numb(Keysight34461a):
    """Takes any text for a number."""

    def _measure(self, function: str) -> float:
        try:
            return float(self._line.query("READ?"))
        except ValueError:
            return 0.0


class Widening(KeysightE36312a):
    """Sets the protection to what it is asked for."""

    def _protect(self, output: int, high_v: float | None) -> tuple[float | None, float | None]:
        if high_v is not None:
            self._send(output, self.COMMANDS.protect[0].format(output=output, value=high_v))
        return None, self._protection_v(output)


class OneForAll(KeysightE36312a):
    """Sets all outputs where one was meant."""

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        for number in (1, 2, 3):
            super()._go(number, voltage_v, limit_a)
        return voltage_v


class NeverOff(DruckPace5000):
    """Is content with having been asked."""

    def make_safe(self) -> None:
        pass


class Blind(DruckPace5000):
    """Tells it to vent, and does not look."""

    def make_safe(self) -> None:
        self._module.send(":SOUR:PRES:LEV:IMM:AMPL:VENT 1")


class Surprising(PressurePulser):
    """Knows what it can't do when it is told to do it."""

    pressure = setpoint["Surprising"](
        PRESSURE, rated=(0.0, 1e6), resolution=1.0, steady=20.0, against="vacuum"
    )

    @pressure.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> Value:
        if target != 0.0:
            raise SetpointError("its regulator is not fitted")
        return target

    @pressure.read
    def _(self) -> float:
        return 0.0

    @pressure.release
    def _(self) -> None: ...


class Early(DruckPace5000):
    """Sends before it looks."""

    def __init__(self, line: Any, clock: Any) -> None:
        super().__init__(line, clock)
        line.write(":UNIT:PRES PA")


class Leaving(KeysightE36312a):
    """Takes nothing, so that errors of others blame it."""

    def take(self) -> tuple[str, ...]:
        return ()


WRONG: list[tuple[str, type[Any], Check, str]] = [
    ("espec_p300", Hot, suite.check_reading_back, "temperature reads"),
    ("espec_p300", HalfHumidity, suite.check_reading_back, "humidity reads"),
    ("espec_p300", Told, suite.check_reading_on_the_way, "where the world has"),
    ("pressure_pulser", PerMinute, suite.check_a_rate_is_kept, "500000 Pa/s was asked for"),
    ("pressure_pulser", Trusting, suite.check_what_is_not_done, "was acknowledged and not done"),
    ("druck_pace5000", Blind, suite.check_what_is_not_done, r"make_safe\(\): pressure still"),
    ("pressure_pulser", Surprising, suite.check_what_is_refused_is_foreseen, "is not fitted"),
    ("keysight_e36312a", Resetting, suite.check_identify_changes_nothing, "changed the instr"),
    ("keysight_34461a", Believing, suite.check_identity, "another model"),
    ("keysight_34461a", Numb, suite.check_garbled_readings, "gave a value"),
    ("keysight_e36312a", Widening, suite.check_protection, "protection went from"),
    ("keysight_e36312a", OneForAll, suite.check_a_setpoint_moves_its_own_quantity, "moved out"),
    ("druck_pace5000", NeverOff, suite.check_make_safe, "still holds"),
    ("druck_pace5000", NeverOff, suite.check_release, "still holds"),
    ("druck_pace5000", Early, suite.check_protocol, "making the driver sends"),
    ("keysight_e36312a", Leaving, suite.check_take, "take"),
]


@pytest.mark.parametrize(
    ("name", "driver", "check", "text"),
    WRONG,
    ids=[f"{driver.__name__}-{check.__name__}" for _, driver, check, _ in WRONG],
)
def test_a_wrong_driver_is_found(name: str, driver: type[Any], check: Check, text: str) -> None:
    with pytest.raises(Nonconformity, match=text):
        check(case_of(INSTRUMENTS[name], driver=driver))


def _clipped(member: Setpoint, target: Value) -> Value:
    low, high = member.rated
    return min(high, max(low, float(target)))  # type: ignore[arg-type]


def test_a_driver_that_clips_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    go = Setpoint.go

    def clipped(
        member: Setpoint, target: Value, rate: float | None = None, limit: float | None = None
    ) -> Value:
        return go(member, _clipped(member, target), rate, limit)

    monkeypatch.setattr(Setpoint, "go", clipped)
    with pytest.raises(Nonconformity, match=r"temperature took -75\.1"):
        suite.check_rated_ends(CASES["espec_p300"])


def test_all_checks_can_be_had_in_one_call() -> None:
    check_instrument(INSTRUMENTS["keysight_34461a"])
    with pytest.raises(Nonconformity):
        check_instrument(INSTRUMENTS["keysight_34461a"], driver=Believing)
