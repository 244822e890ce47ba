"""Nonlinear conjugate gradients on the observed-data likelihood."""

from __future__ import annotations

from skmix.likelihood.objective import Objective
from skmix.solvers.leg import GradientSolver, Leg, Points
from skmix.solvers.result import Trace


class CG(GradientSolver):
    """Nonlinear conjugate gradients (Polak–Ribière, by SciPy): expectation–conjugate-gradient.

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
        """A run of SciPy's nonlinear conjugate gradients."""
        return Leg(objective, points, trace, self.chart, "CG")
