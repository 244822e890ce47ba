"""The parts of L-BFGS against SciPy and against their definitions."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import blobs
from scipy.optimize import LbfgsInvHessProduct

from skmix import GaussianMixture
from skmix.solvers.quasi_newton import Memory, wolfe_step

_FUNCTIONS = {
    "parabola": (lambda x: -((x - 1.0) ** 2), lambda x: -2.0 * (x - 1.0)),
    "wave": (lambda x: np.sin(x) - 0.01 * x**2, lambda x: np.cos(x) - 0.02 * x),
    "cliff": (
        lambda x: -np.cosh(x - 1.0) if x < 300 else -np.inf,
        lambda x: -np.sinh(x - 1.0) if x < 300 else np.nan,
    ),
    "plateau": (lambda x: x * np.exp(-x), lambda x: np.exp(-x) * (1.0 - x)),
}


def _remember(most, pairs):
    memory = Memory(most)
    assert all(memory.add(step, loss) for step, loss in pairs)
    return memory


@pytest.mark.parametrize(("n_pairs", "most"), [(1, 5), (3, 3), (30, 30), (9, 4), (5, 1)])
def test_inverse_product_is_that_of_scipy(n_pairs, most):
    rng = np.random.default_rng(n_pairs)
    A = rng.normal(size=(40, 40))
    A = A @ A.T + np.eye(40)
    steps, gradient = rng.normal(size=(n_pairs, 40)), rng.normal(size=40)
    losses = steps @ A
    pairs = list(zip(steps, losses, strict=True))
    steps, losses = steps[-most:], losses[-most:]
    scale = (steps[-1] @ losses[-1]) / (losses[-1] @ losses[-1])
    root = np.sqrt(scale)
    expected = root * LbfgsInvHessProduct(steps / root, losses * root).matvec(root * gradient)
    memory = _remember(most, pairs)
    assert len(memory) == min(n_pairs, most)
    product = memory.inverse_product(gradient)
    assert_allclose(product, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_inverse_product_meets_the_secant_equation():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=5), rng.normal(size=5)) for _ in range(3)]
    memory = _remember(3, [(step if step @ loss > 0 else -step, loss) for step, loss in pairs])
    step, loss = memory.last_step, pairs[-1][1]
    assert_allclose(memory.inverse_product(loss), step, atol=1e-10)
    memory.clear()
    assert len(memory) == 0
    assert memory.inverse_product(step) is step


def test_a_new_pair_changes_the_product():
    first, second = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    memory = _remember(2, [(first, 2.0 * first)])
    gradient = np.array([1.0, 1.0])
    assert_allclose(memory.inverse_product(gradient), [0.5, 0.5])
    assert memory.add(second, 4.0 * second)
    assert_allclose(memory.inverse_product(gradient), [0.5, 0.25])


def test_pairs_without_curvature_are_refused():
    step, memory = np.array([1.0, 0.0]), Memory(3)
    assert memory.add(step, step)
    assert not memory.add(step, -step)
    assert not memory.add(step, np.array([0.0, 1.0]))
    assert len(memory) == 1


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
