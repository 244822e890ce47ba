"""Too many components, merged."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skmix.initialize.search.base import ONE, Begin, Search, climb
from skmix.initialize.search.neighbourhood import Neighbourhood
from skmix.initialize.starts import given, start_from
from skmix.likelihood.objective import Objective, Point


class OverfitMerge(Search):
    """More components than wanted are fitted, then merged, a pair at a time, where the rows lose least by it.

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
        "n_steps": ONE,
    }

    def __init__(self, factor: float = 2.0, n_steps: int = 5, max_rows: int = 20_000):
        self.factor = factor
        self.n_steps = n_steps
        self.max_rows = max_rows

    def run(self, objective: Objective, begin: Begin, rng: np.random.RandomState) -> Point:
        K = objective.rows.n_components
        many = min(int(np.ceil(self.factor * K)), max(K, objective.rows.n_samples // 2))
        point = climb(objective, begin(objective, many), self.n_steps)
        for left in range(many - 1, K - 1, -1):
            here = Neighbourhood(objective, point)
            pairs = here.closest()
            i, j = pairs[np.argmin(here.loss_by_merging(pairs))]
            here.R[:, i] += here.R[:, j]
            parameters = start_from(given(np.delete(here.R, j, axis=1)), objective, left)
            point = climb(objective, parameters, self.n_steps)
        return point
