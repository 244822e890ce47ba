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
from skmix.solvers.stopping import steps_to, travelling


class Auto(Solver):
    """EM first; then EM or L-BFGS, whichever should need fewer passes.

    EM's first steps may be large, and its gains then shrink by a constant factor a step. From that factor follows how
    many steps EM still needs to reach `tol`; where that is more than `patience`, L-BFGS in the component frame
    finishes. The question is asked again after each EM step.

    Parameters
    ----------
    probe : int, default=3
        EM steps before the first choice.
    patience : int, default=8
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

    def __init__(self, probe: int = 3, patience: int = 8):
        self.probe = probe
        self.patience = patience

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """EM, asked again after each step how far it has to go; L-BFGS from where that is too far."""
        em = EM()
        ending = em.run(objective, point, trace, self.probe)
        while ending.unfinished:
            if not travelling(trace.values) and steps_to(trace.tol, trace.values) > self.patience:
                return LBFGS(warmup=0).run(objective, ending.point, trace)
            ending = em.run(objective, ending.point, trace, 1)
        return ending
