"""Weiss and Vötsch chambers: driver and twin in both protocols, as clients use the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    InstrumentError,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.instruments.weiss_votsch.driver import WeissVotsch
from sensorbench.instruments.weiss_votsch.twin import SimWeissVotsch
from sensorbench.instruments.weiss_votsch.wire import Layout
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.testing.cases import case_of
from sensorbench.testing.instruments import INSTRUMENT_CHECKS, check_alarms
from sensorbench.testing.lost_checks import check_what_is_not_done
from sensorbench.world.world import World

from .rigs import Rig

SERIAL = "SIM-59212"
BOTH = ["simserv", "ascii-2"]
OTHER = {
    "e_string": "CV01 CV02 SV01 SV02 SV03 " + " ".join(f"DO{k:02d}" for k in range(26)),
    "i_string": "CV01 CV01 CV02 CV02 SV01 SV02 SV03 MV01 MV02 MV03 MV04",
}
"""The strings of a climate chamber of 2020, as its own help text shows them."""


class Chamber(Rig):
    """A twin, its driver on a line in process, and what travels there."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.sent: list[str] = []
        self.drop: Callable[[bytes], bool] = lambda _: False

    def make(self, twin: dict[str, Any] | None = None, **driver: Any) -> Chamber:
        self.twin = SimWeissVotsch(self.world, SERIAL, **(twin or {}))
        self.terminators, self.reply_terminator = (b"\r",), b"\r\n"
        line = InProcessLine(self, WeissVotsch.LINE, "chamber")
        self.driver: Any = WeissVotsch(line, self.clock, **({"humidity_output": 2} | driver))
        return self

    def handle(self, line: bytes) -> bytes | None:
        self.sent.append(line.decode("latin-1").replace("\xb6", "|"))
        if self.drop(line):
            return b"0" if line.startswith(b"$") else b"1"
        return self.twin.handle(line)

    @property
    def set(self) -> list[str]:
        """What was sent and sets something."""
        wanted = ("11001", "11068", "11072", "14001", "19015", "$01E", "$01U")
        return [line for line in self.sent if line.startswith(wanted)]


@pytest.fixture
def chamber(world: World, clock: VirtualClock) -> Chamber:
    return Chamber(world, clock)


NOT_TOLD = (check_alarms, check_what_is_not_done)
ASCII2_CHECKS = [check for check in INSTRUMENT_CHECKS if check not in NOT_TOLD]


@pytest.mark.parametrize("check", ASCII2_CHECKS, ids=lambda check: check.__name__)
def test_ascii_2_keeps_what_every_instrument_does(check: Callable[[Any], None]) -> None:
    """All but alarms and slopes, which it does not tell."""
    options = {"protocol": "ascii-2", "humidity_output": 2}
    check(case_of(devices()["weiss_votsch"], driver_options=options))


# What it is told and tells.


@pytest.mark.parametrize("protocol", BOTH)
def test_it_goes_where_it_is_told_and_says_so(chamber: Chamber, protocol: str) -> None:
    driver = chamber.make(protocol=protocol).driver
    assert driver.temperature.go(84.96) == 85.0
    chamber.clock.sleep(7200.0)
    assert chamber.air() == pytest.approx(85.0, abs=0.5)
    driver.humidity.go(60.0)
    chamber.clock.sleep(7200.0)
    assert chamber.air("humidity") == pytest.approx(60.0, abs=3.0)
    assert (driver.temperature.told(), driver.humidity.told()) == (Held(85.0), Held(60.0))
    driver.make_safe()
    assert (driver.temperature.told(), driver.humidity.told()) == (None, None)


def test_by_simserv_it_starts_last(chamber: Chamber) -> None:
    chamber.make().driver.temperature.go(-40.0)
    assert chamber.set == [
        "11068|1|1|0.0", "11072|1|1|0.0", "11001|1|1|-40.0", "14001|1|2|0", "14001|1|1|1",
    ]  # fmt: skip


