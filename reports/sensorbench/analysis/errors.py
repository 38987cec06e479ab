"""The one error of the analysis: numbers that can't answer the question asked of them."""

from __future__ import annotations

from sensorbench.core.errors import BenchError


class AnalysisError(BenchError, ValueError):
    """The numbers handed in can't give this result: empty, not finite, wrong shape or too few.

    The text says which argument, what came and what is needed. No partial result exists.
    """
