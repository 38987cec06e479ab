"""Random numbers by counter: the same key and counter give the same number, in any order.

A stream is keyed by (seed, lot, serial, channel …), so a unit's values don't depend on which
other units are simulated or on when they are asked for.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

_NORMAL = NormalDist()
_SCALE = 1.0 / 2**64


class Stream:
    """BLAKE2b of the counter, keyed by the stream's names (RFC 7693 keyed mode)."""

    __slots__ = ("_state",)

    def __init__(self, *key: str | int) -> None:
        text = "\x1f".join(str(part) for part in key)
        digest = hashlib.blake2b(text.encode(), digest_size=32).digest()
        self._state = hashlib.blake2b(key=digest, digest_size=8)

    def uniform(self, counter: int = 0) -> float:
        """Return a number above 0 and below 1."""
        state = self._state.copy()
        state.update(counter.to_bytes(8, "little", signed=True))
        # Half a step up: neither end can come out, so that the normal quantile is finite.
        return (int.from_bytes(state.digest(), "little") // 2048 * 2048 + 1024) * _SCALE

    def normal(self, counter: int = 0) -> float:
        """Return a standard normal number."""
        return _NORMAL.inv_cdf(self.uniform(counter))


@lru_cache(maxsize=4096)
def stream(*key: str | int) -> Stream:
    """Return the stream of that key; making one costs more than drawing from it."""
    return Stream(*key)


def normals(key: tuple[str | int, ...], first: int, count: int) -> npt.NDArray[np.float64]:
    """Return the standard normal numbers `first` to `first + count` of the stream `key`.

    Number k is the same in whatever blocks it is asked for: Philox is a counter-based generator
    (Salmon et al., SC11), and each number is made of one of its words by the inverse distribution.
    """
    from scipy.special import ndtri  # noqa: PLC0415 - heavy, and only streams need it

    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
    counter, skipped = divmod(first, 4)  # a counter gives four words
    generator = np.random.Philox(
        key=np.frombuffer(digest, "<u8"), counter=np.array([counter, 0, 0, 0], dtype=np.uint64)
    )
    words = generator.random_raw(skipped + count)[skipped:]
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return np.asarray(ndtri(uniform))
