"""What must all be tried is tried, and who is silent is not taken for one that refuses."""

import pytest

from sensorbench.core.errors import InstrumentError, LinkTimeout, TransportError
from sensorbench.instruments.trying import try_each


def fails(error: Exception, done: list[str], name: str) -> None:
    done.append(name)
    raise error


def test_each_is_tried_whatever_happens_with_another() -> None:
    done: list[str] = []
    refused, mute = InstrumentError("OFF", 3, "locked"), LinkTimeout("psu: no answer")
    acts = {
        "output 1": lambda: fails(refused, done, "1"),
        "output 2": lambda: done.append("2"),
        "output 3": lambda: fails(mute, done, "3"),
    }
    with pytest.raises(LinkTimeout) as raised:
        try_each(acts, "make safe", "Pull its plug")
    assert done == ["1", "2", "3"]
    assert str(raised.value) == (
        "output 1: 'OFF' refused: 3 locked; output 3: psu: no answer. Pull its plug"
    )


def test_who_only_refuses_means_it() -> None:
    acts = {"k1": lambda: fails(InstrumentError("OFF", 3, "locked"), [], "1")}
    with pytest.raises(InstrumentError, match="'make safe' refused: not safe k1: 'OFF' refused"):
        try_each(acts, "make safe", "Pull its plug")


def test_one_reason_for_all_is_told_once() -> None:
    acts = {f"k{one}": lambda: fails(TransportError("no answer"), [], "") for one in (1, 2)}
    with pytest.raises(TransportError, match=r"^k1, k2: no answer\. Pull its plug$"):
        try_each(acts, "make safe", "Pull its plug")
