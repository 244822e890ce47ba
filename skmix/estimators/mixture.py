"""What all mixture estimators share: labels that are independent, row by row."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.special import entr
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skmix.estimators.base import LatentVariableModel, threads_for
from skmix.estimators.checks import check_labels, check_sample_weight, check_shape, check_weights
from skmix.estimators.conditioning import Conditioning
from skmix.estimators.criteria import Criteria
from skmix.estimators.fixed import weight_structure
from skmix.estimators.given_start import GIVEN
from skmix.initialize.starts import STARTS
from skmix.latent.weights import Weights, normalise
from skmix.likelihood.model import Model
from skmix.likelihood.objective import Objective
from skmix.likelihood.units import Units
from skmix.solvers.result import Ending, Trace


class BaseMixture(Conditioning, ClassNamePrefixFeaturesOutMixin, TransformerMixin, LatentVariableModel):
    """Base of mixtures: everything but the family's own parameters.

    A subclass names the family's public attributes and builds the family (`_make_family`, `_given_components`).
    """

    _latent_attributes = ("weights_",)
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LatentVariableModel._parameter_constraints,
        "init_params": [StrOptions(set(STARTS)), *GIVEN],
        "weights_init": ["array-like", None],
        "weights_fixed": ["boolean", "array-like"],
    }

    # ---- the model ------------------------------------------------------------------------------------------------
    def _make_latent(self) -> Any:
        structure = weight_structure(self._initial_weights(), self.weights_fixed, (self.n_components,))
        return Weights(self._pseudo_count(), structure)

    def _initial_weights(self) -> np.ndarray | None:
        """Checked initial weights."""
        if self.weights_init is None:
            return None
        return check_weights(check_shape("weights_init", self.weights_init, (self.n_components,)))

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        """Checked initial values of the components, by the public attributes that they stand for."""
        return {}

    def _given(self, n_features: int) -> dict[str, np.ndarray]:
        given = self._given_components(n_features)
        weights = self._initial_weights()
        return given if weights is None else {**given, "weights_": weights}

    def _publish_latent(self, latent: Any) -> dict[str, np.ndarray]:
        return {"weights_": latent}

    def _adopt_latent(self, public: dict[str, np.ndarray]) -> Any:
        return np.asarray(public["weights_"], dtype=np.float64)

    def _shares(self) -> np.ndarray:
        return np.asarray(self.weights_, dtype=np.float64)

    # ---- fitting --------------------------------------------------------------------------------------------------
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, *, labels=None):
        """Fit the mixture by the chosen solver.

        The best of `n_init` starts is kept. With ``warm_start=True`` a fitted mixture starts from its own parameters,
        once.

        Rows of known component (`labels`) add log p(x, component) to the log-likelihood in place of log p(x), for all
        solvers. The fitted mixture knows no labels: its predictions are those for new rows, but `labels_` keeps them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data. NaN marks a value that is missing at random.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: an integer weight counts as that many equal rows.
        labels : array-like of int of shape (n_samples,), default=None
            Known components of rows, from 0 to n_components − 1; −1 where unknown. Component k is then that of label k.

        Returns
        -------
        self : object
            The fitted mixture.

        Raises
        ------
        ValueError
            If an argument is out of range, X has fewer rows than components, or all weights are zero.
        """
        X, objective = self._prepare(X, sample_weight, labels)
        self._fit(objective)
        self.labels_ = self._labels(X)
        if labels is not None:
            given = np.ravel(labels)
            self.labels_ = np.where(given >= 0, given, self.labels_)
        return self

    def _prepare(self, X, sample_weight=None, labels=None) -> tuple[np.ndarray, Objective]:
        """Validated data, and the objective of a fit to them."""
        X, kept, weight = self._check_fit_data(X, sample_weight)
        labels = check_labels(labels, X, self.n_components)
        objective = self._objective(X[kept], weight, None if labels is None else labels[kept])
        if objective.rows.n_samples < len(X):
            objective.rows.come_from(len(X), np.flatnonzero(kept))
        return X, objective

    def _check_fit_data(self, X, sample_weight) -> tuple[np.ndarray, Any, np.ndarray | None]:
        """Validated data, which of the rows have positive weight (an index), and the weights of these."""
        X = self._check_data(X, reset=True)
        kept: Any = slice(None)
        weight = None
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, X)
            if not weight.all():  # rows of weight 0 take no part, not even as starts
                kept, weight = weight > 0, weight[weight > 0]
        self._check_enough(len(X) if weight is None else len(weight), len(X))
        return X, kept, weight

    def _objective(self, X: np.ndarray, weight: np.ndarray | None, labels: np.ndarray | None = None) -> Objective:
        return self._over(X, *self._model_of(X, weight), weight, labels)

    def _over(
        self,
        X: np.ndarray,
        model: Model,
        units: Units,
        weight: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> Objective:
        rows = self._rows(X, model.family, units, weight, labels)
        return Objective(model, rows, threads_for(rows.worth_threads and len(rows) > 1))

    def _publish(self, objective: Objective, trace: Trace, ending: Ending) -> None:
        super()._publish(objective, trace, ending)
        self._n_features_out = len(self.weights_)

    def fit_predict(self, X, y=None, sample_weight=None, *, labels=None):
        """Fit the mixture and return the most probable component of each row, or its label where that is known.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data. NaN marks a value that is missing at random.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        labels : array-like of int of shape (n_samples,), default=None
            Known components of rows; −1 where unknown.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The same as ``fit(X).predict(X)`` where no label is given.
        """
        return self.fit(X, y, sample_weight=sample_weight, labels=labels).labels_

    # ---- prediction -----------------------------------------------------------------------------------------------
    def _latent_at_hand(self) -> Any:
        """The fitted latent structure, whatever the parameters say by now."""
        return Weights()

    def _each_block(self, X, consume) -> None:
        """``consume(objective, block, log_joint)`` for each block of validated `X` (see `Objective.each_block`)."""
        family = self._family_at_hand()
        units = self._fitted_units(family).rounded(X.dtype)
        objective = self._over(X, Model(family, self._latent_at_hand()), units)
        objective.each_block(self._adopt(family, units), partial(consume, objective))

    def _check_predict_data(self, X) -> np.ndarray:
        check_is_fitted(self, "weights_")
        return self._check_data(X, reset=False)

    def _labels(self, X: np.ndarray) -> np.ndarray:
        labels = np.empty(len(X), dtype=np.intp)

        def consume(objective, block, log_joint):
            labels[block.rows] = log_joint.argmax(axis=0)

        self._each_block(X, consume)
        return labels

    def predict(self, X):
        """The most probable component of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        return self._labels(self._check_predict_data(X))

    def predict_proba(self, X):
        """Responsibilities: the probability of each component given the observed values of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value. A row without any value gets the mixture weights.

        Returns
        -------
        responsibilities : ndarray of shape (n_samples, n_components)
        """
        X = self._check_predict_data(X)
        responsibilities = np.empty((len(X), len(self.weights_)), dtype=X.dtype)

        def consume(objective, block, log_joint):
            normalise(log_joint)
            responsibilities[block.rows] = log_joint.T

        self._each_block(X, consume)
        return responsibilities

    def _responsibilities(self, X) -> np.ndarray:
        return self.predict_proba(X)

    def transform(self, X):
        """Responsibilities as features: see :meth:`predict_proba`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        responsibilities : ndarray of shape (n_samples, n_components)
        """
        return self.predict_proba(X)

    def score_samples(self, X):
        """Log-likelihood of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value, and the density is that of the observed ones.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats.
        """
        X = self._check_predict_data(X)
        log_likelihood = np.empty(len(X), dtype=X.dtype)

        def consume(objective, block, log_joint):
            log_likelihood[block.rows] = normalise(log_joint) + objective.row_constant(block)

        self._each_block(X, consume)
        return log_likelihood

    def score(self, X, y=None, sample_weight=None):
        """Mean log-likelihood of the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        log_likelihood : float
            In nats per row.
        """
        log_likelihood = self.score_samples(X).astype(np.float64, copy=False)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, log_likelihood, dtype=np.float64, ensure_non_negative=True
            )
        return float(np.average(log_likelihood, weights=sample_weight))

    def sample(self, n_samples=1):
        """Draw rows from the fitted mixture.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Rows, grouped by component.
        y : ndarray of shape (n_samples,)
            Their components.
        """
        check_is_fitted(self, "weights_")
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(
                f"Invalid value for 'n_samples': {n_samples!r}. The sampling requires at least one sample."
            )
        rng = check_random_state(self.random_state)
        family = self._family_at_hand()
        units = self._fitted_units(family)
        components = self._adopt(family, units).components
        weights = np.asarray(self.weights_, dtype=np.float64)
        counts = rng.multinomial(n_samples, weights / weights.sum())
        drawn = [family.sample(components, k, int(count), rng) for k, count in enumerate(counts)]
        return units.centre + units.scale * np.concatenate(drawn), np.repeat(np.arange(len(counts)), counts)

    # ---- criteria -------------------------------------------------------------------------------------------------
    def _n_parameters(self) -> int:
        """Free parameters of the mixture."""
        n_components, family = len(self.weights_), self._family_at_hand()
        of_components = family.n_parameters(n_components, self.n_features_in_) - self._n_held(family)
        return of_components + self._make_latent().n_parameters(n_components)

    def _criteria(self, X, sample_weight=None) -> Criteria:
        """What the criteria are made of, by one pass."""
        X = self._check_predict_data(X)
        weight = np.ones(len(X))
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, X)
        log_likelihood, entropy = np.empty(len(X)), np.empty(len(X))

        def consume(objective, block, log_joint):
            log_likelihood[block.rows] = normalise(log_joint) + objective.row_constant(block)
            entropy[block.rows] = entr(log_joint).sum(axis=0)

        self._each_block(X, consume)
        total = float(weight.sum())
        return Criteria(float(weight @ log_likelihood), float(weight @ entropy), total, self._n_parameters())

    def bic(self, X, sample_weight=None):
        """Bayesian information criterion; lower is better.

        It is −2 log p(X) + p log n with p free parameters, in scikit-learn's convention; −bic/2 approximates the log
        of the probability of the data under the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Their sum takes the place of the number n of rows.

        Returns
        -------
        bic : float

        References
        ----------
        Schwarz, G. (1978). Estimating the dimension of a model. Ann. Statist. 6, 461–464. doi:10.1214/aos/1176344136
        """
        return self._criteria(X, sample_weight).bic

    def aic(self, X, sample_weight=None):
        """Akaike information criterion; lower is better.

        It is −2 log p(X) + 2p with p free parameters, in scikit-learn's convention.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        aic : float

        References
        ----------
        Akaike, H. (1974). A new look at the statistical model identification. IEEE Trans. Automat. Control 19,
        716–723. doi:10.1109/TAC.1974.1100705
        """
        return self._criteria(X, sample_weight).aic

    def icl(self, X, sample_weight=None):
        """Integrated completed likelihood; lower is better.

        It is BIC plus twice the entropy of the responsibilities, −Σ_n Σ_k r_nk log r_nk: the sign is that of
        :meth:`bic`, the opposite of the literature's. It prefers components that are clusters, with a gap between
        them, to components that a density needs for its shape.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Their sum takes the place of the number n of rows.

        Returns
        -------
        icl : float

        References
        ----------
        Biernacki, C., Celeux, G. and Govaert, G. (2000). Assessing a mixture model for clustering with the integrated
        completed likelihood. IEEE Trans. Pattern Anal. Mach. Intell. 22, 719–725. doi:10.1109/34.865189
        """
        return self._criteria(X, sample_weight).icl

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [np.dtype(dtype).name for dtype in self._dtypes]
        return tags
