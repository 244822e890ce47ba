"""Another place for a component that has lost its rows or collapsed: a half of another one."""

from __future__ import annotations

import numpy as np

from skmix.initialize.search import _moved, _split, climb
from skmix.initialize.starts import Distances, given, start_from
from skmix.likelihood.objective import Objective, Point

_CANDIDATES = 4  # the largest other components, of which one is split
_STEPS = 5  # EM steps after which the splits are compared


def reseeded(objective: Objective, point: Point, component: int, rank: int = 0) -> Point:
    """The point some EM steps after a component's rows went to the others, and a half of another one's to it.

    Parameters
    ----------
    objective : Objective
    point : Point
    component : int
        The component that is moved.
    rank : int
        0 for the split that gains most, 1 for the next one, …
    """
    nobody = np.array([], dtype=np.intp)
    R = _moved(objective.responsibilities(point.parameters), component, nobody)
    Z, _ = Distances(objective.model.family, objective.rows).coordinates()
    others = [k for k in np.argsort(-R.sum(axis=0), kind="stable").tolist() if k != component][:_CANDIDATES]
    halved = (start_from(given(_split(Z, R, k, component, k)), objective) for k in others)
    points = sorted((climb(objective, start, _STEPS) for start in halved), key=lambda one: -one.value)
    return points[min(rank, len(points) - 1)]
