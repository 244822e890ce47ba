"""Bayesian mixtures of Gaussians, fitted by variational Bayes."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, cast

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmix.estimators.checks import check_shape
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.estimators.mixture import BaseMixture
from skmix.families import FAMILIES
from skmix.families.base import Family
from skmix.families.variational_gaussian import NormalWishart, VariationalGaussian, variational
from skmix.latent.variational_weights import WEIGHT_PRIORS, VariationalWeights
from skmix.likelihood.blocks import Rows
from skmix.likelihood.model import Model
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Workspace
from skmix.likelihood.units import Units
from skmix.solvers.result import Ending, Trace

_PREFIX = "gaussian-"
_COVARIANCE_TYPES = {name.removeprefix(_PREFIX) for name in FAMILIES if name.startswith(_PREFIX)}
_LEAST_VARIANCE = 1e-10  # of the data's covariance in any direction, in standardised units, to serve as a prior


class VariationalGaussianMixture(BaseMixture):
    """Bayesian Gaussian mixture, fitted by variational Bayes: the posterior of weights, means and precisions.

    A drop-in for :class:`sklearn.mixture.BayesianGaussianMixture` with missing values, sample weights, `solver`,
    parallel restarts, and responsibilities as a transformer. Components that the data do not need are left with
    weights near 0.

    The model is x | k ~ N(μ_k, Λ_k⁻¹), μ_k | Λ_k ~ N(m₀, (β₀ Λ_k)⁻¹), Λ_k ~ Wishart(ν₀, P⁻¹), with a Dirichlet
    distribution or a Dirichlet process over the weights. Every solver raises the same bound on the log-evidence,

        Σ_n w_n log Σ_k exp E[log π_k N(x_n | μ_k, Λ_k⁻¹)] − KL(q(π) ‖ p(π)) − Σ_k KL(q(μ_k, Λ_k) ‖ p(μ_k, Λ_k)),

    in which expectations are over the posterior q: see `elbo_`.

    Parameters
    ----------
    n_components : int, default=1
        The number K of components at most.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        Each component has its own covariance matrix, all share one, each has its own diagonal one, or each has a
        single variance. The prior is that of full matrices; it is their posterior that is restricted.
    solver : str or Solver instance, default="em"
        The optimiser, see :mod:`skmix.solvers`. "em" is coordinate ascent, "squarem" and "anderson" accelerate it, and
        "online-em" updates the posterior many times a pass. Solvers that need gradients are refused.
    tol : float, default=1e-6
        A solver stops when it estimates that no more than this, in nats per row, can still be gained. In scikit-learn
        `tol` is the gain of the last step, in nats.
    reg_covar : float, default=1e-6
        A variance, in squared units of the data, that each row is taken to be measured with: it is added to the
        covariance of each component's rows, as in scikit-learn, and −½ reg_covar Σ_nk w_n r_nk tr E[Λ_k] to the bound.
    max_iter : int, default=500
        Most iterations, counted in accepted iterates.
    n_init : int, default=1
        Number of starts; the fit with the highest bound is kept.
    init_params : str, array-like or fitted estimator, default="kmeans"
        The start: "kmeans" (clusters of k-means; merged small ones where they are elongated), "k-means++" (rows
        nearest to seeds), "hierarchical" (agglomeration, the same for any seed), "random" (responsibilities) or
        "random_from_data" (rows nearest to random rows); distances are between standardised features. Or labels of the
        rows, (n_samples,), -1 for any component; or responsibilities, (n_samples, n_components); or a fitted mixture
        or clusterer, see :mod:`skmix.initialize.starts`.
    search : str, Search instance or None, default=None
        What is done to each start before the solver climbs: "short-runs", "random-swap", "split-merge", "annealing",
        "overfit-merge" or an instance of one, see :mod:`skmix.initialize`; None for nothing.
    weight_concentration_prior_type : {"dirichlet_process", "dirichlet_distribution"}, default="dirichlet_process"
        The prior of the weights: a Dirichlet process, of which the first K components are kept, or a Dirichlet
        distribution over K components.
    weight_concentration_prior : float, default=None
        The concentration of that prior, γ of the process or α₀ of each component; 1 / K if None. Small values empty
        components that the data do not need.
    mean_precision_prior : float, default=None
        The prior's precision β₀, in rows: so many rows at `mean_prior` would say as much about a mean; 1 if None.
    mean_prior : array-like of shape (n_features,), default=None
        The prior's mean m₀; the mean of X if None.
    degrees_of_freedom_prior : float, default=None
        The prior's degrees of freedom ν₀, in rows, more than n_features − 1; n_features if None.
    covariance_prior : float or array-like, default=None
        The prior's scatter P, that of ν₀ rows: (n_features, n_features) if full or tied, (n_features,) if diag, or a
        number if spherical. If None, the covariance of X; where that is singular, `reg_covar` is added to its diagonal.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts and of :meth:`sample`.
    warm_start : bool, default=False
        Start from the posterior of the last fit. `n_init` is then ignored.
    n_jobs : int, default=None
        Starts that are fitted at the same time, by threads. The result does not depend on it.
    verbose : int, default=0
        1 prints iteration numbers, 2 also the bound, its gain and times.
    verbose_interval : int, default=10
        Iterations between two lines.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Posterior means of the weights; of a Dirichlet process products of the sticks' means, normalised.
    means_ : ndarray of shape (n_components, n_features)
        Posterior means of the means.
    covariances_ : ndarray
        Inverses of the posterior means of the precisions, of shape (n_components, n_features, n_features) if full,
        (n_features, n_features) if tied, (n_components, n_features) if diag, (n_components,) if spherical.
    precisions_ : ndarray
        Posterior means of the precisions, shaped likewise.
    precisions_cholesky_ : ndarray
        Upper-triangular U with precision = U Uᵀ (diag, spherical: inverse standard deviations), shaped likewise.
    weight_concentration_ : ndarray of shape (n_components,) or tuple of two such
        Parameters of the weights' posterior: of the Dirichlet distribution, or (a, b) of each stick's Beta.
    mean_precision_ : ndarray of shape (n_components,)
        β of the means' posteriors, in rows.
    degrees_of_freedom_ : ndarray of shape (n_components,), or float if tied
        ν of the precisions' posteriors, in rows.
    weight_concentration_prior_ : float
        The concentration of the weights' prior.
    mean_precision_prior_ : float
        β₀.
    mean_prior_ : ndarray of shape (n_features,)
        m₀.
    degrees_of_freedom_prior_ : float
        ν₀.
    covariance_prior_ : ndarray of shape (n_features, n_features), ndarray of shape (n_features,) or float
        P, in the shape of `covariance_prior`.
    labels_ : ndarray of shape (n_samples,)
        The most probable component of each row of the training data, or its label where one was given.
    converged_ : bool
        Whether the solver estimates that no more than `tol` remains to be gained.
    n_iter_ : int
        Accepted iterates of the best fit, the start not counted.
    n_passes_ : float
        Passes over the data that the best fit made.
    elbo_ : float
        The bound on the log-evidence at the end, with all constants: nats, total. Comparable between models.
    lower_bound_ : float
        The same without the terms that depend on the priors and the number of rows alone: what scikit-learn's attribute
        of this name converges to. Nats, total.
    lower_bounds_ : list of float
        `lower_bound_` at each iterate after the start.
    history_ : dict of ndarray
        "objective" (`elbo_` in nats per row), "n_passes" and "seconds" at each accepted iterate, the start included.
    solver_ : str
        Name of the solver that finished the fit.
    stop_reason_ : str
        Why it stopped.
    events_ : list
        Empty: components without rows are what the prior is there for.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where the data had names that are all strings.

    Notes
    -----
    :meth:`score_samples` is, as in scikit-learn, the logarithm of Σ_k exp E[log π_k N(x | μ_k, Λ_k⁻¹)]. That is a lower
    bound on the expected density, and responsibilities are proportional to its terms.

    scikit-learn adds `reg_covar` in the M-step only; here it is part of the bound, so no step lowers that. Up to
    `reg_covar` times the precisions, steps are the same; with ``reg_covar=0`` they are the same to rounding.

    A row counts in full in `mean_precision_` and `degrees_of_freedom_` however little of it is observed: missing
    entries are taken to be independent of the parameters, and the posterior is the more too narrow the more is missing.

    References
    ----------
    Attias, H. (2000). A variational Bayesian framework for graphical models. NeurIPS 12, 209–215.

    Bishop, C. M. (2006). Pattern Recognition and Machine Learning, section 10.2. Springer.

    Blei, D. M. and Jordan, M. I. (2006). Variational inference for Dirichlet process mixtures. Bayesian Analysis 1,
    121–143. doi:10.1214/06-BA104

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import VariationalGaussianMixture
    >>> X = np.random.default_rng(0).normal(size=(100, 2)) + np.repeat([[0, 0], [8, 8]], 50, axis=0)
    >>> X[0, 1] = np.nan
    >>> mixture = VariationalGaussianMixture(n_components=5, random_state=0).fit(X)
    >>> int(np.sum(mixture.weights_ > 0.05))
    2
    >>> mixture.predict([[8, np.nan]]) == mixture.labels_[-1]
    array([ True])
    """

    _component_attributes = ("means_", "precisions_cholesky_", "mean_precision_", "degrees_of_freedom_")
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{name: rule for name, rule in BaseMixture._parameter_constraints.items() if "weights" not in name},
        "covariance_type": [StrOptions(_COVARIANCE_TYPES)],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "weight_concentration_prior_type": [StrOptions(set(WEIGHT_PRIORS))],
        "weight_concentration_prior": [Interval(Real, 0.0, None, closed="neither"), None],
        "mean_precision_prior": [Interval(Real, 0.0, None, closed="neither"), None],
        "mean_prior": ["array-like", None],
        "degrees_of_freedom_prior": [Interval(Real, 0.0, None, closed="neither"), None],
        "covariance_prior": ["array-like", Interval(Real, 0.0, None, closed="neither"), None],
    }

    def __init__(
        self,
        n_components=1,
        *,
        covariance_type="full",
        solver="em",
        tol=1e-6,
        reg_covar=1e-6,
        max_iter=500,
        n_init=1,
        init_params="kmeans",
        search=None,
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=None,
        mean_precision_prior=None,
        mean_prior=None,
        degrees_of_freedom_prior=None,
        covariance_prior=None,
        random_state=None,
        warm_start=False,
        n_jobs=None,
        verbose=0,
        verbose_interval=10,
    ):
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.solver = solver
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.search = search
        self.weight_concentration_prior_type = weight_concentration_prior_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.mean_prior = mean_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    # ---- the model ------------------------------------------------------------------------------------------------
    def _family_name(self) -> str:
        return _PREFIX + self.covariance_type

    def _make_family(self, X: np.ndarray, weight: np.ndarray | None, units: Units) -> Family:
        """The family without its prior, which takes the data."""
        # A penalty of `reg_covar` for each row of a component, in place of one for each component.
        eps = float(np.finfo(X.dtype).eps)
        return variational(self._family_class().with_penalty(self.reg_covar, units, 1.0, 1, eps))

    def _family_at_hand(self) -> Family:
        return variational(super()._family_at_hand())

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        return {}

    def _given(self, n_features: int) -> dict[str, np.ndarray]:
        return {}

    def _weight_prior(self) -> VariationalWeights:
        """The weights' prior, as the parameters say."""
        concentration = self.weight_concentration_prior
        kind = WEIGHT_PRIORS[self.weight_concentration_prior_type]
        return kind(1.0 / self.n_components if concentration is None else concentration)

    def _make_latent(self) -> VariationalWeights:
        """The weights' prior that was fitted, whatever the parameters say by now."""
        fitted = getattr(self, "_fitted_weight_prior", None)
        return WEIGHT_PRIORS[fitted](self.weight_concentration_prior_) if fitted else self._weight_prior()

    def _latent_at_hand(self) -> VariationalWeights:
        return self._make_latent()

    def _objective(self, X: np.ndarray, weight: np.ndarray | None, labels: np.ndarray | None = None) -> Objective:
        without = super()._objective(X, weight, labels)
        family, rows = cast(VariationalGaussian, without.model.family), without.rows
        model = Model(variational(family.inner, self._component_prior(family, rows)), self._weight_prior())
        return Objective(model, rows, without.threads)

    def _component_prior(self, family: VariationalGaussian, rows: Rows) -> NormalWishart:
        """The prior of means and precisions, in standardised units."""
        d, units, degrees = rows.n_features, rows.units, self.degrees_of_freedom_prior
        degrees = float(d if degrees is None else degrees)
        if degrees <= d - 1:
            raise ValueError(
                f"The parameter 'degrees_of_freedom_prior' should be greater than n_features - 1 = {d - 1}, but got "
                f"{degrees:g}; a Wishart distribution does not exist below. None stands for n_features."
            )
        mean, covariance = _observed_moments(rows)
        if self.mean_prior is not None:
            mean = (check_shape("mean_prior", self.mean_prior, (d,)) - units.centre) / units.scale
        if self.covariance_prior is not None:
            scatter = _check_covariance(family, self.covariance_prior, units)
        else:
            scatter = _definite(family, covariance, rows.has_missing)
        precision = 1.0 if self.mean_precision_prior is None else float(self.mean_precision_prior)
        return NormalWishart(mean, precision, degrees, scatter)

    def _adopt_latent(self, public: dict[str, Any]) -> Any:
        return self._make_latent().adopt(self.weight_concentration_)

    # ---- after a fit ----------------------------------------------------------------------------------------------
    def _publish(self, objective: Objective, trace: Trace, ending: Ending) -> None:
        super()._publish(objective, trace, ending)
        family, latent, rows = cast(VariationalGaussian, objective.model.family), objective.model.latent, objective.rows
        self._publish_weights(latent, ending.point.parameters.latent, rows.dtype)
        prior, units = family.prior, rows.units
        self.mean_precision_prior_ = prior.mean_precision
        self.degrees_of_freedom_prior_ = prior.degrees_of_freedom
        self.mean_prior_ = units.centre + units.scale * prior.mean
        self.covariance_prior_ = prior.covariance * family.unit(units)
        total, K, d = rows.total_weight, len(self.weights_), rows.n_features
        # The log-determinant of P grows with the units, and the bound with it.
        log_unit = prior.degrees_of_freedom * K * float(np.log(units.scale).sum())
        constant = family.evidence_constant(K, d, total) + log_unit + latent.evidence_constant(K)
        self.elbo_ = trace.values[-1] * total
        self.lower_bounds_ = [value * total - constant for value in trace.values[1:]]
        self.lower_bound_ = self.elbo_ - constant

    def _publish_weights(self, latent: VariationalWeights, counts: np.ndarray, dtype: np.dtype) -> None:
        self.weights_ = latent.mean(counts).astype(dtype, copy=False)
        public = latent.publish(counts)
        is_tuple = isinstance(public, tuple)
        parts = tuple(np.asarray(part, dtype=dtype) for part in (public if is_tuple else (public,)))
        self.weight_concentration_ = parts if is_tuple else parts[0]
        self.weight_concentration_prior_ = latent.concentration
        self._fitted_weight_prior = self.weight_concentration_prior_type

    def _for_features(self, columns: np.ndarray) -> GaussianMixture:
        """A mixture of the effective Gaussians, their weights at their posterior means."""
        covariance_type = self._fitted_kind().removeprefix(_PREFIX)
        return GaussianMixture(len(self.weights_), covariance_type=covariance_type, random_state=self.random_state)

    def _lost(self, lost: np.ndarray) -> list[str]:
        """Say nothing: components without rows are what the prior is there for."""
        return []

    @property
    def aic(self):
        raise AttributeError("aic counts parameters, of which a posterior has none; compare `elbo_` instead.")

    @property
    def bic(self):
        raise AttributeError("bic counts parameters, of which a posterior has none; compare `elbo_` instead.")

    @property
    def icl(self):
        raise AttributeError("icl counts parameters, of which a posterior has none; compare `elbo_` instead.")


