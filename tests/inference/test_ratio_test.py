"""The test's own arithmetic, and p-values where K components are and are not the truth."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from skmix import GaussianMixture, PoissonMixture, VariationalGaussianMixture
from skmix.inference import LikelihoodRatioTest, likelihood_ratio_test
from skmix.inference.ratio_test import _sample


def pair(seed, gap=5.0, n=40):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(n, 1)), rng.normal(gap, 1.0, size=(n, 1))])


def test_parts():
    X = pair(0)
    mixture = GaussianMixture(1, covariance_type="tied", random_state=7)
    test = likelihood_ratio_test(mixture, X, n_bootstrap=9, random_state=0)
    assert isinstance(test, LikelihoodRatioTest)
    assert (test.null.n_components, test.alternative.n_components) == (1, 2)
    gain = test.alternative.score_samples(X).sum() - test.null.score_samples(X).sum()
    assert test.statistic == pytest.approx(2 * gain)
    assert test.bootstrap.shape == (9,)
    assert (test.bootstrap >= 0).all()
    assert test.p_value == (1 + np.sum(test.bootstrap >= test.statistic)) / 10 == 0.1
    assert not hasattr(mixture, "weights_")
    again = likelihood_ratio_test(mixture.fit(X), X, n_bootstrap=9, random_state=0, n_jobs=2)
    np.testing.assert_array_equal(again.bootstrap, test.bootstrap)
    assert again.p_value == test.p_value


def test_p_values():
    """Two components suffice: over seeds, p-values are spread over (0, 1]. One does not: all are least."""
    seeds = range(8)
    mixtures = {K: GaussianMixture(K, covariance_type="tied") for K in (1, 2)}
    p = {K: [likelihood_ratio_test(mixtures[K], pair(s), 19, random_state=s).p_value for s in seeds] for K in mixtures}
    assert p[1] == [0.05] * 8
    assert np.mean(np.array(p[2]) <= 0.05) <= 0.25
    assert 0.25 < np.mean(p[2]) < 0.85
    assert min(p[2]) < 0.5 < max(p[2])


def test_missing_values_and_counts():
    rng = np.random.default_rng(0)
    X = rng.poisson([[2.0, 9.0]] * 50 + [[7.0, 3.0]] * 50).astype(float)
    X[rng.random(X.shape) < 0.2] = np.nan
    test = likelihood_ratio_test(PoissonMixture(1), X, n_bootstrap=9, random_state=0)
    assert test.p_value == 0.1
    sample = _sample(test.null, np.isnan(X), X.dtype, seed=0)
    np.testing.assert_array_equal(np.isnan(sample), np.isnan(X))
    observed = sample[~np.isnan(sample)]
    np.testing.assert_array_equal(observed, np.round(observed))
    assert np.nanmean(sample) == pytest.approx(np.nanmean(X), rel=0.1)
    two = likelihood_ratio_test(PoissonMixture(2), X, n_bootstrap=1, random_state=0).null
    labels = two.predict(_sample(two, np.zeros(X.shape, dtype=bool), X.dtype, seed=0))
    assert np.count_nonzero(np.diff(labels)) > 10  # rows are not sorted by component


def test_one_warning_for_all_fits():
    mixture = GaussianMixture(2, max_iter=1, solver="em")
    with pytest.warns(ConvergenceWarning, match=r"\d+ of 8 fits did not converge") as caught:
        likelihood_ratio_test(mixture, pair(0, gap=2.0), n_bootstrap=3, random_state=0)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("estimator", "given", "error", "message"),
    [
        (KMeans(), {}, TypeError, "needs a mixture of skmix"),
        (VariationalGaussianMixture(), {}, TypeError, "needs a mixture of skmix"),
        (GaussianMixture(1, means_init=[[0.0]]), {}, ValueError, "means_init cannot be shared by K"),
        (GaussianMixture(1), {"n_bootstrap": 0}, ValueError, "n_bootstrap must be an integer of at least 1"),
        (GaussianMixture(0), {}, ValueError, "The 'n_components' parameter"),
        (GaussianMixture(200), {}, ValueError, "n_samples >= n_components"),
    ],
)
def test_bad_input(estimator, given, error, message):
    with pytest.raises(error, match=message):
        likelihood_ratio_test(estimator, pair(0), **given)
