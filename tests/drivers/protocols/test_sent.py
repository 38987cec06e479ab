"""SENT: what is sent is received, whatever the clock does; what is damaged is never a value."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.protocols.sent import Crc, crc4, decode, enhanced_messages, short_messages
from sensorbench.protocols.sent_source import edges, enhanced_bits, short_bits

TICK_S = 3e-6
# The examples of enp6s0/sent-decoder (MIT), crc4.py: data, CRC recommended and legacy.
EXAMPLES = [
    ([5, 3, 14, 5, 3, 14], 15, 12), ([7, 4, 8, 7, 4, 8], 3, 5), ([4, 10, 12, 4, 10, 12], 10, 3),
    ([7, 8, 15, 7, 8, 15], 5, 15), ([9, 1, 13, 9, 1, 13], 6, 10), ([0, 0, 0, 0, 0, 0], 5, 15),
]  # fmt: skip
MANY = np.random.default_rng(1)
METHODS: tuple[Crc, ...] = ("recommended", "legacy")


def random_frames(count: int, nibbles: int = 6) -> tuple[np.ndarray, np.ndarray]:
    return MANY.integers(0, 16, count), MANY.integers(0, 16, (count, nibbles))


@pytest.mark.parametrize(("data", "recommended", "legacy"), EXAMPLES)
def test_the_examples_of_others_are_ours(data: list[int], recommended: int, legacy: int) -> None:
    assert crc4([data])[0] == recommended
    assert crc4([data], "legacy")[0] == legacy
    for method, check in zip(METHODS, (recommended, legacy), strict=True):
        sent = np.diff(edges([0], [data], 1.0, legacy_crc=method == "legacy"))
        assert sent.tolist() == [56, 12, *(12 + nibble for nibble in data), 12 + check]


def test_a_frame_worked_out_by_hand() -> None:
    periods = np.array([56, 12 + 4, 17, 15, 26, 17, 15, 26, 27, 56]) * 3e-6
    frames = decode(np.concatenate([[0.0], np.cumsum(periods)]), TICK_S, 6)
    assert (frames.status.tolist(), frames.data.tolist()) == ([4], [[5, 3, 14, 5, 3, 14]])
    assert frames.ticks_s[0] == pytest.approx(3e-6)


@settings(max_examples=60, deadline=None)
@given(
    frames=st.lists(
        st.tuples(
            st.integers(0, 15), st.lists(st.integers(0, 15), min_size=6, max_size=6)
        ), min_size=1, max_size=30,
    ),
    nibbles=st.integers(1, 6),
    clock=st.floats(0.81, 1.19),
    drift=st.floats(-0.0005, 0.0005),
    pause=st.booleans(),
    legacy=st.booleans(),
    seed=st.integers(0, 2**31),
)  # fmt: skip
def test_what_is_sent_is_received(
    frames: list[tuple[int, list[int]]], nibbles: int, clock: float, drift: float, pause: bool,
    legacy: bool, seed: int,
) -> None:  # fmt: skip
    status = [one for one, _ in frames]
    data = [many[:nibbles] for _, many in frames]
    ticks_s = np.clip(TICK_S * clock * (1 + drift * np.arange(len(frames))), 2.41e-6, 3.59e-6)
    sent = edges(status, data, ticks_s, legacy_crc=legacy, frame_ticks=300 if pause else None)
    jitter = np.random.default_rng(seed).uniform(-0.1, 0.1, len(sent)) * TICK_S
    crc: Crc = "legacy" if legacy else "recommended"
    got = decode(sent + jitter, TICK_S, nibbles, crc, pause=pause)
    assert got.data.tolist() == data
    assert got.status.tolist() == status
    assert len(got.faults) == 0
    assert got.ticks_s == pytest.approx(ticks_s, rel=0.01)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**31), glitch=st.booleans(), pause=st.booleans())
def test_an_edge_too_many_or_too_few_is_a_fault_and_costs_two_frames_at_most(
    seed: int, glitch: bool, pause: bool
) -> None:
    chance = np.random.default_rng(seed)
    status, data = chance.integers(0, 16, 20), chance.integers(0, 16, (20, 6))
    sent = edges(status, data, TICK_S, frame_ticks=300 if pause else None)
    length = 10 if pause else 9
    frame, inside = int(chance.integers(5, 15)), int(chance.integers(1, 9))
    at = frame * length + inside
    if glitch:
        share = chance.uniform(0.02, 0.98)
        spoilt = np.insert(sent, at + 1, sent[at] + share * (sent[at + 1] - sent[at]))
    else:
        spoilt = np.delete(sent, at)
    got = decode(spoilt, TICK_S, 6, pause=pause)
    received = got.data.tolist()
    assert received in ([data[k].tolist() for k in range(20) if k not in lost] for lost in (
        {frame}, {frame - 1, frame},
    ))  # fmt: skip
    assert len(got.faults) >= 1
    assert len(set(got.runs.tolist())) == 2


def test_a_nibble_split_in_two_is_never_a_frame_whatever_its_crc() -> None:
    for data in MANY.integers(0, 16, (400, 6)):
        data[2] = 15
        sent = edges([1] * 3, [data.tolist()] * 3, TICK_S)
        spoilt = np.insert(sent, 9 + 5, sent[9 + 4] + 13.5 * TICK_S)
        got = decode(spoilt, TICK_S, 6)
        assert got.data.tolist() == [data.tolist()] * 2
        assert got.faults.why in {("edges",), ("crc",)}


@pytest.mark.parametrize("method", METHODS)
def test_every_wrong_nibble_is_found(method: Crc) -> None:
    data = [3, 9, 0, 15, 7, 12]
    sent = edges([2] * 3, [data] * 3, TICK_S, legacy_crc=method == "legacy")
    for nibble in range(2, 9):
        for wrong in range(-15, 16):
            periods = np.diff(sent)
            ticks = round(periods[9 + nibble] / TICK_S) + wrong
            if wrong == 0 or not 12 <= ticks <= 27:
                continue
            periods[9 + nibble] = ticks * TICK_S
            got = decode(np.concatenate([[0.0], np.cumsum(periods)]), TICK_S, 6, method)
            assert len(got) == 2
            assert got.faults.why == ("crc",)


def test_a_nibble_that_is_none_and_a_clock_that_jumps_are_named() -> None:
    status, data = random_frames(12)
    periods = np.diff(edges(status, data, TICK_S)).reshape(12, 9)
    periods[4, 3] = 30 * TICK_S
    periods[8] *= 1.1
    got = decode(np.concatenate([[0.0], np.cumsum(periods)]), TICK_S, 6)
    assert got.faults.why == ("nibble", "clock")
    assert len(got) == 10


def test_a_pause_as_long_as_a_sync_is_a_pause() -> None:
    data = np.tile([1, 2, 3], (8, 1))
    ticks = int(np.diff(edges([0], data[:1], 1.0)).sum()) + 56
    got = decode(edges([0] * 8, data, TICK_S, frame_ticks=ticks), TICK_S, 3, pause=True)
    assert (len(got), len(got.faults)) == (8, 0)


def test_a_line_that_stands_still_is_no_value() -> None:
    assert len(decode([], TICK_S, 6)) == 0
    assert len(decode([1.0], TICK_S, 6)) == 0
    assert len(decode(np.arange(100) * 1.0, TICK_S, 6)) == 0
    for wrong in ([0.0, 0.0], [1.0, 0.0], [0.0, float("nan")]):
        with pytest.raises(ValueError, match="each later"):
            decode(wrong, TICK_S, 6)
    with pytest.raises(ValueError, match="1 to 6 data nibbles"):
        decode([0.0, 1.0], TICK_S, 7)


def slow(bits: np.ndarray, nibbles: int = 3) -> np.ndarray:
    status = bits | MANY.integers(0, 4, len(bits))  # bits 0 and 1 are the sensor's own
    return edges(status, MANY.integers(0, 16, (len(bits), nibbles)), TICK_S)


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 255)), min_size=1, max_size=5))
@settings(max_examples=20, deadline=None)
def test_short_messages_come_through(sent: list[tuple[int, int]]) -> None:
    bits = np.concatenate([short_bits(*message) for message in sent])
    got = short_messages(decode(slow(bits), TICK_S, 3))
    assert list(zip(got.ids.tolist(), got.data.tolist(), strict=True)) == sent
    assert len(got.faults) == 0


@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(0, 255), st.integers(0, 4095), st.just(False)),
            st.tuples(st.integers(0, 15), st.integers(0, 65535), st.just(True)),
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=20, deadline=None)
def test_enhanced_messages_come_through(sent: list[tuple[int, int, bool]]) -> None:
    bits = np.concatenate([enhanced_bits(one, two, wide=wide) for one, two, wide in sent])
    got = enhanced_messages(decode(slow(bits), TICK_S, 3))
    assert list(zip(got.ids.tolist(), got.data.tolist(), strict=True)) == [s[:2] for s in sent]
    assert got.bits.tolist() == [16 if wide else 12 for _, _, wide in sent]
    assert len(got.faults) == 0


def test_every_wrong_bit_of_a_slow_message_is_found() -> None:
    for k in range(18):
        bits = enhanced_bits(0x35, 0xABC)
        bits[k] ^= 4
        got = enhanced_messages(decode(slow(bits), TICK_S, 3))
        assert len(got.ids) == 0
        assert got.faults.why == ("slow crc",)
    for k in range(16):
        bits = short_bits(0x3, 0xA5)
        bits[k] ^= 4
        got = short_messages(decode(slow(bits), TICK_S, 3))
        assert (len(got.ids), got.faults.why) == (0, ("slow crc",))


def test_a_slow_message_over_a_lost_frame_is_none() -> None:
    sent = slow(np.concatenate([enhanced_bits(1, 2), enhanced_bits(3, 4)]))
    spoilt = np.delete(sent, 6 * 5 + 3)
    got = enhanced_messages(decode(spoilt, TICK_S, 3))
    assert got.ids.tolist() == [3]


def test_what_can_not_be_sent_is_refused() -> None:
    for act in (
        lambda: edges([0], [[16]], TICK_S), lambda: edges([0], [[1, 2]], TICK_S, frame_ticks=90),
        lambda: short_bits(16, 0), lambda: enhanced_bits(16, 0, wide=True),
        lambda: edges([0, 1], [[1]], TICK_S),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"nibble|pauses|bits|frames"):
            act()


def test_a_million_edges_take_well_below_a_second() -> None:
    status, data = MANY.integers(0, 16, 111_111), np.tile(random_frames(111)[1], (1001, 1))
    sent = edges(status, data, TICK_S)
    assert len(sent) == 1_000_000
    began = time.perf_counter()
    got = decode(sent, TICK_S, 6)
    took_s = time.perf_counter() - began
    assert len(got) == 111_111
    assert took_s < 1.5  # some 0.2 s where nothing else runs
