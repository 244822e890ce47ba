"""A Markov chain that starts in its stationary distribution δ, δ = δA: the start has no parameters of its own.

The expected complete-data log-likelihood Σ_i N1_i log δ_i(A) + Σ_ij C_ij log A_ij has no maximiser in closed form, but
an easy gradient: dδ = δ dA M⁻¹ with M = I − A + 11ᵀ, so that with M u = N1/δ the start adds A_ij δ_i u_j to the counts
C_ij of the transitions.

References
----------
Bulla, J. and Berzel, A. (2008). Computational issues in parameter estimation for stationary hidden Markov models.
Comput. Stat. 23, 1–18. doi:10.1007/s00180-007-0063-y
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from skmix.families.base import Chart
from skmix.families.simplex import Simplexes
from skmix.latent.chain import Chain, ChainChart, ChainCounts, ChainParameters

_INNER = 50  # most steps of an M-step
_SQUARINGS = 64
_SEVERAL = 1e14  # condition of the equations for a stationary distribution above which there is more than one


class StationaryChain(Chain):
    """States that follow each other with the probabilities A, the first drawn from A's stationary distribution.

    Parameters
    ----------
    transitions : Simplexes
        Which entries of A are free, which are tied.
    transitions_prior : ndarray of shape (K, K)
        Pseudo-counts of Dirichlet priors.
    """

    def __init__(self, transitions: Simplexes, transitions_prior: np.ndarray | float = 0.0):
        super().__init__(Simplexes(np.full(len(transitions.group), -1)), transitions, 0.0, transitions_prior)

    def conform(self, parameters: ChainParameters) -> ChainParameters:
        return self._starting(super().conform(parameters))

    def reference(self, n_components: int) -> ChainParameters:
        """All free transitions equally probable."""
        return self._starting(super().reference(n_components))

    def leave_room(self, parameters: ChainParameters) -> ChainParameters:
        return self._starting(super().leave_room(parameters))

    def stay(self, parameters: ChainParameters, probability: float) -> ChainParameters:
        return self._starting(super().stay(parameters, probability))

    def _starting(self, parameters: ChainParameters) -> ChainParameters:
        return parameters._replace(start=stationary(parameters.transitions))

    def m_step(self, statistics: ChainCounts, parameters: ChainParameters) -> ChainParameters:
        """Parameters at which the expected complete-data log-likelihood is no lower: a few steps of L-BFGS."""
        alone = self.transitions.m_step(statistics.transitions, parameters.transitions)
        begin = max(
            (parameters, ChainParameters(stationary(alone), alone)),
            key=lambda candidate: self.expected_log_prior(statistics, candidate),
        )
        chart = self.chart("frame", begin, statistics)
        total = statistics.counts.sum()

        def descend(z: np.ndarray) -> tuple[float, np.ndarray]:
            at = chart.parameters(z)
            value = self.expected_log_prior(statistics, at)
            return -value / total, -chart.gradient(z, at, statistics) / total

        found = minimize(descend, chart.start, jac=True, method="L-BFGS-B", options={"maxiter": _INNER, "ftol": 1e-15})
        return chart.parameters(found.x)

    def chart(self, name: str, parameters: ChainParameters, statistics: ChainCounts) -> Chart:
        return StationaryChart(self, name, parameters, statistics)


class StationaryChart(ChainChart):
    """A chart of the transition matrix, from which the start follows."""

    def parameters(self, z: np.ndarray) -> ChainParameters:
        A = self.of_transitions.parameters(z)
        return ChainParameters(stationary(A), A)

    def coordinates(self, parameters: ChainParameters) -> np.ndarray:
        return self.of_transitions.coordinates(parameters.transitions)

    def gradient(self, z: np.ndarray, parameters: ChainParameters, statistics: ChainCounts) -> np.ndarray:
        start, A = parameters
        possible = start.real > 0  # a state that the chain leaves for good has a δ of 0 nearby, too
        share = np.where(possible, statistics.start, 0.0) / np.where(possible, start, 1.0)
        u = np.linalg.solve(_matrix(A), share)
        counts = statistics.transitions + A * start[:, np.newaxis] * u
        return self.of_transitions.gradient(z, A, counts)


def _matrix(A: np.ndarray) -> np.ndarray:
    """M = I − A + 11ᵀ, regular where there is one stationary distribution."""
    return np.eye(len(A)) - A + 1.0


def stationary(A: np.ndarray) -> np.ndarray:
    """The stationary distribution of a transition matrix, NaN where there are several; takes complex steps."""
    M = _matrix(A)
    if np.linalg.cond(M.real) > _SEVERAL:  # rounding may hide that M is singular
        return np.nan * A[0]  # complex where A is, so that the derivative is no number either
    found = np.linalg.solve(M.T, np.ones(len(A)))
    found = np.where(found.real < 0, 0.0, found)  # by rounding, of states that the chain leaves for good
    return found / found.sum()


def long_run(start: np.ndarray, A: np.ndarray) -> np.ndarray:
    """The part of the time that a chain spends in each state in the long run, where it starts counting or not."""
    power = 0.5 * (A + np.eye(len(A)))  # the same stationary distributions, without periods
    for _ in range(_SQUARINGS):
        power = power @ power
        power /= power.sum(axis=1, keepdims=True)
    return start @ power
