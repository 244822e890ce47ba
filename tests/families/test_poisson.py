"""Poisson mixtures: against scipy.stats, a published optimum, and counts missing, huge, fractional or all 0."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import counts, objective_of, quietly, start_of
from scipy.special import logsumexp
from scipy.stats import poisson
from sklearn.exceptions import ConvergenceWarning

from skmix import PoissonMixture
from skmix.initialize.starts import Distances

# Deaths a day of women over 80, The Times, 1910 to 1912: days with 0, 1, 2, … deaths (Hasselblad 1969).
DAYS = np.array([162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
DEATHS = np.arange(10.0)[:, np.newaxis]
OPTIMUM = 1989.945859883  # −log-likelihood, nats
WEIGHT, RATES = 0.3598853970, np.array([1.256095100582, 2.663404357078])
START = {"weights_init": [0.3, 0.7], "rates_init": [[1.0], [2.5]]}


def log_density(X, weights, rates):
    """log p(x_n) by SciPy; missing entries add nothing."""
    each = np.nansum(poisson.logpmf(X[:, np.newaxis], rates), axis=2)
    return logsumexp(each + np.log(weights), axis=1)


# ---- the density ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_densities_and_responsibilities_are_those_of_scipy(missing):
    X = counts(missing=missing)
    X[3] = np.nan if missing else X[3]
    mixture = PoissonMixture(3, random_state=0).fit(X)
    expected = log_density(X, mixture.weights_, mixture.rates_)
    assert_allclose(mixture.score_samples(X), expected, rtol=1e-11, atol=1e-11)
    joint = np.nansum(poisson.logpmf(X[:, np.newaxis], mixture.rates_), axis=2) + np.log(mixture.weights_)
    assert_allclose(mixture.predict_proba(X), np.exp(joint - expected[:, np.newaxis]), atol=1e-10)
    assert mixture.score(X) == pytest.approx(expected.mean(), rel=1e-11)
    if missing:
        assert mixture.score_samples(X)[3] == pytest.approx(0.0, abs=1e-12)
        assert_allclose(mixture.predict_proba(X)[3], mixture.weights_)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_the_objective_is_the_log_likelihood_factorials_included(missing):
    X = counts(missing=missing)
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    mixture = PoissonMixture(3, random_state=0).fit(X, sample_weight=weight)
    expected = log_density(X, mixture.weights_, mixture.rates_)
    assert mixture.lower_bound_ == pytest.approx(np.average(expected, weights=weight), rel=1e-11)
    assert mixture.lower_bound_ == pytest.approx(mixture.score(X, sample_weight=weight), rel=1e-11)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("solver", ["auto", "em", "lbfgs"])
def test_a_weight_counts_as_so_many_rows(solver, missing):
    X = counts(n=120, missing=missing)
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    mixture = PoissonMixture(3, random_state=0, tol=1e-11, solver=solver, max_iter=5000)
    weighted = mixture.fit(X, sample_weight=weight)
    rates, bound = weighted.rates_, weighted.lower_bound_
    repeated = mixture.fit(np.repeat(X, weight, axis=0))
    assert repeated.lower_bound_ == pytest.approx(bound, abs=1e-10)
    assert_allclose(repeated.rates_, rates, rtol=1e-4)


def test_one_m_step_is_the_weighted_mean_of_observed_counts():
    X = counts(missing=0.3)
    mixture = start_of(X, "poisson")
    responsibilities = mixture.predict_proba(X)
    objective = objective_of(mixture, X)
    stepped = quietly(start_of(X, "poisson").set_params(max_iter=1, warm_start=True, solver="em"), X)
    observed = ~np.isnan(X)
    assert_allclose(
        stepped.rates_, (responsibilities.T @ np.nan_to_num(X)) / (responsibilities.T @ observed), rtol=1e-10
    )
    assert_allclose(stepped.weights_, responsibilities.mean(axis=0), rtol=1e-10)
    assert objective.n_parameters == 3 * 3 + 2


def test_sample_has_the_moments_of_the_mixture():
    mixture = PoissonMixture(2, random_state=0).fit(counts(K=2))
    X, y = mixture.sample(40_000)
    assert np.all((X >= 0) & (np.round(X) == X))
    assert_allclose(np.bincount(y) / len(y), mixture.weights_, atol=0.01)
    for k in range(2):
        rows, rates = X[y == k], mixture.rates_[k]
        error = 5 * np.sqrt(rates / len(rows))
        assert np.all(np.abs(rows.mean(axis=0) - rates) < error)
        assert_allclose(np.cov(rows.T), np.diag(rates), atol=0.06 * rates.max())


# ---- a published optimum --------------------------------------------------------------------------------------------
def assert_at_the_optimum(mixture):
    order = np.argsort(mixture.rates_[:, 0])
    assert -mixture.lower_bound_ * DAYS.sum() == pytest.approx(OPTIMUM, abs=1e-8)
    assert mixture.weights_[order[0]] == pytest.approx(WEIGHT, abs=2e-4)
    assert_allclose(mixture.rates_[order, 0], RATES, atol=2e-4)


PASSES = {"squarem": 120, "anderson": 300, "lbfgs": 80, "newton": 80, "auto": 80, "constrained": 80}


@pytest.mark.parametrize("solver", PASSES)
def test_hasselblads_deaths_need_few_passes(solver):
    """EM's rate is 0.9957: it needs more than 1500."""
    mixture = PoissonMixture(2, solver=solver, tol=1e-12, **START).fit(DEATHS, sample_weight=DAYS)
    assert_at_the_optimum(mixture)
    assert mixture.n_passes_ < PASSES[solver]


