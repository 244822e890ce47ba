"""Limited-memory BFGS in a chart of the parameters, EM's component frame by default."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.leg import GradientSolver, Leg
from skmix.solvers.result import Trace


class LBFGS(GradientSolver):
    """L-BFGS on the observed-data log-likelihood, by SciPy's L-BFGS-B; one pass an evaluation.

    The gradient is Fisher's identity applied to the statistics of the same pass that EM makes. In the component frame
    the complete-data information is the identity: the first step is an EM step, and L-BFGS then learns the directions
    in which EM is slow. Steps are accepted by a Wolfe line search, so the objective never falls.

    Parameters
    ----------
    memory : int, default=30
        Pairs of steps and gradient changes that are kept.
    chart : {"frame", "log-cholesky", "factor"}, default="frame"
        Coordinates. "log-cholesky" is the textbook's (softmax weights, means, Cholesky factors with logarithms on
        their diagonals; log-variances where covariances are diagonal), "factor" has Σ = UᵀU with a full U. Both are
        here to be compared: they are badly scaled.
    warmup : int, default=5
        Least number of EM steps before the first L-BFGS step; they go on while a step gains more than 1e-3 nats per
        row, and where they converge there is nothing left to do. 0 for none at all.
    reanchor : int, default=50
        Iterations, at least 5, after which the chart is made anew about the current point and the memory is dropped.
    finite_difference : bool, default=False
        Form gradients by central differences of the objective: two passes a coordinate instead of one in all. Here to
        be compared: what L-BFGS costs where nobody has derived a gradient.

    References
    ----------
    Liu, D. C. and Nocedal, J. (1989). On the limited memory BFGS method for large scale optimization. Math. Program.
    45, 503–528. doi:10.1007/BF01589116

    Jamshidian, M. and Jennrich, R. I. (1997). Acceleration of the EM algorithm by using quasi-Newton methods.
    J. R. Statist. Soc. B 59, 569–587. doi:10.1111/1467-9868.00083

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.solvers import LBFGS
    >>> X = [[0.0], [0.4], [0.9], [2.0], [2.4], [3.1]]
    >>> GaussianMixture(n_components=2, solver=LBFGS(memory=10, warmup=0)).fit(X).solver_
    'lbfgs'
    """

    name = "lbfgs"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **GradientSolver._parameter_constraints,
        "memory": [Interval(Integral, 1, None, closed="left")],
        "finite_difference": ["boolean"],
    }

    def __init__(
        self,
        memory: int = 30,
        chart: str = "frame",
        warmup: int = 5,
        reanchor: int = 50,
        finite_difference: bool = False,
    ):
        self.memory = memory
        self.chart = chart
        self.warmup = warmup
        self.reanchor = reanchor
        self.finite_difference = finite_difference

    def leg(self, objective: Objective, point: Point, trace: Trace) -> Leg:
        """A run of SciPy's L-BFGS-B."""
        options = {"maxcor": self.memory, "maxfun": 10**9, "ftol": 0.0}
        kind = _DifferenceLeg if self.finite_difference else Leg
        return kind(objective, point, trace, self.chart, "L-BFGS-B", options, self.memory)


class _DifferenceLeg(Leg):
    """A leg that knows values only: 2p passes a gradient, p being the number of coordinates."""

    def _gradient(self, z: np.ndarray, point: Point) -> np.ndarray:
        # Rounding of the value over the step balances the cube of the step.
        step = np.cbrt(3.0 * self.objective.noise(point.value))
        gradient = np.empty_like(z)
        for i in range(len(z)):
            ahead, behind = z.copy(), z.copy()
            ahead[i] += step
            behind[i] -= step
            pair = (self.objective.at(self.chart.parameters(side)).value for side in (ahead, behind))
            gradient[i] = np.subtract(*pair) / (2.0 * step)
        return gradient