def _observed_moments(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and covariance (d, d) of the standardised rows; of pairs of observed entries where some are missing.

    A weight counts rows, so the divisor is the total weight less 1; it is held above half of the total, for weights
    that add up to little.
    """
    d, work = rows.n_features, Workspace()
    counts, first, second = np.zeros((d, d)), np.zeros(d), np.zeros((d, d))
    for index in range(len(rows)):
        block = rows.block(index, work)
        Z, mask = block.Z.astype(np.float64, copy=False), block.mask
        weight = np.ones(len(block)) if block.weight is None else block.weight
        counts += weight.sum() if mask is None else (mask * weight) @ mask.T
        first += Z @ weight
        second += (Z * weight) @ Z.T
    counts = np.where(counts > 0, counts, 1.0)
    mean = first / np.diagonal(counts)
    return mean, (second - counts * np.multiply.outer(mean, mean)) / np.maximum(counts - 1.0, 0.5 * counts)


def _definite(family: VariationalGaussian, covariance: np.ndarray, has_missing: bool) -> np.ndarray:
    """The covariance of the data in the shape of the prior's, made positive definite."""
    scatter = family.restrict(covariance)
    if has_missing and family.smallest(scatter) < _LEAST_VARIANCE:  # pairs may contradict each other
        scatter = family.restrict(np.diag(np.diagonal(covariance)))
    if family.smallest(scatter) < _LEAST_VARIANCE:
        least = np.maximum(family.inner.prior_scatter, _LEAST_VARIANCE) * np.ones(len(covariance))
        scatter = scatter + family.restrict(np.diag(least))
    return scatter


def _check_covariance(family: VariationalGaussian, value: Any, units: Units) -> np.ndarray:
    """`covariance_prior` in standardised units, of the right shape, symmetric and positive definite."""
    shape = np.shape(family.unit(units))
    covariance = check_shape("covariance_prior", value, shape) if shape else np.asarray(value, dtype=np.float64)
    if covariance.shape != shape:
        raise ValueError(f"The parameter 'covariance_prior' should be a number, but got shape {covariance.shape}")
    covariance = covariance / family.unit(units)
    symmetric = np.allclose(covariance, covariance.T)
    if not symmetric or not family.smallest(covariance) > np.finfo(np.float64).eps * np.max(covariance):
        what = "symmetric, positive-definite" if covariance.ndim > 1 else "positive"
        raise ValueError(f"The parameter 'covariance_prior' should be {what}, but got {value!r}.")
    return covariance
