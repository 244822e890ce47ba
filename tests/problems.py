"""Small problems that tests share: an objective, a point to evaluate it at, and the data behind them."""

from typing import NamedTuple

import numpy as np

from skmix import GaussianMixture
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Threads

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")
CHARTS = ("frame", "log-cholesky", "factor")


class Problem(NamedTuple):
    X: np.ndarray
    weight: np.ndarray
    mixture: GaussianMixture  # max_iter=0: the start, in public attributes
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


def start_of(X, covariance_type, K=3, seed=0, **kwargs):
    """A mixture at a start that is not stationary, as an unfitted estimator would begin."""
    kwargs = {"init_params": "random_from_data", **kwargs}
    return GaussianMixture(K, covariance_type=covariance_type, max_iter=0, random_state=seed, **kwargs).fit(X)


def given(mixture):
    """Arguments that make another mixture start where this one is."""
    return {
        "weights_init": mixture.weights_,
        "means_init": mixture.means_,
        "precisions_init": mixture.precisions_,
    }


def objective_of(mixture, X, weight=None, n_threads=1, block_rows=None):
    """The objective that `mixture.fit(X)` would climb."""
    objective = mixture._objective(X, weight)
    if block_rows is not None:
        objective.rows._bounds, objective.rows._resident = objective.rows._cut(block_rows), None
    return Objective(objective.model, objective.rows, Threads(n_threads))


def problem(covariance_type, missing=0.0, weighted=False, seed=0, reg_covar=1e-3, n=240, **kwargs):
    X = blobs(n=n, seed=seed, missing=missing)
    weight = np.random.default_rng(seed).integers(1, 4, size=len(X)).astype(float) if weighted else np.ones(len(X))
    mixture = start_of(X, covariance_type, seed=seed, reg_covar=reg_covar)
    objective = objective_of(mixture, X, weight if weighted else None, **kwargs)
    return Problem(X, weight, mixture, objective, adopt(mixture, objective))


def adopt(mixture, objective):
    return mixture._adopt(objective.model.family, objective.rows.units)


def exact_kernels(objective: Objective) -> Objective:
    """The same objective, made to believe that features would round too much."""
    rows = objective.rows.fork()
    rows.radius2, rows._farthest = 1e30, np.inf
    return Objective(objective.model, rows, objective.threads)
