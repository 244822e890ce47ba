"""Standard errors from the observed information, or from the sandwich of it and the scores."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri
from sklearn.exceptions import ConvergenceWarning

from skmix.inference.fitted import Fitted, look_again
from skmix.likelihood.differentiate import along
from skmix.likelihood.objective import Objective, Point

_KINDS = ("observed", "sandwich")
_ONE_ROW = 1.0  # information, in complete rows, below which a direction counts as near-singular
_NO_INFORMATION = 1e-9  # eigenvalue per row up to which there is none: Hessian products are exact to about 1e-11
_ALONG = 1e-6  # part of a parameter's motion along directions without information that leaves it no standard error
_FAR = 0.3  # standard errors between the fit and the optimum that are worth a warning
_AT_BOUNDARY = 1e-80  # a square root of a probability this small is nearer to 0 than complex steps can tell


@dataclass(frozen=True)
class StandardErrors:
    """Standard errors of fitted parameters, and the information they come from.

    Parameters
    ----------
    estimates : dict of str to ndarray
        The fitted attributes.
    standard_errors : dict of str to ndarray
        Their standard errors, by the same names, of the same shapes, in the same units. NaN where the data have no
        positive information on a parameter; 0 where it cannot vary or lies on the boundary.
    covariance : ndarray of shape (n_coordinates, n_coordinates)
        Covariance of the coordinates (the component frame about the fit), as far as there is information.
    jacobian : dict of str to ndarray
        Derivatives of each attribute in the coordinates, of shape (..., n_coordinates).
    eigenvalues : ndarray
        Those of the observed information per row, in units of the complete data's, from the lowest on; 1 − ρ, with ρ
        the rates at which EM converges. What the coordinates repeat and what lies on the boundary is left out.
    singular : int
        How many of them tell less than a single complete row would: directions that the data do not determine.
    distance : float
        About how many standard errors the fit is from the optimum: √(gᵀ I⁻¹ g), g the gradient.
    kind : str
        "observed" or "sandwich".
    """

    estimates: dict[str, np.ndarray]
    standard_errors: dict[str, np.ndarray]
    covariance: np.ndarray
    jacobian: dict[str, np.ndarray]
    eigenvalues: np.ndarray
    singular: int
    distance: float
    kind: str

    def covariance_of(self, *names):
        """Covariance matrix of the entries of some attributes.

        Parameters
        ----------
        *names : str
            Attributes: ``covariance_of("weights_", "means_")``.

        Returns
        -------
        covariance : ndarray of shape (n_entries, n_entries)
            The entries of the first attribute in the order of its ``ravel()``, then those of the next. Only meaningful
            for entries whose standard errors are not NaN.
        """
        size = len(self.covariance)
        J = np.concatenate([self.jacobian[name].reshape(-1, size) for name in names])
        return J @ self.covariance @ J.T

    def confidence_intervals(self, level=0.95):
        """Normal (Wald) intervals: estimate ± quantile × standard error.

        Parameters
        ----------
        level : float, default=0.95
            Their coverage, between 0 and 1, if estimates were normally distributed.

        Returns
        -------
        intervals : dict of str to ndarray
            Of shape (2, ...): lower and upper ends. They may leave the range of a parameter.
        """
        half = ndtri(0.5 + 0.5 * check_level(level))
        return {
            name: np.stack([self.estimates[name] - half * error, self.estimates[name] + half * error])
            for name, error in self.standard_errors.items()
        }

    def to_frame(self):
        """A row for each entry of each attribute.

        Returns
        -------
        frame : pandas.DataFrame
            Columns: parameter, index (a tuple), estimate, standard_error.

        Raises
        ------
        ImportError
            If pandas is missing.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("StandardErrors.to_frame needs pandas, install it by: pip install pandas.") from error
        entries = ((name, index) for name, value in self.estimates.items() for index in np.ndindex(value.shape))
        return pd.DataFrame(
            [
                {
                    "parameter": name,
                    "index": index,
                    "estimate": float(self.estimates[name][index]),
                    "standard_error": float(self.standard_errors[name][index]),
                }
                for name, index in entries
            ]
        )


