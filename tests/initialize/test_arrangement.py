"""States of chains with a structure: which cluster begins as which."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmix import GMMHMM, GaussianHMM
from skmix.estimators.transitions import start_structure, transition_structure
from skmix.initialize.arrangement import alike, arrange
from skmix.initialize.chains import CHAIN_STARTS
from skmix.latent.chain import Chain
from skmix.likelihood.sequences import Sequences


def left_right(K):
    return np.triu(np.ones((K, K))) / np.arange(K, 0, -1)[:, np.newaxis]


def chain_of(transitions=None, start=None, fixed=None, tied=None, K=3):
    return Chain(start_structure(start, False, K), transition_structure(transitions, fixed, tied, K))


def one_hot(states, K):
    return np.eye(K)[states]


@pytest.mark.parametrize("K", [3, 5, 8])
def test_a_left_right_chain_has_its_clusters_by_time(K):
    true = np.random.default_rng(K).permutation(K)
    R = one_hot(np.tile(np.repeat(true, 4), 2), K)
    order = arrange(chain_of(left_right(K), K=K), R, Sequences.of(np.array([4 * K, 4 * K])))
    assert_array_equal(order, true)


@pytest.mark.parametrize("K", [4, 7])
def test_a_cycle_has_its_clusters_in_turn(K):
    A = 0.5 * np.eye(K) + 0.5 * np.roll(np.eye(K), 1, axis=1)
    true = np.r_[0, 1 + np.random.default_rng(0).permutation(K - 1)]
    R = one_hot(np.tile(np.repeat(true, 2), 3), K)
    order = arrange(chain_of(A, start=np.eye(K)[0], K=K), R, Sequences.of(np.array([len(R)])))
    assert_array_equal(order, true)


def test_fixed_transitions_are_matched_by_what_is_counted():
    A = np.array([[0.99, 0.01], [0.3, 0.7]])
    R = one_hot(np.r_[[0] * 3, [1] * 90, [0] * 3, [1] * 90], 2)
    assert_array_equal(arrange(chain_of(A, fixed=True, K=2), R, Sequences.of(np.array([len(R)]))), [1, 0])


@pytest.mark.parametrize("tied", [None, [[1, 2, 2], [2, 1, 2], [2, 2, 1]]])
def test_where_states_are_alike_clusters_stay_as_they_are(tied):
    R = np.random.default_rng(0).dirichlet(np.ones(3), 50)
    chain = chain_of(tied=tied)
    assert alike(chain) == (tied is None)
    assert_array_equal(arrange(chain, R, Sequences.of(np.array([20, 30]))), [0, 1, 2])


@pytest.mark.parametrize("init_params", sorted(set(CHAIN_STARTS) - {"random"}))
@pytest.mark.parametrize("clouds", [[10.0, 20.0, 0.0], [20.0, 0.0, 10.0]])
def test_a_left_right_model_finds_segments_from_one_start(init_params, clouds):
    X = np.random.default_rng(0).normal(size=(60, 1)) + np.repeat(clouds, 20)[:, np.newaxis]
    model = GaussianHMM(3, init_params=init_params, transmat_init=left_right(3), random_state=3).fit(X)
    assert_array_equal(model.predict(X), np.repeat([0, 1, 2], 20))


def test_states_with_mixtures_are_arranged_as_a_whole():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 1)) + np.repeat([30.0, 0.0, 60.0], 30)[:, np.newaxis]
    X += 6.0 * (rng.random((90, 1)) < 0.5)
    model = GMMHMM(3, 2, transmat_init=left_right(3), random_state=0).fit(X)
    assert_array_equal(model.predict(X), np.repeat([0, 1, 2], 30))
    assert_allclose(model.means_.mean(axis=(1, 2)), [33.0, 3.0, 63.0], atol=1.0)
