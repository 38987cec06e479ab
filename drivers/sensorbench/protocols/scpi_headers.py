"""Headers of a simulated SCPI instrument: patterns in, a tree to look headers up in.

A pattern is written as manuals do: capitals are the short form, brackets mark what may be left
out, `<4>` a numeric suffix from 1 to 4 that defaults to 1: `:INSTrument:SENSor<4>:FULL?`. One that
is left out of `<4?>` is given as 0: the instrument takes the channel that was selected before.
A digit that is written out belongs to the name: `:PRESsure0?` is another header than `:PRESsure?`.
Source: SCPI-99 volume 1, section 6, as recalled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from sensorbench.protocols.scpi_status import ScpiError

T = TypeVar("T")
_PART = re.compile(r"(\[)?:?(\*?[A-Za-z]+\d?)(?:<(\d)(\??)>)?(\])?")
_MNEMONIC = re.compile(r"([A-Z]+)(\d*)")
_LONGEST_MNEMONIC = 12


@dataclass(frozen=True, slots=True)
class Mnemonic:
    """One node of a pattern.

    `suffixes` is its largest numeric suffix, 0 if it has none; `default` stands for one left out.
    """

    short: str
    long: str
    suffixes: int
    optional: bool
    default: int = 1


def parse_pattern(pattern: str) -> tuple[Mnemonic, ...]:
    """Split a pattern (without its question mark) into mnemonics.

    Raises ValueError for a pattern that can't be read or whose optional node has a suffix.

    >>> [node.short for node in parse_pattern("[:SOURce]:VOLTage[:LEVel]")]
    ['SOUR', 'VOLT', 'LEV']
    """
    nodes, position = [], 0
    while position < len(pattern):
        part = _PART.match(pattern, position)
        if not part or bool(part[1]) != bool(part[5]) or (part[1] and part[3]):
            raise ValueError(f"pattern {pattern!r} can't be read at {pattern[position:]!r}")
        short = "".join(letter for letter in part[2] if not letter.islower())
        default = 0 if part[4] else 1
        nodes.append(Mnemonic(short, part[2].upper(), int(part[3] or 0), bool(part[1]), default))
        position = part.end()
    return tuple(nodes)


class _Node(Generic[T]):
    __slots__ = ("children", "default", "leaf", "suffixes")

    def __init__(self, suffixes: int, default: int = 1) -> None:
        self.suffixes, self.default = suffixes, default
        self.children: dict[str, _Node[T]] = {}
        self.leaf: tuple[T, str] | None = None


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """A header that was found: what it stands for, its numeric suffixes, its full short form."""

    value: T
    suffixes: tuple[int, ...]
    header: str


class HeaderTree(Generic[T]):
    """Everything one instrument understands."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node(0)

    def add(self, pattern: str, value: T) -> None:
        """Add a pattern under every spelling. Raises ValueError where one is taken."""
        mnemonics = parse_pattern(pattern)
        echo = ":".join(node.short + "{}" * bool(node.suffixes) for node in mnemonics)
        leaf = (value, echo if echo.startswith("*") else ":" + echo)
        self._insert(self._root, mnemonics, leaf, pattern)

    def _insert(
        self, node: _Node[T], rest: tuple[Mnemonic, ...], leaf: tuple[T, str], pattern: str
    ) -> None:
        if not rest:
            if node.leaf is not None:
                raise ValueError(f"pattern {pattern!r} has a spelling that is taken")
            node.leaf = leaf
            return
        first, rest = rest[0], rest[1:]
        child = node.children.get(first.long) or _Node(first.suffixes, first.default)
        node.children[first.short] = node.children[first.long] = child
        self._insert(child, rest, leaf, pattern)
        if first.optional:
            self._insert(node, rest, leaf, pattern)

    def find(self, path: tuple[str, ...]) -> Match[T] | None:
        """Return what the upper-case mnemonics of `path` stand for, or None.

        Raises ScpiError -114 for a numeric suffix out of range, -112 for an overlong mnemonic.
        """
        node, suffixes, digits = self._root, [], []
        for word in path:
            if len(word) > _LONGEST_MNEMONIC:
                raise ScpiError(-112)
            name, digit = (word, "") if word in node.children else _split(word)
            child = node.children.get(name)
            if child is None or (digit and not child.suffixes):
                return None
            if child.suffixes:
                suffixes.append(int(digit) if digit else child.default)
                digits.append(digit)
                if digit and not 1 <= suffixes[-1] <= child.suffixes:
                    raise ScpiError(-114)
            node = child
        if node.leaf is None:
            return None
        value, echo = node.leaf
        return Match(value, tuple(suffixes), echo.format(*digits))


def _split(word: str) -> tuple[str, str]:
    match = _MNEMONIC.fullmatch(word)
    return (match[1], match[2]) if match else (word, "")
