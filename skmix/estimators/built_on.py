"""What estimators that use a mixture for another task share."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags

from skmix.estimators.base import Constraints
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.estimators.mixture import BaseMixture


class BuiltOnMixture(BaseEstimator):
    """Base of estimators that fit copies of the mixture `estimator`, or of ``GaussianMixture()``."""

    estimator: Any
    _dtypes: ClassVar[list[type]] = [np.float64, np.float32]
    _parameter_constraints: ClassVar[Constraints] = {"estimator": [BaseMixture, None]}

    def _mixture(self) -> Any:
        """An unfitted copy."""
        return GaussianMixture() if self.estimator is None else clone(self.estimator)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(GaussianMixture() if self.estimator is None else self.estimator).input_tags
        return tags
