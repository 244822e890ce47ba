"""Gradient ascent with a line search: the baseline of the question why EM is used."""

from __future__ import annotations

import numpy as np

from skmix.likelihood.objective import Objective
from skmix.solvers.leg import GradientSolver, Leg, Points
from skmix.solvers.result import Trace

_SUFFICIENT = 1e-4  # part of the gain that the slope promises, for a step to be accepted
_LEAST_STEP = 1e-20


class GradientDescent(GradientSolver):
    """Steepest ascent on the log-likelihood with a backtracking line search.

    The plainest gradient method, here to be compared. In the frame a unit step is an EM step, and the search may
    lengthen it; in the textbook's coordinates the likelihood is badly scaled and steps are short.

    Parameters
    ----------
    chart : str, default="frame"
        Coordinates: see :class:`LBFGS`.
    warmup : int, default=0
        Least number of EM steps first, as for :class:`LBFGS`. 0 for none.
    reanchor : int, default=50
        Iterations, at least 5, after which the chart is made anew about the current point.

    References
    ----------
    Armijo, L. (1966). Minimization of functions having Lipschitz continuous first partial derivatives. Pacific J.
    Math. 16, 1–3. doi:10.2140/pjm.1966.16.1

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.solvers import GradientDescent
    >>> X = [[0.0], [0.1], [5.0], [5.1]]
    >>> GaussianMixture(n_components=2, solver=GradientDescent()).fit(X).converged_
    True
    """

    name = "gradient-descent"

    def __init__(self, chart: str = "frame", warmup: int = 0, reanchor: int = 50):
        self.chart = chart
        self.warmup = warmup
        self.reanchor = reanchor

    def leg(self, objective: Objective, points: Points, trace: Trace) -> Leg:
        """A run of steepest ascent."""
        return _Ascent(objective, points, trace, self.chart)


class _Ascent(Leg):
    """Steps along the gradient; each search begins with twice the last step that was accepted."""

    step = 0.5

    def search(self, direction: np.ndarray) -> float | None:
        slope, self.step = float(direction @ direction), 2.0 * self.step
        while self.step >= _LEAST_STEP:
            point, gradient = self.at(self.z + self.step * direction)
            enough = point.value >= self.point.value + _SUFFICIENT * self.step * slope
            if enough and np.isfinite(gradient).all():
                return self.step
            self.step *= 0.5
        return None
