"""Three-axis sensors: known attitudes, an ellipsoid without them, gyros on a rate table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.fit.axes import axis_errors, fit_affine, fit_gyro
from sensorbench.analysis.fit.ellipsoid import fit_ellipsoid

G = 9.81
FACES = np.vstack([np.eye(3), -np.eye(3)])
CORNERS = np.array([[x, y, z] for x in (1, -1) for y in (1, -1) for z in (1, -1)]) / np.sqrt(3)
EDGES = np.array(
    [p for a in (1, -1) for b in (1, -1) for p in ([a, b, 0], [a, 0, b], [0, a, b])]
) / np.sqrt(2)
ATTITUDES = np.vstack([FACES, CORNERS, EDGES])  # 26 positions


def sensors(units: int, noise: float, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Return readings at ATTITUDES, upper triangular inverse matrices and centres."""
    chance = np.random.default_rng(seed)
    matrix = np.triu(np.eye(3) * (1 + 0.05 * chance.normal(size=(units, 1, 3))), 0)
    matrix[:, 0, 1], matrix[:, 0, 2], matrix[:, 1, 2] = 0.02 * chance.normal(size=(3, units))
    centre = 0.3 * chance.normal(size=(units, 3))
    readings = (G * ATTITUDES) @ np.linalg.inv(np.swapaxes(matrix, 1, 2)) + centre[:, None, :]
    return readings + noise * chance.normal(size=readings.shape), matrix, centre


def test_twelve_parameters_come_back_from_known_attitudes() -> None:
    readings, matrix, centre = sensors(5, 0.0)
    fit = fit_affine(readings, G * ATTITUDES)
    assert fit.matrix == pytest.approx(matrix, abs=1e-10)
    assert fit.offset == pytest.approx(-np.einsum("dij,dj->di", matrix, centre), abs=1e-10)
    assert fit.at(readings) == pytest.approx(np.broadcast_to(G * ATTITUDES, readings.shape))


def test_six_faces_are_enough_and_four_in_a_plane_are_not() -> None:
    readings, matrix, _ = sensors(2, 0.0)
    assert fit_affine(readings[:, :6], G * FACES).matrix == pytest.approx(matrix, abs=1e-9)
    flat = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0.6, 0.8, 0]])
    with pytest.raises(AnalysisError, match="add attitudes"):
        fit_affine(np.tile(flat, (1, 1, 1)), flat)


def test_affine_intervals_hold_95_percent_of_the_time() -> None:
    readings, matrix, _ = sensors(3000, 0.0, seed=5)
    noise = 0.01 * np.random.default_rng(6).normal(size=readings.shape)
    # Noise on the reference side is what least squares assumes.
    fit = fit_affine(readings, G * ATTITUDES + noise)
    u = np.sqrt(np.diagonal(fit.covariance, axis1=1, axis2=2))[:, None, :3]
    inside = np.abs(fit.matrix - matrix) <= stdtrit(3 * 26 - 12, 0.975) * u
    assert 0.93 < inside.mean() < 0.97


def test_a_turned_fixture_is_no_error_of_the_unit() -> None:
    _, matrix, _ = sensors(4, 0.0)
    angle = 0.2
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    straight, turned = (axis_errors(each, "correction") for each in (matrix, turn @ matrix))
    assert turned.correction == pytest.approx(straight.correction)
    assert turned.misalignment_rad == pytest.approx(straight.misalignment_rad)
    assert turned.rotation == pytest.approx(np.broadcast_to(turn, (4, 3, 3)))
    with pytest.raises(AnalysisError, match="does not respond"):
        axis_errors(np.diag([1.0, 1.0, 0.0])[None], "correction")


