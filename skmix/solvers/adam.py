"""Adam on minibatches, in the component frame."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import em_step, remaining_of_epochs
from skmix.solvers.result import Ending, Trace

_DECAY = (0.9, 0.999)  # of the averages of the gradient and of its square
_HALVINGS = 10  # in a row: then steps no longer gain
_RECOVERY = 1.2  # of the step length, with every epoch that is kept


class Adam(Solver):
    """Adam: stochastic gradients of minibatches, each coordinate with a step length of its own.

    An epoch goes once through the rows in random batches; then the objective is evaluated by a pass over all rows: an
    epoch costs two passes. One that lowers the objective is taken back and the step length halved; it recovers by a
    fifth with every epoch that is kept. It is here to be compared: the geometry that EM has for free, Adam must learn
    from noisy gradients.

    Parameters
    ----------
    learning_rate : float, default=0.02
        Length of the first steps, in the frame's coordinates.
    batch_size : int, default=1024
        Rows of a minibatch (about, where sequences must stay whole).
    random_state : int or None, default=None
        Seed; None takes one from the estimator's `random_state`. It draws the batches.

    References
    ----------
    Kingma, D. P. and Ba, J. (2015). Adam: a method for stochastic optimization. ICLR. arXiv:1412.6980

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.1], [5.0], [5.1]]
    >>> GaussianMixture(n_components=2, solver="adam", tol=1e-3).fit(X).solver_
    'adam'
    """

    name = "adam"
    requires = ("charts",)
    needs_gradient = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": [Integral, None],
    }

    def __init__(self, learning_rate: float = 0.02, batch_size: int = 1024, random_state: int | None = None):
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.random_state = random_state

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Epoch after epoch, until `tol` is reached or the shortest steps gain nothing."""
        rng, rate, halvings = (
            check_random_state(trace.seed if self.random_state is None else self.random_state),
            self.learning_rate,
            0,
        )
        while not trace.exhausted:
            chart = objective.chart("frame", point)
            reached = objective.at(chart.parameters(self._epoch(objective, chart, rate, rng)))
            if not reached.value >= point.value:
                rate, halvings = 0.5 * rate, halvings + 1
                if halvings == _HALVINGS:
                    return self._stuck(objective, point, trace)
                continue
            point = reached
            rate, halvings = min(_RECOVERY * rate, self.learning_rate), 0
            trace.accept(point)
            remaining = remaining_of_epochs(trace.values, objective, point)
            if remaining <= trace.tol:
                return self.converged(point, remaining, trace)
        return self.unfinished(point, trace)

    def _stuck(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Whether the shortest steps gain nothing because there is nothing to gain: an EM step tells."""
        after = em_step(objective, point)
        if after.value - point.value <= objective.noise(point.value):
            return self.converged(point, 0.0, trace)
        reason = f"stopped: steps no longer gain, after {_HALVINGS} halvings of their length in a row"
        return Ending(point, False, reason, self.name, "Polish with solver='lbfgs' and warm_start=True.")

    def _epoch(self, objective: Objective, chart: Any, rate: float, rng: np.random.RandomState) -> np.ndarray:
        """The coordinates after one pass in batches, averaged over its second half."""
        z, mean, square = chart.start, 0.0, 0.0
        n = objective.n_units
        batches = np.array_split(rng.permutation(n), min(n, -(-objective.rows.n_samples // self.batch_size)))
        tail = np.zeros_like(z)
        for t, chosen in enumerate(batches, start=1):
            parameters = chart.parameters(z)
            statistics = objective.subset(np.sort(chosen)).estimate(parameters)
            gradient = objective.gradient_from(chart, z, parameters, statistics)
            mean = _DECAY[0] * mean + (1 - _DECAY[0]) * gradient
            square = _DECAY[1] * square + (1 - _DECAY[1]) * gradient**2
            step = mean / (1 - _DECAY[0] ** t) / (np.sqrt(square / (1 - _DECAY[1] ** t)) + 1e-8)
            z = z + rate * step
            if 2 * t > len(batches):
                tail += z
        return tail / (len(batches) - len(batches) // 2)
