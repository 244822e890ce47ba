"""Timing of several tasks in turn, so that a drift of the machine hits them all alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

_LEAST_ROUNDS = 3
# Seconds of untimed calls before a timed one: OpenBLAS lets idle threads spin for 25 ms, and after another library has
# freed its arrays it takes some ten iterations until one's own memory is mapped again, as it is in a long fit.
_SETTLE = 0.2
_LONG = 0.5  # seconds; a longer call does not care what ran before it


class Task(NamedTuple):
    """Something to time.

    Attributes
    ----------
    run : callable
        What is timed.
    session : callable
        Returns a context in which `run` is called and which is not timed: what a whole fit pays only once.
    note : str
        A remark for the report.
    """

    run: Callable[[], Any]
    session: Callable[[], AbstractContextManager[Any]] = nullcontext
    note: str = ""


class Timing(NamedTuple):
    """Seconds of each timed call."""

    seconds: list[float]

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def least(self) -> float:
        return min(self.seconds)


def interleaved(tasks: Mapping[Hashable, Task], repeats: int, budget: float = math.inf) -> dict[Hashable, Timing]:
    """Time every task once a round, for `repeats` rounds, or fewer (but 3) once `budget` seconds are over.

    A timed call comes right after untimed ones of the same task: caches are then its own, and threads that another
    task left spinning have gone to sleep. Each round begins with another task.
    """
    names = list(tasks)
    seconds: dict[Hashable, list[float]] = {name: [] for name in names}
    begin = perf_counter()
    for index in range(repeats):
        if index >= _LEAST_ROUNDS and perf_counter() - begin > budget:
            break
        turn = index % len(names)
        for name in names[turn:] + names[:turn]:
            warm = not seconds[name] or seconds[name][-1] < _LONG
            seconds[name].append(_turn(tasks[name], warm))
    return {name: Timing(values) for name, values in seconds.items()}


def _turn(task: Task, warm: bool) -> float:
    with task.session():
        settled = perf_counter() + _SETTLE
        while warm:
            task.run()
            warm = perf_counter() < settled
        begin = perf_counter()
        task.run()
        return perf_counter() - begin