def test_a_gyro_s_scale_g_sensitivity_and_bias_are_told_apart() -> None:
    chance = np.random.default_rng(2)
    rate = np.vstack([s * r * a for a in np.eye(3) for r in (50, 200) for s in (1, -1)]
                     + [np.zeros((6, 3))])  # fmt: skip
    gravity = np.vstack([np.tile(G * np.eye(3)[2], (12, 1)), G * FACES])
    scale = np.eye(3) + 0.01 * chance.normal(size=(3, 3, 3))
    sensitivity = 1e-3 * chance.normal(size=(3, 3, 3))
    bias = chance.normal(size=(3, 3))
    output = rate @ np.swapaxes(scale, 1, 2) + gravity @ np.swapaxes(sensitivity, 1, 2)
    fit = fit_gyro(output + bias[:, None, :], rate, gravity)
    assert fit.scale == pytest.approx(scale, abs=1e-10)
    assert fit.g_sensitivity == pytest.approx(sensitivity, abs=1e-10)
    assert fit.bias == pytest.approx(bias, abs=1e-9)
    with pytest.raises(AnalysisError, match="can't tell the parameters apart"):
        fit_gyro(output[:, :12], rate[:12], gravity[:12])  # gravity never changes


def test_an_ellipsoid_gives_centre_and_matrix_without_attitudes() -> None:
    readings, matrix, centre = sensors(6, 0.0)
    fit = fit_ellipsoid(readings, G)
    assert fit.reasons.tolist() == [""] * 6
    assert fit.centre == pytest.approx(centre, abs=1e-8)
    assert fit.matrix == pytest.approx(matrix, abs=1e-8)
    assert np.linalg.norm(fit.at(readings), axis=2) == pytest.approx(G)


def test_the_refinement_removes_the_bias_of_the_closed_form() -> None:
    readings, _, centre = sensors(2000, 0.2, seed=3)
    fit = fit_ellipsoid(readings, G)
    assert fit.sigma.mean() == pytest.approx(0.2, rel=0.05)
    error = fit.centre - centre
    assert np.abs(error.mean(axis=0)).max() < 4 * error.std() / np.sqrt(2000)


@settings(max_examples=20)
@given(st.floats(1e-3, 1e3), st.integers(0, 10**6))
def test_counts_or_physical_units_make_no_difference(scale: float, seed: int) -> None:
    readings, _, _ = sensors(2, 0.02, seed)
    plain, scaled = fit_ellipsoid(readings, G), fit_ellipsoid(readings * scale, G)
    assert scaled.centre == pytest.approx(plain.centre * scale, rel=1e-6, abs=1e-6 * scale)
    assert scaled.sigma == pytest.approx(plain.sigma, rel=1e-6)


def test_units_that_can_not_be_fitted_have_a_reason_and_no_number() -> None:
    readings, _, _ = sensors(4, 0.01)
    readings[0, 3] = np.nan
    readings[1] = readings[1, :1]
    cap = np.random.default_rng(1).normal(size=(26, 3)) * 0.1 + [0, 0, 1]
    readings[2] = G * cap / np.linalg.norm(cap, axis=1)[:, None]
    fit = fit_ellipsoid(readings, G)
    assert fit.reasons[0] == "a reading is not known"
    assert fit.reasons[1] == "the readings do not determine an ellipsoid"
    assert fit.reasons[2] in {
        "the readings do not determine an ellipsoid",
        "the readings do not reach all eight octants",
    }
    assert np.isnan(fit.centre[:3]).all()
    assert fit.reasons[3] == ""
    assert np.isfinite(fit.matrix[3]).all()


@pytest.mark.parametrize("shape", [(2, 9, 3), (9, 3), (2, 26, 2), (1, 2, 26, 3)])
def test_readings_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(AnalysisError, match=r"need shape|\(units, positions, 3\)"):
        fit_ellipsoid(np.ones(shape), G)