def test_by_ascii_2_one_string_keeps_what_is_not_meant(chamber: Chamber) -> None:
    driver = chamber.make(protocol="ascii-2").driver
    chamber.twin.fan = 75.0
    chamber.twin.outputs[7] = chamber.twin.outputs[11] = True  # condensation protection, dryer
    driver.temperature.go(-40.0)
    assert chamber.set == [
        "$01U 0000.0 0000.0 0000.0 0000.0",
        "$01E -040.0 0050.0 0075.0 0000.0 0000.0 0000.0 0000.0 01000001000100000000000000000000",
    ]
    driver.humidity.go(30.0)
    assert chamber.set[-1].endswith(" 01100001000100000000000000000000")  # it goes on running
    assert driver.temperature.told() == Held(-40.0)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("shows_target", [False, True])
def test_a_ramp_begins_where_the_air_is_and_is_told_by_its_end(
    chamber: Chamber, protocol: str, shows_target: bool
) -> None:
    driver = chamber.make({"shows_target": shows_target}, protocol=protocol).driver
    driver.temperature.go(60.0)
    chamber.clock.sleep(7200.0)
    driver.temperature.go(20.0, 1.0 / 60)
    for minutes in range(0, 40, 5):
        assert driver.temperature.told() == Held(20.0)
        assert chamber.air() == pytest.approx(60.0 - minutes, abs=1.0)
        chamber.clock.sleep(300.0)
    driver.temperature.go(80.0)  # and without a rate there is none
    chamber.clock.sleep(60.0)
    assert chamber.twin.plant.momentary_c() == 80.0


@pytest.mark.parametrize("protocol", BOTH)
def test_humidity_that_is_set_on_a_ramp_does_not_end_it(chamber: Chamber, protocol: str) -> None:
    driver = chamber.make(protocol=protocol).driver
    driver.temperature.go(60.0, 1.0 / 60)
    chamber.clock.sleep(600.0)
    driver.humidity.go(40.0)
    chamber.clock.sleep(600.0)
    driver.humidity.release()
    assert driver.temperature.told() == Held(60.0)
    chamber.clock.sleep(7200.0)
    assert chamber.air() == pytest.approx(60.0, abs=0.5)


@pytest.mark.parametrize("protocol", BOTH)
def test_a_set_point_that_is_changed_on_a_ramp_is_noticed(chamber: Chamber, protocol: str) -> None:
    driver = chamber.make(protocol=protocol).driver
    driver.temperature.go(80.0, 2.0 / 60)
    chamber.clock.sleep(300.0)
    chamber.twin.plant.slope(0.0, 0.0)
    chamber.twin.plant.aim(25.0)
    assert driver.temperature.told() == Held(25.0)


@pytest.mark.parametrize("protocol", BOTH)
def test_slopes_and_humidity_of_somebody_before_are_taken_away(
    chamber: Chamber, protocol: str
) -> None:
    driver = chamber.make(protocol=protocol).driver
    chamber.twin.plant.slope(0.1 / 60, 0.1 / 60)
    chamber.twin.outputs[2] = chamber.twin.plant.is_humid = True
    driver.temperature.go(60.0)
    chamber.clock.sleep(3600.0)
    assert chamber.air() == pytest.approx(60.0, abs=0.5)
    assert driver.humidity.told() is None


def test_a_rate_is_never_faster_than_asked(chamber: Chamber) -> None:
    driver = chamber.make().driver
    driver.temperature.go(60.0, 1.29 / 60)
    assert "11068|1|1|1.2" in chamber.sent
    sent = list(chamber.sent)
    with pytest.raises(SetpointError, match=r"slowest slope is 0\.1 K/min"):
        driver.temperature.go(60.0, 0.05 / 60)
    assert [line for line in chamber.sent[len(sent) :] if line in chamber.set] == []


def test_a_program_is_told_and_ended_before_something_else_is_set(chamber: Chamber) -> None:
    driver = chamber.make().driver
    chamber.fault("program_started")
    assert isinstance(driver.temperature.told(), OfItsOwn)
    driver.temperature.go(40.0)
    assert chamber.set[0] == "19015|1"
    assert driver.temperature.told() == Held(40.0)


