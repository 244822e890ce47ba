"""Regression by conditioning, against least squares, numerical integration and the conditional mixtures."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import blobs, counts, quietly
from scipy.integrate import quad
from scipy.stats import multivariate_normal
from sklearn.linear_model import LinearRegression

from skmix import CategoricalMixture, GaussianMixture, MixtureRegressor, PoissonMixture, VariationalGaussianMixture

WEIGHTS = np.array([0.3, 0.7])
MEANS = np.array([[-1.0, 2.0], [1.5, -0.5]])
COVARIANCES = np.array([[[1.0, 0.6], [0.6, 0.8]], [[0.5, -0.3], [-0.3, 1.2]]])


def bent(**kwargs):
    """A mixture that stays at known parameters whatever it is fitted to."""
    precisions = np.linalg.inv(COVARIANCES)
    return GaussianMixture(
        2, weights_init=WEIGHTS, means_init=MEANS, precisions_init=precisions, max_iter=0, random_state=0, **kwargs
    )


def rows(n=5000):
    X = blobs(n=10, d=2)
    return bent().fit(X).sample(n)[0]


def linear(n=150, d=4, q=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 10.0 ** np.arange(-1, d - 1) + 5.0
    return X, X @ rng.normal(size=(d, q)) + rng.normal(size=(n, q)) - 3.0


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
@pytest.mark.parametrize("weighted", [False, True])
def test_one_component_is_least_squares(covariance_type, weighted):
    X, Y = linear()
    weight = np.random.default_rng(1).integers(0, 4, size=len(X)) if weighted else None
    ours = MixtureRegressor(GaussianMixture(covariance_type=covariance_type, reg_covar=0.0)).fit(X, Y, weight)
    theirs = LinearRegression().fit(X, Y, weight)
    mean, cov = ours.predict(X, return_cov=True)
    assert_allclose(mean, theirs.predict(X), rtol=1e-8)
    residuals = Y - mean
    expected = np.average(residuals[:, :, None] * residuals[:, None], axis=0, weights=weight)
    assert_allclose(cov, np.broadcast_to(expected, cov.shape), rtol=1e-8)


def test_two_components_have_the_known_regression_function():
    regressor = MixtureRegressor(bent()).fit(np.zeros((5, 1)), np.zeros(5))
    x = np.linspace(-4, 4, 9)
    mean, std = regressor.predict(x[:, None], return_std=True)

    def density(y, x):
        of_each = [multivariate_normal(m, C).pdf([x, y]) for m, C in zip(MEANS, COVARIANCES, strict=True)]
        return WEIGHTS @ of_each

    def moment(power, x):
        return quad(lambda y: y**power * density(y, x), -30, 30, limit=200)[0]

    for at, mu, sigma in zip(x, mean, std, strict=True):
        total, first, second = (moment(power, at) for power in range(3))
        assert_allclose(mu, first / total, rtol=1e-6)
        assert_allclose(sigma, np.sqrt(second / total - (first / total) ** 2), rtol=1e-6)


def test_standard_deviations_are_calibrated():
    """Squares of standardised residuals have mean 1; within five standard errors."""
    data = rows()
    mean, std = MixtureRegressor(bent()).fit(data[:, :1], data[:, 1]).predict(data[:, :1], return_std=True)
    z = (data[:, 1] - mean) / std
    assert abs(z.mean()) < 5 * z.std() / np.sqrt(len(z))
    assert abs(np.mean(z**2) - 1.0) < 5 * np.std(z**2) / np.sqrt(len(z))


def test_it_recovers_the_regression_function_from_rows():
    data = rows(20_000)
    fitted = MixtureRegressor(GaussianMixture(2, random_state=0)).fit(data[:, :1], data[:, 1])
    x = np.quantile(data[:, 0], np.linspace(0.02, 0.98, 20))[:, None]
    known = MixtureRegressor(bent()).fit(data[:, :1], data[:, 1]).predict(x)
    assert_allclose(fitted.predict(x), known, atol=0.1)  # where noise has standard deviation 1, a few thousand rows


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical", "poisson", "variational"])
def test_missing_features_are_integrated_out(kind):
    """Row by row, the moments of the conditional mixture of all that is not observed."""
    data = counts(n=120, d=4) if kind == "poisson" else blobs(n=120, d=4)
    X = np.where(np.random.default_rng(1).random((120, 2)) < 0.4, np.nan, data[:, :2])
    make = {
        "poisson": lambda: PoissonMixture(3, random_state=0),
        "variational": lambda: VariationalGaussianMixture(3, random_state=0),
    }.get(kind, lambda: GaussianMixture(3, covariance_type=kind, random_state=0))
    regressor = quietly(MixtureRegressor(make()), X, data[:, 2:])
    X = X[~np.isnan(X).all(axis=1)]
    mean, cov = regressor.predict(X[:20], return_cov=True)
    mixture = regressor.estimator_
    for row, mu, C in zip(X[:20], mean, cov, strict=True):
        seen = np.flatnonzero(~np.isnan(row))
        targets = mixture.conditional(seen, row[seen]).marginal([-2, -1])
        drawn_mean, drawn_cov = moments_of(targets)
        assert_allclose(mu, drawn_mean, rtol=1e-8)
        assert_allclose(C, drawn_cov, rtol=1e-6, atol=1e-8 * np.abs(drawn_cov).max())


def moments_of(mixture):
    """Mean and covariance of a whole mixture, from its public attributes."""
    means = mixture.rates_ if hasattr(mixture, "rates_") else mixture.means_
    if hasattr(mixture, "rates_"):
        matrices = np.stack([np.diag(rate) for rate in mixture.rates_])
    else:
        family = mixture._family_at_hand()
        matrices = family.covariance_matrices(mixture.covariances_, *means.shape)
    mean = mixture.weights_ @ means
    away = means - mean
    return mean, np.einsum("k,kij->ij", mixture.weights_, matrices + away[:, :, None] * away[:, None])


def test_a_row_without_features_gets_the_mean_of_the_targets():
    X, Y = linear()
    regressor = MixtureRegressor(GaussianMixture(reg_covar=0.0)).fit(X, Y)
    mean, std = regressor.predict(np.full((1, 4), np.nan), return_std=True)
    assert_allclose(mean[0], Y.mean(axis=0), rtol=1e-10)
    assert_allclose(std[0], Y.std(axis=0), rtol=1e-10)


def test_weights_are_repeats():
    data = rows(200)
    data[::5, 0] = np.nan
    weight = np.random.default_rng(0).integers(0, 3, size=len(data))
    weighted = quietly(MixtureRegressor(GaussianMixture(2, random_state=0)), data[:, :1], data[:, 1], weight)
    repeated = np.repeat(data, weight, axis=0)
    other = quietly(MixtureRegressor(GaussianMixture(2, random_state=0)), repeated[:, :1], repeated[:, 1])
    assert_allclose(weighted.predict(data[:, :1]), other.predict(data[:, :1]), atol=5e-3)


def test_shapes_follow_the_targets():
    X, Y = linear(q=1)
    flat, tall = MixtureRegressor().fit(X, Y[:, 0]), MixtureRegressor().fit(X, Y)
    assert [part.shape for part in flat.predict(X, return_std=True)] == [(150,), (150,)]
    assert [part.shape for part in tall.predict(X, return_std=True)] == [(150, 1), (150, 1)]
    assert flat.predict(X, return_cov=True)[1].shape == (150, 1, 1)
    assert_array_equal(flat.predict(X), tall.predict(X)[:, 0])


def test_float32():
    X, Y = (part.astype(np.float32) for part in linear())
    narrow = MixtureRegressor().fit(X, Y)
    assert narrow.estimator_.means_.dtype == np.float32
    assert narrow.predict(X).dtype == np.float32
    wide = MixtureRegressor().fit(X.astype(float), Y.astype(float)).predict(X.astype(float))
    assert_allclose(narrow.predict(X), wide, atol=1e-3 * wide.std())


def test_what_cannot_be_is_named():
    X, Y = linear()
    with pytest.raises(ValueError, match="At most one of return_std and return_cov"):
        MixtureRegressor().fit(X, Y).predict(X, return_std=True, return_cov=True)
    with pytest.raises(ValueError, match=r"'estimator' should be a mixture of numbers.*MixtureClassifier"):
        MixtureRegressor(CategoricalMixture()).fit(X, Y)
    with pytest.raises(ValueError, match="'estimator' parameter of MixtureRegressor must be"):
        MixtureRegressor(LinearRegression()).fit(X, Y)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        MixtureRegressor().fit(X, np.where(Y > 0, Y, np.nan))
