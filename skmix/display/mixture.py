"""The data and the components of a Gaussian mixture, two features at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skmix.display.axes import axes_of
from skmix.estimators.gaussian_components import PREFIX
from skmix.families import FAMILIES

_DEVIATIONS = (1, 2)
_MOST_IN_LEGEND = 10  # components; more would hide the data
_SEARCHED = 5000  # points up to which matplotlib may look for the emptiest corner


def marginal_covariances(estimator: Any, features: tuple[int, ...]) -> np.ndarray:
    """Covariance matrices of the components over some of the features, whatever the covariance type.

    Parameters
    ----------
    estimator : fitted Gaussian mixture
    features : tuple of int
        Columns, m of them.

    Returns
    -------
    covariances : ndarray of shape (n_components, m, m)
    """
    family: Any = FAMILIES[PREFIX + estimator.covariance_type]()  # scikit-learn's mixtures have the same types
    chosen = list(features)
    matrices = family.covariance_matrices(np.asarray(estimator.covariances_), *np.shape(estimator.means_))
    return matrices[:, chosen][:, :, chosen]


def ellipse(mean: np.ndarray, covariance: np.ndarray, deviations: float) -> np.ndarray:
    """Points of the curve at a Mahalanobis distance from the mean.

    Made in units of the standard deviations, so that columns of very different scales do no harm.

    Parameters
    ----------
    mean : ndarray of shape (2,)
    covariance : ndarray of shape (2, 2)
    deviations : float
        The distance.

    Returns
    -------
    points : ndarray of shape (180, 2)
        Corners of a polygon.
    """
    scale = np.sqrt(np.diag(covariance))
    correlation = 0.0 if (scale == 0).any() else float(np.clip(covariance[0, 1] / scale[0] / scale[1], -1, 1))
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    first, other = np.cos(angle), np.sin(angle)
    second = correlation * first + np.sqrt(1 - correlation**2) * other
    return mean + deviations * scale * np.column_stack([first, second])


class MixtureDisplay:
    """Rows coloured by label, and the components as ellipses at 1 and 2 standard deviations.

    Best made by :meth:`from_estimator`.

    Parameters
    ----------
    X : ndarray of shape (n_samples, 2)
        Rows. Those with a NaN are not drawn.
    labels : ndarray of shape (n_samples,)
        The component of each row.
    weights : ndarray of shape (n_components,)
        A component of weight 0 is not drawn.
    means : ndarray of shape (n_components, 2)
        Means of the components in these two features.
    covariances : ndarray of shape (n_components, 2, 2)
        Their covariances.
    feature_names : sequence of 2 str
        Names of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    points_ : matplotlib PathCollection
        The rows.
    ellipses_ : list of matplotlib Polygon
        Two for each component: 1 standard deviation, 2 standard deviations.

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.datasets import load_old_faithful
    >>> from skmix.display import MixtureDisplay
    >>> X = load_old_faithful().data
    >>> mixture = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> display = MixtureDisplay.from_estimator(mixture, X)  # doctest: +SKIP
    """

    def __init__(self, *, X, labels, weights, means, covariances, feature_names):
        self.X = X
        self.labels = labels
        self.weights = weights
        self.means = means
        self.covariances = covariances
        self.feature_names = feature_names

    @classmethod
    def from_estimator(cls, estimator, X, *, features=(0, 1), ax=None) -> MixtureDisplay:
        """Draw rows and components of a fitted Gaussian mixture.

        Parameters
        ----------
        estimator : fitted GaussianMixture
            This package's, or scikit-learn's.
        X : array-like of shape (n_samples, n_features)
            Rows, with all the features that the mixture was fitted to.
        features : tuple of 2 int or str, default=(0, 1)
            The features to draw, by number or, where the mixture was fitted to named ones, by name.
        ax : matplotlib Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        display : MixtureDisplay
        """
        check_is_fitted(estimator)
        names = getattr(estimator, "feature_names_in_", [f"feature {i}" for i in range(estimator.n_features_in_)])
        chosen = _columns(features, list(names))
        display = cls(
            X=check_array(X, dtype=np.float64, ensure_all_finite="allow-nan")[:, chosen],
            labels=estimator.predict(X),
            weights=estimator.weights_,
            means=estimator.means_[:, chosen],
            covariances=marginal_covariances(estimator, chosen),
            feature_names=[str(names[i]) for i in chosen],
        )
        return display.plot(ax)

    def plot(self, ax=None) -> MixtureDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        display : MixtureDisplay
            This one.
        """
        ax = axes_of(ax, "MixtureDisplay")
        colours = _colours(len(self.weights))
        X, labels = np.asarray(self.X), np.asarray(self.labels)
        seen = ~np.isnan(X).any(axis=1)
        size = float(np.clip(6000 / max(1, seen.sum()), 2, 16))
        # Vector formats would store every point; a cloud of many is better kept as pixels.
        self.points_ = ax.scatter(
            *X[seen].T, c=colours[labels[seen]], s=size, alpha=0.55, linewidths=0, rasterized=len(X) > 10_000
        )
        self.ellipses_ = [
            self._draw_ellipse(ax, component, deviations, colours[component])
            for component in np.flatnonzero(np.asarray(self.weights) > 0).tolist()
            for deviations in _DEVIATIONS
        ]
        ax.autoscale_view()
        ax.set(xlabel=self.feature_names[0], ylabel=self.feature_names[1])
        if len(self.weights) <= _MOST_IN_LEGEND:
            ax.legend(loc="best" if len(X) <= _SEARCHED else "upper right")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_ellipse(self, ax, component: int, deviations: int, colour):
        from matplotlib.patches import Polygon

        inner = deviations == _DEVIATIONS[0]
        outline = Polygon(
            ellipse(self.means[component], self.covariances[component], deviations),
            closed=True,
            facecolor=(*colour[:3], 0.10),
            edgecolor=0.6 * colour[:3],  # darker than the rows beneath
            linewidth=1.8 if inner else 1.0,
            label=f"component {component}" if inner else None,
        )
        return ax.add_patch(outline)


def _columns(features, names: list[str]) -> tuple[int, int]:
    """The numbers of two features that are given by number or name."""
    try:
        first, second = (names.index(one) if isinstance(one, str) else range(len(names))[one] for one in features)
    except (ValueError, IndexError, TypeError):
        raise ValueError(
            f"features must be two features by number (0 to {len(names) - 1}) or by name. Got {features!r} instead."
        ) from None
    return first, second


def _colours(n_components: int) -> np.ndarray:
    """RGBA colours, one a component: matplotlib's ten, or as many hues as it takes."""
    import matplotlib

    if n_components <= 10:
        return matplotlib.colormaps["tab10"](np.arange(n_components))
    return matplotlib.colormaps["hsv"](np.arange(n_components) / n_components)
