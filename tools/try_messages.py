"""Send random and mutated messages to every twin on a line, and spoil replies to every driver.

python tools/try_messages.py COUNT [--seed N] [--only DEVICE]

COUNT messages in all go to the twins, and a quarter as many spoilt replies to the drivers; as many
again of each go through the framings of Modbus and AIBUS. With `--only` all go to one device, and
none through the framings. None may make a twin fail or hang, an unknown header is an error in the
queue, and no spoilt reply becomes a value. Prints a line a device; exits with 1 where something
did.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.drivers.aibus_messages import told_splitter
from tests.drivers.messages import FACES, ON_LINES, replied, told_face, told_twin
from tests.drivers.modbus_messages import Medium, told_client, told_device

SHOWN = 20
FRAMINGS: dict[str, Medium] = {
    "Modbus RTU": "serial", "Modbus ASCII": "ascii", "Modbus/TCP": "tcp",
}  # fmt: skip


def main() -> int:
    """Try as many as asked; 0 only if all went well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=ON_LINES, metavar="DEVICE")
    asked = parser.parse_args()
    chosen = {asked.only: ON_LINES[asked.only]} if asked.only else ON_LINES
    each, wrong = asked.count // len(chosen), 0
    for name, device in chosen.items():
        sent, spoilt = told_twin(device, each, asked.seed), replied(device, each // 4, asked.seed)
        wrong += _told(name, each, sent, spoilt)
    if asked.only:
        return int(wrong > 0)
    for name, make in FACES.items():
        wrong += _told(name, each, told_face(make, each, asked.seed), iter(()))
    each = asked.count // len(FRAMINGS)
    for name, medium in FRAMINGS.items():
        sent = told_device(medium, each, asked.seed)
        wrong += _told(name, each, sent, told_client(medium, each // 4, asked.seed))
    wrong += _told("AIBUS", each, told_splitter(each, asked.seed), iter(()))
    return int(wrong > 0)


def _told(name: str, count: int, sent: Iterator[str], spoilt: Iterator[str]) -> int:
    began = time.perf_counter()
    found = [*itertools.islice(sent, SHOWN), *itertools.islice(spoilt, SHOWN)]
    took_s = time.perf_counter() - began
    sys.stdout.write(f"{name}: {count} messages, {count // 4} replies, {took_s:.0f} s: ")
    sys.stdout.write(f"{len(found)} went wrong\n" + "".join(f"  {text}\n" for text in found))
    sys.stdout.flush()
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
