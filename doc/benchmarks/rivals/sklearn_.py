"""scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from problems import Problem
from sklearn.mixture import GaussianMixture
from sklearn.utils._array_api import get_namespace
from timing import Task


class Sklearn:
    """sklearn.mixture.GaussianMixture."""

    name = "sklearn"

    def iteration(self, problem: Problem) -> Task:
        """What the loop of `fit_predict` does once: E-step and M-step, from the problem's start."""
        X, model = problem.X, GaussianMixture(**problem.parameters())
        # scikit-learn 1.7 does not have the argument, and 1.9 hands it from step to step.
        has_namespace = "xp" in inspect.signature(model._e_step).parameters
        namespace = {"xp": get_namespace(X)[0]} if has_namespace else {}
        model._check_parameters(X, **namespace)
        model._initialize(X, None, **namespace)
        start = (model.weights_, model.means_, model.precisions_cholesky_)

        def step():
            model.weights_, model.means_, model.precisions_cholesky_ = start
            _, log_resp = model._e_step(X, **namespace)
            model._m_step(X, log_resp, **namespace)

        return Task(step)

    def fit(self, problem: Problem, **options: Any) -> GaussianMixture:
        """A whole fit, from the problem's start if it has one."""
        return GaussianMixture(**problem.parameters(), **options).fit(problem.X)

    def steps(self, fitted: GaussianMixture) -> int:
        """EM iterations that a fit made."""
        return int(fitted.n_iter_)

    def max_iter_to(self, problem: Problem, target: float) -> tuple[dict[str, Any], int] | None:
        """Options, `max_iter` among them, of the shortest fit that reaches `target` nats per row, and its iterations.

        ``lower_bounds_[i]`` is the value before iteration i + 1, hence that of the parameters after i iterations.
        """
        fitted = self.fit(problem, tol=1e-12, max_iter=20_000, reg_covar=0)
        reached = np.flatnonzero(np.asarray(fitted.lower_bounds_) >= target)
        if not len(reached):
            return None
        max_iter = max(1, int(reached[0]))
        return {"tol": 0.0, "max_iter": max_iter, "reg_covar": 0}, max_iter
