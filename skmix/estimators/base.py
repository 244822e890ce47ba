"""What all mixture estimators share: scikit-learn's conventions around an objective and a solver."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from functools import partial
from numbers import Integral, Real
from threading import Event
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    DensityMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skmix.estimators.checks import check_shape, check_weights
from skmix.estimators.verbose import Verbose
from skmix.families import FAMILIES, Family
from skmix.initialize.starts import STARTS, start
from skmix.latent.weights import Weights, normalise
from skmix.likelihood.blocks import Rows
from skmix.likelihood.model import Model, Parameters
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Threads, available_threads, one_blas_thread
from skmix.likelihood.units import Units, measure
from skmix.solvers import SOLVERS, Solver, resolve
from skmix.solvers.result import INTERRUPTED, Ending, Interrupted, Trace

_NO_ROWS = 1e-10  # share of the rows below which a component has lost all of them


class BaseMixture(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DensityMixin, BaseEstimator, ABC):
    """Base of mixtures: everything but the family's own parameters.

    A subclass names the family's public attributes and builds the family (`_make_family`, `_given`).
    """

    _component_attributes: ClassVar[tuple[str, ...]]
    _dtypes: ClassVar[tuple[type, ...]] = (np.float64, np.float32)  # others become the first
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions(set(SOLVERS)), Solver],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions(set(STARTS))],
        "weights_init": ["array-like", None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
    }

    # ---- for subclasses -------------------------------------------------------------------------------------------
    @abstractmethod
    def _family_name(self) -> str:
        """The components' family, by its name in `skmix.families`."""

    def _family_class(self) -> Any:
        return FAMILIES[self._family_name()]

    def _make_family(self, units: Units, total_weight: float, eps: float) -> Family:
        """The family with its prior, for data of precision `eps`."""
        return self._family_class()()

    def _make_latent(self, total_weight: float) -> Any:
        """The latent structure with its prior."""
        return Weights()

    def _least_scale(self) -> float:
        """The least scale of a column that is worth telling apart, in the data's units."""
        return 0.0

    @abstractmethod
    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        """Checked initial values of the components, by the public attributes that they stand for."""

    def _given(self, n_features: int) -> dict[str, np.ndarray]:
        """Checked initial values, by the public attributes that they stand for."""
        given = self._given_components(n_features)
        if self.weights_init is not None:
            given["weights_"] = check_weights(check_shape("weights_init", self.weights_init, (self.n_components,)))
        return given

    # ---- fitting --------------------------------------------------------------------------------------------------
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the mixture by the chosen solver.

        The best of `n_init` starts is kept. With ``warm_start=True`` a fitted mixture starts from its own parameters,
        once.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data. NaN marks a value that is missing at random.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: an integer weight counts as that many equal rows.

        Returns
        -------
        self : object
            The fitted mixture.

        Raises
        ------
        ValueError
            If an argument is out of range, X has fewer rows than components, or all weights are zero.
        """
        X, objective = self._prepare(X, sample_weight)
        resolve(self.solver).check(objective)
        starts = self._starts(objective)
        try:
            runs = self._solve(objective, starts)
        except Interrupted as stop:  # what has been reached is kept
            if not stop.runs:
                raise
            runs = stop.runs
        traces, endings = zip(*runs, strict=True)
        best = int(np.argmax([ending.point.value for ending in endings]))
        self._publish(objective, traces[best], endings[best])
        self._warn(endings[best], len(runs), objective.rows.total_weight)
        self.labels_ = self._labels(X)
        return self

    def _prepare(self, X, sample_weight) -> tuple[np.ndarray, Objective]:
        """Validated data, and the objective of a fit to them."""
        X, kept, weight = self._check_fit_data(X, sample_weight)
        return X, self._objective(kept, weight)

    def _check_fit_data(self, X, sample_weight) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Validated data, the rows of positive weight, and their weights."""
        X = self._check_data(X, reset=True)
        kept, weight = X, None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            if not weight.any():
                raise ValueError("Sample weights must contain at least one non-zero number.")
            if not weight.all():  # rows of weight 0 take no part, not even as starts
                kept, weight = X[weight > 0], weight[weight > 0]
        if len(kept) < self.n_components:
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {len(kept)}{' of positive weight' if len(kept) < len(X) else ''}"
            )
        return X, kept, weight

    def _check_data(self, X, reset: bool) -> np.ndarray:
        X = validate_data(self, X, dtype=list(self._dtypes), ensure_all_finite="allow-nan", reset=reset)
        self._family_class().check_data(X, type(self).__name__)
        return X

    def _objective(self, X: np.ndarray, weight: np.ndarray | None) -> Objective:
        family_class = self._family_class()
        units = Units.identity(X.shape[1])
        if family_class.standardise:
            units = measure(X, weight, common_scale=family_class.common_scale, smallest=self._least_scale())
            _check_spread(units)
        total_weight = float(len(X) if weight is None else weight.sum())
        family = self._make_family(units, total_weight, float(np.finfo(X.dtype).eps))
        return self._over(X, Model(family, self._make_latent(total_weight)), units, weight)

    def _over(self, X: np.ndarray, model: Model, units: Units, weight: np.ndarray | None = None) -> Objective:
        family = model.family
        rows = Rows(
            X,
            units,
            weight,
            group=not family.independent_features,
            row_size=partial(family.row_size, self.n_components, X.shape[1]),
            n_components=self.n_components,
        )
        threads = Threads(available_threads() if rows.worth_threads and len(rows) > 1 else 1)
        return Objective(model, rows, threads)

    def _starts(self, objective: Objective) -> list[Parameters]:
        """The parameters to start from, `n_init` of them, or the fitted ones where `warm_start` says so."""
        family, units = objective.model.family, objective.rows.units
        given = self._given(objective.rows.n_features)
        if self.warm_start and hasattr(self, "converged_"):
            wanted = (self._family_name(), self.n_components, objective.rows.n_features)
            if self._fitted_model != wanted:
                raise ValueError(
                    "warm_start=True goes on from the last fit, which had (family, n_components, n_features) = "
                    f"{self._fitted_model}, but now they are {wanted}; set them back, or warm_start=False."
                )
            return [self._adopt(family, units)]
        if {"weights_", *self._component_attributes} <= given.keys():
            return [Parameters(given["weights_"], family.adopt(given, units))]
        rng = check_random_state(self.random_state)
        found = [start(self.init_params, objective, self.n_components, rng) for _ in range(self.n_init)]
        return [self._override(one, given, family, units) for one in found]

    @staticmethod
    def _override(one: Parameters, given: dict[str, np.ndarray], family: Family, units: Units) -> Parameters:
        """A start with the user's values in place of its own."""
        latent = np.asarray(given.get("weights_", one.latent), dtype=np.float64)
        if given.keys() <= {"weights_"}:
            return Parameters(latent, one.components)
        return Parameters(latent, family.adopt({**family.publish(one.components, units), **given}, units))

    def _solve(self, objective: Objective, starts: list[Parameters]) -> list[tuple[Trace, Ending]]:
        """Run the solver from each start, `n_jobs` at a time."""
        solver = resolve(self.solver)
        jobs = min(len(starts), effective_n_jobs(self.n_jobs)) if len(starts) > 1 else 1
        # Restarts share the threads: each gets its part of them.
        n_threads = objective.threads.n_threads if jobs == 1 else max(1, available_threads() // jobs)
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=len(starts)).tolist()
        cancelled, runs = Event(), []
        for index, (begin, seed) in enumerate(zip(starts, seeds, strict=True)):
            own = objective.fork(Threads(n_threads), cancelled)
            runs.append((own, begin, Trace(own, self.tol, self.max_iter, Verbose.of(self, index), seed)))
        try:
            if jobs == 1:
                endings = [solver.solve(*run) for run in runs]
            else:
                # Filters of warnings belong to the process: what SciPy does to them in threads must not outlive this.
                with one_blas_thread(), warnings.catch_warnings():
                    endings = Parallel(n_jobs=jobs, prefer="threads")(delayed(solver.solve)(*run) for run in runs)
        except BaseException as stop:
            cancelled.set()  # or the other threads would go on
            if isinstance(stop, KeyboardInterrupt):
                raise Interrupted([trace for *_, trace in runs], solver.name) from stop
            raise
        return [(trace, ending) for (_, _, trace), ending in zip(runs, endings, strict=True)]

    def _publish(self, objective: Objective, trace: Trace, ending: Ending) -> None:
        """Set the fitted attributes, all of them plain arrays and scalars."""
        latent, components = ending.point.parameters
        public = {"weights_": latent, **objective.model.family.publish(components, objective.rows.units)}
        for name, value in public.items():
            setattr(self, name, _as_type(value, objective.rows.dtype))
        self.converged_ = bool(ending.converged)
        self.n_iter_ = trace.n_iter
        self.n_passes_ = trace.total_passes
        self.history_ = trace.history()
        self.lower_bounds_ = trace.values[1:]
        self.lower_bound_ = trace.values[-1]
        self.solver_ = ending.solver
        self.stop_reason_ = ending.reason
        self._n_features_out = len(latent)
        self._fitted_model = (self._family_name(), len(latent), self.n_features_in_)

    def _warn(self, ending: Ending, n_starts: int, total_weight: float) -> None:
        if not ending.converged and self.max_iter > 0:
            warnings.warn(
                f"{f'The best of {n_starts} fits' if n_starts > 1 else 'The fit'} did not converge: solver "
                f"{ending.solver!r} {ending.reason}. {ending.advice}",
                ConvergenceWarning,
                stacklevel=4,  # _warn, fit, scikit-learn's wrapper of fit, the user
            )
        elif INTERRUPTED in ending.reason:
            warnings.warn(
                f"Interrupted: of {self.n_init} starts the best of the {n_starts} that had begun is kept.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self._warn_of_lost(ending.point.statistics.latent.counts <= _NO_ROWS * total_weight)

    def _warn_of_lost(self, lost: np.ndarray) -> None:
        """Name the components, given by a mask of shape (K,), that have no rows left."""
        if lost.any():
            warnings.warn(
                f"Component(s) {', '.join(map(str, np.flatnonzero(lost)))} lost all rows: the weight is all but 0, and "
                "the other parameters stay where they were when that happened. Use fewer components or another start.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def fit_predict(self, X, y=None, sample_weight=None):
        """Fit the mixture and return the most probable component of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data. NaN marks a value that is missing at random.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The same as ``fit(X).predict(X)``.
        """
        return self.fit(X, y, sample_weight=sample_weight).labels_

    # ---- prediction -----------------------------------------------------------------------------------------------
    def _family_at_hand(self) -> Family:
        """The family that was fitted, whatever the parameters say by now; theirs if attributes were set by hand."""
        fitted = getattr(self, "_fitted_model", None)
        return (FAMILIES[fitted[0]] if fitted else self._family_class())()

    def _adopt(self, family: Family, units: Units) -> Parameters:
        """The fitted parameters in standardised units."""
        public = {name: np.asarray(getattr(self, name), dtype=np.float64) for name in self._component_attributes}
        return Parameters(np.asarray(self.weights_, dtype=np.float64), family.adopt(public, units))

    def _fitted_units(self, family: Family) -> Units:
        """Units in which the fitted distribution has mean 0 and standard deviation 1."""
        own = Units.identity(self.n_features_in_)
        if not family.standardise:
            return own
        weights, components = np.asarray(self.weights_, dtype=np.float64), self._adopt(family, own).components
        return Units.of_mixture(weights, *family.location_scale(components), common_scale=family.common_scale)

    def _each_block(self, X, consume) -> None:
        """``consume(objective, block, log_joint)`` for each block of validated `X` (see `Objective.each_block`)."""
        family = self._family_at_hand()
        units = self._fitted_units(family).rounded(X.dtype)
        objective = self._over(X, Model(family, self._make_latent(1.0)), units)
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
        n_components = len(self.weights_)
        of_components = self._family_at_hand().n_parameters(n_components, self.n_features_in_)
        return of_components + self._make_latent(1.0).n_parameters(n_components)

    def bic(self, X):
        """Bayesian information criterion; lower is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        bic : float
        """
        log_likelihood = self.score_samples(X)
        return float(-2 * log_likelihood.sum(dtype=np.float64) + self._n_parameters() * np.log(len(log_likelihood)))

    def aic(self, X):
        """Akaike information criterion; lower is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        aic : float
        """
        log_likelihood = self.score_samples(X)
        return float(-2 * log_likelihood.sum(dtype=np.float64) + 2 * self._n_parameters())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = [np.dtype(dtype).name for dtype in self._dtypes]
        return tags


def _check_spread(units: Units) -> None:
    widest = int(np.argmax(units.scale))
    if units.scale[widest] > 1e153:
        raise ValueError(
            f"Input X contains values whose squares overflow: feature {widest} spreads over {units.scale[widest]:.1e}. "
            "Rescale it."
        )


def _as_type(value: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`value` in the data's type, or as it is where that could not hold it (squares of very large or small units)."""
    with np.errstate(over="ignore", under="ignore"):
        cast = value.astype(dtype, copy=False)
    fits = np.isfinite(cast).all() and np.array_equal(cast == 0, value == 0)
    return cast if fits else value
