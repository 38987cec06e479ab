"""What a twin was asked for and does not model: acknowledged, without effect, and on record."""

from __future__ import annotations

from collections.abc import Iterator

MOST = 1000
LONGEST = 80
OTHERS = "others, not listed"


class Beyond:
    """The accesses to one device that its twin does not model, each with how often it came.

    A twin notes them, as the device would acknowledge them; a test fails on them:
    `assert not twin.beyond`. It is as long as there are different ones, however often they come,
    and no longer than `MOST`: what a program sends that is lost may be anything. So each is told
    in printable characters, and of a long one its beginning.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.counts: dict[str, int] = {}

    def note(self, access: str) -> None:
        """Put an access on record."""
        shown = _printable(access)
        if shown not in self.counts and len(self.counts) >= MOST:
            shown = OTHERS
        self.counts[shown] = self.counts.get(shown, 0) + 1

    def __iter__(self) -> Iterator[str]:
        return iter(self.counts)

    def __len__(self) -> int:
        return len(self.counts)

    def __repr__(self) -> str:
        shown = ", ".join(f"{what} ({count} x)" for what, count in self.counts.items())
        return f"<{self.device} beyond its twin's model: {shown or 'nothing'}>"


def _printable(text: str) -> str:
    """Return the beginning of a text as a terminal can show it."""
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text[: LONGEST + 1]
    )
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 2]} …"
