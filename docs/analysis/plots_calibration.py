"""Draw the figures of calibration.md: python docs/analysis/plots_calibration.py"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sensorbench.analysis.fit.calibration import basis, fit_polynomial
from sensorbench.analysis.fit.fixed_point import round_independently, round_sequentially
from sensorbench.analysis.fit.linearity import LINES, linearity
from sensorbench.analysis.life.drift import predict, trend

CUBIC = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
PICTURES = Path(__file__).parent / "pictures"


def save(figure: Figure, name: str) -> None:
    """Write one figure, small enough to be checked in."""
    figure.tight_layout()
    figure.savefig(PICTURES / name, dpi=90, metadata={"Software": None})


def rounding() -> None:
    """Loss of independent and sequential rounding by bits."""
    chance = np.random.default_rng(1)
    pressure, temperature = np.meshgrid(np.linspace(-1, 1, 11), np.linspace(-1, 1, 15))
    points = np.ones((231, 1))
    design = basis(points * pressure.ravel(), points * temperature.ravel(), CUBIC)
    truth = chance.uniform(-1, 1, size=(231, 10))
    bits = np.arange(8, 25, 2)
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    for name, rounded in (("independent", round_independently), ("sequential", round_sequentially)):
        losses = [rounded(truth, design, 2.0 ** (1 - b), b).loss.max() / 2 * 100 for b in bits]
        axes.semilogy(bits, losses, "o-", label=name)
    axes.set(xlabel="bits of a coefficient", ylabel="largest loss / % of span")
    axes.legend()
    axes.grid(alpha=0.3)
    save(figure, "rounding.png")


def lines() -> None:
    """The four lines of a bowed characteristic."""
    x = np.linspace(0, 1, 201)
    y = (x + 0.1 * x * (1 - x))[None]
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    for line in LINES:
        found = linearity(x, y, line)
        label = f"{line.replace('_', ' ')}: {found.nonlinearity[0]:.4f}"
        axes.plot(x, found.deviations[0], label=label)
    axes.set(xlabel="input", ylabel="output less line")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    save(figure, "linearity.png")


def model_uncertainty() -> None:
    """The thermometer of GUM H.3 with its uncertainty, inside and beyond the points."""
    t = np.array([21.521, 22.012, 22.512, 23.003, 23.507, 23.999, 24.513, 25.002, 25.503,
                  26.010, 26.511])  # fmt: skip
    b = np.array([-171, -169, -166, -159, -164, -165, -156, -157, -159, -161, -160]) / 1000
    fit = fit_polynomial((t - 20)[None], np.zeros((1, 11)), b[None], ((0, 0), (1, 0)))
    at = np.linspace(20, 31, 100)
    zeros = np.zeros((1, 100))
    model = fit.at((at - 20)[None], zeros)[0]
    u = fit.standard_uncertainty_at((at - 20)[None], zeros)[0]
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    axes.fill_between(at, model - 2 * u, model + 2 * u, alpha=0.3, label="model, k = 2")
    axes.plot(at, model)
    axes.plot(t, b, "k.", label="readings")
    axes.set(xlabel="thermometer / degC", ylabel="correction / degC")
    axes.legend()
    axes.grid(alpha=0.3)
    save(figure, "gum_h3.png")


def laws() -> None:
    """One unit's drift by three laws: a few readouts can't tell them apart."""
    hours = np.array([0.0, 168, 500, 1000])
    values = np.array([[0.0, 5.5, 9.0, 13.2]])
    later = np.linspace(1000, 5000, 40)
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    for law in ("linear", "sqrt", "log"):
        ahead = [predict(hours, values, h, law).value[0] for h in later]
        sigma = trend(hours, values, law).sigma[0]
        axes.plot(later, ahead, label=f"{law}, scatter {sigma:.1f} Pa")
    axes.plot(hours, values[0], "ko")
    axes.set(xlabel="stress / h", ylabel="drift / Pa")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    save(figure, "drift_laws.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for draw in (rounding, lines, model_uncertainty, laws):
        draw()
