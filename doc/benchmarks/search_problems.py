"""Data on which EM from one start often ends in a poor optimum, from seeds: mixtures, shapes and real data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from cells import mixture, real
from problems import Problem, draw, rotation
from sklearn.datasets import make_moons
from sklearn.decomposition import PCA


def search_problems() -> dict[str, Problem]:
    """All problems, by name; the number of components is that of the clusters where there are clusters."""
    return {name: make() for name, make in _PROBLEMS.items()}


def _separated(c: float, d: int, K: int, n: int, covariance_type: str = "full") -> Problem:
    return Problem(mixture(c, d, K, n, covariance_type), K, covariance_type)


def _clusters(means: np.ndarray, deviations: np.ndarray, weights: np.ndarray, n: int, seed: int = 0) -> Problem:
    """Clusters with axes of their own; standard deviations (K, d) along these."""
    rng = np.random.default_rng([seed, n, *means.shape])
    K, d = means.shape
    factors = np.stack([rotation(d, rng) * own for own in np.broadcast_to(deviations, (K, d))])
    return Problem(draw(n, weights / weights.sum(), means, factors, rng), K)


def _grid(shape: tuple[int, ...], apart: float, n: int, uneven: bool = False) -> Problem:
    """Round clusters on a grid, `apart` standard deviations from one to the next; weights from 1 to 4 if uneven."""
    means = apart * np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, len(shape))
    weights = np.geomspace(1, 4, len(means)) if uneven else np.ones(len(means))
    return _clusters(means.astype(float), np.ones(len(shape)), np.random.default_rng(1).permutation(weights), n)


def _groups(n: int) -> Problem:
    """Four groups far apart, of 1, 1, 2 and 4 clusters: k-means gives the far ones too many centres."""
    within = 4.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    far = 40.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    means = np.concatenate([far[:1], far[1:2], far[2] + within[:2], far[3] + within])
    return _clusters(means, np.ones(2), np.ones(len(means)), n)


def _sizes(n: int) -> Problem:
    """A wide cluster with much of the rows, and small tight ones in it and about it."""
    means = np.array([[0, 0], [3, 0], [-2, 3], [8, 8], [-9, 4], [7, -7.0]])
    deviations = np.array([4.0, 0.4, 0.4, 0.8, 0.5, 0.6])[:, np.newaxis]
    return _clusters(means, deviations, np.array([6, 1, 1, 1, 1, 1.0]), n)


def _geometric(n: int) -> Problem:
    """Weights that fall by a third from one cluster to the next."""
    means = 4.5 * np.random.default_rng(3).standard_normal((7, 3))
    return _clusters(means, np.array([0.7, 1.0, 1.4]), 1.5 ** -np.arange(7), n)


def _cigars(n: int) -> Problem:
    """Long clusters side by side: their distances are short against their lengths."""
    rng = np.random.default_rng(4)
    means = np.stack([np.zeros(5), 3.0 * np.arange(5)], axis=1)
    return Problem(draw(n, np.full(5, 0.2), means, np.tile(np.diag([10.0, 0.7]), (5, 1, 1)), rng), 5)


def _star(n: int) -> Problem:
    """Long clusters that cross each other, and round ones between."""
    rng = np.random.default_rng(5)
    angles = np.pi * np.arange(3) / 3
    turn = np.stack([[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angles])
    factors = np.concatenate([turn @ np.diag([5.0, 0.3]), np.tile(0.6 * np.eye(2), (3, 1, 1))])
    between = 6.0 * np.stack([np.cos(angles * 2 + 0.5), np.sin(angles * 2 + 0.5)], axis=1)
    return Problem(draw(n, np.full(6, 1 / 6), np.concatenate([np.zeros((3, 2)), between]), factors, rng), 6)


def _ring(n: int, K: int) -> Problem:
    """A ring, thinner and denser from one end to the other."""
    rng = np.random.default_rng(6)
    angle = 2 * np.pi * np.sqrt(rng.random(n))
    X = 5.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.25 * rng.standard_normal((n, 2))
    return Problem(X, K)


def _moons(n: int, K: int) -> Problem:
    return Problem(make_moons(n, noise=0.08, random_state=7)[0], K)


def _heavy(n: int) -> Problem:
    """Clusters with the tails of a t distribution of 5 degrees of freedom, and two components more than clusters."""
    rng = np.random.default_rng(8)
    means = 6.0 * rng.standard_normal((4, 3))
    tails = rng.standard_normal((n, 3)) / np.sqrt(rng.chisquare(5, (n, 1)) / 5)
    return Problem(means[rng.integers(4, size=n)] + tails, 6)


def _skewed(n: int) -> Problem:
    """Clusters that are skewed: logarithms of exponential variables."""
    rng = np.random.default_rng(9)
    means = np.array([[0, 0], [7, 0], [0, 7], [7, 7.0]])
    return Problem(means[rng.integers(4, size=n)] + np.log(rng.exponential(size=(n, 2))), 8)


def _real(name: str, K: int, covariance_type: str = "full", d: int | None = None) -> Problem:
    """Complete rows of a real data set, standardised, or its first `d` principal components."""
    X = real(name)
    X = X[~np.isnan(X).any(axis=1)]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return Problem(X if d is None else PCA(d, svd_solver="full").fit_transform(X), K, covariance_type)


_PROBLEMS: dict[str, Callable[[], Problem]] = {
    "c2 d1 K4": partial(_separated, 2.0, 1, 4, 800),
    "c1 d2 K5": partial(_separated, 1.0, 2, 5, 1000),
    "c2 d2 K10": partial(_separated, 2.0, 2, 10, 1500),
    "c2 d2 K15": partial(_separated, 2.0, 2, 15, 3000),
    "c1 d3 K8": partial(_separated, 1.0, 3, 8, 2500),
    "c1 d5 K5": partial(_separated, 1.0, 5, 5, 1500),
    "c2 d5 K10": partial(_separated, 2.0, 5, 10, 3000),
    "c1 d10 K5": partial(_separated, 1.0, 10, 5, 3000),
    "c1 d5 K8 diag": partial(_separated, 1.0, 5, 8, 1500, "diag"),
    "c2 d3 K12 spherical": partial(_separated, 2.0, 3, 12, 1500, "spherical"),
    "c2 d4 K6 tied": partial(_separated, 2.0, 4, 6, 1000, "tied"),
    "grid 3x3": partial(_grid, (3, 3), 4.0, 900),
    "grid 4x3 uneven": partial(_grid, (4, 3), 5.0, 1500, True),
    "grid 5x3": partial(_grid, (5, 3), 5.0, 2000),
    "grid 2x2x2": partial(_grid, (2, 2, 2), 5.0, 800),
    "groups": partial(_groups, 1000),
    "sizes": partial(_sizes, 1500),
    "geometric": partial(_geometric, 1500),
    "cigars": partial(_cigars, 1000),
    "star": partial(_star, 1200),
    "ring": partial(_ring, 1500, 7),
    "moons": partial(_moons, 1200, 6),
    "heavy tails": partial(_heavy, 1500),
    "skewed": partial(_skewed, 2000),
    "iris": partial(_real, "iris", 3),
    "old faithful": partial(_real, "old faithful", 3),
    "penguins": partial(_real, "penguins", 4),
    "wine": partial(_real, "wine", 4, "diag"),
    "breast cancer": partial(_real, "breast cancer", 4, "full", 4),
}
