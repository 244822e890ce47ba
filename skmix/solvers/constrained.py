"""Constrained optimisation of the parameters as they are."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.optimize import BFGS, Bounds, LinearConstraint, OptimizeResult, linprog, minimize
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval, StrOptions

from skmix.likelihood.model import ExplicitModelChart, Parameters
from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.result import Ending, Trace, wall_of

_MOST = 500
_INSIDE = 4 * np.finfo(float).eps  # how far inside an inequality, relative to its size, a point is put
_CONTRADICTION = "The constraints given to Constrained (weights, means, increasing) contradict each other; drop some."
_SNAPPED = 1e-7  # a point this near to the feasible set is moved into it; farther, it is no iterate yet


class Constrained(Solver):
    """Explicit constraints in place of coordinates without any: SLSQP or trust-constr, by SciPy.

    Weights lie on the simplex by constraints, standard deviations (the diagonals of Cholesky factors) and rates above a
    bound of 1e-6 and 1e-8 in standardised units, probabilities at least 1e-8 away from 0 and 1. What no other solver
    here can do: constraints of yours on weights and means, which every accepted iterate obeys. Both methods work with
    dense matrices of all parameters, so more than 500 are refused.

    Parameters
    ----------
    method : {"slsqp", "trust-constr"}, default="slsqp"
        Sequential quadratic programming, or an interior-point trust-region method (for constraints that SLSQP finds
        hard).
    weights : LinearConstraint, list of LinearConstraint or None, default=None
        ``scipy.optimize.LinearConstraint(A, lb, ub)`` on the weights, A of shape (m, n_components).
    means : LinearConstraint, list of LinearConstraint or None, default=None
        The same on the means (or rates, or probabilities of a 1) in the data's units, row by row: A of shape
        (m, n_components * n_features).
    increasing : int or None, default=None
        A feature by whose mean components are to be in increasing order. Neither is there for categorical features,
        which have no means.

    References
    ----------
    Kraft, D. (1988). A software package for sequential quadratic programming. DFVLR-FB 88-28.

    Byrd, R. H., Hribar, M. E. and Nocedal, J. (1999). An interior point algorithm for large-scale nonlinear
    programming. SIAM J. Optim. 9, 877–900. doi:10.1137/S1052623497325107

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.optimize import LinearConstraint
    >>> from skmix import GaussianMixture
    >>> from skmix.solvers import Constrained
    >>> X = [[0.0], [0.4], [0.9], [2.0], [2.4], [3.1]]
    >>> equal = LinearConstraint([[1, -1]], 0, 0)
    >>> mixture = GaussianMixture(n_components=2, solver=Constrained(weights=equal, increasing=0)).fit(X)
    >>> mixture.weights_, bool(mixture.means_[0, 0] <= mixture.means_[1, 0])
    (array([0.5, 0.5]), True)
    """

    name = "constrained"
    requires = ("explicit",)
    needs_gradient = True
    needs_independent_labels = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "method": [StrOptions({"slsqp", "trust-constr"})],
        "weights": [LinearConstraint, list, tuple, None],
        "means": [LinearConstraint, list, tuple, None],
        "increasing": [Interval(Integral, 0, None, closed="left"), None],
    }

    def __init__(self, method: str = "slsqp", weights: Any = None, means: Any = None, increasing: int | None = None):
        self.method = method
        self.weights = weights
        self.means = means
        self.increasing = increasing

    def check(self, objective: Objective) -> None:
        """Refuse parameters out of range, large models, and constraints that do not fit the model."""
        super().check(objective)
        self.refuse_more_than(_MOST, objective, "its time grows with the third power of their number")
        if not objective.model.family.explicit.locations and (self.means is not None or self.increasing is not None):
            raise ValueError(
                "The 'means' and 'increasing' parameters of Constrained are for components with means or rates, which "
                f"{type(objective.model.family).__name__} does not have; set both to None. 'weights' may be given."
            )
        A, low, high = self._limits(objective)
        bounds = [(0, None)] * objective.rows.n_components + [(None, None)] * (A.shape[1] - objective.rows.n_components)
        above, below = np.isfinite(high), np.isfinite(low)
        rows, limits = np.r_[A[above], -A[below]], np.r_[high[above], -low[below]]
        if linprog(np.zeros(A.shape[1]), rows, limits, bounds=bounds).status == 2:
            raise ValueError(_CONTRADICTION)

    def first(self, objective: Objective, start: Parameters) -> Point:
        """The start, moved to where the constraints hold."""
        chart, limits = self._explicit(objective, start)
        inside = limits.nearest(chart.coordinates(start))
        return objective.at(chart.parameters(inside))

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Run SciPy's optimiser."""
        chart, limits = self._explicit(objective, point.parameters)
        search = _Search(objective, chart, limits, point, trace)
        scaled = limits.scaled(search.begin, search.sizes)
        result = minimize(
            search.descend,
            np.zeros(int(limits.free.sum())),
            jac=True,
            method=self.method,
            bounds=Bounds(scaled.least, scaled.most),
            constraints=scaled.of_scipy(self.method),
            callback=search.called,
            **_arguments(self.method, trace, int(limits.free.sum())),
        )
        search.called(OptimizeResult(x=result.x))
        if trace.exhausted or result.nit >= trace.max_iter:
            return self.out_of_iterations(search.point, trace)
        if not result.success:
            return Ending(search.point, False, f"stopped: {self.method} says {result.message!r}", self.name)
        reason = f"converged: {self.method} found no better point within its tolerance, from tol={trace.tol:.1e}"
        return Ending(search.point, True, reason, self.name)

    def _explicit(self, objective: Objective, parameters: Parameters) -> tuple[ExplicitModelChart, _Limits]:
        chart = objective.model.explicit(parameters)
        A, low, high = self._limits(objective)
        A = np.pad(A, ((0, 0), (0, len(chart.start) - A.shape[1])))
        return chart, _Limits(A, low, high, chart.least, np.asarray(chart.most))

    def _limits(self, objective: Objective) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Low <= A [weights, means] <= high, means in standardised units: the simplex and what the user asks for."""
        K, d = objective.rows.n_components, objective.rows.n_features
        units = objective.units
        parts = [(np.r_[np.ones(K), np.zeros(K * d)][None], np.ones(1), np.ones(1))]
        for A, low, high in _given("weights", self.weights, K):
            parts.append((np.pad(A, ((0, 0), (0, K * d))), low, high))
        for A, low, high in _given("means", self.means, K * d):
            moved = A @ np.tile(units.centre, K)
            scaled = A * np.tile(units.scale, K)
            parts.append((np.pad(scaled, ((0, 0), (K, 0))), low - moved, high - moved))
        if self.increasing is not None:
            if self.increasing >= d:
                raise ValueError(
                    f"The 'increasing' parameter of Constrained must be a feature below {d}. Got {self.increasing}."
                )
            A = np.zeros((K - 1, K + K * d))
            at = K + np.arange(K) * d + self.increasing
            A[np.arange(K - 1), at[:-1]], A[np.arange(K - 1), at[1:]] = -1.0, 1.0
            parts.append((A, np.zeros(K - 1), np.full(K - 1, np.inf)))
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))  # type: ignore[return-value]


def _given(name: str, value: Any, size: int) -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Matrices and limits of the user's constraints on `size` numbers."""
    constraints = [] if value is None else [value] if isinstance(value, LinearConstraint) else value
    for constraint in constraints:
        if not isinstance(constraint, LinearConstraint):
            raise ValueError(
                f"The {name!r} parameter of Constrained must be a scipy.optimize.LinearConstraint or a list of them. "
                f"Got {constraint!r}."
            )
        dense = constraint.A.toarray() if issparse(constraint.A) else constraint.A
        A = np.atleast_2d(np.asarray(dense, dtype=np.float64))
        if A.shape[1] != size:
            raise ValueError(
                f"The {name!r} parameter of Constrained must have matrices with {size} columns for this model. Got "
                f"{A.shape[1]}."
            )
        low, high = (np.broadcast_to(np.asarray(limit, float), len(A)) for limit in (constraint.lb, constraint.ub))
        yield A, low, high


