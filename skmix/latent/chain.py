"""A Markov chain of states: the latent structure of a hidden Markov model.

With the start probabilities π and the transition matrix A, the expected complete-data log-likelihood of the states is
Σ_i N1_i log π_i + Σ_ij C_ij log A_ij, N1 being the expected numbers of sequences that start in each state and C those
of transitions: rows of probabilities and counts, so that M-step and charts are those of `skmix.families.simplex`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlogy

from skmix.families.base import Additive, Chart
from skmix.families.simplex import Simplexes, SoftmaxChart, SphereChart
from skmix.latent import _recursion
from skmix.likelihood.sequences import Sequences
from skmix.likelihood.threads import Threads

Scratch = Callable[..., np.ndarray]  # scratch(name, *shape): memory that is the same whenever the name is


class ChainParameters(NamedTuple):
    """Start probabilities π (K,) and the transition matrix A (K, K)."""

    start: np.ndarray
    transitions: np.ndarray


@dataclass
class ChainCounts(Additive):
    """Expected numbers of rows of each state (K,), of starts N1 (K,), and of transitions C (K, K)."""

    counts: np.ndarray
    start: np.ndarray
    transitions: np.ndarray


class Chain:
    """States that follow each other with the probabilities A, the first of a sequence drawn with those of π.

    Parameters
    ----------
    start : Simplexes
        Which entries of π are free; all of one row.
    transitions : Simplexes
        Which entries of A are free, which are tied.
    start_prior, transitions_prior : ndarray of shape (K,) and (K, K)
        Pseudo-counts of Dirichlet priors (their concentrations less 1), 0 for maximum likelihood.
    """

    independent = False

    def __init__(
        self,
        start: Simplexes,
        transitions: Simplexes,
        start_prior: np.ndarray | float = 0.0,
        transitions_prior: np.ndarray | float = 0.0,
    ):
        self.start, self.transitions = start, transitions
        self.start_prior = np.where(start.free, start_prior, 0.0)
        self.transitions_prior = np.where(transitions.free, transitions_prior, 0.0)

    # ---- the rows -------------------------------------------------------------------------------------------------
    def offset(self, parameters: ChainParameters) -> np.ndarray:
        """What is added to the log-densities of a row whatever the others are: nothing."""
        return np.zeros(len(parameters.start))

    def smooth(
        self, parameters: ChainParameters, x: np.ndarray, sequences: Sequences, threads: Threads, scratch: Scratch
    ) -> tuple[float, ChainCounts]:
        """Turn emission log-densities `x` (n, K), in place, into weighted posterior probabilities of states.

        Returns
        -------
        log_likelihood : float
            Σ_s w_s log p(sequence s), nats.
        counts : ChainCounts
        """
        chunks, packed = sequences.chunks(), pack(parameters)
        alpha, predictive = scratch("alpha", *x.shape), scratch("predictive", len(x))

        def task(index: int, work: Any) -> _Part:
            counts = np.zeros((1 + x.shape[1], x.shape[1]))
            shared = (packed, sequences.first, sequences.weight, *chunks[index])
            return _Part(_recursion.smooth(x, alpha, predictive, *shared, counts), counts)

        total = threads.reduce(task, len(chunks))
        return total.log_likelihood, ChainCounts(x.sum(axis=0), total.counts[0], total.counts[1:])

    def smooth_along(
        self,
        parameters: ChainParameters,
        tangent: ChainParameters,
        x: np.ndarray,
        slope: np.ndarray,
        sequences: Sequences,
        threads: Threads,
        scratch: Scratch,
    ) -> ChainCounts:
        """Turn `x` into weighted posterior probabilities, `slope`, its derivative, into theirs; both in place."""
        chunks, packed, direction = sequences.chunks(), pack(parameters), pack_tangent(parameters, tangent)
        alpha, d_alpha = scratch("alpha", *x.shape), scratch("d_alpha", *x.shape)
        predictive, d_predictive = scratch("predictive", len(x)), scratch("d_predictive", len(x))

        def task(index: int, work: Any) -> _Part:
            counts = np.zeros((1 + x.shape[1], x.shape[1]))
            shared = (packed, direction, sequences.first, sequences.weight, *chunks[index])
            _recursion.smooth_along(x, slope, alpha, d_alpha, predictive, d_predictive, *shared, counts)
            return _Part(0.0, counts)

        total = threads.reduce(task, len(chunks))
        return ChainCounts(slope.sum(axis=0), total.counts[0], total.counts[1:])

    def filter(self, parameters: ChainParameters, x: np.ndarray, sequences: Sequences) -> tuple[np.ndarray, np.ndarray]:
        """Filtered probabilities of states (n, K), and log p(x_t | past) (n,)."""
        alpha, predictive = np.empty_like(x), np.empty(len(x))
        _recursion.filter(x, alpha, predictive, pack(parameters), sequences.first, 0, len(sequences))
        return alpha, predictive

    def viterbi(self, parameters: ChainParameters, x: np.ndarray, sequences: Sequences) -> tuple[np.ndarray, float]:
        """The most probable path (n,) and its joint log-probability with the rows, nats; `x` is overwritten."""
        path, log_probability = np.empty(len(x), dtype=np.intp), np.empty(len(sequences))
        _recursion.viterbi(x, pack(parameters), sequences.first, 0, len(sequences), path, log_probability)
        return path, float(log_probability.sum())

    def draw(self, parameters: ChainParameters, sequences: Sequences, rng: np.random.RandomState) -> np.ndarray:
        """Paths drawn at random, (n,)."""
        path = np.empty(sequences.first[-1], dtype=np.intp)
        _recursion.draw(pack(parameters), sequences.first, rng.uniform(size=len(path)), path)
        return path

    def count(self, R: np.ndarray, sequences: Sequences) -> ChainCounts:
        """Statistics of given probabilities of states (n, K), neighbours taken to be independent given them."""
        weighted = R * sequences.row_weight[:, np.newaxis]
        before = weighted[:-1].copy()
        before[sequences.first[1:-1] - 1] = 0.0  # the last row of a sequence has no successor
        return ChainCounts(weighted.sum(axis=0), weighted[sequences.first[:-1]].sum(axis=0), before.T @ R[1:])

    # ---- parameter algebra ----------------------------------------------------------------------------------------
    def penalise(self, statistics: ChainCounts, parameters: ChainParameters) -> ChainCounts:
        """Add the priors' pseudo-counts."""
        return ChainCounts(
            statistics.counts, statistics.start + self.start_prior, statistics.transitions + self.transitions_prior
        )

    def log_prior(self, parameters: ChainParameters) -> float:
        """Log prior density up to a constant, in nats (total)."""
        with np.errstate(divide="ignore"):
            parts = xlogy(self.start_prior, parameters.start), xlogy(self.transitions_prior, parameters.transitions)
        return float(sum(part.sum() for part in parts))

    def m_step(self, statistics: ChainCounts, parameters: ChainParameters) -> ChainParameters:
        """The maximiser of the expected complete-data log-likelihood; a state never left keeps its row."""
        return ChainParameters(
            self.start.m_step(statistics.start, parameters.start),
            self.transitions.m_step(statistics.transitions, parameters.transitions),
        )

    def expected_log_prior(self, statistics: ChainCounts, parameters: ChainParameters) -> float:
        """Expected log-probability of the states, nats."""
        with np.errstate(divide="ignore"):
            parts = xlogy(statistics.start, parameters.start), xlogy(statistics.transitions, parameters.transitions)
        return float(sum(part.sum() for part in parts))

    def chart(self, name: str, parameters: ChainParameters, statistics: ChainCounts) -> Chart:
        """Square roots of probabilities in units of the information ("frame"), or else plain softmax."""
        return ChainChart(self, name, parameters, statistics)

    def n_parameters(self, n_components: int) -> int:
        """Free parameters."""
        return self.start.n_parameters + self.transitions.n_parameters


