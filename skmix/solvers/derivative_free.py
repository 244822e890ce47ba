"""Optimisers that see values of the objective only."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy
from scipy.optimize import OptimizeResult, minimize
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.fixes import parse_version

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.result import Ending, Trace, wall_of

_MOST = 60
_COBYQA_SINCE = "1.14"


class DerivativeFree(Solver):
    """Nelder–Mead, Powell's or COBYQA (by SciPy) on values of the log-likelihood alone, in the component frame.

    The price of knowing no gradient, to be compared: hundreds of passes for a handful of parameters, thousands for
    fifty. Refuses more than 60. `max_iter` counts their own iterations, which need to be many.

    Parameters
    ----------
    method : {"nelder-mead", "powell", "cobyqa"}, default="nelder-mead"
        The optimiser; "cobyqa" needs SciPy 1.14.

    References
    ----------
    Nelder, J. A. and Mead, R. (1965). A simplex method for function minimization. Comput. J. 7, 308–313.
    doi:10.1093/comjnl/7.4.308

    Powell, M. J. D. (1964). An efficient method for finding the minimum of a function of several variables without
    calculating derivatives. Comput. J. 7, 155–162. doi:10.1093/comjnl/7.2.155

    Ragonneau, T. M. and Zhang, Z. (2024). COBYQA Version 1.1.2. https://www.cobyqa.com

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.solvers import DerivativeFree
    >>> X = [[0.0], [0.4], [0.9], [2.0], [2.4], [3.1]]
    >>> GaussianMixture(n_components=2, solver=DerivativeFree(), max_iter=5000).fit(X).solver_
    'derivative-free'
    """

    name = "derivative-free"
    requires = ("charts",)
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "method": [StrOptions({"nelder-mead", "powell", "cobyqa"})]
    }

    def __init__(self, method: str = "nelder-mead"):
        self.method = method

    def check(self, objective: Objective) -> None:
        """Refuse parameters out of range, large models, and COBYQA where SciPy lacks it."""
        super().check(objective)
        self.refuse_more_than(_MOST, objective, "without gradients, passes grow much faster than parameters")
        if self.method == "cobyqa" and parse_version(scipy.__version__) < parse_version(_COBYQA_SINCE):
            raise ValueError(
                f"DerivativeFree(method='cobyqa') needs SciPy {_COBYQA_SINCE}, this is {scipy.__version__}; upgrade "
                "it, or use method='powell'."
            )

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Run the optimiser in the frame about the start, and again about its end until that gains no more."""
        while True:
            search = _Search(objective, point, trace)
            options = _options(self.method, len(search.chart.start), trace)
            shared = {"method": self.method, "callback": search.called, "options": options}
            result = minimize(search.value, search.chart.start, **shared)
            gain, point = search.point.value - point.value, search.point
            if trace.exhausted:
                return self.unfinished(point, trace)
            if not result.success:
                return Ending(point, False, f"stopped: {result.message}", self.name)
            if gain <= trace.tol:
                reason = f"converged: begun anew, {self.method} gained no more than tol={trace.tol:.1e} nats per row"
                return Ending(point, True, reason, self.name)


def _options(method: str, p: int, trace: Trace) -> dict[str, Any]:
    """Tolerances such that about `tol` nats per row remain: values differ by the square of distances in the frame."""
    tol, much = max(trace.tol, 1e-15), 10**9
    distance = 0.1 * np.sqrt(tol)
    return {
        "nelder-mead": {
            "fatol": 0.1 * tol,
            "xatol": distance,
            "maxfev": much,
            "maxiter": much,
            "adaptive": True,
            "initial_simplex": np.vstack([np.zeros(p), 0.1 * np.eye(p)]),
        },
        "powell": {"ftol": 1e-2 * tol, "xtol": distance, "maxfev": much, "maxiter": much},
        "cobyqa": {"initial_tr_radius": 0.1, "final_tr_radius": distance, "maxfev": much, "maxiter": much},
    }[method]


class _Search:
    """Values of the objective, and the best point among them."""

    def __init__(self, objective: Objective, point: Point, trace: Trace):
        self.objective, self.trace = objective, trace
        self.chart = objective.chart("frame", point)
        self.point = self.best = point

    def value(self, z: np.ndarray) -> float:
        point = self.objective.at(self.chart.parameters(z))
        if point.value > self.best.value:
            self.best = point
        return -point.value if np.isfinite(point.value) else wall_of(self.point)

    def called(self, intermediate_result: OptimizeResult) -> None:
        """SciPy's callback at every iteration: the best point so far is the iterate."""
        self.point = self.best
        self.trace.accept(self.point)
        if self.trace.exhausted:
            raise StopIteration
