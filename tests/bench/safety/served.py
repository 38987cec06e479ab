"""A bench whose twins live in a program of their own, as real instruments do: ports and all."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

STATE = "SENSORBENCH_STATE"
PROGRAM = [sys.executable, "-m", "sensorbench.app.main"]
TWINS = """
[station]
name = "served"

[simulation]
seed = 9
"""
INSTRUMENTS = {"chamber": "espec_p300", "psu": "keysight_e36312a", "dmm": "keysight_34461a"}
BENCH = """
[bench.temperature]
set = "chamber.temperature"
reference = "set"
low = "-45 degC"
high = "130 degC"

[bench.supply]
set = "psu.out1"
high = "5.6 V"

[[socket]]
id = "S01"
output = "dmm.voltage"
supply = "psu.out1"
"""
PROTECTION = f"""
[protection.limiters]
guards = ["chamber", "psu"]
what = "over-temperature limiter 140 degC, fuse 1 A"
tested = {datetime.now(UTC).astimezone().date()}
"""
PART = """
[part]
name = "SBP1A"
driver = "sbp1_analog"
title = "SBP1-A"
grade = 1

[range.temperature]
min = "-40 degC"
max = "125 degC"

[range.supply]
min = "4.5 V"
nominal = "5.0 V"
max = "5.5 V"
limit = "20 mA"
"""
LOT = '[lot]\nid = "A"\npart = "sbp1a"\n\n[[unit]]\nserial = "A-0001"\nsocket = "S01"\n'
PROFILE = """
id = "own/bake"
title = "Bake"
source = "own"

[soak]
temperature = { within = "200 K", held = "200 K", for = "1 s", timeout = "4 h" }

[[phase]]
kind = "stress"
name = "bake"
set = { temperature = "125 degC" }
hours = "10 h"
start = "always"
test = { before = [], after = [] }
monitor = { every = "5 s" }
"""


@dataclass(slots=True)
class Served:
    """Where the twins are, and the workspace that reaches them over these ports."""

    root: Path
    ports: dict[str, int]
    programs: list[subprocess.Popen[str]] = field(default_factory=list)

    def tell(self, name: str, line: str) -> None:
        """Tell a twin on TCP something that it does not answer."""
        with socket.create_connection(("127.0.0.1", self.ports[name]), 5) as link:
            link.sendall(line.encode() + b"\n")

    def ask(self, name: str, line: str) -> str:
        """Return what a twin on TCP answers to somebody else."""
        with socket.create_connection(("127.0.0.1", self.ports[name]), 5) as link:
            link.sendall(line.encode() + b"\n")
            return link.makefile().readline().strip()

    def is_on(self) -> bool:
        """Return whether the supply feeds the part."""
        return self.ask("psu", "OUTP? (@1)") == "1"

    def run(self, *words: str, program_words: Sequence[str] = PROGRAM) -> subprocess.Popen[str]:
        """Start a run, and return once it holds."""
        before = len(self.journals())
        program = subprocess.Popen(
            [*program_words, "run", "profiles/bake.toml", "--lot", "a", *words],
            cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.programs.append(program)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            now = self.journals()
            if len(now) > before and '"kind":"monitor"' in now[-1].read_text(encoding="utf-8"):
                return program
            if program.poll() is not None:
                break
            time.sleep(0.05)
        program.kill()
        out, err = program.communicate()
        raise AssertionError(f"the run did not begin: {out}{err}")

    def kill_with_its_watchdog(self, program: subprocess.Popen[str]) -> None:
        """Leave the bench as a power cut of the computer would."""
        for pid in watchdogs(self.root.parent / "state"):
            os.kill(pid, signal.SIGKILL)
        program.kill()
        program.wait()

    def journals(self) -> list[Path]:
        """Return the journals of all runs, the newest last."""
        return sorted(self.root.glob("evidence/*/journal.jsonl"), key=lambda path: path.parent.name)


def station(links: dict[str, str]) -> str:
    """Return station.toml's instruments with their links."""
    return "".join(
        f'\n[instrument.{name}]\nmodel = "{model}"\nlink = {links[name]}\n'
        for name, model in INSTRUMENTS.items()
    )


def write(root: Path, text: str) -> None:
    """Write a workspace."""
    for name, content in {
        "station.toml": text, "parts/sbp1a.toml": PART, "lots/a.toml": LOT,
        "profiles/bake.toml": PROFILE,
    }.items():  # fmt: skip
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


@contextmanager
def served(root: Path) -> Iterator[Served]:
    """Serve the twins from a program of their own, and write a workspace that reaches them.

    What runs leave on it is kept in a state folder of its own; watchdogs end with it.
    """
    before = os.environ.get(STATE)
    os.environ[STATE] = str(root / "state")
    try:
        with _served(root) as bench:
            try:
                yield bench
            finally:
                for program in bench.programs:
                    program.kill()
                for pid in watchdogs(root / "state"):
                    with suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
    finally:
        os.environ.pop(STATE)
        if before is not None:
            os.environ[STATE] = before


def watchdogs(of: Path) -> list[int]:
    """Return the processes that watch over runs whose marks lie below a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = path.read_bytes()
            if b"sensorbench.safety.watchdog" in line and str(of).encode() in line:
                found.append(int(path.parent.name))
    return found


@contextmanager
def _served(root: Path) -> Iterator[Served]:
    simulated = dict.fromkeys(INSTRUMENTS, '{ kind = "simulated" }')
    write(root / "twins", TWINS + station(simulated) + BENCH)
    program = subprocess.Popen(
        [*PROGRAM, "simulate", "twins", "--json"], cwd=root, stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout is not None
        told = [json.loads(program.stdout.readline()) for _ in INSTRUMENTS]
        links = {
            one["name"]: f'{{ kind = "serial", port = "{one["address"]}" }}'
            if one["kind"] == "pty"
            else f'{{ kind = "tcp", host = "127.0.0.1", port = {one["port"]} }}'
            for one in told
        }
        write(
            root / "bench", TWINS.partition("[simulation]")[0] + station(links) + BENCH + PROTECTION
        )
        yield Served(root / "bench", {o["name"]: o["port"] for o in told if o["kind"] == "tcp"})
    finally:
        program.terminate()
        program.wait(10)
