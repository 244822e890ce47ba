"""Rows in blocks: standardised, feature-major, small enough for the cache, spread over threads.

Nothing here depends on a family or on parameters. A block is the transpose of a few thousand rows, ``Z`` of shape
(n_features, rows), because sums and products over contiguous rows run 2–3 times faster than over columns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from skmix.likelihood.patterns import Patterns
from skmix.likelihood.units import Units, column_range

_ELEMENTS = 1 << 20  # features × rows of a block: measured best where the features stay near the L2 cache
_MIN_ROWS, _MAX_ROWS = 512, 32768
_RESIDENT = 1 << 19  # data up to this many features × rows keep their blocks, features included, from pass to pass
_CHUNKS = 16  # sums are formed per chunk and added in order: the result does not depend on the number of threads


class Workspace:
    """Buffers that a thread uses again from block to block."""

    def __init__(self):
        self._buffers: dict[tuple[str, np.dtype], np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        """An uninitialised array, the same memory whenever the name is the same."""
        key, size = (name, np.dtype(dtype)), int(np.prod(shape))
        buffer = self._buffers.get(key)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[key] = np.empty(size, dtype)
        return buffer[:size].reshape(shape)


class _Fresh(Workspace):
    """Memory of its own for every request: for blocks that outlive the pass."""

    def take(self, name, shape, dtype):
        return np.empty(shape, dtype)


@dataclass
class Block:
    """A run of rows as a pass sees them.

    Attributes
    ----------
    rows : slice or ndarray
        Which rows of the data these are.
    Z : ndarray of shape (n_features, n)
        Standardised values, 0 where missing.
    observed : ndarray of shape (n_features, n) or None
        1 where observed, 0 where missing; None where the data are complete or grouped by pattern.
    weight : ndarray of shape (n,) or None
        Weights of the rows; None for all 1.
    segments : list of (int, int)
        Runs of columns of `Z` that share one row of `patterns`.
    patterns : ndarray of shape (len(segments), n_features) or None
        True where observed.
    features : ndarray of shape (F, n) or None
        Set by the kernel; kept from pass to pass where the data are small.
    marginal : object or None
        Set by the kernel: parameters of the patterns' marginals.
    """

    rows: Any
    Z: np.ndarray
    observed: np.ndarray | None
    weight: np.ndarray | None
    segments: list[tuple[int, int]]
    patterns: np.ndarray | None
    keep: bool = False
    features: np.ndarray | None = field(default=None, repr=False)
    marginal: Any = None

    def __len__(self) -> int:
        return self.Z.shape[1]

    @property
    def mask(self) -> np.ndarray | None:
        """1 where observed, 0 where missing, shape (n_features, n); None where the block is complete."""
        if self.patterns is None:
            return self.observed
        lengths = [stop - start for start, stop in self.segments]
        return np.repeat(self.patterns.astype(self.Z.dtype), lengths, axis=0).T


class Rows:
    """The data of one fit or one prediction.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        float32 or float64, never copied; NaN marks a missing entry.
    units : Units
        The map to standardised units.
    weight : ndarray of shape (n_samples,), optional
        Weights of the rows.
    group : bool
        Group the rows by their pattern of observed features (see `Family.independent_features`).
    n_features_out : callable
        ``n_features_out(n_features, masked)``, for the size of the blocks.
    """

    def __init__(
        self,
        X: np.ndarray,
        units: Units,
        weight: np.ndarray | None = None,
        *,
        group: bool = False,
        n_features_out: Callable[[int, bool], int] = lambda d, masked: d,
    ):
        self.X, self.units, self.weight = X, units, weight
        self.dtype = X.dtype
        self.n_samples, self.n_features = X.shape
        self.total_weight = float(self.n_samples if weight is None else weight.sum(dtype=np.float64))
        self.has_missing = bool(np.isnan(X.sum(dtype=np.float64)) and _any_nan(X))
        self.grouped = Patterns.of(X) if group and self.has_missing else None
        self.masked = self.has_missing and not group
        self.n_features_out = n_features_out(self.n_features, self.masked)
        # Squares of rows this far from the data a model was fitted to would overflow.
        self._farthest = np.finfo(X.dtype).max ** 0.25
        low, high = column_range(X)
        self.radius2 = float(np.sum((np.maximum(high - units.centre, units.centre - low) / units.scale) ** 2))
        size = int(np.clip(_ELEMENTS // max(self.n_features_out, 1), _MIN_ROWS, _MAX_ROWS))
        self._bounds = self._cut(size)
        self._resident: dict[int, Block] | None = (
            {} if self.n_samples * self.n_features_out <= _RESIDENT and self.n_samples <= size else None
        )
        self._centre = units.centre.astype(self.dtype)[:, None]
        self._factor = (1.0 / units.scale).astype(self.dtype)[:, None]

    def fork(self) -> Rows:
        """The same rows for another thread: nothing that a pass writes is shared."""
        twin = copy(self)
        twin._resident = None if self._resident is None else {}
        return twin

    def take(self, chosen: np.ndarray) -> Rows:
        """Some of the rows, standardised as all of them are."""
        weight = None if self.weight is None else self.weight[chosen]
        return Rows(self.X[chosen], self.units, weight)

    def _cut(self, size: int) -> list[tuple[int, int]]:
        if self.grouped is not None:
            return self.grouped.cut(size, self.n_features)
        return [(a, min(a + size, self.n_samples)) for a in range(0, self.n_samples, size)]

    def __len__(self) -> int:
        return len(self._bounds)

    def log_scale(self, block: Block) -> np.ndarray | float:
        """Σ_j log scale_j over the observed entries of each row of a block: what standardising adds to log p(x)."""
        log_scale = np.log(self.units.scale)
        mask = block.mask
        return float(log_scale.sum()) if mask is None else log_scale @ mask

    def log_jacobian(self) -> float:
        """Σ_n w_n Σ_j log scale_j over the observed entries of all rows (nats)."""
        work, total = Workspace(), 0.0
        for index in range(len(self)) if self.has_missing else ():
            block = self.block(index, work)
            weight = np.ones(len(block)) if block.weight is None else block.weight
            total += float(weight @ self.log_scale(block))
        return total if self.has_missing else float(self.total_weight * np.log(self.units.scale).sum())

    def block(self, index: int, work: Workspace) -> Block:
        """Block number `index`, in the buffers of `work`."""
        if self._resident is None:
            return self._load(index, work)
        if index not in self._resident:
            self._resident[index] = self._load(index, _Fresh())
            self._resident[index].keep = True
        return self._resident[index]

    def _load(self, index: int, work: Workspace) -> Block:
        start, stop = self._bounds[index]
        segments, patterns = [(0, stop - start)], None
        if self.grouped is None:
            rows: Any = slice(start, stop)
        else:
            rows = self.grouped.order[start:stop]
            segments, patterns = self.grouped.segments(start, stop)
        x = self.X[rows]
        Z = work.take("Z", (self.n_features, stop - start), self.dtype)
        np.subtract(x.T, self._centre, out=Z)
        Z *= self._factor
        if self.radius2 > self._farthest**2:
            np.clip(Z, -self._farthest, self._farthest, out=Z)
        observed = None
        if self.has_missing:
            missing = np.isnan(Z)
            np.copyto(Z, 0, where=missing)
            if self.masked:
                observed = work.take("observed", Z.shape, self.dtype)
                np.subtract(1, missing, out=observed, dtype=self.dtype)
        weight = None if self.weight is None else self.weight[rows]
        return Block(rows, Z, observed, weight, segments, patterns)


def _any_nan(X: np.ndarray) -> bool:
    return any(np.isnan(X[a : a + _MAX_ROWS]).any() for a in range(0, len(X), _MAX_ROWS))


# ---- threads --------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def available_threads() -> int:
    """Threads that a pass may use: cores, OMP_NUM_THREADS and threadpoolctl limits, whichever is least."""
    limits = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    declared = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if declared.isdigit():
        limits.append(int(declared))
    limits += [info["num_threads"] for info in _controller().info() if info["user_api"] in ("blas", "openmp")]
    return max(1, min(limits))


class _BlasLimit:
    """Holds BLAS to one thread while anybody in this process asks for it; the last to leave restores the old limit."""

    def __init__(self):
        self._lock, self._depth, self._limiter = Lock(), 0, None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._depth == 0:
                self._limiter = _controller().limit(limits=1, user_api="blas")
            self._depth += 1
        try:
            yield
        finally:
            with self._lock:
                self._depth -= 1
                if self._depth == 0:
                    self._limiter.restore_original_limits()


one_blas_thread = _BlasLimit()


class Threads:
    """Runs tasks over blocks: in this thread, or spread over a pool with BLAS held to one thread.

    Parameters
    ----------
    n_threads : int
        1 for no pool: products may then use BLAS's own threads.
    """

    def __init__(self, n_threads: int = 1):
        self.n_threads = n_threads
        self._pool: ThreadPoolExecutor | None = None
        self._spare: list[Workspace] = []

    @contextmanager
    def open(self) -> Iterator[Threads]:
        """Hold the pool, and BLAS to one thread, for a whole fit rather than for each pass."""
        if self.n_threads == 1 or self._pool is not None:
            yield self
            return
        with one_blas_thread(), ThreadPoolExecutor(self.n_threads) as pool:
            self._pool = pool
            try:
                yield self
            finally:
                self._pool = None

    def reduce(self, task: Callable[[int, Workspace], Any], count: int) -> Any:
        """The sum of ``task(index, workspace)`` over the indices, in an order that the threads cannot change."""
        if count == 1:
            work = self._spare.pop() if self._spare else Workspace()
            self._spare.append(work)
            return task(0, work)
        edges = np.linspace(0, count, min(count, _CHUNKS) + 1).astype(int)

        def chunk(bounds):
            work = self._spare.pop() if self._spare else Workspace()
            try:
                return _sum(task(index, work) for index in range(*bounds))
            finally:
                self._spare.append(work)

        bounds = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        return _sum(self._pool.map(chunk, bounds) if self._pool is not None else map(chunk, bounds))


def _sum(parts: Iterable[Any]) -> Any:
    parts = iter(parts)
    total = next(parts)
    for part in parts:
        total = total + part
    return total
