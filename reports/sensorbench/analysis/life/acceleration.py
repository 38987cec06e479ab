"""Acceleration models: each is its constants, and each result carries the model that made it.

Temperatures are in degC, ratios of test to use. A factor above 1 means that the test ages faster.
Arrhenius, Peck and Coffin-Manson follow AEC-Q100 Rev H, appendix 7; the others are recalled from
JEP122 and the papers named. Constants without a physical meaning are refused where a model is made,
by name: not known, of the wrong sign (more stress would age less), or of another unit (kJ/mol).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs, ours
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats

BOLTZMANN_EV_PER_K = 8.617333e-5
KELVIN_OFFSET = 273.15

LEAST_EA_EV, MOST_EA_EV = -0.5, 5.0
"""Hot carriers reach -0.2 eV, bonds of silicon 4 eV: beyond lies a wrong sign or another unit."""
MOST_EXPONENT = 100.0
"""Varistors and the like reach 60."""
_KELVIN_OFFSETS = (273.0, 273.16)
"""What standards and handbooks add to degC."""


class Model(Protocol):
    """A model with its constants; every one is a frozen dataclass below."""


@dataclass(frozen=True, slots=True)
class Acceleration:
    """Acceleration factors of any shape, and the model with the constants that gave them.

    Raises AnalysisError for factors that are not known or not above 0.
    """

    factor: Floats
    model: Model

    def __post_init__(self) -> None:
        found = inputs.known("acceleration: factor", self.factor, 0.0, open_ends=True)
        object.__setattr__(self, "factor", found)


def _constants(model: Arrhenius | Peck) -> None:
    ours.set_number(model, "boltzmann_ev_per_k", 8.6e-5, 8.63e-5)
    ours.set_number(model, "kelvin_offset", *_KELVIN_OFFSETS)


@dataclass(frozen=True, slots=True)
class Arrhenius:
    """exp(Ea / k (1 / T_use - 1 / T_test)); Ea from -0.5 (hot carriers) to 5 eV."""

    ea_ev: float = 0.7
    boltzmann_ev_per_k: float = BOLTZMANN_EV_PER_K
    kelvin_offset: float = KELVIN_OFFSET

    def __post_init__(self) -> None:
        ours.set_number(self, "ea_ev", LEAST_EA_EV, MOST_EA_EV)
        _constants(self)

    def accelerate(self, use_c: npt.ArrayLike, test_c: npt.ArrayLike) -> Acceleration:
        """Return the factor between two temperatures.

        >>> round(float(Arrhenius(ea_ev=0.7).accelerate(55, 125).factor), 2)
        77.65
        """
        use = _kelvin("use_c", use_c, self.kelvin_offset)
        test = _kelvin("test_c", test_c, self.kelvin_offset)
        return _result(
            lambda: np.exp(self.ea_ev / self.boltzmann_ev_per_k * (1 / use - 1 / test)), self
        )


@dataclass(frozen=True, slots=True)
class Peck:
    """(RH_test / RH_use)^p times Arrhenius; humidity in %RH at the die, not of the air around it.

    Defaults are those of AEC-Q100 appendix 7. See HALLBERG_PECK_1991 and PECK_1986.
    """

    exponent: float = 3.0
    ea_ev: float = 0.8
    boltzmann_ev_per_k: float = BOLTZMANN_EV_PER_K
    kelvin_offset: float = KELVIN_OFFSET

    def __post_init__(self) -> None:
        ours.set_number(self, "exponent", 0.0, MOST_EXPONENT)
        ours.set_number(self, "ea_ev", 0.0, MOST_EA_EV)
        _constants(self)

    def accelerate(
        self,
        use_c: npt.ArrayLike,
        use_rh: npt.ArrayLike,
        test_c: npt.ArrayLike,
        test_rh: npt.ArrayLike,
    ) -> Acceleration:
        """Return the factor between two climates. Saturated steam (autoclave) is refused."""
        heat = Arrhenius(self.ea_ev, self.boltzmann_ev_per_k, self.kelvin_offset)
        ratio = _humidity("test_rh", test_rh) / _humidity("use_rh", use_rh)
        hotter = heat.accelerate(use_c, test_c).factor
        return _result(lambda: ratio**self.exponent * hotter, self)


HALLBERG_PECK_1991 = Peck(exponent=3.0, ea_ev=0.9)
"""Hallberg and Peck 1991 (recalled): 547 h where appendix 7 of AEC-Q100 prints 960 h."""
PECK_1986 = Peck(exponent=2.66, ea_ev=0.79)
"""Peck 1986 (recalled)."""


@dataclass(frozen=True, slots=True)
class CoffinManson:
    """(dT_test / dT_use)^m for temperature cycles; m 1-3 solder, 3-5 hard metal, 6-9 brittle."""

    exponent: float = 4.0

    def __post_init__(self) -> None:
        ours.set_number(self, "exponent", 0.0, MOST_EXPONENT)

    def accelerate(self, use_swing_k: npt.ArrayLike, test_swing_k: npt.ArrayLike) -> Acceleration:
        """Return the factor between two swings.

        >>> round(float(CoffinManson(4.0).accelerate(76, 205).factor), 3)  # AEC-Q100 A7
        52.937
        """
        ratio = _positive("test_swing_k", test_swing_k) / _positive("use_swing_k", use_swing_k)
        return _result(lambda: ratio**self.exponent, self)


@dataclass(frozen=True, slots=True)
class NorrisLandzberg:
    """(dT_t / dT_u)^n (f_u / f_t)^m exp(Q (1 / Tmax_u - 1 / Tmax_t)) for solder joints.

    Cycling faster in test lowers the factor, as in the life law N = C f^m dT^-n exp(Q / Tmax);
    some published pages print the frequency ratio upside down. Defaults: SnPb, Norris and
    Landzberg 1969.
    """

    exponent: float = 1.9
    frequency_exponent: float = 1 / 3
    temperature_k: float = 1414.0
    kelvin_offset: float = KELVIN_OFFSET

    def __post_init__(self) -> None:
        ours.set_number(self, "exponent", 0.0, MOST_EXPONENT)
        # Below 0 is the ratio upside down; above 1, faster cycling would take longer.
        ours.set_number(self, "frequency_exponent", 0.0, 1.0)
        ours.set_number(self, "temperature_k", 0.0, MOST_EA_EV / BOLTZMANN_EV_PER_K)
        ours.set_number(self, "kelvin_offset", *_KELVIN_OFFSETS)

    def accelerate(
        self,
        use_swing_k: npt.ArrayLike,
        test_swing_k: npt.ArrayLike,
        use_per_day: npt.ArrayLike,
        test_per_day: npt.ArrayLike,
        use_max_c: npt.ArrayLike,
        test_max_c: npt.ArrayLike,
    ) -> Acceleration:
        """Return the factor between two cycles, given swing, frequency and peak temperature."""
        swing = _positive("test_swing_k", test_swing_k) / _positive("use_swing_k", use_swing_k)
        often = _positive("use_per_day", use_per_day) / _positive("test_per_day", test_per_day)
        use = _kelvin("use_max_c", use_max_c, self.kelvin_offset)
        test = _kelvin("test_max_c", test_max_c, self.kelvin_offset)
        heat = self.temperature_k * (1 / use - 1 / test)
        return _result(
            lambda: swing**self.exponent * often**self.frequency_exponent * np.exp(heat), self
        )


SAC305_2005 = NorrisLandzberg(exponent=2.65, frequency_exponent=0.136, temperature_k=2185.0)
"""Pan et al. 2005 for SAC305 (recalled; some versions take dwell time in place of frequency)."""


@dataclass(frozen=True, slots=True)
class InversePower:
    """(V_test / V_use)^n; also for current, pressure or load."""

    exponent: float

    def __post_init__(self) -> None:
        ours.set_number(self, "exponent", 0.0, MOST_EXPONENT)

    def accelerate(self, use: npt.ArrayLike, test: npt.ArrayLike) -> Acceleration:
        """Return the factor between two stresses of one unit."""
        ratio = _positive("test", test) / _positive("use", use)
        return _result(lambda: ratio**self.exponent, self)


@dataclass(frozen=True, slots=True)
class ExponentialVoltage:
    """exp(gamma (V_test - V_use)), gamma per volt (oxide breakdown, the E model)."""

    gamma_per_v: float

    def __post_init__(self) -> None:
        ours.set_number(self, "gamma_per_v", 0.0, 1e4)

    def accelerate(self, use_v: npt.ArrayLike, test_v: npt.ArrayLike) -> Acceleration:
        """Return the factor between two voltages."""
        apart = inputs.known("test_v", test_v) - inputs.known("use_v", use_v)
        return _result(lambda: np.exp(self.gamma_per_v * apart), self)


def combine(*parts: Acceleration) -> Acceleration:
    """Multiply factors of stresses that act independently: that they do is the caller's claim."""
    if not parts:
        raise AnalysisError("nothing to combine")
    parts = ours.owns("parts", parts, Acceleration, "a model's accelerate(...)")
    each = inputs.same_shape("factors", *(part.factor for part in parts))
    factor = np.prod(np.stack(each), axis=0)
    return Acceleration(np.asarray(factor), Combined(tuple(part.model for part in parts)))


@dataclass(frozen=True, slots=True)
class Combined:
    """Several models whose factors were multiplied."""

    models: tuple[Model, ...]


def _kelvin(name: str, temperature_c: npt.ArrayLike, offset: float) -> Floats:
    return inputs.known(name, temperature_c, -offset, open_ends=True) + offset


def _humidity(name: str, humidity_rh: npt.ArrayLike) -> Floats:
    return inputs.known(name, humidity_rh, 0.0, 100.0, open_ends=True)


def _positive(name: str, value: npt.ArrayLike) -> Floats:
    return inputs.known(name, value, 0.0, open_ends=True)


def _result(factor: Callable[[], Floats], model: Model) -> Acceleration:
    """Return the factors. Raises AnalysisError for what no life tells: 0 or beyond numbers."""
    with np.errstate(over="ignore", under="ignore"):
        found = np.asarray(factor(), dtype=float)
    if not ((found > 0) & np.isfinite(found)).all():
        raise AnalysisError(
            f"the factor of {model} is beyond double precision: the stresses are too far apart"
        )
    return Acceleration(found, model)
