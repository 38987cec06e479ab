"""Samwon TEMP2500 and TEMI2500: driver and twin, against the frames of manuals and of clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    ChecksumError,
    InstrumentError,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.instruments.samwon_2500.driver import Samwon2500
from sensorbench.instruments.samwon_2500.twin import SimSamwon2500
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.world.world import World

from .rigs import Rig

SERIAL = "SIM-2500"


class Chamber(Rig):
    """A twin, its driver on a line in process, and what travels there."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.sent: list[str] = []
        self.spoil: Callable[[bytes, bytes | None], bytes | None] = lambda _, reply: reply

    def make(self, twin: dict[str, Any] | None = None, **driver: Any) -> Chamber:
        self.twin = SimSamwon2500(self.world, SERIAL, **(twin or {}))
        self.terminators, self.reply_terminator = (b"\r\n",), b"\r\n"
        line = InProcessLine(self, Samwon2500.LINE, "chamber")
        self.driver: Any = Samwon2500(line, self.clock, **driver)
        return self

    def handle(self, line: bytes) -> bytes | None:
        self.sent.append(line[1:].decode())
        return self.spoil(line, self.twin.handle(line))

    @property
    def written(self) -> list[str]:
        return [line[5:-2] for line in self.sent if line[2:5] in ("WRD", "WSD")]


@pytest.fixture
def chamber(world: World, clock: VirtualClock) -> Chamber:
    return Chamber(world, clock)


@pytest.fixture
def temi(chamber: Chamber) -> Chamber:
    return chamber.make(decimals=1)


@pytest.fixture
def temp(chamber: Chamber) -> Chamber:
    return chamber.make({"series": "TEMP"})


# Each series by its own map, and nothing by a wrong one.


def test_a_temi_has_its_set_point_in_d102(temi: Chamber) -> None:
    assert temi.driver.temperature.go(85.0) == 85.0
    assert temi.written == [",01,0102,0352", ",01,0101,0001"]


def test_a_temp_has_its_set_point_in_d104_and_runs_by_d102(temp: Chamber) -> None:
    assert temp.driver.temperature.go(-40.0) == -40.0
    assert temp.written == [",01,0104,FE70", ",01,0102,0001"]


@pytest.mark.parametrize(
    ("twin", "told"),
    [
        ({"series": "800"}, "older 800 series has other registers"),
        ({"series": "TEMI", "claims": "TEMI-880"}, "'TEMI-880'; of TEMP2500 and TEMI2500 alone"),
        ({"series": "TEMI", "claims": "TEMP-2000"}, "says TEMP-2000, but D102 is 230"),
        ({"series": "TEMP", "claims": "TEMI-2000"}, "says TEMI-2000, but .*no codes of run"),
    ],
)
def test_what_is_not_known_or_not_what_it_says_is_never_written(
    chamber: Chamber, twin: dict[str, Any], told: str
) -> None:
    driver = chamber.make(twin, decimals=1).driver
    for act in (
        driver.identify,
        driver.temperature.read,
        lambda: driver.temperature.go(85.0),
        lambda: driver.humidity.go(50.0),
        driver.make_safe,
    ):
        with pytest.raises(WrongDevice, match=told) as caught:
            act()
        assert "set" in str(caught.value)
    assert chamber.written == []


def test_it_says_who_it_is(temi: Chamber) -> None:
    identity = temi.driver.identify()
    assert (identity.manufacturer, identity.model) == ("Samwon", "TEMI-2000")
    assert identity.firmware == "V00-R00"


def test_a_temi_that_tells_no_decimals_is_not_believed(chamber: Chamber) -> None:
    driver = chamber.make().driver
    assert driver.identify().model == "TEMI-2000"  # the first contact only reads
    for ask in (driver.temperature.read, lambda: driver.temperature.go(85.0)):
        with pytest.raises(ProtocolError, match="write decimals = 1 or decimals = 2"):
            ask()
    assert chamber.written == []


@pytest.mark.parametrize("member", ["temperature", "humidity"])
def test_a_run_that_would_set_what_is_not_known_is_refused_beforehand(
    chamber: Chamber, member: str
) -> None:
    driver = chamber.make().driver
    with pytest.raises(SetpointError, match=r"write decimals = 1 or decimals = 2.*Nothing was set"):
        getattr(driver, member).foresee(50.0)


