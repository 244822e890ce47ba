"""Small problems that tests share: data, a start, and an objective with a point to evaluate it at."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skmix import BernoulliMixture, CategoricalMixture, GaussianMixture, PoissonMixture
from skmix.families import FAMILIES
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Threads

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")
DISCRETE = {"poisson": PoissonMixture, "bernoulli": BernoulliMixture, "categorical": CategoricalMixture}
MODELS = (*COVARIANCE_TYPES, *DISCRETE)
CHARTS = ("frame", "log-cholesky", "factor")
INITIAL = {
    "weights_": "weights_init",
    "means_": "means_init",
    "precisions_": "precisions_init",
    "rates_": "rates_init",
    "probabilities_": "probabilities_init",
}
HOME = {"derivative-free": "spherical"}  # covariance types of solvers that take few parameters; others take "full"
GIVEN_ROWS = [(0.0, False), (0.2, False), (0.0, True), (0.2, True)]  # share of missing entries, whether weighted


def prior_of(missing, weighted):
    """The prior of a problem: of `GIVEN_ROWS` two have one, so that it meets missing entries and weights alike."""
    return "data" if weighted != (missing > 0) else None


def charts_of(model):
    """Names of a model's charts."""
    return tuple(FAMILIES[model if model in DISCRETE else f"gaussian-{model}"].charts)


MODEL_CHARTS = [(model, chart) for model in MODELS for chart in charts_of(model)]
EXPLICIT = [(model, "explicit") for model in MODELS]
# U and QU with Q orthogonal are the same covariance; probabilities depend on the ratios of coordinates alone.
OVERPARAMETRISED = {
    ("full", "factor"),
    ("tied", "factor"),
    *(("categorical", chart) for chart in (*charts_of("categorical"), "explicit")),
}


class Problem(NamedTuple):
    X: np.ndarray
    weight: np.ndarray
    mixture: Any  # max_iter=0: the start, in public attributes
    objective: Objective
    parameters: Parameters


def blobs(n=240, d=3, K=3, seed=0, separation=2.0, missing=0.0):
    """Rows of K skewed Gaussian clouds, in columns of different units, with NaN at random."""
    rng = np.random.default_rng(seed)
    centres = separation * rng.normal(size=(K, d))
    shapes = np.eye(d) + 0.4 * rng.normal(size=(K, d, d))
    label = rng.integers(K, size=n)
    X = centres[label] + np.einsum("nij,nj->ni", shapes[label], rng.normal(size=(n, d)))
    X = X * 10.0 ** np.linspace(-1, 2, d) + np.linspace(5, -50, d)
    X[rng.random(X.shape) < missing] = np.nan
    return X


def counts(n=240, d=3, K=3, seed=0, separation=2.0, missing=0.0):
    """Rows of K clouds of counts, `separation` standard deviations apart, with NaN at random."""
    rng = np.random.default_rng(seed)
    rates = np.square(2.0 + 0.5 * separation * np.abs(rng.normal(size=(K, d))))
    X = rng.poisson(rates[rng.integers(K, size=n)]).astype(float)
    X[rng.random(X.shape) < missing] = np.nan
    return X


def answers(n=240, d=5, K=3, seed=0, separation=2.0, missing=0.0):
    """Rows of zeros and ones, of K groups whose logits are `separation` apart, with NaN at random."""
    rng = np.random.default_rng(seed)
    probabilities = 1.0 / (1.0 + np.exp(-separation * rng.normal(size=(K, d))))
    X = (rng.random((n, d)) < probabilities[rng.integers(K, size=n)]).astype(float)
    X[rng.random(X.shape) < missing] = np.nan
    return X


def codes(n=240, d=4, K=3, seed=0, separation=2.0, missing=0.0):
    """Rows of codes of K groups, features having 2, 3, 4, 2, … levels, with NaN at random."""
    rng = np.random.default_rng(seed)
    label, levels = rng.integers(K, size=n), 2 + np.arange(d) % 3
    X = np.empty((n, d))
    for j, size in enumerate(levels):
        part = np.exp(0.7 * separation * rng.normal(size=(K, size)))
        cumulated = np.cumsum(part / part.sum(axis=1, keepdims=True), axis=1)[:, :-1]
        X[:, j] = (rng.random((n, 1)) > cumulated[label]).sum(axis=1)
    X[rng.random(X.shape) < missing] = np.nan
    return X


ROWS = {"poisson": counts, "bernoulli": answers, "categorical": codes}