# What is refused.


def test_the_chambers_own_limits_refuse_before_anything_is_set(chamber: Chamber) -> None:
    driver = chamber.make().driver
    chamber.twin.plant.highest_c = 120.0
    with pytest.raises(SetpointError, match=r"-70 to 120\. Nothing was sent"):
        driver.temperature.go(125.0)
    assert chamber.set == []


@pytest.mark.parametrize("protocol", BOTH)
def test_what_it_accepts_and_does_not_do_is_an_error(chamber: Chamber, protocol: str) -> None:
    driver = chamber.make(protocol=protocol).driver
    chamber.drop = lambda line: line.startswith((b"14001", b"$01E"))
    with pytest.raises(InstrumentError, match="look for alarms, and whether its panel"):
        driver.temperature.go(60.0)


def test_alarms_are_its_own_words_and_it_does_not_start_with_one(chamber: Chamber) -> None:
    driver = chamber.make().driver
    driver.temperature.go(60.0)
    chamber.fault("alarm")
    assert driver.read_alarms() == ("temperature limiter",)
    assert driver.temperature.told() is None
    with pytest.raises(InstrumentError, match="look for alarms"):
        driver.temperature.go(60.0)


@pytest.mark.parametrize("protocol", BOTH)
def test_an_open_sensor_is_no_reading(chamber: Chamber, protocol: str) -> None:
    driver = chamber.make(protocol=protocol).driver
    chamber.fault("sensor_open")
    with pytest.raises(BenchError):
        driver.temperature.read()


@pytest.mark.parametrize(("output", "called"), [(7, "Cond.protect"), (20, "Not installed")])
def test_an_output_that_is_not_called_humidity_is_not_switched(
    chamber: Chamber, output: int, called: str
) -> None:
    driver = chamber.make(humidity_output=output).driver
    with pytest.raises(SetpointError, match=f"output {output} '{called}', not humidity"):
        driver.humidity.go(50.0)
    assert chamber.set == []


def test_humidity_that_nobody_declared_is_not_set(chamber: Chamber) -> None:
    driver = chamber.make(humidity_output=None).driver
    with pytest.raises(SetpointError, match=r"write humidity_output in station\.toml"):
        driver.humidity.go(50.0)
    assert chamber.sent == []


def test_a_temperature_chamber_has_no_second_variable(chamber: Chamber) -> None:
    driver = chamber.make({"humidity": False}).driver
    with pytest.raises(WrongDevice, match="1 control variables: no humidity is fitted"):
        driver.humidity.go(50.0)


def test_another_layout_of_strings_is_refused_until_it_is_declared(chamber: Chamber) -> None:
    driver = chamber.make(OTHER, protocol="ascii-2").driver
    for ask in (driver.identify, driver.temperature.read, lambda: driver.temperature.go(60.0)):
        with pytest.raises(ProtocolError, match=r"11 values, expected 14: send \$01\? to"):
            ask()
    assert [line for line in chamber.set if line.startswith("$01E")] == []
    driver = chamber.make(OTHER, protocol="ascii-2", **OTHER).driver
    driver.temperature.go(60.0)
    assert chamber.set[-1] == ("$01E 0060.0 0050.0 0090.0 0000.0 0000.0 01000000000000000000000000")


