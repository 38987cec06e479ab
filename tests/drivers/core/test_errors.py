"""Errors: one root, and a code for each that evidence keeps for years."""

from __future__ import annotations

import pytest

from sensorbench.core.errors import BenchError, NotReady, ProtocolError, Saturated, kind_of


class Sulking(NotReady):
    """A plug-in's own error."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Saturated("clipped"), "Saturated"),
        (Sulking("not today"), "NotReady"),
        (ProtocolError("what?"), "ProtocolError"),
        (BenchError(), "BenchError"),
        (OSError("gone"), "OSError"),
    ],
)
def test_an_error_is_kept_by_the_nearest_kind_that_has_words(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind
