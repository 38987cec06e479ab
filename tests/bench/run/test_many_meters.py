"""Many thermometers of one data acquisition unit in a place are polled at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensorbench.instruments.keysight_34970a.driver import Keysight34970a

from ...workspaces import data_of, run
from .climate import CLIMATE, bake, workspace

CHANNELS = range(101, 111)
WATCHED = ", ".join(f'"daq.temp{channel}"' for channel in CHANNELS)
DAQ = (
    '\n[instrument.daq]\nmodel = "keysight_34970a"\nlink = { kind = "simulated" }\n'
    'uncertainty = "1 K"\nprobes = { "101:110" = "RTD 85" }\n'
)
STATION = (CLIMATE + DAQ).replace(
    'reference = "thermometer"\n',
    f'reference = "thermometer"\nperiod = "20 s"\nwatch = [{WATCHED}]\n',
)


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The channels of each sweep that was made."""
    made: list[list[int]] = []
    original = Keysight34970a.read_channels

    def counted(self: Keysight34970a, **channels: Any) -> Any:
        asked = sorted({*channels.get("volts", ()), *channels.get("degrees", ())})
        if asked:
            made.append(asked)
        return original(self, **channels)

    monkeypatch.setattr(Keysight34970a, "read_channels", counted)
    return made


def test_ten_channels_are_one_sweep(tmp_path: Path, sweeps: list[list[int]]) -> None:
    there = workspace(tmp_path, bake("6 min", 'start = "always"'), station=STATION)
    outcome = run(there, implied=False)
    assert all(sweep == list(CHANNELS) for sweep in sweeps)
    log = data_of(outcome).log
    polls = {log[f"daq.temp{channel}"].whole().polls.sum() for channel in CHANNELS}
    assert polls == {len(sweeps)}
