"""Classification by a mixture for each class, and Bayes' rule."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin, _fit_context, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skmix.estimators.base import Constraints
from skmix.estimators.built_on import BuiltOnMixture
from skmix.estimators.checks import check_shape
from skmix.likelihood.threads import one_blas_thread


class MixtureClassifier(ClassifierMixin, BuiltOnMixture):
    """Classification by a mixture for each class: mixture discriminant analysis with covariances of each class's own.

    A copy of `estimator` is fitted to the rows of each class, and classes get probabilities by Bayes' rule,

        p(class | x) ∝ prior(class) p(x | class).

    One Gaussian with full covariances for each class is quadratic discriminant analysis; with diagonal ones, naive
    Bayes. Missing values are integrated out. Any mixture will do: counts, zeros and ones, codes.

    Parameters
    ----------
    estimator : mixture or None, default=None
        The mixture to fit copies of, with its number of components and its solver. None: ``GaussianMixture()``, one
        component.
    priors : array-like of shape (n_classes,), default=None
        Probabilities of the classes, in the order of `classes_`. None: their shares of the training data's weight.
    n_jobs : int, default=None
        Classes that are fitted at the same time, by threads. The result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    estimators_ : list of mixture
        The fitted mixture of each.
    priors_ : ndarray of shape (n_classes,)
        Their probabilities.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where the data had names that are all strings.

    References
    ----------
    Hastie, T. and Tibshirani, R. (1996). Discriminant analysis by Gaussian mixtures. J. R. Statist. Soc. B 58, 155–176.
    doi:10.1111/j.2517-6161.1996.tb02073.x

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import GaussianMixture, MixtureClassifier
    >>> rng = np.random.default_rng(0)
    >>> middle, ring = rng.normal(size=(200, 2)), rng.normal(size=(200, 2))
    >>> ring *= 6 / np.linalg.norm(ring, axis=1, keepdims=True)
    >>> X, y = np.vstack([middle, ring]), np.repeat(["middle", "ring"], 200)
    >>> classifier = MixtureClassifier(GaussianMixture(6, random_state=0)).fit(X, y)
    >>> classifier.predict([[0.0, 0.5], [-6.0, 0.1], [np.nan, 6.0]])
    array(['middle', 'ring', 'ring'], dtype='<U6')
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **BuiltOnMixture._parameter_constraints,
        "priors": ["array-like", None],
        "n_jobs": [Integral, None],
    }

    def __init__(self, estimator=None, *, priors=None, n_jobs=None):
        self.estimator = estimator
        self.priors = priors
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Fit a mixture to each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features. NaN marks a value that is missing at random.
        y : array-like of shape (n_samples,)
            Classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: an integer weight counts as that many equal rows.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If a class has too few rows for its mixture, or none of positive weight, or `priors` are no probabilities of
            the classes.
        """
        X, y = validate_data(self, X, y, dtype=self._dtypes, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        weight = np.ones(len(X))
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        totals = np.bincount(labels, weights=weight, minlength=len(self.classes_))
        if not totals.all():
            raise ValueError(
                f"The class {self.classes_[np.argmin(totals)]!s} has no row of positive weight; leave its rows out."
            )
        self.priors_ = self._check_priors(totals)
        self.estimators_ = self._fit_classes(X, labels, None if sample_weight is None else weight)
        return self

    def _check_priors(self, totals: np.ndarray) -> np.ndarray:
        if self.priors is None:
            return totals / totals.sum()
        priors = check_shape("priors", self.priors, totals.shape)
        if priors.min() < 0 or abs(priors.sum() - 1.0) > 1e-6:
            raise ValueError(
                "The parameter 'priors' should be probabilities that add up to 1, but got "
                f"{self.priors!r}, whose sum is {priors.sum():g}; divide by it, or leave 'priors' at None."
            )
        return priors / priors.sum()

    def _fit_classes(self, X: np.ndarray, labels: np.ndarray, weight: np.ndarray | None) -> list[Any]:
        """A mixture for each class, `n_jobs` at a time."""
        template = self._mixture()
        template.set_params(**template._parameters_for_parts(X))
        runs = []
        for number, name in enumerate(self.classes_.tolist()):
            rows = labels == number
            runs.append((str(name), clone(template), X[rows], None if weight is None else weight[rows]))
        jobs = min(len(runs), effective_n_jobs(self.n_jobs))
        if jobs == 1:
            return [_fit_class(*run) for run in runs]
        with one_blas_thread(), warnings.catch_warnings():
            return Parallel(n_jobs=jobs, prefer="threads")(delayed(_fit_class)(*run) for run in runs)

    def _joint_log_likelihood(self, X) -> np.ndarray:
        """Log p(x, class) in nats, (n, n_classes)."""
        check_is_fitted(self, "estimators_")
        X = validate_data(self, X, dtype=self._dtypes, ensure_all_finite="allow-nan", reset=False)
        with np.errstate(divide="ignore"):
            offset = np.log(self.priors_)
        return np.column_stack([mixture.score_samples(X) for mixture in self.estimators_]) + offset

    def predict(self, X):
        """The most probable class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        classes : ndarray of shape (n_samples,)
        """
        log_joint = self._joint_log_likelihood(X)
        return self.classes_[log_joint.argmax(axis=1)]

    def predict_proba(self, X):
        """Probabilities of the classes given the observed values of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value. A row without any value gets `priors_`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X):
        """Logarithms of the classes' probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In nats, in the order of `classes_`.
        """
        return log_softmax(self._joint_log_likelihood(X), axis=1)


def _fit_class(name: str, mixture: Any, X: np.ndarray, weight: np.ndarray | None) -> Any:
    try:
        return mixture.fit(X, sample_weight=weight)
    except ValueError as error:
        raise ValueError(f"The class {name} cannot be fitted: {error}") from error
