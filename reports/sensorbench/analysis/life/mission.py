"""A mission profile as test time: damage of its phases summed (Palmgren-Miner), never averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs, ours
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.life.acceleration import Acceleration, Arrhenius

_MADE_BY = "a model's accelerate(...)"


@dataclass(frozen=True, slots=True)
class MissionTest:
    """Test duration equal to a mission, in the unit of its phases (h or cycles).

    `damage_share` (..., phases) is what each phase contributes; it adds up to 1.
    """

    duration: Floats
    damage_share: Floats
    acceleration: Acceleration


def mission_test(duration: npt.ArrayLike, acceleration: Acceleration) -> MissionTest:
    """Return the test time that does the damage of phases of `duration` (..., phases).

    `acceleration` holds the factor of each phase against the test.

    >>> use = Arrhenius(ea_ev=0.7).accelerate([87.0], test_c=125.0)
    >>> round(float(mission_test([12000.0], use).duration), 2)  # AEC-Q100 A7 prints 1393
    1394.07
    """
    spans, factor = inputs.same_shape(
        "phases and their factors",
        inputs.known("duration", duration, 0.0),
        ours.own("acceleration", acceleration, Acceleration, _MADE_BY).factor,
    )
    inputs.array("phases", spans, ndim=1)
    damage = spans / factor
    total = damage.sum(axis=-1)
    if not (total > 0).all():
        raise AnalysisError("a mission without any duration does no damage")
    return MissionTest(total, damage / total[..., None], acceleration)


def equivalent_temperature_c(
    duration_h: npt.ArrayLike, temperature_c: npt.ArrayLike, model: Arrhenius | None = None
) -> Floats:
    """Return the constant temperature that does the same damage in the same hours, in degC.

    Phases are (..., phases). Don't round it and compute on: the damage is exponential in
    it. Raises AnalysisError for an Ea of 0, which no heat accelerates.

    >>> hours, at_c = [3504, 28032, 35040, 3504], [30, 50, 70, 105]  # Infineon, APEC 2015
    >>> round(float(equivalent_temperature_c(hours, at_c, Arrhenius(ea_ev=0.5))), 2)
    67.54
    """
    law = Arrhenius() if model is None else ours.own("model", model, Arrhenius, "Arrhenius(ea_ev)")
    if law.ea_ev == 0:
        raise AnalysisError("with an activation energy of 0 every temperature is equivalent")
    hours, at_c = inputs.same_shape(
        "hours and temperatures",
        inputs.known("duration_h", duration_h, 0.0),
        inputs.known("temperature_c", temperature_c),
    )
    hottest = at_c.max(axis=-1)
    factor = law.accelerate(at_c, hottest[..., None])
    mean_factor = hours.sum(axis=-1) / mission_test(hours, factor).duration
    inverse = 1 / (hottest + law.kelvin_offset)
    inverse = inverse + law.boltzmann_ev_per_k / law.ea_ev * np.log(mean_factor)
    return np.asarray(1 / inverse - law.kelvin_offset)
