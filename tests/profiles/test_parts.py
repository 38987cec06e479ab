"""part.toml, lot.toml and profile.toml: all that is wrong at once, with key and what is allowed."""

from __future__ import annotations

import pytest

from sensorbench.core.documents import Document, loads
from sensorbench.core.errors import InputError
from sensorbench.parts.model import Lot, Part, slug
from sensorbench.profiles.model import Profile

from .plans import HEAD, PART, part, profile

LOT = '[lot]\nid = "L1"\npart = "sbp1"\n[[unit]]\nserial = "1"\n[[unit]]\nserial = "2"\n'


def refused(text: str, model: type[Document]) -> str:
    with pytest.raises(InputError) as found:
        loads(text, model, "file.toml")
    return str(found.value)


# -- part ------------------------------------------------------------------------------------------


def test_a_part_gives_ranges_by_address_with_every_word() -> None:
    text = PART + '[range.supply.vddio]\nmin = "1.6 V"\nmax = "3.6 V"\n'
    text = text.replace("[range.supply]", "[range.supply.vdd]")
    found = loads(text, Part, "part.toml")
    assert set(found.ranges) == {"temperature", "pressure", "supply.vdd", "supply.vddio"}
    vdd = found.ranges["supply.vdd"]
    assert dict(vdd.words) == {"min": 3.0, "nominal": 3.3, "max": 3.6, "overvoltage": 5.4}
    assert vdd.limit == 0.5


def test_an_axis_has_the_range_of_its_vector() -> None:
    text = PART + '[range.acceleration]\nmin = "-4 g"\nmax = "4 g"\n'
    found = loads(text, Part, "part.toml").range_of("acceleration.x")
    assert found is not None
    assert found.span == pytest.approx((-39.2266, 39.2266))


def test_a_word_may_be_written_with_words_before_it() -> None:
    text = PART.replace('max = "120 kPa"', 'max = "120 kPa"\nproof = "3 FS"\nmiddle = "50 %"')
    words = loads(text, Part, "part.toml").ranges["pressure"].words
    assert words["proof"] == 300e3
    assert words["middle"] == 70e3


def test_settings_that_always_hold_lie_beneath_those_with_a_name() -> None:
    always = 'always = { variant = "MS5607", rate = 1 }\nfast = { rate = 2 }\n'
    text = PART.replace("[settings]\n", f"[settings]\n{always}")
    found = loads(text, Part, "part.toml")
    assert found.settings_of("") == {"variant": "MS5607", "rate": 1}
    assert found.settings_of("fast") == {"variant": "MS5607", "rate": 2}


def test_everything_wrong_with_a_part_is_listed_at_once() -> None:
    text = (
        PART.replace('name = "SBP1"', 'nam = "SBP1"')
        .replace("grade = 1", "grade = 4")
        .replace('drift = "150 Pa"', 'drfit = "150 Pa"')
        .replace('name = "pressure_error"', 'name = "Pressure error"')
    )
    found = refused(text, Part)
    assert found.startswith("5 problems:")
    for said in (
        "file.toml: part.name: is required",
        "file.toml: part.nam: unknown key; did you mean name?",
        "file.toml: part.grade: 4 is not allowed; allowed: 0, 1, 2 or 3",
        "file.toml: parameter[1].drfit: unknown key; did you mean drift?",
        "file.toml: parameter[1].name: 'Pressure error': write small letters",
    ):
        assert said in found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('min = "-40 degC"', 'min = "-40"', "temperature.min: temperature: '-40' has no unit"),
        ('min = "-40 degC"', 'min = "126 degC"', "temperature: min must be below max"),
        ('nominal = "3.3 V"', 'nominal = "3.7 V"',
         "supply.nominal: nominal must lie between min and max"),
        ('limit = "500 mA"', 'limit = "500 mV"', "supply.limit: unit 'mV' is not a current"),
        ('max = "120 kPa"', 'max = "120 kPa"\nlimit = "1 A"',
         "pressure.limit: a pressure has no limit beside it"),
        ("[range.temperature]", "[range.temprature]", "did you mean temperature?"),
        ('cold = { temperature', 'cold = { temprature', "did you mean temperature?"),
        ('set = { pressure', 'set = { presure', "did you mean pressure?"),
        ('limits = { room', 'limits = { rom',
         "parameter[1].limits.rom: [condition] has no rom, but room, cold, hot"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_part_is_named(old: str, new: str, said: str) -> None:
    assert old in PART
    assert said in refused(PART.replace(old, new, 1), Part)


def test_two_parameters_of_one_name_are_refused() -> None:
    parameter = PART[PART.index("[[parameter]]") :]
    assert "parameter[2].name: parameter pressure_error is there twice" in refused(
        PART + parameter, Part
    )


# -- lot -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("批次1", "批次1"),
        ("LOT 1", "LOT-1"),
        ("24/0817", "24-0817"),
        ("../..", "..-.."),
        ("C:\\lots\\1", "C-lots-1"),
        ("L_1.2", "L_1.2"),
        ("///", "lot"),
    ],
)
def test_a_lot_is_called_as_its_customer_calls_it(name: str, folder: str) -> None:
    text = LOT.replace('id = "L1"', f"id = '{name}'")
    assert loads(text, Lot, "lot.toml").lot.id == name
    assert slug(name) == folder


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('serial = "2"', 'serial = "1"', "serial 1 is used by two units"),
        ('serial = "2"', 'serial = " 2"', "a serial number has no spaces at its ends"),
        ('serial = "2"', 'serial = "2\\t3"', "and no control characters"),
        ('id = "L1"', 'id = "L1 "', "a lot's id has no spaces at its ends"),
        ('id = "L1"', 'id = "L\\u200b1"', "no control characters"),
        ('id = "L1"', 'id = ""', "lot.id: must not be empty"),
        ('part = "sbp1"', 'prt = "sbp1"', "lot.prt: unknown key; did you mean part?"),
        ('serial = "1"', 'serial = "1"\nsockt = "A"', "unit[1].sockt: unknown key; did you mean"),
    ],
)
def test_a_mistake_in_a_lot_is_named(old: str, new: str, said: str) -> None:
    assert said in refused(LOT.replace(old, new, 1), Lot)


