"""Independent labels: the latent structure of a mixture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from skmix.families.base import LEAST_SHARE, Additive, Coordinates, ExplicitChart
from skmix.families.simplex import Simplexes, SoftmaxChart

_LEAST_WEIGHT = 1e-10  # where bounds, not coordinates, keep weights positive
_LEAST_EXPONENT = {"float64": -700.0, "float32": -80.0}


@dataclass
class LabelCounts(Additive):
    """Expected numbers of rows of each component, shape (K,)."""

    counts: np.ndarray


class Weights:
    """Labels drawn independently with probabilities w, the mixture's weights; parameters are the array w (K,).

    Parameters
    ----------
    prior : float
        Pseudo-count of a Dirichlet prior (its concentrations less 1), 0 for maximum likelihood. A weight of 0 stays.
    """

    independent = True  # no label tells of another

    def __init__(self, prior: float = 0.0):
        self.prior = prior

    def reference(self, n_components: int) -> np.ndarray:
        """Equal weights."""
        return np.full(n_components, 1.0 / n_components)

    def conform(self, weights: np.ndarray) -> np.ndarray:
        """The weights with the structure imposed on them: there is none."""
        return weights

    def leave_room(self, weights: np.ndarray) -> np.ndarray:
        """The weights of a start, none of them where a solver could not leave it."""
        return weights

    def offset(self, weights: np.ndarray) -> np.ndarray:
        """Log-weights (K,), −inf for a component of weight 0, added to the log-densities by the kernel."""
        with np.errstate(divide="ignore"):
            return np.log(weights)

    def posterior(self, log_joint: np.ndarray, weight: np.ndarray | None) -> tuple[float, LabelCounts]:
        """Turn log p(x_n, k) of shape (K, n), in place, into weighted responsibilities.

        Returns
        -------
        log_likelihood : float
            Σ_n w_n log p(x_n), in nats.
        counts : LabelCounts
            Σ_n w_n r_nk.
        """
        log_density = normalise(log_joint)
        if weight is None:
            total = float(log_density.sum(dtype=np.float64))
        else:
            total = float(weight @ log_density.astype(np.float64, copy=False))
            log_joint *= weight.astype(log_joint.dtype, copy=False)
        return total, self.count(log_joint)

    def posterior_along(self, log_joint: np.ndarray, slope: np.ndarray, weight: np.ndarray | None) -> LabelCounts:
        """Turn `log_joint` into weighted responsibilities, `slope`, its derivative, into theirs; both in place."""
        normalise(log_joint)
        slope -= np.einsum("kn,kn->n", log_joint, slope)
        slope *= log_joint
        if weight is not None:
            weight = weight.astype(log_joint.dtype, copy=False)
            log_joint *= weight
            slope *= weight
        return self.count(slope)

    def expected_log_prior(self, statistics: LabelCounts, weights: np.ndarray) -> float:
        """Expected log-probability of the labels, nats."""
        return float(np.sum(xlogy(statistics.counts, weights)))

    def count(self, R: np.ndarray) -> LabelCounts:
        """Statistics of given responsibilities of shape (K, n)."""
        return LabelCounts(R.sum(axis=1, dtype=np.float64))

    def penalise(self, statistics: LabelCounts, weights: np.ndarray) -> LabelCounts:
        """Add the prior's pseudo-counts."""
        return LabelCounts(statistics.counts + np.where(weights > 0, self.prior, 0.0))

    def m_step(self, statistics: LabelCounts, weights: np.ndarray) -> np.ndarray:
        counts = np.maximum(statistics.counts, 0.0)  # sums from which old parts were taken may be negative by rounding
        return counts / counts.sum()

    def chart(self, name: str, weights: np.ndarray, statistics: LabelCounts) -> Coordinates:
        """The component frame, or else plain softmax; weights of 0 stay."""
        return WeightChart(Simplexes.of(weights > 0), weights, np.ones(1), whitened=name == "frame")

    def explicit(self, weights: np.ndarray) -> ExplicitChart:
        """The weights as they are, for solvers that take constraints."""
        return ExplicitWeights(weights)

    def log_prior(self, weights: np.ndarray) -> float:
        """Log prior density up to a constant, in nats (total)."""
        return self.prior * float(np.log(weights[weights > 0]).sum())

    def n_parameters(self, n_components: int) -> int:
        return n_components - 1


class WeightChart(SoftmaxChart):
    """Softmax coordinates of the weights."""

    def gradient(self, z: np.ndarray, parameters: np.ndarray, statistics: LabelCounts) -> np.ndarray:
        return super().gradient(z, parameters, statistics.counts)


class ExplicitWeights(ExplicitChart):
    """The weights as they are; the objective depends on their ratios alone, so that it is defined off the simplex."""

    def __init__(self, weights: np.ndarray):
        self.start = np.maximum(weights, _LEAST_WEIGHT)
        self.least = np.full_like(weights, _LEAST_WEIGHT)

    def parameters(self, z: np.ndarray) -> np.ndarray:
        weights = np.where(z.real < _LEAST_WEIGHT, _LEAST_WEIGHT, z)
        return weights / weights.sum()

    def coordinates(self, parameters: np.ndarray) -> np.ndarray:
        return parameters

    def idle(self, z: np.ndarray) -> np.ndarray:
        return (z / np.linalg.norm(z))[:, np.newaxis]

    def sizes(self, statistics: LabelCounts) -> np.ndarray:
        return np.sqrt(np.maximum(self.start, LEAST_SHARE))

    def gradient(self, z: np.ndarray, parameters: np.ndarray, statistics: LabelCounts) -> np.ndarray:
        return (statistics.counts / parameters - statistics.counts.sum()) / z.sum()


def normalise(log_joint: np.ndarray) -> np.ndarray:
    """Turn log p(x, k) of shape (K, n), in place, into responsibilities; return log p(x) of shape (n,)."""
    dead = np.isneginf(log_joint[:, 0])  # components of weight 0
    largest = log_joint.max(axis=0)
    log_joint -= largest
    # Below, exp() gives subnormal numbers, which slow the products down and add nothing.
    np.maximum(log_joint, _LEAST_EXPONENT[log_joint.dtype.name], out=log_joint)
    np.exp(log_joint, out=log_joint)
    if dead.any():
        log_joint[dead] = 0.0
    total = log_joint.sum(axis=0)
    log_joint *= 1.0 / total
    np.log(total, out=total)
    total += largest
    return total
