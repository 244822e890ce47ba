"""The bound against its definition, row by row, and against log-likelihoods."""

import numpy as np
import pytest
from problems import COVARIANCE_TYPES, blobs
from reference import covariance_matrices, log_densities
from scipy.special import xlogy
from scipy.stats import poisson
from sklearn.mixture import GaussianMixture as SklearnMixture

import skmix
from skmix import GaussianMixture, VariationalGaussianMixture
from skmix.inference import Elbo, elbo

types = pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)


def distributions(n, K, seed=0):
    q = np.random.default_rng(seed).dirichlet(np.full(K, 0.5), size=n)
    q[: n // 4] = np.eye(K)[np.arange(n // 4) % K]  # zeros among them
    return q


def plain(log_joint, q, weight):
    return float(weight @ (q * log_joint - xlogy(q, q)).sum(axis=1))


@types
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_of_gaussian_mixtures(covariance_type, missing):
    X, q = blobs(n=80, missing=missing), distributions(80, 3)
    weight = np.random.default_rng(1).uniform(0.0, 3.0, size=80)
    mixture = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X)
    C = covariance_matrices(mixture.covariances_, covariance_type, 3, X.shape[1])
    log_joint = log_densities(X, mixture.means_, C) + np.log(mixture.weights_)
    for w in (None, weight):
        bound = elbo(mixture, X, q, sample_weight=w)
        w = np.ones(80) if w is None else w
        assert bound.elbo == pytest.approx(plain(log_joint, q, w), rel=1e-9)
        assert bound.log_likelihood == pytest.approx(w @ mixture.score_samples(X), rel=1e-12)
        assert bound.gap == pytest.approx(bound.log_likelihood - bound.elbo, rel=1e-9)
        assert bound.gap > 1.0


def test_of_poisson_mixtures():
    rng = np.random.default_rng(0)
    X, q = rng.poisson(np.repeat([[2.0, 9.0], [12.0, 1.0]], 30, axis=0)).astype(float), distributions(60, 2)
    X[rng.random(X.shape) < 0.2] = np.nan
    mixture = skmix.PoissonMixture(2, random_state=0).fit(X)
    log_density = np.nansum(poisson(mixture.rates_).logpmf(X[:, None, :]), axis=2)
    expected = plain(log_density + np.log(mixture.weights_), q, np.ones(60))
    assert elbo(mixture, X, q).elbo == pytest.approx(expected, rel=1e-9)


@types
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_exact_responsibilities_leave_no_gap(covariance_type, dtype):
    X = blobs(missing=0.1).astype(dtype)
    mixture = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X)
    exact = elbo(mixture, X)
    assert exact == Elbo(exact.log_likelihood, exact.log_likelihood, 0.0)
    assert exact.log_likelihood == pytest.approx(np.sum(mixture.score_samples(X), dtype=float), rel=1e-6)
    given = elbo(mixture, X, mixture.predict_proba(X))
    tolerance = 1e-12 if dtype is np.float64 else 1e-6
    assert 0.0 <= given.gap <= tolerance * abs(exact.log_likelihood)
    assert given.log_likelihood == exact.log_likelihood


def test_the_gap_grows_with_the_distance_from_the_exact_responsibilities():
    X = blobs(n=100)
    mixture = GaussianMixture(3, random_state=0).fit(X)
    exact, other = mixture.predict_proba(X), distributions(100, 3)
    gaps = [elbo(mixture, X, (1 - t) * exact + t * other).gap for t in (0.0, 1e-6, 1e-3, 0.1, 0.5, 1.0)]
    assert np.all(np.diff(gaps) > 0)


def test_em_raises_the_bound_by_turns():
    X, bounds, q = blobs(n=100), [], None
    mixture = GaussianMixture(3, random_state=0, max_iter=0, reg_covar=0.0).fit(X)
    for _ in range(5):
        if q is not None:
            bounds.append(elbo(mixture, X, q).elbo)  # new parameters, old responsibilities
        q = mixture.predict_proba(X)
        bounds.append(elbo(mixture, X, q).elbo)
        sk = SklearnMixture(3, reg_covar=0.0)
        sk._initialize(X, q)  # the M-step
        mixture.weights_, mixture.means_ = sk.weights_, sk.means_
        mixture.covariances_, mixture.precisions_cholesky_ = sk.covariances_, sk.precisions_cholesky_
    assert np.all(np.diff(bounds) > 0)


def test_far_from_all_but_one_component_the_gap_is_still_exact():
    mixture = GaussianMixture(2, random_state=0).fit([[0.0], [1.0], [1000.0], [1001.0]])
    q, X = np.array([[0.5, 0.5]]), np.array([[0.5]])
    variances = mixture.covariances_.ravel()
    log_joint = np.log(mixture.weights_) - 0.5 * (
        np.log(2 * np.pi * variances) + (0.5 - mixture.means_[:, 0]) ** 2 / variances
    )
    bound = elbo(mixture, X, q)
    assert bound.gap > 1e5
    assert bound.elbo == pytest.approx(plain(log_joint[None], q, np.ones(1)), rel=1e-9)


def test_a_component_that_cannot_have_rows_gives_an_infinite_gap():
    mixture = GaussianMixture(2, random_state=0).fit([[0.0], [1.0], [10.0], [11.0]])
    mixture.weights_ = np.array([1.0, 0.0])
    assert elbo(mixture, [[0.5]], [[1.0, 0.0]]).gap == 0.0
    assert elbo(mixture, [[0.5]], [[0.5, 0.5]]).gap == np.inf


def test_of_a_posterior_expectations_take_the_place_of_parameters():
    X = blobs(n=80)
    mixture = VariationalGaussianMixture(3, random_state=0).fit(X)
    assert elbo(mixture, X).log_likelihood == pytest.approx(np.sum(mixture.score_samples(X)), rel=1e-12)
    assert elbo(mixture, X).elbo > mixture.elbo_  # which pays for the posterior, too
    assert elbo(mixture, X, distributions(80, 3)).gap > 0


@pytest.mark.parametrize(
    ("q", "match"),
    [
        (np.full((4, 3), 1 / 3), r"'responsibilities' should have the shape .* = \(4, 2\), but got \(4, 3\)"),
        ([[1.5, -0.5]] * 4, "'responsibilities' should not be negative, but the least is -0.5"),
        ([[0.5, 0.5], [0.5, 0.4], [1, 0], [1, 0]], "row 1 adds up to 0.9; divide"),
        ([[np.nan, 0.5]] * 4, "responsibilities contains NaN"),
        ([0, 1, 0, 1], "2D array"),
    ],
)
def test_what_are_no_distributions_is_refused(q, match):
    X = [[0.0], [1.0], [10.0], [11.0]]
    mixture = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match=match):
        elbo(mixture, X, q)


def test_other_estimators_are_refused():
    with pytest.raises(TypeError, match="needs a fitted mixture of skmix"):
        elbo(SklearnMixture().fit([[0.0], [1.0]]), [[0.0]])
