"""Draw the figures of capability.md and reliability.md: python plots_reliability.py"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sensorbench.analysis.capability.capability import required_cpk
from sensorbench.analysis.capability.gage import GageStudy, gage_anova, gage_average_range
from sensorbench.analysis.life.lifetime import fit_weibull
from sensorbench.analysis.life.lifetimes import Lifetimes
from sensorbench.analysis.life.location_scale import Family
from sensorbench.analysis.life.reliability import fraction_bound
from sensorbench.analysis.life.survival import kaplan_meier

PICTURES = Path(__file__).parent / "pictures"


def save(figure: Figure, name: str) -> None:
    """Write one figure, small enough to be checked in."""
    figure.tight_layout()
    figure.savefig(PICTURES / name, dpi=90, metadata={"Software": None})


def cpk_to_observe() -> None:
    """The Cpk that proves 1.67 and 1.33, by the number of units."""
    units = np.array([10, 15, 20, 30, 45, 60, 77, 90, 120, 160, 231, 400, 800])
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    for target in (1.67, 1.33):
        for confidence, line in ((0.95, "-"), (0.6, "--")):
            needed = [float(required_cpk(target, int(n), confidence)) for n in units]
            axes.semilogx(units, needed, line, label=f"{target}, {confidence:.0%}")
    axes.axvline(30, color="grey", lw=0.8)
    axes.set(xlabel="units", ylabel="Cpk to observe")
    axes.set_xticks([10, 30, 90, 231, 800], labels=["10", "30", "90", "231", "800"])
    axes.legend(title="to prove, confidence", fontsize=8)
    axes.grid(alpha=0.3)
    save(figure, "cpk_to_observe.png")


def gage_methods() -> None:
    """%GRR of both methods over simulated studies of one gage: how much a study of 3 tells."""
    chance = np.random.default_rng(1)
    shape = (3000, 10, 3, 3)
    data = chance.normal(scale=0.2, size=shape) + chance.normal(scale=0.15, size=(3000, 1, 3, 1))
    data += chance.normal(size=(3000, 10, 1, 1))
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    studies: dict[str, GageStudy] = {
        "ANOVA": gage_anova(data)[0],
        "average and range": gage_average_range(data),
    }
    for name, study in studies.items():
        axes.hist(study.percent_grr, bins=60, range=(5, 50), histtype="step", label=name)
    axes.axvline(100 * 0.25 / np.hypot(0.25, 1), color="grey", label="true")
    axes.set(xlabel="%GRR of a study of 10 x 3 x 3", ylabel="studies")
    axes.legend(fontsize=8)
    save(figure, "gage_methods.png")


def ltpd() -> None:
    """Upper bound of the fraction defective by the number of units."""
    units = np.arange(10, 801)
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    for failures in range(4):
        axes.loglog(units, 100 * fraction_bound(failures, units), label=f"{failures} failed")
    for n in (45, 77, 231):
        bound = 100 * float(fraction_bound(0, n))
        axes.plot(n, bound, "ko", ms=4)
        axes.annotate(f"0/{n}", (n, bound), (n * 0.72, bound * 0.55), fontsize=8)
    axes.set(xlabel="units", ylabel="upper bound at 90 % / %")
    axes.set_xticks([10, 30, 100, 300, 800], labels=["10", "30", "100", "300", "800"])
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3, which="both")
    save(figure, "ltpd.png")


def weibull() -> None:
    """NIST 8.4.1.3 on Weibull paper: fit, its interval, and Kaplan-Meier with its own."""
    failed = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386]
    lives = Lifetimes.exact(failed, survived_h=[500] * 10)
    fit, curve = fit_weibull(lives), kaplan_meier(lives)
    time_h = np.geomspace(20, 1000, 40)
    found = [fit.failed_fraction_interval(float(t)) for t in time_h]
    figure = Figure(figsize=(5, 3.4))
    axes = figure.subplots()

    def paper(fraction: object) -> np.ndarray:
        return np.asarray(Family.WEIBULL.quantile(np.asarray(fraction, dtype=float)))

    axes.semilogx(time_h, paper([e.value for e in found]), label="Weibull 606.5 h, 1.72")
    axes.fill_between(
        time_h, paper([e.low for e in found]), paper([e.high for e in found]), alpha=0.2
    )
    low, high = 1 - curve.survival.high, 1 - curve.survival.low
    middle = 1 - curve.survival.value
    bars = np.abs(np.stack([paper(low), paper(high)]) - paper(middle))
    axes.errorbar(curve.time_h, paper(middle), bars, fmt="ko", ms=3, lw=0.7, label="Kaplan-Meier")
    shown = [0.001, 0.01, 0.05, 0.2, 0.5, 0.9]
    axes.set_yticks(paper(shown), labels=[f"{100 * p:g}" for p in shown])
    axes.set(xlabel="time / h", ylabel="failed / %", ylim=paper([0.0005, 0.97]))
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3, which="both")
    save(figure, "weibull.png")


def coverage() -> None:
    """What a 95 % likelihood-ratio interval of the Weibull shape holds, plain and corrected."""
    units = np.array([4, 5, 7, 10, 15, 20, 30])
    plain, corrected = [], []
    for n in units:
        time_h = np.random.default_rng(n).weibull(1.0, size=(4000, n))
        fit = fit_weibull(Lifetimes.exact(time_h))
        # The corrected ratio is the plain one over 1 + 2 / n: an interval of the same limit.
        found = fit.shape_interval()
        corrected.append(((found.low <= 1) & (found.high >= 1)).mean())
        z = 1.959964 / np.sqrt(1 + 2 / n)
        narrow = fit.shape_interval(confidence=float(2 * normal(z) - 1))
        plain.append(((narrow.low <= 1) & (narrow.high >= 1)).mean())
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    axes.axhspan(93, 97, color="tab:green", alpha=0.12)
    axes.plot(units, 100 * np.array(plain), "o--", label="chi-squared limit")
    axes.plot(units, 100 * np.array(corrected), "o-", label="with 1 + 2 r / n^2")
    axes.set(xlabel="units, all failed", ylabel="held / %", ylim=(86, 98))
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    save(figure, "life_coverage.png")


def normal(z: float) -> float:
    """Return the normal law at z."""
    return float(Family.LOGNORMAL.failed(np.array(z)))


if __name__ == "__main__":
    for draw in (cpk_to_observe, gage_methods, ltpd, weibull, coverage):
        draw()
