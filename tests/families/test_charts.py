"""Charts: gradients by finite differences, inverses, the frame's metric, and that every point is valid."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import (
    COVARIANCE_TYPES,
    DISCRETE,
    EXPLICIT,
    GIVEN_ROWS,
    MODEL_CHARTS,
    MODELS,
    OVERPARAMETRISED,
    derivative,
    exact_kernels,
    problem,
)

from skmix.likelihood.differentiate import along
from skmix.solvers import LBFGS

FOLDED = ("bernoulli", "frame")
ANALYTIC = [
    (model, chart)
    for model, chart in MODEL_CHARTS + EXPLICIT
    if (model, chart) not in OVERPARAMETRISED or model in DISCRETE
]


def chart_about(objective, name, point):
    return objective.model.explicit(point.parameters) if name == "explicit" else objective.chart(name, point)


def public(objective, parameters):
    """Weights and what is published of the components, as one list of arrays."""
    published = objective.model.family.publish(parameters.components, objective.rows.units)
    return [parameters.latent, *published.values()]


@pytest.mark.parametrize("kernels", [lambda objective: objective, exact_kernels], ids=["default", "residual"])
@pytest.mark.parametrize(("missing", "weighted"), GIVEN_ROWS)
@pytest.mark.parametrize(("model", "chart_name"), MODEL_CHARTS + EXPLICIT)
def test_gradient_is_that_of_the_objective(model, chart_name, missing, weighted, kernels):
    p = problem(model, missing, weighted)
    objective = kernels(p.objective)
    chart = chart_about(objective, chart_name, objective.at(p.parameters))
    # Explicit coordinates are positive: a step relative to their size keeps them so.
    size = 0.05 * (np.abs(chart.start) if chart_name == "explicit" else 1.0)
    z = chart.start + size * np.random.default_rng(1).uniform(-1.0, 1.0, size=len(chart.start))
    gradient = objective.gradient(chart, z, objective.at(chart.parameters(z)))
    expected = [
        derivative(lambda at: objective.at(chart.parameters(at)).value, z, e, step=1e-4) for e in np.eye(len(z))
    ]
    assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8 * max(1.0, np.abs(expected).max()))
    assert np.abs(expected).max() > 1e-3


@pytest.mark.parametrize(("model", "chart_name"), MODEL_CHARTS + EXPLICIT)
def test_start_of_a_chart_is_the_point_it_was_made_at(model, chart_name):
    p = problem(model)
    point = p.objective.at(p.parameters)
    chart = chart_about(p.objective, chart_name, point)
    assert_allclose(p.objective.at(chart.parameters(chart.start)).value, point.value, rtol=1e-13)
    assert_allclose(chart.coordinates(point.parameters), chart.start, atol=1e-12)


@pytest.mark.parametrize("spread", [0.01, 0.3])
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize(("model", "chart_name"), MODEL_CHARTS + EXPLICIT)
def test_coordinates_are_the_inverse_of_parameters(model, chart_name, missing, spread):
    p = problem(model, missing)
    chart = chart_about(p.objective, chart_name, p.objective.at(p.parameters))
    size = spread * (np.abs(chart.start) if chart_name == "explicit" else 1.0)
    z = chart.start + size * np.random.default_rng(2).uniform(-1.0, 1.0, size=len(chart.start))
    parameters = chart.parameters(z)
    back = chart.coordinates(parameters)
    for found, expected in zip(
        public(p.objective, chart.parameters(back)), public(p.objective, parameters), strict=True
    ):
        assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())
    # One direction of the weights' coordinates changes nothing; far out, square roots of p may have the other sign.
    if (model, chart_name) not in OVERPARAMETRISED and not ((model, chart_name) == FOLDED and spread > 0.1):
        assert_allclose(back[chart.n_latent :], z[chart.n_latent :], rtol=1e-10, atol=1e-12)
    if chart_name != "explicit":
        assert np.linalg.norm(back[: chart.n_latent]) <= np.linalg.norm(z[: chart.n_latent]) * (1 + 1e-12)


@pytest.mark.parametrize("model", COVARIANCE_TYPES)
def test_coordinates_do_not_mind_the_sign_of_factors(model):
    """L and −L are the same covariance: coordinates of either lead to it."""
    p = problem(model)
    chart = p.objective.chart("frame", p.objective.at(p.parameters))
    z = chart.start + 0.1 * np.random.default_rng(0).normal(size=len(chart.start))
    latent, components = chart.parameters(z)
    turned = type(components)(components.means, *(-factor for factor in components[1:]))
    assert_allclose(chart.coordinates(type(p.parameters)(latent, turned))[chart.n_latent :], z[chart.n_latent :])


@pytest.mark.parametrize(("model", "chart_name"), MODEL_CHARTS)
def test_every_point_is_valid(model, chart_name):
    """Steps far beyond reason still give weights on the simplex, positive definite covariances, rates not negative,
    probabilities between 0 and 1."""
    p = problem(model)
    chart = p.objective.chart(chart_name, p.objective.at(p.parameters))
    rng = np.random.default_rng(0)
    for scale in (1.0, 10.0, 100.0):
        parameters = chart.parameters(chart.start + scale * rng.normal(size=len(chart.start)))
        assert np.all(parameters.latent >= 0)
        assert_allclose(parameters.latent.sum(), 1.0)
        published = p.objective.model.family.publish(parameters.components, p.objective.rows.units)
        if model in DISCRETE:
            (value,) = published.values()
            assert np.all(np.isfinite(value) & (value >= 0))
            assert model == "poisson" or np.all(value <= 1)
            assert model != "categorical" or np.allclose(value.sum(axis=2), 1.0)
        elif model in ("full", "tied"):
            # Positive definite up to rounding: eigenvalues of the correlation matrices.
            covariances = published["covariances_"]
            scale_of = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
            correlation = covariances / (scale_of[..., :, None] * scale_of[..., None, :])
            assert np.linalg.eigvalsh(correlation).min() > -1e-12
        else:
            assert np.all(published["covariances_"] > 0)


@pytest.mark.parametrize("model", MODELS)
def test_first_step_in_the_frame_is_an_em_step_to_first_order(model):
    p = problem(model, reg_covar=0.0)
    objective = p.objective
    point = objective.at(p.parameters)
    for _ in range(40 if model in DISCRETE else 200):  # near the optimum EM's steps are small
        point = objective.at(objective.m_step(point))
    em = objective.m_step(point)
    chart = objective.chart("frame", point)
    step = chart.parameters(objective.gradient(chart, chart.start, point))
    for ours, theirs, before in zip(step.components, em.components, point.parameters.components, strict=True):
        assert_allclose(ours, theirs, atol=0.05 * max(np.abs(theirs - before).max(), 1e-300))


def test_the_poisson_frame_reaches_a_rate_of_zero():
    """√λ passes through 0 on a straight line, the rate grows again beyond."""
    p = problem("poisson")
    chart = p.objective.chart("frame", p.objective.at(p.parameters))
    rates = np.array(
        [chart.parameters(t * np.ones(len(chart.start))).components.rates.min() for t in np.linspace(-30, 0)]
    )
    assert rates.min() < 0.1
    assert rates[0] > 1.0
    assert np.isfinite(rates).all()


def test_the_bernoulli_frame_turns_through_zero_and_one():
    """A turn by 2π of θ/2 leads through probabilities of 0 and 1 back to the start."""
    p = problem("bernoulli")
    chart = p.objective.chart("frame", p.objective.at(p.parameters)).components
    turns = np.linspace(0.0, np.pi, 2001)[:, np.newaxis] / chart.unit.ravel()
    ones = np.array([chart.parameters(z).ones.ravel() for z in turns])
    assert np.all(ones.min(axis=0) < 1e-5)
    assert np.all(ones.max(axis=0) > 1 - 1e-5)
    assert_allclose(ones[-1], ones[0], rtol=1e-12)


@pytest.mark.parametrize(("model", "chart"), [("full", "polar"), ("full", "log"), ("poisson", "log-cholesky")])
def test_unknown_chart_is_refused_with_the_known_ones(model, chart):
    p = problem(model)
    p.mixture.set_params(solver=LBFGS(chart=chart))
    with pytest.raises(ValueError, match=rf"'chart' parameter of LBFGS must be one of .*frame.*Got '{chart}'"):
        p.mixture.fit(p.X)


@pytest.mark.parametrize(("model", "chart_name"), ANALYTIC)
def test_idle_directions_change_no_parameter_and_are_all_that_a_chart_has_too_many(model, chart_name):
    p = problem(model)
    chart = chart_about(p.objective, chart_name, p.objective.at(p.parameters))
    idle = chart.idle(chart.start)
    assert idle.shape == (len(chart.start), len(chart.start) - p.objective.n_parameters)
    assert_allclose(np.linalg.norm(idle, axis=0), 1.0)
    for direction in idle.T:
        latent, components = along(chart.parameters, (chart.start, direction))
        for part in (latent, *components):
            assert_allclose(part, 0.0, atol=1e-12)
