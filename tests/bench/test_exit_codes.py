"""Exit codes: what could not be made safe stands above everything else that ended a run."""

from __future__ import annotations

import pytest

from sensorbench.app.failure import NOT_SAFE, report_failure
from sensorbench.core.errors import BenchError, LinkTimeout
from sensorbench.safety.limits import SafetyStop


@pytest.mark.parametrize(
    ("error", "usual"),
    [
        (LinkTimeout("pace: no answer"), 3),
        (SafetyStop("pressure is 140 kPa", "limit", {}), 4),
        (RuntimeError("a fault of ours"), 70),
    ],
)
def test_not_safe_is_above_every_other_code(
    error: Exception, usual: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(type(error)):
        raise error
    error.add_note("the bench is in its safe state")
    assert report_failure(error) == usual
    error.add_note("NOT SAFE: pace: it does not vent; vent by hand")
    assert report_failure(error) == NOT_SAFE == 9
    assert "NOT SAFE: pace" in capsys.readouterr().err


def test_a_bench_error_is_told_in_its_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_failure(BenchError("chamber: the door is open")) == 3
    assert capsys.readouterr().err == "chamber: the door is open\n"
