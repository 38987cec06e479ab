"""Whatever signals come, and however many, the bench is in its safe state afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sensorbench.safety.signals import Stopped, stop_on_signals, unstoppable

from .ports import one_session
from .served import Served, served

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def test_the_first_signal_is_raised_and_no_other() -> None:
    cleaned = []
    with pytest.raises(Stopped, match="SIGHUP"), stop_on_signals():  # noqa: PT012
        try:
            signal.raise_signal(signal.SIGHUP)
        finally:
            signal.raise_signal(signal.SIGTERM)
            cleaned.append(True)
            signal.raise_signal(signal.SIGINT)
    assert cleaned == [True]


def test_a_signal_inside_a_section_is_raised_at_its_end() -> None:
    reached = []
    with pytest.raises(Stopped, match="SIGTERM"), stop_on_signals(), unstoppable():  # noqa: PT012
        with unstoppable():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
        reached.append(True)
    assert reached == [True]


def test_without_a_program_that_turns_signals_they_wait_for_the_end_of_the_section() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), unstoppable():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        reached.append(True)
    assert reached == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.chaos
def test_pairs_of_signals_leave_the_bench_safe(tmp_path: Path) -> None:
    """One pair each of what a closing terminal and an impatient person send, over real ports."""
    with served(tmp_path) as bench:
        for first, second, pause_s in (
            (signal.SIGHUP, signal.SIGTERM, 0.0),
            (signal.SIGINT, signal.SIGINT, 0.05),
            (signal.SIGTERM, signal.SIGHUP, 0.01),
        ):
            program = bench.run()
            assert bench.is_on()
            program.send_signal(first)
            time.sleep(pause_s)
            program.send_signal(second)
            _, said = program.communicate(timeout=30)
            # The second may meet the program when it has said everything and is about to go; two
            # that are sent at once have no order.
            either = {128 + second} if pause_s == 0 else set()
            assert program.returncode in {128 + first, -second} | either
            assert "the bench is in its safe state" in said
            assert not bench.is_on()


@pytest.mark.chaos
def test_ctrl_c_again_and_again_while_an_instrument_is_mute_leaves_the_others_safe(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as bench, one_session(bench, "dmm", keeps_s=0.0) as dmm:
        program = bench.run()
        dmm.is_mute = True
        time.sleep(5.5)  # the monitor asks it every 5 s, and waits now
        start = time.monotonic()
        for _ in range(3):
            program.send_signal(signal.SIGINT)
            time.sleep(0.3)
        while bench.is_on():
            assert time.monotonic() - start < 12.0  # what it was just asked has a deadline
            time.sleep(0.1)
        _, said = program.communicate(timeout=60)
        assert program.returncode == 9
        assert said.splitlines()[-1].startswith("NOT SAFE: dmm: ")
        assert "NOT SAFE: psu" not in said


@contextmanager
def cooling(root: Path) -> Iterator[tuple[Served, subprocess.Popen[str]]]:
    """Give a bench with a run that heats, and would cool for hours with its bias on."""
    with served(root) as bench:
        profile = bench.root / "profiles" / "bake.toml"
        text = profile.read_text(encoding="utf-8")
        # As the room is: it would wait for hours.
        cool = 'cool = { set = { supply = "nominal" }, until = { temperature = "23 degC" } }\n'
        profile.write_text(text.replace("hours = ", f"{cool}hours = "), encoding="utf-8")
        program = bench.run()
        time.sleep(6.0)  # it is warmer than the room by then
        yield bench, program


@pytest.mark.chaos
def test_the_first_ctrl_c_at_a_terminal_keeps_the_bias_and_the_second_is_at_once(
    tmp_path: Path,
) -> None:
    with cooling(tmp_path) as (bench, program):
        program.send_signal(signal.SIGINT)
        journal = bench.journals()[-1]
        end = time.monotonic() + 10
        while '"kind":"controlled_end"' not in journal.read_text(encoding="utf-8"):
            assert time.monotonic() < end
            time.sleep(0.1)
        time.sleep(2.0)
        assert bench.is_on()
        assert program.poll() is None
        program.send_signal(signal.SIGINT)
        _, told = program.communicate(timeout=30)
        assert not bench.is_on()
    assert "CONTROLLED END: supply stays set until temperature is below 23 degC" in told
    assert "the bench is in its safe state" in told


@pytest.mark.chaos
def test_a_terminal_that_closes_cuts_a_controlled_end_short(tmp_path: Path) -> None:
    with cooling(tmp_path) as (bench, program):
        program.send_signal(signal.SIGINT)
        time.sleep(0.2)
        program.send_signal(signal.SIGHUP)
        _, told = program.communicate(timeout=30)
        assert not bench.is_on()
    assert "the controlled end was cut short: stopped by SIGHUP" in told