def test_two_units_in_one_socket_are_refused() -> None:
    text = LOT.replace('serial = "1"', 'serial = "1"\nsocket = "A"')
    text = text.replace('serial = "2"', 'serial = "2"\nsocket = "A"')
    assert "socket A is used by two units" in refused(text, Lot)


# -- profile ---------------------------------------------------------------------------------------


def phases(text: str) -> str:
    """Return why phases are refused, in words."""
    with pytest.raises(InputError) as found:
        profile(text).phases({})
    return str(found.value)


STRESS = (
    '[[phase]]\nkind = "stress"\nname = "bake"\nset = { temperature = "max" }\nhours = "10 h"\n'
)
CYCLE = (
    '[[phase]]\nkind = "cycle"\nname = "TC"\ncycles = 10\n'
    'steps = [{ set = { temperature = "max" }, dwell = "1 min" }]\n'
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (STRESS.replace("stress", "stres"), "phase[1].kind: 'stres' is no kind of phase; allowed:"),
        (STRESS.replace("hours", "hour"), "phase[1].hour: unknown key; did you mean hours?"),
        (STRESS.replace('"10 h"', "10"), "phase[1].hours: write a time with its unit"),
        (STRESS.replace('"10 h"', '"0 h"'), "phase[1].hours: must be above 0, not 0"),
        (
            STRESS.replace("temperature", "temprature"),
            "phase[1].set.temprature: 'temprature' is no quantity",
        ),
        (STRESS + 'readouts = ["5 h", "2 h"]\n', "readouts must rise"),
        (STRESS + 'readouts = ["10 h"]\n', "readouts lie between 0 h and the hours"),
        (
            STRESS + 'start = "sometimes"\n',
            "start: 'sometimes' is not allowed; allowed: 'value', 'pass' or 'always'",
        ),
        (STRESS + STRESS, "two phases are named bake"),
        (STRESS + "soak = { temperature = { witin = '1 K' } }\n", "did you mean within?"),
        (STRESS + "test = { before = ['room'], from = 'start' }\n", "allowed: 'release' or 'cool'"),
        (CYCLE.replace("cycles = 10", "cycles = 0"), "phase[1].cycles: must be at least 1, not 0"),
        (
            CYCLE.replace("dwell", "dwel"),
            "phase[1].steps[1].dwel: unknown key; did you mean dwell?",
        ),
        (CYCLE + "readouts = [10]\n", "readouts lie between 0 and the cycles"),
        (CYCLE + "readouts = [5, 5]\n", "readouts must rise"),
        (
            '[[phase]]\nkind = "grid"\nname = "g"\naxes = [{ set = { temperature = ["min", "max"], '
            'pressure = ["min"] } }]\n',
            "lists of one set go together, pair by pair: give them equal lengths",
        ),
        (
            '[[phase]]\nkind = "grid"\nname = "g"\naxes = [{ set = { temperature = "min" }, '
            'path = "back" }]\n',
            "allowed: 'once' or 'there and back'",
        ),
        (
            '[[phase]]\nkind = "steps"\nname = "s"\nset = { temperature = "max" }\ndwell = "1 s"\n',
            "one list of values, or several of equal length",
        ),
        (
            '[[phase]]\nkind = "response"\nname = "r"\nset = { pressure = "max" }\n'
            'duration = "1 s"\n',
            "write [from, to] for each address",
        ),
        (
            '[[phase]]\nkind = "gate"\nname = "g"\nof = "x"\nrequire = { pass = "90 %", '
            'value = "90 %" }\n',
            "require one of value, pass, calibrated",
        ),
        (
            '[[phase]]\nkind = "gate"\nname = "g"\nof = "x"\nrequire = { pass = "110 %" }\n',
            "phase[1].require.pass: must be at most 1",
        ),
        ('[[phase]]\nkind = "external"\nname = "x"\nattach = []\n', "phase[1].attach"),
        ('[[phase]]\nname = "x"\n', "phase[1].kind: is required; allowed: calibrate"),
    ],
)
def test_a_mistake_in_a_phase_is_named_with_what_is_allowed(text: str, said: str) -> None:
    assert said in phases(text)


def test_mistakes_of_all_phases_are_listed_at_once() -> None:
    found = phases(STRESS.replace("hours", "hour") + CYCLE.replace("dwell", "dwel"))
    assert "phase[1].hours: is required" in found
    assert "phase[2].steps[1].dwell: is required" in found


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (
            HEAD.replace("own/test", "Own Test"),
            "id: 'Own Test': write small letters, digits and _, in parts divided by /",
        ),
        (HEAD.replace("title", "titel"), "titel: unknown key; did you mean title?"),
        (HEAD + "samples = 0\n", "samples: must be at least 1, not 0"),
        (HEAD + 'log = "0 s"\n', "log: must be above 0"),
        (
            HEAD + '[soak]\ntemperature = { for = "-5 s" }\n',
            "soak.temperature.for: must be at least 0",
        ),
    ],
)
def test_a_mistake_in_a_profiles_head_is_named(head: str, said: str) -> None:
    assert said in refused(head + STRESS, Profile)


def test_a_part_that_is_right_is_read() -> None:
    found = part()
    assert found.part.name == "SBP1"
    assert [p.name for p in found.parameter] == ["pressure_error"]
