"""Completed rows, marginals and conditionals, against scipy.stats and the textbook's formulae row by row."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import COVARIANCE_TYPES, DISCRETE, MODELS, blobs, mixture_of, quietly, rows_of, start_of
from reference import conditional, covariance_matrices, e_step
from scipy.special import logsumexp
from scipy.stats import bernoulli, multivariate_normal, poisson

from skmix import CategoricalMixture, GaussianMixture, VariationalGaussianMixture
from skmix.estimators.conditioning import moments

ROUNDING = 1e-10  # of log-densities of a few dozen nats, at condition numbers up to 1e3


def fitted(model, missing=0.0, **kwargs):
    X = rows_of(model, missing=missing)
    return X, start_of(X, model, **kwargs)


def log_density(mixture, X):
    """log p(x) of complete rows from the public attributes alone, by scipy.stats."""
    if hasattr(mixture, "means_"):
        K, d = mixture.means_.shape
        matrices = covariance_matrices(mixture.covariances_, mixture.covariance_type, K, d)
        of_each = [multivariate_normal(m, C).logpdf(X) for m, C in zip(mixture.means_, matrices, strict=True)]
    elif hasattr(mixture, "rates_"):
        of_each = [poisson(rates).logpmf(X).sum(axis=1) for rates in mixture.rates_]
    elif isinstance(mixture, CategoricalMixture):
        at = [np.log(p[np.arange(X.shape[1]), X.astype(int)]) for p in mixture.probabilities_]
        of_each = [each.sum(axis=1) for each in at]
    else:
        of_each = [bernoulli(p).logpmf(X).sum(axis=1) for p in mixture.probabilities_]
    return logsumexp(np.stack(of_each, axis=1) + np.log(mixture.weights_), axis=1)


def summed_out(mixture, X, columns):
    """log p of the columns alone, by scipy.stats: the parameters of those columns are the marginal's."""
    if hasattr(mixture, "means_"):
        K, d = mixture.means_.shape
        matrices = covariance_matrices(mixture.covariances_, mixture.covariance_type, K, d)
        of_each = [
            multivariate_normal(m[columns], C[np.ix_(columns, columns)]).logpdf(X)
            for m, C in zip(mixture.means_, matrices, strict=True)
        ]
        return logsumexp(np.stack(of_each, axis=1) + np.log(mixture.weights_), axis=1)
    names = ("rates_", "probabilities_")
    part = type(mixture)(len(mixture.weights_))
    part.weights_ = mixture.weights_
    for name in names:
        if hasattr(mixture, name):
            setattr(part, name, getattr(mixture, name)[:, columns])
    return log_density(part, X)


# ---- marginals and conditionals -------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", MODELS)
def test_a_marginal_is_the_distribution_of_its_columns(model):
    X, mixture = fitted(model)
    columns = [X.shape[1] - 1, 0]
    marginal = mixture.marginal(columns)
    assert_allclose(log_density(marginal, X[:, columns]), summed_out(mixture, X[:, columns], columns), atol=ROUNDING)
    assert_allclose(marginal.score_samples(X[:, columns]), log_density(marginal, X[:, columns]), atol=ROUNDING)


@pytest.mark.parametrize("model", MODELS)
def test_a_conditional_is_the_joint_over_the_marginal(model):
    X, mixture = fitted(model)
    known, given = [X.shape[1] - 1, 0], X[7, [X.shape[1] - 1, 0]]
    rest = np.setdiff1d(np.arange(X.shape[1]), known)
    conditional = mixture.conditional(known, given)
    whole = X.copy()
    whole[:, known] = given
    expected = log_density(mixture, whole) - summed_out(mixture, whole[:, known], known)
    assert_allclose(log_density(conditional, X[:, rest]), expected, atol=ROUNDING)
    assert_allclose(conditional.score_samples(X[:, rest]), expected, atol=ROUNDING)


