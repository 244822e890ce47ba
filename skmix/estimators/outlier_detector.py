"""Outliers: rows where a mixture's density is low."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import OutlierMixin, _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skmix.estimators.base import Constraints
from skmix.estimators.built_on import BuiltOnMixture


class MixtureOutlierDetector(OutlierMixin, BuiltOnMixture):
    """Rows whose density is low are outliers; how low, a quantile of the training rows' densities says.

    Parameters
    ----------
    estimator : mixture or None, default=None
        The mixture to fit a copy of, with its number of components and its solver. None: ``GaussianMixture()``, one
        component.
    contamination : float, default=0.05
        The part of the training data, by weight, that is to count as outliers, above 0 and at most 0.5.

    Attributes
    ----------
    estimator_ : mixture
        The fitted mixture.
    offset_ : float
        The log-density, in nats, below which a row is an outlier.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where the data had names that are all strings.

    Notes
    -----
    The density of a row with missing values is that of the observed ones. Densities of different features are not
    comparable, so the threshold suits data whose patterns of missing values are alike in training and use.

    References
    ----------
    Bishop, C. M. (1994). Novelty detection and neural network validation. IEE Proc. Vision, Image and Signal Processing
    141, 217–222. doi:10.1049/ip-vis:19941330

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import GaussianMixture, MixtureOutlierDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 2)) + np.repeat([[0, 0], [9, 9]], 100, axis=0)
    >>> detector = MixtureOutlierDetector(GaussianMixture(2, random_state=0), contamination=0.02).fit(X)
    >>> detector.predict([[0, 0], [9, 9], [4.5, 4.5]])
    array([ 1,  1, -1])
    >>> int((detector.predict(X) == -1).sum())
    4
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **BuiltOnMixture._parameter_constraints,
        "contamination": [Interval(Real, 0.0, 0.5, closed="right")],
    }

    def __init__(self, estimator=None, *, contamination=0.05):
        self.estimator = estimator
        self.contamination = contamination

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the mixture, and find the threshold.

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
            The fitted detector.
        """
        X = validate_data(self, X, dtype=self._dtypes, ensure_all_finite="allow-nan")
        weight = np.ones(len(X))
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.estimator_ = self._mixture().fit(X, sample_weight=sample_weight)
        self.offset_ = _threshold(self.estimator_.score_samples(X), weight, self.contamination)
        return self

    def score_samples(self, X):
        """Log-density of each row: the lower, the more of an outlier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats.
        """
        check_is_fitted(self, "estimator_")
        X = validate_data(self, X, dtype=self._dtypes, ensure_all_finite="allow-nan", reset=False)
        return self.estimator_.score_samples(X)

    def decision_function(self, X):
        """By how much the log-density of each row is above the threshold; outliers are below 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        excess : ndarray of shape (n_samples,)
            ``score_samples(X) - offset_``, in nats.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Which rows are outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        inlier : ndarray of int, shape (n_samples,)
            −1 for outliers, 1 for others.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)


def _threshold(scores: np.ndarray, weight: np.ndarray, part: float) -> float:
    """The highest score below which no more than `part` of the weight lies."""
    order = np.argsort(scores)
    most = part * weight.sum()
    reached = np.cumsum(weight[order]) > most * (1.0 + 1e-12)
    return float(scores[order][np.argmax(reached)])
