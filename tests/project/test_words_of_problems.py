"""Whatever stands in a file, what is wrong with it is told in our words, without a traceback."""

from __future__ import annotations

import copy
import json
import random
import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core._pydantic_core import list_all_errors

from sensorbench.app.demo import write_demo
from sensorbench.core.catalog import Device
from sensorbench.core.documents import Document, merge_problems, validate
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.plugins import load, plugins
from sensorbench.parts.model import Lot, Part
from sensorbench.profiles.library import load_profile, profile_ids, profile_text
from sensorbench.profiles.model import KINDS, Profile
from sensorbench.station.model import StationFile
from sensorbench.station.preflight import check_station
from sensorbench.station.workspace import Workspace

WRONG: list[Any] = [
    True, 3, -3, 0, 2.5, float("nan"), float("inf"), 10**30, "", "text", "5 parsec", "\u0000", [],
    [1], [[]], ["a", "b"], {}, {"kind": "nothing"}, {"x": 1}, {"a": {"b": {}}}, date(2026, 1, 2),
    datetime(2026, 1, 2, 3, 4, tzinfo=UTC), time(3, 4),
]  # fmt: skip


@cache
def foreign_words() -> re.Pattern[str]:
    """Return what the validator itself would say: how each of its messages begins."""
    begins = {row["message_template_python"].partition("{")[0].strip() for row in list_all_errors()}
    words = {begin for begin in begins if len(begin) > 8}
    words |= {"pydantic", "function-", "valid dictionary", "instance of", "discriminator"}
    return re.compile("|".join(sorted(map(re.escape, words))))


def toml(package: str, *path: str) -> dict[str, Any]:
    return tomllib.loads(files(package).joinpath(*path).read_text(encoding="utf-8"))


LINKS = [
    {"kind": "serial", "port": "COM3", "baud_rate": 9600, "parity": "even", "stop_bits": 2,
     "terminator": "CR", "pause": "50 ms", "flow_control": "none", "data_bits": 7},
    {"kind": "visa", "resource": "TCPIP::192.168.1.20::5025::SOCKET", "library": "@py"},
    {"kind": "tcp", "host": "192.168.1.20", "port": 5025, "timeout": "2 s"},
    {"kind": "i2c", "bus": "bus0", "address": 0x28, "multiplexer": 0x70, "channel": 1},
]  # fmt: skip


ALARM = {
    "command": ["notify", "--urgent"],
    "mail": {"to": "a@x.org", "from": "b@x.org", "host": "x.org", "port": 587, "user": "bench",
             "security": "starttls", "password_env": "WORD"},
    "webhook": [{"url": "https://x.org/", "token_file": "/run/token"}, {"url_env": "HOOK"}],
    "sign_of_life": {"url": "https://x.org/", "every": "5 min"},
}  # fmt: skip


@cache
def documents() -> dict[str, tuple[type[Document], dict[str, Any]]]:
    station = toml("sensorbench.app", "templates", "init_station.toml")
    for number, link in enumerate(LINKS):
        station["instrument"][f"other{number}"] = {"model": "keysight_34461a", "link": link}
    station["simulation"] |= {"ambient": {"pressure": "100 kPa"}}
    station["simulation"]["fault"] = [{"device": "psu", "kind": "silent", "at": "1 h"}]
    station["elsewhere"] = {"lab": {"title": "Lab", "for": ["test"]}}
    station["alarm"] = ALARM
    station["protection"] = {
        "limiter": {
            "guards": ["temperature", "psu"],
            "what": "limiter",
            "tested": date(2026, 10, 1),
            "every": "180 d",
        }
    }
    part = toml("sensorbench.app", "templates", "sbp1.toml")
    lot = toml("sensorbench.app", "templates", "init_lot.toml")
    device = toml("sensorbench.instruments", "espec_p300", "device.toml") | {
        "package": "x", "origin": "sensorbench"
    }  # fmt: skip
    found: dict[str, tuple[type[Document], dict[str, Any]]] = {
        "station": (StationFile, station), "part": (Part, part), "lot": (Lot, lot),
        "device": (Device, device),
    }  # fmt: skip
    for name in profile_ids():
        data = tomllib.loads(profile_text(name)[1])
        found[name] = (Profile, data)
        profile = Profile.model_validate(data)
        for options in profile.all_options():
            for phase in profile.written(options):
                if phase["kind"] in plugins(KINDS):
                    model = load(KINDS, phase["kind"]).Phase
                    found.setdefault(f"phase {phase['kind']}", (model, phase))
    return found


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    rows: Any = ()
    if isinstance(node, dict | list):
        rows = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in rows:
        yield from places(value, (*path, key))


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    data = copy.deepcopy(data)
    node = data
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return data


