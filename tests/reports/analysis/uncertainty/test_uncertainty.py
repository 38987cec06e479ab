"""Budgets: GUM H.1 and H.3, EA-4/02 S2; what can't be combined is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.uncertainty.uncertainty import (
    Component,
    combine,
    coverage_factor,
    type_a,
    type_b,
)

H3_T = [21.521, 22.012, 22.512, 23.003, 23.507, 23.999, 24.513, 25.002, 25.503, 26.010, 26.511]
H3_B = [-0.171, -0.169, -0.166, -0.159, -0.164, -0.165, -0.156, -0.157, -0.159, -0.161, -0.160]


def end_gauge() -> list[Component]:
    """Return the inputs of JCGM 100, H.1, in nm; d is itself combined of three."""
    d = combine(
        215.0,
        [
            Component("repeats", 0.0, 5.8, freedom=24, kind="A"),
            Component("random of comparator", 0.0, 3.9, freedom=5),
            Component("systematic of comparator", 0.0, 6.7, freedom=8),
        ],
    )
    assert d.u == pytest.approx(9.7, abs=0.05)
    assert d.freedom == pytest.approx(25.6, rel=0.01)
    length = 50.000623e6
    return [
        Component("standard", length, 25.0, freedom=18),
        Component("difference", 215.0, d.u, freedom=d.freedom, kind="A"),
        Component("expansion difference", 0.0, 0.58e-6, length * 0.1, freedom=50),
        Component("temperature difference", 0.0, 0.029, -length * 11.5e-6, freedom=2),
        Component("expansion", 11.5e-6, 1.2e-6, 0.0),
        Component("temperature", -0.1, 0.41, 0.0),
    ]


def test_gum_h1_end_gauge() -> None:
    found = combine(50.000838e6, end_gauge(), probability=0.99)
    assert found.u == pytest.approx(32, rel=0.02)  # published, of rounded contributions
    assert found.u == pytest.approx(31.71, rel=1e-3)
    assert found.u**2 == pytest.approx(1002, rel=0.02)
    assert math.floor(found.freedom) == 16
    assert found.freedom == pytest.approx(16.7, rel=0.01)
    assert found.k == pytest.approx(2.92, abs=0.005)
    assert found.expanded == pytest.approx(93, rel=0.02)
    assert sum(found.shares) == pytest.approx(100.0)
    assert found.correlation_share == pytest.approx(0.0, abs=1e-9)


def h3_line() -> tuple[float, float, float, float, float]:
    """Return y1, y2, u(y1), u(y2) and r of the least-squares line of JCGM 100, H.3."""
    design = np.stack([np.ones(11), np.array(H3_T) - 20.0], axis=-1)
    inverse = np.linalg.inv(design.T @ design)
    y1, y2 = inverse @ design.T @ np.array(H3_B)
    residual = np.array(H3_B) - design @ (y1, y2)
    s = math.sqrt(residual @ residual / 9)
    u1, u2 = s * np.sqrt(np.diag(inverse))
    r = inverse[0, 1] / math.sqrt(inverse[0, 0] * inverse[1, 1])
    assert (y1, u1, y2, u2) == (
        pytest.approx(-0.1712, abs=5e-5),
        pytest.approx(0.0029, abs=5e-5),
        pytest.approx(0.00218, abs=5e-6),
        pytest.approx(0.00067, abs=5e-6),
    )
    assert r == pytest.approx(-0.930, abs=5e-4)
    return y1, y2, u1, u2, r


def test_gum_h3_thermometer_with_its_correlation() -> None:
    y1, y2, u1, u2, r = h3_line()
    components = [
        Component("intercept", y1, u1, freedom=9, kind="A"),
        Component("slope", y2, u2, 10.0, freedom=9, kind="A"),
    ]
    found = combine(y1 + 10 * y2, components, correlations={("intercept", "slope"): r}, freedom=9)
    assert found.value == pytest.approx(-0.1494, abs=5e-5)
    assert found.u == pytest.approx(0.0041, abs=5e-5)
    assert found.u == pytest.approx(0.0041386, abs=1e-7)
    assert found.correlation_share < -100


def test_gum_h3_without_its_correlation_gives_a_wrong_u() -> None:
    y1, y2, u1, u2, _ = h3_line()
    wrong = combine(
        y1 + 10 * y2, [Component("intercept", y1, u1), Component("slope", y2, u2, 10.0)]
    )
    assert wrong.u == pytest.approx(0.0073, abs=1e-4)
    assert wrong.u > 1.7 * 0.0041


def test_ea_4_02_s2_weight_of_10_kg() -> None:
    components = [
        type_b("reference", 10_000_005.0, 45.0, "normal", k=2.0),
        type_b("drift", 0.0, 15.0, "rectangular"),
        Component("difference", 20.0, 25.0 / math.sqrt(3.0), kind="A"),
        type_b("eccentricity", 0.0, 10.0, "rectangular"),
        type_b("buoyancy", 0.0, 10.0, "rectangular"),
    ]
    found = combine(sum(c.value for c in components), components, k=2.0)
    assert found.value == 10_000_025.0
    assert 29.1 <= found.u <= 29.3
    assert 58.0 <= found.expanded <= 59.0
    assert found.shares[0] == pytest.approx(100 * 22.5**2 / 29.25**2, rel=2e-3)


def test_distributions_divide_as_the_gum_says() -> None:
    divisors = {"rectangular": 3**0.5, "triangular": 6**0.5, "arcsine": 2**0.5}
    for distribution, divisor in divisors.items():
        assert type_b("x", 0.0, 1.0, distribution).u == pytest.approx(1 / divisor)
    assert type_b("x", 0.0, 1.0, "resolution").u == pytest.approx(1 / math.sqrt(12))
    assert type_b("x", 0.0, 1.0, "normal", k=2.0, doubt=0.25).freedom == 8.0


def test_coverage_factors_are_those_of_table_g2() -> None:
    published = [(1, 13.97), (5, 2.65), (10, 2.28), (50, 2.05), (math.inf, 2.00)]
    for freedom, t in published:
        assert coverage_factor(freedom) == pytest.approx(t, abs=0.005)
    for freedom, t in [(16, 2.1199), (5, 2.5706), (9, 2.2622)]:
        assert coverage_factor(freedom, 0.95) == pytest.approx(t, abs=5e-5)
    assert coverage_factor(16.9, 0.99) == coverage_factor(16, 0.99)
    assert coverage_factor(16.9, 0.99, truncate=False) < coverage_factor(16, 0.99)


def test_intervals_of_type_a_and_b_together_cover_their_probability() -> None:
    rng = np.random.Generator(np.random.Philox(30))
    hits = 0
    for _ in range(2000):
        readings = rng.normal(0.0, 1.0, 6)
        reference = rng.normal(0.0, 0.5)
        found = combine(
            readings.mean() + reference,
            [type_a("readings", readings), Component("reference", reference, 0.5)],
            probability=0.95,
        )
        hits += abs(found.value) <= found.expanded
    assert 0.93 <= hits / 2000 <= 0.97


@settings(max_examples=60)
@given(
    us=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=5),
    gain=st.floats(1e-6, 1e6),
    extra=st.floats(1e-3, 1e3),
)
def test_u_scales_with_the_unit_and_never_shrinks_by_another_component(
    us: list[float], gain: float, extra: float
) -> None:
    rows = [Component(str(i), 0.0, u) for i, u in enumerate(us)]
    base = combine(0.0, rows)
    scaled = combine(0.0, [Component(c.name, 0.0, c.u, gain) for c in rows[::-1]])
    assert scaled.u == pytest.approx(gain * base.u)
    assert scaled.shares[::-1] == pytest.approx(base.shares)
    assert combine(0.0, [*rows, Component("extra", 0.0, extra)]).u >= base.u


def test_fully_correlated_inputs_add_and_opposed_ones_cancel() -> None:
    rows = [Component("a", 0.0, 3.0), Component("b", 0.0, 4.0)]
    assert combine(0.0, rows, correlations={("a", "b"): 1.0}).u == pytest.approx(7.0)
    assert combine(0.0, rows, correlations={("b", "a"): -1.0}).u == pytest.approx(1.0)


def test_welch_satterthwaite_is_refused_for_correlated_inputs() -> None:
    rows = [Component("a", 0.0, 3.0, freedom=9), Component("b", 0.0, 4.0)]
    with pytest.raises(AnalysisError, match=r"\['a'\] are correlated"):
        combine(0.0, rows, correlations={("a", "b"): 0.5})
    assert combine(0.0, rows, correlations={("a", "b"): 0.5}, freedom=9).freedom == 9


@pytest.mark.parametrize(
    ("correlations", "message"),
    [
        ({("a", "b"): 1.5}, "from -1 to 1"),
        ({("a", "b"): math.nan}, "from -1 to 1"),
        ({("a", "x"): 0.5}, "two names"),
        ({("a", "a"): 0.5}, "two names"),
        ({("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9}, "hold together"),
    ],
)
def test_impossible_correlations_are_refused(
    correlations: dict[tuple[str, str], float], message: str
) -> None:
    rows = [Component(name, 0.0, 1.0) for name in "abc"]
    with pytest.raises(AnalysisError, match=message):
        combine(0.0, rows, correlations=correlations)


def test_what_is_not_known_never_becomes_a_budget() -> None:
    with pytest.raises(AnalysisError, match="a: value must be finite"):
        Component("a", math.nan, 1.0)
    with pytest.raises(AnalysisError, match="a: u must be finite and from 0 to inf, got -1"):
        Component("a", 0.0, -1.0)
    with pytest.raises(AnalysisError, match="a: freedom must be finite and between 0"):
        Component("a", 0.0, 1.0, freedom=math.nan)
    for readings in ([], [1.0], [1.0, math.nan], [[1.0, 2.0]]):
        with pytest.raises(AnalysisError, match="two or more known readings"):
            type_a("a", readings)
    with pytest.raises(AnalysisError, match="must be one of"):
        type_b("a", 0.0, 1.0, "uniform")
    with pytest.raises(AnalysisError, match="k must be"):
        type_b("a", 0.0, 1.0, "rectangular", k=2.0)
    with pytest.raises(AnalysisError, match="needs components"):
        combine(0.0, [])
    with pytest.raises(AnalysisError, match="own name"):
        combine(0.0, [Component("a", 0.0, 1.0)] * 2)
    with pytest.raises(AnalysisError, match="no component has an uncertainty"):
        combine(0.0, [type_a("a", [1.0, 1.0, 1.0], resolution=0.0)])
    with pytest.raises(AnalysisError, match="probability"):
        combine(0.0, [Component("a", 0.0, 1.0)], probability=1.0)
    with pytest.raises(AnalysisError, match="coverage factor"):
        combine(0.0, [Component("a", 0.0, 1.0)], k=0.0)
    with pytest.raises(AnalysisError, match=r"0\.5 effective degrees"):
        combine(0.0, [Component("a", 0.0, 1.0, freedom=0.5)])


def test_three_readings_hold_by_convolution_and_say_so_by_welch_and_satterthwaite() -> None:
    chance = np.random.default_rng(1)
    held = {"welch_satterthwaite": 0, "convolution": 0}
    for _ in range(400):
        readings = 2 * math.sqrt(2) * chance.normal(size=2)
        parts = [type_a("repeats", readings), type_b("reference", 0.0, 1.0, "normal")]
        error = readings.mean() + chance.normal()
        for method in held:
            found = combine(0.0, parts, probability=0.95, method=method)  # type: ignore[arg-type]
            held[method] += abs(error) <= found.expanded
            assert bool(found.note) == (method == "welch_satterthwaite")
    assert held["welch_satterthwaite"] / 400 < 0.92
    assert held["convolution"] / 400 > 0.945
    assert "repeats (1)" in combine(0.0, parts).note
    many = [type_a("repeats", chance.normal(size=12)), type_b("reference", 0.0, 1.0, "normal")]
    assert not combine(0.0, many).note


@pytest.mark.parametrize(
    ("components", "probability", "k"),
    [
        ([type_b("a", 0.0, 1.0, "normal")], 0.95, 1.95996),
        ([type_b("a", 0.0, 1.0, "rectangular")], 0.95, 0.95 * 3**0.5),
        # Two equal rectangular ones are triangular.
        ([type_b(name, 0.0, 1.0, "rectangular") for name in "ab"], 0.95,
         6**0.5 * (1 - 0.05**0.5)),
        ([Component("a", 0.0, 1.0, freedom=4.0, kind="A")], 0.99, 4.60409),
        # Two of Cauchy's law (one degree of freedom) are twice as wide as one.
        ([Component(name, 0.0, 1.0, freedom=1.0, kind="A") for name in "ab"], 0.9,
         2 / 2**0.5 * 6.31375),
    ],
)  # fmt: skip
def test_convolution_gives_the_laws_that_are_known(
    components: list[Component], probability: float, k: float
) -> None:
    found = combine(0.0, components, probability=probability, method="convolution")
    assert found.k == pytest.approx(k, rel=1e-4)


@pytest.mark.parametrize("probability", [0.0, 1.0, 95.0, math.nan])
def test_a_probability_is_a_share(probability: float) -> None:
    with pytest.raises(AnalysisError, match="probability"):
        coverage_factor(10.0, probability)


def test_equal_readings_are_uncertain_by_their_resolution() -> None:
    with pytest.raises(AnalysisError, match="give their resolution"):
        type_a("repeats", [5, 5, 5])
    found = type_a("repeats", [5, 5, 5], resolution=1.0)
    assert found.u == pytest.approx(12**-0.5)
    assert (found.kind, found.distribution) == ("B", "resolution")
    assert type_a("repeats", [5, 5, 5], resolution=0.0).u == 0.0
    # A scatter that is larger than the step holds it already.
    assert type_a("repeats", [1, 5, 9], resolution=1.0).kind == "A"
