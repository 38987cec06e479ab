"""What intervals of `sensorbench.analysis` hold, by simulation: the figures of docs/analysis/*.md.

    python tools/measure_coverage.py [PART ...]

Parts: fits, robust, scatter, trend, noise, flicker, budget, lots, ppk, stress. Each line names its
case and the share of true values (or further readings) held; the confidence stated is 95 %
throughout.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from scipy.signal import fftconvolve

from sensorbench.analysis import (
    Estimate,
    Lifetimes,
    allan_deviation,
    combine,
    fit_curve,
    fit_life_stress,
    fit_robustly,
    noise_coefficients,
    percentile_performance,
    process_performance,
    trend,
    type_a,
    type_b,
)
from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.life.life_stress import LifeFamily, Work
from sensorbench.analysis.life.location_scale import Family
from sensorbench.analysis.life.stress_climb import Plane

CASES = 3000


def held(found: Estimate, true: Floats | float) -> str:
    """Return in % how often the interval holds the true value."""
    return f"{100 * ((found.low <= true) & (true <= found.high)).mean():.1f} %"


def say(*words: object) -> None:
    """Write one line of figures."""
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")


def fits() -> None:
    """Model and further reading of plain fits, and of stated uncertainties."""
    chance = np.random.default_rng(1)
    for points, degree in ((5, 1), (12, 1), (24, 3)):
        x = np.linspace(-1, 1, points)
        y = chance.normal(size=(CASES, points))
        new = chance.normal(size=(CASES, points))
        fit, known = fit_curve(x, y, degree), fit_curve(x, y, degree, uncertainty=1.0)
        say(
            f"fit of {points} points, degree {degree}: model", held(fit.confidence_interval(x), 0),
            "next reading", held(fit.prediction_interval(x), new),
            "stated uncertainty", held(known.confidence_interval(x), 0),
        )  # fmt: skip


def robust() -> None:
    """Robust fits of clean readings, and with one in twenty of ten times the scatter."""
    chance = np.random.default_rng(2)
    cases = ((5, 1), (6, 1), (8, 1), (10, 1), (12, 1), (8, 3), (10, 3), (14, 3), (24, 3), (42, 3))
    for points, degree in cases:
        x = np.tile(np.linspace(-1, 1, points), (CASES, 1))
        terms = tuple((i, 0) for i in range(degree + 1))
        for bad in (0.0, 0.05):
            y = chance.normal(size=x.shape) * np.where(chance.random(x.shape) < bad, 10, 1)
            for loss in ("huber", "bisquare"):
                fit = fit_robustly(x, 0 * x, y, terms, loss).fit  # type: ignore[arg-type]
                found = held(fit.confidence_interval(x[0]), 0)
                say(f"{loss}, {points} points, degree {degree}, {bad:.0%} bad:", found)


def scatter() -> None:
    """Cubics whose points scatter ten times as much at the ends as in the middle."""
    chance = np.random.default_rng(3)
    for points in (14, 24, 42, 100):
        x = np.linspace(-1, 1, points)
        u = 0.2 + 1.8 * np.abs(x)
        y = u * chance.normal(size=(CASES, points))
        plain, own = fit_curve(x, y, 3), fit_curve(x, y, 3, scatter="unequal")
        say(
            f"unequal scatter, {points} points: plain at the end",
            held(plain.confidence_interval(1.0), 0), "in the middle",
            held(plain.confidence_interval(0.0), 0), "HC3 at the end",
            held(own.confidence_interval(1.0), 0), "over all",
            held(own.confidence_interval(x), 0), "seen (5 %)",
            f"{(plain.unequal_scatter_p < 0.05).mean():.0%}",
        )  # fmt: skip


def rounded() -> None:
    """Rates of readouts rounded to a step of 1, drifting up to 2 steps in 1000 h."""
    chance = np.random.default_rng(4)
    for readouts in (3, 4, 12, 100):
        hours = np.linspace(0, 1000, readouts)
        for sigma in (0.0, 0.1, 0.5, 2.0):
            rate = chance.uniform(0, 2e-3, CASES)
            start = chance.uniform(-0.5, 0.5, CASES)
            noise = sigma * chance.normal(size=(CASES, readouts))
            values = np.rint(start[:, None] + rate[:, None] * hours + noise)
            shares = [
                ((t.rate_low <= rate) & (rate <= t.rate_high)).mean()
                for t in (trend(hours, values), trend(hours, values, resolution=1.0))
            ]
            say(
                f"{readouts} readouts, scatter {sigma} steps: without resolution {shares[0]:.1%},"
                f" with it {shares[1]:.1%}"
            )


def coloured(chance: np.random.Generator, samples: int, n: float, b: float, k: float) -> Floats:
    """Return 200 rates averaged over 1 s of white, flicker and random walk noise."""
    length = 2 * samples
    f = np.arange(1, length // 2 + 1) / length
    density = np.full(len(f), float(n**2))
    for alias in range(-20, 21):
        at = np.abs(f + alias)
        density += (b**2 / (2 * np.pi * at) + (k / (2 * np.pi * at)) ** 2) * np.sinc(at) ** 2
    lines = np.zeros((200, length // 2 + 1), dtype=np.complex128)
    for part in (1, 1j):
        lines[:, 1:] += part * chance.standard_normal((200, length // 2))
    lines[:, 1:] *= np.sqrt(density * length / 2)
    return np.fft.irfft(lines, length)[:, :samples]


def noise() -> None:
    """Which terms records show, chosen and with all five fitted."""
    chance = np.random.default_rng(5)
    for samples in (512, 4096, 65_536):
        for n, b, k in ((1, 0, 0), (1, 0.5, 0), (1, 0, 0.035), (1, 0.5, 0.035), (0, 1, 0)):
            curve = allan_deviation(coloured(chance, samples, n, b, k), 1.0)
            for word, terms in (("chosen", None), ("all five", ("Q", "N", "B", "K", "R"))):
                fit = noise_coefficients(curve, terms)  # type: ignore[arg-type]
                shown = dict(
                    zip("QNBKR", fit.observable.mean(axis=0).round(3).tolist(), strict=True)
                )
                say(f"{samples} samples, N {n} B {b} K {k}, {word}: shown {shown}")


def flicker() -> None:
    """N of records with flicker of an instant, by both models."""
    chance = np.random.default_rng(6)
    for samples in (2000, 20_000):
        steps = np.arange(1, 2 * samples)
        weights = np.concatenate([[1.0], np.cumprod((steps - 0.5) / steps)])
        for b in (0.5, 1.0):
            white = chance.standard_normal((200, 2 * samples))
            pink = b * fftconvolve(white, weights[None], axes=1)[:, samples : 2 * samples]
            curve = allan_deviation(pink + chance.standard_normal((200, samples)), 1.0)
            for model in ("averaged", "sampled"):
                fit = noise_coefficients(curve, ("N", "B"), flicker=model)  # type: ignore[arg-type]
                value, low, high = fit.of("N")
                inside = ((low <= 1) & (high >= 1)).mean()
                say(
                    f"{samples} samples, N 1, sampled B {b}, as {model}: N {np.nanmean(value):.3f}"
                    f" +/- {np.nanmean(high - low) / 2:.3f} holds {inside:.1%}"
                )


def budget() -> None:
    """Means of few readings beside a normal reference of u = 1."""
    chance = np.random.default_rng(7)
    for readings in (2, 3, 4, 6):
        for ratio in (0.3, 1.0, 2.0, 5.0):
            count = {"welch_satterthwaite": 0, "convolution": 0}
            for _ in range(CASES // 3):
                values = ratio * np.sqrt(readings) * chance.normal(size=readings)
                parts = [type_a("a", values), type_b("b", 0.0, 1.0, "normal")]
                error = abs(values.mean() + chance.normal())
                for method in count:
                    found = combine(0.0, parts, probability=0.95, method=method)  # type: ignore[arg-type]
                    count[method] += error <= found.expanded
            shares = {method: f"{3 * hits / CASES:.1%}" for method, hits in count.items()}
            say(f"{readings} readings, mean's sigma {ratio} of the reference's:", shares)


def lots() -> None:
    """Ppk of units of several lots put together."""
    chance = np.random.default_rng(8)
    for number, size in ((5, 20), (3, 77), (6, 30)):
        for apart in (0.0, 0.3, 0.5, 1.0, 2.0):
            means = apart * chance.normal(size=(CASES, number, 1))
            units = (means + chance.normal(size=(CASES, number, size))).reshape(CASES, -1)
            found = process_performance(units, -6.0, 6.0)
            true = 2 / np.sqrt(1 + apart**2)
            warned = (found.warnings != "").mean()
            say(
                f"{number} lots of {size}, {apart} apart:",
                held(found.cpk, true),
                f"warned {warned:.0%}",
            )


def ppk() -> None:
    """Mean of percentile Ppk over the true one."""
    chance = np.random.default_rng(9)
    for units in (10, 20, 50):
        data = np.exp(0.3 * chance.normal(size=(CASES, units)))
        top = np.exp(0.9) * 1.33 - 0.33
        found = percentile_performance(data, 1e-9, top, "lognormal").ppk.mean() / 1.33
        life = chance.weibull(2.0, size=(CASES, units))
        middle, high = np.log(2) ** 0.5, (-np.log(0.00135)) ** 0.5
        limit = middle + 1.33 * (high - middle)
        other = percentile_performance(life, -np.inf, limit, "weibull").ppk.mean() / 1.33
        say(f"Ppk of {units} units over the true one: lognormal {found:.3f}, Weibull {other:.3f}")


def _holds(work: Work, plane: Plane) -> list[bool]:
    """Tell whether the intervals of a figure, without and with the correction, hold it.

    `plane` is where it has its true value, which is inside where the profile there has not fallen
    as far as at the bounds.
    """
    fall = 2 * (work.height - work.regression.climb(work.peak, plane)[1])
    return [fall <= 3.841459 * factor for factor in (1.0, work.correction)]


def stress() -> None:
    """Activation energy, sigma and life at use of lives at several temperatures."""
    ea, sigma, use, ev = 0.7, 0.5, 55.0, 8.617333e-5
    cases: tuple[tuple[str, list[float], list[int], float, LifeFamily, list[float]], ...] = (
        ("2 x 4 complete", [105, 125], [4, 4], 1e9, "weibull", []),
        ("3 x 3 complete", [105, 125, 150], [3, 3, 3], 1e9, "lognormal", []),
        ("3 x 8 complete", [105, 125, 150], [8, 8, 8], 1e9, "weibull", []),
        ("2 x 6 to 500 h", [105, 125], [6, 6], 500, "weibull", []),
        ("3 x 10 to 500 h", [105, 125, 150], [10, 10, 10], 500, "weibull", []),
        ("60 to 400 h", [105, 125, 150], [30, 20, 10], 400, "lognormal", []),
        ("60 at 6 readouts", [105, 125, 150], [30, 20, 10], 1000, "lognormal",
         [100, 168, 300, 500, 750, 1000]),
    )  # fmt: skip
    for name, celsius, units, end, family, readouts in cases:
        chance = np.random.default_rng(10)
        heat = 1 / (ev * (np.array([*celsius, use]) + 273.15)) - 1 / (ev * 398.15)
        *centres, centre = np.log(500) + ea * heat
        found: list[list[list[bool]]] = []
        for _ in range(CASES // 3):
            lives = []
            for middle, count in zip(centres, units, strict=True):
                if family == "lognormal":
                    e = chance.normal(size=count)
                else:
                    e = np.log(chance.exponential(size=count))
                life = np.exp(middle + sigma * e)
                failed = life[life <= end]
                alive = count - len(failed)
                if readouts:
                    counts = np.histogram(failed, [0, *readouts])[0]
                    lives.append(Lifetimes.readouts(readouts, counts, alive))
                else:
                    lives.append(Lifetimes.exact(failed, [end] * alive))
            fit = fit_life_stress(lives, celsius, "arrhenius", family)
            work = fit._work
            if work is None:
                continue
            z = float(Family(family).quantile(0.1))
            row = work.row(np.array([1 / (ev * (use + 273.15))]))
            planes = (
                Plane(np.array([0.0, 1 / work.spread[0], ea]), 0.0),
                Plane(np.array([0.0, 0.0, 1.0]), 1 / sigma),
                Plane(np.append(row, centre + sigma * z - work.origin), z),
            )
            found.append([_holds(work, plane) for plane in planes])
        shares = 100 * np.mean(found, axis=0)
        say(f"{name}, {family}, {len(found)} fits:", *(
            f"{what} {one:.1f} % plain, {other:.1f} % corrected;"
            for what, (one, other) in zip(("Ea", "sigma", "t10 at use"), shares, strict=True)
        ))  # fmt: skip


PARTS: dict[str, Callable[[], None]] = {
    "fits": fits, "robust": robust, "scatter": scatter, "trend": rounded, "noise": noise,
    "flicker": flicker, "budget": budget, "lots": lots, "ppk": ppk,
    "stress": stress,
}  # fmt: skip

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
