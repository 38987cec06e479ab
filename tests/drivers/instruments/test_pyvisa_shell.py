"""PyVISA's console, unchanged, as a person uses it on what `simulate` offers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sensorbench.core.clock import RealClock
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.rigol_dp832.twin import SimRigolDp832
from sensorbench.links.line import LineTwin
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import World

SHELL = Path(sys.executable).with_name("pyvisa-shell")


def typed(twin: LineTwin, *lines: str) -> list[str]:
    """Open a twin in the console, type lines, and return what it says, without its prompts."""
    with TcpMount(twin) as mount:
        opened = f"open TCPIP0::127.0.0.1::{mount.port}::SOCKET"
        text = "\n".join([opened, "termchar LF LF", *lines, "close", "exit", ""])
        done = subprocess.run(
            [SHELL, "-b", "py"], input=text, capture_output=True, text=True, timeout=60, check=True
        )
    assert done.stderr == ""
    return re.sub(r"\((?:open|visa)\) ", "", done.stdout).splitlines()


def responses(lines: list[str]) -> list[str]:
    return [line.removeprefix("Response: ") for line in lines if line.startswith("Response: ")]


def test_a_meter_is_read() -> None:
    twin = SimKeysight34461a(World(RealClock(speed=1000.0), seed=1), "SIM-DMM")
    twin.sense("voltage", lambda: 3.3)
    found = typed(twin, "query *IDN?", "write CONF:VOLT:DC 10", "query READ?", "query SYST:ERR?")
    identity, volts, error = responses(found)
    assert ",34461A,SIM-DMM," in identity
    assert float(volts) == pytest.approx(3.3, abs=1e-3)
    assert error == '+0,"No error"'


def test_what_an_instrument_does_not_know_has_no_answer_and_an_error_in_its_queue() -> None:
    twin = SimKeysight34461a(World(RealClock(speed=1000.0), seed=1), "SIM-DMM")
    found = typed(twin, "timeout 200", "query NONSENSE?", "timeout 2000", "query SYST:ERR?")
    assert any("VI_ERROR_TMO" in line for line in found)
    assert responses(found) == ['-113,"Undefined header"']


def test_a_supply_is_set_and_switched() -> None:
    twin = SimRigolDp832(World(RealClock(speed=1000.0), seed=1), "SIM-PSU")
    found = typed(twin, "write :APPL CH1,5,1", "write :OUTP CH1,ON", "query :OUTP? CH1")
    assert responses(found) == ["ON"]
    assert twin.drives["out1"].sample(np.array([0.0])) == pytest.approx(5.0, abs=0.01)
