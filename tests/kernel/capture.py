"""Samples that a driver puts into IIO's buffer, each when a trigger is fired by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .guest import Guest, Node

_TYPE = re.compile(r"([bl])e:([su])(\d+)/(\d+)>>(\d+)")


@dataclass(frozen=True, slots=True)
class Element:
    """A channel within a sample, by its `_type` (Linux, ABI/testing/sysfs-bus-iio)."""

    name: str
    index: int
    is_big_endian: bool
    is_signed: bool
    bits: int
    size: int
    shift: int

    def decode(self, data: bytes) -> int:
        """Return the raw value of `size` bytes."""
        word = int.from_bytes(data, "big" if self.is_big_endian else "little") >> self.shift
        word &= (1 << self.bits) - 1
        return word - (1 << self.bits) if self.is_signed and word >> (self.bits - 1) else word


def element(name: str, index: str, form: str) -> Element:
    """Make one of what sysfs says of it.

    >>> element("in_temp", "1", "be:s12/16>>4").decode(b"\\xff\\xf0")
    -1
    """
    found = _TYPE.fullmatch(form)
    assert found is not None, form
    end, sign, bits, storage, shift = found.groups()
    size = int(storage) // 8
    return Element(name, int(index), end == "b", sign == "s", int(bits), size, int(shift))


def rows(elements: list[Element], data: bytes) -> list[dict[str, int]]:
    """Split samples into channels: each at a multiple of its size, and so the sample's own."""
    places, end = {}, 0
    for one in elements:
        places[one.name] = start = -(-end // one.size) * one.size
        end = start + one.size
    largest = max(one.size for one in elements)
    length = -(-end // largest) * largest
    assert len(data) % length == 0, (len(data), length)
    return [
        {
            one.name: one.decode(data[at + places[one.name] : at + places[one.name] + one.size])
            for one in elements
        }
        for at in range(0, len(data), length)
    ]


def capture(guest: Guest, node: Node, count: int, pause_s: float) -> list[dict[str, int]]:
    """Return `count` samples of all channels but the time, each so long after the one before."""
    folder, triggers = f"{node.path}/scan_elements", "/sys/bus/iio/devices"
    names = guest.run(f"cd {folder}; ls -d *_en; cd /").split()
    channels = [name.removesuffix("_en") for name in names if name != "in_timestamp_en"]
    told = {n: guest.run(f"cat {folder}/{n}_index {folder}/{n}_type").split() for n in channels}
    elements = [element(name, index, form) for name, (index, form) in told.items()]
    elements.sort(key=lambda one: one.index)
    guest.run(f"echo 0 > {triggers}/iio_sysfs_trigger/add_trigger")
    try:
        for name in channels:
            guest.run(f"echo 1 > {folder}/{name}_en")
        node.set("trigger/current_trigger", "sysfstrig0")
        node.set("buffer/length", 2 * count)
        node.set("buffer/enable", 1)
        guest.run(f"sleep {pause_s}")  # some wake up only now
        fire = f"echo 1 > {triggers}/trigger0/trigger_now; sleep {pause_s}"
        # On a busy machine a trigger may come while the driver still reads: then it is for nothing.
        there = f"$(cat {node.path}/buffer/data_available)"
        left = f"[ {there} -lt {count} ] && [ $n -lt {10 * count} ]"
        guest.run(f"n=0; while {left}; do {fire}; n=$((n+1)); done")
        arrived = int(node.number("buffer/data_available"))
        assert arrived >= count, f"{arrived} of {count} samples arrived"
        device = f"/dev/{node.path.rpartition('/')[2]}"
        # One read of all that is there: the next one would wait for more.
        read = guest.run(f"dd if={device} bs=4096 count=1 2>/dev/null | od -v -A n -t x1")
        return rows(elements, bytes.fromhex(read))[:count]
    finally:
        node.set("buffer/enable", 0)
        node.set("trigger/current_trigger", "")
        guest.run(f"echo 0 > {triggers}/iio_sysfs_trigger/remove_trigger")
