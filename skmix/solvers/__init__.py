"""Solvers: how a model is fitted. Each is a scikit-learn ``BaseEstimator``, given by name or as an instance.

====================  =================================================================================
``em``                :class:`EM`, expectation–maximisation
``squarem``           :class:`SQUAREM`, EM steps extrapolated two at a time
``anderson``          :class:`Anderson`, EM steps combined
``lbfgs``             :class:`LBFGS`, limited-memory BFGS in EM's component frame
``cg``                :class:`CG`, nonlinear conjugate gradients
``gradient-descent``  :class:`GradientDescent`, steepest ascent with a line search
``newton``            :class:`Newton`, trust-region Newton–CG with exact Hessian products
``riemannian``        :class:`Riemannian`, L-BFGS on the manifold of positive-definite matrices
``constrained``       :class:`Constrained`, SLSQP or trust-constr, with linear constraints of yours
``derivative-free``   :class:`DerivativeFree`, Nelder–Mead, Powell's or COBYQA
``online-em``         :class:`OnlineEM`, EM that updates the parameters many times a pass
``adam``              :class:`Adam`, stochastic gradients of minibatches
``auto``              :class:`Auto`, EM steps first, then whichever of the others should need fewer passes
====================  =================================================================================
"""

from __future__ import annotations

from skmix.solvers.adam import Adam
from skmix.solvers.anderson import Anderson
from skmix.solvers.auto import Auto
from skmix.solvers.base import Solver
from skmix.solvers.conjugate_gradients import CG
from skmix.solvers.constrained import Constrained
from skmix.solvers.derivative_free import DerivativeFree
from skmix.solvers.em import EM
from skmix.solvers.gradient_descent import GradientDescent
from skmix.solvers.lbfgs import LBFGS
from skmix.solvers.newton import Newton
from skmix.solvers.online_em import OnlineEM
from skmix.solvers.riemannian import Riemannian
from skmix.solvers.squarem import SQUAREM

_ALL = (
    EM,
    SQUAREM,
    Anderson,
    LBFGS,
    CG,
    GradientDescent,
    Newton,
    Riemannian,
    Constrained,
    DerivativeFree,
    OnlineEM,
    Adam,
    Auto,
)
SOLVERS: dict[str, type[Solver]] = {solver.name: solver for solver in _ALL}

__all__ = [
    "CG",
    "EM",
    "LBFGS",
    "SOLVERS",
    "SQUAREM",
    "Adam",
    "Anderson",
    "Auto",
    "Constrained",
    "DerivativeFree",
    "GradientDescent",
    "Newton",
    "OnlineEM",
    "Riemannian",
    "Solver",
]


def resolve(solver: str | Solver) -> Solver:
    """The solver named `solver`, or `solver` itself."""
    return SOLVERS[solver]() if isinstance(solver, str) else solver