def listed(model: type[Document], data: Any) -> list[tuple[str, str]]:
    """Return key and text of all problems of a document, at whatever level."""

    def of_phases(profile: Profile) -> list[Problem]:
        return merge_problems([partial(profile.phases, o) for o in profile.all_options()])

    deeper: Any = {StationFile: check_station, Profile: of_phases}.get(model)
    try:
        found = deeper(validate(data, model, "file.toml", deeper)) if deeper else ()
        if not deeper:
            validate(data, model, "file.toml")
    except InputError as error:
        found = error.problems
    return [(problem.key, problem.text) for problem in found]


def told(model: type[Document], data: Any) -> str:
    try:
        found = validate(data, model, "file.toml")
    except InputError as error:
        return str(error)
    if isinstance(found, Profile):
        return _phases(found)
    if isinstance(found, StationFile):
        return "\n".join(map(str, check_station(found)))
    return ""


def _phases(profile: Profile) -> str:
    try:
        for options in profile.all_options():
            profile.phases(options)
    except InputError as error:
        return str(error)
    return ""


# Every model and kind of phase once; the profiles differ in no model.
MODELS = [name for name in documents() if "/" not in name or name == "aec_q100/b1_htol"]


@pytest.mark.parametrize("name", MODELS)
def test_a_wrong_type_anywhere_is_told_in_our_words(name: str) -> None:
    model, data = documents()[name]
    told_of = 0
    for path in places(data):
        for value in WRONG:
            text = told(model, changed(data, path, value))
            assert not foreign_words().search(text), (path, value, text)
            told_of += bool(text)
    assert told_of


KEYS = st.sampled_from(["kind", "link", "set", "for", "x", "low", "high", "min", "pressure.hp", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(WRONG),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_anything_anywhere_is_told_in_our_words(data: st.DataObject) -> None:
    model, written = documents()[data.draw(st.sampled_from(sorted(documents())))]
    path = data.draw(st.sampled_from(list(places(written))))
    text = told(model, changed(written, path, data.draw(VALUES)))
    assert not foreign_words().search(text), text


def mistake(data: Any, dice: random.Random) -> tuple[tuple[Any, ...], Callable[[Any], Any]]:
    """Return where a mistake is made and what makes it: a wrong value, no key, a key too many."""
    path = dice.choice([path for path in places(data) if path])
    how = dice.random()
    if how < 0.6:
        value = dice.choice(WRONG)
        return path, lambda document: changed(document, path, value)

    def other_key(document: Any) -> Any:
        document = copy.deepcopy(document)
        node = document
        for key in path[:-1]:
            node = node[key]
        if how < 0.8 and isinstance(node, dict):
            del node[path[-1]]
        elif isinstance(node[path[-1]], dict):
            node[path[-1]]["surplus"] = 1
        return document

    return path, other_key


# What can't be said of both: a phase is read by its kind, a value by the choice that gives it.
DECIDES = {"kind", "choice", "id", "model"}


@pytest.mark.parametrize("name", MODELS)
def test_two_mistakes_anywhere_are_told_at_once(name: str) -> None:
    """Two of any nature in one table, in tables of tables, in lists: each as it is told alone."""
    model, data = documents()[name]
    dice = random.Random(name)
    before = {key for key, _ in listed(model, data)}
    pairs = 0
    for _ in range(250):
        (here, one), (there, other) = mistake(data, dice), mistake(data, dice)
        apart = here[: len(there)] != there and there[: len(here)] != here
        if not apart or DECIDES & {*here, *there}:
            continue
        first, second = listed(model, one(data)), listed(model, other(data))
        if first == second:
            continue  # one rule of both, which they may keep together
        both = {key for key, _ in listed(model, other(one(data)))}
        alone = {key for key, _ in first} | {key for key, _ in second}
        # A form that is wrong is all there is to be said of what stands in it.
        heads = {key for key in both - before if key}
        lost = {
            key
            for key in alone - before - both
            if not any(key.startswith(head) or head.startswith(f"{key}.") for head in heads)
            and not key.startswith("socket ")  # named by what the other mistake is in
        }
        assert not lost, (here, there, first, second, both)
        pairs += bool(first) and bool(second)
    assert pairs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[range.temperature]\nmin = "-40"\nmax = 125\nlimit = "1 A"\nroom = "23 degC"\n'
            '[range.presure]\nmin = "20 kPa"\n[range.supply]\nmin = "3 V"\nmax = "2 V"\n'
            'limit = "500 mV"\nrelative_to = 3\n',
            ["range.temperature.min", "range.temperature.max", "range.temperature.limit",
             "range.presure", "range.supply", "range.supply.limit", "range.supply.relative_to"],
        ),
        (
            '[range.pressure.hp]\nmin = "20 K"\nproof = "3 FS"\n[range.pressure.lp]\nmax = 3\n',
            ["range.pressure.hp.min", "range.pressure.lp.max"],
        ),
        (
            "[condition]\nroom = { temprature = '23 degC', presure = '1 kPa' }\ncold = 3\n"
            "hot = { supplly = '3 V' }\n",
            ["condition.room.temprature", "condition.room.presure", "condition.cold",
             "condition.hot.supplly"],
        ),
        (
            '[[parameter]]\nname = "a"\nmeasure = "error"\nset = { presure = "1 Pa", x = "1" }\n'
            'limits = { rom = "1 Pa", cold = "1 Pa" }\n[[parameter]]\nname = "a"\nmesure = "x"\n',
            ["parameter[1].set.presure", "parameter[1].set.x", "parameter[1].limits.rom",
             "parameter[1].limits.cold", "parameter[2].name", "parameter[2].measure",
             "parameter[2].mesure"],
        ),
    ],
)  # fmt: skip
def test_every_mistake_of_a_parts_tables_is_told_at_once(text: str, said: list[str]) -> None:
    data = tomllib.loads(f'[part]\nname = "P"\ndriver = "sbp1"\n{text}')
    assert sorted(key for key, _ in listed(Part, data)) == sorted(said)


