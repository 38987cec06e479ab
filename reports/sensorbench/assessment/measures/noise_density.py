"""White noise level of a stream at rest, one-sided, and its spectrum (Welch)."""

from __future__ import annotations

import numpy as np

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.noise.spectrum import noise_density, welch_spectrum
from sensorbench.assessment.measures._streams import records, values_of, why_not
from sensorbench.assessment.measuring import Found, Inputs, series_of
from sensorbench.assessment.records import Floats
from sensorbench.assessment.results import Series

VERSION = "1"
_LOW, _HIGH = 0.05, 0.4  # of the sample rate: above slow drift, below the filter's edge
_SEGMENTS = 16
_LEAST = 64 * _SEGMENTS
_LONGEST = 4096
_SHOWN = 200


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the level of each unit, and its spectrum's root."""
    there, reasons = records(inputs)
    levels: dict[int, float] = {}
    curves: dict[int, tuple[Floats, Floats]] = {}
    for k, record in there.items():
        segment = min(_LONGEST, len(record.samples) // _SEGMENTS)
        try:
            spectrum = welch_spectrum(record.samples, record.rate_hz, segment)
            level = noise_density(spectrum, _LOW * record.rate_hz, _HIGH * record.rate_hz)
        except AnalysisError:
            reasons[k] = why_not(inputs, record.samples, _LEAST)
            continue
        levels[k] = float(level.one_sided)
        curves[k] = (spectrum.frequency_hz, np.sqrt(spectrum.psd_one_sided))
    sources = {k: record.sources[:1] for k, record in there.items()}
    found = Found(values_of(inputs, levels), reasons=reasons, sources=sources)
    if not curves:
        return [found], []
    frequency = next(iter(curves.values()))[0]
    chosen = np.unique(np.geomspace(1, len(frequency) - 1, _SHOWN).astype(int))
    table = np.full((len(inputs.numbers), len(chosen)), np.nan)
    for k, (own, root) in curves.items():
        # Units sample at rates of their own: all are shown at the frequencies of the first.
        table[k] = np.interp(frequency[chosen], own, root, right=np.nan)
    series = series_of(
        inputs, table, list(frequency[chosen]), "frequency_hz", "Hz", [{} for _ in chosen],
        [seq for own in sources.values() for seq in own], logarithmic=True,
    )  # fmt: skip
    return [found], [series]
