"""Linear constraints: kept at every iterate, in the data's own units, and refused where they cannot be."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import blobs, counts, overlapping, quietly, value_of
from scipy.optimize import LinearConstraint

from skmix import GaussianMixture, PoissonMixture
from skmix.solvers import Constrained
from skmix.solvers.result import listening

METHODS = ["slsqp", "trust-constr"]
methods = pytest.mark.parametrize("method", METHODS)
EXACT = 1e-12  # relative to the sizes of a constraint's terms
SCALE = np.array([1e-3, 1e4])  # columns in units far from each other


def rows():
    return overlapping("full", n=200) * SCALE + [5.0, -2e5]


def iterates(mixture, X):
    """Fit; the weights and means, in the data's units, of every accepted iterate."""
    reached = []

    def listen(trace):
        weights, components = trace.point.parameters
        objective = trace._objective
        reached.append((weights, objective.model.family.publish(components, objective.units)))

    with listening(listen):
        quietly(mixture, X)
    return reached


def excess(constraint, values):
    """By how much linear limits are exceeded, relative to the sizes of the terms; at most 0 where they hold."""
    A, values = np.atleast_2d(constraint.A).astype(float), np.ravel(values)
    size = np.abs(A) @ np.abs(values) + 1e-300
    above, below = A @ values - constraint.ub, constraint.lb - A @ values
    return np.max(np.maximum(above, below) / size)


# Constraints on the means (row by row) and on the weights, which neither the start nor the free optimum obeys.
MEANS = {
    "one mean is known": LinearConstraint([[1.0, 0, 0, 0]], 5.0, 5.0),
    "means are a fixed distance apart": LinearConstraint([[1.0, 0, -1.0, 0]], 1e-3, 1e-3),
    "a mean stays below": LinearConstraint([[0, 1.0, 0, 0]], -np.inf, -2.1e5),
    "both, as an interval and an equality": LinearConstraint(
        [[1.0, 0, 0, 0], [0, 1.0, 0, -1.0]], [4.9999, 2e4], [5.0001, 2e4]
    ),
}
WEIGHTS = {
    "equal": LinearConstraint([[1.0, -1.0]], 0, 0),
    "one is known": LinearConstraint([[1.0, 0]], 0.3, 0.3),
    "one is three times the other": LinearConstraint([[3.0, -1.0]], 0, 0),
    "at least a third each": LinearConstraint(np.eye(2), 1 / 3, 1),
    "at most 0.45": LinearConstraint([[0, 1.0]], -np.inf, 0.45),
}


@methods
@pytest.mark.parametrize("covariance_type", ["full", "diag"])
@pytest.mark.parametrize("name", MEANS)
def test_constraints_on_means_hold_at_every_iterate(name, covariance_type, method):
    X, constraint = rows(), MEANS[name]
    mixture = GaussianMixture(
        2, covariance_type=covariance_type, reg_covar=0, solver=Constrained(method, means=constraint), random_state=0
    )
    reached = iterates(mixture, X)
    assert len(reached) > 3
    assert max(excess(constraint, public["means_"]) for _, public in reached) <= EXACT
    assert excess(constraint, mixture.means_) <= EXACT
    free = GaussianMixture(2, covariance_type=covariance_type, reg_covar=0, random_state=0, tol=1e-9).fit(X)
    assert excess(constraint, free.means_) > EXACT
    assert np.diff(mixture.history_["objective"]).min() >= 0.0


@methods
@pytest.mark.parametrize("name", WEIGHTS)
def test_constraints_on_weights_hold_at_every_iterate(name, method):
    X, constraint = rows(), WEIGHTS[name]
    mixture = GaussianMixture(2, reg_covar=0, solver=Constrained(method, weights=constraint), random_state=0)
    reached = iterates(mixture, X)
    assert len(reached) > 3
    assert max(excess(constraint, weights) for weights, _ in reached) <= EXACT
    assert excess(constraint, mixture.weights_) <= EXACT
    assert_allclose(mixture.weights_.sum(), 1.0, rtol=1e-12)
    assert np.diff(mixture.history_["objective"]).min() >= 0.0


@methods
@pytest.mark.parametrize("feature", [0, 1])
@pytest.mark.parametrize("seed", range(3))
def test_components_are_in_order_exactly_at_every_iterate(seed, feature, method):
    X = blobs(n=150, d=2, K=4, separation=1.0, seed=seed)
    solver = Constrained(method, increasing=feature)
    mixture = GaussianMixture(4, covariance_type="diag", solver=solver, random_state=seed, max_iter=60)
    for _, public in iterates(mixture, X):
        assert np.all(np.diff(public["means_"][:, feature]) >= 0)
    assert np.all(np.diff(mixture.means_[:, feature]) >= 0)


@methods
def test_rates_of_a_poisson_mixture_are_in_order(method):
    X = counts(d=2, K=3, separation=1.0, n=150)
    mixture = PoissonMixture(3, solver=Constrained(method, increasing=1), random_state=0, max_iter=200)
    for _, public in iterates(mixture, X):
        assert np.all(np.diff(public["rates_"][:, 1]) >= 0)
        assert np.all(public["rates_"] > 0)
    assert np.all(np.diff(mixture.rates_[:, 1]) >= 0)


