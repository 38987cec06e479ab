"""The exchanges that PyMeasure's own tests record, played to the twins: a second witness of each.

Source: PyMeasure 0.16, tests/instruments/: keysight/test_keysightE36312A.py, hp/test_hp34401a.py
(the 34461A answers a 34401A's commands), siglenttechnologies/test_siglent_spd1305x.py (the
single-output sister of the SPD3303X), temptronic/test_temptronic_base.py. Those of the 2400 and the
DMM6500 are in the tests of these. A reply is compared as a number where it is one, and without
quotes: recorded replies are somebody's notes and not always to the letter.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.instruments.siglent_spd3303x.twin import SimSiglentSpd3303x
from sensorbench.instruments.temptronic_ats545.twin import SimTemptronicAts545
from sensorbench.links.line import LineTwin
from sensorbench.world.world import World

Make = Callable[[World, str], LineTwin]
Told = str | None
SERIAL = "1000001"

FUNCTIONS = (
    "VOLT", "VOLT:AC", "CURR", "CURR:AC", "RES", "FRES", "FREQ", "PER", "CONT", "DIOD",
)  # fmt: skip
SWITCHES = ("TRIG:DEL:AUTO", "DISP", "SYST:BEEP:STAT", "VOLT:RANG:AUTO")
EXCHANGES: dict[Make, list[tuple[Told, str, str]]] = {
    SimKeysightE36312a: [
        ("VOLT 1.5, (@1)", "VOLT? (@1)", "1.5"),
        ("CURR 0.5, (@3)", "CURR? (@3)", "0.5"),
        (None, "OUTPut? (@1)", "0"),
        ("OUTPut 1, (@1)", "OUTPut? (@1)", "1"),
    ],
    SimKeysight34461a: [
        *((f'FUNC "{name}"', "FUNC?", name) for name in FUNCTIONS),
        *((f"{name}:NPLC 1", f"{name}:NPLC?", "1") for name in ("VOLT", "CURR", "RES", "FRES")),
        ("VOLT:RANG 1", "VOLT:RANG?", "1"),
        ("FREQ:VOLT:RANG 1", "FREQ:VOLT:RANG?", "1"),
        ("FREQ:APER 1", "FREQ:APER?", "1"),
        ("DET:BAND 3", "DET:BAND?", "3"),
        ("INP:IMP:AUTO 1", "INP:IMP:AUTO?", "1"),
        ("ZERO:AUTO ONCE", "ZERO:AUTO?", "0"),
        ("ZERO:AUTO 1", "ZERO:AUTO?", "1"),
        ("SYST:REM", "*OPC?", "1"),
        *((f"{name} {to}", f"{name}?", to) for name in SWITCHES for to in ("1", "0")),
        *((f"TRIG:SOUR {source}", "TRIG:SOUR?", source) for source in ("BUS", "EXT", "IMM")),
        ("TRIG:DEL 1", "TRIG:DEL?", "1"),
        ("SAMP:COUN 1", "SAMP:COUN?", "1"),
        ("TRIG:COUN 1", "TRIG:COUN?", "1"),
        ('DISP:TEXT "HELLO"', "DISP:TEXT?", "HELLO"),
        (None, "ROUT:TERM?", "FRON"),
        (None, "*TST?", "0"),
        ("SYST:BEEP", "*OPC?", "1"),
    ],
    SimSiglentSpd3303x: [
        ("CH1:CURR 0.5", "CH1:CURR?", "0.5"),
        ("CH1:VOLT 0.5", "CH1:VOLT?", "0.5"),
        ("CH1:VOLT 30", "CH1:VOLT?", "30"),
    ],
    SimTemptronicAts545: [("TTIM 7", "TTIM?", "7")],
}
ROWS = [(make, *row) for make, rows in EXCHANGES.items() for row in rows]


def same(found: str, recorded: str) -> bool:
    try:
        return float(found) == float(recorded)
    except ValueError:
        return found.strip('"') == recorded


@pytest.mark.parametrize(
    ("make", "told", "asked", "recorded"),
    ROWS,
    ids=[f"{r[0].__name__}-{r[1] or r[2]}" for r in ROWS],
)
def test_a_twin_answers_as_was_recorded(
    world: World, make: Make, told: Told, asked: str, recorded: str
) -> None:
    twin = make(world, SERIAL)
    if told is not None:
        assert twin.handle(told.encode()) is None
    found = twin.handle(asked.encode())
    assert found is not None
    assert same(found.decode(), recorded)
    assert not world.beyond_of(SERIAL)


@pytest.mark.parametrize("told", ['FUNC "VOLT:RAT"', "VOLT:AC:NPLC 1"])
def test_what_was_recorded_of_a_34401a_and_is_not_modelled_is_refused_and_on_record(
    world: World, told: str
) -> None:
    twin = SimKeysight34461a(world, SERIAL)
    assert twin.handle(told.encode()) is None
    error = twin.handle(b"SYST:ERR?")
    assert error is not None
    assert not error.startswith(b"+0")
    assert world.beyond_of(SERIAL)
