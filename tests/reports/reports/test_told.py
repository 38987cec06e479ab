"""What stands in a report is said in its language, with its unit, and once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sensorbench.assessment.results import Reason, Result
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.check import NO_SEAL, Finding, Level
from sensorbench.profiles.schedule import Point, Read
from sensorbench.reports.asked import _setting, _settings
from sensorbench.reports.findings import finding_text
from sensorbench.reports.items import items_of
from sensorbench.reports.looks import fact_sentence
from sensorbench.reports.names import Names
from sensorbench.reports.places import uncertainty
from sensorbench.reports.reasons import reason_text, told_value
from sensorbench.reports.spread import _rows
from sensorbench.reports.words import Words

EN, ZH = (Names(Words(language), None) for language in ("en", "zh"))


@pytest.mark.parametrize(
    ("where", "english", "chinese"),
    [
        ("pressure.front", "pressure front", "正面压力"),
        ("pressure.ambient", "pressure ambient", "环境压力"),
        ("differential_pressure.hp", "differential pressure high side", "高压端差压"),
        ("supply.vddio", "supply voltage vddio", "供电电压 vddio"),
        ("acceleration.x", "acceleration x", "加速度 x"),
    ],
)
def test_ports_have_words_and_axes_keep_their_letters(
    where: str, english: str, chinese: str
) -> None:
    assert (EN.address(where), ZH.address(where)) == (english, chinese)


def test_words_for_values_are_in_the_reports_language() -> None:
    assert EN.value("orientation", [0.0, 0.0, -1.0]) == "-z up"
    assert ZH.value("orientation", [0.0, 0.0, -1.0]) == "-z 向上"


@pytest.mark.parametrize(
    ("set_", "told"),
    [
        ({"pressure": [30000.0, 110000.0]}, "pressure: 30, 110 kPa"),
        ({"temperature": 85.0}, "temperature: 85 °C"),
        ({"magnetic_field": [0.0, 50.0, 0.0]}, "magnetic field: (0, 50, 0) µT"),
        (
            {"magnetic_field": [[0.0, 0.0, 0.0], [50.0, 0.0, 0.0]]},
            "magnetic field: (0, 0, 0) µT, (50, 0, 0) µT",
        ),
        (
            {"supply": {"low": 0.0, "high": 3.6, "period_s": 2.0}},
            "supply voltage: between 0 V and 3.6 V, period 2 s",
        ),
    ],
)
def test_what_is_set_at_addresses_has_its_units(set_: dict[str, Any], told: str) -> None:
    assert told_value(EN, "step", set_, {}) == told


@pytest.mark.parametrize(
    ("where", "offset", "told"),
    [
        ("pressure", -12.5, "pressure, offset -12.5 Pa"),
        ("temperature", 0.25, "temperature, offset 0.25 K"),
        ("magnetic_field", [0.0, 1.5, 0.0], "magnetic field, offset (0, 1.5, 0) µT"),
    ],
)
def test_an_offset_that_was_brought_to_zero_has_its_unit(
    where: str, offset: float | list[float], told: str
) -> None:
    assert fact_sentence("null", {"address": where, "offset": offset}, EN) == told


def test_no_blank_is_left_between_chinese_words() -> None:
    gate = Reason("stopped_by_gate", {"gate": "g", "share": 0.5, "required": 0})
    assert "需要至少一只" in reason_text(ZH, gate)


def test_a_time_of_the_journal_is_written_as_every_time() -> None:
    values = {"events": 7, "time": "2026-11-26T07:05:43.244752+00:00", "state": "", "torn": False}
    finding = Finding("seal.json", "no seal", Level.INCOMPLETE, NO_SEAL, values)
    for words in (EN.words, ZH.words):
        assert "2026-11-26 07:05 UTC" in finding_text(words, finding)
        assert "43.24" not in finding_text(words, finding)


@pytest.mark.parametrize(
    ("code", "values", "told"),
    [
        (
            "differs",
            {"where": "U1 check error", "parts": [
                {"name": "value", "stored": -0.08266992351415325, "computed": None},
                {"name": "verdict", "stored": "PASS", "computed": "INVALID"},
            ]},
            "U1 check error：值为 -0.0826699，重新计算为未知；判定为合格，重新计算为无效",
        ),
        ("not_stored", {"where": "U1 check error"}, "U1 check error：未存储"),
        ("", {}, "原文“it went wrong”"),
    ],
)  # fmt: skip
def test_what_verify_finds_is_told_in_the_reports_language(
    code: str, values: dict[str, Any], told: str
) -> None:
    finding = Finding(Level.DAMAGE, "derived/results.json", "it went wrong", code, values)
    assert finding_text(ZH.words, finding) == told


@pytest.mark.parametrize(
    ("stated", "told"), [("0.2 deg", "0.2 °"), ("0.5 uT", "0.5 µT"), ("1 %", "1 %"), ("", "")]
)
def test_a_stated_uncertainty_has_the_sign_of_its_unit(stated: str, told: str) -> None:
    assert uncertainty({"stated": stated}, "orientation", EN) == told


@pytest.mark.parametrize(
    ("unit", "value", "told"),
    [
        ("m/s2", 39.2266, "range: 4 g"),
        ("deg/s", 250.0, "range: 250 °/s"),
        ("Hz", 6667.0, "range: 6667 Hz"),
        ("uT", 400.0, "range: 400 µT"),
    ],
)
def test_a_setting_has_the_unit_in_which_it_was_chosen(unit: str, value: float, told: str) -> None:
    names = Names(Words("en"), None)
    names.part = lambda _: {"settings": {"range": unit}}  # type: ignore[method-assign]
    assert _setting(names, "PX10", "range", value) == told


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (["PX10"], ["settings: rate: 100"]),
        (["PX10", "PX20"], ["settings of PX10: rate: 100", "settings of PX20: rate: 200"]),
    ],
)
def test_settings_of_several_parts_name_the_part(parts: list[str], told: list[str]) -> None:
    names = Names(Words("en"), None)
    names.part = lambda _: {}  # type: ignore[method-assign]
    rates = dict(zip(parts, ({"rate": 100.0}, {"rate": 200.0}), strict=False))
    point = Point("p", "check", settings=rates)
    schedule: Any = SimpleNamespace(parts=dict.fromkeys(parts), points={"p": point})
    assert list(_settings([Read("p")], schedule, names)) == told


def result(serial: str, value: float, condition: str) -> Result:
    return Result(
        serial, "A", "check", "error", "error 1", value, "Pa", Verdict.PASS, channel="pressure",
        at={"condition": condition}, uncertainty=2.0, low=-100.0, high=100.0, sources=(7,),
    )  # fmt: skip


def test_the_values_of_one_unit_are_no_spread() -> None:
    alone = [result("one", 1.0, "cold"), result("one", 3.0, "hot")]
    (item,) = items_of(alone, EN)
    rows = list(_rows(item, alone=True))
    assert [[cell.text for cell in row[1:3]] for row in rows] == [
        ["cold", "1.0 ± 2.0 Pa"], ["hot", "3.0 ± 2.0 Pa"]
    ]  # fmt: skip
