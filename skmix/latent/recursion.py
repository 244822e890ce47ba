"""The recursions along hidden Markov chains, their sequences shared out among threads: the face of `_recursion`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skmix.families.base import Additive
from skmix.latent import _recursion
from skmix.likelihood.sequences import Sequences
from skmix.likelihood.threads import Threads

Scratch = Callable[..., np.ndarray]  # scratch(name, *shape): memory that is the same whenever the name is


@dataclass
class _Part(Additive):
    """What some sequences add to the log-likelihood and to the counts of starts (first row) and transitions."""

    log_likelihood: float
    counts: np.ndarray


def fresh(name: str, *shape: int) -> np.ndarray:
    """Memory for a single call."""
    return np.empty(shape)


def pack(chain: Any) -> np.ndarray:
    """A chain as `_recursion` takes it: π, log π, A, Aᵀ and log A, one below the other."""
    start, A = chain
    with np.errstate(divide="ignore"):
        return np.vstack([start, np.log(start), A, A.T, np.log(A)])


def pack_tangent(chain: Any, tangent: Any) -> np.ndarray:
    """The derivatives of what `pack` gives; 0 for logarithms of what stays 0."""
    of_logs = (np.divide(d, p, out=np.zeros_like(d), where=p > 0) for d, p in zip(tangent, chain, strict=True))
    of_log_start, of_log_A = of_logs
    d_start, d_A = tangent
    return np.vstack([d_start, of_log_start, d_A, d_A.T, of_log_A])


def smooth(
    chain: Any, x: np.ndarray, sequences: Sequences, threads: Threads, scratch: Scratch = fresh
) -> tuple[float, np.ndarray]:
    """Turn emission log-densities `x` (n, K), in place, into weighted posterior probabilities of states.

    Returns
    -------
    log_likelihood : float
        Σ_s w_s log p(sequence s), nats.
    counts : ndarray of shape (1 + K, K)
        Weighted expected numbers of starts, and below of transitions.
    """
    chunks, packed = sequences.chunks, pack(chain)
    alpha, predictive = scratch("alpha", *x.shape), scratch("predictive", len(x))

    def task(index: int, work: Any) -> _Part:
        counts = np.zeros((1 + x.shape[1], x.shape[1]))
        shared = (packed, sequences.first, sequences.weight, *chunks[index])
        return _Part(_recursion.smooth(x, alpha, predictive, *shared, counts), counts)

    total = threads.reduce(task, len(chunks))
    return total.log_likelihood, total.counts


def smooth_along(
    chain: Any,
    tangent: Any,
    x: np.ndarray,
    slope: np.ndarray,
    sequences: Sequences,
    threads: Threads,
    scratch: Scratch = fresh,
) -> np.ndarray:
    """Do what `smooth` does to `x`, and turn `slope`, its derivative, into that of the result; that of the counts."""
    chunks, packed, direction = sequences.chunks, pack(chain), pack_tangent(chain, tangent)
    alpha, d_alpha = scratch("alpha", *x.shape), scratch("d_alpha", *x.shape)
    predictive, d_predictive = scratch("predictive", len(x)), scratch("d_predictive", len(x))

    def task(index: int, work: Any) -> _Part:
        counts = np.zeros((1 + x.shape[1], x.shape[1]))
        shared = (packed, direction, sequences.first, sequences.weight, *chunks[index])
        _recursion.smooth_along(x, slope, alpha, d_alpha, predictive, d_predictive, *shared, counts)
        return _Part(0.0, counts)

    return threads.reduce(task, len(chunks)).counts


def filter(chain: Any, x: np.ndarray, sequences: Sequences, threads: Threads) -> tuple[np.ndarray, np.ndarray]:
    """Filtered probabilities of states (n, K), and log p(x_t | past) (n,) in nats."""
    chunks, packed = sequences.chunks, pack(chain)
    alpha, predictive = np.empty_like(x), np.empty(len(x))

    def task(index: int, work: Any) -> int:
        _recursion.filter(x, alpha, predictive, packed, sequences.first, *chunks[index])
        return 0

    threads.reduce(task, len(chunks))
    return alpha, predictive


def viterbi(chain: Any, x: np.ndarray, sequences: Sequences, threads: Threads) -> tuple[np.ndarray, np.ndarray]:
    """The most probable path (n,), and log p(path, rows) of each sequence in nats; `x` is overwritten."""
    chunks, packed = sequences.chunks, pack(chain)
    path, log_probability = np.empty(len(x), dtype=np.intp), np.empty(len(sequences))

    def task(index: int, work: Any) -> int:
        _recursion.viterbi(x, packed, sequences.first, *chunks[index], path, log_probability)
        return 0

    threads.reduce(task, len(chunks))
    return path, log_probability


def draw(chain: Any, sequences: Sequences, rng: np.random.RandomState) -> np.ndarray:
    """Paths drawn at random, (n,)."""
    path = np.empty(sequences.first[-1], dtype=np.intp)
    _recursion.draw(pack(chain), sequences.first, rng.uniform(size=len(path)), path)
    return path
