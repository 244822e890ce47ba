"""A fitted estimator at its data: the objective that its parameters maximise, seen again."""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmix.estimators.base import LatentVariableModel
from skmix.estimators.hidden_markov import BaseHMM
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective


class Fitted(NamedTuple):
    """A copy of an estimator, its data, and the objective of a fit to them.

    Attributes
    ----------
    estimator : LatentVariableModel
        A copy that would go on from the fitted parameters; nothing done to it shows in the original.
    X : ndarray of shape (n_samples, n_features)
        Validated rows, float64, as they came.
    objective : Objective
        Rows of weight 0 left out, sequences in one piece.
    parameters : Parameters
        In standardised units.
    """

    estimator: Any
    X: np.ndarray
    objective: Objective
    parameters: Parameters

    @property
    def public(self) -> dict[str, np.ndarray]:
        """The fitted attributes, and those that follow from them."""
        derived = {name: getattr(self.estimator, name) for name in self.estimator._derived_attributes}
        return {**self.public_of(self.parameters), **derived}

    def public_of(self, parameters: Parameters) -> dict[str, np.ndarray]:
        """The attributes that publish `parameters`, and those that follow from them; takes complex steps."""
        public = self.estimator._public_of(parameters, self.objective.model.family, self.objective.units)
        return {**public, **self.estimator._derived_of(public)}


def look_again(estimator: Any, X: Any, sample_weight: Any, sequence_id: Any, lengths: Any, caller: str) -> Fitted:
    """The fitted estimator at `X`; `caller` is named where something is refused.

    Raises
    ------
    TypeError
        If `estimator` is no model of skmix, or has posteriors in place of parameters.
    ValueError
        If sequences are given to a mixture, or the data do not fit the estimator.
    """
    if not isinstance(estimator, LatentVariableModel):
        raise TypeError(
            f"{caller} needs a fitted mixture or hidden Markov model of skmix as 'estimator', but got "
            f"{type(estimator).__name__}."
        )
    check_is_fitted(estimator, estimator._latent_attributes)
    sequences = sequences_of(estimator, sequence_id, lengths)
    X = estimator._check_data(X, reset=False).astype(np.float64, copy=False)
    twin = copy(estimator)
    twin.warm_start = True
    _, objective = twin._prepare(X, sample_weight, **sequences)
    if not objective.model.family.has_gradient:
        raise TypeError(
            f"{caller} needs parameters that maximise a likelihood, but {type(estimator).__name__} has a posterior "
            "distribution over them, whose spread tells their uncertainty; fit the mixture without a prior instead."
        )
    parameters = twin._adopt(objective.model.family, objective.units)
    return Fitted(twin, X, objective, objective.model.conform(parameters))


def sequences_of(estimator: Any, sequence_id: Any, lengths: Any) -> dict[str, Any]:
    """What an estimator's methods are told of sequences besides rows: nothing where rows are independent.

    Raises
    ------
    ValueError
        If sequences are given all the same.
    """
    if isinstance(estimator, BaseHMM):
        return {"sequence_id": sequence_id, "lengths": lengths}
    if sequence_id is not None or lengths is not None:
        raise ValueError(
            f"sequence_id and lengths say which rows form sequences, but to {type(estimator).__name__} all rows are "
            "independent; leave them out."
        )
    return {}
