"""What a family of component densities is.

A family is the parameter algebra of ``K`` densities of one form, evaluated for all components at once (component on
axis 0). It never sees the data set: it turns blocks of standardised rows into *features*, sums of features into
*statistics*, and statistics into parameters and gradients.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from skmix.likelihood.differentiate import along

if TYPE_CHECKING:
    from skmix.likelihood.blocks import Block, Rows
    from skmix.likelihood.kernels import Kernel
    from skmix.likelihood.units import Units

LARGEST_EXPONENT = 300.0  # of coordinates that are logarithms: exponentials and their squares stay finite
LEAST_SHARE = 1e-8  # a component with fewer rows than this share moves in coordinates scaled as if it had them


def shares(counts: np.ndarray) -> np.ndarray:
    """Components' shares of the observed rows, at least `LEAST_SHARE`; from expected numbers, (K,) or (K, d)."""
    total = counts.sum(axis=0).max()
    return np.maximum(counts / (total if total > 0 else 1.0), LEAST_SHARE)


class Additive:
    """A value that adds field by field; statistics of disjoint sets of rows are summed to those of their union."""

    def __add__(self, other):
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in dataclasses.fields(self))  # type: ignore[arg-type]
        return type(self)(*(a + b for a, b in pairs))

    def __mul__(self, factor: float):
        """Statistics of the same rows with `factor` times their weights."""
        return type(self)(*(getattr(self, f.name) * factor for f in dataclasses.fields(self)))  # type: ignore[arg-type]

    def total(self):
        """Sum over a leading axis (patterns of observed features)."""
        return type(self)(*(getattr(self, f.name).sum(axis=0) for f in dataclasses.fields(self)))  # type: ignore[arg-type]


class Penalty(NamedTuple):
    """What is added to the log-likelihood, as users say it.

    Attributes
    ----------
    reg_covar : float
        Strength of the penalty on small covariances, in the data's units squared.
    prior : {"data"} or None
        Whether parameters have a prior about those of the data as a whole.
    """

    reg_covar: float = 0.0
    prior: str | None = None


class Coordinates(ABC):
    """Unconstrained coordinates ``z`` for the parameters of a family or of a latent structure.

    They are all that extrapolating solvers need; :class:`Chart` adds the gradient.

    Attributes
    ----------
    start : ndarray of shape (size,)
        The coordinates of the point at which they were made.
    analytic : bool
        Whether `parameters`, and `gradient` where there is one, take complex steps: then there are Hessian products.
    """

    start: np.ndarray
    analytic: ClassVar[bool] = True

    @abstractmethod
    def parameters(self, z: np.ndarray) -> Any:
        """The parameters at ``z``: valid for every finite ``z``."""

    @abstractmethod
    def coordinates(self, parameters: Any) -> np.ndarray:
        """The inverse of `parameters`."""

    def idle(self, z: np.ndarray) -> np.ndarray:
        """Directions at ``z``, in columns of length 1, along which the parameters stay, of an analytic chart."""
        return np.zeros((len(z), 0))


class Chart(Coordinates):
    """Coordinates in which the log-likelihood has a gradient."""

    @abstractmethod
    def gradient(self, z: np.ndarray, parameters: Any, statistics: Any) -> np.ndarray:
        """The gradient of the total log-likelihood (nats) in ``z``, by Fisher's identity from ``statistics`` alone."""


class ExplicitChart(Chart):
    """Parameters as they are: first the locations (means, rates), then the rest; for solvers that take constraints.

    Attributes
    ----------
    least, most : ndarray of shape (size,)
        Bounds of the coordinates, −inf and inf where there are none; parameters are valid between them.
    locations : bool
        Whether the first coordinates are locations, of shape (K, d).
    """

    least: np.ndarray
    most: np.ndarray | float = np.inf
    locations: ClassVar[bool] = True

    @abstractmethod
    def sizes(self, statistics: Any) -> np.ndarray:
        """Lengths of steps that change the expected complete-data log-likelihood alike, for all coordinates."""


