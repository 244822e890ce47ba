"""Which rows form sequences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_CHUNK = 2048  # rows: fewer are not worth handing to another thread


@dataclass(frozen=True)
class Sequences:
    """Sequences of neighbouring rows, in the order of the rows.

    Attributes
    ----------
    first : ndarray of shape (n_sequences + 1,)
        Where each sequence begins; the last entry is the number of rows.
    weight : ndarray of shape (n_sequences,)
        Weights: a weight of 2 counts as two equal sequences.
    """

    first: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, lengths: np.ndarray, weight: np.ndarray | None = None) -> Sequences:
        """Sequences of these lengths, all of weight 1 unless said."""
        first = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
        return cls(first, np.ones(len(lengths)) if weight is None else np.asarray(weight, dtype=np.float64))

    def __len__(self) -> int:
        return len(self.weight)

    @cached_property
    def lengths(self) -> np.ndarray:
        return np.diff(self.first)

    @property
    def row_weight(self) -> np.ndarray:
        """The weight of each row's sequence, shape (n_rows,)."""
        return np.repeat(self.weight, self.lengths)

    def take(self, chosen: np.ndarray) -> tuple[np.ndarray, Sequences]:
        """The rows of some sequences, and these as sequences of their own."""
        rows = [np.arange(self.first[s], self.first[s + 1]) for s in chosen]
        return np.concatenate(rows), Sequences.of(self.lengths[chosen], self.weight[chosen])

    @cached_property
    def chunks(self) -> list[tuple[int, int]]:
        """Runs of sequences of a few thousand rows each, for threads to share."""
        wanted = max(1, int(self.first[-1]) // _CHUNK)
        edges = np.searchsorted(self.first, np.linspace(0, self.first[-1], wanted + 1))
        edges = np.unique(np.minimum(edges, len(self)))
        return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