def test_two_decimals_are_what_is_set_and_read(chamber: Chamber) -> None:
    driver = chamber.make({"series": "TEMP", "decimals": 2}).driver
    driver.temperature.go(85.0)
    assert chamber.written[0] == ",01,0104,2134"
    assert driver.temperature.read() == pytest.approx(23.0, abs=0.5)
    with pytest.raises(ProtocolError, match=r"tells 2 decimals, station\.toml says 1"):
        chamber.make({"series": "TEMP", "decimals": 2}, decimals=1).driver.temperature.go(85.0)


def test_a_controller_that_is_not_in_degc_is_refused(temp: Chamber) -> None:
    temp.twin._unit = 1
    with pytest.raises(ProtocolError, match=r"D1203 is 1: set the controller to degC"):
        temp.driver.temperature.go(85.0)
    assert temp.written == []


# What it does.


@pytest.mark.parametrize("series", ["TEMI", "TEMP"])
def test_it_goes_there_and_stops(chamber: Chamber, series: str) -> None:
    driver = chamber.make({"series": series}, decimals=1).driver
    driver.temperature.go(85.0)
    chamber.clock.sleep(7200.0)
    assert chamber.air() == pytest.approx(85.0, abs=0.5)
    assert driver.temperature.told() == Held(85.0)
    driver.make_safe()
    assert driver.temperature.told() is None
    chamber.clock.sleep(86_400.0)
    assert chamber.air() == pytest.approx(23.0, abs=0.5)


@pytest.mark.parametrize("series", ["TEMI", "TEMP"])
def test_a_ramp_is_the_controllers_slope_from_the_present_temperature(
    chamber: Chamber, series: str
) -> None:
    driver = chamber.make({"series": series}, decimals=1).driver
    driver.temperature.go(60.0)
    chamber.clock.sleep(7200.0)
    driver.temperature.go(20.0, 1.05 / 60)
    assert driver.temperature.told() == Held(20.0)
    chamber.clock.sleep(1200.0)
    assert chamber.air() == pytest.approx(40.0, abs=1.0)  # 1 K/min: never faster than asked
    driver.temperature.go(70.0)
    chamber.clock.sleep(60.0)
    assert chamber.twin.plant.momentary_c() == 70.0


def test_slope_and_set_point_are_written_at_once(temp: Chamber) -> None:
    temp.twin.plant.slope(0.1 / 60, 0.1 / 60)  # of somebody before
    temp.driver.temperature.go(50.0)
    assert temp.written[0] == ",02,0110,0000,0104,01F4"


def test_what_is_there_is_not_written_again(temi: Chamber) -> None:
    temi.driver.temperature.go(85.0)
    acts = temi.twin.wearing_acts
    temi.driver.temperature.go(85.0)
    assert temi.twin.wearing_acts == acts


def test_humidity_is_a_temis_alone(temi: Chamber) -> None:
    temi.driver.humidity.go(60.0)
    assert temi.driver.humidity.told() == Held(60.0)
    temi.driver.humidity.release()
    assert temi.driver.humidity.told() is None
    with pytest.raises(SetpointError, match="a TEMP2500 has no humidity"):
        temi.make({"series": "TEMP"}).driver.humidity.go(60.0)


def test_humidity_of_somebody_before_does_not_start(temi: Chamber) -> None:
    temi.twin.plant.humidify(True, 80.0)
    temi.driver.temperature.go(60.0)
    assert temi.driver.humidity.told() is None


@pytest.mark.parametrize("series", ["TEMI", "TEMP"])
def test_a_program_is_told_and_stopped_before_something_else_is_set(
    chamber: Chamber, series: str
) -> None:
    driver = chamber.make({"series": series}, decimals=1).driver
    chamber.twin.fixed = 0
    chamber.twin.plant.start_program(3)
    assert isinstance(driver.temperature.told(), OfItsOwn)
    driver.temperature.go(40.0)
    assert driver.temperature.told() == Held(40.0)
    assert chamber.twin.fixed == 1


def test_the_controllers_own_range_refuses_before_anything_is_written(temp: Chamber) -> None:
    temp.twin.plant.highest_c = 120.0
    with pytest.raises(SetpointError, match=r"-70 to 120 degC\. Nothing was sent"):
        temp.driver.temperature.go(125.0)
    assert temp.written == []


