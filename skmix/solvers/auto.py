"""A solver chosen by what EM's first steps show."""

from __future__ import annotations

import math
from collections import deque
from numbers import Integral
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.lbfgs import LBFGS
from skmix.solvers.leg import RECENT, GradientSolver
from skmix.solvers.newton import Newton
from skmix.solvers.result import Ending, Trace
from skmix.solvers.squarem import Squares
from skmix.solvers.stopping import remaining_of_linear, travelling

# Passes that solvers need, c·L^a, with L = log(gain to come / tol): doc/develop/architecture.md says how c and a were
# found. Runs scatter by a factor of 2.5 about it.
_PASSES = {"squarem": (0.9, 1.29), "lbfgs": (0.55, 1.24), "newton": (1.1, 1.24)}
_FINISHERS: dict[str, type[GradientSolver]] = {"lbfgs": LBFGS, "newton": Newton}


class Auto(Solver):
    """EM first, extrapolated; then whichever solver should need the fewest passes.

    Cycles of SQUAREM, which are two EM steps where EM is fast, go on while components are on their way: as long as a
    pass gains more than 3e-3 nats per row no other solver is faster. From then on each cycle tells EM's rate ρ and
    the gain that is still to come; from these follow the passes that EM, SQUAREM, L-BFGS and Newton should need, and
    the least of them decides who goes on. The forecasts are in the fitted estimator's `history_` ("rate", and
    "passes_em", "passes_squarem", … to go; NaN at iterates where there was none), the choice in `solver_`.

    Parameters
    ----------
    probe : int, default=3
        Passes before the first choice.

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> GaussianMixture(n_components=2).fit([[0.0], [0.1], [5.0], [5.1]]).solver_
    'em'
    """

    name = "auto"
    requires = ("charts", "m_step")
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"probe": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, probe: int = 3):
        self.probe = probe

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Cycle, asking after each cycle who should finish."""
        squares, points = Squares(objective), deque([point], maxlen=RECENT)
        stretches: deque[float] = deque(maxlen=RECENT)
        while not trace.exhausted:
            for advance in (squares.step, squares.extrapolate):
                point = advance(point)
                points.append(point)
                trace.accept(point)
                remaining = remaining_of_linear(trace.values, objective.noise(point.value))
                if remaining <= trace.tol:
                    return self.converged(point, remaining, trace)._replace(solver=squares.name)
                if trace.exhausted:
                    return self.unfinished(point, trace)
            stretches.append(squares.stretch)
            if trace.n_iter >= self.probe and not travelling(trace.values[-3::2], passes=2):
                finisher = self._choose(objective, max(stretches), squares.promise, trace)
                if finisher is not None:
                    return finisher.finish(objective, points, trace)
        return self.unfinished(point, trace)

    def _choose(self, objective: Objective, stretch: float, gain: float, trace: Trace) -> GradientSolver | None:
        """The solver that should need the fewest passes, None for more cycles; the forecasts go into the trace."""
        passes = forecast(stretch, gain, trace.tol)
        trace.note(rate=1.0 - 1.0 / stretch, **{f"passes_{name}": value for name, value in passes.items()})
        if not objective.model.family.has_gradient:
            return None
        best = min(passes, key=passes.__getitem__)
        return _FINISHERS[best]() if best in _FINISHERS else None


def forecast(stretch: float, gain: float, tol: float) -> dict[str, float]:
    """Passes that each solver should still need.

    Parameters
    ----------
    stretch : float
        1/(1 − ρ), ρ being EM's rate.
    gain : float
        What is still to be gained, nats per row.
    tol : float
        What may remain of it.
    """
    depth = math.log(max(gain, 1e-300) / max(tol, 1e-15))
    if depth <= 0.0:
        return dict.fromkeys(("em", *_PASSES), 0.0)
    # EM's gains shrink by ρ² a step.
    per_nat = 0.0 if stretch <= 1.0 else -0.5 / math.log1p(-1.0 / stretch)
    return {"em": depth * per_nat, **{name: c * depth**a for name, (c, a) in _PASSES.items()}}
