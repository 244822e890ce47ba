"""Outliers by density: the threshold is a quantile of the training rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import blobs, counts, quietly

from skmix import GaussianMixture, MixtureOutlierDetector, PoissonMixture


@pytest.mark.parametrize("contamination", [0.01, 0.05, 0.1, 1 / 3, 0.5])
def test_that_part_of_the_training_rows_are_outliers(contamination):
    X = blobs()
    detector = quietly(MixtureOutlierDetector(GaussianMixture(2, random_state=0), contamination=contamination), X)
    assert np.sum(detector.predict(X) == -1) == int(contamination * len(X) + 1e-9)
    assert_array_equal(detector.decision_function(X), detector.score_samples(X) - detector.offset_)
    assert_array_equal(detector.score_samples(X), detector.estimator_.score_samples(X))


def test_one_gaussian_orders_rows_by_mahalanobis_distance():
    X = blobs(K=1)
    ours = MixtureOutlierDetector(GaussianMixture(reg_covar=0.0)).fit(X)
    away = X - X.mean(axis=0)
    distance = np.einsum("ni,ij,nj->n", away, np.linalg.inv(np.cov(X.T)), away)
    assert_array_equal(np.flatnonzero(ours.predict(X) == -1), np.sort(np.argsort(distance)[-12:]))  # 5 % of 240


def test_weights_are_repeats():
    X = blobs()
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    weighted = MixtureOutlierDetector(contamination=0.1).fit(X, sample_weight=weight)
    repeated = MixtureOutlierDetector(contamination=0.1).fit(np.repeat(X, weight, axis=0))
    assert_allclose(weighted.offset_, repeated.offset_, rtol=1e-6)
    assert_allclose(weighted.decision_function(X), repeated.decision_function(X), atol=1e-5)


def test_missing_values_and_counts():
    X = counts(missing=0.1)
    detector = quietly(MixtureOutlierDetector(PoissonMixture(2, random_state=0)), X)
    assert np.mean(detector.predict(X) == -1) <= 0.05
    assert detector.predict([[200.0, np.nan, np.nan]]) == [-1]
    assert detector.fit_predict(X).shape == (len(X),)


@pytest.mark.parametrize("contamination", [0.0, 0.6, -0.1])
def test_what_cannot_be_is_named(contamination):
    with pytest.raises(ValueError, match="'contamination' parameter of MixtureOutlierDetector must be a float in"):
        MixtureOutlierDetector(contamination=contamination).fit(blobs())