class ChainChart(Chart):
    """Charts of the start probabilities and of the rows of the transition matrix, one behind the other."""

    def __init__(self, chain: Chain, name: str, parameters: ChainParameters, statistics: ChainCounts):
        kind = SphereChart if name == "frame" else SoftmaxChart
        rows = statistics.counts.sum()
        self.of_start = kind(chain.start, parameters.start, statistics.start.sum(keepdims=True) / rows)
        leaving = statistics.transitions.sum(axis=1, keepdims=True)
        self.of_transitions = kind(chain.transitions, parameters.transitions, leaving / rows)
        self.n_start = len(self.of_start.start)
        self.start = np.zeros(self.n_start + len(self.of_transitions.start))

    def parameters(self, z: np.ndarray) -> ChainParameters:
        return ChainParameters(
            self.of_start.parameters(z[: self.n_start]), self.of_transitions.parameters(z[self.n_start :])
        )

    def coordinates(self, parameters: ChainParameters) -> np.ndarray:
        parts = self.of_start.coordinates(parameters.start), self.of_transitions.coordinates(parameters.transitions)
        return np.concatenate(parts)

    def gradient(self, z: np.ndarray, parameters: ChainParameters, statistics: ChainCounts) -> np.ndarray:
        parts = (
            self.of_start.gradient(z[: self.n_start], parameters.start, statistics.start),
            self.of_transitions.gradient(z[self.n_start :], parameters.transitions, statistics.transitions),
        )
        return np.concatenate(parts)


@dataclass
class _Part(Additive):
    """What some sequences add to the log-likelihood and to the counts of starts (first row) and transitions."""

    log_likelihood: float
    counts: np.ndarray


def pack(parameters: ChainParameters) -> np.ndarray:
    """A chain as the recursion takes it: π, log π, A, Aᵀ and log A, one below the other."""
    start, A = parameters
    with np.errstate(divide="ignore"):
        return np.vstack([start, np.log(start), A, A.T, np.log(A)])


def pack_tangent(parameters: ChainParameters, tangent: ChainParameters) -> np.ndarray:
    """The derivatives of what `pack` gives; 0 for logarithms of what stays 0."""
    of_logs = (np.divide(d, p, out=np.zeros_like(d), where=p > 0) for d, p in zip(tangent, parameters, strict=True))
    of_log_start, of_log_A = of_logs
    return np.vstack([tangent.start, of_log_start, tangent.transitions, tangent.transitions.T, of_log_A])
