"""response: measures of a step, seen while it was made."""

from __future__ import annotations

from sensorbench.assessment.kinds.record import facts, results

VERSION = "1"

__all__ = ["VERSION", "facts", "results"]
