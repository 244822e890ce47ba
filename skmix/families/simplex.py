"""Rows of probabilities that add up to 1: weights, rows of a transition matrix, categories.

Entries may be held at a value (0 among them), and free ones may be tied to each other. What a row has besides its fixed
entries, its *mass*, is shared out among the free ones. Two charts:

- on the sphere, p = u²/Σu² with u = √p₀ + z/(2√n): the complete-data information is the identity wherever u goes, n
  being the rows that fall to free entries, and a probability of 0 lies at a finite distance;
- softmax, log p = log p₀ + z/root (normalised): root = √(n p₀) makes the information the identity at z = 0, root = 1 is
  the textbook's chart.

In both, one direction of a row's coordinates changes nothing, and the gradient along it is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skmix.families.base import LEAST_SHARE, Chart

_LEAST = np.finfo(np.float64).tiny
_LEAST_ROOT = 1e-150


class Simplexes:
    """Which entries of rows of probabilities are free, which are tied.

    Parameters
    ----------
    group : ndarray of int, shape (..., C)
        Number of the free value behind each entry, −1 where the entry is fixed. Entries of one number are equal. Rows
        that share a number must have the same numbers, each as often.
    constant : ndarray of shape (..., C), optional
        Values of the fixed entries, 0 at the others; None for zeros.
    """

    def __init__(self, group: np.ndarray, constant: np.ndarray | None = None):
        self.group, self.free = group, group >= 0
        self._numbers = group[self.free]
        self.constant = np.zeros(group.shape) if constant is None else constant
        self.mass = 1.0 - self.constant.sum(axis=-1, keepdims=True)
        self.size = int(group.max(initial=-1)) + 1
        self.plain = np.array_equal(group.ravel(), np.arange(group.size))  # all free, none tied: nothing to gather
        self.multiplicity = np.maximum(self.pool(np.ones(group.shape)), 1.0)

    @classmethod
    def of(cls, allowed: np.ndarray) -> Simplexes:
        """Untied rows whose entries are free where `allowed`, and 0 elsewhere."""
        return cls(np.where(allowed, np.cumsum(allowed.ravel()).reshape(allowed.shape) - 1, -1))

    @property
    def n_parameters(self) -> int:
        """Free parameters: the free values, less one for each set of rows that share them."""
        return self.size - len(self.sharing)

    @property
    def sharing(self) -> np.ndarray:
        """For each set of rows that share free values, which these are, shape (n_sets, size)."""
        rows = {tuple(sorted(set(row[row >= 0].tolist()))) for row in self.group.reshape(-1, self.group.shape[-1])}
        sets = sorted(rows - {()})
        sharing = np.zeros((len(sets), self.size), dtype=bool)
        for members, numbers in zip(sharing, sets, strict=True):
            members[list(numbers)] = True
        return sharing

    def idle(self, direction: np.ndarray) -> np.ndarray:
        """The part of `direction` in the coordinates of each of those sets, in columns of length 1."""
        columns = np.where(self.sharing, direction / np.abs(direction).max(initial=np.finfo(np.float64).tiny), 0.0).T
        return columns / np.linalg.norm(columns, axis=0)

    def pool(self, value: np.ndarray) -> np.ndarray:
        """Sums over the entries behind each free value, shape (size,)."""
        if self.plain:
            return value.reshape(-1)
        entries = value[self.free]
        if np.iscomplexobj(entries):
            real, imaginary = (np.bincount(self._numbers, part, self.size) for part in (entries.real, entries.imag))
            return real + 1j * imaginary
        return np.bincount(self._numbers, entries, self.size)

    def spread(self, value: np.ndarray) -> np.ndarray:
        """Free values at their entries, 0 at fixed ones."""
        if self.plain:
            return value.reshape(self.group.shape)
        return np.where(self.free, value[self.group] if self.size else 0.0, 0.0)

    def share(self, part: np.ndarray, otherwise: np.ndarray | None = None) -> np.ndarray:
        """Rows in which the free entries share the mass in proportion to `part`, `otherwise` where that is all 0."""
        total = part.sum(axis=-1, keepdims=True)
        none = total == 0
        shared = self.constant + self.mass * part / np.where(none, 1.0, total)
        return shared if otherwise is None else np.where(none, otherwise, shared)

    def even(self) -> np.ndarray:
        """Rows in which all free values are equal."""
        return self.share(self.spread(np.ones(self.size)))

    def average(self, value: np.ndarray) -> np.ndarray:
        """The mean of the entries behind each free value, shape (size,)."""
        return self.pool(value) / self.multiplicity

    def m_step(self, counts: np.ndarray, old: np.ndarray) -> np.ndarray:
        """The maximiser of Σ counts·log p; a row without counts keeps its `old` values."""
        counts = np.maximum(counts, 0.0)  # sums from which old parts were taken may be negative by rounding
        return self.share(self.spread(self.average(counts)), old)


class _SimplexChart(Chart):
    """What both charts share: the structure, and the complete-data information that sets the units.

    Parameters
    ----------
    simplexes : Simplexes
    probabilities : ndarray of shape (..., C)
    totals : ndarray of shape (..., 1)
        The part of all rows that each row of probabilities was drawn for.
    """

    def __init__(self, simplexes: Simplexes, probabilities: np.ndarray, totals: np.ndarray):
        self.simplexes = simplexes
        self.totals = np.maximum(totals, LEAST_SHARE) * np.ones_like(probabilities)
        self.start = np.zeros(simplexes.size)

    def excess(self, probabilities: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Counts of free entries less what the probabilities make of the row's total: the gradient in log p."""
        simplexes = self.simplexes
        if simplexes.plain:
            return counts - probabilities * counts.sum(axis=-1, keepdims=True)
        counts = np.where(simplexes.free, counts, 0.0)
        total = counts.sum(axis=-1, keepdims=True)
        mass = np.where(simplexes.mass > 0, simplexes.mass, 1.0)
        return counts - np.where(simplexes.free, probabilities, 0.0) / mass * total


