"""What a sensor delivers: named channels, each with its dimension."""

from __future__ import annotations

from dataclasses import dataclass

from sensorbench.core.units import Dimension


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of a sensor's sample. `dimension` None is a plain count."""

    name: str
    dimension: Dimension | None = None

    @property
    def unit(self) -> str:
        """Return the canonical unit of the channel's values; "counts" for plain counts."""
        return self.dimension.canonical if self.dimension else "counts"