def test_hasselblads_deaths_by_em():
    mixture = PoissonMixture(2, solver="em", tol=1e-12, max_iter=10_000, **START).fit(DEATHS, sample_weight=DAYS)
    assert_at_the_optimum(mixture)
    assert mixture.n_passes_ > 1500
    assert mixture.converged_


def test_hasselblads_optimum_is_stationary():
    """At the published parameters an EM step changes them by rounding of what was published."""
    published = {"weights_init": [WEIGHT, 1 - WEIGHT], "rates_init": RATES[:, np.newaxis]}
    mixture = PoissonMixture(2, solver="em", max_iter=1, tol=0, **published)
    quietly(mixture, DEATHS, sample_weight=DAYS)
    assert_allclose(mixture.rates_[:, 0], RATES, atol=1e-9)
    assert -mixture.lower_bound_ * DAYS.sum() == pytest.approx(OPTIMUM, abs=1e-8)


# ---- degenerate and extreme counts ----------------------------------------------------------------------------------
@pytest.mark.parametrize("solver", ["auto", "em", "squarem", "anderson", "lbfgs", "newton", "cg", "gradient-descent"])
def test_a_feature_may_be_zero_in_a_whole_cluster(solver):
    """Its rate there goes to 0, and the log-likelihood stays finite, also for rows that have a count there."""
    rng = np.random.default_rng(0)
    X = np.r_[np.c_[rng.poisson(40, 60), np.zeros(60)], np.c_[rng.poisson(3, 60), rng.poisson(30, 60)]].astype(float)
    mixture = PoissonMixture(2, solver=solver, random_state=0).fit(X)
    k = np.argmax(mixture.rates_[:, 0])
    assert mixture.rates_[k, 1] < 1e-6
    assert_allclose(mixture.rates_[k, 0], X[:60, 0].mean(), rtol=1e-5)
    assert np.isfinite(mixture.score_samples(X)).all()
    assert_allclose(mixture.predict_proba([[40.0, 1.0]]).sum(), 1.0)
    assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0


CASES = {
    "all zero": np.zeros((20, 2)),
    "one column of zeros": np.c_[np.arange(20.0), np.zeros(20)],
    "constant": np.full((20, 2), 7.0),
    "n = K": np.array([[0.0, 1.0], [5.0, 2.0], [100.0, 0.0]]),
    "column without values": np.c_[np.arange(20.0), np.full(20, np.nan)],
    "no values": np.full((20, 2), np.nan),
    "an outlier": np.r_[np.ones((20, 2)), [[1e9, 0.0]]],
    "half missing": counts(n=60, missing=0.5),
    "fewer distinct rows than components": np.repeat([[1.0, 2.0], [30.0, 0.0]], 10, axis=0),
}


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
@pytest.mark.parametrize("solver", ["auto", "em", "squarem", "anderson", "lbfgs", "newton", "cg", "constrained"])
@pytest.mark.parametrize("case", CASES)
def test_never_raises_never_nan(case, solver, init_params):
    X = CASES[case]
    mixture = quietly(PoissonMixture(3, solver=solver, init_params=init_params, random_state=0, max_iter=40), X)
    assert np.isfinite(mixture.rates_).all()
    assert np.all(mixture.rates_ >= 0)
    assert_allclose(mixture.weights_.sum(), 1.0)
    assert_allclose(mixture.predict_proba(X).sum(axis=1), 1.0)
    assert np.isfinite(mixture.score_samples(X)).all()
    assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0
    assert "refused" not in mixture.stop_reason_


