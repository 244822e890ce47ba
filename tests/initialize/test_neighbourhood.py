"""What merging and splitting gain, against mixtures that are written out, and the bound that it is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

from skmix import GaussianMixture
from skmix.initialize.search.base import climb
from skmix.initialize.search.neighbourhood import Neighbourhood
from skmix.initialize.starts import given, start_from


def rows(n=90, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([[0.0, 0.0], [3.0, 0.0], [9.0, 1.0]])[np.arange(n) % 3] + rng.normal(size=(n, 2))


def neighbourhood(X, K, weight=None, steps=5):
    _, objective = GaussianMixture(K, reg_covar=0.0)._prepare(X, weight)
    R = np.random.default_rng(1).dirichlet(np.ones(K), size=len(X))
    point = climb(objective, start_from(given(R), objective), steps)
    return Neighbourhood(objective, point), point


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_by_merging_is_that_of_the_mixture_with_the_merged_component(weighted):
    X = rows()
    weight = np.random.default_rng(2).integers(1, 4, size=len(X)).astype(float) if weighted else np.ones(len(X))
    here, point = neighbourhood(X, 3, weight if weighted else None, steps=400)
    R = here.R * weight[:, np.newaxis]

    def log_likelihood(parts):
        """Of the mixture whose components have the moments of these columns."""
        joint = 0.0
        for r in parts:
            mean = r @ X / r.sum()
            covariance = (r[:, np.newaxis] * (X - mean)).T @ (X - mean) / r.sum()
            joint = joint + r.sum() / weight.sum() * multivariate_normal(mean, covariance).pdf(X)
        return weight @ np.log(joint)

    whole = log_likelihood(R.T)  # at a fixed point of EM the moments are the parameters
    assert_allclose(whole, point.log_likelihood, rtol=1e-7)
    for pair, loss in zip(
        [(0, 1), (0, 2), (1, 2)], here.loss_by_merging(np.array([(0, 1), (0, 2), (1, 2)])), strict=True
    ):
        merged = [R[:, pair[0]] + R[:, pair[1]], *(R[:, k] for k in range(3) if k not in pair)]
        assert_allclose(loss, whole - log_likelihood(merged), rtol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_the_gain_by_halving_all_rows_is_that_of_two_components(weighted, missing):
    X = rows()
    X[np.random.default_rng(3).random(X.shape) < missing] = np.nan
    weight = np.random.default_rng(2).integers(1, 4, size=len(X)).astype(float) if weighted else None
    here, one = neighbourhood(X, 1, weight, steps=50)
    gain, first = here.gain_by_halving(here.R, here.log_density, 4, np.random.RandomState(0))
    _, objective = GaussianMixture(2, reg_covar=0.0)._prepare(X, weight)
    cut = here._cut(here.R, np.random.RandomState(0))
    two = climb(objective, start_from(given(np.hstack([cut, 1.0 - cut])), objective), 3)
    assert_allclose(gain, two.log_likelihood - one.log_likelihood, atol=1e-6)
    assert_allclose(first[:, 0], objective.responsibilities(two.parameters)[:, 0], atol=1e-8)


def test_the_gain_by_halving_is_a_bound_of_what_the_mixture_gains():
    X = rows()
    here, point = neighbourhood(X, 2, steps=60)
    gains, first = here.gain_by_halving(here.R, here.log_density, 8, np.random.RandomState(0))
    k = int(np.argmax(gains))
    assert gains[k] > 5.0
    grown = np.column_stack([here.R[:, 1 - k], here.R[:, k] * first[:, k], here.R[:, k] * (1 - first[:, k])])
    _, objective = GaussianMixture(3, reg_covar=0.0)._prepare(X)
    assert objective.at(start_from(given(grown), objective)).log_likelihood >= point.log_likelihood + gains[k] - 0.1


def test_halves_of_few_rows_or_of_equal_ones_gain_nothing():
    X = np.concatenate([rows(30), np.full((30, 2), 50.0)])
    _, objective = GaussianMixture(2)._prepare(X)
    R = np.zeros((60, 2))
    R[:28, 0], R[28:30, 1], R[30:, 1] = 1.0, 1.0, 1.0
    here = Neighbourhood(objective, objective.at(start_from(given(R), objective)))
    few = np.zeros((60, 1))
    few[:4] = 1.0
    equal = R[:, [1]]
    mass = np.hstack([few, equal])
    gain, _ = here.gain_by_halving(mass, here.log_density, 4, np.random.RandomState(0))
    assert np.isneginf(gain).all()


def test_passes_count_in_proportion_to_the_components():
    here, _ = neighbourhood(rows(), 3)
    before = here.objective.n_passes
    here.gain_by_halving(here.R, here.log_density, 4, np.random.RandomState(0))
    assert here.objective.n_passes - before == 5 * 2
    before = here.objective.n_passes
    here.loss_by_merging(here.closest())
    assert here.objective.n_passes - before == 2
