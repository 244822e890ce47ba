"""emEM: short runs of EM from many starts."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from skmix.initialize.search.base import ONE, Begin, Search, best_of, climb
from skmix.likelihood.objective import Objective, Point


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
        "n_starts": ONE,
        "n_steps": ONE,
        "n_best": ONE,
        "n_more": ONE,
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