def test_a_known_ratio_of_rates():
    """Rates (row by row) in the proportion 1 to 2; the optimum on that line by a search over it."""
    X = np.random.default_rng(0).poisson(np.repeat([3.0, 7.0], 100))[:, np.newaxis].astype(float)
    solver = Constrained(means=LinearConstraint([[2.0, -1.0]], 0, 0), weights=LinearConstraint([[1.0, 0]], 0.5, 0.5))
    start = {"weights_init": [0.5, 0.5], "rates_init": [[3.0], [6.0]]}
    mixture = PoissonMixture(2, solver=solver, tol=1e-12, **start).fit(X)
    assert mixture.rates_[1, 0] == pytest.approx(2 * mixture.rates_[0, 0], rel=EXACT)

    def along(rate):
        line = {"weights_init": [0.5, 0.5], "rates_init": [[rate], [2 * rate]]}
        return value_of(PoissonMixture(2, max_iter=0, **line).fit(X), X)

    rate = mixture.rates_[0, 0]
    assert along(rate) == pytest.approx(mixture.lower_bound_, abs=1e-12)
    assert all(along(rate) > along(rate * factor) for factor in (0.999, 1.001))


@methods
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_without_constraints_the_optimum_is_that_of_lbfgs(covariance_type, method):
    X = rows() / SCALE
    common = {"covariance_type": covariance_type, "random_state": 0, "tol": 1e-10, "max_iter": 2000}
    free = GaussianMixture(2, solver="lbfgs", **common).fit(X)
    mixture = GaussianMixture(2, solver=Constrained(method), **common).fit(X)
    assert value_of(mixture, X) == pytest.approx(free.lower_bound_, abs=1e-8)


@methods
def test_constraints_that_do_not_bind_change_nothing(method):
    X = rows()
    common = {"random_state": 0, "tol": 1e-10, "reg_covar": 0}
    wide = LinearConstraint(np.eye(4), -1e9, 1e9)
    mixture = GaussianMixture(2, solver=Constrained(method, means=wide), **common).fit(X)
    assert value_of(mixture, X) == pytest.approx(GaussianMixture(2, **common).fit(X).lower_bound_, abs=1e-8)


def test_a_constraint_costs_what_it_should():
    """Known weights: EM with weights held gives the same optimum."""
    X = overlapping("full")
    known = LinearConstraint([[1.0, 0]], 0.5, 0.5)
    mixture = GaussianMixture(2, solver=Constrained(weights=known), tol=1e-12, random_state=0, reg_covar=1e-3).fit(X)
    held = GaussianMixture(2, solver="em", max_iter=1, warm_start=True, random_state=0, reg_covar=1e-3, tol=0)
    quietly(held, X)
    for _ in range(400):
        held.weights_ = np.array([0.5, 0.5])
        quietly(held, X)
    held.weights_ = np.array([0.5, 0.5])
    assert mixture.lower_bound_ == pytest.approx(value_of(held, X), abs=1e-9)


# ---- refused --------------------------------------------------------------------------------------------------------
@methods
@pytest.mark.parametrize(
    "solver",
    [
        Constrained(weights=LinearConstraint(np.eye(2), 0.6, 1.0)),
        Constrained(weights=[LinearConstraint([[1.0, 0]], 0.2, 0.2), LinearConstraint([[1.0, 0]], 0.3, 0.3)]),
        Constrained(weights=LinearConstraint([[1.0, 0]], -0.5, -0.5)),
        Constrained(means=LinearConstraint([[1.0, 0, -1.0, 0]], 0.1, 0.2), increasing=0),
    ],
    ids=["sum above 1", "two values", "negative weight", "against the order"],
)
def test_constraints_that_contradict_each_other_are_refused(solver, method):
    solver.set_params(method=method)
    with pytest.raises(ValueError, match=r"constraints given to Constrained .* contradict each other"):
        GaussianMixture(2, solver=solver, random_state=0).fit(rows())


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (Constrained(weights=LinearConstraint([[1.0, 0, 0]], 0, 1)), "'weights' .*matrices with 2 columns.* Got 3"),
        (Constrained(means=LinearConstraint([[1.0, 0]], 0, 1)), "'means' .*matrices with 4 columns.* Got 2"),
        (Constrained(means=[[1.0, 0, 0, 0]]), "'means' .*must be a scipy.optimize.LinearConstraint or a list"),
        (Constrained(weights="equal"), "'weights' parameter of Constrained must be"),
        (Constrained(increasing=2), "'increasing' parameter of Constrained must be a feature below 2. Got 2"),
        (Constrained(increasing=0.5), "'increasing' parameter of Constrained must be"),
    ],
)
def test_constraints_that_do_not_fit_the_model_are_named(solver, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2, solver=solver).fit(rows())


def test_large_models_are_refused_with_the_reason_and_a_way_out():
    X = np.random.default_rng(0).normal(size=(100, 30))
    message = (
        "solver='constrained' takes up to 500 parameters, this model has 991: its time grows with the third power of "
        "their number. Use solver='auto' or 'lbfgs'."
    )
    with pytest.raises(ValueError) as caught:
        GaussianMixture(2, solver="constrained").fit(X)
    assert str(caught.value) == message
