"""A Markov chain whose states each emit from a mixture: labels are pairs of a state and a component of its mixture.

Components are those of one family, M for each of K states, state by state. The mixture of a state is taken apart before
the recursion along the chain and put together after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag
from scipy.special import xlogy

from skmix.families.base import LEAST_SHARE, Additive, Chart
from skmix.families.simplex import Simplexes, SoftmaxChart, SphereChart
from skmix.latent.chain import Chain, ChainCounts, ChainParameters
from skmix.latent.recursion import Scratch
from skmix.likelihood.sequences import Sequences
from skmix.likelihood.threads import Threads


class MixtureParameters(NamedTuple):
    """A chain of K states, and the weights (K, M) of each state's mixture."""

    chain: ChainParameters
    weights: np.ndarray


@dataclass
class MixtureCounts(Additive):
    """Counts of the chain, and expected numbers of rows of each pair of state and component, (K, M)."""

    chain: ChainCounts
    pairs: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Expected numbers of rows of the family's components, (K·M,)."""
        return self.pairs.ravel()


class MixtureChain:
    """A chain, and for each of its states a mixture of M components.

    Parameters
    ----------
    chain : Chain
    n_mix : int
        The number M.
    prior : float
        Pseudo-count of a Dirichlet prior on the weights of each mixture (its concentrations less 1).
    """

    independent = False

    def __init__(self, chain: Chain, n_mix: int, prior: float = 0.0):
        self.chain, self.n_mix, self.prior = chain, n_mix, prior
        self.free = Simplexes.of(np.ones((len(chain.transitions.group), n_mix), dtype=bool))

    def conform(self, parameters: MixtureParameters) -> MixtureParameters:
        """The parameters with the structure imposed on them."""
        weights = parameters.weights
        if self.prior:  # under which no weight can be 0
            weights = self.free.share(np.maximum(weights, LEAST_SHARE))
        return MixtureParameters(self.chain.conform(parameters.chain), weights)

    def reference(self, n_components: int) -> MixtureParameters:
        """Free probabilities of a row all equal."""
        return MixtureParameters(self.chain.reference(n_components), self.free.even())

    def leave_room(self, parameters: MixtureParameters) -> MixtureParameters:
        return parameters._replace(chain=self.chain.leave_room(parameters.chain))

    def stay(self, parameters: MixtureParameters, probability: float) -> MixtureParameters:
        return parameters._replace(chain=self.chain.stay(parameters.chain, probability))

    # ---- the rows -------------------------------------------------------------------------------------------------
    def offset(self, parameters: MixtureParameters) -> np.ndarray:
        return np.zeros(parameters.weights.size)

    def states(self, parameters: MixtureParameters, x: np.ndarray) -> np.ndarray:
        """Emission log-densities (n, K) of the states, from those of the family's components."""
        return self.gather(parameters, x.copy())[0]

    def components(self, parameters: MixtureParameters, x: np.ndarray, smoothed: np.ndarray) -> np.ndarray:
        """Posterior probabilities of the family's components, from their log-densities `x` and those of the states."""
        return (self.gather(parameters, x.copy())[1] * smoothed[:, :, np.newaxis]).reshape(x.shape)

    def chain_of(self, parameters: MixtureParameters) -> ChainParameters:
        """The chain among the parameters."""
        return parameters.chain

    def moments(
        self, parameters: MixtureParameters, means: np.ndarray, variances: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means and variances of the observations in each state, from those of the family's components."""
        weights = parameters.weights
        apart = means.reshape(*weights.shape, -1)
        mean = np.einsum("km,kmd->kd", weights, apart)
        spread = variances.reshape(apart.shape) + np.square(apart - mean[:, np.newaxis])
        return mean, np.einsum("km,kmd->kd", weights, spread)

    def draw_components(
        self, parameters: MixtureParameters, states: np.ndarray, rng: np.random.RandomState
    ) -> np.ndarray:
        """The family's components behind drawn states."""
        uniform = rng.uniform(size=(len(states), 1))
        drawn = (uniform > parameters.weights.cumsum(axis=1)[states, :-1]).sum(axis=1)
        return states * self.n_mix + drawn

    def gather(self, parameters: MixtureParameters, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-densities (n, K) of the states; `x` (n, K·M) becomes the shares of their components, in place."""
        shares = x.reshape(len(x), *parameters.weights.shape)
        with np.errstate(divide="ignore"):
            shares += np.log(parameters.weights)
        largest = shares.max(axis=2)
        largest = np.where(np.isfinite(largest), largest, 0.0)
        shares -= largest[:, :, np.newaxis]
        np.exp(shares, out=shares)
        total = shares.sum(axis=2)
        shares /= np.where(total > 0, total, 1.0)[:, :, np.newaxis]
        with np.errstate(divide="ignore"):
            return np.log(total) + largest, shares

    def smooth(
        self, parameters: MixtureParameters, x: np.ndarray, sequences: Sequences, threads: Threads, scratch: Scratch
    ) -> tuple[float, MixtureCounts]:
        """As :meth:`Chain.smooth`, of pairs: `x` is (n, K·M)."""
        states, shares = self.gather(parameters, x)
        log_likelihood, counts = self.chain.smooth(parameters.chain, states, sequences, threads, scratch)
        shares *= states[:, :, np.newaxis]
        return log_likelihood, MixtureCounts(counts, shares.sum(axis=0))

    def smooth_along(
        self,
        parameters: MixtureParameters,
        tangent: MixtureParameters,
        x: np.ndarray,
        slope: np.ndarray,
        sequences: Sequences,
        threads: Threads,
        scratch: Scratch,
    ) -> MixtureCounts:
        """As :meth:`Chain.smooth_along`, of pairs."""
        states, shares = self.gather(parameters, x)
        slopes = slope.reshape(shares.shape)
        weights = parameters.weights
        slopes += np.divide(tangent.weights, weights, out=np.zeros_like(weights), where=weights > 0)
        of_states = (shares * slopes).sum(axis=2)
        slopes -= of_states[:, :, np.newaxis]
        counts = self.chain.smooth_along(
            parameters.chain, tangent.chain, states, of_states, sequences, threads, scratch
        )
        slopes *= states[:, :, np.newaxis]
        slopes += of_states[:, :, np.newaxis]
        slopes *= shares
        shares *= states[:, :, np.newaxis]
        return MixtureCounts(counts, slopes.sum(axis=0))

    def count(self, R: np.ndarray, sequences: Sequences) -> MixtureCounts:
        """Statistics of given probabilities of pairs (n, K·M)."""
        pairs = R.reshape(len(R), *self.free.group.shape)
        counts = (R * sequences.row_weight[:, np.newaxis]).sum(axis=0)
        return MixtureCounts(self.chain.count(pairs.sum(axis=2), sequences), counts.reshape(self.free.group.shape))

    # ---- parameter algebra ----------------------------------------------------------------------------------------
    def penalise(self, statistics: MixtureCounts, parameters: MixtureParameters) -> MixtureCounts:
        return MixtureCounts(self.chain.penalise(statistics.chain, parameters.chain), statistics.pairs + self.prior)

    def log_prior(self, parameters: MixtureParameters) -> float:
        with np.errstate(divide="ignore"):
            return self.chain.log_prior(parameters.chain) + float(xlogy(self.prior, parameters.weights).sum())

    def m_step(self, statistics: MixtureCounts, parameters: MixtureParameters) -> MixtureParameters:
        return MixtureParameters(
            self.chain.m_step(statistics.chain, parameters.chain),
            self.free.m_step(statistics.pairs, parameters.weights),
        )

    def expected_log_prior(self, statistics: MixtureCounts, parameters: MixtureParameters) -> float:
        of_pairs = float(xlogy(statistics.pairs, parameters.weights).sum())
        return of_pairs + self.chain.expected_log_prior(statistics.chain, parameters.chain)

    def chart(self, name: str, parameters: MixtureParameters, statistics: MixtureCounts) -> Chart:
        return MixtureChart(self, name, parameters, statistics)

    def n_parameters(self, n_components: int) -> int:
        return self.chain.n_parameters(n_components) + self.free.n_parameters


class MixtureChart(Chart):
    """The chart of the chain, and one of the mixtures' weights behind it."""

    def __init__(self, latent: MixtureChain, name: str, parameters: MixtureParameters, statistics: MixtureCounts):
        self.of_chain = latent.chain.chart(name, parameters.chain, statistics.chain)
        kind = SphereChart if name == "frame" else SoftmaxChart
        of_states = statistics.pairs.sum(axis=1, keepdims=True)
        self.of_weights = kind(latent.free, parameters.weights, of_states / of_states.sum())
        self.n_chain = len(self.of_chain.start)
        self.start = np.zeros(self.n_chain + len(self.of_weights.start))

    def parameters(self, z: np.ndarray) -> MixtureParameters:
        n = self.n_chain
        return MixtureParameters(self.of_chain.parameters(z[:n]), self.of_weights.parameters(z[n:]))

    def coordinates(self, parameters: MixtureParameters) -> np.ndarray:
        parts = self.of_chain.coordinates(parameters.chain), self.of_weights.coordinates(parameters.weights)
        return np.concatenate(parts)

    def idle(self, z: np.ndarray) -> np.ndarray:
        return block_diag(self.of_chain.idle(z[: self.n_chain]), self.of_weights.idle(z[self.n_chain :]))

    def gradient(self, z: np.ndarray, parameters: MixtureParameters, statistics: MixtureCounts) -> np.ndarray:
        n = self.n_chain
        parts = (
            self.of_chain.gradient(z[:n], parameters.chain, statistics.chain),
            self.of_weights.gradient(z[n:], parameters.weights, statistics.pairs),
        )
        return np.concatenate(parts)
