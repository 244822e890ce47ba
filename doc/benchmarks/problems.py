"""Seeded data sets of known difficulty, and the parameters that every rival starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_iris

from skmix import GaussianMixture

GRID = (
    (200_000, 2, 3),
    (100_000, 5, 5),
    (100_000, 10, 10),
    (100_000, 20, 10),
    (100_000, 20, 50),
    (50_000, 50, 20),
    (20_000, 100, 10),
)
COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")

# Mahalanobis distance δ between any two components. Two of equal weight and covariance are confused at the rate
# Φ(−δ/2): 0.003 %, 7 % and 16 %. EM then needs a handful, a hundred, and some hundreds to thousands of passes.
DISTANCES = {"separated": 8.0, "moderate": 3.0, "overlapping": 2.0}
SHAPES = ((2, 3), (5, 5), (10, 5))  # (d, K) of the problems of known difficulty

_BLOCK = 4096  # rows drawn at a time, so that drawing needs no memory to speak of


class Start(NamedTuple):
    """Initial weights, means and precisions, as both estimators take them."""

    weights: np.ndarray
    means: np.ndarray
    precisions: np.ndarray


@dataclass(frozen=True)
class Problem:
    """Data and what is to be fitted to them; `start` is None where each rival makes its own."""

    X: np.ndarray
    n_components: int
    covariance_type: str = "full"
    start: Start | None = None

    def cast(self, dtype: str) -> Problem:
        """The same problem in another floating-point type."""
        start = self.start and Start(*(part.astype(dtype) for part in self.start))
        return replace(self, X=self.X.astype(dtype), start=start)

    def parameters(self) -> dict:
        """Constructor arguments by the names that both estimators share."""
        shared = {"n_components": self.n_components, "covariance_type": self.covariance_type}
        if self.start is None:
            return shared
        weights, means, precisions = self.start
        return {**shared, "weights_init": weights, "means_init": means, "precisions_init": precisions}


def grid_problem(n: int, d: int, K: int, covariance_type: str = "full", seed: int = 0) -> Problem:
    """Moderately overlapping components, and a start near the truth: what passes in mid-fit look like."""
    rng = np.random.default_rng([seed, d, K])
    means = 1.5 * rng.standard_normal((K, d))
    factors = 0.8 * np.eye(d) + 0.4 * np.tril(rng.standard_normal((K, d, d))) / np.sqrt(d)
    X = draw(n, np.full(K, 1 / K), means, factors, rng)
    covariances = factors @ factors.transpose(0, 2, 1)
    near = means + 0.1 * rng.standard_normal((K, d))
    return Problem(X, K, covariance_type, Start(np.full(K, 1 / K), near, _precisions(covariances, covariance_type)))


def mixture_problem(difficulty: str, d: int, K: int, n: int, seed: int) -> Problem:
    """Means at the corners of a regular simplex, `DISTANCES[difficulty]` apart, and covariances of determinant 1.

    Every component has its own axes, with standard deviations from 1/√2 to √2; weights rise from one component to the
    next.
    """
    rng = np.random.default_rng([seed, d, K, n])
    means = DISTANCES[difficulty] * _simplex(K, d) @ rotation(d, rng)
    deviations = np.exp(np.linspace(-0.5, 0.5, d) * np.log(2))
    factors = np.stack([rotation(d, rng) * deviations for _ in range(K)])
    weights = np.arange(K, 2 * K) / np.arange(K, 2 * K).sum()
    return Problem(draw(n, weights, means, factors, rng), K)


def from_kmeans(problem: Problem, seed: int) -> Problem:
    """The problem with the start that k-means gives, written out, so that all rivals begin from it."""
    begun = GaussianMixture(**problem.parameters(), max_iter=0, random_state=seed).fit(problem.X)
    return replace(problem, start=Start(begun.weights_, begun.means_, begun.precisions_))


def small_problems() -> dict[str, Problem]:
    """Data of the size that most first fits are made on."""
    file = resources.files("skmix.datasets") / "data" / "old_faithful.csv"
    faithful = np.array([row.split(",") for row in file.read_text().split()[1:]], dtype=float)
    return {
        "iris": Problem(load_iris().data, 3),
        "old faithful": Problem(faithful, 2),
        "penguins' size": Problem(mixture_problem("moderate", 4, 3, 342, 0).X * [5.5, 2.0, 14.0, 800.0], 3),
    }


# ---- missing values -------------------------------------------------------------------------------------------------
def with_patterns(X: np.ndarray, n_patterns: int = 8, share: float = 0.2, seed: int = 0) -> np.ndarray:
    """`X` with the given share of NaN, in complete rows and `n_patterns − 1` equally frequent patterns of missing ones.

    The patterns miss about a quarter of the features each; the rows of a pattern lie scattered.
    """
    n, d = X.shape
    rng = np.random.default_rng(seed)
    missing = _patterns(d, n_patterns - 1, rng)
    each = share * d / missing.sum()  # share of the rows of each pattern
    if each * len(missing) >= 1:
        raise ValueError(f"{n_patterns} patterns of {d} features leave no complete rows at a share of {share}.")
    masks = np.vstack([np.zeros(d, dtype=bool), missing])
    frequency = np.r_[1 - each * len(missing), np.full(len(missing), each)]
    counts = np.diff(np.round(np.r_[0, np.cumsum(frequency)] * n).astype(int))
    return np.where(masks[rng.permutation(np.repeat(np.arange(len(masks)), counts))], np.nan, X)


def with_random_missing(X: np.ndarray, share: float = 0.2, seed: int = 0) -> np.ndarray:
    """`X` with each entry missing independently: nearly as many patterns as there can be."""
    return np.where(np.random.default_rng(seed).random(X.shape) < share, np.nan, X)


def _patterns(d: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Distinct patterns (True where missing) of about d/4 features, larger ones where those do not suffice."""
    found: dict[bytes, np.ndarray] = {}
    for size in range(max(1, int(d / 4 + 0.5)), d):
        for _ in range(50 * count):
            mask = np.zeros(d, dtype=bool)
            mask[rng.choice(d, size, replace=False)] = True
            found.setdefault(mask.tobytes(), mask)
            if len(found) == count:
                return np.stack(list(found.values()))
    raise ValueError(f"{d} features have fewer than {count} patterns.")


