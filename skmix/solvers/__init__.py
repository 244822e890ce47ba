"""Solvers: how a model is fitted. Each is a scikit-learn ``BaseEstimator``, given by name or as an instance.

====================  =================================================================================
``em``                :class:`EM`, expectation–maximisation
``squarem``           :class:`SQUAREM`, EM steps extrapolated two at a time
``anderson``          :class:`Anderson`, EM steps combined
``lbfgs``             :class:`LBFGS`, limited-memory BFGS in EM's component frame
``cg``                :class:`CG`, nonlinear conjugate gradients
``gradient-descent``  :class:`GradientDescent`, steepest ascent with a line search
``newton``            :class:`Newton`, trust-region Newton–CG with exact Hessian products
``auto``              :class:`Auto`, EM steps first, then whichever of the others should need fewer passes
====================  =================================================================================
"""

from __future__ import annotations

from skmix.solvers.anderson import Anderson
from skmix.solvers.auto import Auto
from skmix.solvers.base import Solver
from skmix.solvers.conjugate_gradients import CG
from skmix.solvers.em import EM
from skmix.solvers.gradient_descent import GradientDescent
from skmix.solvers.lbfgs import LBFGS
from skmix.solvers.newton import Newton
from skmix.solvers.squarem import SQUAREM

_ALL = (EM, SQUAREM, Anderson, LBFGS, CG, GradientDescent, Newton, Auto)
SOLVERS: dict[str, type[Solver]] = {solver.name: solver for solver in _ALL}

__all__ = ["EM", "SOLVERS", "Solver", *(solver.__name__ for solver in _ALL if solver is not EM)]


def resolve(solver: str | Solver) -> Solver:
    """The solver named `solver`, or `solver` itself."""
    return SOLVERS[solver]() if isinstance(solver, str) else solver
