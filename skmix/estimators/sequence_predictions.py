"""What predictions of a hidden Markov model are made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from skmix.latent import recursion
from skmix.latent.chain import ChainParameters
from skmix.likelihood.chained import ChainObjective
from skmix.likelihood.model import Parameters
from skmix.likelihood.sequences import Sequences


class Forecast(NamedTuple):
    """Distributions of states and observations after the end of each sequence.

    Parameters
    ----------
    states : ndarray of shape (n_sequences, steps, n_components)
        Probabilities of the states.
    mean : ndarray of shape (n_sequences, steps, n_features)
        Expected observations.
    variance : ndarray of shape (n_sequences, steps, n_features)
        Their variances, that between states included.
    """

    states: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, states: np.ndarray, means: np.ndarray, variances: np.ndarray) -> Forecast:
        """What probabilities of states make of the moments (K, d) of the observations in each state."""
        mean = states @ means
        variance = states @ variances
        for k, centre in enumerate(means):  # not as E x² − (E x)², which loses the digits of means far from 0
            variance += states[..., k, np.newaxis] * np.square(centre - mean)
        return cls(states, mean, variance)


class Look(NamedTuple):
    """Rows to be predicted, each sequence in one piece, and their emission log-densities.

    Attributes
    ----------
    objective : ChainObjective
    parameters : Parameters
    emissions : ndarray of shape (n_samples, n_family_components)
        Log-densities of the family's components, nats.
    order : ndarray of shape (n_samples,) or None
        Where the rows come from; None where they have not been moved.
    """

    objective: ChainObjective
    parameters: Parameters
    emissions: np.ndarray
    order: np.ndarray | None

    @property
    def sequences(self) -> Sequences:
        return self.objective.sequences

    @property
    def chain(self) -> ChainParameters:
        return self.objective.model.latent.chain_of(self.parameters.latent)

    def states(self) -> np.ndarray:
        """Emission log-densities of the states, (n, K), to be overwritten."""
        return self.objective.model.latent.states(self.parameters.latent, self.emissions).copy()

    def smooth(self) -> np.ndarray:
        """Smoothed probabilities of the states."""
        x, threads = self.states(), self.objective.threads
        with threads.open():
            recursion.smooth(self.chain, x, self.sequences, threads)
        return x

    def filter(self) -> tuple[np.ndarray, np.ndarray]:
        """Filtered probabilities of the states, and predictive log-densities."""
        x, threads = self.states(), self.objective.threads
        with threads.open():
            return recursion.filter(self.chain, x, self.sequences, threads)

    def most_probable_path(self) -> tuple[np.ndarray, np.ndarray]:
        """The most probable path, and log p(path, rows) of each sequence."""
        x, threads = self.states(), self.objective.threads
        with threads.open():
            return recursion.viterbi(self.chain, x, self.sequences, threads)

    def components(self) -> np.ndarray:
        """Smoothed probabilities of the family's components, (n, n_family_components)."""
        return self.objective.model.latent.components(self.parameters.latent, self.emissions, self.smooth())

    def entropy(self, sequences: Sequences) -> float:
        """Entropy of the paths of the states given the rows, Σ_s w_s H(path of s), by the weights of `sequences`.

        It is log p(rows) − E log p(rows, path), and the chain's part of the expectation needs only the counts.
        """
        emissions, threads, x = self.states(), self.objective.threads, self.states()
        with threads.open():
            log_likelihood, counts = recursion.smooth(self.chain, x, sequences, threads)
        chain = np.vstack([self.chain.start, self.chain.transitions])
        of_rows = np.einsum("nk,nk->", x, np.where(x > 0, emissions, 0.0))
        return max(0.0, float(log_likelihood - of_rows - xlogy(counts, chain).sum()))

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Values of the rows in the order in which they came."""
        if self.order is None:
            return values
        restored = np.empty_like(values)
        restored[self.order] = values
        return restored
