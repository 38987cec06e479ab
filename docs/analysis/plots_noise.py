"""Draw the pictures of noise.md and uncertainty.md: python docs/analysis/plots_noise.py."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
mpl.rcParams.update({"svg.hashsalt": "sensorbench", "font.size": 9, "axes.grid": True})

import matplotlib.pyplot as plt  # noqa: E402 - after the backend

from sensorbench.analysis.noise.allan import allan_deviation  # noqa: E402
from sensorbench.analysis.noise.allan_fit import (  # noqa: E402
    confidence_interval,
    noise_coefficients,
)
from sensorbench.analysis.noise.spectrum import noise_density, welch_spectrum  # noqa: E402
from sensorbench.analysis.uncertainty.decisions import NON_BINARY, Outcome, decide  # noqa: E402
from sensorbench.analysis.uncertainty.monte_carlo import Input, monte_carlo  # noqa: E402
from sensorbench.analysis.uncertainty.risk import global_risk  # noqa: E402

PICTURES = Path(__file__).parent / "pictures"


def save(figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(PICTURES / name, metadata={"Date": None})
    plt.close(figure)


def gyro() -> np.ndarray:
    """Return 10^6 rates in deg/s at 100 Hz: N 0.005 (deg/s)/sqrt(Hz), K 1e-4 (deg/s)/sqrt(s)."""
    rng = np.random.Generator(np.random.Philox(key=42))
    white = rng.standard_normal(10**6) * 0.005 * 10
    return white + np.cumsum(rng.standard_normal(10**6) * 1e-4 / 10)


def allan_curve(rates: np.ndarray) -> None:
    curve = allan_deviation(rates, 0.01)
    fit = noise_coefficients(curve, ("N", "K"))
    interval = confidence_interval(curve, fit.dominant.tolist())
    tau = curve.tau_s
    figure, axes = plt.subplots(figsize=(5.2, 3.2))
    axes.fill_between(tau, interval.low, interval.high, alpha=0.25, label="95 % interval")
    axes.loglog(tau, curve.deviation, "o-", markersize=3, label="OADEV")
    n, k = float(fit.of("N")[0]), float(fit.of("K")[0])
    axes.loglog(tau, n / np.sqrt(tau), "--", linewidth=1, label=f"N = {60 * n:.3f} deg/√h")
    axes.loglog(tau, k * np.sqrt(tau / 3), ":", linewidth=1, label=f"K = {k:.2e} (deg/s)/√s")
    axes.set(xlabel="averaging time / s", ylabel="deviation / (deg/s)", ylim=(3e-4, 0.1))
    axes.legend()
    save(figure, "allan.svg")


def density(rates: np.ndarray) -> None:
    spectrum = welch_spectrum(rates, 100.0, 1024)
    level = noise_density(spectrum, 1.0, 45.0)
    figure, axes = plt.subplots(figsize=(5.2, 2.8))
    axes.loglog(spectrum.frequency_hz[1:-1], np.sqrt(spectrum.psd_one_sided[1:-1]), linewidth=0.7)
    axes.axhline(float(level.one_sided), color="C1", label="one-sided, 7.07e-3")
    axes.axhline(float(level.two_sided), color="C2", ls="--", label="two-sided = N, 5.00e-3")
    axes.set(xlabel="frequency / Hz", ylabel="density / (deg/s)/√Hz", ylim=(4e-3, 2e-2))
    axes.legend()
    save(figure, "density.svg")


def mass() -> None:
    inputs = [
        Input(100_000.0, 0.050),
        Input(1.234, 0.020),
        Input(1.20, 0.10, "rectangular"),
        Input(8000.0, 1000.0, "rectangular"),
        Input(8000.0, 50.0, "rectangular"),
    ]
    found = monte_carlo(
        lambda m, dm, air, w, r: (m + dm) * (1 + (air - 1.2) * (1 / w - 1 / r)) - 1e5, inputs
    )
    figure, axes = plt.subplots(figsize=(5.2, 2.8))
    axes.hist(found.values, 120, range=(0.95, 1.52), density=True, histtype="stepfilled", alpha=0.4)
    x = np.linspace(0.95, 1.52, 200)
    gum = np.exp(-(((x - 1.234) / 0.0539) ** 2) / 2) / (0.0539 * np.sqrt(2 * np.pi))
    axes.plot(x, gum, label="GUM, first order: u 0.054 mg")
    for end in found.shortest:
        axes.axvline(end, color="C0", ls="--", linewidth=1)
    axes.axvline(np.nan, color="C0", ls="--", linewidth=1, label="Monte Carlo 95 %: u 0.075 mg")
    axes.set(xlabel="deviation / mg", ylabel="density / (1/mg)")
    axes.legend(fontsize=8)
    save(figure, "mass.svg")


def decisions() -> None:
    figure, (zones, risks) = plt.subplots(1, 2, figsize=(7.2, 2.8))
    y = np.linspace(7.0, 13.0, 601)
    outcome = decide(y, -np.inf, 10.0, 1.0, NON_BINARY).outcome
    zones.plot(y, outcome, drawstyle="steps-mid")
    zones.axvline(10.0, color="C3", linewidth=1)
    names = ["fail", "cond. fail", "cond. pass", "pass"]
    zones.set(yticks=[Outcome(k) for k in range(4)], yticklabels=names)
    zones.set(xlabel="reading; limit 10, U = 1")
    w = np.linspace(0.0, 1.5, 61)
    found = global_risk(0.0, 1.0, 0.25, -2.0, 2.0, w * 0.5)
    risks.semilogy(w, 100 * found.false_acceptance, label="passed though bad")
    risks.semilogy(w, 100 * found.false_rejection, label="failed though good")
    risks.set(xlabel="guard band / U", ylabel="% of all DUTs")
    risks.legend(fontsize=8)
    save(figure, "decisions.svg")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    record = gyro()
    allan_curve(record)
    density(record)
    mass()
    decisions()
