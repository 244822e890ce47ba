"""Classification by Bayes' rule, against discriminant analysis, naive Bayes and mixtures fitted by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import answers, blobs, codes, counts, quietly
from scipy.special import softmax
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB

from skmix import (
    BernoulliMixture,
    CategoricalMixture,
    GaussianMixture,
    MixtureClassifier,
    PoissonMixture,
)

BAYES_RULE = 1e-10


def three_classes(n=240, missing=0.0, seed=0):
    X = blobs(n=n, missing=missing, seed=seed)
    complete = blobs(n=n, seed=seed)
    y = np.array(["a", "b", "c"])[np.digitize(complete[:, 0] + 0.01 * complete[:, 2], [3.6, 4.6])]
    assert np.unique(y).tolist() == ["a", "b", "c"]
    return X, y


def test_one_gaussian_a_class_is_quadratic_discriminant_analysis():
    X, y = three_classes()
    ours = MixtureClassifier(GaussianMixture(reg_covar=0.0)).fit(X, y)
    theirs = QuadraticDiscriminantAnalysis(store_covariance=True).fit(X, y)
    for mixture, covariance, label in zip(ours.estimators_, theirs.covariance_, ours.classes_, strict=True):
        n, ratio = np.sum(y == label), covariance / mixture.covariances_[0]
        assert_allclose(ratio, n / (n - 1) if ratio[0, 0] > 1.0 + 1e-6 else 1.0, rtol=1e-6)  # they divide by n − 1 or n
        mixture.precisions_cholesky_ = mixture.precisions_cholesky_ / np.sqrt(ratio[0, 0])
    assert_allclose(ours.priors_, theirs.priors_, rtol=1e-12)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("weighted", [False, True])
def test_diagonal_gaussians_are_naive_bayes(weighted):
    X, y = three_classes()
    weight = np.random.default_rng(0).integers(1, 4, size=len(X)) if weighted else None
    ours = MixtureClassifier(GaussianMixture(covariance_type="diag", reg_covar=0.0)).fit(X, y, weight)
    theirs = GaussianNB(var_smoothing=0.0).fit(X, y, weight)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_probabilities_are_bayes_rule_over_mixtures_fitted_by_hand(missing):
    X, y = three_classes(missing=missing)
    template, priors = GaussianMixture(2, random_state=0), np.array([0.2, 0.5, 0.3])
    classifier = quietly(MixtureClassifier(template, priors=priors), X, y)
    scores = []
    for label in "abc":
        by_hand = quietly(GaussianMixture(2, random_state=0), X[y == label])
        scores.append(by_hand.score_samples(X))
    expected = softmax(np.stack(scores, axis=1) + np.log(priors), axis=1)
    assert_allclose(classifier.predict_proba(X), expected, atol=BAYES_RULE)
    assert_allclose(np.exp(classifier.predict_log_proba(X)), expected, atol=BAYES_RULE)
    assert_array_equal(classifier.predict(X), np.array(["a", "b", "c"])[expected.argmax(axis=1)])
    assert_allclose(classifier.predict_proba(np.full((1, 3), np.nan))[0], priors, atol=BAYES_RULE)


def test_threads_change_nothing():
    X, y = three_classes(missing=0.1)
    alone = quietly(MixtureClassifier(GaussianMixture(2, random_state=0)), X, y)
    together = quietly(MixtureClassifier(GaussianMixture(2, random_state=0), n_jobs=2), X, y)
    assert_array_equal(alone.predict_log_proba(X), together.predict_log_proba(X))


def test_weights_are_repeats():
    X, y = three_classes()
    weight = np.random.default_rng(2).integers(0, 3, size=len(X))
    weighted = MixtureClassifier().fit(X, y, weight)
    repeated = MixtureClassifier().fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)
    assert_allclose(weighted.priors_, repeated.priors_, rtol=1e-12)


@pytest.mark.parametrize(
    ("mixture", "make"),
    [(PoissonMixture(2, random_state=0), counts), (BernoulliMixture(2, random_state=0), answers)],
)
def test_other_families(mixture, make):
    X = np.vstack([make(n=150, seed=seed, separation=4.0) for seed in (0, 1)])
    y = np.repeat([0, 1], 150)
    classifier = quietly(MixtureClassifier(mixture), X, y)
    assert classifier.score(X, y) > 0.7
    X[::3, 0] = np.nan
    assert classifier.score(X, y) > 0.6


def test_classes_that_lack_a_level_share_the_levels():
    X, y = codes(n=200), np.repeat([0, 1], 100)
    X[:100, 1] = np.minimum(X[:100, 1], 1)  # the highest code is in the second class alone
    X[150:, 1] = 2
    classifier = quietly(MixtureClassifier(CategoricalMixture(2, random_state=0)), X, y)
    assert [mixture.n_categories_.tolist() for mixture in classifier.estimators_] == [[2, 3, 4, 2]] * 2
    sure = classifier.predict_proba(X[150:])
    assert np.all(sure[:, 1] > 1 - 1e-12)


def test_data_frames_and_float32():
    X, y = three_classes()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    classifier = MixtureClassifier().fit(frame, y)
    assert list(classifier.feature_names_in_) == ["a", "b", "c"]
    assert_array_equal(classifier.predict(frame), MixtureClassifier().fit(X, y).predict(X))
    narrow = MixtureClassifier().fit(X.astype(np.float32), y)
    assert_allclose(narrow.predict_proba(X.astype(np.float32)), classifier.predict_proba(frame), atol=2e-3)


def test_what_cannot_be_is_named():
    X, y = three_classes()
    with pytest.raises(ValueError, match=r"'priors' should be probabilities.*whose sum is 1.5; divide by it"):
        MixtureClassifier(priors=[0.5, 0.5, 0.5]).fit(X, y)
    with pytest.raises(ValueError, match=r"'priors' should have the shape of \(3,\), but got \(2,\)"):
        MixtureClassifier(priors=[0.5, 0.5]).fit(X, y)
    with pytest.raises(ValueError, match="The class b has no row of positive weight; leave its rows out"):
        MixtureClassifier().fit(X, y, sample_weight=(y != "b").astype(float))
    few = np.r_[np.flatnonzero(y != "b"), np.flatnonzero(y == "b")[:2]]
    with pytest.raises(ValueError, match=r"The class b cannot be fitted: .*n_components = 3, n_samples = 2"):
        MixtureClassifier(GaussianMixture(3)).fit(X[few], y[few])
