"""The objective of rows that form sequences: emission log-densities first, then the recursion, then the statistics."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import numpy as np

from skmix.families.base import Chart
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.kernels import Kernel
from skmix.likelihood.model import Model, Parameters, Statistics
from skmix.likelihood.objective import Objective, Part, Point, Sums
from skmix.likelihood.sequences import Sequences
from skmix.likelihood.threads import Threads, Workspace


class ChainObjective(Objective):
    """Penalised mean log-likelihood of a hidden Markov model, nats per row.

    A pass visits the blocks of rows twice, for log-densities and for sums, with the recursion over whole sequences
    between. It holds two numbers for each row and state (four for Hessian products).

    Parameters
    ----------
    model : Model
        Its latent structure is a :class:`skmix.latent.chain.Chain`.
    rows : Rows
    sequences : Sequences
    threads : Threads
    cancelled : threading.Event, optional
        Once it is set, the next pass raises KeyboardInterrupt.
    """

    def __init__(
        self,
        model: Model,
        rows: Rows,
        sequences: Sequences,
        threads: Threads | None = None,
        cancelled: Event | None = None,
    ):
        super().__init__(model, rows, threads, cancelled)
        self.sequences = sequences
        self._buffers = Workspace()

    @property
    def n_units(self) -> int:
        return len(self.sequences)

    @property
    def unit_weight(self) -> np.ndarray:
        return self.sequences.weight

    def scores(self, chart: Chart, z: np.ndarray, point: Point) -> np.ndarray:
        scores = np.empty((self.n_units, len(z)))
        for s, weight in enumerate(self.unit_weight):
            _, statistics = self.subset(np.array([s])).expect(point.parameters)
            gradient = self.gradient_from(chart, z, point.parameters, statistics)  # over the weight of all rows
            scores[s] = gradient * (self.rows.total_weight / weight)
        return scores

    def subset(self, chosen: np.ndarray) -> Part:
        rows, sequences = self.sequences.take(chosen)
        return Part(self, ChainObjective(self.model, self.rows.take(rows), sequences, self.threads, self.cancelled))

    def fork(self, threads: Threads, cancelled: Event) -> ChainObjective:
        return ChainObjective(self.model, self.rows.fork(), self.sequences, threads, cancelled)

    # ---- passes ---------------------------------------------------------------------------------------------------
    def _expect(self, kernel: Kernel, latent: Any) -> tuple[float, Statistics]:
        self._check_cancelled()
        with self.threads.open():
            x = self._emissions(kernel)
            log_likelihood, counts = self.model.latent.smooth(latent, x, self.sequences, self.threads, self._scratch)
            components = self._over_blocks(self._summing(kernel, x))
        self.n_passes += 1.0
        return log_likelihood, Statistics(counts, kernel.statistics(components))

    def _expect_along(self, kernel: Kernel, latent: Any, tangent: Parameters) -> Statistics:
        self._check_cancelled()
        direction = kernel.towards(tangent.components)
        with self.threads.open():
            x, slope = self._emissions(kernel), self._scratch("slope", *self._shape(kernel))
            self._over_blocks(self._sloping(kernel, direction, slope))
            shared = (self.sequences, self.threads, self._scratch)
            counts = self.model.latent.smooth_along(latent, tangent.latent, x, slope, *shared)
            components = self._over_blocks(self._summing_along(kernel, direction, x, slope))
        self.n_passes += 1.0
        return Statistics(counts, kernel.statistics(components))

    def _shape(self, kernel: Kernel) -> tuple[int, int]:
        return self.rows.n_samples, len(kernel.offset)

    def _scratch(self, name: str, *shape: int) -> np.ndarray:
        """Memory that is kept from pass to pass."""
        return self._buffers.take(name, shape, np.float64)

    def _emissions(self, kernel: Kernel) -> np.ndarray:
        """Log-densities of all rows, (n, K), in standardised units."""
        x = self._scratch("x", *self._shape(kernel))

        def task(index: int, work: Workspace) -> int:
            block = self.rows.block(index, work)
            with_columns(block, x, work, self.rows.dtype, lambda out: self._write_joint(kernel, block, out, work))
            return 0

        self._over_blocks(task)
        return x

    def _sloping(self, kernel: Kernel, direction: Any, slope: np.ndarray) -> Callable[[int, Workspace], int]:
        def task(index: int, work: Workspace) -> int:
            block = self.rows.block(index, work)
            kernel.prepare(block, work)
            dtype = self.rows.dtype
            with_columns(block, slope, work, dtype, lambda out: kernel.slope(block, direction, out, work))
            return 0

        return task

    def _summing(self, kernel: Kernel, x: np.ndarray) -> Callable[[int, Workspace], Any]:
        def task(index: int, work: Workspace) -> Any:
            block = self.rows.block(index, work)
            kernel.prepare(block, work)
            return kernel.sums(block, self._columns(x, block), work)

        return task

    def _summing_along(
        self, kernel: Kernel, direction: Any, x: np.ndarray, slope: np.ndarray
    ) -> Callable[[int, Workspace], Any]:
        def task(index: int, work: Workspace) -> Any:
            block = self.rows.block(index, work)
            kernel.prepare(block, work)
            return kernel.sums_along(block, self._columns(x, block), self._columns(slope, block), direction, work)

        return task

    def _columns(self, x: np.ndarray, block: Block) -> np.ndarray:
        """The part of `x` (n, K) that belongs to a block, as (K, rows) in the data's type."""
        return x[block.rows].T.astype(self.rows.dtype, copy=False)

    # ---- what starts and predictions use --------------------------------------------------------------------------
    def m_step_from(self, assign: Callable[[Block, np.ndarray], None], parameters: Parameters) -> Parameters:
        kernel = self.kernel(parameters)
        x, weight = self._scratch("x", *self._shape(kernel)), self.sequences.row_weight

        def task(index: int, work: Workspace) -> Any:
            block = self.rows.block(index, work)
            kernel.prepare(block, work)
            R = work.take("R", (x.shape[1], len(block)), self.rows.dtype)
            assign(block, R)
            x[block.rows] = R.T
            R *= weight[block.rows].astype(R.dtype)
            return Sums(0.0, 0.0, kernel.sums(block, R, work))

        with self.threads.open():
            total = self._over_blocks(task)
        self.n_passes += 1.0
        statistics = Statistics(self.model.latent.count(x, self.sequences), kernel.statistics(total.components))
        return self.model.m_step(self.model.penalise(statistics, parameters), parameters)

    def assigned(self, assign: Callable[[Block, np.ndarray], None]) -> np.ndarray:
        """The responsibilities that `assign` gives, (n, n_components)."""
        x = np.empty((self.rows.n_samples, self.rows.n_components))

        def task(index: int, work: Workspace) -> int:
            block = self.rows.block(index, work)
            R = work.take("R", (x.shape[1], len(block)), self.rows.dtype)
            assign(block, R)
            x[block.rows] = R.T
            return 0

        with self.threads.open():
            self._over_blocks(task)
        return x

    def responsibilities(self, parameters: Parameters) -> np.ndarray:
        x = self._emissions(self.kernel(parameters)).copy()
        with self.threads.open():
            self.model.latent.smooth(parameters.latent, x, self.sequences, self.threads, self._scratch)
        self.n_passes += 1.0
        return x / self.sequences.row_weight[:, np.newaxis]

    def emissions(self, parameters: Parameters) -> np.ndarray:
        """Emission log-densities log p(x_t | state) of all rows in the data's own units, (n, K)."""
        with self.threads.open():
            x = self._emissions(self.kernel(parameters))

            def task(index: int, work: Workspace) -> int:
                block = self.rows.block(index, work)
                x[block.rows] += np.broadcast_to(self.row_constant(block), len(block))[:, np.newaxis]
                return 0

            self._over_blocks(task)
        return x


def with_columns(
    block: Block, x: np.ndarray, work: Workspace, dtype: np.dtype, write: Callable[[np.ndarray], None]
) -> None:
    """Have a block's part of `x` (n, K) written as (K, rows): in place where that is possible."""
    if isinstance(block.rows, slice) and dtype == x.dtype:
        write(x[block.rows].T)
        return
    R = work.take("R", (x.shape[1], len(block)), dtype)
    write(R)
    x[block.rows] = R.T
