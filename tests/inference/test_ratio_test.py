"""The test's own arithmetic, and p-values where K components are and are not the truth."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from skmix import GMMHMM, GaussianHMM, GaussianMixture, PoissonHMM, PoissonMixture, VariationalGaussianMixture
from skmix.estimators.growth import Fitter
from skmix.inference import LikelihoodRatioTest, likelihood_ratio_test
from skmix.inference.ratio_test import _sample, _units


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
    """Two components suffice: over seeds, p-values are spread over (0, 1]. One does not: all are least.

    Fits may stop early, if they do so in the data and in the samples alike.
    """

    def p(K, seed):
        X = np.random.default_rng(seed).poisson(np.repeat([[2.0], [15.0]], 40, axis=0)).astype(float)
        mixture = PoissonMixture(K, solver="em", tol=1e-3)
        return likelihood_ratio_test(mixture, X, n_bootstrap=9, random_state=seed).p_value

    assert [p(1, seed) for seed in range(3)] == [0.1] * 3
    found = [p(2, seed) for seed in range(8)]
    assert np.mean(np.array(found) <= 0.1) <= 0.25
    assert 0.25 < np.mean(found) < 0.85
    assert min(found) < 0.5 < max(found)


def test_missing_values_and_counts():
    rng = np.random.default_rng(0)
    X = rng.poisson([[2.0, 9.0]] * 50 + [[7.0, 3.0]] * 50).astype(float)
    X[rng.random(X.shape) < 0.2] = np.nan
    test = likelihood_ratio_test(PoissonMixture(1), X, n_bootstrap=9, random_state=0)
    assert test.p_value == 0.1
    sample = _sample(test.null, _units(PoissonMixture(1), X, {}), seed=0)
    np.testing.assert_array_equal(np.isnan(sample), np.isnan(X))
    observed = sample[~np.isnan(sample)]
    np.testing.assert_array_equal(observed, np.round(observed))
    assert np.nanmean(sample) == pytest.approx(np.nanmean(X), rel=0.1)
    two = likelihood_ratio_test(PoissonMixture(2), X, n_bootstrap=1, random_state=0).null
    labels = two.predict(_sample(two, _units(two, np.nan_to_num(X), {}), seed=0))
    assert np.count_nonzero(np.diff(labels)) > 10  # rows are not sorted by component


# ---- hidden Markov models -------------------------------------------------------------------------------------------
def series():
    """Counts of two states that last, in sequences of different lengths."""
    rng = np.random.default_rng(0)
    lengths = [40, 25, 55]
    states = np.concatenate([(np.arange(n) // 10 + i) % 2 for i, n in enumerate(lengths)])
    X = rng.poisson(np.where(states, 9.0, 3.0)).astype(float)[:, np.newaxis]
    X[::9] = np.nan
    return X, lengths


def test_states():
    X, lengths = series()
    test = likelihood_ratio_test(PoissonHMM(1), X, 9, random_state=0, lengths=lengths)
    assert test.p_value == 0.1
    gain = test.alternative.log_likelihood(X, lengths=lengths) - test.null.log_likelihood(X, lengths=lengths)
    assert test.statistic == pytest.approx(2 * gain)
    assert test.statistic > 4 * test.bootstrap.max()  # they follow each other, which a single state cannot
    two = likelihood_ratio_test(PoissonHMM(2), X, 9, random_state=0, lengths=lengths)
    assert two.p_value > 0.1
    assert two.alternative.transmat_.shape == (3, 3)


def test_sequences_interleaved():
    X, lengths = series()
    ids = np.repeat([0, 1, 2], lengths)
    mixed = np.random.default_rng(0).permutation(len(X))
    order = np.argsort(np.argsort(ids[mixed], kind="stable"))  # any order of rows that keeps each sequence's own
    back = np.argsort(ids, kind="stable")[order]
    one = likelihood_ratio_test(GaussianHMM(1), X[back], 3, random_state=0, sequence_id=ids[back])
    first = list(dict.fromkeys(ids[back]))
    parts = [X[ids == i] for i in first]
    two = likelihood_ratio_test(
        GaussianHMM(1), np.concatenate(parts), 3, random_state=0, lengths=[len(part) for part in parts]
    )
    np.testing.assert_allclose(one.bootstrap, two.bootstrap, rtol=1e-8)
    assert one.statistic == pytest.approx(two.statistic)


def test_samples_are_like_the_sequences():
    X, lengths = series()
    model = PoissonHMM(2, random_state=0).fit(X, lengths=lengths)
    units = _units(model, X, {"lengths": lengths})
    assert units.lengths.tolist() == lengths
    sample = _sample(model, units, seed=0)
    np.testing.assert_array_equal(np.isnan(sample), np.isnan(X))
    states = model.predict(sample, lengths=lengths)
    assert np.mean(np.diff(states) != 0) < 0.25  # they last


def test_a_state_is_split_with_its_mixture():
    """Two states of two components, from one that has all four clouds to emit."""
    rng = np.random.default_rng(1)
    clouds = np.concatenate([np.repeat([0.0, 3.0], 30), np.repeat([20.0, 23.0], 30)] * 2)
    X = (clouds + rng.normal(size=240) * 0.3)[:, np.newaxis]
    sequences = {"lengths": [240]}
    fitter = Fitter(X, None, sequences=sequences)
    fewer = fitter.fit(GMMHMM(1, n_mix=2, random_state=0)).mixture
    grown = fitter.grow(GMMHMM(2, n_mix=2, random_state=0), fewer, seed=0).mixture
    assert fitter.log_likelihood(grown) > fitter.log_likelihood(fewer) + 100
    np.testing.assert_allclose(np.sort(grown.means_.ravel()), [0, 3, 20, 23], atol=0.3)


def test_one_warning_for_all_fits():
    mixture = GaussianMixture(2, max_iter=1, solver="em")
    with pytest.warns(ConvergenceWarning, match=r"\d+ of 8 fits did not converge") as caught:
        likelihood_ratio_test(mixture, pair(0, gap=2.0), n_bootstrap=3, random_state=0)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("estimator", "given", "error", "message"),
    [
        (KMeans(), {}, TypeError, "needs a mixture or hidden Markov model of skmix"),
        (VariationalGaussianMixture(), {}, TypeError, "needs a mixture or hidden Markov model of skmix"),
        (GaussianMixture(1, means_init=[[0.0]]), {}, ValueError, "means_init cannot be shared by K"),
        (GaussianMixture(1), {"n_bootstrap": 0}, ValueError, "n_bootstrap must be an integer of at least 1"),
        (GaussianMixture(0), {}, ValueError, "The 'n_components' parameter"),
        (GaussianHMM(1, startprob_init=[1.0]), {}, ValueError, "startprob_init cannot be shared by K"),
        (GaussianMixture(1), {"lengths": [80]}, ValueError, "to GaussianMixture all rows are independent"),
        (GaussianHMM(1), {"lengths": [7]}, ValueError, "lengths add up to 7"),
        (GaussianMixture(200), {}, ValueError, "n_samples >= n_components"),
    ],
)
def test_bad_input(estimator, given, error, message):
    with pytest.raises(error, match=message):
        likelihood_ratio_test(estimator, pair(0), **given)