@pytest.mark.parametrize(
    ("fault", "told"), [("alarm", "alarm 1"), ("sensor_open", "input error 3")]
)
def test_alarms_are_told_and_it_does_not_run_with_one(temi: Chamber, fault: str, told: str) -> None:
    temi.driver.temperature.go(60.0)
    temi.fault(fault)
    assert temi.driver.read_alarms() == (told,)
    assert temi.driver.temperature.told() is None
    with pytest.raises(InstrumentError, match="look for alarms at the panel"):
        temi.driver.temperature.go(40.0)


# The wire.


def test_with_and_without_sum_must_agree(chamber: Chamber) -> None:
    driver = chamber.make({"checksum": False}, decimals=1, checksum=False).driver
    driver.temperature.go(40.0)
    with pytest.raises(ProtocolError, match="take checksum = false out of station"):
        chamber.make({}, checksum=False, decimals=1).driver.identify()
    with pytest.raises(ChecksumError, match="write checksum = false in station"):
        chamber.make({"checksum": False}, decimals=1).driver.identify()


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"\x0202RRD,OK,01F417", "expected 01RRD,OK"),
        (b"\x0201RSD,OK,01F418", "its sum is not"),
        (b"01RRD,OK,01F417", "begins with STX"),
    ],
)
def test_a_foreign_or_damaged_reply_is_an_error(temi: Chamber, reply: bytes, told: str) -> None:
    temi.driver.temperature.read()
    text = reply[1:-2]
    whole = reply if b"\x02" not in reply or told == "its sum is not" else (
        b"\x02" + text + f"{sum(text) & 0xFF:02X}".encode()
    )  # fmt: skip
    temi.spoil = lambda _, __: whole
    with pytest.raises(ProtocolError, match=told):
        temi.driver.temperature.read()


TEMP_FRAMES = [
    (b"01AMI38", b"01AMI,OK,TEMP-2000  V00-R0024"),
    (b"01XXX69", b"01NG0157"),
    (b"01WSD,01,0106,0001BC", b"01WSD,OK15"),
    (b"01WRD,02,0104,01F4,0110,0005B3", b"01WRD,OK14"),
    (b"01WSD,01,0104,00FAE0", b"01WSD,OK15"),
    (b"01WRD,01,0104,FE70EA", b"01WRD,OK14"),
    (b"01WSD,01,0102,0001B8", b"01WSD,OK15"),
    (b"01WRD,01,0102,0004BA", b"01WRD,OK14"),
    (b"01WRD,01,0102,0352C0", b"01NG045A"),  # an 800's set point: here no run code
    (b"01STD,03,0001,0003,0005A8", b"01STD,OK12"),
    (b"01AMI39", b"01NG1158"),
]
TEMI_FRAMES = [
    (b"01AMI38", b"01AMI,OK,TEMI-2000  V00-R001D"),
    (b"01WSD,02,0102,01F4,0320C4", b"01WSD,OK15"),
    (b"01WRD,02,0102,01F4,0106,0005B6", b"01WRD,OK14"),
    (b"01WRD,02,0102,00DC,0103,0226C4", b"01WRD,OK14"),
    (b"01WRD,02,0104,0001,0101,000195", b"01WRD,OK14"),
    (b"01WRD,01,0101,0004B9", b"01WRD,OK14"),
    (b"01STD,04,0001,0002,0005,00069A", b"01STD,OK12"),
]


@pytest.mark.parametrize(("series", "frames"), [("TEMP", TEMP_FRAMES), ("TEMI", TEMI_FRAMES)])
def test_the_twin_answers_as_manuals_and_clients_have_it(
    world: World, series: str, frames: list[tuple[bytes, bytes]]
) -> None:
    twin = SimSamwon2500(world, SERIAL, series=series)
    for sent, reply in frames:
        assert (sent, twin.handle(b"\x02" + sent)) == (sent, b"\x02" + reply)


def test_process_value_and_set_point_stand_where_the_series_has_them(world: World) -> None:
    for series, place in (("TEMP", 2), ("TEMI", 1)):
        twin = SimSamwon2500(world, f"{SERIAL}{series}", series=series)
        reply = (twin.handle(b"\x0201RSD,03,0001C6") or b"").decode()
        values = [int(field, 16) for field in reply[10:-2].split(",")]
        assert values[0] == pytest.approx(230, abs=5)
        assert values[place] == 230


@pytest.mark.parametrize(
    ("option", "told"),
    [({"address": 0}, "has 1 to 99"), ({"decimals": 3}, "allowed: 0, 1, 2")],
)
def test_options_that_can_not_be_are_refused(
    chamber: Chamber, option: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        chamber.make(**option)