@pytest.mark.parametrize("solver", ["auto", "em", "lbfgs", "newton"])
def test_large_counts_are_accurate(solver):
    """Counts of 1e6 with standard deviations of 1e3: the log-densities are differences of terms of size 1e7."""
    rng = np.random.default_rng(0)
    X = np.r_[rng.poisson(1_000_000, size=(50, 2)), rng.poisson(1_010_000, size=(50, 2))].astype(float)
    mixture = PoissonMixture(2, solver=solver, random_state=0).fit(X)
    rates = mixture.rates_[np.argsort(mixture.rates_[:, 0])]
    assert_allclose(rates, [X[:50].mean(axis=0), X[50:].mean(axis=0)], rtol=1e-9)
    expected = log_density(X, mixture.weights_, mixture.rates_)
    assert_allclose(mixture.score_samples(X), expected, rtol=0, atol=1e-7)  # 60 eps of those terms


def test_fractional_counts_are_accepted():
    """Rates of a fit to halves of counts are halves of the rates, at equal labels."""
    X = counts(separation=20.0)
    whole, half = (PoissonMixture(3, solver="em", random_state=0).fit(data) for data in (X, X / 2))
    np.testing.assert_array_equal(whole.labels_, half.labels_)
    assert_allclose(half.rates_, whole.rates_ / 2, rtol=1e-5)


# ---- input ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["fit", "predict", "score", "score_samples", "transform"])
def test_negative_counts_are_refused(method):
    mixture = PoissonMixture(1).fit([[1.0], [2.0]])
    with pytest.raises(ValueError, match="Negative values in data passed to PoissonMixture; counts are 0 or more"):
        getattr(mixture, method)([[1.0], [-1.0]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rates_init": [[1.0], [0.0]]}, "'rates_init' should be positive, but got min value 0"),
        ({"rates_init": [[1.0], [-2.0]]}, "'rates_init' should be positive, but got min value -2"),
        ({"rates_init": [[1.0]]}, r"'rates_init' should have the shape of \(2, 1\), but got \(1, 1\)"),
        ({"rates_init": [[1.0], [np.nan]]}, "rates_init contains NaN"),
        ({"rates_init": "high"}, "'rates_init' parameter of PoissonMixture must be .*Got 'high'"),
        ({"weights_init": [0.5, 0.6]}, "'weights_init' should be normalized"),
        ({"solver": "riemannian"}, "'riemannian' needs 'manifold' of the family, which Poisson does not define"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        PoissonMixture(2, **parameters).fit([[0.0], [1.0], [5.0]])


def test_float32_counts_are_fitted_in_float64():
    X = counts()
    double, single = (PoissonMixture(3, random_state=0).fit(X.astype(dtype)) for dtype in (np.float64, np.float32))
    assert single.rates_.dtype == np.float64
    assert_allclose(single.rates_, double.rates_)


def test_a_component_that_loses_all_its_rows_is_reported():
    X = counts(K=2, n=60)
    start = {"weights_init": [0.4, 0.4, 0.2], "rates_init": [X[0] + 1, X[1] + 1, [1e6, 1e6, 1e6]]}
    with pytest.warns(ConvergenceWarning, match=r"Component\(s\) 2 lost all rows"):
        mixture = PoissonMixture(3, solver="em", **start).fit(X)
    assert_allclose(mixture.rates_[2], 1e6)
    assert 2 not in mixture.labels_


# ---- starts ---------------------------------------------------------------------------------------------------------
def test_starts_see_missing_entries_at_the_mean_of_their_column():
    """In isotropic coordinates: a count that is missing is not a count of 0."""
    X = counts(missing=0.3, n=100)
    objective = objective_of(PoissonMixture(2), X)
    seen, _ = Distances(objective.model.family, objective.rows).sample(np.random.RandomState(0))
    root = 2.0 * np.sqrt(X)
    expected = np.where(np.isnan(root), np.nanmean(root, axis=0), root)
    assert_allclose(np.sort(seen, axis=0), np.sort(expected, axis=0), rtol=1e-12)


def test_missing_entries_do_not_make_a_cluster_of_their_own():
    """Two clouds far apart in one column; in the other, of large counts, half of the entries are missing."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.poisson(np.repeat([5, 60], 100)), rng.poisson(400, size=200)].astype(float)
    X[rng.random(200) < 0.5, 1] = np.nan
    mixture = PoissonMixture(2, max_iter=0, random_state=0).fit(X)
    agreement = np.mean(mixture.labels_ == np.repeat([0, 1], 100))
    assert max(agreement, 1 - agreement) > 0.99


def test_fits_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PoissonMixture(3, random_state=0, n_init=3).fit(counts())
