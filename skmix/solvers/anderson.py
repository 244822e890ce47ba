"""Anderson acceleration of EM, damped and restarted."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.utils._param_validation import Interval

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import em_step
from skmix.solvers.result import Ending, Trace
from skmix.solvers.stopping import remaining_of_quasi_newton

_BASE = 1.2  # of the damping that fades with every accepted step


class Anderson(Solver):
    """Damped Anderson acceleration with restarts (DAAREM), monotone, in the coordinates of the component frame.

    The next point combines the last EM steps so that their residuals M(θ) − θ cancel in the least-squares sense. The
    combination is damped, less so the more steps succeed; the history is dropped every `order` steps; a step that
    would lower the objective is replaced by EM's. One pass a step, two where it is replaced.

    Parameters
    ----------
    order : int, default=10
        Steps that are combined; no more than half the number of parameters are.
    damping : float, default=25
        Steps until damping has faded to half: a published default of 25 is careful.

    References
    ----------
    Henderson, N. C. and Varadhan, R. (2019). Damped Anderson acceleration with restarts and monotonicity control for
    accelerating EM and EM-like algorithms. J. Comput. Graph. Statist. 28, 834–846. doi:10.1080/10618600.2019.1594835

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.1], [5.0], [5.1]]
    >>> GaussianMixture(n_components=2, solver="anderson").fit(X).converged_
    True
    """

    name = "anderson"
    requires = ("charts", "m_step")
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "order": [Interval(Integral, 1, None, closed="left")],
        "damping": [Interval(Real, 0.0, None, closed="left")],
    }

    def __init__(self, order: int = 10, damping: float = 25.0):
        self.order = order
        self.damping = damping

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Run from restart to restart until `tol` is reached."""
        successes = 0
        while not trace.exhausted:
            before = point.value
            cycle = _Cycle(objective, point)
            for _ in range(min(self.order, math.ceil(len(cycle.x) / 2))):
                share = float(expit((successes - self.damping) * math.log(_BASE)))
                successes += cycle.step(share)
                point = cycle.point
                trace.accept(point)
                noise = objective.noise(point.value)
                remaining = remaining_of_quasi_newton(trace.values, trace.tol, noise, cycle.hope)
                if remaining <= trace.tol:
                    return self.converged(point, remaining, trace)
                if trace.exhausted:
                    break
            if point.value - before <= 0.0:
                successes = max(successes - self.order, -2 * int(self.damping))
        return self.unfinished(point, trace)


class _Cycle:
    """The steps between two restarts, in the frame about their first point."""

    def __init__(self, objective: Objective, point: Point):
        self.objective, self.point = objective, point
        self.chart = objective.chart("frame", point)
        self.x = self.chart.start
        self.changes: list[tuple[np.ndarray, np.ndarray]] = []  # of x, and of the residual
        self.last: tuple[np.ndarray, np.ndarray] | None = None
        self.promise = float("inf")

    def hope(self) -> float:
        """Gain, nats per row, that the last combination hoped for."""
        return self.promise

    def step(self, share: float) -> bool:
        """Go to the next point; whether the combination was accepted. `share` is what damping leaves of it."""
        after_em = self.objective.m_step(self.point)
        residual = self.chart.coordinates(after_em) - self.x
        if self.last is not None:
            self.changes.append((self.x - self.last[0], residual - self.last[1]))
        self.last = (self.x, residual)
        x = self.x + residual
        if self.changes:
            dX, dF = (np.array(part).T for part in zip(*self.changes, strict=True))
            x = x - (dX + dF) @ _damped(dF, residual, share)
        point = self.objective.at(self.chart.parameters(x))
        accepted = point.value >= self.point.value
        if not accepted:
            point, x = em_step(self.objective, self.point), self.x + residual
        self.promise = 0.5 * float(residual @ (x - self.x))
        self.point, self.x = point, x
        return accepted


def _damped(dF: np.ndarray, residual: np.ndarray, share: float) -> np.ndarray:
    """The ridge solution γ of dF γ ≈ residual whose squared length is `share` of the least-squares one's."""
    U, s, Vt = np.linalg.svd(dF, full_matrices=False)
    kept = s > s[0] * 1e-10
    U, s, Vt = U[:, kept], s[kept], Vt[kept]
    if not len(s):
        return np.zeros(dF.shape[1])
    c = U.T @ residual

    def excess(log_ridge: float) -> float:
        return float(np.sum((c * s / (s**2 + np.exp(log_ridge))) ** 2) - share * np.sum((c / s) ** 2))

    low, high = 2 * np.log(s[-1]) - 40.0, 2 * np.log(s[0]) + 40.0
    ridge = np.exp(brentq(excess, low, high)) if excess(low) > 0 > excess(high) else 0.0
    return Vt.T @ (c * s / (s**2 + ridge))
