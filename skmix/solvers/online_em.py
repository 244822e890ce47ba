"""EM that updates the parameters many times a pass."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skmix.likelihood.model import Parameters, Statistics
from skmix.likelihood.objective import Objective, Part, Point
from skmix.solvers.base import Solver
from skmix.solvers.em import remaining_of_epochs
from skmix.solvers.result import Ending, Trace
from skmix.solvers.stopping import remaining_of_linear

_PATIENCE = 5  # epochs in a row that may gain nothing


class OnlineEM(Solver):
    """EM by blocks of rows: an M-step after each, so that a pass over the data makes many steps.

    For data so large that few passes can be made. ``method="incremental"`` replaces each block's statistics by new
    ones: there is no step size, and the free energy, a lower bound of the objective, never falls; `history_` holds that
    bound, and its last entry the objective, by a pass more. ``method="stepwise"`` averages statistics with weights
    (t + 2)^−exponent: it forgets a poor start sooner, does not converge beyond sampling noise, and takes another pass
    an epoch to evaluate the objective, which the epoch is kept for only if it does not fall.

    Parameters
    ----------
    method : {"incremental", "stepwise"}, default="incremental"
        How statistics of blocks are combined.
    n_blocks : int, default=20
        Blocks into which the rows (sequences, in a hidden Markov model) are divided at random.
    exponent : float, default=0.6
        Decay of the weights of "stepwise", above 1/2 and at most 1.
    random_state : int or None, default=None
        Seed; None takes one from the estimator's `random_state`. It draws the division.

    References
    ----------
    Neal, R. M. and Hinton, G. E. (1998). A view of the EM algorithm that justifies incremental, sparse, and other
    variants. In: Learning in Graphical Models, 355–368. doi:10.1007/978-94-011-5014-9_12

    Cappé, O. and Moulines, E. (2009). On-line expectation–maximization algorithm for latent data models.
    J. R. Statist. Soc. B 71, 593–613. doi:10.1111/j.1467-9868.2009.00698.x

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.1], [5.0], [5.1]]
    >>> GaussianMixture(n_components=2, solver="online-em").fit(X).solver_
    'online-em'
    """

    name = "online-em"
    requires = ("m_step", "expected_log_density")
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "method": [StrOptions({"incremental", "stepwise"})],
        "n_blocks": [Interval(Integral, 2, None, closed="left")],
        "exponent": [Interval(Real, 0.5, 1.0, closed="right")],
        "random_state": [Integral, None],
    }

    def __init__(
        self, method: str = "incremental", n_blocks: int = 20, exponent: float = 0.6, random_state: int | None = None
    ):
        self.method = method
        self.n_blocks = n_blocks
        self.exponent = exponent
        self.random_state = random_state

    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Epoch after epoch, until `tol` is reached."""
        rng = check_random_state(trace.seed if self.random_state is None else self.random_state)
        n = objective.n_units
        chosen = np.array_split(rng.permutation(n), min(self.n_blocks, n))
        blocks = [objective.subset(np.sort(units)) for units in chosen]
        if self.method == "incremental":
            return self._incremental(objective, blocks, point, trace)
        return self._stepwise(objective, blocks, point, trace)

    def _incremental(self, objective: Objective, blocks: list[Part], point: Point, trace: Trace) -> Ending:
        ending = self._climb(_FreeEnergy(objective, blocks, point), point, trace)
        return ending._replace(point=trace.settle(objective.at(ending.point.parameters)))

    def _climb(self, energy: _FreeEnergy, point: Point, trace: Trace) -> Ending:
        while not trace.exhausted:
            reached = energy.sweep()
            if not reached.value >= point.value:  # rounding, at the optimum
                return self.converged(point, 0.0, trace)
            point = reached
            trace.accept(point)
            remaining = remaining_of_linear(trace.values, energy.objective.noise(point.value))
            if remaining <= trace.tol:
                return self.converged(point, remaining, trace)
        return self.unfinished(point, trace)

    def _stepwise(self, objective: Objective, blocks: list[Part], point: Point, trace: Trace) -> Ending:
        step = failures = 0
        while not trace.exhausted and failures < _PATIENCE:
            parameters, statistics = point.parameters, point.statistics
            for block in blocks:
                step += 1
                weight = (step + 2.0) ** -self.exponent
                statistics = statistics * (1.0 - weight) + block.estimate(parameters) * weight
                parameters, statistics = _maximise(objective, statistics, parameters)
            reached = objective.at(parameters)
            failures = 0 if reached.value >= point.value else failures + 1
            if failures:
                continue
            point = reached
            trace.accept(point)
            remaining = remaining_of_epochs(trace.values, objective, point)
            if remaining <= trace.tol:
                return self.converged(point, remaining, trace)
        if trace.exhausted:
            return self.unfinished(point, trace)
        reason = f"stopped: {_PATIENCE} epochs in a row gained nothing, blocks differ by more than steps gain"
        return Ending(point, False, reason, self.name, "Polish with solver='lbfgs' and warm_start=True.")


def _maximise(objective: Objective, statistics: Statistics, parameters: Parameters) -> tuple[Parameters, Statistics]:
    """The M-step from `statistics`, and the same statistics about its result."""
    reached = objective.model.m_step(statistics, parameters)
    return reached, objective.model.rebase(statistics, parameters, reached)


class _FreeEnergy:
    """F(q, θ) = Σ_b [ℓ_b(θ_b) + Q_b(θ) − Q_b(θ_b)] + log prior(θ).

    Each block's posterior q is that at a θ_b of its own; Q_b is the block's expected complete-data log-likelihood
    under it.
    """

    def __init__(self, objective: Objective, blocks: list[Part], point: Point):
        self.objective, self.blocks, self.parameters = objective, blocks, point.parameters
        self.statistics = point.statistics  # of all blocks, about the parameters, the prior included
        # What the last visit of each block gave: where, log-likelihood, statistics.
        self.visits = [(point.parameters, *block.expect(point.parameters)) for block in blocks]

    def sweep(self) -> Point:
        """An M-step before each block; the free energy at the end, as a point."""
        model = self.objective.model
        for b, block in enumerate(self.blocks):
            self.parameters, self.statistics = _maximise(self.objective, self.statistics, self.parameters)
            log_likelihood, fresh = block.expect(self.parameters)
            self.statistics = self.statistics + fresh + self._of(b) * -1.0
            self.visits[b] = (self.parameters, log_likelihood, fresh)
        self.parameters, _ = _maximise(self.objective, self.statistics, self.parameters)
        # Summed afresh once a sweep, so that rounding does not add up.
        parts = [self._of(b) for b in range(len(self.blocks))]
        total = sum(parts[1:], parts[0])
        bound = sum(
            log_likelihood + model.expected_log_joint(part, self.parameters) - model.expected_log_joint(old, there)
            for part, (there, log_likelihood, old) in zip(parts, self.visits, strict=True)
        )
        point = self.objective.point(self.parameters, bound, total)
        self.statistics = point.statistics
        return point

    def _of(self, b: int) -> Statistics:
        """Statistics of the last visit of block `b`, about the present parameters."""
        there, _, statistics = self.visits[b]
        return self.objective.model.rebase(statistics, there, self.parameters)
