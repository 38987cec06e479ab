"""A disk that stalls: whoever appends goes on, nothing is lost, and it is on record."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sensorbench.core.clock import RealClock
from sensorbench.evidence.run import Column, RunReader, RunWriter


def test_who_appends_does_not_wait_for_a_disk_that_stalls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = os.fsync
    stalls = threading.Event()

    def slow(descriptor: int) -> None:
        if stalls.is_set():
            time.sleep(0.4)
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    root = tmp_path / "run"
    with RunWriter(root, RealClock(), {}, {}) as writer:
        writer.declare("log", (Column("time", "s"),))
        writer.append("before", {}, {"log": np.ones((3, 1))})
        stalls.set()
        committing = threading.Thread(target=writer.commit)
        committing.start()
        time.sleep(0.1)
        start = time.monotonic()
        for number in range(100):
            writer.append("meanwhile", {"number": number}, {"log": np.full((1, 1), float(number))})
        took_s = time.monotonic() - start
        assert committing.is_alive()
        committing.join()
        stalls.clear()
        assert took_s < 0.3
        writer.commit()
        writer.commit()
        writer.seal()
    run = RunReader(root)
    assert not run.journal.damage
    meanwhile = run.events("meanwhile")
    assert [event.data["number"] for event in meanwhile] == list(range(100))
    (stalled,) = run.events("disk_stalled")
    assert stalled.data["seconds"] >= 0.8  # frames and journal
