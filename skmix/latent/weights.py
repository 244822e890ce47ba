"""Independent labels: the latent structure of a mixture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from skmix.families.base import LEAST_SHARE, Additive, Coordinates, ExplicitChart
from skmix.families.simplex import Simplexes, SoftmaxChart

_LEAST_WEIGHT = 1e-10  # where bounds, not coordinates, keep weights positive
_APART = 1e4  # nats that an excluded component is below the others
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
    structure : Simplexes, optional
        Which weights are free, and what the others are; None where all are free.
    """

    independent = True  # no label tells of another
    may_empty = False  # whether components without rows are what the prior is there for

    def __init__(self, prior: float = 0.0, structure: Simplexes | None = None):
        self.prior, self.structure = prior, structure

    def reference(self, n_components: int) -> np.ndarray:
        """Equal weights, as far as they are free."""
        return np.full(n_components, 1.0 / n_components) if self.structure is None else self.structure.even()

    def conform(self, weights: np.ndarray) -> np.ndarray:
        """The weights with the structure imposed on them."""
        return weights if self.structure is None else self.structure.m_step(weights, weights)

    def leave_room(self, weights: np.ndarray) -> np.ndarray:
        """The weights of a start, none of them where a solver could not leave it."""
        return weights

    def offset(self, weights: np.ndarray) -> np.ndarray:
        """Log-weights (K,), −inf for a component of weight 0, added to the log-densities by the kernel."""
        with np.errstate(divide="ignore"):
            return np.log(weights)

    def confine(self, log_joint: np.ndarray, excluded: np.ndarray) -> None:
        """Take from rows, in place, the components that their known labels rule out; both are (K, n).

        What is left to them is finite, as −inf means a component of weight 0, and far below rounding.
        """
        best = np.where(excluded, -np.inf, log_joint).max(axis=0)
        np.minimum(log_joint, best - (_APART + np.abs(best)), out=log_joint, where=excluded)

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
        if self.structure is not None:
            return self.structure.m_step(counts, weights)
        return counts / counts.sum()

    def chart(self, name: str, weights: np.ndarray, statistics: LabelCounts) -> Coordinates:
        """The component frame, or else plain softmax; weights of 0 stay."""
        return WeightChart(self._free(weights > 0), weights, np.ones(1), whitened=name == "frame")

    def _free(self, positive: np.ndarray) -> Simplexes:
        """Which weights can change, of those that are positive."""
        if self.structure is None:
            return Simplexes.of(positive)
        return Simplexes(Simplexes.of(self.structure.free & positive).group, self.structure.constant)

    def explicit(self, weights: np.ndarray) -> ExplicitChart:
        """The weights as they are, for solvers that take constraints."""
        return ExplicitWeights(weights, self._free(np.ones(len(weights), dtype=bool)))

    def log_prior(self, weights: np.ndarray) -> float:
        """Log prior density up to a constant, in nats (total)."""
        return self.prior * float(np.log(weights[weights > 0]).sum())

    def n_parameters(self, n_components: int) -> int:
        return n_components - 1 if self.structure is None else self.structure.n_parameters


class WeightChart(SoftmaxChart):
    """Softmax coordinates of the weights."""

    def gradient(self, z: np.ndarray, parameters: np.ndarray, statistics: LabelCounts) -> np.ndarray:
        return super().gradient(z, parameters, statistics.counts)


class ExplicitWeights(ExplicitChart):
    """The weights as they are; the objective depends on their ratios alone, so that it is defined off the simplex."""

    def __init__(self, weights: np.ndarray, simplexes: Simplexes):
        self.simplexes, free = simplexes, simplexes.free
        self.start = np.where(free, np.maximum(weights, _LEAST_WEIGHT), weights)
        self.least = np.where(free, _LEAST_WEIGHT, weights)
        self.most = np.where(free, np.inf, weights)

    def _inside(self, z: np.ndarray) -> np.ndarray:
        return np.where(self.simplexes.free, np.where(z.real < _LEAST_WEIGHT, _LEAST_WEIGHT, z), 0.0)

    def parameters(self, z: np.ndarray) -> np.ndarray:
        return self.simplexes.share(self._inside(z), self.start)

    def coordinates(self, parameters: np.ndarray) -> np.ndarray:
        return parameters

    def idle(self, z: np.ndarray) -> np.ndarray:
        free = np.where(self.simplexes.free, z, 0.0)
        return (free / np.linalg.norm(free))[:, np.newaxis] if free.any() else np.zeros((len(z), 0))

    def sizes(self, statistics: LabelCounts) -> np.ndarray:
        return np.sqrt(np.maximum(self.start, LEAST_SHARE))

    def gradient(self, z: np.ndarray, parameters: np.ndarray, statistics: LabelCounts) -> np.ndarray:
        free, inside = self.simplexes.free, self._inside(z)
        counts, total = np.where(free, statistics.counts, 0.0), inside.sum() if free.any() else 1.0
        return counts / np.where(free, inside, 1.0) - np.where(free, counts.sum() / total, 0.0)


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
