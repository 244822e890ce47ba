"""Climbing by gradients from one anchor to the next: what all gradient solvers share.

A *leg* is a run of an unconstrained optimiser in the chart about one anchor. After `reanchor` iterations the chart is
made anew about the current point. Where a leg finds no better point, an EM step tells whether that is the optimum.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.utils._param_validation import Interval

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import EM
from skmix.solvers.quasi_newton import Pair, inverse_product, is_curved
from skmix.solvers.result import Ending, Trace
from skmix.solvers.stopping import remaining_of_quasi_newton, travelling

LEAST_LEG = 5  # fewer iterations cannot show that they gain little
RECENT = 3  # last points of a warm-up: what earlier ones show of the curvature misleads
_PAIRS = 30
Points = deque[Point]


class GradientSolver(Solver):
    """Base of solvers that run an optimiser from anchor to anchor, after EM has warmed up.

    Subclasses have the parameters `chart`, `warmup` and `reanchor`, and make a :class:`Leg`.
    """

    requires = ("charts", "m_step")
    needs_gradient = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "chart": [str],
        "warmup": [Interval(Integral, 0, None, closed="left")],
        "reanchor": [Interval(Integral, LEAST_LEG, None, closed="left")],
    }
    chart: str
    warmup: int
    reanchor: int

    def check(self, objective: Objective) -> None:
        """Refuse parameters out of range and models without the chart."""
        super().check(objective)
        family = objective.model.family
        if self.chart not in family.charts:
            raise ValueError(
                f"The 'chart' parameter of {type(self).__name__} must be one of {sorted(family.charts)} for "
                f"{type(family).__name__}. Got {self.chart!r} instead."
            )

    @abstractmethod
    def leg(self, objective: Objective, points: Points, trace: Trace) -> Leg:
        """A leg about the last of the `points`, the last accepted ones."""

    def remembered(self) -> int:
        """How many of the last points a leg wants to know."""
        return 1

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Warm up by EM, then run from anchor to anchor."""
        em, points = EM(), deque([point], maxlen=RECENT)
        ending = self.unfinished(point, trace)
        while ending.unfinished and (trace.n_iter < self.warmup or (self.warmup and travelling(trace.values))):
            ending = em.run(objective, ending.point, trace, 1)
            points.append(ending.point)
        return self.finish(objective, points, trace) if ending.unfinished else ending

    def finish(self, objective: Objective, points: Points, trace: Trace) -> Ending:
        """Run from anchor to anchor, beginning at the last of the `points`, the last accepted ones."""
        points, ending = deque(points, maxlen=self.remembered()), self.unfinished(points[-1], trace)
        while ending.unfinished:
            leg = self.leg(objective, points, trace)
            leg.climb(min(self.reanchor, trace.max_iter - trace.n_iter))
            if leg.remaining is not None:
                return self.converged(leg.point, leg.remaining, trace)
            ending = self.unfinished(leg.point, trace)
            if leg.interrupted and ending.unfinished:
                # The line search found nothing: at the optimum, or lost its way. An EM step tells which.
                ending = EM().run(objective, leg.point, trace, 1)
                gain = ending.point.value - leg.point.value
                if leg.n_accepted == 0 and ending.unfinished and gain <= leg.point.error:
                    return self.converged(ending.point, 0.0, trace)
                points.clear()
                points.append(ending.point)
        return ending._replace(solver=self.name)


