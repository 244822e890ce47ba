"""Partitions of rows into clusters, judged by what densities of the clusters make of them; rows alone, no objective."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

_FLAT = 1e-10  # part of the rows' variance below which a direction is none
_LEAST_SCALE = 0.2  # of a direction in which the rows look Gaussian
_LLOYD_STEPS = 30
_PAIRS = 1 << 21  # numbers in the moments of pairs that are formed at a time


def moments(Z: np.ndarray, weight: np.ndarray, labels: np.ndarray, n_clusters: int) -> np.ndarray:
    """Weighted sums of (1, z) (1, z)ᵀ over the rows (n, d) of each cluster, (m, d + 1, d + 1): unions add."""
    order = np.argsort(labels, kind="stable")
    edges = np.searchsorted(labels[order], np.arange(n_clusters + 1))
    lifted = np.column_stack([np.ones(len(Z)), Z])[order]
    weighted = lifted * weight[order, np.newaxis]
    return np.array([weighted[a:b].T @ lifted[a:b] for a, b in pairwise(edges)])


def diagonal(covariance: np.ndarray) -> np.ndarray:
    """Covariance matrices (m, d, d) without what is off the diagonal."""
    return covariance * np.eye(covariance.shape[-1])


def spherical(covariance: np.ndarray) -> np.ndarray:
    """Covariance matrices (m, d, d) with the mean variance in all directions."""
    d = covariance.shape[-1]
    return (np.trace(covariance, axis1=1, axis2=2) / d)[:, np.newaxis, np.newaxis] * np.eye(d)


@lru_cache(maxsize=64)
def _prior(n_clusters: int, d: int) -> np.ndarray:
    """What the prior adds to the moments of a cluster, (d + 1, d + 1)."""
    return np.diag(np.r_[1e-300, np.full(d, n_clusters ** (-2.0 / d))])  # no cluster is quite empty


class Criterion(NamedTuple):
    """What a partition costs: −2 × its classification log-likelihood, nats, with a Gaussian for each cluster.

    Attributes
    ----------
    n_clusters : int
        Of how many clusters; small ones are drawn towards rows with covariance n_clusters^(−2/d) I, Fraley and
        Raftery's prior (2007, J. Classif. 24, 155–181, doi:10.1007/s00357-007-0004-5).
    restrict : callable, optional
        Brings covariance matrices (m, d, d) into the shape that components have.
    """

    n_clusters: int
    restrict: Callable[[np.ndarray], np.ndarray] | None = None

    def __call__(self, sums: np.ndarray) -> np.ndarray:
        """The cost of each cluster, (m,), from its moments."""
        weight, d = np.maximum(sums[:, 0, 0], 1e-300), sums.shape[1] - 1
        if self.restrict is None:  # |(w, wμᵀ; wμ, S + Λ)| = w |scatter + Λ|
            log_determinant = np.linalg.slogdet(sums + _prior(self.n_clusters, d))[1] - np.log(weight)
            return sums[:, 0, 0] * (log_determinant - d * np.log(weight + 2 * d + 4) - 2 * np.log(weight))
        log_determinant = np.linalg.slogdet(self.covariances(sums))[1]
        return sums[:, 0, 0] * (log_determinant - 2 * np.log(weight))

    def covariances(self, sums: np.ndarray) -> np.ndarray:
        """The covariance matrix of each cluster, (m, d, d)."""
        weight, d = sums[:, :1, :1], sums.shape[1] - 1
        mean = sums[:, 1:, :1] / np.maximum(weight, 1e-300)
        scatter = (sums + _prior(self.n_clusters, d))[:, 1:, 1:] - mean * sums[:, :1, 1:]
        covariance = scatter / (weight + 2 * d + 4)
        return covariance if self.restrict is None else self.restrict(covariance)

    def of_labels(self, Z: np.ndarray, weight: np.ndarray, labels: np.ndarray) -> float:
        """The cost of a whole partition."""
        return float(self(moments(Z, weight, labels, self.n_clusters)).sum())

    def degenerate(self, Z: np.ndarray, weight: np.ndarray, labels: np.ndarray) -> bool:
        """Whether the rows of some cluster do not vary in some direction, so that its density would be infinite."""
        sums = moments(Z, weight, labels, self.n_clusters)
        present, mean = np.maximum(sums[:, :1, :1], 1e-300), sums[:, 1:, :1] / np.maximum(sums[:, :1, :1], 1e-300)
        covariance = sums[:, 1:, 1:] / present - mean * mean.swapaxes(1, 2)
        covariance = covariance if self.restrict is None else self.restrict(covariance)
        return bool(np.linalg.eigvalsh(covariance).min() < _FLAT)

    def refined(self, Z: np.ndarray, weight: np.ndarray, labels: np.ndarray, n_steps: int) -> np.ndarray:
        """Labels (n,) after steps that move each row to the cluster where it is most probable.

        References
        ----------
        Celeux, G. and Govaert, G. (1992). A classification EM algorithm for clustering and two stochastic versions.
        Comput. Statist. Data Anal. 14, 315–332. doi:10.1016/0167-9473(92)90042-E
        """
        for _ in range(n_steps):
            sums = moments(Z, weight, labels, self.n_clusters)
            present = np.maximum(sums[:, 0, 0], 1e-300)
            factor = np.linalg.cholesky(self.covariances(sums))
            apart = Z.T - sums[:, 1:, :1] / present[:, np.newaxis, np.newaxis]
            distance = np.square(np.linalg.solve(factor, apart)).sum(axis=1)
            volume = 2 * np.log(np.einsum("mii->mi", factor)).sum(axis=1) - 2 * np.log(present)
            before, labels = labels, (distance + volume[:, np.newaxis]).argmin(axis=0)
            if np.array_equal(before, labels):
                break
        return labels


# ---- coordinates ----------------------------------------------------------------------------------------------------
def sphered(Z: np.ndarray, weight: np.ndarray, part: float = 1.0) -> np.ndarray:
    """Rows on their principal axes, with mean 0 and covariance I, in as many coordinates as they vary in.

    With `part` 1/2 variances become standard deviations, not 1: halfway, as Scrucca, L. and Raftery, A. E. (2015),
    Adv. Data Anal. Classif. 9, 447–460, doi:10.1007/s11634-015-0220-z, do before they merge clusters.
    """
    centred = Z - weight @ Z / weight.sum()
    variances, vectors = np.linalg.eigh((centred * weight[:, np.newaxis]).T @ centred / weight.sum())
    kept = variances > _FLAT * max(variances[-1], 0.0)
    return centred @ (vectors[:, kept] / variances[kept] ** (part / 2))


def invariant(Z: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Invariant coordinates, those in which the rows look least Gaussian the longest.

    Sphered rows on the axes of their fourth moments (Tyler, D. E., Critchley, F., Dümbgen, L. and Oja, H. (2009),
    J. R. Statist. Soc. B 71, 549–592, doi:10.1111/j.1467-9868.2009.00706.x), in which clusters of one shape differ as
    in discriminant coordinates; each scaled by its excess of kurtosis, squared, between 0.2 and 1.
    """
    Y = sphered(Z, weight)
    square = weight * np.square(Y).sum(axis=1)
    T = Y @ np.linalg.eigh((Y * square[:, np.newaxis]).T @ Y)[1]
    excess = weight @ T**4 / weight.sum() - 3.0
    return T * np.clip(excess**2, _LEAST_SCALE, 1.0)


