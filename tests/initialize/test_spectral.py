"""Spectral starts: exact moments of a known chain give it back, and sampled ones come near as rows become many."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import linear_sum_assignment

from skmix.initialize.spectral import Moments, measure, solve, spectral
from skmix.latent import _recursion

SIZES = [(1, 1), (1, 4), (2, 2), (3, 3), (3, 6), (5, 12)]


def chain(K, L, seed):
    rng = np.random.default_rng(seed)
    A = 0.6 * np.eye(K) + 0.4 * rng.dirichlet(np.ones(K), size=K)
    return rng.dirichlet(np.ones(K)), A, rng.dirichlet(np.full(L, 0.7), size=K)


def clear_chain():
    """States that can be told apart: few rows are enough."""
    A = np.array([[0.8, 0.2, 0.0], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7]])
    emission = np.array([[0.7, 0.1, 0.1, 0.1], [0.05, 0.8, 0.05, 0.1], [0.1, 0.1, 0.7, 0.1]])
    return np.array([0.6, 0.3, 0.1]), A, emission


def population(start, A, emission):
    """Moments of the first three rows."""
    joint = np.einsum("i,ij,jk,ix,jy,kz->xyz", start, A, A, emission, emission, emission)
    return Moments(start @ emission, joint.sum(axis=2), np.argwhere(joint >= 0), joint.ravel())


def sample(start, A, emission, lengths, seed):
    rng = np.random.RandomState(seed)
    first = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
    path = np.empty(first[-1], dtype=np.intp)
    _recursion.draw(np.vstack([start, start, A, A.T, A]), first, rng.uniform(size=first[-1]), path)
    above = rng.uniform(size=(len(path), 1)) > emission.cumsum(axis=1)[path, :-1]
    return above.sum(axis=1).astype(float), first


def distances(found, expected):
    """Largest distances of start, transitions and emission, with the states in the order that fits best."""
    cost = np.abs(found[2][:, np.newaxis] - expected[2]).sum(axis=2)
    order = linear_sum_assignment(cost)[1]
    pairs = zip(found, (expected[0][order], expected[1][np.ix_(order, order)], expected[2][order]), strict=True)
    return np.array([np.abs(a - b).max() for a, b in pairs])


def assert_probabilities(start, transitions, emission):
    for table in (start[np.newaxis], transitions, emission):
        assert table.dtype == np.float64
        assert (table > 0).all()
        assert_allclose(table.sum(axis=1), 1.0, rtol=1e-14)


# ---- exact moments --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("K", "L"), SIZES)
def test_exact_moments_give_the_chain_back(K, L, seed):
    truth = chain(K, L, seed)
    found = solve(population(*truth), K, np.random.RandomState(seed))
    assert_allclose(distances(found, truth), 0.0, atol=1e-8)


def test_triples_that_never_occur_may_be_left_out():
    start, A, emission = clear_chain()
    emission = np.where(emission < 0.2, 0.0, emission)  # each state its category, and one that none has
    truth = start, A, emission / emission.sum(axis=1, keepdims=True)
    moments = population(*truth)
    occurs = moments.share > 0
    assert not occurs.all()
    moments = moments._replace(triples=moments.triples[occurs], share=moments.share[occurs])
    assert_allclose(distances(solve(moments, 3, np.random.RandomState(0)), truth), 0.0, atol=1e-8)


# ---- measured moments -----------------------------------------------------------------------------------------------
def brute_force(codes, first, L):
    pairs, triples = np.zeros((L, L)), np.zeros((L, L, L))
    for a, b in pairwise(first):
        for t in range(a, b):
            if t + 1 < b and np.isfinite(codes[t : t + 2]).all():
                pairs[tuple(codes[t : t + 2].astype(int))] += 1
            if t + 2 < b and np.isfinite(codes[t : t + 3]).all():
                triples[tuple(codes[t : t + 3].astype(int))] += 1
    return pairs / pairs.sum(), triples / triples.sum()


def test_moments_are_counts_within_sequences_without_missing_rows():
    codes, first = sample(*clear_chain(), [1, 40, 2, 3, 30, 0, 5], seed=0)
    codes[np.random.default_rng(0).random(len(codes)) < 0.2] = np.nan
    moments = measure(codes, first, 3, 4)
    pairs, triples = brute_force(codes, first, 4)
    assert_allclose(moments.pairs, pairs, rtol=1e-14)
    found = np.zeros((4, 4, 4))
    found[tuple(moments.triples.T)] = moments.share
    assert_allclose(found, triples, rtol=1e-14)
    observed = codes[np.isfinite(codes)].astype(int)
    assert_allclose(moments.begin, np.bincount(observed, minlength=4) / len(observed))


def test_many_sequences_are_started_from_their_first_rows():
    codes, first = sample(*clear_chain(), [4] * 100, seed=1)
    codes[first[7]] = np.nan
    leading = codes[first[:-1]]
    expected = np.bincount(leading[np.isfinite(leading)].astype(int), minlength=4) / 99
    assert_allclose(measure(codes, first, 3, 4).begin, expected)


# ---- starts ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_starts_come_near_the_chain_as_rows_become_many(missing):
    """Errors fall by the root of the number of rows; the last is at most 0.03, and what is mixed in 0.01."""
    truth = clear_chain()
    errors = []
    for n in (2_000, 200_000):
        found = []
        for seed in range(5):
            codes, first = sample(*truth, [5] * (n // 5), seed)
            codes[np.random.default_rng(seed).random(n) < missing] = np.nan
            found.append(distances(spectral(codes, first, 3, 4, np.random.RandomState(seed)), truth))
        errors.append(np.median(found, axis=0))
    assert (errors[1] < 0.04).all()
    assert (errors[1] < 0.5 * errors[0]).all()


def test_one_sequence_is_started_from_the_share_of_its_states():
    _, A, emission = clear_chain()
    values, vectors = np.linalg.eig(A.T)
    stationary = vectors[:, values.argmax()].real
    truth = stationary / stationary.sum(), A, emission
    codes, first = sample(*truth, [200_000], seed=3)
    assert (distances(spectral(codes, first, 3, 4, np.random.RandomState(0)), truth) < 0.04).all()


@pytest.mark.parametrize(("K", "L"), SIZES)
@pytest.mark.parametrize("n", [3, 5, 50, 1000])
def test_any_data_give_probabilities_without_zeros(K, L, n):
    """Also noise, from which no states can be told apart, and too few rows."""
    rng = np.random.default_rng([K, L, n])
    codes = rng.integers(L, size=n).astype(float)
    for data in (codes, np.zeros(n)):
        start, transitions, emission = spectral(data, np.array([0, n]), K, L, np.random.RandomState(0))
        assert (start.shape, transitions.shape, emission.shape) == ((K,), (K, K), (K, L))
        assert_probabilities(start, transitions, emission)


def test_states_differ_where_noise_makes_eigenvalues_complex():
    """Else EM would never tell them apart."""
    for seed in range(20):
        codes = np.random.default_rng(seed).integers(4, size=60).astype(float)
        _, _, emission = spectral(codes, np.array([0, 60]), 2, 4, np.random.RandomState(seed))
        assert np.abs(emission[0] - emission[1]).max() > 1e-3


def test_the_same_generator_gives_the_same_start():
    codes, first = sample(*clear_chain(), [300], seed=4)
    once, again = (spectral(codes, first, 3, 4, np.random.RandomState(5)) for _ in range(2))
    for a, b in zip(once, again, strict=True):
        assert_array_equal(a, b)


# ---- errors ---------------------------------------------------------------------------------------------------------
def test_more_states_than_categories_are_refused():
    with pytest.raises(ValueError, match=r"n_states=3 and n_categories=2\. Use fewer states or another start"):
        spectral(np.zeros(9), np.array([0, 9]), 3, 2, np.random.RandomState(0))


@pytest.mark.parametrize(
    ("codes", "first"),
    [
        ([0, 1, 0, 1], [0, 2, 4]),
        ([0, 1, np.nan, 1, 0], [0, 5]),
        ([np.nan] * 5, [0, 5]),
        ([0], [0, 1]),
    ],
)
def test_data_without_three_rows_in_a_row_are_refused(codes, first):
    with pytest.raises(ValueError, match=r"codes has none: .* rows not missing\. Use another start"):
        spectral(np.array(codes, dtype=float), np.array(first), 2, 2, np.random.RandomState(0))
