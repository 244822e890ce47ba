"""Nonlinear conjugate gradients on the observed-data likelihood."""

from __future__ import annotations

import numpy as np

from skmix.likelihood.objective import Objective
from skmix.solvers.leg import GradientSolver, Leg, Points
from skmix.solvers.result import Trace


class CG(GradientSolver):
    """Nonlinear conjugate gradients (Polak–Ribière, restarted where that is negative): expectation–conjugate-gradient.

    The gradient costs an E-step. ``chart="log-cholesky", warmup=0`` is the method as it was published; in the frame its
    first step is an EM step.

    Parameters
    ----------
    chart : str, default="frame"
        Coordinates: see :class:`LBFGS`.
    warmup : int, default=5
        Least number of EM steps first, as for :class:`LBFGS`. 0 for none.
    reanchor : int, default=50
        Iterations, at least 5, after which the chart is made anew about the current point and the search restarts.

    References
    ----------
    Salakhutdinov, R., Roweis, S. and Ghahramani, Z. (2003). Optimization with EM and expectation-conjugate-gradient.
    ICML 20, 672–679.

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.solvers import CG
    >>> X = [[0.0], [0.4], [0.9], [2.0], [2.4], [3.1]]
    >>> GaussianMixture(n_components=2, solver=CG(warmup=0)).fit(X).solver_
    'cg'
    """

    name = "cg"

    def __init__(self, chart: str = "frame", warmup: int = 5, reanchor: int = 50):
        self.chart = chart
        self.warmup = warmup
        self.reanchor = reanchor

    def leg(self, objective: Objective, points: Points, trace: Trace) -> Leg:
        """A run of conjugate gradients."""
        return _ConjugateLeg(objective, points, trace, self.chart)


class _ConjugateLeg(Leg):
    """Directions that keep a part of the last one."""

    curvature = 0.1  # conjugacy needs near-exact searches

    def __init__(self, objective: Objective, points: Points, trace: Trace, chart: str):
        super().__init__(objective, points, trace, chart)
        self.step: np.ndarray | None = None  # the last direction, and the gradient it started from
        self.before = self.gradient

    def direction(self) -> np.ndarray:
        direction, lost = self.gradient, self.gradient - self.before
        if self.step is not None:
            share = max(0.0, float(self.gradient @ lost) / float(self.before @ self.before))
            candidate = self.gradient + share * self.step
            direction = candidate if candidate @ self.gradient > 0 else direction
        # As long as the last step, the first time as the gradient: in the frame that is an EM step.
        if self.step is not None and self.memory:
            direction = direction * (np.linalg.norm(self.memory.last_step) / np.linalg.norm(direction))
        self.step, self.before = direction, self.gradient
        return direction

    def forget(self) -> bool:
        had = self.step is not None and not np.array_equal(self.step, self.gradient)
        self.step = None
        self.memory.clear()
        return had
