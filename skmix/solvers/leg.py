"""Climbing by gradients from one anchor to the next: what all gradient solvers share.

A *leg* is a run of line searches in the chart about one anchor. After `reanchor` iterations the chart is
made anew about the current point. Where a leg finds no better point, an EM step tells whether that is the optimum.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import EM, em_step, promise_of_em
from skmix.solvers.quasi_newton import Memory, wolfe_step
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
                # The search found nothing: at the optimum, or lost its way. An EM step tells which.
                after = em_step(objective, leg.point)
                trace.accept(after)
                if after.value - leg.point.value <= leg.point.error:
                    return self.converged(after, 0.0, trace)
                points.clear()
                points.append(after)
                ending = self.unfinished(after, trace)
        return ending


class Leg:
    """Line searches in the chart about one anchor; subclasses choose their directions.

    Parameters
    ----------
    objective : Objective
    points : sequence of Point
        The last accepted points; the last of all is the anchor.
    trace : Trace
    chart : str
        Name of the chart.
    memory : int
        Pairs of steps and gradient changes that are kept.

    Attributes
    ----------
    z, point, gradient
        The last accepted coordinates, the point there, and the objective's gradient.
    remaining : float or None
        The gain, nats per row, that remains, once it is no more than `tol`.
    interrupted : bool
        Whether the leg ended because it found nothing better.
    """

    curvature: ClassVar[float] = 0.9  # part of the slope that a line search may leave

    def __init__(self, objective: Objective, points: Points, trace: Trace, chart: str, memory: int = _PAIRS):
        self.objective, self.trace, self.points = objective, trace, points
        self.point = points[-1]
        self.chart = objective.chart(chart, self.point)
        self.z = self.chart.start
        self.gradient = self._gradient(self.z, self.point)
        self.memory = Memory(memory)
        self.last = (self.z, self.point, self.gradient)
        self.n_accepted = 0
        self.remaining: float | None = None
        self.interrupted = False

    def direction(self) -> np.ndarray:
        """Where to go next; uphill."""
        return self.gradient

    def forget(self) -> bool:
        """Drop what may have misled the last direction; whether there was anything."""
        return False

    def search(self, direction: np.ndarray) -> float | None:
        """A step length along `direction`; None where there is none uphill, or rounding would hide what it gains."""
        if self.gradient @ direction <= self.objective.noise(self.point.value):
            return None
        return wolfe_step(partial(self._along, direction), self._along(direction, 0.0), self.curvature)

    def climb(self, iterations: int) -> None:
        """Run until convergence, out of iterations, or a search that finds nothing better."""
        going = True
        while going and self.n_accepted < iterations:
            direction = self.direction()
            step = self.search(direction)
            if step is None and not self.forget():
                break
            if step is not None:
                going = self.accept(self.z + step * direction)
        self.interrupted = self.n_accepted < iterations

    def at(self, z: np.ndarray) -> tuple[Point, np.ndarray]:
        """The point at `z` and the objective's gradient there."""
        for known, point, gradient in (self.last, (self.z, self.point, self.gradient)):
            if np.array_equal(z, known):
                return point, gradient
        point = self.objective.at(self.chart.parameters(z))
        # Where it could not be evaluated the gradient means nothing, and may have cost many passes.
        gradient = self._gradient(z, point) if np.isfinite(point.value) else np.full_like(z, np.nan)
        self.last = (z.copy(), point, gradient)
        return point, gradient

    def _along(self, direction: np.ndarray, length: float) -> tuple[float, float]:
        point, gradient = self.at(self.z + length * direction)
        return point.value, float(gradient @ direction)

    def _gradient(self, z: np.ndarray, point: Point) -> np.ndarray:
        return self.objective.gradient(self.chart, z, point)

    def accept(self, z: np.ndarray) -> bool:
        """Go on from `z` unless it is lower; whether the leg goes on."""
        point, gradient = self.at(z)
        if not point.value >= self.point.value:
            return False
        self.memory.add(z - self.z, self.gradient - gradient)
        self.points.append(point)
        self.z, self.point, self.gradient = z, point, gradient
        self.n_accepted += 1
        self.trace.accept(point)
        remaining = self.estimate(self.trace.values[-self.n_accepted - 1 :])
        if remaining <= self.trace.tol:
            remaining = max(remaining, self.least_remaining())
        if remaining <= self.trace.tol:
            self.remaining = remaining
        return self.remaining is None and not self.trace.exhausted

    def estimate(self, values: list[float]) -> float:
        """Gain that remains, nats per row, from the values of this leg."""
        noise = self.objective.noise(self.point.value)
        return remaining_of_quasi_newton(values, self.trace.tol, noise, self._model_gain)

    def least_remaining(self) -> float:
        """A lower bound of the gain that remains, nats per row: what an EM step promises."""
        return promise_of_em(self.objective, self.point)

    def _model_gain(self) -> float:
        """Gain to the top of the quadratic model, ½ gᵀHg, with H the inverse Hessian that the pairs show."""
        if not self.memory:
            return float("inf")
        return 0.5 * float(self.gradient @ self.memory.inverse_product(self.gradient))