def standard_errors(
    estimator, X, sample_weight=None, *, kind="observed", sequence_id=None, lengths=None
) -> StandardErrors:
    """Standard errors of a fitted mixture or hidden Markov model.

    The observed information I is minus the Hessian of the log-likelihood at the fit, made of as many exact Hessian
    products as there are coordinates, each about as dear as an EM iteration. I⁻¹ is the covariance of the coordinates
    if the model is true; the sandwich I⁻¹ (Σ_n s_n s_nᵀ) I⁻¹ also if it is not, s_n being the scores of independent
    rows or sequences about their mean. The delta method makes of it standard errors of the fitted attributes.

    Parameters
    ----------
    estimator : fitted mixture or hidden Markov model
        Any of skmix's, except :class:`~skmix.VariationalGaussianMixture`. The nearer to the optimum the better: fit
        with a small `tol`.
    X : array-like of shape (n_samples, n_features)
        The rows that it was fitted to; NaN marks a missing value.
    sample_weight : array-like of shape (n_samples,), default=None
        The weights of that fit. A weight counts as so many equal rows (for hidden Markov models: sequences).
    kind : {"observed", "sandwich"}, default="observed"
        The inverse of the observed information, or the sandwich.
    sequence_id : array-like of shape (n_samples,), default=None
        Which sequence each row belongs to; for hidden Markov models.
    lengths : array-like of int of shape (n_sequences,), default=None
        Lengths of the sequences, in place of `sequence_id`.

    Returns
    -------
    result : StandardErrors
        With `standard_errors`, a dict by the names of the fitted attributes.

    Warns
    -----
    UserWarning
        If directions are near-singular: the data do not tell them from noise, mostly because there are too many
        components. Parameters that move along one have very large standard errors, or NaN where the information is
        not positive.
    ConvergenceWarning
        If the fit is far from the optimum, measured in standard errors.

    Raises
    ------
    TypeError
        If `estimator` is no such model.
    ValueError
        If `kind` is unknown, or a sandwich is wanted of a single sequence.

    Notes
    -----
    Where the objective has a penalty (`reg_covar`, priors on transitions), the information is that of the penalised
    objective: that of a posterior, in Bayesian terms. Scores are about their mean for its sake: at the optimum the
    penalty is what their sum differs from 0 by.

    A weight, probability or rate that is 0 lies on the boundary, where estimates are not normal. It is held there: its
    own standard error is 0, and the others are those of a model in which it is known. The same goes for what the
    estimator holds. The parameters of a component of weight 0 have no information and standard errors of NaN.

    `stationary_distribution_` of a hidden Markov model has standard errors by the delta method, too. They are NaN where
    the transitions fall into parts without a way from one to another: what happens in the long run then depends on the
    start, and jumps where a way opens.

    Standard errors belong to one labelling of the components and to one optimum; they know nothing of others.

    References
    ----------
    Louis, T. A. (1982). Finding the observed information matrix when using the EM algorithm. J. R. Statist. Soc. B 44,
    226–233. doi:10.1111/j.2517-6161.1982.tb01203.x

    Boldea, O. and Magnus, J. R. (2009). Maximum likelihood estimation of the multivariate normal mixture model. J.
    Amer. Statist. Assoc. 104, 1539–1549. doi:10.1198/jasa.2009.tm07273

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import GaussianMixture
    >>> from skmix.inference import standard_errors
    >>> X = np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]])
    >>> mixture = GaussianMixture(reg_covar=0.0).fit(X)
    >>> errors = standard_errors(mixture, X).standard_errors
    >>> bool(np.isclose(errors["means_"][0, 0], np.sqrt(2.0 / 5)))  # σ/√n
    True
    """
    if kind not in _KINDS:
        raise ValueError(f"'kind' should be one of {list(_KINDS)}, but got {kind!r}.")
    fitted = look_again(estimator, X, sample_weight, sequence_id, lengths, "standard_errors")
    objective = fitted.objective
    if kind == "sandwich" and objective.n_units == 1:
        raise ValueError(
            "kind='sandwich' compares the scores of independent sequences, and there is only one; give 'sequence_id' "
            "or 'lengths' where there are several, or take kind='observed'."
        )
    chart = objective.chart("frame", objective.at(fitted.parameters))
    point = objective.at(chart.parameters(chart.start))
    J, held = _jacobian(fitted, chart, point)
    spectrum = _Spectrum.of(
        _information(objective, chart, point, held), _free_directions(chart.idle(chart.start), held)
    )
    gradient = objective.gradient(chart, chart.start, point)
    W = objective.rows.total_weight
    distance = float(np.sqrt(W * max(0.0, gradient @ spectrum.inverse() @ gradient)))
    covariance = spectrum.inverse() / W
    if kind == "sandwich":
        scores = objective.scores(chart, chart.start, point)
        covariance = _sandwich(covariance, np.where(held, 0.0, scores), objective.unit_weight)
    errors = np.sqrt(np.maximum(np.einsum("ij,ij->i", J @ covariance, J), 0.0))
    errors[spectrum.unknown(J)] = np.nan
    singular = int(np.sum(spectrum.values * W < _ONE_ROW))
    _warn(singular, distance, spectrum.values)
    estimates = fitted.public
    return StandardErrors(
        estimates,
        _apart(errors, estimates),
        covariance,
        _apart(J, estimates),
        spectrum.values,
        singular,
        distance,
        kind,
    )


