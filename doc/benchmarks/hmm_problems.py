"""Series for the benchmark of hidden Markov models: Gaussian states with diagonal covariances, from seeds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmix import GaussianHMM


class Series(NamedTuple):
    """Observations, lengths of the sequences, and a start (π, A, means, variances) for all rivals."""

    X: np.ndarray
    lengths: np.ndarray
    start: np.ndarray
    transitions: np.ndarray
    means: np.ndarray
    variances: np.ndarray


def series(K: int, lengths: list[int], d: int = 2, distance: float = 2.0, stay: float = 0.9, seed: int = 0) -> Series:
    """Sequences of K states whose means lie about `distance` standard deviations apart; the start is near the truth."""
    rng = np.random.default_rng(seed)
    truth = GaussianHMM(K, random_state=seed)
    truth.startprob_ = np.full(K, 1.0 / K)
    truth.transmat_ = np.where(np.eye(K, dtype=bool), stay, (1.0 - stay) / (K - 1))
    truth.means_ = distance * rng.normal(size=(K, d))
    truth.covars_ = np.ones((K, d))
    X, _ = truth.sample(lengths=lengths)
    transitions = np.where(np.eye(K, dtype=bool), 0.7, 0.3 / (K - 1))
    means = truth.means_ + 0.5 * rng.normal(size=(K, d))
    return Series(X, np.array(lengths), truth.startprob_, transitions, means, np.full((K, d), 1.5))
