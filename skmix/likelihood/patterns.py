"""Patterns of observed features: rows of one pattern share all the algebra of their missing entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_ELEMENTS = 1 << 18  # patterns × components × features² of a block: bounds the memory for the patterns' factors


@dataclass(frozen=True)
class Patterns:
    """An order of the rows in which those with the same pattern are neighbours.

    Attributes
    ----------
    order : ndarray of shape (n_samples,)
        Row numbers, grouped by pattern.
    first : ndarray of shape (n_patterns + 1,)
        Where in `order` each pattern begins; the last entry is n_samples.
    observed : ndarray of shape (n_patterns, n_features)
        True where observed.
    """

    order: np.ndarray
    first: np.ndarray
    observed: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray) -> Patterns:
        """Group the rows of `X` by where it is not NaN."""
        packed = np.packbits(~np.isnan(X), axis=1)
        words = np.zeros((len(X), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
        words[:, : packed.shape[1]] = packed
        keys = words.view(np.uint64)
        order = np.argsort(keys[:, 0], kind="stable") if keys.shape[1] == 1 else np.lexsort(keys.T)
        keys = keys[order]
        first = np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(axis=1)])
        observed = ~np.isnan(X[order[first]])
        return cls(order, np.r_[first, len(X)], observed)

    def cut(self, size: int, per_pattern: int) -> list[tuple[int, int]]:
        """Blocks of at most `size` rows, and of so many patterns that `per_pattern` numbers for each do no harm."""
        most = max(1, _ELEMENTS // per_pattern)
        bounds, start = [], 0
        n_samples = len(self.order)
        while start < n_samples:
            pattern = int(np.searchsorted(self.first, start, side="right")) - 1
            stop = min(start + size, n_samples, int(self.first[min(pattern + most, len(self.first) - 1)]))
            bounds.append((start, stop))
            start = stop
        return bounds

    def segments(self, start: int, stop: int) -> tuple[list[tuple[int, int]], np.ndarray]:
        """The runs of one pattern within a block, relative to its start, and their patterns."""
        low = int(np.searchsorted(self.first, start, side="right")) - 1
        high = int(np.searchsorted(self.first, stop, side="left"))
        edges = np.clip(self.first[low : high + 1], start, stop) - start
        return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)), self.observed[low:high]
