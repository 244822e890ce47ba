"""Families whose statistics are sums over rows, whatever the parameters: a prior about the data is a row more.

With prior="data" each component has, besides its own rows, one that is the average of the data's: for rates λ_j the
gamma density λ_j^(m_j) exp(−λ_j) with m_j the mean of feature j, for probabilities the beta density
p_j^(m_j) (1 − p_j)^(1 − m_j), and for categories Dirichlet's Π_l p_jl^(m_jl) with m_jl the frequencies of the levels.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from skmix.families.base import ExponentialFamily, Family, Penalty
from skmix.likelihood.units import Units


class PseudoRowFamily(ExponentialFamily):
    """A family whose conjugate prior is a pseudo-row: M-step, gradient and log-density are those of the rows.

    Parameters
    ----------
    average : object, optional
        The statistics of one average row, for one component; None for maximum likelihood.
    """

    def __init__(self, average: Any = None):
        self.average = average

    @abstractmethod
    def average_of(self, X: np.ndarray, weight: np.ndarray | None) -> Any:
        """The statistics of the average of the rows `X`, for one component: of observed entries."""

    @classmethod
    def for_rows(
        cls, X: np.ndarray, weight: np.ndarray | None, units: Units, n_components: int, penalty: Penalty
    ) -> Family:
        return cls().informed(X, weight, penalty)

    def informed(self, X: np.ndarray, weight: np.ndarray | None, penalty: Penalty) -> Any:
        """The same family with its pseudo-row, if the penalty asks for one."""
        if penalty.prior is not None:
            self.average = self.average_of(X, weight)
        return self

    def penalise(self, statistics: Any, parameters: Any) -> Any:
        return statistics if self.average is None else statistics + self.average

    def log_prior(self, parameters: Any) -> float:
        return 0.0 if self.average is None else self.expected_log_density(self.average, parameters)


def observed_means(X: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Of each column the mean of the observed entries, and 1 if there are any, else 0; (1, d) each."""
    weight = np.ones(len(X)) if weight is None else weight
    total = weight @ ~np.isnan(X)
    means = weight @ np.nan_to_num(X) / np.where(total > 0, total, 1.0)
    return means[np.newaxis], (total > 0).astype(np.float64)[np.newaxis]
