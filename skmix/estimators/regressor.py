"""Regression by conditioning: the joint mixture of features and targets, given the features."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.validation import check_is_fitted, validate_data

from skmix.estimators.base import Constraints
from skmix.estimators.built_on import BuiltOnMixture
from skmix.estimators.conditioning import moments


class MixtureRegressor(RegressorMixin, BuiltOnMixture):
    """Regression by a mixture of features and targets together: Gaussian mixture regression.

    The mixture is fitted to the rows (x, y), and y is predicted by its conditional mean given x,

        E[y | x] = Σ_k r_k(x) (μ_k,y + Σ_k,yx Σ_k,xx⁻¹ (x − μ_k,x)),

    linear regressions mixed by the responsibilities. One component is linear regression by least squares; more bend the
    curve and let the noise vary. Values of x may be missing, in `fit` and in `predict`: they are integrated out.

    Parameters
    ----------
    estimator : mixture or None, default=None
        The mixture to fit a copy of, with its number of components and its solver. None: ``GaussianMixture()``, one
        component. With diagonal or spherical covariances the regression is constant within components.

    Attributes
    ----------
    estimator_ : mixture
        The fitted mixture of features and targets, targets last.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where the data had names that are all strings.

    See Also
    --------
    GaussianMixture.conditional : The whole conditional distribution, not only its moments.

    Notes
    -----
    `reg_covar` of the mixture is a ridge: set it to 0, or far below the variances of the features, for least squares.

    References
    ----------
    Ghahramani, Z. and Jordan, M. I. (1994). Supervised learning from incomplete data via an EM approach. NeurIPS 6,
    120–127.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import GaussianMixture, MixtureRegressor
    >>> x = np.linspace(-3, 3, 200)[:, np.newaxis]
    >>> y = np.abs(x[:, 0])
    >>> bent = MixtureRegressor(GaussianMixture(2, random_state=0)).fit(x, y)
    >>> bent.predict([[-2.0], [2.0], [np.nan]]).round(1)
    array([2. , 2. , 1.5])
    >>> mean, std = bent.predict([[np.nan]], return_std=True)
    >>> bool(np.isclose(std[0], y.std(), atol=0.01))
    True
    """

    _parameter_constraints: ClassVar[Constraints] = {**BuiltOnMixture._parameter_constraints}

    def __init__(self, estimator=None):
        self.estimator = estimator

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Fit the mixture to features and targets together.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features. NaN marks a value that is missing at random.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: an integer weight counts as that many equal rows.

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        ValueError
            If `estimator` is a mixture of codes, which have no mean, or cannot be fitted to these data.
        """
        mixture = self._mixture()
        if mixture.__sklearn_tags__().input_tags.categorical:
            raise ValueError(
                f"The parameter 'estimator' should be a mixture of numbers, but got {self.estimator!r}: codes have no "
                "mean. Use MixtureClassifier to predict classes."
            )
        X, y = validate_data(
            self, X, y, dtype=self._dtypes, ensure_all_finite="allow-nan", multi_output=True, y_numeric=True
        )
        self._single = y.ndim == 1
        self.estimator_ = mixture.fit(np.column_stack([X, y]), sample_weight=sample_weight)
        return self

    def predict(self, X, return_std=False, return_cov=False):
        """The conditional mean of the targets, and how uncertain they are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features; NaN marks a missing value. A row without any value gets the mean of y.
        return_std : bool, default=False
            Whether to return standard deviations of the targets: of single observations, noise included, not of the
            mean's estimate.
        return_cov : bool, default=False
            Whether to return covariances of a row's targets instead.

        Returns
        -------
        mean : ndarray of shape (n_samples,) or (n_samples, n_targets)
        std : ndarray of the same shape
            If `return_std`, in the units of y.
        cov : ndarray of shape (n_samples, n_targets, n_targets)
            If `return_cov`.

        Raises
        ------
        ValueError
            If both `return_std` and `return_cov` are asked for.
        """
        check_is_fitted(self, "estimator_")
        if return_std and return_cov:
            raise ValueError("At most one of return_std and return_cov can be True; variances are in the covariances.")
        X = validate_data(self, X, dtype=self._dtypes, ensure_all_finite="allow-nan", reset=False)
        mixture, n_targets = self.estimator_, self.estimator_.n_features_in_ - X.shape[1]
        rows = np.hstack([X, np.full((len(X), n_targets), np.nan, dtype=X.dtype)])
        targets = np.arange(X.shape[1], rows.shape[1])
        found = moments(mixture, mixture._check_data(rows, reset=False), targets)
        mean, covariance = (part.astype(X.dtype, copy=False) for part in found)
        if return_cov:
            return self._shaped(mean), covariance
        if return_std:
            return self._shaped(mean), self._shaped(np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)))
        return self._shaped(mean)

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        return values[:, 0] if self._single else values

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        return tags