def rate_table(units: int, noise: float, seed: int = 2) -> tuple[np.ndarray, ...]:
    """Return output, rate, gravity, scale and bias of gyros on a rate table and in a tumble."""
    chance = np.random.default_rng(seed)
    rate = np.vstack([s * r * a for a in np.eye(3) for r in (50, 200) for s in (1, -1)]
                     + [np.zeros((6, 3))])  # fmt: skip
    gravity = np.vstack([np.tile(G * np.eye(3)[2], (12, 1)), G * FACES])
    scale = np.broadcast_to(np.eye(3) + 0.01 * chance.normal(size=(3, 3)), (units, 3, 3))
    bias = np.broadcast_to(chance.normal(size=3), (units, 3))
    output = rate @ np.swapaxes(scale, 1, 2) + bias[:, None]
    return output + noise * chance.normal(size=output.shape), rate, gravity, scale, bias


def test_a_response_and_its_correction_have_the_same_misalignment() -> None:
    # x sees 0.01 rad of y: its axis leans towards y, and the angle between them is less than 90.
    response = np.array([[[1.0, 0.01, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    by_response = axis_errors(response, "response")
    by_correction = axis_errors(np.linalg.inv(response), "correction")
    assert by_response.misalignment_rad == pytest.approx(by_correction.misalignment_rad, abs=1e-12)
    assert by_response.misalignment_rad[0] == pytest.approx([-0.01, 0.0, 0.0], abs=1e-6)
    with pytest.raises(AnalysisError, match='given="response"'):
        axis_errors(response)


def test_a_gyro_and_an_accelerometer_of_the_same_axes_agree() -> None:
    output, rate, gravity, scale, _ = rate_table(1, 0.0)
    gyro = axis_errors(fit_gyro(output, rate, gravity))
    readings = G * ATTITUDES @ scale[0].T
    accelerometer = axis_errors(fit_affine(readings[None], G * ATTITUDES))
    assert gyro.misalignment_rad == pytest.approx(accelerometer.misalignment_rad, abs=1e-9)
    assert gyro.sensitivity == pytest.approx(accelerometer.sensitivity, rel=1e-9)


def test_uncertainties_of_gyro_and_misalignment_hold_95_percent() -> None:
    output, rate, gravity, scale, bias = rate_table(3000, 0.05)
    fit = fit_gyro(output, rate, gravity)
    factor = stdtrit(3 * 18 - 21, 0.975)
    true = axis_errors(scale[:1], "response")
    found = axis_errors(fit)
    for value, u, truth in (
        (fit.scale, fit.scale_u, scale[:1]),
        (fit.g_sensitivity, fit.g_sensitivity_u, np.zeros((1, 3, 3))),
        (fit.bias, fit.bias_u, bias[:1]),
        (found.misalignment_rad, found.misalignment_u_rad, true.misalignment_rad),
        (found.sensitivity, found.sensitivity_u, true.sensitivity),
    ):
        assert 0.93 < (np.abs(value - truth) <= factor * u).mean() < 0.97


def test_uncertainties_of_an_ellipsoid_and_its_misalignment_hold_95_percent() -> None:
    readings, matrix, centre = sensors(1, 0.0, seed=4)
    noise = 0.02 * np.random.default_rng(7).normal(size=(3000, *readings.shape[1:]))
    # Noise in readings of a nearly round ellipsoid is noise of the distance.
    fit = fit_ellipsoid(readings + noise @ np.linalg.inv(matrix[0]).T, G)
    factor = stdtrit(readings.shape[1] - 9, 0.975)
    found, true = axis_errors(fit), axis_errors(matrix, "correction")
    for value, u, truth in (
        (fit.centre, fit.centre_u, centre),
        (fit.matrix[:, *np.triu_indices(3)], fit.matrix_u[:, *np.triu_indices(3)],
         matrix[:, *np.triu_indices(3)]),
        (found.misalignment_rad, found.misalignment_u_rad, true.misalignment_rad),
    ):  # fmt: skip
        assert 0.93 < (np.abs(value - truth) <= factor * u).mean() < 0.97
