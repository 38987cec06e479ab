"""A sweep of many parts takes the time of one conversion: all are started before one is read."""

from pathlib import Path

import pytest

from ...workspaces import BUS, HEAD, events, lot, run, write

THERMOMETER = (
    '[part]\nname = "T117"\ndriver = "tmp117"\n[range.supply]\nnominal = "3.3 V"\nmax = "3.6 V"\n'
)
EVERY_S = 5.0
RECORD = f'[[phase]]\nkind = "record"\nname = "r"\nduration = "20 s"\nevery = "{EVERY_S:g} s"\n'


def sweeps_s(root: Path, count: int) -> list[float]:
    """Return how long each sweep of `count` TMP117 behind multiplexers took, the first aside.

    With the first the parts are identified.
    """
    sockets = "".join(
        f'\n[[socket]]\nid = "S{n}"\nlink = {{ bus = "bus0", multiplexer = {0x70 + n // 32:#04x}, '
        f"channel = {n // 4 % 8}, address = {0x48 + n % 4:#04x} }}\n"
        for n in range(77)
    )
    station = BUS + '\n[bench.supply]\nfixed = "3.3 V"\n' + sockets
    units = {"T": lot("T", "thermometer", [f"4CECB5{n:06X}" for n in range(count)])}
    outcome = run(write(root, RECORD, station, {"thermometer": THERMOMETER}, units, HEAD))
    return [event.t % EVERY_S for event in events(outcome, "monitor")[1:]]


def test_seventy_seven_conversions_take_the_time_of_one(tmp_path: Path) -> None:
    one, many = sweeps_s(tmp_path / "one", 1), sweeps_s(tmp_path / "many", 77)
    assert one == pytest.approx([0.14] * 4, abs=0.02)
    assert many == pytest.approx(one, abs=0.02)
