"""Partitions of rows against scikit-learn, SciPy and brute force."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from skmix.initialize.partitions import (
    Criterion,
    agglomerate,
    diagonal,
    invariant,
    lloyd,
    moments,
    seeds,
    small_clusters,
    sphered,
    spherical,
    ward,
)

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(120, 3)) + 3.0 * RNG.integers(3, size=(120, 1))
WEIGHT = RNG.integers(1, 4, size=120).astype(float)
REPEATED = np.repeat(np.arange(120), WEIGHT.astype(int))
LABELS = RNG.integers(4, size=120)
SHAPES = pytest.mark.parametrize("restrict", [None, diagonal, spherical])


def test_ward_is_scikit_learns():
    for n_clusters in (1, 2, 7, 119, 120, 200):
        theirs = AgglomerativeClustering(min(n_clusters, 120)).fit(Z).labels_
        assert adjusted_rand_score(ward(Z, np.ones(120), n_clusters), theirs) == 1.0


def test_ward_takes_a_weight_for_so_many_rows():
    theirs = AgglomerativeClustering(5).fit(Z[REPEATED]).labels_
    assert adjusted_rand_score(ward(Z, WEIGHT, 5)[REPEATED], theirs) == 1.0


@SHAPES
def test_the_cost_is_the_classification_likelihood(restrict):
    criterion = Criterion(4, restrict)
    sums = moments(Z, WEIGHT, LABELS, 4)
    likelihood = 0.0
    for k, covariance in enumerate(criterion.covariances(sums)):
        own, weight = Z[k == LABELS], WEIGHT[k == LABELS]
        mean = np.average(own, axis=0, weights=weight)
        # Rows' squared distances are left out: with the covariance at its maximum they add up to a constant.
        likelihood += weight.sum() * (multivariate_normal(mean, covariance).logpdf(mean) + np.log(weight.sum()))
    assert criterion.of_labels(Z, WEIGHT, LABELS) == pytest.approx(
        -2 * likelihood - 3 * np.log(2 * np.pi) * WEIGHT.sum(), rel=1e-10
    )


@SHAPES
def test_covariances_are_those_of_rows_and_prior(restrict):
    found = Criterion(4, restrict).covariances(moments(Z, WEIGHT, LABELS, 4))
    for k in range(4):
        own = np.repeat(Z[k == LABELS], WEIGHT[k == LABELS].astype(int), axis=0)
        whole = ((len(own) * np.cov(own.T, ddof=0)) + 4 ** (-2 / 3) * np.eye(3)) / (len(own) + 10)
        assert_allclose(found[k], whole if restrict is None else restrict(whole[np.newaxis])[0], rtol=1e-10, atol=1e-15)


@SHAPES
def test_each_merger_is_the_cheapest(restrict):
    first = lloyd(Z, WEIGHT, Z[:8])
    criterion, labels = Criterion(8, restrict), first.copy()
    while len(np.unique(labels)) > 3:

        def cost(i, j, labels=labels):
            return criterion.of_labels(Z, WEIGHT, np.where(labels == j, i, labels))

        i, j = min(combinations(np.unique(labels), 2), key=lambda pair: cost(*pair))
        labels[labels == j] = i
    found = agglomerate(moments(Z, WEIGHT, first, 8), 3, criterion)[first]
    assert adjusted_rand_score(labels, found) == 1.0


def test_coordinates_do_not_depend_on_the_map():
    A = RNG.normal(size=(3, 3))
    S = sphered(Z, WEIGHT)
    assert_allclose((S * WEIGHT[:, np.newaxis]).T @ S / WEIGHT.sum(), np.eye(3), atol=1e-12)
    one, other = invariant(Z, WEIGHT), invariant(Z @ A + 7.0, WEIGHT)
    assert_allclose(np.abs(other), np.abs(one), rtol=1e-6, atol=1e-8)
    assert sphered(np.c_[Z, Z[:, :1], np.ones(120)], WEIGHT).shape == (120, 3)


@SHAPES
def test_refinement_lowers_the_cost(restrict):
    for seed in range(5):
        labels = np.random.default_rng(seed).integers(3, size=120)
        criterion = Criterion(3, restrict)
        refined = criterion.refined(Z, WEIGHT, labels, 20)
        assert criterion.of_labels(Z, WEIGHT, refined) < criterion.of_labels(Z, WEIGHT, labels)


@pytest.mark.parametrize("scaled", [False, True])
def test_seeds_are_rows_of_different_clusters(scaled):
    centres = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 40.0], [40.0, 40.0]])
    y = np.repeat(np.arange(4), 50)
    X = centres[y] + np.random.default_rng(0).normal(size=(200, 2))
    for seed in range(20):
        found = seeds(X, np.ones(200), 4, np.random.RandomState(seed), scaled=scaled)
        assert sorted(y[[int(np.flatnonzero((row == X).all(axis=1))[0]) for row in found]]) == [0, 1, 2, 3]


def test_small_clusters_are_at_most_as_many_as_rows():
    labels = small_clusters(Z[:5], WEIGHT[:5], 9, np.random.RandomState(0))
    assert sorted(np.unique(labels)) == [0, 1, 2, 3, 4]
