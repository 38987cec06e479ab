"""4 to 20 mA current loops: what of a measured current is a reading, and what a failure.

Source: NAMUR NE 43 (2003), recalled: a reading is 3.8 to 20.5 mA, a transmitter that failed drives
3.6 mA or less, or 21 mA or more. What is next to no current is an open loop. Estimates: where that
begins, and above which current a loop is shorted.
"""

from __future__ import annotations

from sensorbench.core.errors import ProtocolError, Saturated

ZERO_A, SPAN_A = 4e-3, 16e-3
LEAST_A, MOST_A = 3.8e-3, 20.5e-3
FAILED_LOW_A, FAILED_HIGH_A = 3.6e-3, 21e-3
OPEN_A, SHORT_A = 0.5e-3, 24e-3


def share(current_a: float) -> float:
    """Return which share of the range a current is, 0 at 4 mA and 1 at 20 mA.

    Raises Saturated under and over the range, ProtocolError for an open or shorted loop and for a
    transmitter that reports a failure.

    >>> share(0.004), share(0.012), round(share(0.0203), 5)
    (0.0, 0.5, 1.01875)
    """
    shown = f"the loop carries {current_a * 1e3:.4g} mA"
    if not current_a > OPEN_A:
        raise ProtocolError(
            f"{shown}: it is open, reversed or without supply. Check its wires and the supply"
        )
    if current_a >= SHORT_A:
        raise ProtocolError(
            f"{shown}, more than a transmitter drives: it is shorted. Check its wires"
        )
    if current_a <= FAILED_LOW_A or current_a >= FAILED_HIGH_A:
        raise ProtocolError(
            f"{shown}: the transmitter reports a failure of its own (NAMUR NE 43: up to 3.6 mA, or "
            "from 21 mA on). Look at its sensor, or take another"
        )
    if not LEAST_A <= current_a <= MOST_A:
        raise Saturated(
            f"{shown}, a reading is {LEAST_A * 1e3:g} to {MOST_A * 1e3:g} mA (NAMUR NE 43): it "
            f"stands at the {'lower' if current_a < LEAST_A else 'upper'} end of its range"
        )
    return (current_a - ZERO_A) / SPAN_A
