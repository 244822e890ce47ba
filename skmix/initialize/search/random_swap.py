"""Components that are put elsewhere, at random."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skmix.initialize.search.base import ONE, Begin, Search, best_of, climb
from skmix.initialize.search.neighbourhood import without
from skmix.initialize.starts import Distances, given, start_from
from skmix.likelihood.objective import Objective, Point


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
        "n_steps": ONE,
        "n_starts": ONE,
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
    """Responsibilities (n, K) without a component, which gets half of the rows `near` instead."""
    R = without(R, victim)
    R[near] *= 0.5
    R[near, victim] = 0.5
    return R
