"""Gaussian components as users see them: their parameters, initial values, and covariances in all their shapes."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmix.estimators.base import Constraints
from skmix.estimators.checks import check_shape
from skmix.families import FAMILIES

PREFIX = "gaussian-"
COVARIANCE_TYPES = {name.removeprefix(PREFIX) for name in FAMILIES if name.startswith(PREFIX)}


class GaussianComponents:
    """What estimators with Gaussian components share."""

    covariance_type: str
    reg_covar: float
    prior: str | None
    means_init: Any
    precisions_init: Any
    n_components: int
    _family_class: Any
    _component_attributes: ClassVar[tuple[str, ...]] = FAMILIES["gaussian-full"].attributes
    _own_constraints: ClassVar[Constraints] = {
        "covariance_type": [StrOptions(COVARIANCE_TYPES)],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "prior": [StrOptions({"data"}), None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
    }

    def _family_name(self) -> str:
        return PREFIX + self.covariance_type

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        family = self._family_class()()
        return given_gaussians(family, self.means_init, self.precisions_init, self.n_components, n_features)

    def _parameters_for(self, columns: np.ndarray) -> dict[str, Any]:
        return {"means_init": None, "precisions_init": None}


def given_gaussians(
    family: Any, means: Any, precisions: Any, n_components: int, n_features: int
) -> dict[str, np.ndarray]:
    """Checked initial means and precisions, by the public attributes that they stand for."""
    given = {}
    if means is not None:
        given["means_"] = check_shape("means_init", means, (n_components, n_features))
    if precisions is not None:
        shape = family.precisions_shape(n_components, n_features)
        given["precisions_cholesky_"] = checked_factor(family, check_shape("precisions_init", precisions, shape))
    return given


def checked_factor(family: Any, precisions: np.ndarray) -> np.ndarray:
    """Cholesky factors of the precisions, which must be symmetric (where matrices) and positive definite."""
    positive = (precisions > 0).all() if precisions.ndim < 2 or family.independent_features else True
    matrices = not family.independent_features
    try:
        if not positive or (matrices and not np.allclose(precisions, np.swapaxes(precisions, -1, -2))):
            raise np.linalg.LinAlgError
        return family.precision_factor(precisions)
    except np.linalg.LinAlgError:
        kind = "symmetric, positive-definite" if matrices else "positive"
        raise ValueError(f"The parameter 'precisions_init' should be {kind}") from None


def factor_of(family: Any, covariances: Any, n_components: int, n_features: int) -> np.ndarray:
    """`precisions_cholesky_` of covariances, given as matrices (K, d, d) or in the shape that the family shows."""
    shape = family.precisions_shape(n_components, n_features)
    matrices = np.asarray(covariances, dtype=np.float64)
    if matrices.shape not in (shape, (n_components, n_features, n_features)):
        raise ValueError(f"Covariances should have the shape of {shape}, but got {matrices.shape}")
    own = matrices if matrices.shape == shape else family.restrict(matrices)
    try:
        return family.covariance_factor(own)
    except np.linalg.LinAlgError:
        raise ValueError("Covariances should be symmetric, positive-definite") from None
