"""A solver chosen by what EM's first steps show."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import EM
from skmix.solvers.lbfgs import LBFGS
from skmix.solvers.result import Ending, Trace
from skmix.solvers.stopping import steps_to


class Auto(Solver):
    """EM steps first; then EM or L-BFGS, whichever should need fewer passes.

    EM's gains shrink by a constant factor a step. From that factor follows how many steps EM still needs to reach
    `tol`; where that is more than `patience`, L-BFGS in the component frame finishes.

    Parameters
    ----------
    probe : int, default=6
        EM steps before the choice.
    patience : int, default=12
        Predicted EM steps up to which EM goes on.

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> GaussianMixture(n_components=2).fit([[0.0], [0.1], [5.0], [5.1]]).solver_
    'em'
    """

    name = "auto"
    requires = ("m_step",)
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "probe": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(self, probe: int = 6, patience: int = 12):
        self.probe = probe
        self.patience = patience

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Probe by EM, then hand over to the finisher."""
        em = EM()
        ending = em.run(objective, point, trace, self.probe)
        if ending.converged or trace.exhausted:
            return ending
        slow = steps_to(trace.tol, trace.values) > self.patience
        finisher = LBFGS(warmup=0) if slow and objective.model.family.charts else em
        return finisher.run(objective, ending.point, trace)
