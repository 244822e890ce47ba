"""skmix."""

from __future__ import annotations

from typing import Any

import numpy as np
from problems import Problem
from timing import Task

from skmix import GaussianMixture


class Skmix:
    """skmix.GaussianMixture."""

    name = "skmix"

    def iteration(self, problem: Problem) -> Task:
        """One pass over the data and the M-step it gives, from the problem's start.

        The objective is built as `fit` builds it, and its threads are held as a solver holds them: both once a fit,
        hence neither is timed.
        """
        estimator = GaussianMixture(**problem.parameters())
        _, rows, weight = estimator._check_fit_data(problem.X, None)
        objective = estimator._objective(rows, weight)
        (parameters,) = estimator._starts(objective)

        def step():
            return objective.m_step(objective.at(parameters))

        kernel = type(objective.kernel(parameters)).__name__.removesuffix("Kernel").lower()
        return Task(step, objective.threads.open, note=kernel)

    def fit(self, problem: Problem, **options: Any) -> GaussianMixture:
        """A whole fit, from the problem's start if it has one."""
        return GaussianMixture(**problem.parameters(), **options).fit(problem.X)

    def steps(self, fitted: GaussianMixture) -> int:
        """Passes that a fit made."""
        return int(fitted.n_passes_)

    def max_iter_to(self, problem: Problem, target: float) -> tuple[dict[str, Any], int] | None:
        """Options, `max_iter` among them, of the shortest fit that reaches `target` nats per row, and its passes.

        Options are the defaults, unless the default `tol` stops short of the target.
        """
        for tol in (1e-6, 1e-7, 1e-8, 1e-9):
            history = self.fit(problem, tol=tol, max_iter=20_000, reg_covar=0).history_
            reached = np.flatnonzero(history["objective"] >= target)
            if len(reached):
                options = {"tol": tol, "max_iter": max(1, int(reached[0])), "reg_covar": 0}
                return options, int(history["n_passes"][reached[0]])
        return None
