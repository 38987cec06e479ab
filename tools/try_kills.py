"""Kill and stop runs over real ports, and measure how long their benches were left on.

python tools/try_kills.py [KILLS] [STOPS] [BOTH] > table.md

KILLS runs (100) are killed at a moment of their hold that differs from run to run; STOPS (3) are
stopped as a debugger would; of BOTH (10) the watchdog is killed, too, while `sensorbench guard`
stands by. Each against twins in a program of their own, over TCP and a pseudo-terminal. Takes about
15 minutes.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.bench.safety.served import PROGRAM, Served, served

from sensorbench.safety import marks

_MOST_S = 120.0


def until_safe(bench: Served, end: Callable[[subprocess.Popen[str]], None]) -> float:
    """Run, end the run so, and return after how many s its supply was off and the mark said so."""
    program = bench.run()
    time.sleep(random.uniform(0.0, 1.0))  # noqa: S311 - any moment will do
    end(program)
    start = time.monotonic()
    while bench.is_on() and time.monotonic() - start < _MOST_S:
        time.sleep(0.02)
    took_s = time.monotonic() - start
    while not any(mark.state == marks.SAFE for mark in marks.marks()):
        if time.monotonic() - start > _MOST_S:
            return float("inf")
        time.sleep(0.02)
    program.wait()
    subprocess.run(  # noqa: S603 - our own program
        [*PROGRAM, "acknowledge", "--by", "try_kills"], cwd=bench.root, check=True,
        capture_output=True,
    )  # fmt: skip
    return took_s


def rows(kills: int, stops: int, both: int) -> Iterator[tuple[str, list[float]]]:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as bench:
        yield "killed", [until_safe(bench, lambda p: p.kill()) for _ in range(kills)]
        yield (
            "stopped",
            [until_safe(bench, lambda p: p.send_signal(signal.SIGSTOP)) for _ in range(stops)],
        )
        guard = subprocess.Popen([*PROGRAM, "guard"], stderr=subprocess.DEVNULL)  # noqa: S603 - ours
        try:
            yield (
                "both killed, with a guard",
                [until_safe(bench, bench.kill_with_its_watchdog) for _ in range(both)],
            )
        finally:
            guard.kill()


def main() -> None:
    """Print a row a way: how many runs, and how long until they were safe."""
    counts = [int(word) for word in sys.argv[1:]]
    kills, stops, both = (*counts, *(100, 3, 10)[len(counts) :])
    sys.stdout.write(
        "| run | times | left on | median s | longest s |\n| --- | --- | --- | --- | --- |\n"
    )
    for name, found in rows(kills, stops, both):
        if not found:
            continue
        left = sum(took == float("inf") for took in found)
        row = f"| {name} | {len(found)} | {left} | {median(found):.2f} | {max(found):.2f} |"
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
