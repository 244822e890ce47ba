"""Threads that share the blocks of a pass, and the buffers that each of them works in."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import threadpoolctl
from threadpoolctl import ThreadpoolController

_CHUNKS = 16  # sums are formed per chunk and added in order: the result does not depend on the number of threads


class Workspace:
    """Buffers that a thread uses again from block to block."""

    def __init__(self):
        self._buffers: dict[tuple[str, np.dtype], np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        """An uninitialised array, the same memory whenever the name is the same."""
        key, size = (name, np.dtype(dtype)), math.prod(shape)
        buffer = self._buffers.get(key)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[key] = np.empty(size, dtype)
        return buffer[:size].reshape(shape)


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
        self._lock, self._depth = Lock(), 0
        self._limiter: Any = None

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
                    self._restore()

    def _restore(self) -> None:
        # From version 3.8 on, threadpoolctl lets only the thread that set a limit change it, and the last to leave may
        # be another one.
        release = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", lambda force: None)
        release(force=True)
        self._limiter.restore_original_limits()
        release(force=True)

    def forget(self) -> None:
        """In a forked child: nobody holds the limit, whatever the parent's threads were doing."""
        if self._depth:
            self._restore()
        self.__init__()  # type: ignore[misc]


one_blas_thread = _BlasLimit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=one_blas_thread.forget)


class Threads:
    """Runs tasks over blocks: in this thread, or spread over a pool with BLAS held to one thread.

    Parameters
    ----------
    n_threads : int
        1 for no pool.
    """

    def __init__(self, n_threads: int = 1):
        self.n_threads = n_threads
        self._pool: ThreadPoolExecutor | None = None
        self._open = False
        self._spare: list[Workspace] = []

    @contextmanager
    def open(self) -> Iterator[Threads]:
        """Hold the pool, and BLAS to one thread, for a whole fit rather than for each pass."""
        if self._open:
            yield self
            return
        pool = ThreadPoolExecutor(self.n_threads) if self.n_threads > 1 else nullcontext()
        # BLAS's own threads gain nothing on products of this size, and wait for each other where cores are busy.
        with one_blas_thread(), pool as self._pool:
            self._open = True
            try:
                yield self
            finally:
                self._pool, self._open = None, False

    def reduce(self, task: Callable[[int, Workspace], Any], count: int, spread: bool = True) -> Any:
        """The sum of ``task(index, workspace)`` over the indices, in an order that the threads cannot change.

        Without `spread`, all of it in this thread: where tasks are too small to gain from others.
        """
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
        return _sum(self._pool.map(chunk, bounds) if spread and self._pool is not None else map(chunk, bounds))


def _sum(parts: Iterable[Any]) -> Any:
    parts = iter(parts)
    total = next(parts)
    for part in parts:
        total = total + part
    return total
