"""Framing: lines come out whole, whatever the packets were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.links.framing import LONGEST_LINE, LineSplitter, Overrun

TEXT = st.binary(max_size=12).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b""))


@given(st.lists(st.tuples(TEXT, st.sampled_from([b"\n", b"\r\n"]))), st.data())
def test_lines_do_not_depend_on_how_packets_were_cut(
    lines: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(text + end for text, end in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    splitter = LineSplitter([b"\n", b"\r\n"])
    found: list[bytes | Overrun] = []
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


@pytest.mark.parametrize("cut", [1, 1000, LONGEST_LINE, 200_000])
@pytest.mark.parametrize("ends", [[b"\n"], [b"\r\n"], [b"\r", b"\r\n"]])
def test_a_line_that_is_too_long_is_lost_once_and_the_next_one_counts(
    cut: int, ends: list[bytes]
) -> None:
    splitter, end = LineSplitter(ends), ends[-1]
    stream = b"A" + end + b"x" * 2 * LONGEST_LINE + end + b"B" + end
    found: list[bytes | Overrun] = []
    for start in range(0, len(stream), cut):
        found += splitter.feed(stream[start : start + cut])
    assert found == [b"A", Overrun(b"x" * 40), b"B"]


def test_a_line_without_end_is_lost_as_soon_as_it_is_too_long() -> None:
    splitter = LineSplitter([b"\n"])
    assert splitter.feed(b"x" * LONGEST_LINE) == []
    assert splitter.feed(b"x") == [Overrun(b"x" * 40)]
    assert splitter.feed(b"x" * 2 * LONGEST_LINE) == []


@pytest.mark.parametrize("terminators", [[], [b""]])
def test_a_splitter_without_a_terminator_is_refused(terminators: list[bytes]) -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        LineSplitter(terminators)
