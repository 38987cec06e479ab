"""InProcessLine: what a wire would do, in no time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.errors import LinkClosed, LinkTimeout, ProtocolError
from sensorbench.core.provenance import Provenance
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.line import Line, LineSettings


@pytest.fixture
def line(twin: Any) -> InProcessLine:
    return InProcessLine(twin, LineSettings(), "chamber")


def test_lines_reach_the_twin_and_its_reply_comes_back(line: Line, twin: Any) -> None:
    line.write("SET 5")
    assert line.query("A?") == "re: A"
    assert twin.lines == [b"SET 5", b"A?"]


def test_what_it_reads_is_simulated(line: Line) -> None:
    assert line.provenance is Provenance.SIMULATED


def test_a_query_without_a_reply_times_out_at_once(line: Line) -> None:
    start = time.monotonic()
    with pytest.raises(LinkTimeout, match=r"chamber: no answer to 'SET 5'.*virtual time"):
        line.query("SET 5", timeout_s=60.0)
    assert time.monotonic() - start < 1.0


def test_a_reply_to_a_write_is_not_the_answer_to_the_next_query(line: Line) -> None:
    line.write("A?")
    assert line.query("B?") == "re: B"


def test_a_driver_whose_terminator_the_twin_does_not_know_is_refused(twin: Any) -> None:
    with pytest.raises(ValueError, match=r"ends its lines with b'\\r', the twin takes"):
        InProcessLine(twin, LineSettings(write_terminator="\r"), "chamber")


def test_a_reply_that_does_not_end_as_the_driver_expects_times_out(twin: Any) -> None:
    line = InProcessLine(twin, LineSettings(read_terminator="\r\n"), "chamber")
    with pytest.raises(LinkTimeout, match=r"ends in b'\\n', the driver waits for b'\\r\\n'"):
        line.query("A?")


def test_a_longer_reply_terminator_leaves_its_rest_in_the_reply(
    make_twin: Callable[..., Any],
) -> None:
    line = InProcessLine(make_twin(reply_terminator=b"\r\n"), LineSettings(), "chamber")
    assert line.query("A?") == "re: A\r"


def test_a_reply_that_is_no_text_shows_its_bytes(line: Line) -> None:
    with pytest.raises(ProtocolError, match=r"not ascii text: b'\\xff\\xfe'"):
        line.query("GARBAGE?")


def test_two_lines_in_one_are_refused(line: Line, twin: Any) -> None:
    with pytest.raises(ValueError, match="more than one line"):
        line.query("A?\nB?")
    assert twin.lines == []


def test_a_closed_line_says_so(twin: Any) -> None:
    with InProcessLine(twin, LineSettings(), "chamber") as line:
        pass
    line.close()
    with pytest.raises(LinkClosed, match="closed by this program"):
        line.query("A?")
