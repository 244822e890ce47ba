"""Locations (means, rates, probabilities) that are known: components that keep theirs, whichever the solver.

The M-step keeps them because the statistics that speak for a change are taken from it; charts keep them because their
coordinates are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skmix.families.base import Chart, Coordinates, ExplicitChart, Family


@dataclass(frozen=True)
class Held:
    """Components that keep their locations.

    Attributes
    ----------
    family : Family
    mask : ndarray of bool, shape (K,)
        Which components.
    components : object
        Parameters of the family whose locations are those that are kept, in standardised units.
    """

    family: Family
    mask: np.ndarray
    components: Any

    def put(self, components: Any) -> Any:
        """The components with the locations that are kept; takes complex steps."""
        kept = {}
        for name in self.family.locations:
            own, value = getattr(components, name), getattr(self.components, name)
            kept[name] = np.where(self.mask.reshape(-1, *[1] * (value.ndim - 1)), value, own)
        return components._replace(**kept)

    def silence(self, statistics: Any) -> Any:
        """Statistics in which nothing speaks for another location of these components."""
        return self.family.silence(statistics, self.mask)

    def free(self, components: Any, size: int) -> np.ndarray:
        """Which of the `size` coordinates of a chart about `components` are free to change, a mask."""
        owners = self.family.owners(components, size)
        return (owners < 0) | ~self.mask[owners]

    def chart(self, inner: Coordinates, components: Any) -> Coordinates:
        """A chart about `components` without the coordinates of what is kept."""
        kind = _HeldChart if isinstance(inner, Chart) else _HeldCoordinates
        return kind(self, inner, self.free(components, len(inner.start)))

    def explicit(self, inner: ExplicitChart, components: Any) -> ExplicitChart:
        """An explicit chart that has equal bounds for what is kept."""
        return _HeldExplicit(self, inner, self.free(components, len(inner.start)))


class _HeldCoordinates(Coordinates):
    """The free ones of some coordinates."""

    def __init__(self, held: Held, inner: Any, free: np.ndarray):
        self.held, self.inner, self.free = held, inner, free
        self.start = inner.start[self.free]
        self.analytic = inner.analytic  # type: ignore[misc]

    def whole(self, z: np.ndarray) -> np.ndarray:
        """All coordinates."""
        whole = self.inner.start.astype(np.result_type(z, self.inner.start))
        whole[self.free] = z
        return whole

    def parameters(self, z: np.ndarray) -> Any:
        return self.held.put(self.inner.parameters(self.whole(z)))

    def coordinates(self, parameters: Any) -> np.ndarray:
        return self.inner.coordinates(parameters)[self.free]

    def idle(self, z: np.ndarray) -> np.ndarray:
        directions = self.inner.idle(self.whole(z))[self.free]
        return directions[:, np.linalg.norm(directions, axis=0) > 0.5]  # each belongs to one component


class _HeldChart(_HeldCoordinates, Chart):
    """The same of charts, which have a gradient."""

    def gradient(self, z: np.ndarray, parameters: Any, statistics: Any) -> np.ndarray:
        return self.inner.gradient(self.whole(z), parameters, statistics)[self.free]


class _HeldExplicit(ExplicitChart):
    """All coordinates, those of what is kept between equal bounds."""

    def __init__(self, held: Held, inner: ExplicitChart, free: np.ndarray):
        self.held, self.inner = held, inner
        self.start, self.locations = inner.start, inner.locations  # type: ignore[misc]
        self.kept = ~free
        self.least = np.where(self.kept, self.start, inner.least)
        self.most = np.where(self.kept, self.start, inner.most)

    def parameters(self, z: np.ndarray) -> Any:
        return self.held.put(self.inner.parameters(z))

    def coordinates(self, parameters: Any) -> np.ndarray:
        return self.inner.coordinates(parameters)

    def idle(self, z: np.ndarray) -> np.ndarray:
        return self.inner.idle(z)

    def sizes(self, statistics: Any) -> np.ndarray:
        return self.inner.sizes(statistics)

    def gradient(self, z: np.ndarray, parameters: Any, statistics: Any) -> np.ndarray:
        return np.where(self.kept, 0.0, self.inner.gradient(z, parameters, statistics))
