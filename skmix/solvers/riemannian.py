"""L-BFGS on the manifold of positive-definite matrices."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import em_step, promise_of_em
from skmix.solvers.quasi_newton import Memory, wolfe_step
from skmix.solvers.result import Ending, Trace
from skmix.solvers.stopping import remaining_of_quasi_newton


class Riemannian(Solver):
    """Riemannian L-BFGS on the reformulated mixture of Hosseini and Sra; full covariances only.

    Each Gaussian becomes a centred one of dimension d + 1, whose matrix moves along geodesics; weights are softmax. It
    is the field's reference among manifold methods, here to be compared. `history_` holds the objective of the
    reformulated mixture: a lower bound of that of the Gaussians, equal to it at an optimum.

    Parameters
    ----------
    memory : int, default=20
        Pairs of steps and gradient changes that are kept.

    References
    ----------
    Hosseini, R. and Sra, S. (2020). An alternative to EM for Gaussian mixture models: batch and stochastic Riemannian
    optimization. Math. Program. 181, 187–223. doi:10.1007/s10107-019-01381-4

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.4], [0.9], [2.0], [2.4], [3.1]]
    >>> GaussianMixture(n_components=2, solver="riemannian").fit(X).solver_
    'riemannian'
    """

    name = "riemannian"
    requires = ("manifold",)
    takes = "It takes Gaussian mixtures with covariance_type='full' only."
    needs_gradient = True
    needs_independent_labels = True
    needs_all_free = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"memory": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, memory: int = 20):
        self.memory = memory

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Step along geodesics until `tol` is reached, then evaluate the mixture of Gaussians itself."""
        ending = self._climb(objective, point, trace)
        return ending._replace(point=trace.settle(objective.at(ending.point.parameters)))

    def _climb(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        at = _Place.start(objective, point)
        memory = Memory(self.memory)
        first = len(trace.values) - 1
        while not trace.exhausted:
            direction = memory.inverse_product(at.gradient)
            step, reached = _search(objective, at, direction)
            if reached is None and memory:
                memory.clear()  # the memory misled: once more along the gradient
                continue
            if reached is None:  # at the optimum, or lost its way: an EM step tells
                after = em_step(objective, at.point)
                trace.accept(after)
                if after.value - at.point.value <= at.point.error:
                    return self.converged(after, 0.0, trace)
                at = _Place.start(objective, after)
                continue
            if not memory.add(step * direction, at.gradient - reached.gradient):
                memory.clear()
            at = reached
            trace.accept(at.point)
            noise = objective.noise(at.point.value)
            remaining = remaining_of_quasi_newton(trace.values[first:], trace.tol, noise, partial(at.promise, memory))
            if remaining <= trace.tol:
                remaining = max(remaining, promise_of_em(objective, at.point))
            if remaining <= trace.tol:
                return self.converged(at.point, remaining, trace)
        return self.unfinished(at.point, trace)


class _Place(NamedTuple):
    """Where the solver is: a point of the manifold, the softmax logits of the weights, and what a pass gave there.

    `point` holds the valid parameters, and the value of the reformulated objective.
    """

    manifold: Any
    logits: np.ndarray
    point: Point
    gradient: np.ndarray

    @classmethod
    def start(cls, objective: Objective, point: Point) -> _Place:
        weights, components = point.parameters
        manifold = objective.model.family.manifold.of(components)
        return cls._with(objective, manifold, np.log(weights), point)

    def promise(self, memory: Memory) -> float:
        """Gain to the top of the quadratic model that the pairs show, nats per row."""
        return 0.5 * float(self.gradient @ memory.inverse_product(self.gradient))

    def move(self, objective: Objective, tangent: np.ndarray) -> _Place:
        """The place at the end of the geodesic; one pass."""
        K = len(self.logits)
        logits = self.logits + tangent[:K]
        weights = np.exp(logits - logits.max())
        weights /= weights.sum()
        manifold = self.manifold.move(tangent[K:].reshape(self.manifold.factors.shape))
        point = objective.at(Parameters(weights * np.exp(manifold.excess), manifold.components))
        valid = Parameters(weights, manifold.components)
        return self._with(objective, manifold, logits, point._replace(parameters=valid))

    @classmethod
    def _with(cls, objective: Objective, manifold: Any, logits: np.ndarray, point: Point) -> _Place:
        labels, components = point.statistics.latent, point.statistics.components
        of_logits = labels.counts - labels.counts.sum() * point.parameters.latent
        family: Any = objective.model.family
        of_manifold = manifold.gradient(components, labels.counts, family.rows_behind(components.counts))
        gradient = np.concatenate([of_logits, of_manifold.ravel()])
        return cls(manifold, logits, point, gradient / objective.rows.total_weight)


def _search(objective: Objective, at: _Place, direction: np.ndarray) -> tuple[float, _Place | None]:
    """A step along the geodesic that meets Wolfe's conditions; none where rounding would hide what it gains."""
    if at.gradient @ direction <= objective.noise(at.point.value):
        return 0.0, None
    seen: dict[float, _Place] = {}

    def look(length: float) -> tuple[float, float]:
        seen[length] = at.move(objective, length * direction)
        return seen[length].point.value, float(seen[length].gradient @ direction)

    step = wolfe_step(look, (at.point.value, float(at.gradient @ direction)))
    return (0.0, None) if step is None else (step, seen[step])
