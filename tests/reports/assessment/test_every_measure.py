"""No measure raises, whatever it is fed: what it can't compute has no value, and says why."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from sensorbench.assessment.computing import computed
from sensorbench.assessment.data import RunData
from sensorbench.assessment.judging import measured
from sensorbench.assessment.measuring import MEASURES, Found, Inputs, measure_module
from sensorbench.assessment.records import Readout
from sensorbench.assessment.results import Result
from sensorbench.core.channel import Channel
from sensorbench.core.plugins import OURS, plugins
from sensorbench.core.quantity import ANGULAR_RATE, PRESSURE, quantities
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.journal import Event
from sensorbench.profiles.measuring import measure
from sensorbench.profiles.schedule import Point, Unit

OURS_ALL = sorted(name for name, plugin in plugins(MEASURES).items() if plugin.origin == OURS)
ALL_CHANNELS = (Channel("pressure", PRESSURE), Channel("rate_x", ANGULAR_RATE, "x"))
CHANNELS = {channel.name: channel.address for channel in ALL_CHANNELS}
FITS = [
    (name, channel.name)
    for name in OURS_ALL
    for channel in ALL_CHANNELS
    if (needs := measure(name)) is not None and needs.applies(channel)
]
NAN = math.nan
FED: Mapping[str, tuple[list[float], list[float]]] = {
    "nothing": ([], []),
    "one point": ([100.0], [100.5]),
    "one point without a reference": ([NAN], [100.5]),
    "equal points": ([100.0] * 12, [100.5] * 12),
    "points without a reference": ([NAN] * 12, [100.0 + k for k in range(12)]),
    "no reading": ([100.0 + k for k in range(12)], [NAN] * 12),
    "nothing known": ([NAN] * 12, [NAN] * 12),
    "one reading missing": ([100.0 + k for k in range(12)], [NAN, *range(11)]),
}
"""By what is wrong: what the reference reads, and the unit."""


class Fake:
    """A run of one unit, as far as measures look at one."""

    def __init__(self, samples: list[float] | None, sent: bool) -> None:
        self.units = (Unit("S1", "L1", "P"),)
        self.serials = ("S1",)
        self.number_of = {"S1": 0}
        self.dropped: dict[str, str] = {}
        self.samples, self.sent = samples, sent
        channels = [
            {"name": name, "address": where, "unit": "", "axis": where.partition(".")[2]}
            for name, where in CHANNELS.items()
        ]
        self.schedule = SimpleNamespace(
            parts={"P": {"name": "P", "channels": channels, "formats": []}},
            quantities={
                name: {"unit": q.unit, "axes": list(q.axes), "along": q.along}
                for name, q in quantities().items()
            },
        )

    def reference(self, readout: Readout, _address: str) -> float:
        return readout.references["r"][0]

    def bench(self, _zone: str, _address: str) -> dict[str, Any]:
        return {}

    def zone_of(self, _point: str) -> str:
        return ""

    def reads(self, _point: Point, _number: int) -> bool:
        return True

    def expired(self, _readout: Readout) -> list[Any]:
        return []

    def stream_problems(self, _point: str) -> dict[str, Any]:
        return {}

    def events(self, *_kinds: str) -> list[Event]:
        opened = {"do": "read", "point": "p"}
        found = [Event(1, 0.0, "", "step", opened, "")]
        return [*found, Event(2, 2.5, "", "sent", {}, "")] if self.sent else found

    def streams(self, _point: str) -> dict[str, Any]:
        if self.samples is None:
            return {}
        stream = SimpleNamespace(
            channels=tuple(CHANNELS), overflow=False, saturated=False, start_s=0.0,
            seconds=float(len(self.samples)), rate_hz=1.0, sources=(1,),
            channel=lambda _name: np.array(self.samples),
        )  # fmt: skip
        return {"S1": stream}


def readout(k: int, reference: float, value: float, sweeps: int) -> Readout:
    point = Point("p", "g", {"pressure": 100.0}, {"direction": ("up", "down")[k % 2]}, {}, "")
    values = {name: np.array([value]) for name in CHANNELS}
    spread = {name: np.array([NAN if sweeps < 2 else 0.1]) for name in CHANNELS}
    return Readout(k, float(k), point, values, spread, sweeps, {"r": (reference,)}, {}, {}, ())


def asked(
    name: str,
    channel: str,
    readouts: list[Readout],
    samples: list[float] | None = None,
    sent: bool = True,
) -> Inputs:
    ask = {
        "measure": name, "part": "P", "channel": channel, "unit": "1",
        "compares": CHANNELS.get(channel, ""), "limits": {"": [-1e9, 1e9]},
    }  # fmt: skip
    data = cast("RunData", Fake(samples, sent))
    return Inputs(data, "g", ask, readouts, [0], ["p"] if samples is not None else [])


@pytest.mark.parametrize(("name", "channel"), FITS)
@pytest.mark.parametrize("fed", FED)
@pytest.mark.parametrize("sweeps", [1, 4])
def test_no_measure_raises_on_readings(name: str, channel: str, fed: str, sweeps: int) -> None:
    rows = [readout(k, *row, sweeps) for k, row in enumerate(zip(*FED[fed], strict=True))]
    module = measure_module(name)
    assert module is not None
    for sent in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            inputs = asked(name, channel, rows, sent=sent)
            module.compute(inputs)
            results = [row for row in measured(inputs) if isinstance(row, Result)]
        assert results or not rows
        for result in results:
            assert math.isfinite(result.value) or (result.verdict, bool(result.reasons)) == (
                Verdict.INVALID, True,
            )  # fmt: skip


@pytest.mark.parametrize(("name", "channel"), FITS)
@pytest.mark.parametrize("samples", [[], [1.0], [1.0] * 2000, [NAN] * 2000, [1.0, 2.0, 1.0]])
def test_no_measure_raises_on_a_stream(name: str, channel: str, samples: list[float]) -> None:
    module = measure_module(name)
    assert module is not None
    for sent in (True, False):
        inputs = asked(name, channel, [], samples, sent)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            module.compute(inputs)
            (result,) = (row for row in measured(inputs) if isinstance(row, Result))
        assert result.verdict is Verdict.INVALID
        assert result.reasons


@pytest.mark.parametrize("name", ["sensitivity", "nonlinearity"])
def test_no_line_goes_through_the_noise_of_a_reference_that_stands_still(name: str) -> None:
    rows = [readout(k, 100.0 + 0.01 * (k % 3), 100.5 + 0.02 * (k % 2), 4) for k in range(6)]
    (found,), _ = computed(asked(name, "pressure", rows))
    assert math.isnan(found.values[0])


@pytest.mark.parametrize("name", ["rise_time", "settling_time"])
def test_noise_is_no_step(name: str) -> None:
    rows = [readout(k, 100.0, 100.0 + 0.01 * math.sin(7.0 * k), 1) for k in range(20)]
    (found,), _ = computed(asked(name, "pressure", rows))
    assert [reason.code for reason in found.reasons.values()] == ["no_step"]


def _raises(_inputs: Inputs) -> Any:
    raise ZeroDivisionError("division by zero")


def _too_many(_inputs: Inputs) -> Any:
    return [Found(np.zeros(3))], []


@pytest.mark.parametrize(
    ("compute", "error"),
    [
        (_raises, "ZeroDivisionError: division by zero"),
        (_too_many, "ValueError: (3,) values for 1 units"),
        (lambda _inputs: None, "TypeError: cannot unpack non-iterable NoneType object"),
    ],
)
def test_a_measure_that_fails_costs_its_own_results_alone(
    monkeypatch: pytest.MonkeyPatch, compute: Any, error: str
) -> None:
    monkeypatch.setattr(measure_module("error"), "compute", compute)
    rows = [readout(k, 100.0, 100.5, 4) for k in range(3)]
    (result,) = (row for row in measured(asked("error", "pressure", rows)))
    assert isinstance(result, Result)
    assert result.verdict is Verdict.INVALID
    assert [(r.code, dict(r.values)) for r in result.reasons] == [
        ("measure_failed", {"measure": "error", "error": error})
    ]
