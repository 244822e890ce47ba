"""Hidden Markov models over any family of emission densities."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmix.estimators.base import Constraints
from skmix.estimators.checks import check_shape
from skmix.estimators.hidden_markov import BaseHMM
from skmix.families import FAMILIES, Family
from skmix.likelihood.units import Units


class HiddenMarkovModel(BaseHMM):
    """Hidden Markov model over any family of emission densities, fitted by the solver of your choice.

    Parameters
    ----------
    n_components : int, default=1
        The number K of states.
    family : str, default="gaussian-diag"
        The family of the emissions, by its name in :data:`skmix.families.FAMILIES`: "gaussian-full", "gaussian-tied",
        "gaussian-diag", "gaussian-spherical", "poisson", "bernoulli" or "categorical".
    solver : str or Solver instance, default="auto"
        The optimiser: "em" (Baum and Welch's), "squarem", "lbfgs", "newton", … or an instance of one, see
        :mod:`skmix.solvers`.
    tol : float, default=1e-6
        A solver stops when it estimates that no more than this, in nats per row, can still be gained.
    reg_covar : float, default=1e-6
        Strength of the penalty on small covariances, in squared units of the data, as for
        :class:`~skmix.GaussianMixture`.
    prior : {"data"} or None, default=None
        "data" gives the emissions a prior scaled by the data, as in the family's mixture: no state can shrink to few
        rows. Transitions have priors of their own.
    max_iter : int, default=500
        Most iterations, counted in accepted iterates.
    n_init : int, default=1
        Number of starts; the fit with the highest objective is kept, but what a collapsed component gains by its
        narrowness does not count.
    init_params : str, array-like or fitted estimator, default="kmeans"
        The start: "kmeans", "k-means++", "hierarchical", "random" or "random_from_data", as those of mixtures, or
        "mixture" (fitted without regard to the order of the rows), each with transitions counted between neighbouring
        rows; "sticky" has the clusters of k-means and states that last. Or labels of the rows, (n_samples,), -1 for
        any component; or probabilities, (n_samples, n_components); or a fitted model or clusterer.
    search : str, Search instance or None, default=None
        What is done to each start before the solver climbs: "short-runs", "random-swap", "split-merge" or an
        instance of one, see :mod:`skmix.initialize`; None for nothing.
    start : {"free", "stationary", "fixed"}, default="free"
        How sequences start: with probabilities of their own, with the stationary distribution of the transition matrix,
        or with `startprob_init` as it is.
    startprob_init : array-like of shape (n_components,), default=None
        Initial start probabilities; those of 0 stay 0.
    transmat_init : array-like of shape (n_components, n_components), default=None
        Initial transition matrix; entries of 0 stay 0 (an upper triangle makes a left–right model).
    startprob_prior : float or array-like of shape (n_components,), default=1.0
        Concentrations, 1 or more, of a Dirichlet prior on the start probabilities; 1 for maximum likelihood.
    transmat_prior : float or array-like of shape (n_components, n_components), default=1.0
        The same for the rows of the transition matrix.
    transmat_fixed : bool or array-like of bool of shape (n_components, n_components), default=None
        Entries that stay as `transmat_init` has them; True for all.
    transmat_tied : array-like of int of shape (n_components, n_components), default=None
        Entries with the same positive number are kept equal, 0 is for entries on their own. Rows that share a number
        must have the same numbers, each as often.
    components_init : dict of str to array-like, default=None
        Initial values of the emissions, by the names of the fitted attributes that the family has (without the
        underscore): ``{"rates": [[1.0], [5.0]]}``.
    components_fixed : bool or array-like of bool of shape (n_components,), default=False
        States whose means, rates or probabilities stay as `components_init` has them; True for all.
    algorithm : {"viterbi", "posterior"}, default="viterbi"
        What :meth:`predict` gives: the most probable path, or the most probable state of each row.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts and of :meth:`sample`.
    warm_start : bool, default=False
        Start from the parameters of the last fit. `n_init` is then ignored.
    n_jobs : int, default=None
        Starts that are fitted at the same time, by threads. The result does not depend on it.
    verbose : int, default=0
        1 prints iteration numbers, 2 also the objective, its gain and times.
    verbose_interval : int, default=10
        Iterations between two lines.

    Attributes
    ----------
    startprob_ : ndarray of shape (n_components,)
        Start probabilities.
    transmat_ : ndarray of shape (n_components, n_components)
        Transition matrix: the probabilities of the next state, a row for each state.
    stationary_distribution_ : ndarray of shape (n_components,)
        The part of the time that the chain spends in each state in the long run.
    means_, rates_, … : ndarray
        The parameters of the emissions, named and shaped as in the family's mixture.
    converged_ : bool
        Whether the solver estimates that no more than `tol` remains to be gained.
    n_iter_ : int
        Accepted iterates of the best fit, the start not counted.
    n_passes_ : float
        Passes over the data that the best fit made.
    lower_bound_ : float
        The objective at the end, nats per row.
    lower_bounds_ : list of float
        The objective at each iterate after the start, nats per row.
    history_ : dict of ndarray
        "objective" (nats per row), "n_passes" and "seconds" at each accepted iterate, the start included.
    solver_ : str
        Name of the solver that finished the fit.
    stop_reason_ : str
        Why it stopped.
    events_ : list of Event
        Components that lost all rows or collapsed onto a few of them, in all starts, and what was done: see
        :class:`~skmix.estimators.events.Event`. In the best fit they are moved, in at most two trials, to where another
        component's split gains most, unless that is no better or all initial values are given. Empty if there are none.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where the data had names that are all strings.

    References
    ----------
    Rabiner, L. R. (1989). A tutorial on hidden Markov models and selected applications in speech recognition. Proc.
    IEEE 77, 257–286. doi:10.1109/5.18626

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import HiddenMarkovModel
    >>> counts = np.array([1, 0, 2, 1, 9, 8, 11, 9, 1, 0, 1.0])[:, np.newaxis]
    >>> model = HiddenMarkovModel(n_components=2, family="poisson", random_state=0).fit(counts)
    >>> np.sort(model.rates_.ravel()).round()
    array([1., 9.])
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **BaseHMM._parameter_constraints,
        "family": [StrOptions(set(FAMILIES))],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "prior": [StrOptions({"data"}), None],
        "components_init": [Mapping, None],
        "components_fixed": ["boolean", "array-like"],
    }

    def __init__(
        self,
        n_components=1,
        *,
        family="gaussian-diag",
        solver="auto",
        tol=1e-6,
        reg_covar=1e-6,
        prior=None,
        max_iter=500,
        n_init=1,
        init_params="kmeans",
        search=None,
        start="free",
        startprob_init=None,
        transmat_init=None,
        startprob_prior=1.0,
        transmat_prior=1.0,
        transmat_fixed=None,
        transmat_tied=None,
        components_init=None,
        components_fixed=False,
        algorithm="viterbi",
        random_state=None,
        warm_start=False,
        n_jobs=None,
        verbose=0,
        verbose_interval=10,
    ):
        self.n_components = n_components
        self.family = family
        self.solver = solver
        self.tol = tol
        self.reg_covar = reg_covar
        self.prior = prior
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.search = search
        self.start = start
        self.startprob_init = startprob_init
        self.transmat_init = transmat_init
        self.startprob_prior = startprob_prior
        self.transmat_prior = transmat_prior
        self.transmat_fixed = transmat_fixed
        self.transmat_tied = transmat_tied
        self.components_init = components_init
        self.components_fixed = components_fixed
        self.algorithm = algorithm
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    def _family_name(self) -> str:
        return self.family

    @property
    def _component_attributes(self) -> tuple[str, ...]:  # type: ignore[override]
        fitted = getattr(self, "_fitted_model", None)
        return FAMILIES[fitted[0] if fitted else self.family].attributes

    @property
    def _dtypes(self) -> tuple[type, ...]:  # type: ignore[override]
        return FAMILIES[self.family].dtypes

    def _fixed_names(self) -> tuple[str, str]:
        return "components_fixed", "components_init"

    def _make_family(self, X: np.ndarray, weight: np.ndarray | None, units: Units) -> Family:
        family = super()._make_family(X, weight, units)
        if self.warm_start and hasattr(self, "converged_"):  # which may have seen levels that these data lack
            return family.covering(self._public(self._component_attributes))
        return family

    def _family_at_hand(self) -> Any:
        family: Any = FAMILIES[getattr(self, "_fitted_model", (self.family,))[0]]
        return family.of_public(self._public(family.attributes)) if hasattr(self, "transmat_") else family()

    def _starts(self, objective: Any) -> list[Any]:
        self._check_components(objective.model.family, objective.rows.n_features)
        return super()._starts(objective)

    def _check_components(self, family: Family, n_features: int) -> None:
        """Refuse initial values of another shape than the family's, or such as it cannot have."""
        given, units = self._given_components(n_features), Units.identity(n_features)
        own = family.publish(family.reference(self.n_components, n_features), units)
        for attribute, value in given.items():
            name = f"components_init[{attribute.removesuffix('_')!r}]"
            check_shape(name, value, own[attribute].shape)
        published = family.publish(family.adopt({**own, **given}, units), units)
        for attribute, value in given.items():
            if not np.allclose(published[attribute], value, rtol=1e-6, atol=0.0):
                raise ValueError(
                    f"components_init[{attribute.removesuffix('_')!r}] has values that family={self.family!r} cannot "
                    f"have, such as {value.flat[np.argmax(np.abs(published[attribute] - value))]:g}."
                )

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        given = {}
        for name, value in (self.components_init or {}).items():
            if f"{name}_" not in self._component_attributes:
                known = sorted(attribute.removesuffix("_") for attribute in self._component_attributes)
                raise ValueError(
                    f"components_init has {name!r}, but the parameters of family={self.family!r} are {known}."
                )
            value = np.asarray(value, dtype=np.float64)
            given[f"{name}_"] = check_shape(f"components_init[{name!r}]", value, value.shape)
        return given

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        family = FAMILIES.get(self.family)  # which nobody may have checked yet
        tags.input_tags.positive_only = family is not None and family.positive_only
        return tags
