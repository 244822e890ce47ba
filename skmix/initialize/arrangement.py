"""Which cluster begins as which state: where transitions have a structure, states are not alike."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, permutations

import numpy as np
from scipy.special import xlogy

from skmix.families.simplex import Simplexes
from skmix.latent.chain import Chain, ChainCounts
from skmix.likelihood.sequences import Sequences

_FEW = 5  # states whose orders are all tried, 120 of them
_UNLIKELY = 1e-10  # probability of what the structure rules out
_DIGITS = 9  # in which orders must differ, or else the given one stays

Order = tuple[int, ...]


def arrange(chain: Chain, R: np.ndarray, sequences: Sequences) -> np.ndarray:
    """The order of clusters that suits a chain's structure best.

    Of all orders the one is taken in which the transitions between neighbouring rows are likeliest, free probabilities
    at their best. With more than five states it is the better of the given order and that by time, improved by
    exchanges of two states.

    Parameters
    ----------
    chain : Chain
    R : ndarray of shape (n, K)
        Probabilities of the clusters.
    sequences : Sequences

    Returns
    -------
    order : ndarray of shape (K,)
        The cluster for each state.
    """
    clusters = tuple(range(R.shape[1]))
    counts = chain.count(R, sequences)
    if len(clusters) <= _FEW:
        return np.array(_best(permutations(clusters), chain, counts))
    best = _best([clusters, _by_time(R, sequences)], chain, counts)
    while True:
        exchanged = _best([best, *(_exchange(best, i, j) for i, j in combinations(clusters, 2))], chain, counts)
        if exchanged == best:
            return np.array(best)
        best = exchanged


def alike(chain: Chain) -> bool:
    """Whether the chain's structure plainly is the same in whatever order the states are."""
    return all(_even(part) for part in (chain.start, chain.transitions))


def _even(part: Simplexes) -> bool:
    return part.plain or (not part.free.any() and np.ptp(part.constant) == 0)


def _best(orders: Iterable[Order], chain: Chain, counts: ChainCounts) -> Order:
    """The first of the likeliest orders."""
    return max(orders, key=lambda order: _fit(chain, counts, list(order)))


def _fit(chain: Chain, counts: ChainCounts, order: list[int]) -> float:
    """Log-likelihood of the counts in another order, nats per row."""
    pairs = (chain.start, counts.start[order]), (chain.transitions, counts.transitions[np.ix_(order, order)])
    value = 0.0
    for part, seen in pairs:
        p = part.m_step(np.where(part.free, seen, 0.0), part.even())
        value += xlogy(seen, np.maximum(p, _UNLIKELY)).sum()
    return round(float(value / counts.counts.sum()), _DIGITS)


def _by_time(R: np.ndarray, sequences: Sequences) -> Order:
    """Clusters by the mean position of their rows."""
    position = np.arange(len(R)) - np.repeat(sequences.first[:-1], sequences.lengths)
    weighted = R * sequences.row_weight[:, np.newaxis]
    return tuple(np.argsort(position @ weighted / np.maximum(weighted.sum(axis=0), _UNLIKELY), kind="stable").tolist())


def _exchange(order: Order, i: int, j: int) -> Order:
    """The order with two states exchanged."""
    other = list(order)
    other[i], other[j] = other[j], other[i]
    return tuple(other)
