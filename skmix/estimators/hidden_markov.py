"""What all hidden Markov models share: sequences of rows, and a chain of states behind them."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skmix.estimators.base import LatentVariableModel, threads_for
from skmix.estimators.checks import check_labels
from skmix.estimators.given_start import GIVEN
from skmix.estimators.sequence_criteria import SequenceCriteria
from skmix.estimators.sequence_data import check_ignored, check_lengths, check_sequences, check_weights
from skmix.estimators.sequence_predictions import Forecast, Look
from skmix.estimators.transitions import (
    check_long_run,
    check_prior,
    check_probabilities,
    start_structure,
    transition_structure,
)
from skmix.initialize.chains import CHAIN_STARTS
from skmix.latent import recursion
from skmix.latent.chain import Chain, ChainParameters
from skmix.latent.stationary_chain import StationaryChain, long_run, stationary
from skmix.likelihood.chained import ChainObjective
from skmix.likelihood.model import Model, Parameters
from skmix.likelihood.objective import Objective
from skmix.likelihood.sequences import Sequences
from skmix.likelihood.units import Units


class BaseHMM(SequenceCriteria, LatentVariableModel):
    """Base of hidden Markov models: everything but the family's own parameters."""

    _latent_attributes: ClassVar[tuple[str, ...]] = ("startprob_", "transmat_")
    _derived_attributes: ClassVar[tuple[str, ...]] = ("stationary_distribution_",)
    _component_kind = "State"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **LatentVariableModel._parameter_constraints,
        "init_params": [StrOptions(set(CHAIN_STARTS)), *GIVEN],
        "start": [StrOptions({"free", "stationary", "fixed"})],
        "startprob_init": ["array-like", None],
        "transmat_init": ["array-like", None],
        "startprob_prior": [Interval(Real, 1.0, None, closed="left"), "array-like"],
        "transmat_prior": [Interval(Real, 1.0, None, closed="left"), "array-like"],
        "transmat_fixed": ["boolean", "array-like", None],
        "transmat_tied": ["array-like", None],
        "algorithm": [StrOptions({"viterbi", "posterior"})],
    }

    # ---- the model ------------------------------------------------------------------------------------------------
    def _make_latent(self) -> Any:
        return self._make_chain()

    def _make_chain(self) -> Chain:
        K = self.n_components
        transitions = transition_structure(self._initial("transmat_init"), self.transmat_fixed, self.transmat_tied, K)
        prior = check_prior("transmat_prior", self.transmat_prior, (K, K))
        if self.start == "stationary":
            if self.startprob_init is not None:
                raise ValueError(
                    "'startprob_init' says how sequences start, but with start='stationary' that follows from the "
                    "transition matrix; leave it out."
                )
            check_long_run(transitions)
            return StationaryChain(transitions, prior)
        start = start_structure(self._initial("startprob_init"), self.start == "fixed", K)
        return Chain(start, transitions, check_prior("startprob_prior", self.startprob_prior, (K,)), prior)

    def _initial(self, name: str) -> np.ndarray | None:
        """Checked initial probabilities; None where there are none."""
        value, K = getattr(self, name), self.n_components
        return None if value is None else check_probabilities(name, value, (K, K) if name == "transmat_init" else (K,))

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        """Checked initial values of the emissions, by the public attributes that they stand for."""
        return {}

    def _given(self, n_features: int) -> dict[str, np.ndarray]:
        given = self._given_components(n_features)
        for name, attribute in (("startprob_init", "startprob_"), ("transmat_init", "transmat_")):
            value = self._initial(name)
            if value is not None:
                given[attribute] = value
        return given

    def _publish_latent(self, latent: Any) -> dict[str, np.ndarray]:
        return {"startprob_": latent.start, "transmat_": latent.transitions}

    def _adopt_latent(self, public: dict[str, np.ndarray]) -> Any:
        return ChainParameters(public["startprob_"], public["transmat_"])

    def _latent_in_order(self, name: str, value: np.ndarray, states: np.ndarray, within: np.ndarray) -> np.ndarray:
        return value[np.ix_(states, states)] if name == "transmat_" else value[states]

    def _chain_at_hand(self) -> ChainParameters:
        """The fitted chain."""
        public = self._public(("startprob_", "transmat_"))
        return ChainParameters(public["startprob_"], public["transmat_"])

    def _shares(self) -> np.ndarray:
        K = len(self.transmat_)
        return np.full(K, 1.0 / K)

    def _n_features(self) -> int:
        """Features of the fitted model, or of one whose attributes were set by hand."""
        fitted = getattr(self, "n_features_in_", None)
        return fitted if fitted is not None else np.shape(getattr(self, self._component_attributes[0]))[1]

    # ---- fitting --------------------------------------------------------------------------------------------------
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, sequence_id=None, lengths=None, sample_weight=None, labels=None):
        """Fit the model by the chosen solver.

        The best of `n_init` starts is kept. With ``warm_start=True`` a fitted model starts from its own parameters,
        once.

        Where states are known (`labels`), only paths through them count in the likelihood, for all solvers. The fitted
        model knows no labels: its predictions are those for new rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations, those of a sequence in their order. NaN marks a value, or a whole row, that is missing at
            random.
        y : Ignored
            Not used, present for API consistency by convention.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to. It can be routed and sliced by cross-validation. Sequences may be
            interleaved.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`. With neither, all rows are one sequence.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, the same for all rows of a sequence: an integer weight counts as that many equal sequences.
        labels : array-like of int of shape (n_samples,), default=None
            Known states of rows, from 0 to n_components − 1; −1 where unknown. State k is then that of label k.

        Returns
        -------
        self : object
            The fitted model.

        Raises
        ------
        ValueError
            If an argument is out of range, sequences and rows do not fit each other, all weights are zero, or `y` does
            not have an entry for each row.
        """
        check_ignored(X, y)
        _, objective = self._prepare(X, sample_weight, sequence_id=sequence_id, lengths=lengths, labels=labels)
        self._fit(objective)
        return self

    def _prepare(
        self, X, sample_weight=None, *, sequence_id=None, lengths=None, labels=None
    ) -> tuple[np.ndarray, ChainObjective]:
        """Validated data, and the objective of a fit to them."""
        X = self._check_data(X, reset=True)
        labels = check_labels(labels, X, self.n_components)
        order, lengths = check_sequences(X, sequence_id, lengths)
        X = X if order is None else X[order]
        sequences = check_weights(X, lengths, sample_weight, self.n_components, order)
        n_samples = len(X)
        numbers = np.arange(n_samples) if order is None else order
        if not sequences.weight.all():  # sequences of weight 0 take no part, not even as starts
            rows, sequences = sequences.take(np.flatnonzero(sequences.weight))
            X, numbers = X[rows], numbers[rows]
        self._check_enough(len(X), n_samples)
        row_weight = None if (sequences.weight == 1.0).all() else sequences.row_weight
        labels = None if labels is None else labels[numbers]
        objective = self._over(X, sequences, *self._model_of(X, row_weight), row_weight, labels)
        objective.rows.come_from(n_samples, numbers)
        return X, objective

    def _over(
        self,
        X: np.ndarray,
        sequences: Sequences,
        model: Model,
        units: Units,
        weight: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> ChainObjective:
        rows = self._rows(X, model.family, units, weight, labels)
        worthwhile = (rows.worth_threads and len(rows) > 1) or len(sequences.chunks) > 1
        return ChainObjective(model, rows, sequences, threads_for(worthwhile))

    def _named_start(
        self, name: str, objective: Any, rng: np.random.RandomState, n_components: int | None = None
    ) -> Parameters:
        return CHAIN_STARTS[name](objective, rng)

    @property
    def stationary_distribution_(self) -> np.ndarray:
        """The part of the time that the chain spends in each state in the long run, (n_components,)."""
        check_is_fitted(self, self._latent_attributes)
        return long_run(*self._chain_at_hand())

    def _derived_of(self, public: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"stationary_distribution_": stationary(public["transmat_"])}

    # ---- prediction -----------------------------------------------------------------------------------------------
    def _latent_at_hand(self) -> Any:
        """A latent structure of the fitted size."""
        return Chain.free(len(self.transmat_))

    def _check_at_hand(self) -> None:
        """Refuse a model that is not fitted, or whose chain was set by hand to what is none."""
        check_is_fitted(self, self._latent_attributes)
        K = getattr(self, "_fitted_model", (None, self.n_components))[1]
        if np.shape(self.transmat_) != (K, K):
            raise ValueError(
                f"'transmat_' has the shape of {np.shape(self.transmat_)}, but n_components={K}; make them fit."
            )
        for name, shape in (("startprob_", (K,)), ("transmat_", (K, K))):
            check_probabilities(name, getattr(self, name), shape)

    def _look(self, X, sequence_id, lengths) -> Look:
        """Emission log-densities of validated rows under the fitted model."""
        self._check_at_hand()
        X = self._check_data(X, reset=False)
        if X.shape[1] != self._n_features():
            raise ValueError(
                f"X has {X.shape[1]} features, but {type(self).__name__} is expecting {self._n_features()} features as "
                "input."
            )
        order, lengths = check_sequences(X, sequence_id, lengths)
        X = X if order is None else X[order]
        family = self._family_at_hand()
        units = self._fitted_units(family).rounded(X.dtype)
        sequences = Sequences.of(lengths)
        objective = self._over(X, sequences, Model(family, self._latent_at_hand()), units)
        parameters = self._adopt(family, units)
        return Look(objective, parameters, objective.emissions(parameters), order)

    def _responsibilities_in(self, objective: Objective) -> np.ndarray:
        sequences = objective.sequences.lengths if isinstance(objective, ChainObjective) else None
        return self._responsibilities(objective.rows.X, lengths=sequences)

    def _responsibilities(self, X, *, sequence_id=None, lengths=None) -> np.ndarray:
        """Probabilities of the family's components given all rows of a sequence, each sequence in one piece."""
        return self._look(X, sequence_id, lengths).components()

    def decode(self, X, *, sequence_id=None, lengths=None, algorithm=None):
        """The most probable states, and how probable they are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.
        algorithm : {"viterbi", "posterior"}, default=None
            The most probable path of each sequence, or the most probable state of each row; None takes the estimator's.

        Returns
        -------
        log_probability : float
            With "viterbi", log p(path, X) in nats, total over the sequences; with "posterior", the sum of the states'
            posterior probabilities (as in hmmlearn).
        states : ndarray of shape (n_samples,)
            The states.
        """
        look = self._look(X, sequence_id, lengths)
        algorithm = self.algorithm if algorithm is None else algorithm
        if algorithm == "viterbi":
            path, log_probability = look.most_probable_path()
            return float(log_probability.sum()), look.restore(path)
        if algorithm != "posterior":
            raise ValueError(f"algorithm must be 'viterbi' or 'posterior'. Got {algorithm!r} instead.")
        smoothed = look.smooth()
        return float(smoothed.max(axis=1).sum()), look.restore(smoothed.argmax(axis=1))

    def predict(self, X, *, sequence_id=None, lengths=None):
        """The states: the most probable path, or with ``algorithm="posterior"`` the most probable state of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.

        Returns
        -------
        states : ndarray of shape (n_samples,)
        """
        return self.decode(X, sequence_id=sequence_id, lengths=lengths)[1]

    def predict_proba(self, X, *, sequence_id=None, lengths=None):
        """Smoothed probabilities: of each state, given all rows of the sequence.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_components)
        """
        look = self._look(X, sequence_id, lengths)
        return look.restore(look.smooth())

    def filter(self, X, *, sequence_id=None, lengths=None):
        """Filtered probabilities: of each state, given the rows of the sequence up to this one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_components)
        """
        look = self._look(X, sequence_id, lengths)
        return look.restore(look.filter()[0])

    def score_samples(self, X, *, sequence_id=None, lengths=None):
        """Predictive log-density of each row, log p(x_t | x_1 … x_(t−1)); it sums to the log-likelihood.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value, and the density is that of the observed ones.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats.
        """
        look = self._look(X, sequence_id, lengths)
        return look.restore(look.filter()[1])

    def score(self, X, y=None, *, sequence_id=None, lengths=None, sample_weight=None):
        """Mean predictive log-density of the rows: the log-likelihood over the number of rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        y : Ignored
            Not used, present for API consistency by convention.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        log_likelihood : float
            In nats per row (hmmlearn's `score` is the total: see :meth:`log_likelihood`).
        """
        check_ignored(X, y)
        log_density = self.score_samples(X, sequence_id=sequence_id, lengths=lengths)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, log_density, ensure_non_negative=True)
        return float(np.average(log_density, weights=sample_weight))

    def log_likelihood(self, X, *, sequence_id=None, lengths=None):
        """Log-likelihood of all sequences.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.

        Returns
        -------
        log_likelihood : float
            In nats, total.
        """
        return float(self.score_samples(X, sequence_id=sequence_id, lengths=lengths).sum())

    def emission_log_density(self, X):
        """Log-density of each row in each state, whatever the other rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.

        Returns
        -------
        log_density : ndarray of shape (n_samples, n_components)
            Log p(x | state) in nats. With the states of a :class:`Forecast` it gives the density of a forecast.
        """
        return self._look(X, None, None).states()

    def forecast(self, X, steps=1, *, sequence_id=None, lengths=None):
        """What follows the end of each sequence.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        steps : int, default=1
            How many rows to look ahead.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.

        Returns
        -------
        forecast : Forecast
            Probabilities of states, and means and variances of observations, for each sequence (in the order of their
            first rows) and step.
        """
        if not isinstance(steps, Integral) or steps < 1:
            raise ValueError(f"Invalid value for 'steps': {steps!r}. It must be an integer of at least 1.")
        look = self._look(X, sequence_id, lengths)
        state = look.filter()[0][look.sequences.first[1:] - 1]
        states = np.empty((len(state), steps, state.shape[1]))
        for step in range(steps):
            states[:, step] = state = state @ look.chain.transitions
        return Forecast.of(states, *self._state_moments())

    def impute(self, X, *, sequence_id=None, lengths=None):
        """The rows with each missing value at its expectation, given all observed values of the sequence.

        A categorical value, which has no mean, becomes the most probable one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        look = self._look(X, sequence_id, lengths)
        return look.restore(look.objective.complete(look.parameters, look.components()))

    def sample(self, n_samples=1, *, lengths=None):
        """Draw sequences from the fitted model.

        Parameters
        ----------
        n_samples : int, default=1
            Length of one sequence.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of several sequences, in place of `n_samples`.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Observations, one sequence behind the other.
        states : ndarray of shape (n_samples,)
            Their states.
        """
        self._check_at_hand()
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(
                f"Invalid value for 'n_samples': {n_samples!r}. The sampling requires at least one sample."
            )
        lengths = [n_samples] if lengths is None else check_lengths(lengths)
        rng = check_random_state(self.random_state)
        family = self._family_at_hand()
        units = self._fitted_units(family)
        latent, components = self._adopt(family, units)
        states = recursion.draw(self._chain_at_hand(), Sequences.of(lengths), rng)
        labels = self._latent_at_hand().draw_components(latent, states, rng)
        Z = np.empty((len(states), len(units.centre)))
        for k in np.unique(labels):
            Z[labels == k] = family.sample(components, k, int(np.sum(labels == k)), rng)
        return units.centre + units.scale * Z, states

    def _state_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and variances of the observations in each state, (K, d) each."""
        family = self._family_at_hand()
        units = Units.identity(self._n_features())
        latent, components = self._adopt(family, units)
        means, deviations = family.location_scale(components)
        return self._latent_at_hand().moments(latent, means, deviations**2)

    def _n_parameters(self) -> int:
        """Free parameters of the model."""
        family = self._family_at_hand()
        n_components = self._n_family_components()
        of_components = family.n_parameters(n_components, self._n_features()) - self._n_held(family)
        return self._make_latent().n_parameters(n_components) + of_components
