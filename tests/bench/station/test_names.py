"""Names in station.toml: any script and blanks inside; what can't be said later is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sensorbench.core.documents import loads, validate
from sensorbench.core.errors import InputError
from sensorbench.station.model import StationFile

SIMULATED = {"model": "keysight_e36312a", "link": {"kind": "simulated"}}


def station(**more: Any) -> dict[str, Any]:
    return {"station": {"name": "s"}, "simulation": {}, **more}


def refused(data: dict[str, Any]) -> str:
    with pytest.raises(InputError) as found:
        validate(data, StationFile, "station.toml")
    return str(found.value)


@pytest.mark.parametrize("name", ["my psu", "电源", "psu-1", "µ", "PSU (left)"])
def test_an_instrument_is_called_as_people_call_it(name: str) -> None:
    file = validate(station(instrument={name: SIMULATED}), StationFile, "station.toml")
    assert list(file.instrument) == [name]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("psu.1", "write psu1 or psu_1"), ("", "give it one"), (" ", "give it one"),
        ("psu ", "without blanks at its ends"), ("a\nb", "control characters"),
    ],
)  # fmt: skip
def test_an_instrument_s_name_that_no_binding_could_name_is_refused(name: str, said: str) -> None:
    found = refused(station(instrument={name: SIMULATED}))
    assert repr(name) in found
    assert said in found


@pytest.mark.parametrize("name", ["", "a\nb", " s"])
def test_a_station_is_called_something(name: str) -> None:
    assert "station.name" in refused({"station": {"name": name}})


@pytest.mark.parametrize("fault", [{"at": "2 h", "until": "1 h"}, {"until": "0 s"}])
def test_a_fault_ends_after_it_begins(fault: dict[str, str]) -> None:
    wrong = {"device": "psu", "kind": "silent", **fault}
    found = refused({"station": {"name": "s"}, "simulation": {"fault": [wrong]}})
    assert "simulation.fault[1].until: it ends before it begins" in found


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u200b"])
def test_a_blank_that_is_none_is_named_with_its_line(blank: str) -> None:
    text = f'[station]\nname{blank}= "a\u00a0b"\n'
    with pytest.raises(InputError, match="Line 2 has a hard or full-width blank"):
        loads(text, StationFile, "station.toml")
