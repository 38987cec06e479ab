"""LSM6DSO bytes to numbers: output registers and the words of the FIFO, a burst at a time.

A FIFO word is 7 bytes: a tag (sensor in bits 7:3, counter in 2:1, even parity in 0), then three
axes of 16 bits, low byte first. Words of one sampling instant have the same counter, and the next
instant's is one more, so that a word that was lost or damaged shows.
Source: hal_st lsm6dso_reg.h; the counter's meaning is recalled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import ChecksumError, ProtocolError

WORD_BYTES, WORDS_PER_SET = 7, 2
GYROSCOPE, ACCELEROMETER = 1, 2
LOWEST, HIGHEST = -32768, 32767

Counts = npt.NDArray[np.int16]
_EVEN = np.array([byte.bit_count() % 2 == 0 for byte in range(256)])


def decode_axes(data: bytes) -> tuple[int, ...]:
    """Convert output registers to signed words, low byte first.

    >>> decode_axes(bytes.fromhex("0940 e803"))
    (16393, 1000)
    """
    return tuple(
        int.from_bytes(data[start : start + 2], "little", signed=True)
        for start in range(0, len(data), 2)
    )


def decode_temperature(raw: int) -> float:
    """Convert the temperature word to degC. Source: hal_st lsm6dso_reg.c.

    >>> decode_temperature(256)
    26.0
    """
    return 25.0 + raw / 256.0


def is_saturated(counts: Counts) -> bool:
    """Return whether any word lies at an end of its range."""
    return bool(((counts == HIGHEST) | (counts == LOWEST)).any())


class FifoDecoder:
    """Puts FIFO words together to sets of six axes, over the seams between bursts.

    A set is accelerometer x, y, z, then gyroscope x, y, z. The first half of a set at the end of a
    burst waits for the next burst.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._counter: int | None = None

    def feed(self, data: bytes, *, lost: bool = False) -> Counts:
        """Return the sets that these words complete, shape (n, 6).

        `lost` says that the part has overwritten words before these. Raises ProtocolError for a
        damaged tag, a tag that was not asked for, and a gap in the counters.
        """
        if lost:
            self._rest, self._counter = b"", None
        data = self._rest + data
        if len(data) % WORD_BYTES:
            raise ProtocolError(f"{len(data)} bytes are no whole number of {WORD_BYTES}-byte words")
        tags = np.frombuffer(data, np.uint8)[::WORD_BYTES]
        sensor, counter = _read_tags(tags)
        # What is left of a set whose other half was overwritten.
        start = int(self._counter is None and len(tags) > 1 and counter[0] != counter[1])
        sets = (len(tags) - start) // WORDS_PER_SET
        end = start + sets * WORDS_PER_SET
        self._check_counters(sensor[start:end], counter[start:end], tags[start:end])
        self._rest = data[end * WORD_BYTES :]
        if not sets:
            return np.empty((0, 6), np.int16)
        self._counter = int(counter[end - 1])
        axes = np.ndarray(
            (sets, WORDS_PER_SET, 3), "<i2", data, start * WORD_BYTES + 1,
            (WORDS_PER_SET * WORD_BYTES, WORD_BYTES, 2),
        )  # fmt: skip
        return _by_sensor(axes, sensor[start:end:WORDS_PER_SET] == GYROSCOPE)

    def _check_counters(
        self,
        sensor: npt.NDArray[np.uint8],
        counter: npt.NDArray[np.uint8],
        tags: npt.NDArray[np.uint8],
    ) -> None:
        first, second = counter[::2], counter[1::2]
        fits = (first == second) & (sensor[::2] != sensor[1::2])
        fits[1:] &= (first[1:] - first[:-1]) & 3 == 1
        if self._counter is not None and len(fits):
            fits[0] &= (int(first[0]) - self._counter) & 3 == 1
        if not fits.all():
            at = int(np.argmin(fits))
            found = tags[2 * at : 2 * at + 2].tobytes().hex(" ")
            raise ProtocolError(
                f"the FIFO has a gap at set {at} of {len(fits)}: tags {found} do not follow on. "
                "Words were lost on the way, or somebody else reads this part"
            )


def _read_tags(
    tags: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    sensor = (tags >> 3).astype(np.uint8)
    good = _EVEN[tags]
    if not good.all():
        at = int(np.argmin(good))
        raise ChecksumError(
            f"tag {tags[at]:#04x} of FIFO word {at} has odd parity: damaged on the wire. "
            "Check pull-ups, cable length and bus clock"
        )
    known = (sensor == GYROSCOPE) | (sensor == ACCELEROMETER)
    if not known.all():
        at = int(np.argmin(known))
        raise ProtocolError(
            f"FIFO word {at} has tag {tags[at]:#04x}, sensor {sensor[at]}: only the gyroscope (1) "
            "and the accelerometer (2) were switched on. Does somebody else use this part?"
        )
    return sensor, (tags >> 1 & 3).astype(np.uint8)


def _by_sensor(axes: npt.NDArray[np.int16], gyroscope_first: npt.NDArray[np.bool_]) -> Counts:
    """Return sets of two words each as rows, the accelerometer before the gyroscope."""
    rows = np.empty((len(axes), 6), np.int16)
    if gyroscope_first.all():
        rows[:, :3], rows[:, 3:] = axes[:, 1], axes[:, 0]
        return rows
    swap = gyroscope_first[:, np.newaxis]
    rows[:, :3] = np.where(swap, axes[:, 1], axes[:, 0])
    rows[:, 3:] = np.where(swap, axes[:, 0], axes[:, 1])
    return rows
