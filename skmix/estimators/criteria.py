"""Criteria for choosing a model: what a likelihood is worth for its parameters. Lower is better."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CRITERIA = ("bic", "aic", "icl")


class Criteria(NamedTuple):
    """What the criteria of a fitted model are made of.

    Attributes
    ----------
    log_likelihood : float
        Σ_n w_n log p(x_n), nats.
    entropy : float
        Entropy of the labels given the data, weighted likewise, nats.
    total_weight : float
        Σ_n w_n, which stands for the number of rows.
    n_parameters : int
        Free parameters.
    """

    log_likelihood: float
    entropy: float
    total_weight: float
    n_parameters: int

    @property
    def bic(self) -> float:
        return float(-2 * self.log_likelihood + self.n_parameters * np.log(self.total_weight))

    @property
    def aic(self) -> float:
        return float(-2 * self.log_likelihood + 2 * self.n_parameters)

    @property
    def icl(self) -> float:
        return self.bic + 2 * self.entropy
