"""The parts of L-BFGS against SciPy and against their definitions."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import blobs
from scipy.optimize import LbfgsInvHessProduct

from skmix import GaussianMixture
from skmix.solvers.quasi_newton import inverse_product, is_curved, wolfe_step

_FUNCTIONS = {
    "parabola": (lambda x: -((x - 1.0) ** 2), lambda x: -2.0 * (x - 1.0)),
    "wave": (lambda x: np.sin(x) - 0.01 * x**2, lambda x: np.cos(x) - 0.02 * x),
    "cliff": (
        lambda x: -np.cosh(x - 1.0) if x < 300 else -np.inf,
        lambda x: -np.sinh(x - 1.0) if x < 300 else np.nan,
    ),
    "plateau": (lambda x: x * np.exp(-x), lambda x: np.exp(-x) * (1.0 - x)),
}


@pytest.mark.parametrize("n_pairs", [1, 3, 30])
def test_inverse_product_is_that_of_scipy(n_pairs):
    rng = np.random.default_rng(n_pairs)
    A = rng.normal(size=(40, 40))
    A = A @ A.T + np.eye(40)
    steps, gradient = rng.normal(size=(n_pairs, 40)), rng.normal(size=40)
    losses = steps @ A
    scale = (steps[-1] @ losses[-1]) / (losses[-1] @ losses[-1])
    root = np.sqrt(scale)
    expected = root * LbfgsInvHessProduct(steps / root, losses * root).matvec(root * gradient)
    product = inverse_product(list(zip(steps, losses, strict=True)), gradient)
    assert_allclose(product, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_inverse_product_meets_the_secant_equation():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=5), rng.normal(size=5)) for _ in range(3)]
    pairs = [pair if is_curved(pair) else (pair[0], -pair[1]) for pair in pairs]
    step, loss = pairs[-1]
    assert_allclose(inverse_product(pairs, loss), step, atol=1e-10)
    assert inverse_product([], step) is step


def test_pairs_without_curvature_are_told():
    step = np.array([1.0, 0.0])
    assert is_curved((step, step))
    assert not is_curved((step, -step))
    assert not is_curved((step, np.array([0.0, 1.0])))


@pytest.mark.parametrize("curvature", [0.1, 0.9])
@pytest.mark.parametrize("scale", np.logspace(-3, 3, 13))
@pytest.mark.parametrize("name", _FUNCTIONS)
def test_steps_meet_the_strong_wolfe_conditions(name, scale, curvature):
    f, df = _FUNCTIONS[name]

    def at(x):
        return f(scale * x), scale * df(scale * x)

    value, slope = at(0.0)
    step = wolfe_step(at, (value, slope), curvature)
    reached, rise = at(step)
    assert reached >= value + 1e-4 * step * slope
    assert abs(rise) <= curvature * slope


@pytest.mark.parametrize("slope", [0.0, -1.0, np.nan])
def test_no_step_where_it_is_not_uphill(slope):
    assert wolfe_step(lambda x: (-x, slope), (0.0, slope)) is None


def test_no_step_where_nothing_is_better():
    assert wolfe_step(lambda x: (-np.inf, np.nan), (0.0, 1.0)) is None


@pytest.mark.parametrize("solver", ["lbfgs", "riemannian", "cg", "constrained"])
def test_filters_of_warnings_are_left_as_they_were(solver):
    """They belong to the process: threads that change them and overlap would leave them changed."""
    before = list(warnings.filters)
    mixture = GaussianMixture(2, solver=solver, n_init=6, n_jobs=3, init_params="random", random_state=0, tol=1e-4)
    mixture.fit(blobs(n=150, d=2, K=2, separation=1.0))
    assert warnings.filters == before