class SphereChart(_SimplexChart):
    """Square roots of the shares p of the mass: z = 2√n (u − √p₀), p = u²/Σu²."""

    def __init__(self, simplexes: Simplexes, probabilities: np.ndarray, totals: np.ndarray):
        super().__init__(simplexes, probabilities, totals)
        self.unit = 0.5 / np.sqrt(np.maximum(simplexes.pool(self.totals * simplexes.mass), LEAST_SHARE))
        self.origin = self._roots(probabilities)

    def _roots(self, probabilities: np.ndarray) -> np.ndarray:
        mass = np.where(self.simplexes.mass > 0, self.simplexes.mass, 1.0)
        return np.sqrt(self.simplexes.average(probabilities / mass))

    def _at(self, z: np.ndarray) -> np.ndarray:
        u = self.origin + self.unit * z
        return np.where(np.abs(u) < _LEAST_ROOT, _LEAST_ROOT, u)

    def parameters(self, z: np.ndarray) -> np.ndarray:
        return self.simplexes.share(self.simplexes.spread(self._at(z) ** 2))

    def coordinates(self, parameters: np.ndarray) -> np.ndarray:
        return (self._roots(parameters) - self.origin) / self.unit

    def idle(self, z: np.ndarray) -> np.ndarray:
        return self.simplexes.idle(self._at(z) / self.unit)

    def gradient(self, z: np.ndarray, parameters: np.ndarray, statistics: Any) -> np.ndarray:
        return 2.0 * self.unit * self.simplexes.pool(self.excess(parameters, statistics)) / self._at(z)


class SoftmaxChart(_SimplexChart):
    """Logarithms of probabilities, normalised: log p = log p₀ + z/root.

    Parameters
    ----------
    whitened : bool
        Whether root = √(n p₀), or 1.
    """

    def __init__(self, simplexes: Simplexes, probabilities: np.ndarray, totals: np.ndarray, whitened: bool = False):
        super().__init__(simplexes, probabilities, totals)
        self.root = np.ones(simplexes.size)
        if whitened:
            self.root = np.sqrt(np.maximum(simplexes.pool(self.totals * probabilities), LEAST_SHARE))
        self.log_origin = self._logarithms(probabilities)

    def _logarithms(self, probabilities: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(self.simplexes.average(probabilities), _LEAST))

    def parameters(self, z: np.ndarray) -> np.ndarray:
        free = self.simplexes.free
        logarithms = self.simplexes.spread(self.log_origin + z / self.root)
        largest = np.where(free, logarithms.real, -np.inf).max(axis=-1, keepdims=True)
        part = np.exp(np.where(free, logarithms - np.where(np.isfinite(largest), largest, 0.0), 0.0))
        return self.simplexes.share(np.where(free, part, 0.0))

    def coordinates(self, parameters: np.ndarray) -> np.ndarray:
        """Of all z that give these probabilities, the one without a part along the direction that changes nothing."""
        change = self.simplexes.spread(self._logarithms(parameters) - self.log_origin)
        weight = self.simplexes.spread(self.root**2 / self.simplexes.multiplicity)
        level = (weight * change).sum(axis=-1, keepdims=True) / np.maximum(weight.sum(axis=-1, keepdims=True), _LEAST)
        return self.root * self.simplexes.average(change - level)

    def gradient(self, z: np.ndarray, parameters: np.ndarray, statistics: Any) -> np.ndarray:
        return self.simplexes.pool(self.excess(parameters, statistics)) / self.root

    def idle(self, z: np.ndarray) -> np.ndarray:
        return self.simplexes.idle(self.root)
