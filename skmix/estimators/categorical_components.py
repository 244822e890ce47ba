"""Categorical components as users see them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmix.estimators.base import Constraints
from skmix.estimators.checks import check_shape
from skmix.families.base import Penalty
from skmix.families.categorical import Categorical
from skmix.likelihood.units import Units, column_range


class CategoricalComponents:
    """What estimators with categorical features share."""

    n_categories: Any
    probabilities_init: Any
    probabilities_: Any
    n_components: int
    warm_start: bool
    _penalty: Callable[[], Penalty]
    _component_attributes: ClassVar[tuple[str, ...]] = Categorical.attributes
    _dtypes: ClassVar[tuple[type, ...]] = Categorical.dtypes
    _own_constraints: ClassVar[Constraints] = {
        "n_categories": [Interval(Integral, 1, None, closed="left"), "array-like", None],
        "prior": [StrOptions({"data"}), None],
        "probabilities_init": ["array-like", None],
    }

    def _family_name(self) -> str:
        return "categorical"

    def _make_family(self, X: np.ndarray, weight: np.ndarray | None, units: Units) -> Categorical:
        return Categorical(self.n_categories_).informed(X, weight, self._penalty())

    def _family_at_hand(self) -> Categorical:
        if hasattr(self, "n_categories_"):
            return Categorical(np.asarray(self.n_categories_))
        return Categorical.of_public({"probabilities_": self.probabilities_})  # set by hand

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        if self.probabilities_init is None:
            return {}
        shape = (self.n_components, n_features, int(self.n_categories_.max()))
        given = check_shape("probabilities_init", self.probabilities_init, shape)
        if given.min() < 0:
            raise ValueError(
                f"The parameter 'probabilities_init' should not be negative, but got min value {given.min():g}"
            )
        beyond = np.arange(shape[2]) >= self.n_categories_[:, np.newaxis]
        if given[:, beyond].any():
            feature = int(np.nonzero(beyond & given.any(axis=0))[0][0])
            raise ValueError(
                "The parameter 'probabilities_init' should be 0 beyond a feature's levels, but is not for feature "
                f"{feature}, which has {self.n_categories_[feature]}; 'n_categories' declares more."
            )
        sums = given.sum(axis=2, keepdims=True)
        if np.abs(sums - 1.0).max() > 1e-6:
            worst = sums.ravel()[np.abs(sums - 1.0).argmax()]
            raise ValueError(
                "The parameter 'probabilities_init' should be normalized: its rows should add up to 1, but got "
                f"{worst:.5f}"
            )
        return {"probabilities_": given / sums}

    def _parameters_for(self, columns: np.ndarray) -> dict[str, Any]:
        of_each = self.n_categories is not None and np.ndim(self.n_categories) > 0
        declared = np.asarray(self.n_categories)[columns] if of_each else self.n_categories
        return {"probabilities_init": None, "n_categories": declared}

    def _parameters_for_parts(self, X: np.ndarray) -> dict[str, Any]:
        if self.n_categories is not None:
            return {}
        return {"n_categories": column_range(X)[1].astype(int) + 1}  # a part need not have all levels

    def _for_features(self, columns: np.ndarray) -> Any:
        mixture = super()._for_features(columns)  # type: ignore[misc]
        mixture.n_categories_ = self._family_at_hand().n_categories[columns]
        return mixture

    def _check_values(self, X: np.ndarray, reset: bool) -> np.ndarray:
        X = super()._check_values(_whole(X) if self.n_categories is None else X, reset)  # type: ignore[misc]
        highest = column_range(X)[1].astype(int)
        if reset:
            self.n_categories_ = self._declared(highest)
        self._family_at_hand().check_rows(X, type(self).__name__)
        return X

    def _declared(self, highest: np.ndarray) -> np.ndarray:
        """The number of levels of each feature, from `n_categories` or the highest codes."""
        if self.n_categories is None:
            fitted = getattr(self, "n_categories_", highest) if self.warm_start else highest
            # The parameters to go on from may have levels that these data lack.
            return np.maximum(highest + 1, fitted) if len(fitted) == len(highest) else highest + 1
        declared = np.asarray(self.n_categories)
        if declared.dtype.kind not in "iu" or declared.min(initial=1) < 1 or declared.shape not in ((), highest.shape):
            raise ValueError(
                f"The parameter 'n_categories' should be a positive integer, or one for each of the {len(highest)} "
                f"features, but got {self.n_categories!r}"
            )
        return np.broadcast_to(declared, highest.shape).astype(int)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.positive_only = True
        tags.input_tags.categorical = True
        return tags


def _whole(X: np.ndarray) -> np.ndarray:
    """X without fractions: where levels are not declared, scikit-learn's own CategoricalNB cuts them off as well."""
    whole = np.floor(X)
    if np.array_equal(whole, X, equal_nan=True):
        return X
    fraction = X[~np.isnan(X) & (whole != X)][0]
    warnings.warn(
        f"X has values that are no codes, such as {fraction:g}: they are rounded down. Cut measurements into levels "
        "with sklearn.preprocessing.KBinsDiscretizer; 'n_categories' makes anything but declared codes an error.",
        UserWarning,
        stacklevel=4,
    )
    return whole