def test_every_mistake_of_a_stations_tables_is_told_at_once() -> None:
    data = copy.deepcopy(documents()["station"][1])
    bench, sockets = data["bench"], data["socket"]
    bench["temprature"] = {"set": "chamber.temperature"}
    bench["temperature"] |= {"fixed": "23 degC", "period": 5, "high": "130 V", "lo": "1 K"}
    bench["humidity"] = {"agree": "1 %"}
    sockets[0] |= {"zone": "left", "daq": {"metre": "x"}}
    sockets[1] = {"link": sockets[1]["link"], "zone": "right"}
    found = {key for key, _ in listed(StationFile, data)}
    assert found >= {
        "bench.temprature", "bench.temperature.fixed", "bench.temperature.period",
        "bench.temperature.high", "bench.temperature.lo", "bench.humidity", "socket[1].daq",
        "socket[1].zone", "socket[2].id", "socket[2].zone",
    }  # fmt: skip


def test_every_mistake_of_a_phases_tables_is_told_at_once() -> None:
    text = """
    id = "own/x"
    title = "X"
    source = "own"
    soak = { temprature = { for = "1 min" }, presure = {} }
    [[phase]]
    kind = "stress"
    name = "bake"
    set = [{ temprature = "max", supplly = "max" }, 3]
    hours = "10 h"
    readouts = ["5 h", "2 h"]
    longest = "1 h"
    rate = { temprature = "1 K/min" }
    null = ["supplyy"]
    monitor = { every = 5, mesures = [] }
    [[phase]]
    kind = "response"
    name = "bake"
    set = { pressure = "max", supply = ["min"], x = 1 }
    duration = "$speed.time"
    every = "$speed.every"
    [[phase]]
    kind = "nothing"
    name = ""
    measures = 3
    """
    found = [key for key, _ in listed(Profile, tomllib.loads(text))]
    assert set(found) >= {
        "soak.temprature", "soak.presure", "phase[1].set[1].temprature", "phase[1].set[1].supplly",
        "phase[1].set[2]", "phase[1].readouts", "phase[1].longest", "phase[1].rate.temprature",
        "phase[1].null[1]", "phase[1].monitor.every", "phase[1].monitor.mesures",
        "phase[2].name", "phase[2].set.pressure", "phase[2].set.supply", "phase[2].set.x",
        "phase[2].duration", "phase[2].every", "phase[3].kind", "phase[3].name",
        "phase[3].measures",
    }  # fmt: skip


