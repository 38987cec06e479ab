"""A log that is read in pieces says what it says as a whole, wherever it is cut."""

import errno
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.assessment import logs
from sensorbench.assessment.assess import assess
from sensorbench.assessment.credit import credited
from sensorbench.assessment.data import RunData
from sensorbench.assessment.logs import LogStore, MeterLog, joined
from sensorbench.assessment.overstress import _Asked, _beyond
from sensorbench.assessment.records import MeterRow, Trace
from sensorbench.assessment.results import as_json
from sensorbench.core.errors import EvidenceError
from sensorbench.evidence.cache import CACHE
from sensorbench.reports.traces import envelope

FROZEN = sorted((Path(__file__).parents[2] / "evidence").glob("*/SIM-*"))
METER = MeterRow("thermometer", "", "temperature", "degC")


def rows(values: Sequence[float]) -> np.ndarray:
    """Return rows as a run writes them, one a second, of two meters in turn."""
    found = []
    for number, value in enumerate(values):
        found.append((number, 0, 0, value - 1.0, value + 1.0, value, 5, number % 3))
        found.append((number, 1, 0, 0.0, 0.0, 0.0, 1, 0))
    return np.array(found, dtype=float).reshape(-1, 8)


def cut(values: Sequence[float], size: int, in_memory: int) -> MeterLog:
    """Return the first meter's log, in pieces of `size` rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_PIECE", size)
        patch.setattr(logs, "_IN_MEMORY", in_memory)
        store = LogStore()
        whole = rows(values)
        for at in range(0, len(whole), 2 * size):
            store.add(whole[at : at + 2 * size])
        return store.log(METER, 0, 0)


known = st.floats(-1e3, 1e3) | st.just(math.nan)


@given(st.lists(known, min_size=1, max_size=60), st.integers(1, 70), st.sampled_from([0, 1 << 20]))
def test_what_a_log_spans_and_shows_is_the_same_in_pieces_of_any_size(
    values: list[float], size: int, in_memory: int
) -> None:
    whole, pieces = cut(values, 1000, 1 << 20), cut(values, size, in_memory)
    assert np.array_equal(pieces.whole().columns, whole.whole().columns, equal_nan=True)
    one, other = whole.extent, pieces.extent
    for name in ("count", "first_s", "last_s", "low", "high", "mean", "largest"):
        expected = pytest.approx(getattr(one, name), nan_ok=True, abs=1e-9)
        assert getattr(other, name) == expected, name
    for found, expected in zip(envelope(pieces, 7), envelope(whole, 7), strict=True):
        assert found == pytest.approx(expected, nan_ok=True)
    bins = list(pieces.bins(7))
    assert np.array_equal(joined(bins).time_s, np.arange(float(len(values))))
    assert max(len(b.time_s) for b in bins) - min(len(b.time_s) for b in bins) <= 1


@given(st.integers(1, 40), st.integers(1, 45), st.floats(-5, 45), st.floats(-5, 45))
def test_a_part_of_a_log_has_its_rows_and_no_others(
    count: int, size: int, start_s: float, end_s: float
) -> None:
    log = cut([20.0] * count, size, 0)
    inside = [float(t) for t in range(count) if start_s <= t <= end_s]
    assert [float(t) for part in log.between(start_s, end_s) for t in part.time_s] == inside
    held = log.during(start_s, end_s, 19.0)
    assert held.extent.count == max(0, len(inside) - 1)
    if len(inside) > 1:
        assert (held.extent.low, held.extent.high, held.extent.mean) == (0.0, 2.0, 1.0)
    assert held.extent.is_known == (len(inside) > 1)


@pytest.mark.parametrize("root", FROZEN, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("size", [1, 7])
def test_a_run_is_judged_alike_in_pieces_of_any_size(
    root: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = as_json(assess(RunData.read(root)))
    monkeypatch.setattr(logs, "_PIECE", size)
    monkeypatch.setattr(logs, "_IN_MEMORY", 0)
    assert alike(as_json(assess(RunData.read(root))), expected)


def alike(one: object, other: object) -> bool:
    """Return whether two documents say the same, numbers within rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or (
            math.isnan(one) and math.isnan(other)
        )
    return one == other


def test_a_hole_at_the_edge_of_a_piece_is_credited_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (root,) = [path for path in FROZEN if path.parent.name == "stress"]
    own = MeterLog.between

    def holed(self: MeterLog, start_s: float, end_s: float) -> list[Trace]:
        parts = [p.rows((p.time_s // 3600) % 3 != 1) for p in own(self, start_s, end_s)]
        return [part for part in parts if len(part.time_s)]

    def given_s(size: int) -> float:
        monkeypatch.setattr(logs, "_PIECE", size)
        data = RunData.read(root)
        phase = next(p for p in data.schedule.phases if p["kind"] == "stress")
        groups = {point.units for point in data.schedule.points.values()}
        return sum(s for group in groups for _, s in credited(data, phase["name"], group))

    whole_s = given_s(1000)
    monkeypatch.setattr(MeterLog, "between", holed)
    found = [given_s(size) for size in (1, 2, 3, 1000)]
    assert found == pytest.approx([found[-1]] * 4)
    assert 0 < found[-1] < 0.8 * whole_s


def test_a_log_that_finds_no_room_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv(CACHE, str(tmp_path))
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(EvidenceError, match="No space left on device; make room there") as told:
        cut([20.0] * 10, 5, 0)
    assert str(tmp_path) in str(told.value)


@given(
    st.lists(st.sampled_from([20.0, 85.0, 130.0, 150.0, -60.0, math.nan]), min_size=1, max_size=40),
    st.integers(1, 12),
)
def test_a_place_that_went_too_far_is_found_in_pieces_of_any_size(
    values: list[float], size: int
) -> None:
    part = {"ranges": {"temperature": {"words": {"min": -40.0, "max": 125.0}}}}
    schedule = SimpleNamespace(parts={"p": part}, quantities={"temperature": {}})
    data: Any = SimpleNamespace(schedule=schedule, ambient=lambda _zone, _where: 0.0)
    asked = _Asked(
        np.array([-0.5, 8.5, 15.5, 20.5]), np.array([20.0, -55.0, -55.0, -55.0]),
        np.array([20.0, 20.0, 20.0, 145.0]), np.array([True, True, False, True]),
    )  # fmt: skip
    found, whole = (
        list(_beyond(data, "m", cut(values, n, 0), "p", asked, 1.0)) for n in (size, 1000)
    )
    assert found == whole
    # By rows alone, one after the other: it counts once the place had been inside.
    expected, inside = set(), False
    turn = -1
    for t, value in enumerate(values):
        now = int(np.searchsorted(asked.since_s, t)) - 1
        inside, turn = inside and now == turn, now
        low, high = min(-40.0, asked.low[now]), max(125.0, asked.high[now])
        slack = 1.0 + 1.65
        is_inside = value - 1.0 >= low - slack and value + 1.0 <= high + slack
        inside = inside or (is_inside and bool(asked.acts[now]))
        if inside and asked.acts[now] and (value + 1.0 > high + slack or value - 1.0 < low - slack):
            expected.add(now)
    assert {number for number, _ in found} == expected
