"""Bernoulli components as users see them."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skmix.estimators.base import Constraints
from skmix.estimators.checks import check_shape
from skmix.families.bernoulli import Bernoulli


class BernoulliComponents:
    """What estimators with zeros and ones share."""

    binarize: Any
    probabilities_init: Any
    probabilities_: Any
    n_components: int
    warm_start: bool
    _component_attributes: ClassVar[tuple[str, ...]] = Bernoulli.attributes
    _dtypes: ClassVar[tuple[type, ...]] = Bernoulli.dtypes
    _own_constraints: ClassVar[Constraints] = {
        "binarize": [StrOptions({"auto"}), Real, None],
        "prior": [StrOptions({"data"}), None],
        "probabilities_init": ["array-like", None],
    }

    def _family_name(self) -> str:
        return "bernoulli"

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        if self.probabilities_init is None:
            return {}
        given = check_shape("probabilities_init", self.probabilities_init, (self.n_components, n_features))
        if given.min() <= 0 or given.max() >= 1:
            raise ValueError(
                "The parameter 'probabilities_init' should be above 0 and below 1, but got "
                f"min value {given.min():g}, max value {given.max():g}"
            )
        return {"probabilities_": given}

    def _parameters_for(self, columns: np.ndarray) -> dict[str, Any]:
        return {"probabilities_init": None}

    def _check_values(self, X: np.ndarray, reset: bool) -> np.ndarray:
        return super()._check_values(self._binarized(X), reset)  # type: ignore[misc]

    def _binarized(self, X: np.ndarray) -> np.ndarray:
        threshold = self.binarize
        if threshold is None:
            return X
        if threshold == "auto":
            other = X[~(np.isnan(X) | (X == 0) | (X == 1))]
            if not len(other):
                return X
            threshold = 0.0
            warnings.warn(
                f"X has values other than 0 and 1, such as {other[0]:g}: those above 0 count as 1, the others as 0. "
                "Set 'binarize' to the threshold that you mean.",
                UserWarning,
                stacklevel=2,
            )
        return np.where(np.isnan(X), X, np.greater(X, threshold))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.positive_only = self.binarize is None
        return tags
