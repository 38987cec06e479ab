"""Allan family: how noise averages down with time; exact, from rate or phase, one row a DUT.

Source: W. J. Riley, NIST SP 1065 (2008), section 5.2; the symbols x, y, m and tau are its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats

Ints = npt.NDArray[np.int64]
Kind = Literal["ADEV", "OADEV", "MDEV", "TDEV", "HDEV", "OHDEV"]
Given = Literal["rate", "phase"]
Gaps = Literal["refuse", "skip"]

BLOCK = 9984
"""Points worked on at a time: a few such buffers stay in a core's L2 cache, and BLAS (OpenBLAS
splits vectors from 10 000 on) does not wake threads for them."""


@dataclass(frozen=True, slots=True)
class _Estimator:
    """Order of the difference of x, whether it slides by one point, whether x is averaged first."""

    order: int
    overlapping: bool
    modified: bool = False


ESTIMATORS: dict[Kind, _Estimator] = {
    "ADEV": _Estimator(2, overlapping=False),
    "OADEV": _Estimator(2, overlapping=True),
    "MDEV": _Estimator(2, overlapping=True, modified=True),
    "TDEV": _Estimator(2, overlapping=True, modified=True),
    "HDEV": _Estimator(3, overlapping=False),
    "OHDEV": _Estimator(3, overlapping=True),
}


@dataclass(frozen=True, slots=True)
class Stability:
    """Deviation against averaging time, T factors for each record.

    `factors` (T,) are the averaging factors m, tau = m * `interval_s`; `deviation` (..., T) is in
    the unit of the rate (TDEV: of the phase), NaN where no term fits; `terms` (..., T) counts the
    differences averaged; `points` is the number of phase points Nx of an unbroken record.
    """

    kind: Kind
    interval_s: float
    points: int
    factors: Ints
    terms: Ints
    deviation: Floats

    @property
    def tau_s(self) -> Floats:
        """Return the averaging times (T,) in s."""
        return self.factors.astype(np.float64) * self.interval_s


def octaves(samples: int) -> Ints:
    """Return the averaging factors 1, 2, 4, ... up to samples / 9.

    IEEE 952 and 647 practice: beyond a ninth of the record too few clusters are left to report.

    >>> octaves(1000)
    array([ 1,  2,  4,  8, 16, 32, 64])
    """
    samples = inputs.count("samples", samples)
    if samples < 9:
        raise AnalysisError(f"{samples} samples are too few: an octave curve needs 9 or more")
    return 2 ** np.arange((samples // 9).bit_length(), dtype=np.int64)


def allan_deviation(
    data: npt.ArrayLike,
    interval_s: float,
    kind: Kind = "OADEV",
    *,
    factors: Sequence[int] | Ints | None = None,
    given: Given = "rate",
    gaps: Gaps = "refuse",
) -> Stability:
    """Return the deviation of each record of `data` (..., N), sampled every `interval_s` seconds.

    `given` says what the data are: a rate (deg/s, Pa, ...) or its integral, the phase (deg, ...).
    N rates give N + 1 phase points. `factors` default to `octaves(N)`.

    A missing sample is NaN. `gaps="refuse"` raises; `gaps="skip"` uses only differences that lie
    inside one unbroken stretch and says in `terms` how many there were. Nothing is interpolated.

    Raises AnalysisError: no samples, not numbers, infinite values, gaps, a record that never
    changes (a stuck sensor has no noise to measure), a factor below 1 or beyond the record, or a
    kind, `given` or `gaps` of another name.

    Memory: one copy of one record beside the data, whatever the number of factors.

    >>> nbs14 = [892, 809, 823, 798, 671, 644, 883, 903, 677]
    >>> allan_deviation(nbs14, 1.0, "OADEV", factors=[1, 2]).deviation.round(5)
    array([91.22945, 85.95287])
    """
    inputs.one_of("kind", kind, Kind)
    inputs.one_of("given", given, Given)
    inputs.one_of("gaps", gaps, Gaps)
    interval_s = inputs.number("interval_s", interval_s, 0.0, open_ends=True)
    records = _numbers(data)
    estimator = ESTIMATORS[kind]
    samples = records.shape[-1] - (given == "phase")
    m = octaves(samples) if factors is None else _factors(factors, samples, estimator.order)
    rows = records.reshape(-1, records.shape[-1])
    squares = np.zeros((len(rows), len(m)))
    terms = np.zeros((len(rows), len(m)), dtype=np.int64)
    for row, record in enumerate(rows):
        for stretch in _stretches(record, row, given, gaps):
            _add(_phase(stretch, interval_s, given), m, estimator, squares[row], terms[row])
    # The phase is in units of the interval, so tau^2 of the formulas is m^2 here.
    scale = (2.0, 6.0)[estimator.order - 2] * m ** (4.0 if estimator.modified else 2.0)
    with np.errstate(invalid="ignore"):
        deviation = np.sqrt(squares / (terms * scale))
    if kind == "TDEV":
        deviation *= m * interval_s / np.sqrt(3.0)
    shape = (*records.shape[:-1], len(m))
    return Stability(
        kind, interval_s, samples + 1, m, terms.reshape(shape), deviation.reshape(shape)
    )


def _numbers(data: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """Return the data as an array of numbers with samples on the last axis, not copied."""
    records = inputs.numbers("data", data)
    if not records.ndim or not records.size:
        raise AnalysisError(
            f"data must be numbers of shape (..., N), got {records.dtype} {records.shape}"
        )
    return records


def _factors(factors: npt.ArrayLike, samples: int, order: int) -> Ints:
    """Return the factors, each of which leaves at least one difference; AnalysisError if not."""
    m = inputs.numbers("factors", factors)
    longest = samples // order
    if m.ndim != 1 or not m.size or m.dtype.kind not in "iu" or m.min() < 1 or m.max() > longest:
        raise AnalysisError(
            f"averaging factors must be whole numbers from 1 to {longest} for {samples} samples, "
            f"got {m.tolist()}"
        )
    return m.astype(np.int64)


def _stretches(
    record: npt.NDArray[np.generic], row: int, given: str, gaps: str
) -> Iterator[npt.NDArray[np.generic]]:
    """Yield the unbroken parts of one record, once it is known to be usable."""
    known = np.array([True])
    with np.errstate(invalid="ignore", over="ignore"):  # of inf and -inf, or of the largest
        total = record.sum(dtype=np.float64)
    if not np.isfinite(total):
        known = ~np.isnan(record)
        if np.isinf(record).any():
            raise AnalysisError(f"record {row} holds infinite values or its sum overflows")
        if gaps != "skip":
            raise AnalysisError(
                f"record {row} has {np.count_nonzero(~known)} missing samples, the first at "
                f'{int(known.argmin())}; repeat the recording or pass gaps="skip"'
            )
    # Differences of integers would wrap.
    rate = np.diff(np.asarray(record, np.float64)) if given == "phase" else record
    if not known.all():
        rate = rate[~np.isnan(rate)]
    if not rate.size or rate.max() == rate.min():
        raise AnalysisError(
            f"record {row} never changes or is empty: a stuck sensor has no noise to show"
        )
    del rate
    if known.all():
        yield record
        return
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield record[start:stop]


def _phase(stretch: npt.NDArray[np.generic], interval_s: float, given: str) -> Floats:
    """Return x / interval as a fresh array, less its trend, to which all differences are blind.

    Left in, the trend would cost digits: the sums of 10^7 points grow with its square.
    """
    if given == "phase":
        x = stretch.astype(np.float64)
        if len(x) > 1:
            x -= x[0]
            x -= np.linspace(0.0, x[-1], len(x))
        x /= interval_s
        return x
    x = np.empty(len(stretch) + 1)
    x[0] = 0.0
    np.subtract(stretch, stretch.mean(dtype=np.float64), out=x[1:], dtype=np.float64)
    np.cumsum(x, out=x)
    return x


def _add(x: Floats, m: Ints, estimator: _Estimator, squares: Floats, terms: Ints) -> None:
    """Add this stretch's squared differences and their number, factor by factor. Uses up x."""
    order = estimator.order
    if estimator.modified:
        # X_k = x_0 + ... + x_(k-1): a difference of X of order 3 is one of means of x of order 2.
        x -= x.mean()
        x = np.concatenate(([0.0], x))
        np.cumsum(x, out=x)
        order += 1
    if estimator.overlapping:
        squares += _sums_of_squares(x, m, order)
        terms += np.maximum(len(x) - order * m, 0)
        return
    for column, lag in enumerate(m.tolist()):
        grid = np.ascontiguousarray(x[::lag])
        squares[column] += _sums_of_squares(grid, np.ones(1, np.int64), order)[0]
        terms[column] += max(len(grid) - order, 0)


def _sums_of_squares(x: Floats, lags: Ints, order: int) -> Floats:
    """Return for each lag the sum of squares of all differences of x of order 2 or 3.

    Blocks go outside and lags inside, so that a block is read from memory once for all short lags.
    """
    from scipy.linalg.blas import daxpy  # noqa: PLC0415 - heavy

    # x_k weighs (1, -2, 1) or (-1, 3, -3, 1); the two ends are one operation.
    ends = np.add if order == 2 else np.subtract
    inner = {2: ((1, -2.0),), 3: ((1, 3.0), (2, -3.0))}[order]
    work = np.empty(BLOCK)
    squares = [0.0] * len(lags)
    columns = list(enumerate(lags.tolist()))
    for start in range(0, len(x), BLOCK):
        for column, lag in columns:
            last = start + order * lag
            size = min(BLOCK, len(x) - last)
            if size <= 0:
                continue
            difference = work[:size]
            ends(x[last : last + size], x[start : start + size], difference)
            for k, weight in inner:
                daxpy(x, difference, size, weight, start + k * lag)
            squares[column] += float(difference.dot(difference))
    return np.array(squares)
