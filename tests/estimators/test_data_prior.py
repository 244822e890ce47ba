"""Priors scaled by the data: closed forms, equivariance, and that no component can collapse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from problems import COVARIANCE_TYPES, DISCRETE, blobs, mixture_of, quietly, rows_of, start_of
from problems import given as start_from
from reference import covariance_matrices, log_prior, prior_scale

from skmix import GMMHMM, GaussianHMM, GaussianMixture, HiddenMarkovModel, MixtureClustering, PoissonHMM
from skmix.estimators.growth import _is_degenerate

ROWS = {"full": lambda d: 2 * d + 3, "tied": lambda d: 2 * d + 3, "diag": lambda d: 5, "spherical": lambda d: 5}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_one_component_has_the_posterior_mode_in_closed_form(covariance_type, weighted):
    X = blobs(n=30)
    w = np.random.default_rng(0).uniform(0.5, 2.0, size=30) if weighted else np.ones(30)
    mixture = GaussianMixture(covariance_type=covariance_type, reg_covar=0.0, prior="data").fit(X, sample_weight=w)
    S, rows = prior_scale(X, w, 1), ROWS[covariance_type](3)
    expected = (w.sum() + 1) / (w.sum() + rows) * S
    if covariance_type not in ("full", "tied"):
        expected = np.diag(np.diag(expected))
    if covariance_type == "spherical":
        expected = np.eye(3) * np.trace(expected) / 3
    assert_allclose(covariance_matrices(mixture.covariances_, covariance_type, 1, 3)[0], expected, rtol=1e-6)
    assert_allclose(mixture.means_[0], w @ X / w.sum())


def test_in_one_dimension_all_priors_of_own_variances_are_the_same():
    X = blobs(d=1)
    start = start_of(X, "spherical", prior="data")
    fits = []
    for covariance_type, shape in (("spherical", (3,)), ("diag", (3, 1)), ("full", (3, 1, 1))):
        own = {"covariance_type": covariance_type, "precisions_init": start.precisions_.reshape(shape)}
        fits.append(GaussianMixture(3, tol=1e-10, max_iter=5000, **{**start_from(start), **own}).fit(X))
    for fit in fits[1:]:
        assert fit.lower_bound_ == pytest.approx(fits[0].lower_bound_, abs=1e-9)
        assert_allclose(np.ravel(fit.covariances_), fits[0].covariances_, rtol=1e-3)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**31 - 1),
    covariance_type=st.sampled_from(COVARIANCE_TYPES),
    n=st.sampled_from([8, 60]),
    weighted=st.booleans(),
)
def test_equivariance(seed, covariance_type, n, weighted):
    """Fits to X A + b are those to X, transformed: any A with matrices, a diagonal or a multiple of I without."""
    rng = np.random.default_rng(seed)
    X, b = blobs(n=n, seed=seed) / [0.1, 3.0, 100.0], rng.normal(size=3)
    A = rng.normal(size=(3, 3)) + 3.0 * np.eye(3)
    if covariance_type not in ("full", "tied"):
        A = np.diag(np.exp(rng.normal(size=3) * (covariance_type == "diag")) * np.exp(rng.normal()))
    w = rng.integers(1, 4, size=n).astype(float) if weighted else np.ones(n)
    argument = {
        "reg_covar": 0.0,
        "prior": "data",
        "solver": "em",
        "max_iter": 10,
        "tol": 0.0,
        "weights_init": [0.6, 0.4],
    }
    start = np.cov(X.T)  # its restriction is what the structure makes of it
    fits = []
    for data, means, covariance in ((X, X[:2], start), (X @ A + b, X[:2] @ A + b, A.T @ start @ A)):
        one = np.linalg.inv(covariance) if covariance_type in ("full", "tied") else 1.0 / np.diag(covariance)
        one = 1.0 / np.trace(covariance) if covariance_type == "spherical" else one
        precisions = one if covariance_type == "tied" else np.stack([one, one])
        argument |= {"means_init": means, "precisions_init": precisions, "covariance_type": covariance_type}
        fits.append(quietly(GaussianMixture(2, **argument), data, sample_weight=w))
    a, moved = fits
    jacobian = np.linalg.slogdet(A)[1]
    assert_allclose(moved.history_["objective"] + jacobian, a.history_["objective"], rtol=0, atol=1e-7)
    assert_allclose(moved.weights_, a.weights_, atol=1e-6)
    deviations = np.sqrt(np.diag(np.cov((X @ A).T)))
    assert_allclose((moved.means_ - a.means_ @ A - b) / deviations, 0.0, atol=1e-5)
    expected = [A.T @ c @ A for c in covariance_matrices(a.covariances_, covariance_type, 2, 3)]
    found = covariance_matrices(moved.covariances_, covariance_type, 2, 3)
    assert_allclose((found - expected) / np.outer(deviations, deviations), 0.0, atol=1e-5)


COLLAPSING = {
    "a tight pair": np.r_[blobs(n=60, d=2), [[50.0, 50.0], [50.0, 50.0 + 1e-9]]],
    "equal rows": np.r_[blobs(n=20, d=2), np.repeat([[3.0, -40.0]], 10, axis=0)],
    "n < d": np.random.default_rng(0).normal(size=(6, 20)),
    "collinear": blobs(n=40, d=3) @ [[1.0, 0, 0, 1.0], [0, 1.0, 0, 1.0], [0, 0, 1.0, 1.0]],
}


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
@pytest.mark.parametrize("case", COLLAPSING)
def test_no_component_collapses(case, covariance_type):
    """At a mode (N_k + ν) Σ_k is Λ and more: no variance is below Λ/(n + ν), nor a weight below 1/(n + K)."""
    X, K = COLLAPSING[case], 4
    n, d = X.shape
    settings = {"reg_covar": 0.0, "prior": "data", "random_state": 0, "max_iter": 5000, "tol": 1e-8}
    mixture = GaussianMixture(K, covariance_type=covariance_type, **settings).fit(X)
    assert mixture.converged_
    least = prior_scale(X, np.ones(n), K)
    least += 1e-12 * np.diag(np.diag(least))  # Λ has no direction below 1e-10 of the standardised data
    if covariance_type == "spherical":
        least = np.eye(d) * np.trace(least) / d
    elif covariance_type == "diag":
        least = np.diag(np.diag(least))
    root = np.linalg.inv(np.linalg.cholesky(least))
    for covariance in covariance_matrices(mixture.covariances_, covariance_type, K, d):
        assert np.linalg.eigvalsh(root @ covariance @ root.T).min() > 0.99 / (n + ROWS[covariance_type](d))
    assert mixture.weights_.min() > 0.99 / (n + K)
    objective = mixture._objective(X, None)
    assert not _is_degenerate(mixture, objective)


def test_without_a_prior_the_tight_pair_collapses():
    X = COLLAPSING["a tight pair"]
    mixture = GaussianMixture(4, reg_covar=0.0, random_state=0, max_iter=5000).fit(X)
    assert np.linalg.det(mixture.covariances_).min() < 1e-12


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("model", [*COVARIANCE_TYPES, *DISCRETE])
def test_integer_weights_are_repeated_rows(model, missing):
    X = rows_of(model, n=50, missing=missing)
    weight = np.random.default_rng(1).integers(0, 4, size=50)
    mixture = mixture_of(model, 2, prior="data", random_state=0, tol=1e-9, max_iter=5000)
    weighted = mixture.fit(X, sample_weight=weight).lower_bound_
    assert mixture.fit(np.repeat(X, weight, axis=0)).lower_bound_ == pytest.approx(weighted, abs=1e-8)


@pytest.mark.parametrize("model", DISCRETE)
def test_discrete_components_have_a_row_of_average_content_besides(model):
    """One component: the mode is the average itself. More: what few rows lack is not impossible."""
    X = rows_of(model, n=40, missing=0.1)
    mixture = mixture_of(model, 1, prior="data").fit(X)
    if model != "categorical":
        (found,) = (mixture.rates_ if model == "poisson" else mixture.probabilities_).tolist()
        assert_allclose(found, np.nanmean(X, axis=0), rtol=1e-12)
    X[:35], X[35:] = 0.0, 1.0
    mixture = mixture_of(model, 2, prior="data", random_state=0, tol=1e-10, max_iter=5000).fit(X)
    own = mixture.rates_ if model == "poisson" else mixture.probabilities_
    assert own.min() > 1.0 / 8.0 / 50.0
    assert mixture.weights_.min() > 1.0 / 42.0


@pytest.mark.parametrize("solver", ["em", "lbfgs", "newton"])
def test_hidden_markov_models_do_not_collapse_either(solver):
    X = np.r_[blobs(n=80, d=2), [[50.0, 50.0], [50.0, 50.0 + 1e-9]]]
    settings = {"solver": solver, "reg_covar": 0.0, "prior": "data", "random_state": 0, "tol": 1e-7, "max_iter": 2000}
    gaussian = GaussianHMM(3, "full", **settings).fit(X)
    general = HiddenMarkovModel(3, family="gaussian-full", **settings).fit(X)
    assert general.lower_bound_ == gaussian.lower_bound_
    least = np.linalg.cholesky(prior_scale(X, np.ones(82), 3))
    for covariance in gaussian.covars_:
        ratio = np.linalg.solve(least, np.linalg.solve(least, covariance).T)
        assert np.linalg.eigvalsh(ratio).min() > 0.99 / (82 + 7)
    mixtures = GMMHMM(2, 2, **settings).fit(X)
    assert mixtures.weights_.min() > 1.0 / (82 + 2)
    of_components = np.diag(prior_scale(X, np.ones(82), 4))
    assert (mixtures.covariances_ / of_components).min() > 0.99 / (82 + 5)


def test_counts_of_zero_keep_a_rate_in_hidden_markov_models():
    X = np.repeat([0.0, 5.0, 0.0, 7.0], 20)[:, np.newaxis]
    assert PoissonHMM(2, random_state=0).fit(X).rates_.min() < 1e-6
    expected = X.mean() / 41.0  # of 40 rows of zeros and one at the mean
    assert PoissonHMM(2, prior="data", random_state=0, tol=1e-9).fit(X).rates_.min() == pytest.approx(
        expected, rel=1e-3
    )


def test_a_weight_of_zero_that_is_given_stays():
    X = blobs(n=60)
    for solver in ("em", "lbfgs"):
        mixture = GaussianMixture(3, prior="data", weights_init=[0.5, 0.5, 0.0], solver=solver, random_state=0)
        quietly(mixture, X)
        assert mixture.weights_[2] == 0.0
        assert np.isfinite(mixture.lower_bound_)


@pytest.mark.parametrize("solver", ["em", "lbfgs"])
def test_weights_of_zero_within_states_are_left(solver):
    hmm = GMMHMM(2, 2, prior="data", weights_init=[[1.0, 0.0], [0.5, 0.5]], solver=solver, random_state=0)
    quietly(hmm, blobs(n=60))
    assert np.isfinite(hmm.history_["objective"]).all()
    assert hmm.weights_.min() > 0.99 / (60 + 2)


def test_models_are_compared_at_their_posterior_modes():
    X = COLLAPSING["equal rows"]
    free, safe = (
        MixtureClustering([1, 2, 3], ["full"], reg_covar=0.0, prior=prior, random_state=0).fit(X)
        for prior in (None, "data")
    )
    assert free.results_["log_likelihood"].max() > safe.results_["log_likelihood"].max() + 100.0
    assert free.results_["degenerate"].any()
    assert not safe.results_["degenerate"].any()
    assert safe.best_estimator_.prior == "data"
    assert safe.results_["bic"].min() == pytest.approx(safe.best_estimator_.bic(X), rel=1e-9)


def test_criteria_and_scores_are_those_of_the_likelihood():
    X = blobs(n=60)
    mixture = GaussianMixture(2, prior="data", reg_covar=0.0, random_state=0).fit(X)
    same = GaussianMixture(2, max_iter=0, **{**start_from(mixture), "prior": None}).fit(X)
    assert mixture.bic(X) == pytest.approx(same.bic(X), rel=1e-9)
    assert mixture.score(X) == pytest.approx(same.score(X), rel=1e-9)
    prior = log_prior(mixture.weights_, mixture.covariances_, "full", prior_scale(X, np.ones(60), 2)) / 60
    assert mixture.lower_bound_ == pytest.approx(mixture.score(X) + prior, abs=1e-9)


def test_a_prior_of_another_name_is_refused():
    with pytest.raises(ValueError, match=r"The 'prior' parameter of GaussianMixture must be a str among \{'data'\}"):
        GaussianMixture(prior="wishart").fit(blobs(n=20))