def _arguments(method: str, trace: Trace, size: int) -> dict[str, Any]:
    """What SciPy's `method` is told besides the problem in `size` unknowns."""
    tol = max(trace.tol, 1e-15)
    if method == "slsqp":
        return {"options": {"ftol": 1e-2 * tol, "maxiter": trace.max_iter}}
    # Of the largest entry of the gradient, not of its norm; it ends the fit whatever the barrier still is.
    gtol = 0.1 * np.sqrt(tol / size)
    options = {"gtol": gtol, "xtol": 1e-10, "barrier_tol": tol, "maxiter": trace.max_iter}
    return {"options": options, "hess": _Curvature()}


class _Curvature(BFGS):
    """SciPy's BFGS update, which warns of steps that change no gradient; those it has nothing to learn from."""

    def update(self, delta_x: np.ndarray, delta_grad: np.ndarray) -> None:
        if np.any(delta_grad):
            super().update(delta_x, delta_grad)


class _Limits(NamedTuple):
    """low <= A x <= high and least <= x <= most."""

    A: np.ndarray
    low: np.ndarray
    high: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @property
    def free(self) -> np.ndarray:
        """Which coordinates are not held between equal bounds, a mask."""
        return self.least < self.most

    def of_scipy(self, method: str) -> list[Any]:
        """The linear constraints as SciPy's `method` takes them."""
        if method == "trust-constr":
            return [LinearConstraint(self.A, self.low, self.high)] if len(self.A) else []
        equal = self.low == self.high
        below, above = np.isfinite(self.low) & ~equal, np.isfinite(self.high) & ~equal
        signed = np.concatenate([self.A[below], -self.A[above]])
        limit = np.r_[self.low[below], -self.high[above]]
        A, b = self.A[equal], self.low[equal]
        kinds = [{"type": "eq", "fun": lambda x: A @ x - b, "jac": lambda x: A}] if len(A) else []
        if len(signed):
            kinds.append({"type": "ineq", "fun": lambda x: signed @ x - limit, "jac": lambda x: signed})
        return kinds

    def scaled(self, begin: np.ndarray, sizes: np.ndarray) -> _Limits:
        """The same limits on u where x = begin + sizes·u, u being 0 where x is held."""
        free, moved = self.free, self.A @ begin
        least, most = ((bound - begin)[free] / sizes[free] for bound in (self.least, self.most))
        A = (self.A * sizes)[:, free]
        left = A.any(axis=1)  # others have nothing to say of what is free
        return _Limits(A[left], (self.low - moved)[left], (self.high - moved)[left], least, most)

    def nearest(self, x: np.ndarray) -> np.ndarray:
        """The nearest feasible point.

        Raises
        ------
        ValueError
            If there is none.
        """
        found = minimize(
            lambda y: (0.5 * np.sum((y - x) ** 2), y - x),
            np.clip(x, self.least, self.most),
            jac=True,
            method="slsqp",
            bounds=Bounds(self.least, self.most),
            constraints=self.of_scipy("slsqp"),
            options={"maxiter": 1000, "ftol": 1e-14},
        )
        inside = self.snap(found.x)
        if inside is None:
            raise ValueError(_CONTRADICTION)
        return inside

    def snap(self, x: np.ndarray) -> np.ndarray | None:
        """`x` with what rounding has left outside moved inside; None where it is farther out than that."""
        margin = np.where(self.low == self.high, 0.0, _INSIDE * (1.0 + np.abs(self.A).sum(axis=1)))
        y = np.clip(x, self.least, self.most)
        for _ in range(20):
            value = self.A @ y
            short, over = self.low - value, value - self.high
            outside = (short > 0) | (over > 0)
            if not outside.any():
                break
            move = np.where(short > 0, short + margin, -over - margin)[outside]
            y = np.clip(y + np.linalg.pinv(self.A[outside]) @ move, self.least, self.most)
        return y if np.linalg.norm(y - x) <= _SNAPPED * (1.0 + np.linalg.norm(x)) else None


