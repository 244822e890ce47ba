"""Progress on standard output, as much of it as `verbose` asks for."""

from __future__ import annotations

from typing import Any

from skmix.solvers.result import Trace


class Verbose:
    """Prints the trace of one start: each `verbose_interval` iterates, with the gain and time where verbose >= 2."""

    def __init__(self, level: int, interval: int, start: int):
        self.level, self.interval, self.start = level, interval, start
        self._seconds, self._value = 0.0, float("nan")

    @classmethod
    def of(cls, estimator: Any, start: int) -> Verbose | None:
        """The listener that an estimator's parameters ask for, or None."""
        level = int(estimator.verbose)
        return cls(level, estimator.verbose_interval, start) if level > 0 else None

    def __call__(self, trace: Trace) -> None:
        if trace.n_iter == 0:
            print(f"Start {self.start}")
        elif trace.n_iter % self.interval == 0:
            line = f"  Iteration {trace.n_iter}"
            if self.level >= 2:
                gain, lapse = trace.values[-1] - self._value, trace.seconds[-1] - self._seconds
                line += f"\t objective {trace.values[-1]:.6f}\t gain {gain:.2e}\t time lapse {lapse:.5f}s"
            print(line)
        else:
            return
        self._seconds, self._value = trace.seconds[-1], trace.values[-1]
