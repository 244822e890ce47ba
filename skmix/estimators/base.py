"""What all estimators share: scikit-learn's conventions around an objective and a solver."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from threading import Event
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import validate_data

from skmix.estimators.events import NO_ROWS, Run, mend, merit, report
from skmix.estimators.fixed import fixed_mask
from skmix.estimators.given_start import given_start
from skmix.estimators.verbose import Verbose
from skmix.families import FAMILIES, Family
from skmix.families.base import Penalty
from skmix.initialize.search import SEARCHES, Search
from skmix.initialize.search import resolve as resolve_search
from skmix.initialize.starts import start
from skmix.likelihood.blocks import Rows
from skmix.likelihood.held import Held
from skmix.likelihood.model import Model, Parameters
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Threads, available_threads, one_blas_thread
from skmix.likelihood.units import Units, measure
from skmix.solvers import SOLVERS, Solver, resolve
from skmix.solvers.result import INTERRUPTED, Ending, Interrupted, Trace

Constraints = dict[str, list[Any]]


class LatentVariableModel(DensityMixin, BaseEstimator, ABC):
    """Base of mixtures and hidden Markov models: how a family under a latent structure is fitted by a solver.

    A subclass names the public attributes (`_latent_attributes`, `_component_attributes`), builds the family and the
    latent structure, and says which initial values were given.
    """

    _prepare: Callable[..., tuple[np.ndarray, Objective]]  # validated data, and the objective of a fit to them
    _latent_attributes: ClassVar[tuple[str, ...]]
    _component_attributes: ClassVar[tuple[str, ...]]
    _derived_attributes: ClassVar[tuple[str, ...]] = ()  # what follows from the others, and has standard errors too
    _component_kind: ClassVar[str] = "Component"
    _dtypes: ClassVar[tuple[type, ...]] = (np.float64, np.float32)  # others become the first
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions(set(SOLVERS)), Solver],
        "search": [StrOptions(set(SEARCHES)), Search, None],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
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

    def _make_family(self, X: np.ndarray, weight: np.ndarray | None, units: Units) -> Family:
        """The family with its prior, for the rows `X` of these weights."""
        return self._family_class().for_rows(X, weight, units, self._n_family_components(), self._penalty())

    def _penalty(self) -> Penalty:
        """What the parameters say of penalties and priors."""
        return Penalty(getattr(self, "reg_covar", 0.0), getattr(self, "prior", None))

    def _pseudo_count(self) -> float:
        """Rows that a prior adds to those of each component, for the weights."""
        return 0.0 if self._penalty().prior is None else 1.0

    @abstractmethod
    def _make_latent(self) -> Any:
        """The latent structure with its prior."""

    def _n_family_components(self) -> int:
        """How many densities of the family there are."""
        return self.n_components

    @abstractmethod
    def _given(self, n_features: int) -> dict[str, np.ndarray]:
        """Checked initial values, by the public attributes that they stand for."""

    @abstractmethod
    def _publish_latent(self, latent: Any) -> dict[str, np.ndarray]:
        """Public attributes of the latent structure."""

    @abstractmethod
    def _adopt_latent(self, public: dict[str, np.ndarray]) -> Any:
        """The inverse of `_publish_latent`."""

    def _latent_in_order(self, name: str, value: np.ndarray, states: np.ndarray, within: np.ndarray) -> np.ndarray:
        """A public attribute of the latent structure with its components (or states) in another order.

        `states` has shape (K,), `within` the order of the components of each state, shape (K, M).
        """
        return value[states]

    def _publish_components(self, family: Family, components: Any, units: Units) -> dict[str, np.ndarray]:
        """Public attributes of the components."""
        return family.publish(components, units)

    def _adopt_components(self, family: Family, public: dict[str, np.ndarray], units: Units) -> Any:
        """The inverse of `_publish_components`."""
        return family.adopt(public, units)

    # ---- the objective --------------------------------------------------------------------------------------------
    def _check_data(self, X, reset: bool) -> np.ndarray:
        return self._check_values(self._check_array(X, reset), reset)

    def _check_array(self, X, reset: bool) -> np.ndarray:
        return validate_data(self, X, dtype=list(self._dtypes), ensure_all_finite="allow-nan", reset=reset)

    def _check_values(self, X: np.ndarray, reset: bool) -> np.ndarray:
        """The rows as the family takes them; ValueError where it cannot."""
        self._family_class().check_data(X, type(self).__name__)
        return X

    def _check_enough(self, n_kept: int, n_samples: int) -> None:
        if n_kept < self.n_components:
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {n_kept}{' of positive weight' if n_kept < n_samples else ''}"
            )

    def _model_of(self, X: np.ndarray, weight: np.ndarray | None) -> tuple[Model, Units]:
        """The model for rows `X`, and the units in which its parameters are held."""
        family_class = self._family_class()
        units = Units.identity(X.shape[1])
        if family_class.standardise:
            smallest = float(np.sqrt(self._penalty().reg_covar))
            units = measure(X, weight, common_scale=family_class.common_scale, smallest=smallest)
            _check_spread(units)
        family = self._make_family(X, weight, units)
        return Model(family, self._make_latent(), self._held(family, units, X.shape[1])), units

    def _fixed_names(self) -> tuple[str, str]:
        """The parameters that say which locations are fixed, and at what."""
        stem = self._component_attributes[0]
        return f"{stem}fixed", f"{stem}init"

    def _component_shape(self) -> tuple[int, ...]:
        """Shape of an attribute with one number for each of the family's components."""
        return (self.n_components,)

    def _fixed_locations(self) -> np.ndarray | None:
        """Which components keep their locations, in their public shape; None where none does."""
        name, _ = self._fixed_names()
        return fixed_mask(name, getattr(self, name, False), self._component_shape())

    def _held(self, family: Family, units: Units, n_features: int) -> Held | None:
        """The locations that users hold at their initial values."""
        mask = self._fixed_locations()
        if mask is None:
            return None
        given = self._given(n_features)
        if self._component_attributes[0] not in given:
            fixed, initial = self._fixed_names()
            raise ValueError(f"{fixed!r} holds components at their initial values; give them as {initial!r}.")
        own = self._publish_components(family, family.reference(mask.size, n_features), units)
        return Held(family, mask.ravel(), self._adopt_components(family, {**own, **given}, units))

    def _rows(
        self, X: np.ndarray, family: Family, units: Units, weight: np.ndarray | None, labels: np.ndarray | None = None
    ) -> Rows:
        n_components = self._n_family_components()
        return Rows(
            X,
            units,
            weight,
            group=not family.independent_features,
            row_size=partial(family.row_size, n_components, X.shape[1]),
            n_components=n_components,
            labels=labels,
            n_labels=self.n_components,
        )

    # ---- fitting --------------------------------------------------------------------------------------------------
    def _fit(self, objective: Objective) -> None:
        """Climb from all starts, keep the best, set the fitted attributes."""
        resolve(self.solver).check(objective)
        if (search := resolve_search(self.search)) is not None:
            search.check(objective)
        for complaint in self._climb(objective, self._starts(objective), mending=self._may_mend(objective)):
            warnings.warn(complaint, ConvergenceWarning, stacklevel=4)  # _fit, fit, scikit-learn's wrapper, the user

    def _climb(self, objective: Objective, starts: list[Parameters], mending: bool = False) -> list[str]:
        """Climb from the starts, keep the best, set the fitted attributes; what the user should be warned of.

        With `mending`, components of the best that are lost or collapsed are moved elsewhere: see `events`.
        """
        try:
            runs = self._solve(objective, starts)
        except Interrupted as stop:  # what has been reached is kept
            if not stop.runs:
                raise
            runs = stop.runs
        trace, ending = self._settle(objective, runs, mending)
        self._publish(objective, trace, ending)
        return self._complaints(ending, len(runs), objective.rows.total_weight)

    def _settle(self, objective: Objective, runs: list[Run], mending: bool) -> Run:
        """The best of the runs, mended where it must be; sets `events_`."""
        best = int(np.argmax([merit(objective, ending.point) for _, ending in runs]))
        chosen, events = runs[best], []
        for index, (_, ending) in enumerate(runs):
            if index != best:
                events += report(objective, ending.point, index, "set aside")
        if mending and INTERRUPTED not in chosen[1].reason:
            try:
                chosen, moved = mend(objective, chosen, best, lambda start: self._solve(objective, [start])[0])
                events += moved
            except KeyboardInterrupt:
                ending = chosen[1]
                chosen = (chosen[0], ending._replace(reason=f"{ending.reason}; re-seeding was {INTERRUPTED}"))
        self.events_ = sorted(events + report(objective, chosen[1].point, best, "kept"))
        return chosen

    def _may_mend(self, objective: Objective) -> bool:
        """Whether components may be moved: not if the user put them where they start, or gave them a weight of 0."""
        weights = self._given(objective.rows.n_features).get("weights_", np.ones(1))
        return self.max_iter > 0 and bool((weights > 0).all()) and self._given_start(objective) is None

    def _given_start(self, objective: Objective) -> Parameters | None:
        """The parameters of the last fit where `warm_start` says so, or those that the user gave in full."""
        family, units = objective.model.family, objective.rows.units
        given = self._given(objective.rows.n_features)
        if self.warm_start and hasattr(self, "converged_"):
            wanted = (self._family_name(), self.n_components, objective.rows.n_features)
            if self._fitted_model != wanted:
                raise ValueError(
                    "warm_start=True goes on from the last fit, which had (family, n_components, n_features) = "
                    f"{self._fitted_model}, but now they are {wanted}; set them back, or warm_start=False."
                )
            return objective.model.conform(self._adopt(family, units))
        if {*self._latent_attributes, *self._component_attributes} <= given.keys():
            one = Parameters(self._adopt_latent(given), self._adopt_components(family, given, units))
            return objective.model.conform(one)
        return None

    def _starts(self, objective: Objective) -> list[Parameters]:
        """The parameters to start from, `n_init` of them, or those that are given."""
        one = self._given_start(objective)
        if one is not None:
            return [one]
        family, units = objective.model.family, objective.rows.units
        given = self._given(objective.rows.n_features)
        rng = check_random_state(self.random_state)
        found = [self._start(objective, rng) for _ in range(self.n_init)]
        return [objective.model.conform(self._override(one, given, family, units)) for one in found]

    def _start(self, objective: Objective, rng: np.random.RandomState) -> Parameters:
        """One start, drawn by `rng` and improved by the search."""
        search = resolve_search(self.search)
        begin = partial(self._begin, rng)
        return begin(objective) if search is None else search.improve(objective, begin, rng)

    def _begin(self, rng: np.random.RandomState, objective: Objective, n_components: int | None = None) -> Parameters:
        """One start as `init_params` says."""
        if isinstance(self.init_params, str):
            return self._named_start(self.init_params, objective, rng, n_components)
        return given_start(self, self.init_params, objective, n_components)

    def _named_start(
        self, name: str, objective: Any, rng: np.random.RandomState, n_components: int | None = None
    ) -> Parameters:
        return start(name, objective, rng, n_components)

    def _override(self, one: Parameters, given: dict[str, np.ndarray], family: Family, units: Units) -> Parameters:
        """A start with the user's values in place of its own."""
        latent, components = one
        if not given.keys().isdisjoint(self._latent_attributes):
            latent = self._adopt_latent({**self._publish_latent(latent), **given})
        if not given.keys().isdisjoint(self._component_attributes):
            own = self._publish_components(family, components, units)
            components = self._adopt_components(family, {**own, **given}, units)
        return Parameters(latent, components)

    def _solve(self, objective: Objective, starts: list[Parameters]) -> list[tuple[Trace, Ending]]:
        """Run the solver from each start, `n_jobs` at a time."""
        solver = resolve(self.solver)
        jobs = min(len(starts), effective_n_jobs(self.n_jobs)) if len(starts) > 1 else 1
        # Restarts share the threads: each gets its part of them.
        n_threads = objective.threads.n_threads if jobs == 1 else max(1, available_threads() // jobs)
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=len(starts)).tolist()
        cancelled, runs = objective.cancelled or Event(), []
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

    def _public_of(self, parameters: Parameters, family: Family, units: Units) -> dict[str, np.ndarray]:
        """Public attributes of parameters in standardised units; takes complex steps."""
        components = self._publish_components(family, parameters.components, units)
        return {**self._publish_latent(parameters.latent), **components}

    def _derived_of(self, public: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The derived attributes of public ones; takes complex steps. NaN where one has no derivative."""
        return {}

    def _publish(self, objective: Objective, trace: Trace, ending: Ending) -> None:
        """Set the fitted attributes, all of them plain arrays and scalars."""
        public = self._public_of(ending.point.parameters, objective.model.family, objective.rows.units)
        self._set_fitted(public, objective.rows.dtype)
        self.converged_ = bool(ending.converged)
        self.n_iter_ = trace.n_iter
        self.n_passes_ = trace.total_passes
        self.history_ = trace.history()
        self.lower_bounds_ = trace.values[1:]
        self.lower_bound_ = trace.values[-1]
        self.solver_ = ending.solver
        self.stop_reason_ = ending.reason
        self._fitted_model = (self._family_name(), self.n_components, self.n_features_in_)

    def _set_fitted(self, public: dict[str, np.ndarray], dtype: np.dtype) -> None:
        """Set public attributes, in the type of the data."""
        for name, value in public.items():
            setattr(self, name, _as_type(value, dtype))

    def _complaints(self, ending: Ending, n_starts: int, total_weight: float) -> list[str]:
        """What the user should be warned of."""
        complaints = []
        if not ending.converged and self.max_iter > 0:
            complaints.append(
                f"{f'The best of {n_starts} fits' if n_starts > 1 else 'The fit'} did not converge: solver "
                f"{ending.solver!r} {ending.reason}. {ending.advice}"
            )
        elif INTERRUPTED in ending.reason:
            complaints.append(
                f"Interrupted: of {self.n_init} starts the best of the {n_starts} that had begun is kept."
            )
        return complaints + self._lost(ending.point.statistics.latent.counts <= NO_ROWS * total_weight)

    def _lost(self, lost: np.ndarray) -> list[str]:
        """Name the components, given by a mask of shape (K,), that have no rows left."""
        if not lost.any():
            return []
        numbers = ", ".join(map(str, np.flatnonzero(lost)))
        return [
            f"{self._component_kind}(s) {numbers} lost all rows: the weight is all but 0, and the other parameters "
            "stay where they were when that happened. Use fewer components or another start."
        ]

    # ---- the fitted model -----------------------------------------------------------------------------------------
    def _family_at_hand(self) -> Family:
        """The family that was fitted, whatever the parameters say by now; theirs if attributes were set by hand."""
        fitted = getattr(self, "_fitted_model", None)
        return (FAMILIES[fitted[0]] if fitted else self._family_class())()

    def _public(self, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        return {name: np.asarray(getattr(self, name), dtype=np.float64) for name in names}

    def _adopt(self, family: Family, units: Units) -> Parameters:
        """The fitted parameters in standardised units."""
        return Parameters(
            self._adopt_latent(self._public(self._latent_attributes)),
            self._adopt_components(family, self._public(self._component_attributes), units),
        )

    def _n_features(self) -> int:
        return self.n_features_in_

    @abstractmethod
    def _responsibilities(self, X) -> np.ndarray:
        """Probabilities of the family's components for each row, (n, n_family_components)."""

    def _responsibilities_in(self, objective: Objective) -> np.ndarray:
        """The same for the rows of an objective, perhaps another model's."""
        return self._responsibilities(objective.rows.X)

    @abstractmethod
    def _shares(self) -> np.ndarray:
        """About the part of all rows that each of the family's components makes up."""

    def _n_held(self, family: Family) -> int:
        """How many of the components' parameters are fixed."""
        mask = self._fixed_locations()
        return 0 if mask is None else int(mask.sum()) * family.n_locations(self._n_features())

    def _fitted_units(self, family: Family) -> Units:
        """Units in which the fitted distribution has mean 0 and standard deviation 1."""
        own = Units.identity(self._n_features())
        if not family.standardise:
            return own
        components = self._adopt_components(family, self._public(self._component_attributes), own)
        moments = family.location_scale(components)
        return Units.of_mixture(self._shares(), *moments, common_scale=family.common_scale)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def threads_for(worthwhile: bool) -> Threads:
    """All threads that may be used, or this one alone."""
    return Threads(available_threads() if worthwhile else 1)


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