@pytest.mark.parametrize("model", [*COVARIANCE_TYPES, "bernoulli"])
def test_conditioning_in_two_steps_is_conditioning_in_one(model):
    X = rows_of(model, d=5)
    mixture = start_of(X, model)
    at_once = mixture.conditional([0, 3], X[3, [0, 3]])
    in_turn = mixture.conditional(3, X[3, 3]).conditional(0, X[3, 0])
    assert_allclose(at_once.score_samples(X[:, [1, 2, 4]]), in_turn.score_samples(X[:, [1, 2, 4]]), atol=ROUNDING)
    one_way = mixture.marginal([4, 0, 2]).conditional(1, X[3, 0])
    other_way = mixture.conditional(0, X[3, 0]).marginal([3, 1])
    assert_allclose(one_way.score_samples(X[:, [4, 2]]), other_way.score_samples(X[:, [4, 2]]), atol=ROUNDING)


@pytest.mark.parametrize("model", MODELS)
def test_they_are_fitted_mixtures_of_their_kind(model):
    X, mixture = fitted(model)
    for part in (mixture.marginal([1, 0]), mixture.conditional(np.arange(X.shape[1]) > 1, X[0, 2:])):
        assert type(part) is type(mixture)
        assert part.n_features_in_ == 2
        columns = part.sample(5)[0]
        assert columns.shape == (5, 2)
        assert part.predict(columns).shape == (5,)
        assert part.bic(columns) > part.aic(columns) - 100
        assert part.transform(columns).shape == (5, 3)
        assert list(part.get_feature_names_out()) == list(mixture.get_feature_names_out())
        assert not hasattr(part, "history_")
        quietly(part, X[:, :2])  # and can be fitted anew


def test_parameters_of_features_follow_the_features():
    X = rows_of("categorical")
    mixture = CategoricalMixture(2, n_categories=[4, 5, 6, 7], random_state=0, max_iter=0).fit(X)
    marginal = mixture.marginal([2, 0])
    assert_array_equal(marginal.n_categories, [6, 4])
    assert_array_equal(marginal.n_categories_, [6, 4])
    assert marginal.probabilities_.shape == (2, 2, 6)
    X = blobs()
    given = GaussianMixture(2, means_init=X[:2], precisions_init=np.repeat([np.eye(3)], 2, axis=0), max_iter=0).fit(X)
    assert given.marginal([0]).means_init is None


def test_columns_by_name():
    X = pd.DataFrame(blobs(), columns=["a", "b", "c"])
    mixture = GaussianMixture(2, random_state=0, max_iter=0).fit(X)
    marginal = mixture.marginal(["c", "a"])
    assert list(marginal.feature_names_in_) == ["c", "a"]
    assert_array_equal(marginal.score_samples(X[["c", "a"]]), mixture.marginal([-1, 0]).score_samples(X[["c", "a"]]))
    assert_array_equal(mixture.marginal(slice(1, None)).means_, mixture.marginal(["b", "c"]).means_)
    conditional = mixture.conditional("b", X["b"][0])
    assert list(conditional.feature_names_in_) == ["a", "c"]


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_posteriors_condition_by_their_effective_gaussians(covariance_type):
    X = blobs(n=200)
    posterior = quietly(VariationalGaussianMixture(2, covariance_type=covariance_type, random_state=0), X)
    marginal = posterior.marginal([2, 0])
    assert type(marginal) is GaussianMixture
    assert_allclose(marginal.means_, posterior.means_[:, [2, 0]], rtol=1e-12)
    conditional = posterior.conditional(1, X[0, 1])
    assert_allclose(conditional.weights_, posterior.predict_proba([[np.nan, X[0, 1], np.nan]])[0], rtol=1e-10)
    assert conditional.covariance_type == covariance_type


def test_the_fitted_kind_counts_not_the_parameters():
    X = blobs()
    mixture = GaussianMixture(2, random_state=0, max_iter=0).fit(X)
    expected = mixture.marginal([0, 1]).score_samples(X[:, :2])
    mixture.set_params(covariance_type="diag", n_components=7)
    assert_array_equal(mixture.marginal([0, 1]).score_samples(X[:, :2]), expected)


