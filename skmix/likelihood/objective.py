"""The one objective that every solver climbs, and the passes over the rows that evaluate it.

    objective(θ) = (1/W) [ Σ_n w_n log p(x_n; θ) + log prior(θ) ],    W = Σ_n w_n        (nats per row)

A solver sees an :class:`Objective` and the :class:`Point` that a pass returns; it never sees a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from threading import Event
from typing import Any, NamedTuple

import numpy as np

from skmix.families.base import Additive, Chart, Family
from skmix.latent.weights import normalise
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.differentiate import along
from skmix.likelihood.kernels import Kernel
from skmix.likelihood.model import Model, Parameters, Statistics
from skmix.likelihood.threads import Threads, Workspace
from skmix.likelihood.units import Units

_EPS = float(np.finfo(np.float64).eps)


def _unwarned(method: Callable) -> Callable:
    """Let values overflow: they give an objective of −inf, which every solver refuses."""

    @wraps(method)
    def quiet(*args: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return method(*args)

    return quiet


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
    cancelled : threading.Event, optional
        Once it is set, the next pass raises KeyboardInterrupt: how a fit in another thread is stopped.
    """

    def __init__(self, model: Model, rows: Rows, threads: Threads | None = None, cancelled: Event | None = None):
        self.model, self.rows = model, rows
        self.threads = threads or Threads()
        self.cancelled = cancelled
        self.n_passes = 0.0

    @property
    def units(self) -> Units:
        """The map to the standardised units in which parameters are held."""
        return self.rows.units

    @property
    def n_parameters(self) -> int:
        """Free parameters of the model."""
        return self.model.n_parameters(self.rows.n_components, self.rows.n_features)

    # ---- what solvers use -----------------------------------------------------------------------------------------
    @_unwarned
    def at(self, parameters: Parameters) -> Point:
        """One pass at `parameters`."""
        kernel = self.kernel(parameters)
        log_likelihood, statistics = self._expect(kernel, parameters.latent)
        return self.point(parameters, log_likelihood, statistics, kernel.error)

    @_unwarned
    def expect(self, parameters: Parameters) -> tuple[float, Statistics]:
        """Log-likelihood in standardised units, nats, and statistics, the prior not included; one pass."""
        return self._expect(self.kernel(parameters), parameters.latent)

    @_unwarned
    def point(
        self, parameters: Parameters, log_likelihood: float, statistics: Statistics, kernel_error: float = 0.0
    ) -> Point:
        """The point at `parameters`, from what the rows gave there in standardised units, the prior not included."""
        total = log_likelihood + self.log_constant
        value = (total + self.model.log_prior(parameters)) / self.rows.total_weight
        value = value if np.isfinite(value) else -np.inf
        # Errors of single rows mostly average out; those of equal rows do not.
        error = min(kernel_error, 1e-9 + kernel_error / 100) + 4 * self.noise(value)
        return Point(parameters, value, total, self.model.penalise(statistics, parameters), error)

    @_unwarned
    def m_step(self, point: Point) -> Parameters:
        """EM's next parameters."""
        return self.model.m_step(point.statistics, point.parameters)

    def chart(self, name: str, point: Point) -> Any:
        """The named coordinates about `point`: a :class:`Chart` if the family has a gradient."""
        return self.model.chart(name, point.parameters, point.statistics)

    def gradient(self, chart: Chart, z: np.ndarray, point: Point) -> np.ndarray:
        """The gradient of the objective in the chart's coordinates at ``point = at(chart.parameters(z))``."""
        return self.gradient_from(chart, z, point.parameters, point.statistics)

    @_unwarned
    def gradient_from(self, chart: Chart, z: np.ndarray, parameters: Parameters, statistics: Statistics) -> np.ndarray:
        """The gradient at `z` were `statistics`, the prior included, those of all rows."""
        return chart.gradient(z, parameters, statistics) / self.rows.total_weight

    @_unwarned
    def hessian_product(self, chart: Chart, z: np.ndarray, point: Point, v: np.ndarray) -> np.ndarray:
        """The product of the Hessian in the chart's coordinates at `z` with `v`: exact, by one pass.

        `point` is ``at(chart.parameters(z))``. The gradient is a function of z, the parameters and the statistics; the
        pass gives the derivative of the statistics along `v`, algebra the rest.

        Raises
        ------
        ValueError
            If the chart is not analytic.
        """
        if not chart.analytic:
            raise ValueError(
                f"There are no Hessian products in the coordinates of {type(chart).__name__}; use 'frame'."
            )
        tangent = along(chart.parameters, (z, v))
        change = self._expect_along(self.kernel(point.parameters), point.parameters.latent, tangent)
        change = change + along(
            lambda new: self.model.rebase(point.statistics, point.parameters, new), (point.parameters, tangent)
        )
        product = along(
            lambda at, statistics: chart.gradient(at, chart.parameters(at), statistics),
            (z, v),
            (point.statistics, change),
        )
        return product / self.rows.total_weight

    @property
    def n_units(self) -> int:
        """How many independent parts the data have: rows here, sequences in a chain."""
        return self.rows.n_samples

    @property
    def unit_weight(self) -> np.ndarray:
        """The weight of each of them, shape (n_units,)."""
        return np.ones(self.n_units) if self.rows.weight is None else self.rows.weight

    @_unwarned
    def scores(self, chart: Chart, z: np.ndarray, point: Point) -> np.ndarray:
        """The gradient of each unit's log-likelihood (nats, unweighted) in the chart's coordinates, (n_units, size).

        `point` is ``at(chart.parameters(z))``. A row's score along a direction is the mean of the slopes of its
        log-densities, weighted by its responsibilities; one pass, of which every coordinate has a part.
        """
        kernel, latent = self.kernel(point.parameters), self.model.latent
        directions = []
        for v in np.eye(len(z)):
            tangent = along(chart.parameters, (z, v))
            offset = along(latent.offset, (point.parameters.latent, tangent.latent))
            directions.append((kernel.towards(tangent.components), offset))
        scores = np.empty((self.rows.n_samples, len(z)))

        def task(index: int, work: Workspace) -> int:
            block = self.rows.block(index, work)
            R = self._log_joint(kernel, block, work)
            slope = work.take("slope", R.shape, R.dtype)
            latent.posterior(R, None)
            for j, (direction, offset) in enumerate(directions):
                kernel.slope(block, direction, slope, work)
                slope += offset.astype(R.dtype)[:, None]
                scores[block.rows, j] = np.einsum("kn,kn->n", R, slope)
            return 0

        self._reduce(task)
        return scores

    def subset(self, chosen: np.ndarray) -> Part:
        """The independent units numbered `chosen`, standardised as all are; passes over them count in proportion."""
        return Part(self, Objective(self.model, self.rows.take(chosen), self.threads, self.cancelled))

    def fork(self, threads: Threads, cancelled: Event) -> Objective:
        """The same objective for another thread."""
        return Objective(self.model, self.rows.fork(), threads, cancelled)

    def noise(self, value: float) -> float:
        """The least change of the objective that is told from rounding.

        Rounding of single rows averages out, that of their sum in float64 does not. Measured in float32 at n = 20 000:
        standard deviations of 7e-8, 1.5e-7 and 2.8e-7 for d = 2, 10, 30, of which this is between one and three.
        """
        size = abs(value - self.log_constant / self.rows.total_weight)  # of the standardised log-densities
        eps = float(np.finfo(self.rows.dtype).eps)
        of_rows = 16 * eps * (size + self.rows.n_features) / math.sqrt(self.rows.n_samples)
        return max(of_rows, 64 * _EPS * max(1.0, size))

    @cached_property
    def log_constant(self) -> float:
        """What a pass leaves out of the log-likelihood because no parameter touches it (nats)."""
        log_base, work = 0.0, Workspace()
        if type(self.model.family).log_base is not Family.log_base:
            for index in range(len(self.rows)):
                block = self.rows.block(index, work)
                each = self.model.family.log_base(block)
                log_base += float(np.sum(each) if block.weight is None else block.weight @ each)
        return log_base - self.rows.log_jacobian

    def row_constant(self, block: Block) -> np.ndarray | float:
        """The same for each row of a block, shape (n,)."""
        return self.model.family.log_base(block) - self.rows.log_scale(block)

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

    @_unwarned
    def each_block(self, parameters: Parameters, consume: Callable[[Block, np.ndarray], None]) -> None:
        """Call ``consume(block, log_joint)`` with log p(x_n, k) of each block, shape (K, n), in standardised units."""
        kernel = self.kernel(parameters)

        def task(index: int, work: Workspace) -> int:
            block = self.rows.block(index, work)
            consume(block, self._log_joint(kernel, block, work))
            return 0

        with self.threads.open():
            self._over_blocks(task)

    def complete(self, parameters: Parameters, R: np.ndarray) -> np.ndarray:
        """The rows in the data's own units, missing entries at their expectations given responsibilities (n, K)."""
        completed, units = self.rows.X.copy(), self.units

        def task(index: int, work: Workspace) -> int:
            block = self.rows.block(index, work)
            Z = self.model.family.complete(parameters.components, block, R[block.rows].T)
            expected = units.centre + units.scale * Z.T
            completed[block.rows] = np.where(np.isnan(completed[block.rows]), expected, completed[block.rows])
            return 0

        with self.threads.open():
            self._over_blocks(task)
        return completed

    def responsibilities(self, parameters: Parameters) -> np.ndarray:
        """Responsibilities of all rows, (n, K); one pass."""
        found = np.empty((self.rows.n_samples, len(self.model.latent.offset(parameters.latent))))

        def collect(block: Block, log_joint: np.ndarray) -> None:
            normalise(log_joint)
            found[block.rows] = log_joint.T

        self.each_block(parameters, collect)
        self.n_passes += 1.0
        return found

    def component_densities(self, parameters: Parameters) -> np.ndarray:
        """Log-densities of all rows under each component, (n, K), in standardised units; one pass."""
        kernel = self.model.family.kernel(parameters.components, self.no_offset(parameters), self.rows)
        found = np.empty((self.rows.n_samples, len(kernel.offset)))

        def task(index: int, work: Workspace) -> int:
            block = self.rows.block(index, work)
            R = work.take("R", (len(kernel.offset), len(block)), self.rows.dtype)
            kernel.log_density(block, R, work)
            found[block.rows] = R.T
            return 0

        with self.threads.open():
            self._over_blocks(task)
        self.n_passes += 1.0
        return found

    def no_offset(self, parameters: Parameters) -> np.ndarray:
        """An offset that adds nothing to log-densities."""
        return np.zeros(len(self.model.latent.offset(parameters.latent)))

    @_unwarned
    def tempered_step(self, parameters: Parameters, beta: float) -> Parameters:
        """EM's next parameters with responsibilities proportional to (w_k p_k)^β."""

        def blunt(block: Block, R: np.ndarray) -> tuple[float, Any]:
            R *= beta
            return self.model.latent.posterior(R, block.weight)

        _, statistics = self._pass(self.kernel(parameters), blunt)
        return self.model.m_step(self.model.penalise(statistics, parameters), parameters)

    # ---- passes ---------------------------------------------------------------------------------------------------
    def kernel(self, parameters: Parameters) -> Kernel:
        """The kernel of a pass at `parameters`."""
        offset = self.model.latent.offset(parameters.latent)
        return self.model.family.kernel(parameters.components, offset, self.rows)

    def _expect(self, kernel: Kernel, latent: Any) -> tuple[float, Statistics]:
        """Log-likelihood and statistics; `latent` are the parameters of the latent structure."""
        return self._pass(kernel, lambda block, R: self.model.latent.posterior(R, block.weight))

    def _expect_along(self, kernel: Kernel, latent: Any, tangent: Parameters) -> Statistics:
        """The derivative of the statistics as the parameters move along `tangent`, about fixed coordinates of rows."""
        offset = along(self.model.latent.offset, (latent, tangent.latent))
        direction = kernel.towards(tangent.components)

        def task(index: int, work: Workspace) -> Sums:
            block = self.rows.block(index, work)
            R = self._log_joint(kernel, block, work)
            slope = work.take("slope", R.shape, R.dtype)
            kernel.slope(block, direction, slope, work)
            slope += offset.astype(R.dtype)[:, None]
            counts = self.model.latent.posterior_along(R, slope, block.weight)
            return Sums(0.0, counts, kernel.sums_along(block, R, slope, direction, work))

        total = self._reduce(task)
        return Statistics(total.latent, kernel.statistics(total.components))

    def _pass(self, kernel: Kernel, posterior: Callable) -> tuple[float, Statistics]:
        """Log-likelihood and statistics, the responsibilities of each block given by ``posterior(block, R)``."""

        def task(index: int, work: Workspace) -> Sums:
            block = self.rows.block(index, work)
            R = self._log_joint(kernel, block, work)
            log_likelihood, latent = posterior(block, R)
            return Sums(log_likelihood, latent, kernel.sums(block, R, work))

        total = self._reduce(task)
        return total.log_likelihood, Statistics(total.latent, kernel.statistics(total.components))

    def _reduce(self, task: Callable[[int, Workspace], Any]) -> Any:
        """The sum of a task over all blocks; a pass."""
        self._check_cancelled()
        with self.threads.open():
            total = self._over_blocks(task)
        self.n_passes += 1.0
        return total

    def _check_cancelled(self) -> None:
        if self.cancelled is not None and self.cancelled.is_set():
            raise KeyboardInterrupt

    def _over_blocks(self, task: Callable[[int, Workspace], Any]) -> Any:
        return self.threads.reduce(task, len(self.rows), spread=self.rows.worth_threads)

    def _log_joint(self, kernel: Kernel, block: Block, work: Workspace) -> np.ndarray:
        R = work.take("R", (len(kernel.offset), len(block)), self.rows.dtype)
        self._write_joint(kernel, block, R, work)
        return R

    def _write_joint(self, kernel: Kernel, block: Block, out: np.ndarray, work: Workspace) -> None:
        """Log-densities of a block, confined to what is known of its labels."""
        kernel.log_density(block, out, work)
        if block.excluded is not None:
            self.model.latent.confine(out, block.excluded)


class Part:
    """Some of the units of another objective: what stochastic solvers make their steps from.

    Parameters
    ----------
    whole : Objective
    own : Objective
        That of these units alone.
    """

    def __init__(self, whole: Objective, own: Objective):
        self.whole, self.own = whole, own
        self.share = own.rows.total_weight / whole.rows.total_weight

    def expect(self, parameters: Parameters) -> tuple[float, Statistics]:
        """Log-likelihood of these rows in standardised units, nats, and their statistics, the prior not included."""
        self.whole.n_passes += self.own.rows.n_samples / self.whole.rows.n_samples
        return self.own.expect(parameters)

    def estimate(self, parameters: Parameters) -> Statistics:
        """What the statistics of the whole, the prior included, would be if all rows were like these."""
        _, statistics = self.expect(parameters)
        return self.own.model.penalise(statistics * (1.0 / self.share), parameters)


@dataclass
class Sums(Additive):
    """What the blocks of a pass add up to."""

    log_likelihood: float
    latent: Any
    components: Any
