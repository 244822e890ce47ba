"""Hessian products: against differences of gradients, symmetric, and the identity where labels are known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import (
    COVARIANCE_TYPES,
    EXPLICIT,
    GIVEN_ROWS,
    MODEL_CHARTS,
    MODELS,
    adopt,
    derivative,
    exact_kernels,
    mixture_of,
    objective_of,
    problem,
    repeats,
    start_of,
)

from skmix.likelihood.differentiate import along
from skmix.likelihood.model import Parameters

OVER_QR = {("full", "factor"), ("tied", "factor")}  # not analytic
ANALYTIC = [pair for pair in MODEL_CHARTS + EXPLICIT if pair not in OVER_QR]


def chart_about(objective, name, point):
    return objective.model.explicit(point.parameters) if name == "explicit" else objective.chart(name, point)


def beside(chart, name):
    """Coordinates away from the chart's start, and two directions."""
    rng = np.random.default_rng(1)
    size = np.abs(chart.start) if name == "explicit" else np.ones_like(chart.start)
    z = chart.start + 0.05 * size * rng.uniform(-1.0, 1.0, size=len(size))
    return z, size * rng.normal(size=len(size)), size * rng.normal(size=len(size))


@pytest.mark.parametrize("kernels", [lambda objective: objective, exact_kernels], ids=["default", "residual"])
@pytest.mark.parametrize(("missing", "weighted"), GIVEN_ROWS)
@pytest.mark.parametrize(("model", "chart_name"), ANALYTIC)
def test_product_is_the_derivative_of_the_gradient(model, chart_name, missing, weighted, kernels):
    p = problem(model, missing, weighted)
    objective = kernels(p.objective)
    chart = chart_about(objective, chart_name, objective.at(p.parameters))
    z, u, v = beside(chart, chart_name)
    point = objective.at(chart.parameters(z))

    def gradient(at):
        return objective.gradient(chart, at, objective.at(chart.parameters(at)))

    product = objective.hessian_product(chart, z, point, v)
    expected = derivative(gradient, z, v, step=1e-4)
    assert np.abs(expected).max() > 1e-2
    assert_allclose(product, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    across = objective.hessian_product(chart, z, point, u)
    size = np.linalg.norm(u) * np.linalg.norm(product)
    assert u @ product == pytest.approx(v @ across, abs=1e-10 * size)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("model", MODELS)
def test_product_costs_a_pass_and_does_not_depend_on_blocks_or_threads(model, missing):
    p = problem(model, missing, weighted=True)
    products = []
    for kwargs in ({}, {"block_rows": 7}, {"block_rows": 7, "n_threads": 2}):
        objective = objective_of(p.mixture, p.X, p.weight, **kwargs)
        point = objective.at(p.parameters)
        chart = objective.chart("frame", point)
        z, v, _ = beside(chart, "frame")
        point, before = objective.at(chart.parameters(z)), objective.n_passes
        products.append(objective.hessian_product(chart, z, point, v))
        assert objective.n_passes == before + 1
    assert_allclose(products[1], products[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(products[1], products[2])


@pytest.mark.parametrize("model", ["full", "tied"])
def test_a_chart_that_is_not_analytic_is_refused(model):
    p = problem(model)
    point = p.objective.at(p.parameters)
    chart = p.objective.chart("factor", point)
    with pytest.raises(ValueError, match=r"no Hessian products in the coordinates of .*; use 'frame'"):
        p.objective.hessian_product(chart, chart.start, point, np.ones_like(chart.start))


def apart(model, weighted):
    """Rows whose labels are certain, fitted: the observed information is that of the complete data."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(3), [20, 40, 60])
    if model == "poisson":
        X = rng.poisson(np.square(np.c_[5.0 + 60.0 * label, 200.0 - 60.0 * label])).astype(float)
    elif model in ("bernoulli", "categorical"):  # 80 features tell the groups apart; each level occurs in each group
        mostly = rng.integers(2, size=(3, 80))[label]
        tenths = [np.repeat(np.arange(size)[:, np.newaxis] % 10, 80, axis=1) for size in (20, 40, 60)]
        turn = np.concatenate([rng.permuted(part, axis=0) for part in tenths])
        X = np.where(turn == 0, 1.0 - mostly, mostly)
        if model == "categorical":
            X = np.where(turn == 5, 2.0, X)
    else:
        X = rng.normal(1e3 * label[:, np.newaxis], 1.0, size=(len(label), 2))
    weight = repeats(X, weighted)
    mixture = mixture_of(model, reg_covar=0.0, random_state=0).fit(X, sample_weight=weight)
    objective = exact_kernels(objective_of(mixture, X, weight))
    return mixture, objective, objective.at(adopt(mixture, objective))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_hessian_in_the_frame_is_minus_the_identity_for_complete_data(model, weighted):
    """One direction of the coordinates of weights, or of a feature's levels, changes nothing: there it is 0."""
    mixture, objective, point = apart(model, weighted)
    chart = objective.chart("frame", point)
    hessian = np.array([objective.hessian_product(chart, chart.start, point, e) for e in np.eye(len(chart.start))])
    expected, at = -np.eye(len(chart.start)), 0
    rows = [mixture.weights_, *(mixture.probabilities_.reshape(-1, 3) if model == "categorical" else ())]
    for root in np.sqrt(rows):
        expected[at : at + 3, at : at + 3] += np.outer(root, root)
        at += 3
    assert_allclose(hessian, expected, atol=1e-6)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("model", COVARIANCE_TYPES)
def test_product_in_float32_is_close(model, missing):
    p = problem(model, missing, weighted=True)
    products = []
    for dtype in (np.float64, np.float32):
        X = p.X.astype(dtype)
        objective = objective_of(start_of(X, model, reg_covar=1e-3), X, p.weight)
        parameters = adopt(p.mixture, objective)
        chart = objective.chart("frame", objective.at(parameters))
        z, v, _ = beside(chart, "frame")
        products.append(objective.hessian_product(chart, z, objective.at(chart.parameters(z)), v))
    assert np.isfinite(products[1]).all()
    assert_allclose(products[1], products[0], atol=1e-3 * np.abs(products[0]).max())


def test_complex_steps_differentiate_tuples_of_arrays():
    """The rule of the product and of a quotient, exactly."""
    x, dx, y, dy = (np.array([value]) for value in (2.0, 3.0, 5.0, -7.0))
    found = along(lambda pair: Parameters(pair[0] * pair[1], pair[0] / pair[1]), (Parameters(x, y), Parameters(dx, dy)))
    assert_allclose(found.latent, dx * y + x * dy, rtol=1e-15)
    assert_allclose(found.components, (dx * y - x * dy) / y**2, rtol=1e-15)


def test_hessian_next_to_the_boundary_of_bernoulli_probabilities_is_definite():
    """A feature tells the groups apart but for probabilities that rounding leaves above 0: no curvature is positive."""
    rng = np.random.default_rng(0)
    first = (rng.random((400, 1)) < 0.5).astype(float)
    X = np.c_[first, np.where(rng.random(first.shape) < 0.2, 1.0 - first, first)]
    p = np.array([[3e-15, X[first[:, 0] == 0, 1].mean()], [1.0 - 3e-15, X[first[:, 0] == 1, 1].mean()]])
    start = {"weights_init": [1.0 - first.mean(), first.mean()], "probabilities_init": p}
    mixture = mixture_of("bernoulli", 2, max_iter=0, **start).fit(X)
    objective = objective_of(mixture, X)
    point = objective.at(adopt(mixture, objective))
    chart = objective.chart("frame", point)
    hessian = np.array([objective.hessian_product(chart, chart.start, point, e) for e in np.eye(len(chart.start))])
    assert_allclose(np.linalg.eigvalsh(hessian), [-1.0] * 3 + [-0.5] * 2 + [0.0], atol=1e-5)
