"""What `check` accepts ends with every result known; what it refuses it names.

Stations, parts, lots and profiles are made up: small, odd, and often wrong.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from sensorbench.assessment.verify import verify
from sensorbench.core.errors import InputError
from sensorbench.core.plugins import plugins
from sensorbench.core.verdict import Verdict
from sensorbench.profiles.measuring import MEASURES as GROUP
from sensorbench.station.workspace import Workspace

from ..workspaces import (
    BUS,
    CHAMBER,
    DUE,
    HEAD,
    PSU,
    QUICK,
    THERMOMETER,
    check,
    data_of,
    events,
    lot,
    run,
    sht4x_sockets,
    write,
)

HYGROMETER = f"""
[instrument.hygrometer]
model = "sht4x"
link = {{ kind = "i2c", bus = "bus0", address = 0x46 }}
certificate = "H-1"
calibration_due = {DUE}
uncertainty = "1 %RH"
"""
maybe = st.booleans()
MEASURES = [*["error", "noise", "hysteresis"] * 2, *sorted(plugins(GROUP))]
of_parameters = st.sampled_from(["error", "error", "error", *sorted(plugins(GROUP))])


def table(name: str, *rows: str) -> str:
    return "\n".join([f"\n[{name}]", *(row for row in rows if row)]) + "\n"


@st.composite
def stations(draw: st.DrawFn) -> str:
    """Return a bench with a chamber; what is believed, set and limited differs."""
    text = BUS + CHAMBER + THERMOMETER + PSU + HYGROMETER
    reference = draw(st.sampled_from([*['"thermometer"'] * 4, '"set"', ""]))
    high = draw(st.sampled_from(["155 degC", "155 degC", "130 degC", "60 degC"]))
    text += table(
        "bench.temperature", 'set = "chamber.temperature"',
        f"reference = {reference}" if reference else "",
        'agree = "3 K"' if draw(maybe) else "", f'high = "{high}"',
        'low = "-60 degC"' if draw(maybe) else "",
        'handle = ["5 degC", "50 degC"]' if draw(maybe) else "",
    )  # fmt: skip
    if draw(maybe):
        believed = draw(st.sampled_from(['"hygrometer"', '"set"', ""]))
        text += table(
            "bench.humidity", 'set = "chamber.humidity"',
            f"reference = {believed}" if believed else "",
        )  # fmt: skip
    if draw(st.sampled_from([True, True, True, False])):
        text += table(
            "bench.supply",
            'set = "psu.out1"',
            f'high = "{draw(st.sampled_from(["3.7 V", "3.7 V", "3.4 V"]))}"',
        )
    else:
        text += table("bench.supply", 'fixed = "3.3 V"')
    return text + sht4x_sockets(draw(st.integers(1, 2)))


@st.composite
def parts(draw: st.DrawFn) -> str:
    text = '[part]\nname = "SHT40"\ndriver = "sht4x"\n'
    text += table(
        "range.temperature",
        'min = "-40 degC"',
        f'max = "{draw(st.sampled_from([60, 85, 125]))} degC"',
    )
    if draw(maybe):
        text += table("range.humidity", 'min = "0 %RH"', 'max = "100 %RH"')
    text += table(
        "range.supply", 'min = "1.08 V"', 'nominal = "3.3 V"', 'max = "3.6 V"',
        'limit = "100 mA"' if draw(maybe) else "",
    )  # fmt: skip
    text += table(
        "condition", 'room = { temperature = "25 degC" }', 'warm = { temperature = "50 degC" }'
    )
    if draw(maybe):
        text += table(
            "accuracy.temperature", f'error = "{draw(st.sampled_from(["1 K", "0.001 K"]))}"'
        )
    if draw(st.sampled_from([True, True, True, False])):
        channel = draw(st.sampled_from(["temperature", "temperature", "temperature", "humidity"]))
        unit = "K" if channel == "temperature" else "%RH"
        text += table(
            "[parameter]", 'name = "p"', f'measure = "{draw(of_parameters)}"',
            f'channel = "{channel}"',
            'set = { humidity = "50 %RH" }' if channel == "humidity" else "",
            f'limits = {{ room = ["-5 {unit}", "5 {unit}"], warm = ["-5 {unit}", "5 {unit}"] }}',
            f'drift = "2 {unit}"' if draw(maybe) else "",
        )  # fmt: skip
    return text


temperatures = st.sampled_from(
    [*["min", "25 degC", "50 %", "45 degC", "55 degC", "max"] * 3, "200 degC"]
)
humidities = st.sampled_from(["30 %RH", "60 %RH", "85 %RH"])
supplies = st.sampled_from([*["3.0 V", "nominal", "max", "3.1 V"] * 3, "off", "9 V"])


@st.composite
def sets(draw: st.DrawFn) -> str:
    found = [f'temperature = "{draw(temperatures)}"']
    if draw(st.sampled_from([True, False, False, False])):
        found.append(f'humidity = "{draw(humidities)}"')
    if draw(maybe):
        found.append(f'supply = "{draw(supplies)}"')
    return "{ " + ", ".join(draw(st.permutations(found))) + " }"


@st.composite
def monitors(draw: st.DrawFn) -> str:
    every = draw(st.sampled_from(["30 min", "1 min", "10 s"]))
    named = draw(st.sampled_from(["", *(f', measures = ["{name}"]' for name in MEASURES)]))
    return draw(st.sampled_from(["", f'monitor = {{ every = "{every}"{named} }}\n']))


@st.composite
def phases(draw: st.DrawFn, name: str) -> str:
    kind = draw(st.sampled_from(["grid", "test", "stress", "cycle", "steps", "record", "response"]))
    head = f'\n[[phase]]\nkind = "{kind}"\nname = "{name}"\n'
    tested = draw(st.sampled_from(["", 'test = { before = ["room"], after = ["room"] }\n',
                                   'test = { after = ["warm"], within = "90 h" }\n']))  # fmt: skip
    named = draw(st.lists(st.sampled_from(MEASURES), max_size=2, unique=True))
    measures = f"measures = [{', '.join(map(repr, named))}]\n" if named else ""
    match kind:
        case "grid":
            values = ", ".join(
                f'"{v}"' for v in draw(st.lists(temperatures, min_size=1, max_size=3))
            )
            path = ', path = "there and back"' if draw(maybe) else ""
            return f"{head}axes = [{{ set = {{ temperature = [{values}] }}{path} }}]\n{measures}"
        case "test":
            condition = draw(st.sampled_from(["room", "warm", "room", "warm", "cold"]))
            return f'{head}conditions = ["{condition}"]\n'
        case "stress":
            return f'{head}set = {draw(sets())}\nhours = "2 h"\n{tested}{draw(monitors())}'
        case "cycle":
            return (
                f'{head}cycles = 2\nsteps = [{{ set = {draw(sets())}, dwell = "5 min" }}, '
                f'{{ set = {draw(sets())}, dwell = "1 min" }}]\n{tested}{draw(monitors())}'
            )
        case "steps":
            values = ", ".join(f'"{v}"' for v in draw(st.lists(supplies, min_size=1, max_size=3)))
            return (
                f'{head}set = {{ supply = [{values}] }}\ndwell = "2 s"\n{tested}{draw(monitors())}'
            )
        case "record":
            every = draw(st.sampled_from(['every = "20 s"\n', 'every = "20 s"\n', ""]))
            duration = draw(st.sampled_from(["5 min", "5 min", "10 s"]))
            return f'{head}duration = "{duration}"\n{every}{measures}'
        case _:
            more = draw(st.sampled_from(["", 'measures = ["rise_time"]\n', measures]))
            duration = draw(st.sampled_from(["60 min", "60 min", "1 min"]))
            return (
                f'{head}set = {{ temperature = ["20 degC", "{draw(temperatures)}"] }}\n'
                f'duration = "{duration}"\nevery = "20 s"\n{more}'
            )


@st.composite
def workspaces(draw: st.DrawFn) -> tuple[str, str, str, str]:
    count = draw(st.integers(1, 3))
    text = "".join(draw(phases(f"p{n}")) for n in range(draw(st.integers(1, 3))))
    units = lot("H1", "sht4x", [f"0F3A11{n:02X}" for n in range(count)])
    return text, draw(stations()), draw(parts()), units


def promised(root: Path, made: tuple[str, str, str, str]) -> str:
    """Check, and run what is accepted; return what became of it."""
    text, station, part, units = made
    there: Workspace = write(root, text, station, {"sht4x": part}, {"H1": units}, HEAD + QUICK)
    try:
        check(there)
    except InputError as error:
        for problem in error.problems:
            assert problem.file, problem
            assert len(problem.text) > 10, problem
        return "refused"
    outcome = run(there)
    unknown = [
        (r.phase, r.measure, r.channel, [(x.code, dict(x.values)) for x in r.reasons])
        for r in outcome.assessment.results
        if r.verdict is Verdict.INVALID
    ]
    assert unknown == []
    there = {(r.phase, r.measure, r.channel) for r in outcome.assessment.results}
    asked = [
        (phase["name"], ask["measure"], ask["channel"])
        for phase in data_of(outcome).schedule.phases
        for ask in phase["asks"]
    ]
    assert [row for row in asked if row not in there] == []
    assert {unit.verdict for unit in outcome.assessment.units} <= {Verdict.PASS, Verdict.FAIL}
    assert events(outcome, "run_ended")[0].data["state"] == "complete"
    assert [str(f) for f in verify(outcome.root).findings] == []
    return "ran"


@pytest.mark.chaos
@pytest.mark.slow
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(made=workspaces())
def test_what_is_accepted_is_known_in_the_end_and_what_is_refused_is_named(
    tmp_path_factory: pytest.TempPathFactory, made: tuple[str, str, str, str]
) -> None:
    for text in made:
        note(text)
    promised(tmp_path_factory.mktemp("promise"), made)
