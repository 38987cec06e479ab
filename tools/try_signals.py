"""Send pairs of signals to runs over real ports, and count the benches that were left on.

python tools/try_signals.py [STEP_MS] > table.md

Three kinds of signal by three, the second 0 to 200 ms after the first in steps of STEP_MS (10): 189
runs, each against twins in a program of their own. Takes about 25 minutes in steps of 10 ms.
"""

from __future__ import annotations

import itertools
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.bench.safety.served import Served, served

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_MS = 200


def one(bench: Served, first: signal.Signals, second: signal.Signals, pause_s: float) -> str:
    """Run, send both, and return "" if the bench is safe and the person was told so."""
    program = bench.run()
    if not bench.is_on():
        return "was never on"
    program.send_signal(first)
    time.sleep(pause_s)
    if program.poll() is None:
        program.send_signal(second)
    _, said = program.communicate(timeout=60)
    if bench.is_on():
        return "left on"
    return "" if "the bench is in its safe state" in said else f"not told: {said!r}"


def main() -> None:
    """Print a row a pair: how many runs, how many were left on."""
    step_ms = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    sys.stdout.write("| first | second | runs | wrong |\n| --- | --- | --- | --- |\n")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as bench:
        for first, second in itertools.product(SIGNALS, SIGNALS):
            pauses = range(0, LONGEST_MS + 1, step_ms)
            found = [one(bench, first, second, ms / 1000) for ms in pauses]
            wrong = [text for text in found if text]
            row = f"| {first.name} | {second.name} | {len(found)} | {len(wrong)} {wrong[:2]} |"
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
