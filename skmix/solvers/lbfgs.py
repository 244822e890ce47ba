"""Limited-memory BFGS in a chart of the parameters, EM's component frame by default."""

from __future__ import annotations

from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.leg import GradientSolver, Leg, Points
from skmix.solvers.result import Trace


class LBFGS(GradientSolver):
    """L-BFGS on the observed-data log-likelihood; one pass an evaluation.

    The gradient is Fisher's identity applied to the statistics of the same pass that EM makes. In the component frame
    the complete-data information is the identity: a unit gradient step is an EM step, and L-BFGS learns the directions
    in which EM is slow, beginning with what EM's own last steps show. Steps are accepted by a Wolfe line search, so the
    objective never falls.

    Parameters
    ----------
    memory : int, default=30
        Pairs of steps and gradient changes that are kept.
    chart : str, default="frame"
        Coordinates. For Gaussians also "log-cholesky", the textbook's (softmax weights, means, Cholesky factors with
        logarithms on their diagonals; log-variances where covariances are diagonal), and "factor", Σ = UᵀU with a full
        U; for counts "log", logarithms of rates. They are here to be compared: they are badly scaled.
    warmup : int, default=5
        Least number of EM steps before the first L-BFGS step; they go on while a step gains more than 3e-3 nats per
        row, and where they converge there is nothing left to do. 0 for none at all.
    reanchor : int, default=50
        Iterations, at least 5, after which the chart is made anew about the current point, and the memory read off
        in it.
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

    @property
    def needs_gradient(self) -> bool:  # type: ignore[override]
        """Whether it climbs by gradients of the family."""
        return not self.finite_difference

    def remembered(self) -> int:
        """The pairs, and one point more; differences would have to be formed anew at each of them."""
        return 1 if self.finite_difference else self.memory + 1

    def leg(self, objective: Objective, points: Points, trace: Trace) -> Leg:
        """A run of L-BFGS."""
        kind = _DifferenceLeg if self.finite_difference else _QuasiNewtonLeg
        return kind(objective, points, trace, self.chart, self.memory)


class _QuasiNewtonLeg(Leg):
    """L-BFGS whose memory begins with the points before the anchor: EM's steps, too, show the curvature."""

    def __init__(self, objective: Objective, points: Points, trace: Trace, chart: str, memory: int):
        super().__init__(objective, points, trace, chart, memory)
        ends = [*(self._read(point) for point in list(points)[:-1]), (self.z, self.gradient)]
        for (a, g), (b, h) in pairwise(ends):
            self.memory.add(b - a, g - h)

    def _read(self, point: Point) -> tuple[np.ndarray, np.ndarray]:
        z = self.chart.coordinates(point.parameters)
        return z, self._gradient(z, point)

    def direction(self) -> np.ndarray:
        return self.memory.inverse_product(self.gradient)

    def forget(self) -> bool:
        had = bool(self.memory)
        self.memory.clear()
        return had


class _DifferenceLeg(_QuasiNewtonLeg):
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

    def least_remaining(self) -> float:
        return 0.0  # EM's promise is a gradient, too
