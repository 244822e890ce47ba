"""scikit-learn's estimator checks, over instances that exercise every solver and covariance type."""

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmix import GaussianMixture
from skmix.solvers import LBFGS, SOLVERS, Auto

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")

INSTANCES = [
    GaussianMixture(n_components=n_components, covariance_type=covariance_type, solver=solver)
    for covariance_type in COVARIANCE_TYPES
    for solver in SOLVERS
    for n_components in (1, 3)
] + [
    GaussianMixture(solver=LBFGS(memory=5, chart="log-cholesky", warmup=0)),
    GaussianMixture(n_components=3, solver=LBFGS(chart="factor", reanchor=5), max_iter=20),
    GaussianMixture(n_components=2, solver=Auto(probe=4), n_init=2, n_jobs=2),
]


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}")
@parametrize_with_checks(INSTANCES)
def test_estimator(estimator, check):
    check(estimator)