@dataclass
class _Spectrum:
    """Eigenvalues of the information per row, ascending, and eigenvectors in columns, of the directions that vary."""

    values: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, information: np.ndarray, free: np.ndarray) -> _Spectrum:
        values, vectors = np.linalg.eigh(free.T @ information @ free)
        return cls(values, free @ vectors)

    def inverse(self) -> np.ndarray:
        """Inverse of the information on the directions where it is positive, 0 on the others."""
        some = self.values > _NO_INFORMATION
        return (self.vectors[:, some] / self.values[some]) @ self.vectors[:, some].T

    def unknown(self, J: np.ndarray) -> np.ndarray:
        """Which rows of a Jacobian move along directions without positive information."""
        along_them = J @ self.vectors[:, self.values <= _NO_INFORMATION]
        return np.linalg.norm(along_them, axis=1) > _ALONG * np.linalg.norm(J, axis=1)


def _information(objective: Objective, chart: Any, point: Point, held: np.ndarray) -> np.ndarray:
    """Minus the Hessian of the objective, per row, in the coordinates that are not held: a pass for each of them."""
    H = np.zeros((len(held), len(held)))
    for j in np.flatnonzero(~held):
        product = objective.hessian_product(chart, chart.start, point, np.eye(len(held))[j])
        H[j] = np.where(held, 0.0, product)
    return -0.5 * (H + H.T)


def _jacobian(fitted: Fitted, chart: Any, point: Point) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of all public entries in the coordinates, and which coordinates are held at a boundary.

    At a boundary (a probability of 0) a coordinate moves nothing to first order.
    """

    def public(parameters: Any) -> np.ndarray:
        return np.concatenate([value.ravel() for value in fitted.public_of(parameters).values()])

    tangents = [along(chart.parameters, (chart.start, v)) for v in np.eye(len(chart.start))]
    columns = [along(public, (point.parameters, tangent)) for tangent in tangents]
    J = np.stack(columns, axis=1) if columns else np.zeros((len(public(point.parameters)), 0))
    return J, np.array([_largest(tangent) < _AT_BOUNDARY for tangent in tangents], dtype=bool)


def _largest(tree: Any) -> float:
    """The largest absolute value in a tuple of tuples of arrays."""
    if isinstance(tree, tuple):
        return max(map(_largest, tree))
    return float(np.abs(tree).max(initial=0.0))


def _free_directions(idle: np.ndarray, held: np.ndarray) -> np.ndarray:
    """An orthonormal basis, in columns, of the directions that change parameters: not idle, and not held."""
    idle = idle[~held]
    idle = idle[:, np.linalg.norm(idle, axis=0) > 0.5]  # others consist of what is held, but for rounding
    basis = np.linalg.qr(idle, mode="complete")[0][:, idle.shape[1] :]
    return np.eye(len(held))[:, ~held] @ basis


def _sandwich(inverse: np.ndarray, scores: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The sandwich covariance, from the inverse of the total information and the scores of independent units."""
    scores = scores - np.average(scores, axis=0, weights=weight)
    influence = scores @ inverse
    return (influence.T * weight) @ influence


def _apart(values: np.ndarray, like: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values of all entries, one behind the other on the first axis, by the names and shapes of the attributes."""
    ends = np.cumsum([value.size for value in like.values()])[:-1]
    parts = zip(like.items(), np.split(values, ends), strict=True)
    return {name: part.reshape(*value.shape, *values.shape[1:]) for (name, value), part in parts}


def _warn(singular: int, distance: float, eigenvalues: np.ndarray) -> None:
    if singular:
        none = int(np.sum(eigenvalues <= _NO_INFORMATION))
        saddle = bool(np.any(eigenvalues < -_NO_INFORMATION))
        warnings.warn(
            f"The information is near-singular in {singular} direction(s): the data tell less of them than one row "
            "with a known component would. Most often there are too many components, or two of them are alike; the "
            "standard errors of what moves along these directions mean nothing."
            + (f" In {none} of them it is not positive, and those standard errors are NaN." if none else "")
            + (" The fit is no maximum there: it may be a saddle point, or not have converged." if saddle else ""),
            UserWarning,
            stacklevel=3,
        )
    if distance > _FAR:
        warnings.warn(
            f"The fit is about {distance:.2g} standard errors away from the optimum, so these are not quite those of "
            "the maximum likelihood estimate; fit with a smaller 'tol' (warm_start=True goes on from here).",
            ConvergenceWarning,
            stacklevel=3,
        )


def check_level(level: Any) -> float:
    """The coverage of intervals: a number between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"'level' should be between 0 and 1, such as 0.95, but got {level!r}.")
    return float(level)