def test_degenerate_covariances_keep_their_digits():
    """A residual of 1e-8 of the spread: squared, it is rounding of the variance."""
    rng = np.random.default_rng(0)
    z, noise = rng.normal(size=(500, 1)), 1e-2 * rng.normal(size=(500, 1))
    X = np.hstack([z, 1e6 * z + noise, rng.normal(size=(500, 1))])
    conditional = GaussianMixture(reg_covar=0.0).fit(X).marginal([0, 1]).conditional(0, 1.0)
    design = np.hstack([np.ones_like(z), z])
    coefficients, residual, *_ = np.linalg.lstsq(design, noise[:, 0])
    assert_allclose(conditional.means_[0, 0] - 1e6, coefficients.sum(), atol=1e-5)
    assert_allclose(conditional.covariances_[0, 0, 0], residual[0] / 500, rtol=0.02)


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ([], "'columns' names no feature.*at least one"),
        ([0, 0], "'columns' names a feature twice.*each once"),
        ([0, -3], "'columns' names a feature twice"),
        (3, "'columns' names feature 3, but there are 3, numbered from 0"),
        (0.5, "'columns' should be numbers or names"),
        ([True, False], r"boolean mask of shape \(3,\)"),
        ([[0, 1]], "'columns' should be numbers or names"),
        ("a", "'columns' has names, such as 'a'.*fit a data frame"),
    ],
)
def test_wrong_columns_are_named(columns, match):
    mixture = GaussianMixture(max_iter=0).fit(blobs())
    for call in (mixture.marginal, lambda columns: mixture.conditional(columns, 0.0)):
        with pytest.raises(ValueError, match=match):
            call(columns)


def test_an_unknown_name_is_named():
    mixture = GaussianMixture(max_iter=0).fit(pd.DataFrame(blobs(), columns=["a", "b", "c"]))
    with pytest.raises(ValueError, match=r"'columns' names 'd', which is none of \['a', 'b', 'c'\]"):
        mixture.marginal(["a", "d"])


def test_wrong_values_are_named():
    mixture = GaussianMixture(max_iter=0).fit(blobs())
    with pytest.raises(ValueError, match=r"'columns' names all 3 features, which leaves none; name fewer"):
        mixture.conditional([0, 1, 2], [0, 0, 0])
    with pytest.raises(ValueError, match=r"'values' should be 2 value\(s\).*got shape \(3,\)"):
        mixture.conditional([0, 1], [0, 0, 0])
    with pytest.raises(ValueError, match=r"'values' should be finite, but got \[0, nan\]; leave"):
        mixture.conditional([0, 1], [0, np.nan])
    with pytest.raises(ValueError, match=r"code 9 in feature 1"):
        start_of(rows_of("categorical"), "categorical").conditional(1, 9)


# ---- completed rows -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_means_are_those_of_the_textbook(covariance_type):
    X, mixture = fitted(covariance_type, missing=0.4)
    matrices = covariance_matrices(mixture.covariances_, covariance_type, 3, 3)
    _, R = e_step(X, mixture.weights_, mixture.means_, matrices)
    of_each = [[conditional(x, *component) for x in X] for component in zip(mixture.means_, matrices, strict=True)]
    means = np.array([[row[0] for row in rows] for rows in of_each])
    mean = np.einsum("nk,knj->nj", R, means)
    assert_allclose(mixture.impute(X), mean, rtol=1e-8)
    within = np.einsum("nk,knij->nij", R, np.array([[row[1] for row in rows] for rows in of_each]))
    between = np.einsum("nk,kni,knj->nij", R, means - mean, means - mean)
    found = moments(mixture, X, np.array([2, 0]))
    assert_allclose(found[0], mean[:, [2, 0]], rtol=1e-8)
    expected = (within + between)[:, [2, 0]][:, :, [2, 0]]
    assert_allclose(found[1], expected, rtol=1e-7, atol=1e-9 * expected.max())


@pytest.mark.parametrize("model", ["poisson", "bernoulli"])
def test_means_of_independent_features_are_mixed_by_responsibilities(model):
    X, mixture = fitted(model, missing=0.4)
    means = mixture.rates_ if model == "poisson" else mixture.probabilities_
    expected = np.where(np.isnan(X), mixture.predict_proba(X) @ means, X)
    assert_allclose(mixture.impute(X), expected, rtol=1e-10)


