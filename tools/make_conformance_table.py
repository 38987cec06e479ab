"""Try everything on every device of ours, and write docs/devices/conformance.md.

python tools/make_conformance_table.py

A cell says what came of a check: `ok`, `-` where there is nothing to check
(no FIFO, no memory), MISSING where a device fails it; then this exits with 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sensorbench.core.catalog import Device, devices, left_out
from sensorbench.core.plugins import OURS
from sensorbench.testing.cases import case_of
from sensorbench.testing.conformity import applies_to
from sensorbench.testing.instruments import INSTRUMENT_CHECKS
from sensorbench.testing.sensors import SENSOR_CHECKS

PAGE = Path(__file__).parents[1] / "docs" / "devices" / "conformance.md"
HEAD = """# What every device keeps

Written by `tools/make_conformance_table.py`, which tries each check on each device: `ok` is kept,
`-` is nothing that the device has. `sensorbench check-device NAME` tries one, also of yours.
"""
Check = Callable[[Any], None]


def main() -> int:
    """Write the page; 1 where a device fails a check, or can't be used at all."""
    parts = [HEAD]
    for kind, checks in (("sensor", SENSOR_CHECKS), ("instrument", INSTRUMENT_CHECKS)):
        ours = [d for d in devices().values() if d.origin == OURS and d.kind == kind]
        parts.append("\n".join(table(kind, ours, checks)) + "\n")
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    for problem in left_out():
        sys.stderr.write(f"{problem}\n")
    return int(any("MISSING" in part for part in parts) or bool(left_out()))


def table(kind: str, ours: Sequence[Device], checks: Sequence[Check]) -> Iterator[str]:
    """Yield the lines of a kind's table and of what its columns are."""
    yield f"## {kind.capitalize()}s\n"
    for number, check in enumerate(checks, 1):
        yield f"{number}. {(check.__doc__ or check.__name__).strip().splitlines()[0]}"
    yield f"\n| {kind} | {' | '.join(str(n) for n in range(1, len(checks) + 1))} |"
    yield f"| --- | {' | '.join('---' for _ in checks)} |"
    for device in ours:
        cells = [cell(device, check) for check in checks]
        yield f"| [{device.name}]({device.name}.md) | {' | '.join(cells)} |"


def cell(device: Device, check: Check) -> str:
    """Return what came of a check."""
    case = case_of(device)
    if not applies_to(check, case):
        return "-"
    try:
        check(case)
    except Exception as error:
        sys.stderr.write(f"{device.name}: {check.__name__}: {type(error).__name__}: {error}\n")
        return "MISSING"
    return "ok"


if __name__ == "__main__":
    sys.exit(main())