class _Search:
    """Values and gradients for SciPy, and the feasible iterates among what it tries.

    SciPy works on u where x = begin + sizes·u, of what is not held: from the same Hessian in all directions its first
    step is then about EM's, and does not throw components across the data.
    """

    def __init__(self, objective: Objective, chart: ExplicitModelChart, limits: _Limits, point: Point, trace: Trace):
        self.objective, self.chart, self.limits, self.point, self.trace = objective, chart, limits, point, trace
        self.begin, self.sizes = chart.coordinates(point.parameters), chart.sizes(point.statistics)
        self.last: tuple[np.ndarray, Point] = (self.begin, point)

    def _whole(self, u: np.ndarray) -> np.ndarray:
        """All coordinates."""
        x = self.begin.copy()
        x[self.limits.free] += self.sizes[self.limits.free] * u
        return x

    def _at(self, x: np.ndarray) -> Point:
        if not np.array_equal(x, self.last[0]):
            self.last = (x.copy(), self.objective.at(self.chart.parameters(x)))
        return self.last[1]

    def descend(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        x, free = self._whole(u), self.limits.free
        point = self._at(x)
        gradient = self.objective.gradient(self.chart, x, point)[free]
        if not (np.isfinite(point.value) and np.isfinite(gradient).all()):
            return wall_of(self.point), np.zeros_like(u)
        return -point.value, -self.sizes[free] * gradient

    def called(self, intermediate_result: OptimizeResult, *_: Any) -> None:
        """SciPy's callback at every iterate: feasible ones that are not lower are accepted."""
        x = self._whole(np.asarray(getattr(intermediate_result, "x", intermediate_result)))
        inside = self.limits.snap(x)
        if inside is None or self.trace.exhausted:
            return
        point = self._at(x)
        if point.value > self.point.value:
            self.point = point._replace(parameters=self.chart.parameters(inside))
            self.trace.accept(self.point)
