"""A distribution over the weights in place of the weights themselves: variational Bayes' latent structures.

The posterior of the weights is a function of the expected numbers of rows N (K,), so N is what is held as parameters:
any non-negative numbers are valid, whichever the prior, and the M-step is N itself.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from scipy.special import betaln, digamma, gammaln, polygamma

from skmix.families.base import LARGEST_EXPONENT, LEAST_SHARE, Coordinates
from skmix.latent.weights import LabelCounts, Weights


class VariationalWeights(Weights):
    """Labels drawn independently with weights that are themselves uncertain; parameters are the counts N (K,).

    Parameters
    ----------
    concentration : float
        The prior's concentration.
    """

    def __init__(self, concentration: float):
        super().__init__()  # the prior is no number of pseudo-rows
        self.concentration = float(concentration)

    @abstractmethod
    def offset(self, weights: np.ndarray) -> np.ndarray:
        """Expected log-weights (K,), nats."""

    @abstractmethod
    def log_prior(self, weights: np.ndarray) -> float:
        """Minus the divergence of the weights' posterior from their prior, −KL(q‖p), in nats (total)."""

    @abstractmethod
    def evidence_constant(self, n_components: int) -> float:
        """The terms of the bound, in nats, that depend on the prior alone."""

    @abstractmethod
    def publish(self, counts: np.ndarray) -> Any:
        """The posterior's parameters as users see them."""

    @abstractmethod
    def adopt(self, public: Any) -> np.ndarray:
        """The inverse of `publish`."""

    @abstractmethod
    def mean(self, counts: np.ndarray) -> np.ndarray:
        """Expected weights (K,), which sum to 1."""

    @property
    @abstractmethod
    def least(self) -> float:
        """What the prior adds to each count."""

    @abstractmethod
    def information(self, counts: np.ndarray) -> np.ndarray:
        """About how fast the posterior changes with each count: −d²/dN_k² of the bound at its maximum, shape (K,)."""

    def expected_log_prior(self, statistics: LabelCounts, weights: np.ndarray) -> float:
        return float(statistics.counts @ self.offset(weights))

    def m_step(self, statistics: LabelCounts, weights: np.ndarray) -> np.ndarray:
        return statistics.counts.copy()

    def chart(self, name: str, weights: np.ndarray, statistics: LabelCounts) -> Coordinates:
        information = (self.least + weights) ** 2 * self.information(weights)
        return CountChart(weights, self.least, information / statistics.counts.sum())


class DirichletWeights(VariationalWeights):
    """Weights with a symmetric Dirichlet prior: the posterior is Dirichlet with α_k = α₀ + N_k.

    References
    ----------
    Attias, H. (2000). A variational Bayesian framework for graphical models. NeurIPS 12, 209–215.
    """

    @property
    def least(self) -> float:
        return self.concentration

    def information(self, counts: np.ndarray) -> np.ndarray:
        return polygamma(1, self.publish(counts))

    def offset(self, weights: np.ndarray) -> np.ndarray:
        alpha = self.publish(weights)
        return digamma(alpha) - digamma(alpha.sum())

    def log_prior(self, weights: np.ndarray) -> float:
        alpha = self.publish(weights)
        posterior = gammaln(alpha).sum() - gammaln(alpha.sum()) - weights @ self.offset(weights)
        return float(posterior + self.evidence_constant(len(alpha)))

    def evidence_constant(self, n_components: int) -> float:
        return float(gammaln(n_components * self.concentration) - n_components * gammaln(self.concentration))

    def publish(self, counts: np.ndarray) -> np.ndarray:
        return self.concentration + counts

    def adopt(self, public: np.ndarray) -> np.ndarray:
        return np.maximum(np.asarray(public, dtype=np.float64) - self.concentration, 0.0)

    def mean(self, counts: np.ndarray) -> np.ndarray:
        alpha = self.publish(counts)
        return alpha / alpha.sum()


class StickBreakingWeights(VariationalWeights):
    """Weights of a Dirichlet process, π_k = v_k Π_{j<k} (1 − v_j) with v_k ~ Beta(1, γ), of which K sticks are broken.

    The posterior of v_k is Beta(1 + N_k, γ + Σ_{j>k} N_j); what the last stick leaves over goes to components that no
    row can have.

    References
    ----------
    Blei, D. M. and Jordan, M. I. (2006). Variational inference for Dirichlet process mixtures. Bayesian Analysis 1,
    121–143. doi:10.1214/06-BA104
    """

    @property
    def least(self) -> float:
        return 1.0

    def information(self, counts: np.ndarray) -> np.ndarray:
        a, b = self.publish(counts)
        of_earlier_sticks = np.cumsum(polygamma(1, b) - polygamma(1, a + b))
        return polygamma(1, a) + np.concatenate([[0.0], of_earlier_sticks[:-1]])

    def offset(self, weights: np.ndarray) -> np.ndarray:
        broken, rest = self._expected_logs(weights)
        return broken + np.concatenate([[0.0], np.cumsum(rest)[:-1]])

    def _expected_logs(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """E log v and E log(1 − v) of each stick."""
        a, b = self.publish(counts)
        return digamma(a) - digamma(a + b), digamma(b) - digamma(a + b)

    def log_prior(self, weights: np.ndarray) -> float:
        a, b = self.publish(weights)
        broken, rest = self._expected_logs(weights)
        posterior = betaln(a, b).sum() - weights @ broken - (b - self.concentration) @ rest
        return float(posterior + self.evidence_constant(len(a)))

    def evidence_constant(self, n_components: int) -> float:
        return float(-n_components * betaln(1.0, self.concentration))

    def publish(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        later = np.cumsum(counts[::-1])[::-1]
        return 1.0 + counts, self.concentration + np.concatenate([later[1:], [0.0]])

    def adopt(self, public: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.maximum(np.asarray(public[0], dtype=np.float64) - 1.0, 0.0)

    def mean(self, counts: np.ndarray) -> np.ndarray:
        a, b = self.publish(counts)
        left = np.concatenate([[1.0], np.cumprod(b / (a + b))[:-1]])
        weights = a / (a + b) * left
        return weights / weights.sum()


WEIGHT_PRIORS: dict[str, type[VariationalWeights]] = {
    "dirichlet_process": StickBreakingWeights,
    "dirichlet_distribution": DirichletWeights,
}


class CountChart(Coordinates):
    """log(c + N) = log(c + N₀) + z/√m, with c what the prior adds to each count and m the information, per row.

    A z that would make a count negative gives a count of 0: the boundary, where components without rows are.
    """

    analytic = False

    def __init__(self, counts: np.ndarray, least: float, information: np.ndarray):
        self.least, self.log_counts = least, np.log(least + counts)
        self.root = np.sqrt(np.maximum(information, LEAST_SHARE))
        self.start = np.zeros(len(counts))

    def parameters(self, z: np.ndarray) -> np.ndarray:
        return np.maximum(np.exp(np.minimum(self.log_counts + z / self.root, LARGEST_EXPONENT)) - self.least, 0.0)

    def coordinates(self, parameters: np.ndarray) -> np.ndarray:
        return self.root * (np.log(self.least + parameters) - self.log_counts)
