"""Missing values filled in by a mixture, as a step of a pipeline."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import _check_feature_names_in, _check_sample_weight, check_is_fitted, validate_data

from skmix.estimators.base import Constraints
from skmix.estimators.built_on import BuiltOnMixture
from skmix.estimators.conditioning import METHODS


class MixtureImputer(TransformerMixin, BuiltOnMixture):
    """Fill in missing values by a mixture that is fitted to the rows, incomplete ones included.

    The mixture is fitted by maximum likelihood to what is observed; the missing values of a row are then filled in at
    their expectations given its observed ones, or drawn. See :meth:`GaussianMixture.impute`, which does this for a
    mixture that is fitted anyway.

    Parameters
    ----------
    estimator : mixture or None, default=None
        The mixture to fit a copy of, with its number of components and its solver. None: ``GaussianMixture()``, one
        component, by which missing values are linear in the observed ones.
    method : {"mean", "draw"}, default="mean"
        Fill in conditional means, or draws from the conditional distribution, by the mixture's `random_state`.
    keep_empty_features : bool, default=False
        Whether a feature without any value in `fit` is kept, with 0 for its missing values. Otherwise it is dropped,
        as by :class:`~sklearn.impute.SimpleImputer`.

    Attributes
    ----------
    estimator_ : mixture
        The fitted mixture, of the features that had values.
    empty_features_ : ndarray of bool, shape (`n_features_in_`,)
        Which features had no value.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where the data had names that are all strings.

    References
    ----------
    Ghahramani, Z. and Jordan, M. I. (1994). Supervised learning from incomplete data via an EM approach. NeurIPS 6,
    120–127.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import MixtureImputer
    >>> X = [[0.0, 0.1], [1.0, 0.9], [2.0, 2.1], [3.0, 2.9], [1.5, np.nan]]
    >>> MixtureImputer().fit_transform(X)[-1].round(3)
    array([1.5, 1.5])
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **BuiltOnMixture._parameter_constraints,
        "method": [StrOptions(set(METHODS))],
        "keep_empty_features": ["boolean"],
    }

    def __init__(self, estimator=None, *, method="mean", keep_empty_features=False):
        self.estimator = estimator
        self.method = method
        self.keep_empty_features = keep_empty_features

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a value that is missing at random.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: an integer weight counts as that many equal rows.

        Returns
        -------
        self : object
            The fitted imputer.

        Raises
        ------
        ValueError
            If no feature has a value, or the mixture cannot be fitted to these data.
        """
        X = validate_data(self, X, dtype=self._dtypes, ensure_all_finite="allow-nan")
        counted = X
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            counted = X[weight > 0]
        self.empty_features_ = np.isnan(counted).all(axis=0)
        if self.empty_features_.all():
            raise ValueError("X has no observed value in any row that counts; there is nothing to fit a mixture to.")
        if self.empty_features_.any() and not self.keep_empty_features:
            names = ", ".join(map(str, getattr(self, "feature_names_in_", np.arange(X.shape[1]))[self.empty_features_]))
            warnings.warn(
                f"Feature(s) {names} have no observed value and are dropped; keep_empty_features=True fills them "
                "with 0.",
                UserWarning,
                stacklevel=3,
            )
        self.estimator_ = self._mixture().fit(self._kept(X), sample_weight=sample_weight)
        return self

    def _kept(self, X: np.ndarray) -> np.ndarray:
        """The features that had values."""
        return np.ascontiguousarray(X[:, ~self.empty_features_]) if self.empty_features_.any() else X

    def transform(self, X):
        """Fill in missing values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features_out)
            A copy in which no value is missing; observed values are those of `X`.
        """
        check_is_fitted(self, "estimator_")
        X = validate_data(self, X, dtype=self._dtypes, ensure_all_finite="allow-nan", reset=False)
        filled = self.estimator_.impute(self._kept(X), method=self.method).astype(X.dtype, copy=False)
        if not self.empty_features_.any() or not self.keep_empty_features:
            return filled
        whole = np.where(np.isnan(X), X.dtype.type(0), X)
        whole[:, ~self.empty_features_] = filled
        return whole

    def get_feature_names_out(self, input_features=None):
        """Names of the features that `transform` gives.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features, where the data had none.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self, "estimator_")
        names = _check_feature_names_in(self, input_features)
        return names if self.keep_empty_features else names[~self.empty_features_]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