class Leg:
    """One run of an optimiser in the chart about one anchor; here, of one of SciPy's.

    Parameters
    ----------
    objective : Objective
    points : sequence of Point
        The last accepted points; the last of all is the anchor.
    trace : Trace
    chart : str
        Name of the chart.
    method : str
        SciPy's name of the optimiser.
    options : dict, optional
        Its options.
    memory : int
        Pairs of steps and gradient changes from which the remaining gain is estimated.
    scaled : bool
        Run in units of the gradient's norm at the anchor. SciPy's line searches try a step of length 1 first: that is
        then the unit gradient step, in the frame an EM step.
    """

    def __init__(
        self,
        objective: Objective,
        points: Points,
        trace: Trace,
        chart: str,
        method: str = "",
        options: dict[str, Any] | None = None,
        memory: int = _PAIRS,
        scaled: bool = True,
    ):
        self.objective, self.trace, self.points = objective, trace, points
        self.point = point = points[-1]
        self.method, self.options = method, options or {}
        self.chart = objective.chart(chart, point)
        self.gradient = self._gradient(self.chart.start, point)
        self.unit = (float(np.linalg.norm(self.gradient)) or 1.0) if scaled else 1.0
        self.u = np.zeros_like(self.chart.start)
        self.pairs: deque[Pair] = deque(maxlen=memory)
        self.last = (self.u, point, self.gradient)
        self.n_accepted = 0
        self.remaining: float | None = None
        self.interrupted = False

    def climb(self, iterations: int) -> None:
        """Run until convergence, out of iterations, or a search that finds nothing better."""
        options = {"maxiter": iterations, "gtol": 0.0, **self.options}
        minimize(self._descend, self.u, jac=True, method=self.method, callback=self._called, options=options)
        self.interrupted = self.n_accepted < iterations

    def at(self, u: np.ndarray) -> tuple[Point, np.ndarray]:
        """The point at `u` and the objective's gradient in z there."""
        for known, point, gradient in (self.last, (self.u, self.point, self.gradient)):
            if np.array_equal(u, known):
                return point, gradient
        z = self.chart.start + self.unit * u
        point = self.objective.at(self.chart.parameters(z))
        # Where it could not be evaluated the gradient means nothing, and may have cost many passes.
        gradient = self._gradient(z, point) if np.isfinite(point.value) else np.full_like(u, np.nan)
        self.last = (u.copy(), point, gradient)
        return point, gradient

    def _gradient(self, z: np.ndarray, point: Point) -> np.ndarray:
        return self.objective.gradient(self.chart, z, point)

    def _descend(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        point, gradient = self.at(u)
        if not (np.isfinite(point.value) and np.isfinite(gradient).all()):
            # Too long a step: a wall high enough to be refused, low enough to interpolate from.
            return -self.point.value + 10.0 * max(1.0, abs(self.point.value)), np.zeros_like(u)
        return -point.value, -self.unit * gradient

    def _called(self, intermediate_result: OptimizeResult) -> None:
        """SciPy's callback at every iterate; StopIteration ends the leg."""
        u = np.asarray(intermediate_result.x)
        if not np.array_equal(u, self.u) and not self.accept(u.copy()):
            raise StopIteration

    def accept(self, u: np.ndarray) -> bool:
        """Go on from `u` unless it is lower; whether the leg goes on."""
        point, gradient = self.at(u)
        if not point.value >= self.point.value:
            return False
        pair = (self.unit * (u - self.u), self.gradient - gradient)
        if is_curved(pair):
            self.pairs.append(pair)
        self.points.append(point)
        self.u, self.point, self.gradient = u, point, gradient
        self.n_accepted += 1
        self.trace.accept(point)
        remaining = self.estimate(self.trace.values[-self.n_accepted - 1 :])
        if remaining <= self.trace.tol:
            self.remaining = remaining
        return self.remaining is None and not self.trace.exhausted

    def estimate(self, values: list[float]) -> float:
        """Gain that remains, nats per row, from the values of this leg."""
        return remaining_of_quasi_newton(values, self.trace.tol, self._model_gain)

    def _model_gain(self) -> float:
        """Gain to the top of the quadratic model, ½ gᵀHg, with H the inverse Hessian that the pairs show."""
        if not self.pairs:
            return float("inf")
        return 0.5 * float(self.gradient @ inverse_product(self.pairs, self.gradient))