# ---- partitions -----------------------------------------------------------------------------------------------------
def nearest(Z: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest centre of each row, (n,)."""
    return (np.square(centres).sum(axis=1) - 2.0 * Z @ centres.T).argmin(axis=1)


def small_clusters(Z: np.ndarray, weight: np.ndarray, n_clusters: int, rng: np.random.RandomState) -> np.ndarray:
    """Labels (n,) of k-means from rows that lie far from each other, of some drawn at random."""
    n_drawn = min(3 * n_clusters, len(Z))
    drawn = Z[rng.choice(len(Z), n_drawn, replace=False, p=weight / weight.sum())]
    square = np.square(drawn[:, np.newaxis] - drawn).sum(axis=2)
    chosen, apart = [0], square[0]
    for _ in range(min(n_clusters, n_drawn) - 1):
        chosen.append(int(apart.argmax()))
        apart = np.minimum(apart, square[chosen[-1]])
    return lloyd(Z, weight, drawn[chosen])


def _draw(measure: np.ndarray, n_draws: int, rng: np.random.RandomState) -> np.ndarray:
    """Indices drawn with probability proportional to `measure`."""
    reach = np.cumsum(measure)
    return np.minimum(np.searchsorted(reach, rng.uniform(size=n_draws) * reach[-1], side="right"), len(measure) - 1)


def seeds(
    Z: np.ndarray, weight: np.ndarray, n_clusters: int, rng: np.random.RandomState, *, scaled: bool = False
) -> np.ndarray:
    """Rows (K, d) to begin from: k-means++ that looks ahead.

    Of a few rows drawn with probability proportional to the squared distance from the seeds so far, that one becomes a
    seed whose clusters have the highest classification likelihood, each with a weight and a variance of its own
    (`scaled`: all with variance 1). Then each seed is taken away once and chosen anew, itself among the candidates.

    References
    ----------
    Arthur, D. and Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. Proc. 18th ACM–SIAM Symp. on
    Discrete Algorithms, 1027–1035.
    Carrière, M. and Cazals, F. (2025). arXiv:2506.21291.
    """
    square = np.full((n_clusters, len(Z)), np.inf)
    chosen = np.full(n_clusters, -1)
    n_draws = 2 + int(np.log(n_clusters))
    for k in (*range(n_clusters), *range(n_clusters)):
        square[k] = np.inf
        others = square.min(axis=0)
        measure = weight if np.isinf(others[0]) else others * weight
        candidates = _draw(measure, n_draws, rng)
        candidates = candidates if chosen[k] < 0 else np.append(candidates, chosen[k])
        labels = square.argmin(axis=0)
        squares = np.square(Z - Z[candidates][:, np.newaxis]).sum(axis=2)
        costs = [_cost(Z, weight, np.where(own < others, k, labels), n_clusters, scaled) for own in squares]
        best = int(np.argmin(costs))
        chosen[k], square[k] = candidates[best], squares[best]
    return Z[chosen]


def _cost(Z: np.ndarray, weight: np.ndarray, labels: np.ndarray, n_clusters: int, scaled: bool) -> float:
    """The cost of a partition into spherical clusters, as `Criterion` has it, from sums alone."""
    member = (labels == np.arange(n_clusters)[:, np.newaxis]) * weight
    total, d = member.sum(axis=1), Z.shape[1]
    present = np.maximum(total, 1e-300)
    scatter = np.maximum(member @ np.square(Z).sum(axis=1) - np.square(member @ Z).sum(axis=1) / present, 0.0)
    if scaled:
        return float(scatter.sum())
    variance = (scatter / d + n_clusters ** (-2.0 / d)) / (total + 2 * d + 4)
    return float(total @ (d * np.log(variance) - 2 * np.log(present)))


def lloyd(Z: np.ndarray, weight: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Labels (n,) that k-means makes of centres to begin from; a cluster without rows keeps its centre."""
    labels = nearest(Z, centres)
    for _ in range(_LLOYD_STEPS):
        member = (labels == np.arange(len(centres))[:, np.newaxis]) * weight
        total = member.sum(axis=1, keepdims=True)
        centres = np.where(total > 0, member @ Z / np.maximum(total, 1e-300), centres)
        before, labels = labels, nearest(Z, centres)
        if np.array_equal(before, labels):
            break
    return labels


def agglomerate(sums: np.ndarray, n_clusters: int, criterion: Criterion) -> np.ndarray:
    """Merge clusters, at each step the two that raise the cost least: which of `n_clusters` each ends in, (m,).

    Parameters
    ----------
    sums : ndarray of shape (m, d + 1, d + 1)
        The moments of the clusters to begin with.
    n_clusters : int
    criterion : Criterion

    References
    ----------
    Banfield, J. D. and Raftery, A. E. (1993). Model-based Gaussian and non-Gaussian clustering. Biometrics 49, 803–821.
    doi:10.2307/2532201
    """
    m, sums, own, parent = len(sums), sums.copy(), criterion(sums), np.arange(len(sums))
    alive = sums[:, 0, 0] > 0
    rise = np.full((m, m), np.inf)
    i, j = np.nonzero(np.triu(np.outer(alive, alive), 1))
    for chunk in np.array_split(np.arange(len(i)), 1 + len(i) * sums[0].size // _PAIRS):
        first, second = i[chunk], j[chunk]
        more = criterion(sums[first] + sums[second]) - own[first] - own[second]
        rise[first, second] = rise[second, first] = more
    for _ in range(int(alive.sum()) - n_clusters):
        a, b = sorted(divmod(int(rise.argmin()), m))
        own[a] += own[b] + rise[a, b]
        sums[a] += sums[b]
        parent[parent == b] = a
        alive[b] = False
        cost = np.where(alive, criterion(sums + sums[a]) - own - own[a], np.inf)
        cost[a] = np.inf
        rise[a] = rise[:, a] = cost
        rise[b] = rise[:, b] = np.inf
    return np.searchsorted(np.flatnonzero(alive), parent)


def ward(Z: np.ndarray, weight: np.ndarray, n_clusters: int) -> np.ndarray:
    """Labels (n,) of Ward's hierarchy of weighted rows, cut at `n_clusters`; by chains of nearest neighbours.

    References
    ----------
    Murtagh, F. (1983). A survey of recent advances in hierarchical clustering algorithms. The Computer Journal 26,
    354–359. doi:10.1093/comjnl/26.4.354
    """
    centres, size, parent = Z.T.copy(), weight.astype(np.float64), np.arange(len(Z))
    mergers: list[tuple[float, int, int]] = []
    chain: list[int] = []
    while len(mergers) < len(Z) - 1:
        i = chain[-1] if chain else int((size > 0).argmax())
        chain = chain or [i]
        rise = np.square(centres - centres[:, [i]]).sum(axis=0) * (size * (size[i] / (size + size[i])))
        rise[size == 0] = rise[i] = np.inf  # merged already, and itself
        j = int(rise.argmin())
        if len(chain) == 1 or rise[chain[-2]] > rise[j]:
            chain.append(j)
            continue
        j = chain[-2]  # each other's nearest
        del chain[-2:]
        mergers.append((float(rise[j]), i, j))
        centres[:, j] = (size[i] * centres[:, i] + size[j] * centres[:, j]) / (size[i] + size[j])
        size[j], size[i] = size[j] + size[i], 0.0
    for _, i, j in sorted(mergers, key=lambda merger: merger[0])[: max(0, len(Z) - n_clusters)]:
        parent[i] = j
    while not np.array_equal(parent, parent[parent]):
        parent = parent[parent]
    return np.unique(parent, return_inverse=True)[1]
