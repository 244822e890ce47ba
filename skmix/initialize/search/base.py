"""What a search is, and what searches share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective, Point

Begin = Callable[[Objective, int], Parameters]  # begin(objective, n_components): a start, drawn anew at each call
ONE = [Interval(Integral, 1, None, closed="left")]


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
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"max_rows": ONE}
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
