"""What somebody vouched for when a run went on is true of that wait alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.run.parked import Parked
from sensorbench.run.verbs import park


def test_two_waits_for_a_person_need_two_words() -> None:
    run: Any = SimpleNamespace(clock=RealClock(), resumed_for=frozenset({"person"}))
    fact = {"until": "person", "text": {"en": "Look at the tubes."}}
    park.after(run, None, fact)  # type: ignore[arg-type]
    with pytest.raises(Parked):
        park.after(run, None, fact)  # type: ignore[arg-type]
