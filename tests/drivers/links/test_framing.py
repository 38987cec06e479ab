"""Framing: lines come out whole, whatever the packets were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.errors import ProtocolError
from sensorbench.links.framing import LONGEST_LINE, LineSplitter

TEXT = st.binary(max_size=12).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b""))


@given(st.lists(st.tuples(TEXT, st.sampled_from([b"\n", b"\r\n"]))), st.data())
def test_lines_do_not_depend_on_how_packets_were_cut(
    lines: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(text + end for text, end in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    splitter = LineSplitter([b"\n", b"\r\n"])
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:end])
    assert found == [text for text, _ in lines]


def test_the_longest_terminator_counts() -> None:
    assert LineSplitter([b"\r", b"\r\n"]).feed(b"A\r\nB\rC\r\n") == [b"A", b"B", b"C"]


def test_a_line_is_given_out_at_once_and_the_rest_of_its_terminator_is_no_empty_line() -> None:
    splitter = LineSplitter([b"\r", b"\r\n"])
    assert splitter.feed(b"A\r") == [b"A"]
    assert splitter.feed(b"\nB\r") == [b"B"]
    assert splitter.feed(b"C\r") == [b"C"]


def test_an_endless_line_is_refused_and_forgotten() -> None:
    splitter = LineSplitter([b"\n"])
    assert splitter.feed(b"x" * LONGEST_LINE) == []
    with pytest.raises(ProtocolError, match=r"65537 bytes came without an end of line \(b'\\n'\)"):
        splitter.feed(b"x")
    assert splitter.feed(b"A\n") == [b"A"]


@pytest.mark.parametrize("terminators", [[], [b""]])
def test_a_splitter_without_a_terminator_is_refused(terminators: list[bytes]) -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        LineSplitter(terminators)
