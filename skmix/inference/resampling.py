"""The independent units of data, rows or sequences, and such as are drawn from a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skmix.estimators.sequence_data import check_sequences
from skmix.inference.fitted import Fitted


@dataclass
class DataUnits:
    """The independent units of the data: rows, or sequences, each in one piece.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    lengths : ndarray of shape (n_units,)
        Numbers of rows.
    weight : ndarray of shape (n_units,)
    sequences : bool
        Whether the estimator must be told the lengths.
    """

    X: np.ndarray
    lengths: np.ndarray
    weight: np.ndarray
    sequences: bool

    @classmethod
    def of(cls, fitted: Fitted, sample_weight: Any, sequence_id: Any, lengths: Any) -> DataUnits:
        X = fitted.X
        weight = np.ones(len(X)) if sample_weight is None else np.broadcast_to(sample_weight, len(X)).astype(np.float64)
        if fitted.objective.model.latent.independent:
            return cls(X, np.ones(len(X), dtype=int), weight, False)
        order, lengths = check_sequences(X, sequence_id, lengths)
        if order is not None:
            X, weight = X[order], weight[order]
        return cls(X, lengths, weight[np.cumsum(lengths) - lengths], True)

    @property
    def n_drawn(self) -> int:
        """How many units a set of data drawn anew has."""
        return max(1, round(float(self.weight.sum())))

    def told(self, lengths: np.ndarray) -> dict[str, Any]:
        """What `fit` needs besides rows."""
        return {"lengths": lengths} if self.sequences else {}

    def responsibilities(self, estimator: Any) -> np.ndarray:
        return estimator._responsibilities(self.X, **self.told(self.lengths))

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Numbers of the rows of some units, one behind the other."""
        first = np.cumsum(self.lengths) - self.lengths
        shift = first[chosen] - (np.cumsum(self.lengths[chosen]) - self.lengths[chosen])
        return np.arange(self.lengths[chosen].sum()) + np.repeat(shift, self.lengths[chosen])

    def drawn_from(self, estimator: Any, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        """Units drawn from a fitted model, like those of the data: their rows, and their lengths.

        They have the lengths and the missing values of the data's, as often as these weigh.
        """
        if np.array_equal(self.weight, np.round(self.weight)):
            like = np.repeat(np.arange(len(self.weight)), self.weight.astype(int))
        else:
            like = rng.choice(len(self.weight), size=self.n_drawn, p=self.weight / self.weight.sum())
        lengths = self.lengths[like]
        if self.sequences:
            X = estimator.sample(lengths=lengths)[0]
        else:
            X = estimator.sample(len(like))[0]
            X = X[rng.permutation(len(X))]  # which come grouped by component
        X[np.isnan(self.X[self.rows(like)])] = np.nan
        return X, lengths
