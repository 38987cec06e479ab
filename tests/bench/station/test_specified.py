"""A reference without a certificate's number: its maker's specification counts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sensorbench.reports.report import write_report
from sensorbench.station.binding import bind
from sensorbench.station.layout import layout_of

from ...workspaces import DMM, PACE, STATION, problems, run, sbp1_sockets, write

GRID = """
[[phase]]
kind = "grid"
name = "look"
axes = [{ set = { pressure = ["50 kPa", "100 kPa"] } }]
measures = ["error"]
"""
STATED = 'uncertainty = "0.5 mV"'
ASKED = 'uncertainty = "specification"\n'


def station(said: str, dmm: str = DMM) -> str:
    return STATION.replace(DMM, dmm.replace(STATED, said)) + sbp1_sockets(4)


def test_the_specification_of_the_worst_reading_is_taken(tmp_path: Path) -> None:
    there = write(tmp_path, GRID, station(f"{ASKED}calibrated = 2026-06-01"))
    file = there.load_station()
    bindings = bind(file)
    row = bindings.rows["", "supply"]
    # Up to the bench's 3.7 V in the 10 V range: the limit of a rectangular distribution, at k = 2.
    limit_v = 35e-6 * 3.7 + 5e-6 * 10.0
    assert row.high == 3.7
    assert row.uncertainty == pytest.approx(2.0 * limit_v / math.sqrt(3.0))
    told = layout_of(file, bindings).zones[""].told["benches"]["supply"]
    assert told["specification"].startswith("0.005 % of reading + 3.5e-06 V up to 0.1 V for 365 d")
    assert "stated" not in told


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (ASKED, "say when dmm.voltage was calibrated (calibrated)"),
        (f"{ASKED}calibrated = 2025-01-01", "does not reach"),
        (f"{ASKED}calibrated = 2028-01-01", "calibration_due is before calibrated"),
    ],
)
def test_what_the_specification_rests_on_must_be_said(
    tmp_path: Path, said: str, expected: str
) -> None:
    found = problems(write(tmp_path, GRID, station(said)))
    assert "instrument.dmm.uncertainty: " in found
    assert expected in found


def test_an_instrument_whose_driver_knows_no_specification_needs_its_certificate(
    tmp_path: Path,
) -> None:
    pace = PACE.replace('uncertainty = "8 Pa"', f"{ASKED}calibrated = 2026-06-01")
    found = problems(write(tmp_path, GRID, STATION.replace(PACE, pace) + sbp1_sockets(4)))
    assert (
        "instrument.pace.uncertainty: the driver of pace.pressure knows no specification" in found
    )


def test_the_report_says_that_it_is_a_specification(tmp_path: Path) -> None:
    outcome = run(write(tmp_path, GRID, station(f"{ASKED}calibrated = 2026-06-01")))
    (page,) = write_report([outcome.root], ("html",), tmp_path).values()
    assert "(specification: 0.005 % of reading" in page.read_text(encoding="utf-8")
