"""The one objective that every solver climbs, and the passes over the rows that evaluate it.

    objective(θ) = (1/W) [ Σ_n w_n log p(x_n; θ) + log prior(θ) ],    W = Σ_n w_n        (nats per row)

A solver sees an :class:`Objective` and the :class:`Point` that a pass returns; it never sees a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skmix.families.base import Additive, Chart
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.kernels import Kernel
from skmix.likelihood.model import Model, Parameters, Statistics
from skmix.likelihood.threads import Threads, Workspace

_EPS = float(np.finfo(np.float64).eps)


class Point(NamedTuple):
    """Parameters, and what one pass at them returned.

    Attributes
    ----------
    parameters : Parameters
    value : float
        The objective: penalised log-likelihood, nats per row; −inf where it could not be computed.
    log_likelihood : float
        Total log-likelihood of the rows in the data's own units, nats.
    statistics : Statistics
        Expected complete-data statistics, the prior's pseudo-statistics included.
    error : float
        What rounding may have done to `value`.
    """

    parameters: Parameters
    value: float
    log_likelihood: float
    statistics: Statistics
    error: float


class Objective:
    """Penalised mean log-likelihood of a model on rows; counts its passes.

    Parameters
    ----------
    model : Model
    rows : Rows
    threads : Threads
    """

    def __init__(self, model: Model, rows: Rows, threads: Threads | None = None):
        self.model, self.rows = model, rows
        self.threads = threads or Threads()
        self.n_passes = 0.0

    @property
    def _log_jacobian(self) -> float:
        return self.rows.log_jacobian

    # ---- what solvers use -----------------------------------------------------------------------------------------
    def at(self, parameters: Parameters) -> Point:
        """One pass at `parameters`."""
        # Values that overflow give an objective of −inf, which every solver refuses.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            kernel = self.kernel(parameters)
            log_likelihood, statistics = self._pass(kernel, self._expectation)
            self.n_passes += 1
            total = log_likelihood - self._log_jacobian
            value = (total + self.model.log_prior(parameters)) / self.rows.total_weight
            statistics = self.model.penalise(statistics, parameters)
        value = value if np.isfinite(value) else -np.inf
        # Errors of single rows mostly average out; those of equal rows do not.
        error = min(kernel.error, 1e-9 + kernel.error / 100) + 4 * self.noise(value)
        return Point(parameters, value, total, statistics, error)

    def m_step(self, point: Point) -> Parameters:
        """EM's next parameters."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self.model.m_step(point.statistics, point.parameters)

    def chart(self, name: str, point: Point) -> Chart:
        """The named coordinates about `point`."""
        return self.model.chart(name, point.parameters, point.statistics)

    def gradient(self, chart: Chart, z: np.ndarray, point: Point) -> np.ndarray:
        """The gradient of the objective in the chart's coordinates at ``point = at(chart.parameters(z))``."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return chart.gradient(z, point.parameters, point.statistics) / self.rows.total_weight

    def noise(self, value: float) -> float:
        """The least change of the objective that is told from rounding.

        Rounding of single rows averages out, that of their sum in float64 does not. Measured in float32 at n = 20 000:
        standard deviations of 7e-8, 1.5e-7 and 2.8e-7 for d = 2, 10, 30, of which this is between one and three.
        """
        size = abs(value + self._log_jacobian / self.rows.total_weight)  # of the standardised log-densities
        eps = float(np.finfo(self.rows.dtype).eps)
        of_rows = 16 * eps * (size + self.rows.n_features) / math.sqrt(self.rows.n_samples)
        return max(of_rows, 64 * _EPS * max(1.0, size))

    # ---- what starts and predictions use --------------------------------------------------------------------------
    def m_step_from(self, assign: Callable[[Block, np.ndarray], None], parameters: Parameters) -> Parameters:
        """One M-step from given responsibilities; missing entries are expected under `parameters`.

        ``assign(block, R)`` writes a block's responsibilities into `R`, shape (K, rows).
        """

        def given(block: Block, R: np.ndarray) -> tuple[float, Any]:
            assign(block, R)
            if block.weight is not None:
                R *= block.weight
            return 0.0, self.model.latent.count(R)

        _, statistics = self._pass(self.kernel(parameters), given)
        return self.model.m_step(self.model.penalise(statistics, parameters), parameters)

    def each_block(self, parameters: Parameters, consume: Callable[[Block, np.ndarray], None]) -> None:
        """Call ``consume(block, log_joint)`` with log p(x_n, k) of each block, shape (K, n), in standardised units."""
        kernel = self.kernel(parameters)

        def task(index: int, work: Workspace) -> int:
            block = self.rows.block(index, work)
            consume(block, self._log_joint(kernel, block, work))
            return 0

        with np.errstate(over="ignore", invalid="ignore", divide="ignore"), self.threads.open():
            self.threads.reduce(task, len(self.rows))

    # ---- passes ---------------------------------------------------------------------------------------------------
    def kernel(self, parameters: Parameters) -> Kernel:
        """The kernel of a pass at `parameters`."""
        offset = self.model.latent.offset(parameters.latent)
        return self.model.family.kernel(parameters.components, offset, self.rows)

    def _pass(self, kernel: Kernel, posterior: Callable) -> tuple[float, Statistics]:
        """Log-likelihood and statistics, the responsibilities of each block given by ``posterior(block, R)``."""

        def task(index: int, work: Workspace) -> _Sums:
            block = self.rows.block(index, work)
            R = self._log_joint(kernel, block, work)
            log_likelihood, latent = posterior(block, R)
            return _Sums(log_likelihood, latent, kernel.sums(block, R, work))

        with self.threads.open():
            total = self.threads.reduce(task, len(self.rows))
        return total.log_likelihood, Statistics(total.latent, kernel.statistics(total.components))

    def _expectation(self, block: Block, R: np.ndarray) -> tuple[float, Any]:
        return self.model.latent.posterior(R, block.weight)

    def _log_joint(self, kernel: Kernel, block: Block, work: Workspace) -> np.ndarray:
        R = work.take("R", (len(kernel.offset), len(block)), self.rows.dtype)
        kernel.log_density(block, R, work)
        return R


@dataclass
class _Sums(Additive):
    """What the blocks of a pass add up to."""

    log_likelihood: float
    latent: Any
    components: Any