def overlapping_pair(model, first, rng):
    """Rows of two clouds, of the first where `first`."""
    if model == "poisson":
        return rng.poisson(np.where(first, [9.0, 4.0], [4.0, 7.0])).astype(float)
    if model == "bernoulli":
        p = np.where(first, [0.9, 0.8, 0.7, 0.2, 0.1, 0.3], [0.2, 0.3, 0.1, 0.6, 0.8, 0.9])
        return (rng.random(p.shape) < p).astype(float)
    if model == "categorical":
        low = np.where(first, [0.8, 0.7, 0.75, 0.15], [0.2, 0.1, 0.3, 0.7])
        high = np.where(first, [0.9, 1.0, 0.9, 0.4], [0.6, 1.0, 0.5, 0.9])
        drawn = rng.random(low.shape)
        return (drawn > low).astype(float) + (drawn > high)
    middle, deviation = np.where(first, [2.0, 1.0], [-0.5, -0.7]), np.where(first, [1.0, 1.5], [1.3, 0.8])
    return middle + deviation * rng.normal(size=(len(first), 2))


def overlapping(model, n=300, seed=0, missing=0.0):
    """Rows of two clouds that overlap, yet have one optimum near them."""
    rng = np.random.default_rng(seed)
    first = (rng.random(n) < 0.4)[:, np.newaxis]
    X = overlapping_pair(model, first, rng)
    X[rng.random(X.shape) < missing] = np.nan
    return X


def rows_of(model, **kwargs):
    """Rows that suit a model."""
    return ROWS.get(model, blobs)(**kwargs)


def repeats(X, weighted, seed=0):
    """Weights of rows: integers, or None."""
    return np.random.default_rng(seed).integers(1, 4, size=len(X)).astype(float) if weighted else None


def mixture_of(model, K=3, **kwargs):
    """An unfitted estimator of a model."""
    if model in DISCRETE:
        return DISCRETE[model](K, **{name: value for name, value in kwargs.items() if name != "reg_covar"})
    return GaussianMixture(K, covariance_type=model, **kwargs)


def quietly(mixture, *args, **kwargs):
    """Fit, whether or not it converges."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(*args, **kwargs)


def start_of(X, model, K=3, seed=0, **kwargs):
    """A mixture at a start that is not stationary, as an unfitted estimator would begin."""
    kwargs = {"init_params": "random_from_data", **kwargs}
    return mixture_of(model, K, max_iter=0, random_state=seed, **kwargs).fit(X)


def given(mixture):
    """Arguments that make another mixture start where this one is, with the same prior."""
    values = {argument: getattr(mixture, name) for name, argument in INITIAL.items() if hasattr(mixture, name)}
    return values | ({"prior": mixture.prior} if hasattr(mixture, "prior") else {})  # scikit-learn's have none


def objective_of(mixture, X, weight=None, n_threads=1, block_rows=None):
    """The objective that `mixture.fit(X)` would climb."""
    objective = mixture._objective(X, weight)
    if block_rows is not None:
        objective.rows._bounds, objective.rows._resident = objective.rows._cut(block_rows), None
    return Objective(objective.model, objective.rows, Threads(n_threads))


def problem(model, missing=0.0, weighted=False, seed=0, reg_covar=1e-3, n=240, **kwargs):
    X = rows_of(model, n=n, seed=seed, missing=missing)
    weight = repeats(X, weighted, seed)
    mixture = start_of(X, model, seed=seed, reg_covar=reg_covar, prior=prior_of(missing, weighted))
    objective = objective_of(mixture, X, weight, **kwargs)
    return Problem(X, np.ones(n) if weight is None else weight, mixture, objective, adopt(mixture, objective))


def adopt(mixture, objective):
    """A fitted mixture's parameters, in an objective's units."""
    return mixture._adopt(objective.model.family, objective.rows.units)


def value_of(mixture, X, weight=None):
    """The objective at a fitted mixture's parameters, nats per row, by a pass of its own."""
    objective = objective_of(mixture, X, weight)
    return objective.at(adopt(mixture, objective)).value


def exact_kernels(objective: Objective) -> Objective:
    """The same objective, made to believe that features would round too much."""
    rows = objective.rows.fork()
    rows.radius2, rows._farthest = 1e30, np.inf
    return Objective(objective.model, rows, objective.threads)


def derivative(function, z, v, step=1e-3):
    """The derivative of `function` at `z` along `v`, by central differences of fourth order."""
    ahead, far = (function(z + h * v) - function(z - h * v) for h in (step, 2 * step))
    return (8 * ahead - far) / (12 * step)