def test_what_a_csv_table_lacks_hides_nothing_of_the_rest(tmp_path: Path) -> None:
    write_demo(tmp_path, 1, date(2026, 6, 1))
    (tmp_path / "lots" / "units.csv").write_text("serial,socket\n1\n2,A,B\n,A\n")
    (tmp_path / "lots" / "L.toml").write_text('unit = "units.csv"\n[lot]\nid = ""\nprat = "sbp1"\n')
    with pytest.raises(InputError) as found:
        Workspace(tmp_path).load_lot("L")
    assert sorted((p.file, p.key) for p in found.value.problems) == [
        ("lots/L.toml", "lot.id"), ("lots/L.toml", "lot.part"), ("lots/L.toml", "lot.prat"),
        ("lots/units.csv", "line 2"), ("lots/units.csv", "line 3"),
        ("lots/units.csv", "line 4: serial"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("station", "name"), 3, "station.name: write a text in quotes, not 3"),
        (("socket",), {}, "socket: write a list in brackets, not a table"),
        (("instrument", "psu"), "psu", "instrument.psu: write a table, not 'psu'"),
        (("instrument", "psu", "link"), "COM3", "link: write a table, not 'COM3'"),
        (("instrument", "psu", "link"), {}, "instrument.psu.link: kind is required"),
        (("instrument", "pace", "uncertainty"), 8, "write a text in quotes or a table"),
        (("instrument", "pace", "calibration_due"), "soon", "write a date, such as 2026-03-31"),
        (("simulation", "seed"), 1.5, "simulation.seed: write a whole number, not 1.5"),
        (("bench", "supply", "delay"), 5, 'write a time with its unit, for example "5 s"'),
        (("socket", 0, "link", "address"), 0x80, "socket[1].link.address: must be at most 119"),
        (("instrument", "psu", "link"), {"kind": "tcp", "hots": "a"},
         "instrument.psu.link.hots: unknown key; did you mean host? Allowed: host, kind, pause"),
    ],
)  # fmt: skip
def test_what_is_wrong_names_the_key_as_it_is_written_and_what_to_write(
    path: tuple[Any, ...], value: Any, said: str
) -> None:
    model, data = documents()["station"]
    assert said in told(model, changed(data, path, value))


def test_a_demonstration_has_nothing_to_be_told(tmp_path: Path) -> None:
    write_demo(tmp_path, 1, date(2026, 6, 1))
    text = json.dumps(tomllib.loads((tmp_path / "station.toml").read_text()), default=str)
    assert told(StationFile, json.loads(text)) == ""


def test_mistakes_of_every_level_are_told_at_once(tmp_path: Path) -> None:
    """A key, a type, a rule between keys, a model that is not known, an address that is none."""
    write_demo(tmp_path, 1, date(2026, 6, 1))
    path = tmp_path / "station.toml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("[simulation]", "[simulation]\nsede = 2")
    text = text.replace('model = "keysight_e36312a"', 'model = "keysight_e36312"')
    text = text.replace('model = "espec_p300"', 'model = "espec_p300"\ncolour = "red"')
    text = text.replace('high = "130 degC"', 'high = "130 V"').replace(
        'high = "3.7 V"', "high = 3.7"
    )
    text = text.replace('id = "S001"', 'id = "S001", zone = "left"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as found:
        Workspace(tmp_path).load_station()
    told = [str(problem) for problem in found.value.problems]
    for said in (
        "simulation.sede: unknown key",
        "zone 'left'; there are: none",
        "'keysight_e36312' is not known",
        "colour: unknown key of a espec_p300",
        "bench.temperature.high: temperature: unit 'V' is not a temperature",
        "bench.supply",
    ):
        assert [text for text in told if said in text], (said, told)


def test_what_was_left_out_brings_no_problem_of_its_own(tmp_path: Path) -> None:
    write_demo(tmp_path, 1, date(2026, 6, 1))
    path = tmp_path / "station.toml"
    text = path.read_text(encoding="utf-8")
    bus = text.index("[bus.bus0]")
    path.write_text(text[:bus] + text[bus:].replace('kind = "simulated"', 'kind = "x"', 1))
    with pytest.raises(InputError) as found:
        Workspace(tmp_path).load_station()
    assert [problem.key for problem in found.value.problems] == ["bus.bus0.kind"]


def test_a_profile_tells_its_head_and_its_phases_at_once(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'id = "Own"\ntitle = "Own"\nsource = "own"\n[[phase]]\nkind = "stress"\nname = "bake"\n'
        'set = { temperature = "max" }\nhour = "10 h"\n'
    )
    with pytest.raises(InputError) as found:
        load_profile("own.toml", tmp_path)
    keys = [problem.key for problem in found.value.problems]
    assert keys == ["id", "phase[1].hours", "phase[1].hour"]
