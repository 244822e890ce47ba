"""A Markov chain of states: the latent structure of a hidden Markov model.

With the start probabilities π and the transition matrix A, the expected complete-data log-likelihood of the states is
Σ_i N1_i log π_i + Σ_ij C_ij log A_ij, N1 being the expected numbers of sequences that start in each state and C those
of transitions: rows of probabilities and counts, so that M-step and charts are those of `skmix.families.simplex`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag
from scipy.special import xlogy

from skmix.families.base import Additive, Chart
from skmix.families.simplex import Simplexes, SoftmaxChart, SphereChart
from skmix.latent import recursion
from skmix.latent.recursion import Scratch
from skmix.likelihood.sequences import Sequences
from skmix.likelihood.threads import Threads

_ROOM = 0.05  # what a start leaves to transitions that it has not seen


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
    may_empty = False  # whether components without rows are what the prior is there for
    n_mix = 1  # components that a state emits from

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

    @classmethod
    def free(cls, n_states: int) -> Chain:
        """A chain without structure or prior."""
        return cls(Simplexes.of(np.ones(n_states, bool)), Simplexes.of(np.ones((n_states, n_states), bool)))

    @property
    def chain(self) -> Chain:
        """The chain behind the states: itself."""
        return self

    def conform(self, parameters: ChainParameters) -> ChainParameters:
        """The parameters with the structure imposed on them."""
        pairs = zip((self.start, self.transitions), parameters, strict=True)
        return ChainParameters(*(part.m_step(np.where(part.free, p, 0.0), p) for part, p in pairs))

    def reference(self, n_components: int) -> ChainParameters:
        """Free probabilities of a row all equal."""
        return ChainParameters(
            *(part.share(part.spread(np.ones(part.size))) for part in (self.start, self.transitions))
        )

    def leave_room(self, parameters: ChainParameters) -> ChainParameters:
        """The probabilities of a start, none of the free ones 0: EM would leave it there."""
        even = self.reference(0)
        return ChainParameters(*((1.0 - _ROOM) * p + _ROOM * q for p, q in zip(parameters, even, strict=True)))

    def stay(self, parameters: ChainParameters, probability: float) -> ChainParameters:
        """The same start with transitions in which every state lasts, as far as they are free."""
        rest = (1.0 - probability) / max(1, len(parameters.start) - 1)
        A = np.where(np.eye(len(parameters.start), dtype=bool), probability, rest)
        return parameters._replace(transitions=self.transitions.m_step(A, parameters.transitions))

    # ---- the rows -------------------------------------------------------------------------------------------------
    def offset(self, parameters: ChainParameters) -> np.ndarray:
        """What is added to the log-densities of a row whatever the others are: nothing."""
        return np.zeros(len(parameters.start))

    def confine(self, x: np.ndarray, excluded: np.ndarray) -> None:
        """Take from rows, in place, the components that their known states rule out; both are (K, n)."""
        x[excluded] = -np.inf

    def states(self, parameters: ChainParameters, x: np.ndarray) -> np.ndarray:
        """Emission log-densities (n, K) of the states, from those of the family's components."""
        return x

    def components(self, parameters: ChainParameters, x: np.ndarray, smoothed: np.ndarray) -> np.ndarray:
        """Posterior probabilities of the family's components, from their log-densities `x` and those of the states."""
        return smoothed

    def chain_of(self, parameters: ChainParameters) -> ChainParameters:
        """The chain among the parameters."""
        return parameters

    def moments(
        self, parameters: ChainParameters, means: np.ndarray, variances: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means and variances of the observations in each state, from those of the family's components."""
        return means, variances

    def draw_components(
        self, parameters: ChainParameters, states: np.ndarray, rng: np.random.RandomState
    ) -> np.ndarray:
        """The family's components behind drawn states."""
        return states

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
        log_likelihood, counts = recursion.smooth(parameters, x, sequences, threads, scratch)
        return log_likelihood, ChainCounts(x.sum(axis=0), counts[0], counts[1:])

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
        counts = recursion.smooth_along(parameters, tangent, x, slope, sequences, threads, scratch)
        return ChainCounts(slope.sum(axis=0), counts[0], counts[1:])

    def count(self, R: np.ndarray, sequences: Sequences) -> ChainCounts:
        """Statistics of given probabilities of states (n, K), neighbours taken to be independent given them."""
        weighted = R if (sequences.weight == 1.0).all() else R * sequences.row_weight[:, np.newaxis]
        begins = sequences.first[1:-1]  # the last row of a sequence has no successor
        transitions = weighted[:-1].T @ R[1:] - weighted[begins - 1].T @ R[begins]
        starts = weighted[sequences.first[:-1]].sum(axis=0)
        return ChainCounts(weighted.sum(axis=0), starts, np.maximum(transitions, 0.0))

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

    def idle(self, z: np.ndarray) -> np.ndarray:
        return block_diag(self.of_start.idle(z[: self.n_start]), self.of_transitions.idle(z[self.n_start :]))

    def gradient(self, z: np.ndarray, parameters: ChainParameters, statistics: ChainCounts) -> np.ndarray:
        parts = (
            self.of_start.gradient(z[: self.n_start], parameters.start, statistics.start),
            self.of_transitions.gradient(z[self.n_start :], parameters.transitions, statistics.transitions),
        )
        return np.concatenate(parts)