class Family(ABC):
    """K component densities of one parametric form.

    A new family is one file: subclass this, or :class:`ExponentialFamily`, and name it in ``skmix.families``.

    Attributes
    ----------
    attributes : tuple of str
        The public attributes that `adopt` reads.
    dtypes : tuple of type
        Types of data that are worked on as they are; others become the first.
    positive_only : bool
        True where no value can be negative.
    charts : dict of str to callable
        ``charts[name](family, parameters, statistics)`` gives a :class:`Chart`, or :class:`Coordinates` where the
        family has no gradient. One is called "frame".
    explicit : callable
        ``explicit(family, parameters, statistics)`` gives an :class:`ExplicitChart`.
    manifold : type
        A point of the manifold of :class:`skmix.solvers.Riemannian`, where there is one.
    independent_features : bool
        True where features are independent within a component: a missing entry then only drops its own features.
        Otherwise rows are grouped by their pattern of observed features: see :class:`DependentFeatures`.
    common_scale : bool
        True where the family survives only a scale common to all features.
    standardise : bool
        False where the data must stay in their own units (counts, codes).
    softening : float
        Part of every row that a start shares out among all components: where a component whose rows all have the same
        value could never leave it.
    locations : tuple of str
        The parameters that say where a component lies (means, rates, probabilities): what users may hold.
    has_gradient : bool
        False where the charts are mere coordinates: then only EM and its accelerations can fit it.
    measurement : {"continuous", "counts", "categories"}
        What values are: densities of the latter two are probabilities of whole numbers, and only of the first two do
        means and covariances draw a picture.
    """

    attributes: ClassVar[tuple[str, ...]] = ()
    dtypes: ClassVar[tuple[type, ...]] = (np.float64, np.float32)
    positive_only: ClassVar[bool] = False
    charts: ClassVar[dict[str, Any]] = {}
    explicit: ClassVar[Any] = None
    manifold: ClassVar[Any] = None
    independent_features: ClassVar[bool] = True
    common_scale: ClassVar[bool] = False
    standardise: ClassVar[bool] = True
    softening: ClassVar[float] = 0.0
    locations: ClassVar[tuple[str, ...]] = ()
    has_gradient: ClassVar[bool] = True
    measurement: ClassVar[str] = "continuous"

    @classmethod
    def for_rows(
        cls, X: np.ndarray, weight: np.ndarray | None, units: Units, n_components: int, penalty: Penalty
    ) -> Family:
        """The family for a fit to the rows `X` of weights (n,), with what it makes of the penalty."""
        return cls()

    @classmethod
    def of_public(cls, public: dict[str, np.ndarray]) -> Family:
        """The family of fitted public attributes."""
        return cls()

    def covering(self, public: dict[str, np.ndarray]) -> Family:
        """The family, so that it can adopt `public`, from other data perhaps."""
        return self

    # ---- towards the rows -------------------------------------------------------------------------------------
    @abstractmethod
    def row_size(self, n_components: int, n_features: int, masked: bool) -> int:
        """How many numbers a kernel forms of a row (`masked`: some entries are missing); it sizes the blocks."""

    @abstractmethod
    def kernel(self, parameters: Any, offset: np.ndarray, rows: Rows) -> Kernel:
        """The kernel that runs a pass at `parameters`, chosen for accuracy and speed on `rows`.

        `offset`, shape (K,), is added to the log-densities (the log-weights of a mixture).
        """

    @classmethod
    def check_data(cls, X: np.ndarray, caller: str) -> None:
        """Raise ValueError, in the name of the estimator `caller`, for rows that no component can have."""
        return

    def check_rows(self, X: np.ndarray, caller: str) -> None:
        """Raise ValueError for rows that no component of this very family can have, in the name of `caller`."""
        return

    def log_base(self, block: Block) -> np.ndarray | float:
        """The part of a row's log-density that no parameter touches, shape (n,): not formed in a pass."""
        return 0.0

    def isotropic(self, Z: np.ndarray) -> np.ndarray:
        """Rows in coordinates in which distances suit k-means, (n_coordinates, n)."""
        return Z

    def isotropic_features(self, n_features: int) -> np.ndarray:
        """The feature that each of those coordinates is made of, (n_coordinates,)."""
        return np.arange(n_features)

    def complete(self, parameters: Any, block: Block, R: np.ndarray) -> np.ndarray:
        """The rows of a block with missing entries at their expectations, (d, n); `R` (K, n) are responsibilities."""
        means, _ = self.location_scale(parameters)
        return np.where(block.mask > 0, block.Z, means.T @ R) if block.mask is not None else block.Z

    def draw(self, parameters: Any, block: Block, labels: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """The rows of a block with missing entries drawn given the observed ones and the row's component, (d, n)."""
        if block.mask is None:
            return block.Z
        return np.where(block.mask > 0, block.Z, self.sample_rows(parameters, labels, rng))

    def sample_rows(self, parameters: Any, labels: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """Whole rows, (d, n), each drawn from the component that its label (n,) names."""
        order = np.argsort(labels, kind="stable")
        numbers, counts = np.unique(labels, return_counts=True)
        drawn = [self.sample(parameters, int(k), int(count), rng) for k, count in zip(numbers, counts, strict=True)]
        rows = np.concatenate(drawn)
        fresh = np.empty_like(rows)
        fresh[order] = rows
        return fresh.T

    def conditionals(
        self, parameters: Any, block: Block, columns: np.ndarray
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Moments of the features `columns` (q,) in each component, given the observed values of the rows of a block.

        Yields
        ------
        rows : slice
            Which rows of the block these are, m of them.
        means : ndarray of shape (K, q, m)
            Where a value is observed, that value.
        covariances : ndarray of shape (K or 1, q, q, m or 1)
            0 where a value is observed.
        """
        means, deviations = self.location_scale(parameters)
        missing = 1.0 - (np.ones(block.Z.shape) if block.mask is None else block.mask)[columns]
        expected = block.Z[columns] * (1.0 - missing) + means[:, columns, None] * missing
        variances = np.square(deviations)[:, columns, None] * missing
        yield slice(0, len(block)), expected, variances[:, :, None] * np.eye(len(columns))[..., None]

    # ---- parameter algebra ------------------------------------------------------------------------------------
    @abstractmethod
    def reference(self, n_components: int, n_features: int) -> Any:
        """K identical components at the data's overall location and scale, in standardised units."""

    def penalise(self, statistics: Any, parameters: Any) -> Any:
        """Add the prior's pseudo-statistics, so that M-step and gradient maximise the penalised likelihood."""
        return statistics

    def log_prior(self, parameters: Any) -> float:
        """Log prior density up to a constant, in nats (total, not per row)."""
        return 0.0

    @abstractmethod
    def m_step(self, statistics: Any, parameters: Any) -> Any:
        """The maximiser of the expected complete-data log-likelihood given penalised `statistics` at `parameters`.

        A component without rows keeps its parameters.
        """

    def silence(self, statistics: Any, held: np.ndarray) -> Any:
        """Statistics by which `m_step` leaves the locations of some components, a mask (K,), where they are.

        By default those of components without rows, which keep all of their parameters.
        """
        fields = ((f.name, getattr(statistics, f.name)) for f in dataclasses.fields(statistics))
        kept = {name: np.where(held.reshape(-1, *[1] * (value.ndim - 1)), 0.0, value) for name, value in fields}
        return dataclasses.replace(statistics, **kept)

    def owners(self, parameters: Any, size: int) -> np.ndarray:
        """The component whose location each of the `size` coordinates of a chart belongs to, −1 for all others.

        Locations come first in all charts, one component behind the other.
        """
        K, d = self.location_scale(parameters)[0].shape
        return np.concatenate([np.repeat(np.arange(K), d), np.full(size - K * d, -1)])

    def n_locations(self, n_features: int) -> int:
        """The number of free parameters that are the location of one component."""
        return n_features

    def rebase(self, statistics: Any, old: Any, new: Any) -> Any:
        """Statistics formed at the parameters `old`, as they would read had they been formed at `new`.

        The responsibilities (and the distribution of missing entries) stay those of `old`. Only families whose
        statistics are relative to the parameters have something to do.
        """
        return statistics

    @abstractmethod
    def expected_log_density(self, statistics: Any, parameters: Any) -> float:
        """Σ_n w_n Σ_k r_nk log p(x_n | k), nats, up to a constant, from `statistics` formed at `parameters`."""

    @abstractmethod
    def sample(self, parameters: Any, component: int, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        """Draw rows of shape (n_samples, n_features) from one component."""

    def narrow(self, parameters: Any, columns: np.ndarray) -> tuple[Family, Any]:
        """The family and the parameters of some features alone, in the order of `columns`."""
        return self, type(parameters)(*(part[:, columns] for part in parameters))

    def given(self, parameters: Any, columns: np.ndarray, values: np.ndarray, rest: np.ndarray) -> tuple[Family, Any]:
        """The family and the parameters of the features `rest`, all others, given `values` of the features `columns`.

        The components' weights change as well, to the responsibilities.
        """
        return self.narrow(parameters, rest)

    def degenerate(self, components: Any, counts: np.ndarray) -> np.ndarray:
        """Which components, of so many rows (K,), are what the prior makes of them rather than the rows; mask (K,)."""
        return np.zeros(len(counts), dtype=bool)

    def spikes(self, components: Any, counts: np.ndarray) -> np.ndarray:
        """Nats that each row of a component gains by its having collapsed onto a few rows, (K,); 0 if it has not.

        That is how much higher its log-density at its mean is than those of the others, on average over the rows.
        """
        return np.zeros(len(counts))

    @abstractmethod
    def n_parameters(self, n_components: int, n_features: int) -> int:
        """The number of free parameters of all components."""

    @abstractmethod
    def location_scale(self, parameters: Any) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of each component and feature, (K, d) each."""

    def covariances(self, parameters: Any) -> np.ndarray:
        """Covariance matrices of the components, (K, d, d)."""
        _, deviations = self.location_scale(parameters)
        return np.square(deviations)[..., np.newaxis] * np.eye(deviations.shape[1])

    # ---- units ------------------------------------------------------------------------------------------------
    @abstractmethod
    def publish(self, parameters: Any, units: Units) -> dict[str, np.ndarray]:
        """Fitted attributes, by their public names, in the data's own units; takes complex steps."""

    @abstractmethod
    def adopt(self, public: dict[str, np.ndarray], units: Units) -> Any:
        """The inverse of `publish`: parameters in standardised units from public attributes."""


class DependentFeatures(ABC):
    """What a family adds whose features depend on each other: missing entries are expected given the observed ones.

    Rows are grouped by their pattern of observed features. A pass runs with the marginal of each pattern, and its
    statistics are lifted to those of whole rows. The last three methods are derivatives, for Hessian products; for
    them an :class:`ExponentialFamily` also gives ``natural_rate(marginal, velocity)``, the rate at which η of marginals
    changes.
    """

    independent_features: ClassVar[bool] = False

    @abstractmethod
    def marginal(self, parameters: Any, observed: np.ndarray) -> Any:
        """Parameters (P, ...) of the observed features of each of P patterns."""

    @abstractmethod
    def lift(self, statistics: Any, marginal: Any, parameters: Any) -> Any:
        """Expected complete-row statistics from those of the observed features, summed over patterns."""

    @abstractmethod
    def velocity(self, parameters: Any, tangent: Any) -> Any:
        """What the other two need to know of a tangent of the parameters."""

    @abstractmethod
    def marginal_velocity(self, marginal: Any, parameters: Any, velocity: Any) -> Any:
        """The velocity of the marginal of each pattern."""

    @abstractmethod
    def lift_along(self, statistics: Any, change: Any, marginal: Any, parameters: Any, velocity: Any) -> Any:
        """The derivative of `lift` about fixed `parameters`, the statistics changing by `change`."""


class ExponentialFamily(Family):
    """A family whose log-density is linear in features of the row: log p(x | k) = η_k·φ(x)."""

    @abstractmethod
    def n_features_out(self, n_features: int, masked: bool) -> int:
        """The length F of the feature vector φ of a row (`masked`: some entries are missing)."""

    def row_size(self, n_components: int, n_features: int, masked: bool) -> int:
        return self.n_features_out(n_features, masked)

    @abstractmethod
    def features(self, block: Block, out: np.ndarray) -> None:
        """Write φ, shape (F, rows), of the block's rows; its last row is 1."""

    @abstractmethod
    def natural(self, parameters: Any, masked: bool = False) -> np.ndarray:
        """Coefficients η of shape (..., K, F): the log-density of a row is η·φ."""

    def natural_along(self, parameters: Any, tangent: Any, masked: bool = False) -> np.ndarray:
        """The rate at which η changes as the parameters move along `tangent`."""
        return along(lambda at: self.natural(at, masked), (parameters, tangent))

    @abstractmethod
    def collect(self, sums: np.ndarray, parameters: Any, masked: bool = False) -> Any:
        """Statistics from ``sums`` of shape (..., K, F), Σ_n w_n r_nk φ(x_n), formed at `parameters`."""

    def kernel(self, parameters: Any, offset: np.ndarray, rows: Rows) -> Kernel:
        from skmix.likelihood.kernels import FeatureKernel

        return FeatureKernel(self, parameters, offset, rows)
