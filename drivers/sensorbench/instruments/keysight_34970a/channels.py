"""Channels of a data acquisition unit: lists of them, probes, and the fields of a reading.

Source: Agilent 34970A user guide, pages 78, 104, 228 (lists, fields of a reading).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.protocols.scpi import parse_number

SLOTS, A_SLOT = (1, 2, 3), 20
CHANNELS: tuple[int, ...] = tuple(
    100 * slot + one for slot in SLOTS for one in range(1, A_SLOT + 1)
)
_LIST = re.compile(r"\d{3}(:\d{3})?(,\d{3}(:\d{3})?)*")
_READING = re.compile(r"\s*(\S+) (\S+)\s*")
_PROBES = {
    "TC": ("B", "E", "J", "K", "N", "R", "S", "T"),
    "RTD": ("85", "91"),
    "FRTD": ("85", "91"),
    "THER": ("2252", "5000", "10000"),
}
_FIRST_PARTNER = A_SLOT // 2 + 1


def parse_list(text: str) -> tuple[int, ...]:
    """Return the channels of a list as instruments write it.

    Raises SetpointError for what is no list, and for channels that are not there.

    >>> parse_list("101:103,205")
    (101, 102, 103, 205)
    """
    plain = text.replace(" ", "").removeprefix("(@").removesuffix(")")
    found: list[int] = []
    for part in plain.split(",") if _LIST.fullmatch(plain) else ():
        first, _, last = part.partition(":")
        if first[0] == (last or first)[0]:
            found += range(int(first), int(last or first) + 1)
    if not found or not set(found) <= set(CHANNELS):
        raise SetpointError(
            f"{text!r} is no list of channels such as 101:110,205: slots are 1 to 3, channels of "
            f"one 01 to {A_SLOT}, and a range stays within its slot"
        )
    return tuple(sorted(set(found)))


def show_list(channels: Iterable[int]) -> str:
    """Return a list as it is sent, ascending, with ranges.

    >>> show_list([205, 101, 103, 102])
    '(@101:103,205)'
    """
    runs: list[list[int]] = []
    for channel in sorted(set(channels)):
        if runs and channel == runs[-1][-1] + 1:
            runs[-1].append(channel)
        else:
            runs.append([channel])
    return f"(@{','.join(f'{r[0]}:{r[-1]}' if len(r) > 1 else f'{r[0]}' for r in runs)})"


def parse_probes(probes: Mapping[str, str]) -> dict[int, str]:
    """Return the parameters of CONFigure:TEMPerature by channel, from "TC K", "FRTD 85".

    Raises SetpointError for a probe that there is not, and for two at one channel: a 4-wire probe
    takes the channel ten further, too.
    """
    found: dict[int, str] = {}
    for text, probe in probes.items():
        kind, _, of = str(probe).upper().partition(" ")
        if of.strip() not in _PROBES.get(kind, ()):
            known = "; ".join(f"{name} {', '.join(of)}" for name, of in _PROBES.items())
            raise SetpointError(f"probes: {probe!r} at {text} is none of {known}")
        for channel in parse_list(text):
            if kind == "FRTD" and channel % 100 >= _FIRST_PARTNER:
                raise SetpointError(
                    f"probes: a 4-wire probe is at 01 to {_FIRST_PARTNER - 1} of a slot and takes "
                    f"the channel ten further as well; {channel} can't have one"
                )
            if channel in found:
                raise SetpointError(f"probes: channel {channel} has two: {found[channel]}, {probe}")
            found[channel] = f"{kind},{of.strip()}"
    taken = [c for c, p in found.items() if p.startswith("FRTD") and c + A_SLOT // 2 in found]
    if taken:
        raise SetpointError(
            f"probes: channel {taken[0] + A_SLOT // 2} is the other pair of wires of {taken[0]}"
        )
    return found


def parse_scan(
    reply: str, units: Mapping[int, Sequence[str]], command: str
) -> dict[int, float | InstrumentError]:
    """Return the readings of a sweep with units and channels, by channel.

    One that is overloaded or open has its error there. `units` are what each channel's may be.
    Raises ProtocolError for another count, channel, order or unit.

    >>> parse_scan("+2.5E+00 VDC,101,+2.3E+01 C,205", {101: ("VDC",), 205: ("C",)}, "READ?")
    {101: 2.5, 205: 23.0}
    """
    fields = reply.split(",")
    if len(fields) != 2 * len(units):
        raise ProtocolError(
            f"{command!r} answered {len(fields)} fields, expected {2 * len(units)}: "
            f"{reply[:80]!r}. Does another program use the unit?"
        )
    values: dict[int, float | InstrumentError] = {}
    for channel, told, where in zip(sorted(units), fields[::2], fields[1::2], strict=True):
        match = _READING.fullmatch(told)
        if match is None or match[2] not in units[channel] or where.strip() != str(channel):
            raise ProtocolError(
                f"{command!r} answered {told!r} of channel {where!r}, expected a number in "
                f"{' or '.join(units[channel])} of channel {channel}"
            )
        try:
            values[channel] = parse_number(match[1], command)
        except InstrumentError as error:
            text = f"channel {channel}: {error.text}"
            values[channel] = InstrumentError(command, error.code, text)
    return values
