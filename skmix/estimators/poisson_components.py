"""Poisson components as users see them."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skmix.estimators.base import Constraints
from skmix.estimators.checks import check_shape
from skmix.families.poisson import Poisson


class PoissonComponents:
    """What estimators with Poisson counts share."""

    rates_init: Any
    n_components: int
    _component_attributes: ClassVar[tuple[str, ...]] = Poisson.attributes
    _dtypes: ClassVar[tuple[type, ...]] = Poisson.dtypes
    _own_constraints: ClassVar[Constraints] = {
        "prior": [StrOptions({"data"}), None],
        "rates_init": ["array-like", None],
    }

    def _family_name(self) -> str:
        return "poisson"

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        if self.rates_init is None:
            return {}
        rates = check_shape("rates_init", self.rates_init, (self.n_components, n_features))
        if rates.min() <= 0:
            raise ValueError(f"The parameter 'rates_init' should be positive, but got min value {rates.min():g}")
        return {"rates_": rates}

    def _parameters_for(self, columns: np.ndarray) -> dict[str, Any]:
        return {"rates_init": None}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.positive_only = True
        return tags
