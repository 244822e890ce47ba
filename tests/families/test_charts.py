"""Charts: gradients by finite differences, the frame's metric, and that every point is valid."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import CHARTS, COVARIANCE_TYPES, exact_kernels, problem

from skmix import GaussianMixture
from skmix.solvers import LBFGS


def central_difference(function, z, step=1e-5):
    rows = [(function(z + step * e) - function(z - step * e)) / (2 * step) for e in np.eye(len(z))]
    return np.array(rows)


@pytest.mark.parametrize("kernels", [lambda objective: objective, exact_kernels], ids=["default", "residual"])
@pytest.mark.parametrize(("missing", "weighted"), [(0.0, False), (0.3, False), (0.0, True), (0.3, True)])
@pytest.mark.parametrize("chart_name", CHARTS)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_gradient_is_that_of_the_objective(covariance_type, chart_name, missing, weighted, kernels):
    p = problem(covariance_type, missing, weighted)
    objective = kernels(p.objective)
    chart = objective.chart(chart_name, objective.at(p.parameters))
    z = chart.start + 0.1 * np.random.default_rng(1).normal(size=len(chart.start))
    gradient = objective.gradient(chart, z, objective.at(chart.parameters(z)))
    expected = central_difference(lambda at: objective.at(chart.parameters(at)).value, z)
    assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7 * max(1.0, np.abs(expected).max()))
    assert np.abs(expected).max() > 1e-3


@pytest.mark.parametrize("chart_name", CHARTS)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_start_of_a_chart_is_the_point_it_was_made_at(covariance_type, chart_name):
    p = problem(covariance_type)
    point = p.objective.at(p.parameters)
    chart = p.objective.chart(chart_name, point)
    assert_allclose(p.objective.at(chart.parameters(chart.start)).value, point.value, rtol=1e-13)


@pytest.mark.parametrize("chart_name", CHARTS)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_every_point_is_valid(covariance_type, chart_name):
    """Steps far beyond reason still give weights on the simplex and positive definite covariances."""
    p = problem(covariance_type)
    chart = p.objective.chart(chart_name, p.objective.at(p.parameters))
    rng = np.random.default_rng(0)
    for scale in (1.0, 10.0, 100.0):
        parameters = chart.parameters(chart.start + scale * rng.normal(size=len(chart.start)))
        assert np.all(parameters.latent >= 0)
        assert_allclose(parameters.latent.sum(), 1.0)
        covariances = p.objective.model.family.publish(parameters.components, p.objective.rows.units)["covariances_"]
        if covariances.shape[-1] == covariances.shape[-2:][0] and covariance_type in ("full", "tied"):
            # Positive definite up to rounding: eigenvalues of the correlation matrices.
            scale_of = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
            correlation = covariances / (scale_of[..., :, None] * scale_of[..., None, :])
            assert np.linalg.eigvalsh(correlation).min() > -1e-12
        else:
            assert np.all(covariances > 0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_hessian_in_the_frame_is_the_identity_for_complete_data(covariance_type, weighted):
    """Clouds so far apart that the labels are known: then the observed information is the complete-data one.

    One direction of the weights' coordinates changes nothing; there the Hessian is 0.
    """
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(1e3 * k, 1.0, size=(20 * (k + 1), 2)) for k in range(3)])
    weight = rng.integers(1, 4, size=len(X)).astype(float) if weighted else None
    mixture = GaussianMixture(3, covariance_type=covariance_type, reg_covar=0.0, random_state=0)
    mixture.fit(X, sample_weight=weight)
    objective = exact_kernels(mixture._objective(X, weight))
    point = objective.at(mixture._adopt(objective.model.family, objective.rows.units))
    chart = objective.chart("frame", point)

    def gradient(z):
        return objective.gradient(chart, z, objective.at(chart.parameters(z)))

    hessian = -central_difference(gradient, chart.start)
    expected = np.eye(len(chart.start))
    root = np.sqrt(mixture.weights_)
    expected[:3, :3] -= np.outer(root, root)
    assert_allclose(hessian, expected, atol=1e-6)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_first_step_in_the_frame_is_an_em_step_to_first_order(covariance_type):
    p = problem(covariance_type, reg_covar=0.0)
    objective = p.objective
    point = objective.at(p.parameters)
    for _ in range(200):  # near the optimum EM's steps are small
        point = objective.at(objective.m_step(point))
    em = objective.m_step(point)
    chart = objective.chart("frame", point)
    step = chart.parameters(objective.gradient(chart, chart.start, point))
    size = max(np.abs(em.components.means - point.parameters.components.means).max(), 1e-300)
    assert_allclose(step.components.means, em.components.means, atol=0.05 * size)


def test_unknown_chart_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'chart' parameter of LBFGS must be one of .*frame.*Got 'polar'"):
        GaussianMixture(solver=LBFGS(chart="polar")).fit([[0.0], [1.0]])
