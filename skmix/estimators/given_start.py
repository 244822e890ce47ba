"""Starts that the user gives as `init_params`: labels or responsibilities of the rows, or a fitted estimator."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from skmix.initialize.starts import given, start_from
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective

if TYPE_CHECKING:
    from skmix.estimators.base import LatentVariableModel

GIVEN: tuple[Any, ...] = ("array-like", HasMethods(["fit"]))  # what init_params may be, besides a name
_UNKNOWN = -1  # the label of a row that may belong to any component
_ROUNDING = 1e-3  # of responsibilities that should add up to 1


def given_start(model: LatentVariableModel, value: Any, objective: Objective, n_components: int | None) -> Parameters:
    """Parameters to start `model` from, as `value` says.

    Raises
    ------
    ValueError
        If `value` does not fit the rows or the number of components, or is an estimator that is not fitted.
    """
    K = model._n_family_components()
    if n_components not in (None, K):
        raise ValueError(
            f"init_params gives {K} components, but search={model.search!r} begins with {n_components}; choose another "
            "search, or a start by name."
        )
    if not hasattr(value, "fit"):
        return start_from(given(objective.rows.of_given(_from_array(value, objective.rows.n_given, K))), objective)
    value = value.estimator if isinstance(value, FrozenEstimator) else value
    _check_fitted(value)
    if type(value) is type(model) and value._n_family_components() == K:
        wanted = (model._family_name(), model.n_components, objective.rows.n_features)
        if value._fitted_model == wanted:
            return value._adopt(objective.model.family, objective.rows.units)
    return start_from(given(_from_estimator(value, objective, K)), objective)


def _check_fitted(estimator: Any) -> None:
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise NotFittedError(
            f"init_params is a {type(estimator).__name__} that is not fitted; fit it first. Copies of estimators, as "
            "searches over parameters make them, are not fitted: wrap it in sklearn.frozen.FrozenEstimator."
        ) from error


def _from_array(value: Any, n_rows: int, K: int) -> np.ndarray:
    """Responsibilities (n_rows, K) from an array of labels or of responsibilities, checked."""
    value = np.asarray(value)
    if len(value) != n_rows:
        raise ValueError(
            f"init_params should have an entry for each row of X, but it has {len(value)} and X has {n_rows}."
        )
    return _of_labels(value, K) if value.ndim == 1 else _checked(value, K)


def _of_labels(labels: np.ndarray, K: int) -> np.ndarray:
    """Responsibilities (n, K) of rows with these labels."""
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"init_params should be integers, the components of the rows, but its type is {labels.dtype}; give "
            f"responsibilities as an array of shape (n_samples, {K})."
        )
    if labels.min() < _UNKNOWN or labels.max() >= K:
        wrong = labels.min() if labels.min() < _UNKNOWN else labels.max()
        raise ValueError(
            f"init_params should hold labels from 0 to {K - 1}, or -1 where a row may belong to any component, but one "
            f"is {wrong}."
        )
    return np.where((labels == _UNKNOWN)[:, np.newaxis], 1.0 / K, labels[:, np.newaxis] == np.arange(K))


def _checked(responsibilities: np.ndarray, K: int) -> np.ndarray:
    """Responsibilities (n, K) as float64, their rows adding up to 1."""
    if responsibilities.shape[1:] != (K,):
        raise ValueError(
            f"init_params should have the shape of (n_samples,) or (n_samples, {K}), a column for each component, but "
            f"got {responsibilities.shape}."
        )
    R = responsibilities.astype(np.float64)
    total = R.sum(axis=1, keepdims=True)
    if not np.isfinite(R).all() or R.min() < 0 or np.abs(total - 1.0).max() > _ROUNDING:
        raise ValueError(
            "init_params should hold responsibilities, 0 or more, that add up to 1 in each row, but the least entry is "
            f"{R.min():.5g} and sums are between {total.min():.5g} and {total.max():.5g}."
        )
    return R / total


def _from_estimator(estimator: Any, objective: Objective, K: int) -> np.ndarray:
    """Responsibilities (n, K) that a fitted estimator gives the rows of a fit."""
    rows = objective.rows
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")  # they were checked before
        if hasattr(estimator, "_responsibilities_in"):  # skmix's own, which may follow sequences
            R = estimator._responsibilities_in(objective)
        elif hasattr(estimator, "predict_proba"):
            R = estimator.predict_proba(rows.X)
        elif hasattr(estimator, "predict"):
            return _of_labels(np.asarray(estimator.predict(rows.X)), K)
        elif hasattr(estimator, "labels_"):
            return rows.of_given(_from_array(estimator.labels_, rows.n_given, K))
        else:
            raise ValueError(
                f"init_params is a {type(estimator).__name__}, which has neither predict_proba, predict nor labels_."
            )
    return _checked(np.asarray(R), K)