def test_codes_are_completed_by_the_most_probable_level():
    X, mixture = fitted("categorical", missing=0.4)
    levels = np.einsum("nk,kjl->njl", mixture.predict_proba(X), mixture.probabilities_).argmax(axis=2)
    assert_array_equal(mixture.impute(X), np.where(np.isnan(X), levels, X))


@pytest.mark.parametrize("method", ["mean", "draw"])
@pytest.mark.parametrize("model", MODELS)
def test_observed_values_stay_bit_for_bit(model, method):
    X, mixture = fitted(model, missing=0.3)
    filled = mixture.impute(X, method=method)
    assert np.isnan(X).any()
    assert not np.isnan(filled).any()
    assert_array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])
    complete = rows_of(model)
    assert_array_equal(mixture.impute(complete, method=method), complete)
    assert mixture.impute(complete) is not complete
    assert_array_equal(mixture.impute(X, method=method), filled)  # by the same seed


def test_rows_as_the_user_gave_them_stay():
    X = np.array([[3.0, -1.0, np.nan], [0.0, 2.0, 5.0], [1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    mixture = quietly(mixture_of("bernoulli", 1, binarize=0.5), X)
    filled = mixture.impute(X)
    assert_array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])
    assert_allclose(filled[0, 2], 2 / 3)


@pytest.mark.parametrize("method", ["mean", "draw"])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_float32_stays(covariance_type, method):
    X = blobs(missing=0.3).astype(np.float32)
    mixture = start_of(X, covariance_type)
    filled = mixture.impute(X, method=method)
    assert filled.dtype == np.float32
    wide = start_of(X, covariance_type)
    for name in ("weights_", "means_", "precisions_cholesky_"):
        setattr(wide, name, getattr(mixture, name).astype(np.float64))
    if method == "mean":
        assert_allclose(filled, wide.impute(X.astype(np.float64)), rtol=2e-4, atol=1e-3)
    assert mixture.marginal([0]).means_.dtype == np.float32
    assert mixture.conditional(0, 5.0).means_.dtype == np.float32


@pytest.mark.parametrize("model", MODELS)
def test_draws_have_the_conditional_moments(model):
    """100 000 draws for one row: five standard errors."""
    X, mixture = fitted(model)
    d, n = X.shape[1], 100_000
    row = X[5].copy()
    row[1:] = np.nan
    drawn = mixture.impute(np.tile(row, (n, 1)), method="draw")[:, 1:]
    conditional = mixture.conditional(0, row[0])
    conditional.random_state = 8
    sampled = conditional.sample(n)[0]
    centre, scale = sampled.mean(axis=0), sampled.std(axis=0) + 1e-300
    i, j = np.triu_indices(d - 1)
    ours, theirs = ((rows - centre) / scale for rows in (drawn, sampled))
    ours, theirs = (np.hstack([rows, rows[:, i] * rows[:, j]]) for rows in (ours, theirs))
    for one, other in zip(ours.T, theirs.T, strict=True):
        error = np.sqrt((one.var() + other.var()) / n)
        assert abs(one.mean() - other.mean()) < 5 * error + 1e-9


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_a_posterior_completes_by_its_effective_gaussians(covariance_type):
    X = blobs(n=100, missing=0.3)
    posterior = quietly(VariationalGaussianMixture(1, covariance_type=covariance_type), X)
    mixture = posterior.marginal(slice(None))
    assert_allclose(posterior.impute(X), mixture.impute(X), rtol=1e-9)
    assert not np.isnan(posterior.impute(X, method="draw")).any()


def test_a_row_without_values_gets_the_mean():
    _, mixture = fitted("full")
    empty = np.full((1, 3), np.nan)
    assert_allclose(mixture.impute(empty)[0], mixture.weights_ @ mixture.means_, rtol=1e-10)


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match="'method' should be 'mean' or 'draw', but got 'median'"):
        GaussianMixture(max_iter=0).fit(blobs()).impute(blobs(), method="median")


@pytest.mark.parametrize("model", ["full", *DISCRETE])
def test_impossible_data_are_refused(model):
    X, mixture = fitted(model)
    with pytest.raises(ValueError, match="infinity"):
        mixture.impute(np.full_like(X, np.inf))
