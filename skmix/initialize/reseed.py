"""Another place for a component that has lost its rows or collapsed: a half of another one."""

from __future__ import annotations

import numpy as np

from skmix.initialize.search.base import climb
from skmix.initialize.search.neighbourhood import Neighbourhood, without
from skmix.initialize.starts import given, start_from
from skmix.likelihood.objective import Objective, Point

_STEPS = 5  # EM steps of each halving, and from where the component has been put


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
    here = Neighbourhood(objective, point)
    gain, first = here.gain_by_halving(here.R, here.log_density, _STEPS, np.random.RandomState(0))
    others = [k for k in np.argsort(-gain, kind="stable").tolist() if k != component]
    k = others[min(rank, len(others) - 1)]
    R = without(here.R, component)
    R[:, component] = R[:, k] * (1.0 - first[:, k])
    R[:, k] *= first[:, k]
    return climb(objective, start_from(given(R), objective), _STEPS)
