"""What setpoints and rates must lie in: refused outside, never clipped."""

from __future__ import annotations

from dataclasses import dataclass

from sensorbench.core.errors import SetpointError


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included; `name` says whose and what in messages."""

    name: str
    low: float
    high: float
    unit: str

    def narrowed(self, limits: tuple[float, float] | None) -> Range:
        """Return the range with the user's own limits; None leaves it as it is.

        Raises SetpointError if they are wider than this range, or the wrong way round.
        """
        if limits is None:
            return self
        low, high = limits
        if not self.low <= low < high <= self.high:
            raise SetpointError(
                f"{self.name}: limits {low:g}..{high:g} {self.unit} must be rising and inside the "
                f"rated {self.low:g}..{self.high:g} {self.unit}"
            )
        return Range(self.name, low, high, self.unit)

    def check(self, value: float) -> None:
        """Raise SetpointError unless `value` is in the range; a NaN is not."""
        if not self.low <= value <= self.high:
            raise SetpointError(
                f"{self.name} {value:g} {self.unit} is outside {self.low:g}..{self.high:g} "
                f"{self.unit}; nothing was sent"
            )


def check_positive(name: str, value: float, highest: float, unit: str) -> float:
    """Return `value`. Raises SetpointError unless it is above 0 and no more than `highest`.

    A billionth more is the rounding of "5 K/min" to K/s, not more.
    """
    if not 0 < value <= highest * (1 + 1e-9):
        raise SetpointError(
            f"{name} {value:g} {unit} must be above 0 and at most {highest:g} {unit}; "
            "nothing was sent"
        )
    return value
