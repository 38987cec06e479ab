"""How a part stores its calibration: a polynomial in its raw counts, in fixed point."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FixedPointPolynomial:
    """What a part computes on chip: sum of c_ij * r^i * t^j, scaled to a physical quantity.

    `inputs` names the channels of the raw counts r and t, both over `raw_full_scale`; the sum times
    `half_span` plus `centre` is the quantity in its canonical unit. Each c_ij is stored as a two's
    complement integer of `bits` bits with `fraction_bits` behind the point.
    """

    quantity: str
    inputs: tuple[str, str]
    terms: tuple[tuple[int, int], ...]
    raw_full_scale: float
    centre: float
    half_span: float
    bits: int
    fraction_bits: int

    @property
    def lsb(self) -> float:
        """Return the value of one step of a stored coefficient."""
        return 2.0**-self.fraction_bits

    @property
    def limit(self) -> int:
        """Return the largest stored coefficient; the smallest is -limit - 1."""
        return (1 << (self.bits - 1)) - 1
