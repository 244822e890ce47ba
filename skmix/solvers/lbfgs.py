"""Limited-memory BFGS in a chart of the parameters, EM's component frame by default."""

from __future__ import annotations

from collections import deque
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import LbfgsInvHessProduct, OptimizeResult, minimize
from sklearn.utils._param_validation import Interval

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import EM
from skmix.solvers.result import Ending, Trace
from skmix.solvers.stopping import remaining_of_quasi_newton, travelling

_LEAST_LEG = 5  # fewer iterations cannot show that they gain little


class LBFGS(Solver):
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
    requires = ("charts", "m_step")
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "memory": [Interval(Integral, 1, None, closed="left")],
        "chart": [str],
        "warmup": [Interval(Integral, 0, None, closed="left")],
        "reanchor": [Interval(Integral, _LEAST_LEG, None, closed="left")],
    }

    def __init__(self, memory: int = 30, chart: str = "frame", warmup: int = 5, reanchor: int = 50):
        self.memory = memory
        self.chart = chart
        self.warmup = warmup
        self.reanchor = reanchor

    def check(self, model: Any) -> None:
        """Refuse parameters out of range and models without the chart."""
        super().check(model)
        if self.chart not in model.family.charts:
            raise ValueError(
                f"The 'chart' parameter of LBFGS must be one of {sorted(model.family.charts)} for "
                f"{type(model.family).__name__}. Got {self.chart!r} instead."
            )

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Warm up by EM, then run L-BFGS from anchor to anchor."""
        em = EM()
        ending = em.run(objective, point, trace, self.warmup)
        while self.warmup and ending.unfinished and travelling(trace.values):
            ending = em.run(objective, ending.point, trace, 1)
        while ending.unfinished:
            leg = _Leg(self, objective, ending.point, trace)
            leg.climb()
            if leg.remaining is not None:
                return self.converged(leg.point, leg.remaining, trace)
            ending = self.unfinished(leg.point, trace)
            if leg.interrupted and ending.unfinished:
                # The line search found nothing: at the optimum, or lost its way. An EM step tells which.
                ending = em.run(objective, leg.point, trace, 1)
                gain = ending.point.value - leg.point.value
                if leg.n_accepted == 0 and ending.unfinished and gain <= leg.point.error:
                    return self.converged(ending.point, 0.0, trace)
        return ending._replace(solver=self.name) if not ending.converged else ending


class _Leg:
    """One run of SciPy's L-BFGS-B in the chart about one anchor."""

    def __init__(self, solver: LBFGS, objective: Objective, point: Point, trace: Trace):
        self.solver, self.objective, self.trace, self.point = solver, objective, trace, point
        self.chart = objective.chart(solver.chart, point)
        self.gradient = objective.gradient(self.chart, self.chart.start, point)
        # SciPy's first trial step has length 1: in these units that is a unit gradient step, in the frame an EM step.
        self.unit = float(np.linalg.norm(self.gradient)) or 1.0
        self.u = np.zeros_like(self.chart.start)
        self.pairs: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=solver.memory)
        self.last = (self.u, point, self.gradient)
        self.n_accepted = 0
        self.remaining: float | None = None
        self.interrupted = False

    def climb(self) -> None:
        """Run until convergence, `reanchor` iterations, or a line search that finds nothing."""
        options = {
            "maxcor": self.solver.memory,
            "maxiter": min(self.solver.reanchor, self.trace.max_iter - self.trace.n_iter),
            "maxfun": 10**9,
            "ftol": 0.0,
            "gtol": 0.0,
        }
        minimize(self._descend, self.u, jac=True, method="L-BFGS-B", callback=self._accept, options=options)
        self.interrupted = self.n_accepted < options["maxiter"]

    def _descend(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        if np.array_equal(u, self.last[0]):
            _, point, gradient = self.last
        else:
            z = self.chart.start + self.unit * u
            point = self.objective.at(self.chart.parameters(z))
            gradient = self.objective.gradient(self.chart, z, point)
            self.last = (u.copy(), point, gradient)
        if not (np.isfinite(point.value) and np.isfinite(gradient).all()):
            # Too long a step: a wall high enough to be refused, low enough to interpolate from.
            return -self.point.value + 10.0 * max(1.0, abs(self.point.value)), np.zeros_like(u)
        return -point.value, -self.unit * gradient

    def _accept(self, intermediate_result: OptimizeResult) -> None:
        """SciPy's callback at every accepted iterate; StopIteration ends the leg."""
        self._descend(np.asarray(intermediate_result.x))
        u, point, gradient = self.last
        gain = point.value - self.point.value
        if not gain >= 0:
            raise StopIteration
        self.pairs.append((self.unit * (u - self.u), self.gradient - gradient))
        self.u, self.point, self.gradient = u, point, gradient
        self.n_accepted += 1
        self.trace.accept(point)
        remaining = remaining_of_quasi_newton(
            self.trace.values[-self.n_accepted - 1 :], self.trace.tol, self._model_gain
        )
        if remaining <= self.trace.tol:
            self.remaining = remaining
        if self.remaining is not None or self.trace.exhausted:
            raise StopIteration

    def _model_gain(self) -> float:
        """Gain to the top of the quadratic model, ½ gᵀHg, with H the inverse Hessian that L-BFGS has learnt."""
        steps, changes = (np.array(part) for part in zip(*self.pairs, strict=True))
        curved = np.einsum("ij,ij->i", steps, changes) > 0
        if not curved.any():
            return float("inf")
        return 0.5 * float(self.gradient @ LbfgsInvHessProduct(steps[curved], changes[curved]).matvec(self.gradient))
