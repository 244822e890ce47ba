"""Solvers: how a model is fitted. Each is a scikit-learn ``BaseEstimator``, given by name or as an instance.

=========  ========================================================================================
``em``     :class:`EM`, expectation–maximisation
``lbfgs``  :class:`LBFGS`, limited-memory BFGS in EM's component frame
``auto``   :class:`Auto`, EM steps first, then whichever of the others should need fewer passes
=========  ========================================================================================
"""

from __future__ import annotations

from skmix.solvers.auto import Auto
from skmix.solvers.base import Solver
from skmix.solvers.em import EM
from skmix.solvers.lbfgs import LBFGS

SOLVERS: dict[str, type[Solver]] = {solver.name: solver for solver in (EM, LBFGS, Auto)}

__all__ = ["EM", "LBFGS", "SOLVERS", "Auto", "Solver"]


def resolve(solver: str | Solver) -> Solver:
    """The solver named `solver`, or `solver` itself."""
    return SOLVERS[solver]() if isinstance(solver, str) else solver
