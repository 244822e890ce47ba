"""Searches for a better optimum: what is done to a start before the solver climbs from it.

No solver cures local optima. A search tries several starts, or moves components to where they are needed, with a few
EM steps after each move; it hands over the best parameters that it has seen. On large data it works on a sample of the
rows (of the sequences, in a hidden Markov model). Moves are made on responsibilities, so that they suit any family.

======================  ===============================================================================
``short-runs``          :class:`ShortRuns`, a few EM steps from many starts, more from the best of them
``random-swap``         :class:`RandomSwap`, a component is taken away and put elsewhere, at random
``split-merge``         :class:`SplitMerge`, two components are merged and a third is split
``annealing``           :class:`Annealing`, responsibilities are blunt at first and sharpen
``overfit-merge``       :class:`OverfitMerge`, twice as many components are fitted and merged
======================  ===============================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import combinations
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.special import xlogy
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from skmix.initialize.starts import Distances, given, start_from
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective, Point

Begin = Callable[[Objective, int], Parameters]  # begin(objective, n_components): a start, drawn anew at each call
_ONE = [Interval(Integral, 1, None, closed="left")]


class Search(BaseEstimator, ABC):
    """Base of searches.

    Attributes
    ----------
    name : str
        The name in the registry.
    needs_independent_labels : bool
        Whether it takes mixtures only.
    changes_number : bool
        Whether it has other numbers of components on the way: then what is known of some of them cannot be kept.
    """

    name: ClassVar[str]
    needs_independent_labels: ClassVar[bool] = False
    changes_number: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"max_rows": _ONE}
    max_rows: int

    def check(self, objective: Objective) -> None:
        """Refuse, before any pass, parameters out of range and models that the search does not take."""
        self._validate_params()
        if self.needs_independent_labels and not objective.model.latent.independent:
            raise ValueError(
                f"search={self.name!r} takes mixtures only; for a hidden Markov model choose search='short-runs', "
                "'random-swap' or 'split-merge'."
            )
        if self.changes_number and (objective.rows.labels is not None or objective.model.restricted):
            raise ValueError(
                f"search={self.name!r} changes the number of components, so that it cannot keep known 'labels' or "
                "fixed parameters; choose search='short-runs', 'random-swap' or 'split-merge'."
            )

    def improve(self, objective: Objective, begin: Begin, rng: np.random.RandomState) -> Parameters:
        """The best parameters that the search finds."""
        own, share = objective, 1.0
        if objective.rows.n_samples > self.max_rows and objective.n_units > 1:
            n = max(1, objective.n_units * self.max_rows // objective.rows.n_samples)
            own = objective.subset(np.sort(rng.choice(objective.n_units, n, replace=False))).own
            share = own.rows.n_samples / objective.rows.n_samples
        before = own.n_passes
        with own.threads.open(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found = self.run(own, begin, rng)
        if own is not objective:
            objective.n_passes += share * (own.n_passes - before)
        return found.parameters

    @abstractmethod
    def run(self, objective: Objective, begin: Begin, rng: np.random.RandomState) -> Point:
        """Search on an objective; the best point."""


def climb(objective: Objective, parameters: Parameters, steps: int) -> Point:
    """The point that `steps` EM steps reach."""
    point = objective.at(parameters)
    for _ in range(steps):
        reached = objective.at(objective.m_step(point))
        point = reached if reached.value >= point.value else point
    return point


def best_of(points: list[Point], n: int = 1) -> list[Point]:
    """The `n` highest of some points."""
    return sorted(points, key=lambda point: -point.value)[:n]


class ShortRuns(Search):
    """A few EM steps from many starts, more from the best of them (emEM).

    Parameters
    ----------
    n_starts : int, default=10
        Starts.
    n_steps : int, default=5
        EM steps from each.
    n_best : int, default=2
        How many go on.
    n_more : int, default=15
        EM steps that these make.
    max_rows : int, default=20000
        Rows of the sample that larger data are searched on.

    References
    ----------
    Biernacki, C., Celeux, G. and Govaert, G. (2003). Choosing starting values for the EM algorithm for getting the
    highest likelihood in multivariate Gaussian mixture models. Comput. Statist. Data Anal. 41, 561–575.
    doi:10.1016/S0167-9473(02)00163-9

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.initialize import ShortRuns
    >>> X = [[0.0], [0.1], [5.0], [5.1], [9.0], [9.2]]
    >>> GaussianMixture(n_components=3, search=ShortRuns(n_starts=5), random_state=0).fit(X).converged_
    True
    """

    name = "short-runs"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Search._parameter_constraints,
        "n_starts": _ONE,
        "n_steps": _ONE,
        "n_best": _ONE,
        "n_more": _ONE,
    }

    def __init__(self, n_starts: int = 10, n_steps: int = 5, n_best: int = 2, n_more: int = 15, max_rows: int = 20_000):
        self.n_starts = n_starts
        self.n_steps = n_steps
        self.n_best = n_best
        self.n_more = n_more
        self.max_rows = max_rows

    def run(self, objective: Objective, begin: Begin, rng: np.random.RandomState) -> Point:
        K = objective.rows.n_components
        short = [climb(objective, begin(objective, K), self.n_steps) for _ in range(self.n_starts)]
        return best_of([climb(objective, point.parameters, self.n_more) for point in best_of(short, self.n_best)])[0]


class RandomSwap(Search):
    """A component is taken away and put elsewhere, both at random, and stays there if that is better.

    Parameters
    ----------
    n_swaps : int or None, default=None
        Trials; None makes three for each component.
    n_steps : int, default=5
        EM steps after each.
    n_starts : int, default=3
        Starts of which the best, after as many steps, is the first to be changed.
    max_rows : int, default=20000
        Rows of the sample that larger data are searched on.

    References
    ----------
    Zhao, Q., Hautamäki, V., Kärkkäinen, I. and Fränti, P. (2012). Random swap EM algorithm for Gaussian mixture models.
    Pattern Recognition Letters 33, 2120–2126. doi:10.1016/j.patrec.2012.06.017

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.1], [5.0], [5.1], [9.0], [9.2]]
    >>> GaussianMixture(n_components=3, search="random-swap", random_state=0).fit(X).converged_
    True
    """

    name = "random-swap"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Search._parameter_constraints,
        "n_swaps": [Interval(Integral, 0, None, closed="left"), None],
        "n_steps": _ONE,
        "n_starts": _ONE,
    }

    def __init__(self, n_swaps: int | None = None, n_steps: int = 5, n_starts: int = 3, max_rows: int = 20_000):
        self.n_swaps = n_swaps
        self.n_steps = n_steps
        self.n_starts = n_starts
        self.max_rows = max_rows

    def run(self, objective: Objective, begin: Begin, rng: np.random.RandomState) -> Point:
        K = objective.rows.n_components
        starts = (begin(objective, K) for _ in range(self.n_starts))
        point = best_of([climb(objective, start, self.n_steps) for start in starts])[0]
        Z, weight = Distances(objective.model.family, objective.rows).coordinates()
        for _ in range((3 * K if self.n_swaps is None else self.n_swaps) if K > 1 else 0):
            R = objective.responsibilities(point.parameters)
            victim, place = rng.randint(K), rng.choice(len(Z), p=weight / weight.sum())
            near = _nearest(Z, place)[: max(2, len(Z) // (2 * K))]
            trial = climb(objective, start_from(given(_moved(R, victim, near)), objective), self.n_steps)
            point = trial if trial.value > point.value else point
        return climb(objective, point.parameters, self.n_steps)


def _nearest(Z: np.ndarray, place: int) -> np.ndarray:
    """Row numbers, the nearest to row `place` first, by the features that both have."""
    apart = (Z - Z[place]) ** 2
    seen = (~np.isnan(apart)).sum(axis=1)
    return np.argsort(np.where(seen > 0, np.nansum(apart, axis=1) / np.maximum(seen, 1), np.inf), kind="stable")


def _moved(R: np.ndarray, victim: int, near: np.ndarray) -> np.ndarray:
    """Responsibilities (n, K) without a component, which gets the rows `near` instead."""
    R = R.copy()
    R[:, victim] = 0.0
    total = R.sum(axis=1, keepdims=True)
    left = R.sum(axis=0) / R.sum()
    R = np.where(total > 1e-100, R / np.maximum(total, 1e-100), left)
    R[near] *= 0.5
    R[near, victim] = 0.5
    return R


class SplitMerge(Search):
    """Two components that share rows are merged, and one that fits its rows badly is split in their place (SMEM).

    Parameters
    ----------
    n_candidates : int, default=8
        Triples of components that are tried before the search gives up.
    n_steps : int, default=10
        EM steps after each move.
    max_rows : int, default=20000
        Rows of the sample that larger data are searched on.

    References
    ----------
    Ueda, N., Nakano, R., Ghahramani, Z. and Hinton, G. E. (2000). SMEM algorithm for mixture models. Neural Computation
    12, 2109–2128. doi:10.1162/089976600300015088

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.1], [5.0], [5.1], [9.0], [9.2]]
    >>> GaussianMixture(n_components=3, search="split-merge", random_state=0).fit(X).converged_
    True
    """

    name = "split-merge"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Search._parameter_constraints,
        "n_candidates": _ONE,
        "n_steps": _ONE,
    }

    def __init__(self, n_candidates: int = 8, n_steps: int = 10, max_rows: int = 20_000):
        self.n_candidates = n_candidates
        self.n_steps = n_steps
        self.max_rows = max_rows

    def run(self, objective: Objective, begin: Begin, rng: np.random.RandomState) -> Point:
        K = objective.rows.n_components
        point = climb(objective, begin(objective, K), self.n_steps)
        Z, weight = Distances(objective.model.family, objective.rows).coordinates()
        going = K > 2
        while going:
            going = False
            R = objective.responsibilities(point.parameters)
            density = objective.component_densities(point.parameters)
            for i, j, k in _triples(R * weight[:, np.newaxis], density)[: self.n_candidates]:
                moved = _split(Z, R, i, j, k)
                trial = climb(objective, start_from(given(moved), objective), self.n_steps)
                if trial.value > point.value + objective.noise(point.value):
                    point, going = trial, True
                    break
        return point


def _triples(R: np.ndarray, log_density: np.ndarray) -> list[tuple[int, int, int]]:
    """Components to merge (two) and to split (one), the most promising first.

    Two are alike whose responsibilities point the same way; one fits badly whose local density of rows diverges from
    its own. Both rankings count alike.
    """
    share = R / np.maximum(R.sum(axis=0), 1e-300)
    badness = (xlogy(share, share) - share * log_density).sum(axis=0)
    length = np.maximum(np.sqrt(np.square(R).sum(axis=0)), 1e-300)
    alike = R.T @ R / np.multiply.outer(length, length)
    pairs = sorted(combinations(range(len(alike)), 2), key=lambda pair: -alike[pair])
    bad = np.argsort(-badness).tolist()
    ranked = [(m + n, i, j, k) for m, (i, j) in enumerate(pairs) for n, k in enumerate(bad) if k not in (i, j)]
    return [(i, j, k) for _, i, j, k in sorted(ranked)]


def _split(Z: np.ndarray, R: np.ndarray, i: int, j: int, k: int) -> np.ndarray:
    """Responsibilities in which i has the rows of j, too, and j a half of those of k, cut across its longest axis."""
    R = R.copy()
    R[:, i] += R[:, j]
    weight, seen = R[:, k] / max(R[:, k].sum(), 1e-300), ~np.isnan(Z)
    Z = np.where(seen, Z, 0.0)
    centred = np.where(seen, Z - weight @ Z / np.maximum(weight @ seen, 1e-300), 0.0)
    _, vectors = np.linalg.eigh((centred * weight[:, np.newaxis]).T @ centred)
    side = centred @ vectors[:, -1] > 0
    R[:, j], R[:, k] = np.where(side, R[:, k], 0.0), np.where(side, 0.0, R[:, k])
    return R


class Annealing(Search):
    """Responsibilities proportional to (w_k p_k)^β, with β rising to 1 (deterministic annealing): mixtures only.

    Parameters
    ----------
    beta : float, default=0.3
        The first β.
    growth : float, default=1.3
        Its factor from stage to stage.
    n_steps : int, default=5
        EM steps of each stage.
    max_rows : int, default=20000
        Rows of the sample that larger data are searched on.

    References
    ----------
    Ueda, N. and Nakano, R. (1998). Deterministic annealing EM algorithm. Neural Networks 11, 271–282.
    doi:10.1016/S0893-6080(97)00133-0

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.1], [5.0], [5.1], [9.0], [9.2]]
    >>> GaussianMixture(n_components=3, search="annealing", random_state=0).fit(X).converged_
    True
    """

    name = "annealing"
    needs_independent_labels = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Search._parameter_constraints,
        "beta": [Interval(Real, 0.0, 1.0, closed="right")],
        "growth": [Interval(Real, 1.0, None, closed="neither")],
        "n_steps": _ONE,
    }

    def __init__(self, beta: float = 0.3, growth: float = 1.3, n_steps: int = 5, max_rows: int = 20_000):
        self.beta = beta
        self.growth = growth
        self.n_steps = n_steps
        self.max_rows = max_rows

    def run(self, objective: Objective, begin: Begin, rng: np.random.RandomState) -> Point:
        parameters, beta = begin(objective, objective.rows.n_components), self.beta
        while beta < 1.0:
            for _ in range(self.n_steps):
                parameters = objective.tempered_step(parameters, beta)
            beta *= self.growth
        return climb(objective, parameters, self.n_steps)


class OverfitMerge(Search):
    """More components than wanted are fitted, then those that share most are merged, one pair after the other.

    With enough components each cluster gets at least one, whatever the start: mixtures only.

    Parameters
    ----------
    factor : float, default=2.0
        How many times the wanted number of components is fitted first.
    n_steps : int, default=5
        EM steps before each merger.
    max_rows : int, default=20000
        Rows of the sample that larger data are searched on.

    References
    ----------
    Dasgupta, S. and Schulman, L. (2007). A probabilistic analysis of EM for mixtures of separated, spherical Gaussians.
    J. Mach. Learn. Res. 8, 203–226.

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.1], [5.0], [5.1], [9.0], [9.2]]
    >>> GaussianMixture(n_components=3, search="overfit-merge", random_state=0).fit(X).converged_
    True
    """

    name = "overfit-merge"
    needs_independent_labels = True
    changes_number = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Search._parameter_constraints,
        "factor": [Interval(Real, 1.0, None, closed="neither")],
        "n_steps": _ONE,
    }

    def __init__(self, factor: float = 2.0, n_steps: int = 5, max_rows: int = 20_000):
        self.factor = factor
        self.n_steps = n_steps
        self.max_rows = max_rows

    def run(self, objective: Objective, begin: Begin, rng: np.random.RandomState) -> Point:
        K = objective.rows.n_components
        many = min(int(np.ceil(self.factor * K)), max(K, objective.rows.n_samples // 2))
        point = climb(objective, begin(objective, many), self.n_steps)
        for _ in range(many - K):
            merged = _merged(objective, objective.responsibilities(point.parameters))
            parameters = start_from(given(merged), objective, merged.shape[1])
            point = climb(objective, parameters, self.n_steps)
        return point


def _merged(objective: Objective, R: np.ndarray) -> np.ndarray:
    """Responsibilities with the two components in one that are most alike for their size."""
    weight = objective.rows.weight
    weighted = R if weight is None else R * weight[:, np.newaxis]
    counts = weighted.sum(axis=0)
    alike = weighted.T @ R / np.maximum(np.minimum.outer(counts, counts), 1e-300)
    np.fill_diagonal(alike, -1.0)
    i, j = np.unravel_index(alike.argmax(), alike.shape)
    merged = R.copy()
    merged[:, i] += merged[:, j]
    return np.delete(merged, j, axis=1)


SEARCHES: dict[str, type[Search]] = {
    search.name: search for search in (ShortRuns, RandomSwap, SplitMerge, Annealing, OverfitMerge)
}


def resolve(search: str | Search | None) -> Search | None:
    """The search named `search`, or `search` itself."""
    return SEARCHES[search]() if isinstance(search, str) else search
