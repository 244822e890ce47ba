"""scikit-learn's estimator checks, over instances that exercise every solver, family and covariance type."""

import pytest
import unweighted
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmix import (
    GMMHMM,
    BernoulliHMM,
    BernoulliMixture,
    CategoricalHMM,
    CategoricalMixture,
    GaussianHMM,
    GaussianMixture,
    HiddenMarkovModel,
    MixtureClustering,
    PoissonHMM,
    PoissonMixture,
)
from skmix.solvers import LBFGS, SOLVERS, Auto

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")
OWN = {"auto", "em", "lbfgs"}  # crossed with covariance types below
# The checks have up to 30 features; derivative-free takes 60 parameters at most, and constrained 500.
OVERRIDES = {
    "derivative-free": {"n_components": 1, "covariance_type": "spherical", "max_iter": 30},
    "constrained": {"covariance_type": "diag"},
    "online-em": {"max_iter": 10},  # epochs are many steps
    "adam": {"max_iter": 10},
}

INSTANCES = [
    *(GaussianMixture(K, covariance_type=c) for c in COVARIANCE_TYPES for K in (1, 3)),
    *(GaussianMixture(3, covariance_type=c, solver=s) for c in ("full", "diag") for s in ("em", "lbfgs")),
    *(GaussianMixture(**{"n_components": 2, "solver": s, **OVERRIDES.get(s, {})}) for s in SOLVERS if s not in OWN),
    *(PoissonMixture(2, solver=name) for name in ("auto", "em", "squarem", "lbfgs")),
    *(BernoulliMixture(2, solver=name) for name in ("auto", "em", "squarem", "lbfgs")),
    BernoulliMixture(3, binarize=0.5, solver="newton"),
    *(CategoricalMixture(2, solver=name) for name in ("auto", "em", "squarem", "lbfgs")),
    CategoricalMixture(3, init_params="random_from_data", solver="newton"),
    GaussianMixture(solver=LBFGS(memory=5, chart="log-cholesky", warmup=0)),
    GaussianMixture(n_components=3, solver=LBFGS(chart="factor", reanchor=5), max_iter=20),
    GaussianMixture(n_components=2, solver=Auto(probe=4), n_init=2, n_jobs=2),
    MixtureClustering((1, 2)),  # all nine numbers of the default are the same code, many times as slow
    MixtureClustering((1, 2), "full", criterion="icl", n_jobs=2),
]

HMMS = (GaussianHMM, GMMHMM, PoissonHMM, BernoulliHMM, CategoricalHMM, HiddenMarkovModel)
INSTANCES += [
    *(one(solver=name) for one, other in zip(HMMS, ("em", "lbfgs") * 3, strict=True) for name in ("auto", other)),
    GaussianHMM(covariance_type="full", solver="newton"),
    unweighted.GaussianHMM(3),
    unweighted.GaussianHMM(3, "full", solver="em"),
    unweighted.GMMHMM(3, n_mix=2, covariance_type="spherical"),
    unweighted.PoissonHMM(3, start="stationary", solver="newton", transmat_prior=2.0),
    unweighted.PoissonHMM(3, init_params="sticky", solver="squarem", algorithm="posterior"),
    unweighted.BernoulliHMM(3, solver="lbfgs", init_params="mixture", n_init=2, n_jobs=2),
    unweighted.CategoricalHMM(3, solver="anderson"),
    unweighted.HiddenMarkovModel(3, family="gaussian-tied", solver="gradient-descent", max_iter=10),
]


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}")
@pytest.mark.filterwarnings("ignore:X has values (other than 0 and 1|that are no codes):UserWarning")
@parametrize_with_checks(INSTANCES)
def test_estimator(estimator, check):
    check(estimator)
