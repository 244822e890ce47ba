"""Expectation–maximisation."""

from __future__ import annotations

from skmix.likelihood.objective import Objective, Point
from skmix.solvers.base import Solver
from skmix.solvers.result import Ending, Trace
from skmix.solvers.stopping import remaining_of_linear


class EM(Solver):
    """Expectation–maximisation: each step maximises the expected complete-data log-likelihood.

    Every iterate is valid, the objective never falls, and there is no step size. One pass a step. The error shrinks by
    a constant factor ρ a step, ρ being the fraction of information that the unknown labels (and missing entries) hide:
    a few steps where components are separated, thousands where they overlap.

    References
    ----------
    Dempster, A. P., Laird, N. M. and Rubin, D. B. (1977). Maximum likelihood from incomplete data via the EM
    algorithm. J. R. Statist. Soc. B 39, 1–38. doi:10.1111/j.2517-6161.1977.tb01600.x

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.solvers import EM
    >>> GaussianMixture(n_components=2, solver=EM()).fit([[0.0], [0.1], [5.0], [5.1]]).solver_
    'em'
    """

    name = "em"
    requires = ("m_step",)

    def run(self, objective: Objective, point: Point, trace: Trace, steps: int | None = None) -> Ending:
        """Climb until `tol` is reached, iterations run out, or `steps` steps are made."""
        while not trace.exhausted and steps != 0:
            candidate = objective.at(objective.m_step(point))
            gain = candidate.value - point.value
            if gain < -max(point.error, candidate.error):
                reason = f"stopped: the next EM step was refused, it lowered the objective by {-gain:.1e} nats per row"
                return Ending(point, False, reason, self.name, "Check for degenerate data, or fit them in float64.")
            # At the optimum rounding decides: the better point stays, as an iterate of its own.
            point = candidate if gain >= 0 else point
            trace.accept(point)
            remaining = remaining_of_linear(trace.values, objective.noise(point.value))
            if remaining <= trace.tol:
                return self.converged(point, remaining, trace)
            steps = None if steps is None else steps - 1
        return self.unfinished(point, trace)


def em_step(objective: Objective, point: Point) -> Point:
    """One EM step from `point`, which stays where rounding makes the step go down."""
    candidate = objective.at(objective.m_step(point))
    return candidate if candidate.value >= point.value else point


def promise_of_em(objective: Objective, point: Point) -> float:
    """About what an EM step from `point` would gain, nats per row, without making it.

    In the frame the Hessian's eigenvalues are at most 1 per row, so that at least ½ |g|² remains to be gained.
    """
    chart = objective.chart("frame", point)
    gradient = objective.gradient(chart, chart.start, point)
    return 0.5 * float(gradient @ gradient)


def remaining_of_epochs(values: list[float], objective: Objective, point: Point) -> float:
    """Gain that remains for a stochastic method: by the last four epochs, but no less than EM promises."""
    recent = values[-1] - values[-5] if len(values) > 4 else float("inf")
    promise = promise_of_em(objective, point) if objective.model.family.has_gradient else 0.0
    return max(recent, remaining_of_linear(values, objective.noise(point.value)), promise)
