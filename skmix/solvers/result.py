"""What a solver leaves behind: the trace of a fit and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import NamedTuple

import numpy as np

from skmix.likelihood.objective import Objective, Point

INTERRUPTED = "interrupted"  # part of the reason of such an ending
Listener = Callable[["Trace"], None]
_listener: ContextVar[Listener | None] = ContextVar("skmix_listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within this block, `listener` is called with the trace at every accepted iterate of every fit of this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


class Trace:
    """The accepted iterates of a fit: objective, passes made so far, seconds so far.

    Parameters
    ----------
    objective : Objective
    tol : float
        Stop when this gain, in nats per row, is estimated to remain.
    max_iter : int
        Most accepted iterates after the start.
    listener : callable, optional
        Called with this trace at every accepted iterate.
    seed : int, default=0
        For solvers that draw at random and have no seed of their own.
    """

    def __init__(
        self,
        objective: Objective,
        tol: float,
        max_iter: int,
        listener: Listener | None = None,
        seed: int = 0,
    ):
        self.tol, self.max_iter = tol, max_iter
        self.values: list[float] = []
        self.n_passes: list[float] = []
        self.seconds: list[float] = []
        self.point: Point | None = None  # the last accepted one
        self._notes: dict[str, dict[int, float]] = {}
        self.ending: Ending | None = None
        self.seed = seed
        self._objective, self._lock, self._closed = objective, Lock(), False
        self.begin()
        self._listeners = [call for call in (listener, _listener.get()) if call is not None]

    def begin(self) -> None:
        """Start the clock."""
        self._begin = time.perf_counter()

    def accept(self, point: Point) -> None:
        """Record the pass made at an iterate that the solver goes on from."""
        with self._lock:
            if self._closed:
                raise KeyboardInterrupt
            self.point = point
            self.values.append(point.value)
            self.n_passes.append(self._objective.n_passes)
            self.seconds.append(time.perf_counter() - self._begin)
        for listener in self._listeners:
            listener(self)

    def settle(self, point: Point) -> Point:
        """Put the objective in place of a lower bound of it at the last iterate."""
        self.point = point
        self.values[-1] = max(point.value, self.values[-1])
        self.n_passes[-1] = self._objective.n_passes
        return point

    def interrupt(self, solver: str) -> Ending | None:
        """End the trace; how it ended, None where nothing was reached. Later iterates raise KeyboardInterrupt."""
        with self._lock:
            self._closed = True
        if self.ending is not None:
            return self.ending._replace(reason=f"{self.ending.reason}; another start was {INTERRUPTED}")
        if self.point is None:
            return None
        advice = "The parameters are those of the last iterate; warm_start=True goes on from them."
        return Ending(self.point, False, f"was {INTERRUPTED} after {self.n_iter} iterations", solver, advice)

    def note(self, **numbers: float) -> None:
        """Numbers to be kept with the last accepted iterate, by the names that `history` gives them."""
        for name, number in numbers.items():
            self._notes.setdefault(name, {})[self.n_iter] = number

    @property
    def n_iter(self) -> int:
        """Accepted iterates after the start."""
        return len(self.values) - 1

    @property
    def exhausted(self) -> bool:
        return self.n_iter >= self.max_iter

    @property
    def total_passes(self) -> float:
        """All passes made so far, those of refused steps included."""
        return self._objective.n_passes

    def history(self) -> dict[str, np.ndarray]:
        """The trace as 1-D arrays of equal length, NaN where a solver noted nothing."""
        noted = {
            name: np.array([numbers.get(index, np.nan) for index in range(len(self.values))])
            for name, numbers in self._notes.items()
        }
        return {
            "objective": np.array(self.values),
            "n_passes": np.array(self.n_passes),
            "seconds": np.array(self.seconds),
            **noted,
        }


class Interrupted(KeyboardInterrupt):
    """Somebody pressed Ctrl-C while solvers ran; `runs` holds what they had reached: pairs of trace and ending."""

    def __init__(self, traces: list[Trace], solver: str):
        super().__init__("interrupted")
        self.runs = [(trace, ended) for trace in traces if (ended := trace.interrupt(solver)) is not None]


def wall_of(point: Point) -> float:
    """The loss that stands for one that cannot be computed: high enough to be refused, low enough to interpolate."""
    return -point.value + 10.0 * max(1.0, abs(point.value))


class Ending(NamedTuple):
    """How a solver ended.

    Attributes
    ----------
    point : Point
        The last accepted iterate.
    converged : bool
    reason : str
        A sentence for the user; empty where another solver is to go on.
    solver : str
        Name of the solver that ended it.
    advice : str
        What the user may change where it did not converge.
    """

    point: Point
    converged: bool
    reason: str
    solver: str
    advice: str = "Increase max_iter, raise tol, or try another solver or init_params."

    @property
    def unfinished(self) -> bool:
        """Whether there is something left to do for another solver."""
        return not self.reason
