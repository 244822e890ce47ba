"""Rows in blocks: standardised, feature-major, small enough for the cache.

Nothing here depends on a family or on parameters. A block is the transpose of a few thousand rows, ``Z`` of shape
(n_features, rows), because sums and products over contiguous rows run 2–3 times faster than over columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from skmix.likelihood.patterns import Patterns
from skmix.likelihood.threads import Workspace
from skmix.likelihood.units import Units, column_range

# Rows of a block, measured (doc/develop/architecture.md): its features stay near the L2 cache, yet each call into NumPy
# works long enough, the more so where threads wait for each other between the calls.
_ELEMENTS = 3 << 19  # rows × what a kernel forms of each
_MIN_ROWS, _MAX_ROWS, _MAX_ROWS_THREADED = 512, 8192, 16384
_FEW_SEGMENTS = 64  # up to so many, missing entries are set to 0 by pattern, not by looking for NaN
_THREADED = 300  # what a kernel forms of a row × components: from here threads gain more than they wait
# Data of up to so many features × rows (48 MB) keep their blocks, features included, from pass to pass. Such blocks are
# read rather than written, and best where they fit the L2 cache; threads then have still less to gain.
_RESIDENT = 3 << 21
_RESIDENT_AT_ONCE = 1 << 19  # above this many they are kept from the third pass on: new memory costs more than it saves
_PASSES_BEFORE = 2
_RESIDENT_ELEMENTS, _MIN_RESIDENT_ROWS = 3 << 15, 2048
_RESIDENT_THREADED = 700


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
    excluded : ndarray of shape (n_components, n) or None
        True for components that a row's known label rules out; None where no label is known.
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
    patterns: Any
    excluded: np.ndarray | None = None
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
    row_size : callable
        ``row_size(masked)``: how many numbers a kernel forms of a row (`masked`: some entries are missing).
    n_components : int
        The number of components, likewise.
    labels : ndarray of int, shape (n_samples,), optional
        Known labels of rows, −1 where unknown; None where none is known.
    n_labels : int, optional
        How many labels there are, each for as many components, one behind the other; None for one of each component.
    """

    def __init__(
        self,
        X: np.ndarray,
        units: Units,
        weight: np.ndarray | None = None,
        *,
        group: bool = False,
        row_size: Callable[[bool], int] = lambda masked: 1,
        n_components: int = 1,
        labels: np.ndarray | None = None,
        n_labels: int | None = None,
    ):
        self.X, self.units, self.weight, self.labels = X, units, weight, labels
        self._layout = {"group": group, "row_size": row_size, "n_components": n_components, "n_labels": n_labels}
        self.n_labels = n_components if n_labels is None else n_labels
        self.dtype = X.dtype
        self.n_samples, self.n_features = X.shape
        self.numbers: np.ndarray | None = None  # which of the user's rows these are; None where all, in their order
        self.n_given = self.n_samples  # how many rows the user has given
        self.total_weight = float(self.n_samples if weight is None else weight.sum(dtype=np.float64))
        self.n_components = n_components
        self.has_missing = _any_nan(X)
        self.grouped = Patterns.of(X) if group and self.has_missing else None
        self.masked = self.has_missing and not group
        per_row = row_size(self.masked)
        # Squares of rows this far from the data a model was fitted to would overflow.
        self._farthest = float(np.finfo(X.dtype).max) ** 0.25
        with np.errstate(over="ignore"):
            low, high = column_range(X)
            self.radius2 = float(np.sum((np.maximum(high - units.centre, units.centre - low) / units.scale) ** 2))
        resident = self.n_samples * per_row <= _RESIDENT
        self.worth_threads = per_row * n_components >= (_RESIDENT_THREADED if resident else _THREADED)
        most = _MAX_ROWS_THREADED if self.worth_threads and not resident else _MAX_ROWS
        least, elements = (_MIN_RESIDENT_ROWS, _RESIDENT_ELEMENTS) if resident else (_MIN_ROWS, _ELEMENTS)
        size = int(np.clip(elements // max(per_row, 1), least, most))
        if self.worth_threads and self.n_samples > size:  # so many blocks that they can be shared out evenly
            size = -(-self.n_samples // (4 * -(-self.n_samples // (4 * size))))
        self._bounds = self._cut(size)
        self._resident: dict[int, Block] | None = {} if resident else None
        self._wait = 0 if self.n_samples * per_row <= _RESIDENT_AT_ONCE else _PASSES_BEFORE
        self._visits: Counter[int] = Counter()
        self._centre = units.centre.astype(self.dtype)[:, None]
        self._factor = (1.0 / units.scale).astype(self.dtype)[:, None]

    def fork(self) -> Rows:
        """The same rows for another thread: nothing that a pass writes is shared."""
        twin = copy(self)
        twin._resident = None if self._resident is None else {}
        twin._visits = Counter()
        return twin

    def unlabelled(self) -> Rows:
        """The same rows, none of whose labels is known."""
        if self.labels is None:
            return self
        twin = self.fork()
        twin.labels = None
        return twin

    def take(self, chosen: np.ndarray) -> Rows:
        """Some of the rows, standardised as all of them are."""
        weight, labels = (None if part is None else part[chosen] for part in (self.weight, self.labels))
        part = Rows(self.X[chosen], self.units, weight, labels=labels, **self._layout)  # type: ignore[arg-type]
        part.come_from(self.n_given, self.of_given(np.arange(self.n_given))[chosen])
        return part

    def come_from(self, n_given: int, numbers: np.ndarray) -> None:
        """Remember which of the user's `n_given` rows these are: some may have been left out, others moved."""
        self.n_given, self.numbers = n_given, numbers

    def of_given(self, values: np.ndarray) -> np.ndarray:
        """What an array with an entry for each of the user's rows, (n_given, ...), has for these rows."""
        return values if self.numbers is None else values[self.numbers]

    def _cut(self, size: int) -> list[tuple[int, int]]:
        if self.grouped is not None:
            return self.grouped.cut(size, self.n_components * self.n_features**2)
        return [(a, min(a + size, self.n_samples)) for a in range(0, self.n_samples, size)]

    def __len__(self) -> int:
        return len(self._bounds)

    def log_scale(self, block: Block) -> np.ndarray | float:
        """Σ_j log scale_j over the observed entries of each row of a block: what standardising adds to log p(x)."""
        log_scale = np.log(self.units.scale)
        mask = block.mask
        return float(log_scale.sum()) if mask is None else log_scale @ mask

    @cached_property
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
        if self._resident is None or self._visits[index] < self._wait:
            self._visits[index] += 1
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
        with np.errstate(over="ignore"):  # a row of next to no weight may lie that far
            Z *= self._factor
        if self.radius2 > self._farthest**2:
            np.clip(Z, -self._farthest, self._farthest, out=Z)
        observed = None
        if patterns is not None and len(segments) <= _FEW_SEGMENTS:
            for (a, b), seen in zip(segments, patterns, strict=True):
                Z[~seen, a:b] = 0
        elif self.has_missing:
            missing = np.isnan(Z)
            _clear(Z, missing)
            if self.masked:
                observed = work.take("observed", Z.shape, self.dtype)
                np.logical_not(missing, out=observed, casting="unsafe")
        weight = None if self.weight is None else self.weight[rows]
        return Block(rows, Z, observed, weight, segments, patterns, self._excluded(rows))

    def _excluded(self, rows: Any) -> np.ndarray | None:
        """The components that the known labels of some rows rule out, (n_components, n)."""
        if self.labels is None:
            return None
        own = np.repeat(np.arange(self.n_labels), self.n_components // self.n_labels)[:, np.newaxis]
        labels = self.labels[rows]
        return (own != labels) & (labels >= 0)


def _clear(Z: np.ndarray, missing: np.ndarray) -> None:
    """Set the missing entries to 0, by their bits: assignment under a random mask is seven times slower."""
    bits = Z.view(np.int64 if Z.itemsize == 8 else np.int32)
    np.bitwise_and(bits, np.subtract(missing, 1, dtype=bits.dtype), out=bits)


def _any_nan(X: np.ndarray) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isnan(X.sum(dtype=np.float64)):
            return False
    return any(np.isnan(X[a : a + _MAX_ROWS]).any() for a in range(0, len(X), _MAX_ROWS))
