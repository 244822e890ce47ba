"""SQUAREM: EM steps extrapolated two at a time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import em_step
from skmix.solvers.result import Ending, Trace
from skmix.solvers.stopping import remaining_of_quasi_newton

_WIDEN = 4.0  # factor by which the longest extrapolation grows and shrinks


class SQUAREM(Solver):
    """Squared extrapolation of EM, scheme S3, monotone, in the coordinates of the component frame.

    From θ₀ two EM steps give θ₁, θ₂; with q = θ₁ − θ₀ and v = (θ₂ − θ₁) − q the next point is θ₀ + 2αq + α²v,
    α = ‖q‖/‖v‖. It is kept only where the objective does not fall, and θ₂ otherwise. The frame makes every
    extrapolated point valid and the lengths free of units. Two passes a cycle.

    References
    ----------
    Varadhan, R. and Roland, C. (2008). Simple and globally convergent methods for accelerating the convergence of any
    EM algorithm. Scand. J. Statist. 35, 335–353. doi:10.1111/j.1467-9469.2007.00585.x

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.1], [5.0], [5.1]]
    >>> GaussianMixture(n_components=2, solver="squarem").fit(X).converged_
    True
    """

    name = "squarem"
    requires: ClassVar[tuple[str, ...]] = ("charts", "m_step")

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Cycle until `tol` is reached."""
        squares = Squares(objective)
        while not trace.exhausted:
            middle = squares.step(point)
            trace.accept(middle)
            if trace.exhausted:
                return self.unfinished(middle, trace)
            point = squares.extrapolate(middle)
            trace.accept(point)
            noise = objective.noise(point.value)
            remaining = remaining_of_quasi_newton(trace.values, trace.tol, noise, lambda: squares.promise)
            if remaining <= trace.tol:
                return self.converged(point, remaining, trace)
        return self.unfinished(point, trace)


class Squares:
    """The two passes of a cycle: an EM step, and the extrapolation of it and the next one.

    Attributes
    ----------
    stretch : float
        ‖q‖/‖v‖, about 1/(1 − ρ) where one slow direction of rate ρ is left.
    promise : float
        Gain, nats per row, that remains if the last step's direction is the only one left: ½ ‖q‖²·stretch.
    name : str
        "squarem", or "em" while no cycle has been more than two EM steps.
    """

    def __init__(self, objective: Objective):
        self.objective = objective
        self.stretch, self.promise, self.name = 1.0, float("inf"), "em"
        self._longest = 1.0

    def step(self, point: Point) -> Point:
        """An EM step."""
        self._chart = self.objective.chart("frame", point)
        return em_step(self.objective, point)

    def extrapolate(self, middle: Point) -> Point:
        """From the point that `step` gave: the extrapolated one, or an EM step where that would be lower."""
        q = self._chart.coordinates(middle.parameters)
        v = self._chart.coordinates(self.objective.m_step(middle)) - 2.0 * q
        self.stretch = max(1.0, float(np.linalg.norm(q)) / (float(np.linalg.norm(v)) or 1.0))
        self.promise = 0.5 * self.stretch * float(q @ q)
        alpha = min(self.stretch, self._longest)
        point = self.objective.at(self._chart.parameters(2.0 * alpha * q + alpha**2 * v))
        active = alpha == self._longest
        if not point.value >= middle.value:
            self._longest = max(1.0, alpha / _WIDEN) if active else self._longest
            return em_step(self.objective, middle)
        self.name = SQUAREM.name if alpha > 1.0 else self.name
        self._longest *= _WIDEN if active else 1.0
        return point
