"""Gaussian components as users see them: initial values, and covariances in all their shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmix.estimators.checks import check_shape
from skmix.families import FAMILIES

PREFIX = "gaussian-"
COVARIANCE_TYPES = {name.removeprefix(PREFIX) for name in FAMILIES if name.startswith(PREFIX)}


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
