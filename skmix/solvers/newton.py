"""Newton's method in a trust region, with exact Hessian-vector products."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.utils._param_validation import StrOptions

from skmix.likelihood.objective import Objective
from skmix.solvers.leg import GradientSolver, Leg, Points
from skmix.solvers.result import Trace, wall_of
from skmix.solvers.stopping import remaining_of_superlinear


class Newton(GradientSolver):
    """Trust-region Newton–CG in the component frame; one pass a product of the Hessian with a vector.

    In the frame the complete-data information is the identity, so that conjugate gradients solve for the Newton step
    without a preconditioner. Few iterations, each of several passes: for tight tolerances where EM is slow.

    Parameters
    ----------
    subproblem : {"trust-ncg", "trust-krylov"}, default="trust-ncg"
        SciPy's solver of the trust-region problem: Steihaug's conjugate gradients, or Lanczos to (near) exactness.
    warmup : int, default=5
        Least number of EM steps first, as for :class:`LBFGS`. 0 for none.
    reanchor : int, default=50
        Iterations, at least 5, after which the frame is made anew about the current point.

    References
    ----------
    Steihaug, T. (1983). The conjugate gradient method and trust regions in large scale optimization. SIAM J. Numer.
    Anal. 20, 626–637. doi:10.1137/0720042

    Louis, T. A. (1982). Finding the observed information matrix when using the EM algorithm. J. R. Statist. Soc. B 44,
    226–233. doi:10.1111/j.2517-6161.1982.tb01203.x

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.solvers import Newton
    >>> X = [[0.0], [0.4], [0.9], [2.0], [2.4], [3.1]]
    >>> GaussianMixture(n_components=2, solver=Newton(warmup=0)).fit(X).solver_
    'newton'
    """

    name = "newton"
    chart = "frame"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "subproblem": [StrOptions({"trust-ncg", "trust-krylov"})],
        **{name: GradientSolver._parameter_constraints[name] for name in ("warmup", "reanchor")},
    }

    def __init__(self, subproblem: str = "trust-ncg", warmup: int = 5, reanchor: int = 50):
        self.subproblem = subproblem
        self.warmup = warmup
        self.reanchor = reanchor

    def leg(self, objective: Objective, points: Points, trace: Trace) -> Leg:
        """A run of SciPy's trust-region method."""
        return _TrustRegion(objective, points, trace, self.subproblem)


class _TrustRegion(Leg):
    """A leg of SciPy's instead of line searches."""

    def __init__(self, objective: Objective, points: Points, trace: Trace, subproblem: str):
        super().__init__(objective, points, trace, Newton.chart)
        self.subproblem = subproblem

    def climb(self, iterations: int) -> None:
        options = {"maxiter": iterations, "gtol": 0.0}
        shared = {"jac": True, "hessp": self._curvature, "callback": self._called, "options": options}
        with suppress(StopIteration):
            minimize(self._descend, self.z, method=self.subproblem, **shared)
        self.interrupted = self.n_accepted < iterations

    def _descend(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        point, gradient = self.at(z)
        if not (np.isfinite(point.value) and np.isfinite(gradient).all()):
            return wall_of(self.point), np.zeros_like(z)
        return -point.value, -gradient

    def _curvature(self, z: np.ndarray, v: np.ndarray) -> np.ndarray:
        point, _ = self.at(z)
        product = self.objective.hessian_product(self.chart, z, point, v)
        if not np.isfinite(product).all():
            raise StopIteration
        return -product

    def _called(self, intermediate_result: OptimizeResult) -> None:
        """SciPy's callback at every iterate; StopIteration ends the leg."""
        z = np.asarray(intermediate_result.x)
        if not np.array_equal(z, self.z) and not self.accept(z.copy()):
            raise StopIteration

    def estimate(self, values: list[float]) -> float:
        return remaining_of_superlinear(values)
