"""Components that die or collapse: what is noticed after a climb, and what is done about it.

A component is *lost* when its share of the rows is all but 0. It has *collapsed* when it has no more rows than make a
covariance matrix, and their variance is what the penalty makes of it and far below that of the others: then its
likelihood is as high as `reg_covar` lets it be, and says nothing of the data.

Climbs are compared by their objective, collapsed components counted as if they were as wide as the others: what they
gain by their narrowness does not count. Where the best climb has components that are lost or collapsed, the first of
them is moved to where another one's split gains most, and the solver climbs again; the result is kept if it is better
by the same comparison. There are two such trials.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skmix.initialize.reseed import reseeded
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective, Point

NO_ROWS = 1e-10  # share of the rows below which a component has lost all of them
LOST, COLLAPSED = "lost", "collapsed"
_TRIALS = 2

Run = tuple[Any, Any]  # a trace, and how it ended


class Event(NamedTuple):
    """What happened to a component during a fit.

    Attributes
    ----------
    start : int
        Which of the `n_init` starts, from 0.
    component : int
        Which component; in :class:`~skmix.GMMHMM` state · n_mix + component.
    kind : {"lost", "collapsed"}
        Whether it lost all rows, or collapsed onto a few.
    action : {"re-seeded", "kept", "set aside"}
        Whether it was moved elsewhere and the fit went on from there; is in the fitted model as it is; or belongs to a
        start that another one was better than.
    before, after : float
        The objective, nats per row, when it was noticed, and after what was done.
    """

    start: int
    component: int
    kind: str
    action: str
    before: float
    after: float


def faults(objective: Objective, point: Point) -> dict[int, str]:
    """The components that are lost or have collapsed, and which of the two."""
    counts = _counts(point)
    lost = (counts <= NO_ROWS * objective.rows.total_weight) & (not objective.model.latent.may_empty)
    spikes = objective.model.family.spikes(point.parameters.components, counts) > 0
    return {int(k): LOST if lost[k] else COLLAPSED for k in np.flatnonzero(lost | spikes)}


def merit(objective: Objective, point: Point) -> float:
    """The objective, nats per row, without what collapsed components gain by their narrowness."""
    counts = _counts(point)
    spikes = objective.model.family.spikes(point.parameters.components, counts)
    return point.value - float(counts @ spikes) / objective.rows.total_weight


def report(objective: Objective, point: Point, start: int, action: str) -> list[Event]:
    """The events of a climb that ended at `point` and stays as it is."""
    return [Event(start, k, kind, action, point.value, point.value) for k, kind in faults(objective, point).items()]


def mend(objective: Objective, run: Run, start: int, climb: Callable[[Parameters], Run]) -> tuple[Run, list[Event]]:
    """The run after its lost and collapsed components were moved, where that was for the better, and what happened.

    Parameters
    ----------
    objective : Objective
    run : (Trace, Ending)
    start : int
        The number of its start.
    climb : callable
        ``climb(parameters)`` is another run of the solver.
    """
    events = []
    for trial in range(_TRIALS):
        point = run[1].point
        k = _movable(objective, faults(objective, point))
        if k is None:
            break
        with objective.threads.open(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            moved = reseeded(objective, point, k, trial)
        other = climb(moved.parameters)
        reached = other[1].point
        if merit(objective, reached) > merit(objective, point) + objective.noise(point.value):
            events.append(Event(start, k, faults(objective, point)[k], "re-seeded", point.value, reached.value))
            run = other
    return run, events


def _movable(objective: Objective, faulty: dict[int, str]) -> int | None:
    """The first faulty component that may be moved; None where all are faulty, and the data are to blame."""
    if len(faulty) == objective.rows.n_components:
        return None
    held = objective.model.held
    return next((k for k in faulty if held is None or not held.mask[k]), None)


def _counts(point: Point) -> np.ndarray:
    return point.statistics.latent.counts
