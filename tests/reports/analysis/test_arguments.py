"""Arguments that are one number, and those of our own types: refused in words that name them."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
import warnings
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from sensorbench import analysis
from sensorbench.analysis import AnalysisError

from .examples import EXAMPLES, floats, shaped

BUILT: dict[str, tuple[Any, ...]] = {
    "Acceleration": (2.0, analysis.Arrhenius()),
    "Arrhenius": (0.7,),
    "CoffinManson": (4.0,),
    "Component": ("a", 0.0, 1.0),
    "ExponentialVoltage": (2.0,),
    "Input": (0.0, 1.0),
    "InversePower": (3.0,),
    "NorrisLandzberg": (1.9,),
    "Peck": (3.0,),
    "Rule": ("mine", 1.0),
}
"""What a user makes of numbers; `Lifetimes` has its own tests."""
CALLS = {**EXAMPLES, **BUILT}


def parts(hint: Any) -> list[Any]:
    return list(get_args(hint)) if get_origin(hint) in {types.UnionType, typing.Union} else [hint]


def hints(name: str) -> dict[str, Any]:
    target = getattr(analysis, name)
    arguments = inspect.signature(target).parameters
    return {k: v for k, v in get_type_hints(target).items() if k in arguments}


def is_number(hint: Any) -> bool:
    return bool({float, int} & set(parts(hint)))


NUMBERS = [
    (name, argument) for name in CALLS for argument, hint in hints(name).items() if is_number(hint)
]


def call(name: str, **changed: Any) -> Any:
    target = getattr(analysis, name)
    given = (shaped(v, lambda v: v) for v in CALLS[name])
    bound = inspect.signature(target).bind_partial(*given)
    bound.arguments |= changed
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return target(*bound.args, **bound.kwargs)


@pytest.mark.parametrize("bad", [np.nan, -np.inf, "3", [1.0, 2.0], 1j, True, {}], ids=str)
@pytest.mark.parametrize(("name", "argument"), NUMBERS)
def test_what_is_not_one_known_number_is_refused_by_name(
    name: str, argument: str, bad: object
) -> None:
    if argument in {"low", "high"} and bad == -np.inf:
        return  # no limit there
    with pytest.raises(AnalysisError) as refusal:
        call(name, **{argument: bad})
    assert argument.replace("_", " ") in str(refusal.value).replace("_", " ")


@pytest.mark.parametrize("odd", [np.inf, 0, -1, 1e300, 1e-300, -5.5, 10**30])
@pytest.mark.parametrize(("name", "argument"), NUMBERS)
def test_an_odd_number_is_refused_or_answered(name: str, argument: str, odd: float) -> None:
    if argument in {"draws", "most", "digits"} and odd > 1e6:
        return  # what is asked for takes as long as it takes
    try:
        call(name, **{argument: odd})
    except AnalysisError:
        return


def ours(hint: Any) -> type | None:
    """Return our own type that an argument must be, or be a list of."""
    for each in parts(hint):
        inner = get_args(each)[0] if get_origin(each) is Sequence else each
        for one in parts(inner):
            if dataclasses.is_dataclass(one) and isinstance(one, type):
                return one
    return None


OWN = [
    (name, argument)
    for name in EXAMPLES
    for argument, hint in hints(name).items()
    if argument != "parts"  # which are any number of arguments
    and ours(hint)
    and not any("Array" in str(each) for each in parts(hint))
]


@pytest.mark.parametrize("bad", ["text", 3.0, [3.0], ["a"], {"a": 1}], ids=str)
@pytest.mark.parametrize(("name", "argument"), OWN)
def test_what_is_not_of_our_type_is_refused_with_what_makes_one(
    name: str, argument: str, bad: object
) -> None:
    kind = ours(hints(name)[argument])
    assert kind is not None
    with pytest.raises(AnalysisError, match=rf"{re.escape(argument)}\S* must be .*{kind.__name__}"):
        call(name, **{argument: bad})


LIVES_OF = [name for name in EXAMPLES if "lives" in hints(name) and name != "fit_life_stress"]


@pytest.mark.parametrize("name", LIVES_OF)
def test_failure_times_alone_are_lives(name: str) -> None:
    times = [100.0, 120.0, 150.0]
    found, expected = (call(name, lives=each) for each in (times, analysis.Lifetimes.exact(times)))
    plain, same = (list(floats(each).values()) for each in (found, expected))
    assert plain
    for one, other in zip(plain, same, strict=True):
        np.testing.assert_array_equal(one, other)
    for bad in ("text", {}, {"a": 1}, [1.0, -1.0], []):
        with pytest.raises(AnalysisError, match=r"lives must be Lifetimes \(Lifetimes\.exact"):
            call(name, lives=bad)


def test_failure_times_at_each_stress_are_lives_too() -> None:
    times = [[400.0, 640.0, 900.0], [60.0, 95.0, 150.0]]
    plain = analysis.fit_life_stress(times, [85, 125], "arrhenius")
    made = analysis.fit_life_stress(
        [analysis.Lifetimes.exact(each) for each in times], [85, 125], "arrhenius"
    )
    assert plain.coefficients == made.coefficients
    for bad in (3.0, "text", analysis.Lifetimes.exact([1.0, 2.0])):
        with pytest.raises(AnalysisError, match="lives must be a list of Lifetimes"):
            analysis.fit_life_stress(bad, [85, 125], "arrhenius")
    with pytest.raises(AnalysisError, match=r"lives\[1\] must be Lifetimes"):
        analysis.fit_life_stress([[1.0, 2.0], "b"], [85, 125], "arrhenius")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: analysis.Arrhenius(-0.7), "Arrhenius: ea_ev must be finite and from -0.5 to 5"),
        (lambda: analysis.Arrhenius(67.5), "Arrhenius: ea_ev .* got 67.5"),  # kJ/mol
        (lambda: analysis.Arrhenius(boltzmann_ev_per_k=1.380649e-23), "boltzmann_ev_per_k"),
        (lambda: analysis.Peck(-3.0), "Peck: exponent must be finite and from 0"),
        (lambda: analysis.Peck(ea_ev=-0.1), "Peck: ea_ev must be finite and from 0"),
        (lambda: analysis.CoffinManson(-4.0), "CoffinManson: exponent"),
        (lambda: analysis.NorrisLandzberg(frequency_exponent=-1 / 3), "frequency_exponent"),
        (lambda: analysis.InversePower(-2.0), "InversePower: exponent"),
        (lambda: analysis.ExponentialVoltage(-1.0), "ExponentialVoltage: gamma_per_v"),
        (lambda: analysis.Acceleration([2.0, 0.0], analysis.Arrhenius()), "acceleration: factor"),
        (lambda: analysis.type_b("a", 0.0, -1.0, "rectangular"), "a: half_width .* from 0"),
    ],
)
def test_constants_of_the_wrong_sign_or_unit_are_refused_by_name(
    make: Callable[[], object], words: str
) -> None:
    with pytest.raises(AnalysisError, match=words):
        make()


def test_stresses_too_far_apart_for_a_factor_say_so() -> None:
    with pytest.raises(AnalysisError, match="too far apart"):
        analysis.ExponentialVoltage(2.0).accelerate(1.0, 1e6)
    with pytest.raises(AnalysisError, match="too far apart"):
        analysis.InversePower(100.0).accelerate(1e6, 1.0)


def test_weibayes_of_a_steep_shape_is_near_the_longest_life() -> None:
    lives = analysis.Lifetimes.exact([], survived_h=[1e6] * 3)
    assert analysis.weibayes_scale_h(lives, 900.0) == pytest.approx(1e6, rel=1e-2)