# ---- parts ----------------------------------------------------------------------------------------------------------
def draw(n: int, weights: np.ndarray, means: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw rows of a mixture with covariances ``factors[k] @ factors[k].T``."""
    X = np.empty((n, means.shape[1]))
    for first in range(0, n, _BLOCK):
        block = X[first : first + _BLOCK]
        labels = rng.choice(len(weights), len(block), p=weights)
        rng.standard_normal(out=block)
        for k, (mean, factor) in enumerate(zip(means, factors, strict=True)):
            own = labels == k
            block[own] = mean + block[own] @ factor.T
    return X


def _precisions(covariances: np.ndarray, covariance_type: str) -> np.ndarray:
    """Precisions of the given type that go with full covariances."""
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    if covariance_type == "diag":
        return 1 / variances
    if covariance_type == "spherical":
        return 1 / variances.mean(axis=1)
    precisions = np.linalg.inv(covariances.mean(axis=0) if covariance_type == "tied" else covariances)
    return (precisions + np.swapaxes(precisions, -1, -2)) / 2


def _simplex(K: int, d: int) -> np.ndarray:
    """K points in d >= K − 1 dimensions, all at distance 1 from one another, about the origin."""
    corners = (np.eye(K) - 1 / K) / np.sqrt(2)
    basis = np.linalg.svd(corners)[2][: K - 1]
    return np.pad(corners @ basis.T, ((0, 0), (0, d - K + 1)))


def rotation(d: int, rng: np.random.Generator) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((d, d)))[0]
