"""What a twin was asked for and does not model: acknowledged, without effect, and on record."""

from __future__ import annotations

from collections.abc import Iterator


class Beyond:
    """The accesses to one device that its twin does not model, each with how often it came.

    A twin notes them, as the device would acknowledge them; a test fails on them:
    `assert not twin.beyond`. It is as long as there are different ones, however often they come.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.counts: dict[str, int] = {}

    def note(self, access: str) -> None:
        """Put an access on record."""
        self.counts[access] = self.counts.get(access, 0) + 1

    def __iter__(self) -> Iterator[str]:
        return iter(self.counts)

    def __len__(self) -> int:
        return len(self.counts)

    def __repr__(self) -> str:
        shown = ", ".join(f"{what} ({count} x)" for what, count in self.counts.items())
        return f"<{self.device} beyond its twin's model: {shown or 'nothing'}>"
