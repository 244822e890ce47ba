"""Deterministic annealing."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skmix.initialize.search.base import ONE, Begin, Search, climb
from skmix.likelihood.objective import Objective, Point


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
        "n_steps": ONE,
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
