"""The recursions along a hidden Markov chain in plain NumPy, with logarithms: to be read, and the oracle of tests.

`skmix.latent._recursion` does the same, compiled. Here is one sequence, `log_density` of shape (T, K) its emission
log-densities; zeros in `start` (K,) and `transitions` (K, K) are states and transitions that never occur.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp


class Smoothed(NamedTuple):
    """What the rows of a sequence tell of its states.

    Attributes
    ----------
    predictive : ndarray of shape (T,)
        log p(x_t | x_1 … x_(t−1)), nats.
    filtered : ndarray of shape (T, K)
        p(z_t | x_1 … x_t).
    smoothed : ndarray of shape (T, K)
        p(z_t | x_1 … x_T).
    transition_counts : ndarray of shape (K, K)
        Σ_t p(z_t = i, z_(t+1) = j | x_1 … x_T).
    """

    predictive: np.ndarray
    filtered: np.ndarray
    smoothed: np.ndarray
    transition_counts: np.ndarray


def smooth(log_density: np.ndarray, start: np.ndarray, transitions: np.ndarray) -> Smoothed:
    """Forward and backward."""
    with np.errstate(divide="ignore"):
        log_start, log_A = np.log(start), np.log(transitions)
    T = len(log_density)
    log_alpha, log_beta = np.empty_like(log_density), np.zeros_like(log_density)
    for t in range(T):
        before = logsumexp(log_alpha[t - 1][:, np.newaxis] + log_A, axis=0) if t else log_start
        log_alpha[t] = before + log_density[t]
    for t in range(T - 2, -1, -1):
        log_beta[t] = logsumexp(log_A + log_density[t + 1] + log_beta[t + 1], axis=1)
    cumulative = logsumexp(log_alpha, axis=1)
    total = cumulative[-1]
    counts = np.zeros_like(transitions)
    for t in range(1, T):
        after = log_density[t] + log_beta[t]
        counts += np.exp(log_alpha[t - 1][:, np.newaxis] + log_A + after - total)
    return Smoothed(
        predictive=np.diff(cumulative, prepend=0.0),
        filtered=np.exp(log_alpha - cumulative[:, np.newaxis]),
        smoothed=np.exp(log_alpha + log_beta - total),
        transition_counts=counts,
    )


def viterbi(log_density: np.ndarray, start: np.ndarray, transitions: np.ndarray) -> tuple[float, np.ndarray]:
    """The most probable path, and log p(path, sequence) in nats."""
    with np.errstate(divide="ignore"):
        best, log_A = np.log(start) + log_density[0], np.log(transitions)
    before = np.zeros(log_density.shape, dtype=np.intp)
    for t in range(1, len(log_density)):
        joint = best[:, np.newaxis] + log_A
        before[t] = joint.argmax(axis=0)
        best = joint.max(axis=0) + log_density[t]
    path = np.empty(len(log_density), dtype=np.intp)
    path[-1] = best.argmax()
    for t in range(len(log_density) - 1, 0, -1):
        path[t - 1] = before[t, path[t]]
    return float(best.max()), path