def test_simserv_is_not_taken_for_ascii_2(chamber: Chamber) -> None:
    driver = chamber.make().driver
    chamber.fault("identity")
    with pytest.raises(WrongDevice, match="'\xb0F', expected degC"):
        driver.identify()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"protocol": "modbus"}, "allowed: simserv, ascii-2"),
        ({"humidity_output": 1}, "2 to 31"),
        ({"address": 0}, "1 to 99"),
        ({"e_string": "CV02"}, r"copy both from what the chamber answers to \$01\?"),
        ({"i_string": "CV02 CV02 CV01 CV01 SV01 MV01 MV02 MV03 MV04"}, "begin with CV01 CV01"),
    ],
)
def test_options_that_can_not_be_are_refused(
    chamber: Chamber, option: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        chamber.make(**option)


@given(reply=st.text("0123456789.- NaEinf", max_size=60))
def test_no_damaged_string_becomes_a_value(reply: str) -> None:
    layout = Layout.of("CV01", "CV01 CV01")
    try:
        state = layout.read(reply)
    except ProtocolError:
        return
    values, bits = reply.split()[:2], reply.split()[2]
    assert [state.nominal["CV01"], state.actual["CV01"]] == list(map(float, values))
    assert state.bits == bits


# The wire, as those clients speak on it.

SIMSERV = [
    (b"99997\xb61\xb61", b"1\xb6VC3 7060"),
    (b"99997\xb61\xb62", b"1\xb62019"),
    (b"99997\xb61\xb63", b"1\xb6SIM-59212"),
    (b"10012\xb61\xb61", b"1\xb61"),
    (b"11018\xb61", b"1\xb62"),
    (b"11002\xb61\xb61", b"1\xb623.0"),
    (b"11007\xb61\xb61", b"1\xb6-70.0"),
    (b"11009\xb61\xb61", b"1\xb6180.0"),
    (b"11001\xb61\xb61\xb6-15.5", b"1"),
    (b"11068\xb61\xb61\xb62", b"1"),
    (b"11072\xb61\xb61\xb62", b"1"),
    (b"11066\xb61\xb61", b"1\xb62.0"),
    (b"14001\xb61\xb68\xb60", b"1"),
    (b"14001\xb61\xb61\xb61", b"1"),
    (b"14003\xb61\xb61", b"1\xb61"),
    (b"10012\xb61", b"1\xb63"),
    (b"19210\xb61", b"1\xb60"),
    (b"19204\xb61", b"1\xb60"),
    (b"14010\xb61\xb61", b"1\xb6Humidity"),
    (b"17002\xb61", b"1\xb60"),
    (b"14001\xb61\xb61\xb60", b"1"),
    (b"11001\xb61\xb61\xb6190", b"-6"),
    (b"11001\xb61\xb61\xb6abc", b"-6"),
    (b"11001\xb61\xb63\xb620", b"-6"),
    (b"11004\xb61", b"-6"),
    (b"11004\xc2\xb61\xc2\xb61", b"-5"),  # the separator in UTF-8 is none
    (b"12345\xb61", b"-5"),
]
ASCII2 = [
    (b"$01E 0050.0 0080.0 0090.0 0000.0 0000.0 0000.0 0000.0 " + b"01" * 16, b"0"),
    (b"$01U 0005.0 0000.0 0000.0 0000.0", b"0"),
    (b"$01U 0005.0 0005.0 0000.0 0000.0", b"1"),
    (b"$01E 0050.0 0080.0", b"1"),
    (b"$02I", None),
]


@pytest.mark.parametrize("exchanges", [SIMSERV, ASCII2], ids=BOTH)
def test_the_twin_answers_as_the_clients_expect(
    world: World, exchanges: list[tuple[bytes, bytes | None]]
) -> None:
    twin = SimWeissVotsch(world, SERIAL)
    for sent, reply in exchanges:
        assert (sent, twin.handle(sent)) == (sent, reply)


def test_an_i_string_has_the_nominal_value_before_the_actual_one(world: World) -> None:
    twin = SimWeissVotsch(world, SERIAL)
    twin.handle(ASCII2[0][0])
    fields = (twin.handle(b"$01I\r") or b"").decode().split()
    assert (fields[0], fields[2], fields[4]) == ("0050.0", "0080.0", "0090.0")
    assert float(fields[1]) == pytest.approx(23.0, abs=0.5)
    assert fields[14] == "01" * 16
    assert b"ASCII-2 PROTOCOL CONFIGURATION" in (twin.handle(b"$01?") or b"")
