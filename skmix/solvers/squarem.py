"""SQUAREM: EM steps extrapolated two at a time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import em_step
from skmix.solvers.result import Ending, Trace
from skmix.solvers.stopping import remaining_of_accelerated

_WIDEN = 4.0  # factor by which the longest extrapolation grows and shrinks


class SQUAREM(Solver):
    """Squared extrapolation of EM, scheme S3, monotone, in the coordinates of the component frame.

    From θ₀ two EM steps give θ₁, θ₂; with q = θ₁ − θ₀ and v = (θ₂ − θ₁) − q the next point is θ₀ + 2αq + α²v,
    α = |q|/|v|. It is kept only where the objective does not fall, and θ₂ otherwise. The frame makes every
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
        longest = 1.0
        while not trace.exhausted:
            chart = objective.chart("frame", point)
            middle = em_step(objective, point)
            trace.accept(middle)
            if trace.exhausted:
                return self.unfinished(middle, trace)
            q, end = (chart.coordinates(parameters) for parameters in (middle.parameters, objective.m_step(middle)))
            v = end - 2.0 * q
            alpha = min(max(1.0, _ratio(q, v)), longest)
            point = objective.at(chart.parameters(2.0 * alpha * q + alpha**2 * v))
            if not point.value >= middle.value:
                point = em_step(objective, middle)
                longest = max(1.0, longest / _WIDEN) if alpha == longest else longest
            elif alpha == longest:
                longest *= _WIDEN
            trace.accept(point)
            gain = 0.5 * _ratio(q, v) * float(q @ q)
            remaining = remaining_of_accelerated(trace.values, trace.tol, objective.noise(point.value), gain)
            if remaining <= trace.tol:
                return self.converged(point, remaining, trace)
        return self.unfinished(point, trace)


def _ratio(q: np.ndarray, v: np.ndarray) -> float:
    length = float(np.linalg.norm(v))
    return float(np.linalg.norm(q)) / length if length > 0 else 1.0
