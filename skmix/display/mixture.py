"""The data and the components of a mixture or hidden Markov model, a panel for each feature or pair of features."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from skmix.display import panels as draw
from skmix.display.axes import colours_of, given_axes, literal, pyplot
from skmix.display.emissions import Emissions, model_of
from skmix.display.features import names_of, number_of
from skmix.inference.fitted import sequences_of

KINDS = ("ellipses", "density", "responsibilities")
_MOST_IN_LEGEND = 10  # components; more would hide the data
_SEARCHED = 5000  # points up to which matplotlib may look for the emptiest corner
_MOST_FEATURES = 4  # that are drawn against each other where none are named
_MARGIN, _BEYOND = 0.05, 0.3  # of the spread of a feature: around the rows, and as far as ellipses may widen that
_LARGER = 3.0  # a row of which nothing is known has so much more area than one that is certain


class MixtureDisplay:
    """Rows and components of a fitted model: ellipses, densities or responsibilities, feature by feature.

    Best made by :meth:`from_estimator`. A component, or a state of a hidden Markov model, has the same colour on all
    panels.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows. A panel leaves out those with a NaN in its features.
    labels : ndarray of shape (n_samples,)
        The component or state of each row.
    responsibilities : ndarray of shape (n_samples, n_components)
        The probability of each component or state for each row.
    emissions : Emissions
        The component densities.
    panels : list of tuple of int
        Features of each panel: one for a histogram, two for a picture of rows.
    feature_names : sequence of str
        Names of all features.
    kind : {"ellipses", "density", "responsibilities"}, default="ellipses"
        What is drawn.
    triangle : bool, default=False
        Whether the panels are the lower triangle of a scatter-plot matrix, row by row; otherwise they stand side by
        side.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Those of the first panel.
    axes_ : list of matplotlib Axes
        One a panel.
    figure_ : matplotlib Figure
    points_ : list of matplotlib PathCollection
        The rows, for each panel of two features.
    ellipses_ : list of matplotlib Polygon
        Two for each panel of two features and component: 1 standard deviation, 2 standard deviations.
    contours_ : list of matplotlib QuadContourSet
        One for each panel of two features.
    lines_ : list of matplotlib Line2D
        For each panel of one feature the density, and then that of each component.
    legend_ : matplotlib Legend or None
        None with more than 10 components.

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.datasets import load_old_faithful
    >>> from skmix.display import MixtureDisplay
    >>> X = load_old_faithful().data
    >>> mixture = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> display = MixtureDisplay.from_estimator(mixture, X)  # doctest: +SKIP
    """

    def __init__(
        self, *, X, labels, responsibilities, emissions, panels, feature_names, kind="ellipses", triangle=False
    ):
        self.X = X
        self.labels = labels
        self.responsibilities = responsibilities
        self.emissions = emissions
        self.panels = panels
        self.feature_names = feature_names
        self.kind = kind
        self.triangle = triangle

    @classmethod
    def from_estimator(
        cls, estimator, X, *, kind=None, features=None, feature_names=None, sequence_id=None, lengths=None, ax=None
    ) -> MixtureDisplay:
        """Draw rows and components of a fitted mixture or hidden Markov model.

        Parameters
        ----------
        estimator : fitted mixture or hidden Markov model
            This package's, scikit-learn's mixtures, or a search over either, such as a fitted MixtureClustering.
        X : array-like of shape (n_samples, n_features)
            Rows, with all the features that the model was fitted to.
        kind : {"ellipses", "density", "responsibilities"}, default=None
            "ellipses" has rows coloured by their most probable component, and each component at 1 and 2 standard
            deviations of its mean. "density" has the regions in which the density of the model is highest, with 25, 50,
            75 and 95 % of its mass. On "responsibilities" the colours of rows are mixed by the probabilities of the
            components given all features, and rows are the larger the less certain these are. None takes "ellipses", or
            "responsibilities" for zeros and ones or codes, which have no others.

            A feature on its own has its histogram and densities, by "responsibilities" the bars are shared out among
            the components. Whole numbers are drawn a little apart, so that equal rows can be seen.
        features : int, str, or list of these or of pairs of them, default=None
            The features to draw, by number or name. One has a histogram; two are drawn against each other, so is each
            of a list of pairs; three or more make a scatter-plot matrix. None takes all, of more than four the first
            four.
        feature_names : sequence of str, default=None
            Names of all features; None takes those that the model was fitted to.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to, for a hidden Markov model. Its states are taken as frequent as they are
            in `X`.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.
        ax : matplotlib Axes or list of them, default=None
            Axes to draw on, one for each panel; new ones where None.

        Returns
        -------
        display : MixtureDisplay

        Raises
        ------
        ValueError
            If `kind` is unknown or not for these data, a feature does not exist, `ax` are not one for each panel, or
            sequences are given to a mixture.
        TypeError
            If `estimator` is no mixture and no hidden Markov model.
        ImportError
            If matplotlib is missing.
        """
        if kind not in (None, *KINDS):
            raise ValueError(f"kind must be one of {list(KINDS)} or None. Got {kind!r} instead.")
        model = model_of(estimator, cls.__name__)
        sequences = sequences_of(model, sequence_id, lengths)
        fitted = getattr(estimator, "best_estimator_", estimator)
        emissions = Emissions.of(model, X, sequences)
        if not emissions.ordered and kind not in (None, "responsibilities"):
            raise ValueError(
                f"kind={kind!r} needs features whose values are more and less, but those of {type(model).__name__} are "
                "categories; take kind='responsibilities'."
            )
        rows = np.asarray(model._check_data(X, reset=False), dtype=np.float64)
        names = names_of(feature_names, model, rows.shape[1])
        panels, triangle = _panels(features, names)
        display = cls(
            X=rows,
            labels=fitted.predict(X, **sequences),
            responsibilities=fitted.predict_proba(X, **sequences),
            emissions=emissions,
            panels=panels,
            feature_names=names,
            kind=kind or ("ellipses" if emissions.ordered else "responsibilities"),
            triangle=triangle,
        )
        return display.plot(ax)

    def plot(self, ax=None) -> MixtureDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or list of them, default=None
            Axes to draw on, one for each panel; new ones where None.

        Returns
        -------
        display : MixtureDisplay
            This one.
        """
        self.axes_ = self._new_axes() if ax is None else given_axes(ax, len(self.panels))
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.points_: list[Any] = []
        self.ellipses_: list[Any] = []
        self.contours_: list[Any] = []
        self.lines_: list[Any] = []
        weights = np.bincount(self.emissions.group, self.emissions.weights)
        self._colours, self._drawn = colours_of(len(weights)), np.flatnonzero(weights > 0)
        for columns, axes in zip(self.panels, self.axes_, strict=True):
            (self._draw_feature if len(columns) == 1 else self._draw_pair)(axes, list(columns))
            axes.set(**self._limits_and_names(columns))
            if not self.emissions.ordered:
                axes.xaxis.get_major_locator().set_params(integer=True)
                axes.yaxis.get_major_locator().set_params(integer=len(columns) == 2)
        self.legend_ = self._draw_legend(outside=ax is None) if len(self._colours) <= _MOST_IN_LEGEND else None
        if self.triangle and ax is None:
            self._tidy()
        return self

    # ---- one panel ------------------------------------------------------------------------------------------------
    def _draw_pair(self, ax: Any, columns: list[int]) -> None:
        seen = ~np.isnan(self.X[:, columns]).any(axis=1)
        colours, sizes = self._colours[self.labels[seen]], np.ones(1)
        if self.kind == "responsibilities":
            colours = np.clip(self.responsibilities[seen] @ self._colours, 0.0, 1.0)
            sizes = 1.0 + (_LARGER - 1.0) * _uncertainty(self.responsibilities[seen])
        if self.kind == "density":
            limits = [self._limits(column) for column in columns]
            self.contours_.append(draw.draw_contours(ax, self.emissions, columns, limits))
        self.points_.append(draw.draw_rows(ax, self.X[seen][:, columns], colours, sizes, self.emissions.whole))
        if self.kind == "ellipses":
            means, covariances = self.emissions.moments(columns)
            for component in np.flatnonzero(self.emissions.weights > 0):
                colour = self._colours[self.emissions.group[component]]
                for deviations in draw.DEVIATIONS:
                    points = draw.ellipse(means[component], covariances[component], deviations)
                    inner = deviations == draw.DEVIATIONS[0]
                    self.ellipses_.append(draw.draw_ellipse(ax, points, colour, inner))

    def _draw_feature(self, ax: Any, columns: list[int]) -> None:
        (column,) = columns
        x, limits = self.X[:, column], self._limits(column)
        seen = ~np.isnan(x)
        shares = self.responsibilities[seen] if self.kind == "responsibilities" else None
        draw.draw_histogram(ax, x[seen], limits, self.emissions.whole, shares, self._colours)
        self.lines_ += draw.draw_densities(ax, self.emissions, column, limits, self._colours, self._drawn)

    def _limits(self, column: int) -> tuple[float, float]:
        """Ends of a feature's axis: those of the rows, widened for ellipses, but only so much."""
        x = self.X[~np.isnan(self.X[:, column]), column]
        some = self.emissions.weights > 0
        means, covariances = (one[some, ..., 0] for one in self.emissions.moments([column]))
        reach = draw.DEVIATIONS[-1] * np.sqrt(covariances[:, 0]) * (self.kind != "responsibilities")
        low, high = float((means - reach).min()), float((means + reach).max())
        if len(x):
            least, most = float(x.min()), float(x.max())
            spread = most - least
            low = min(least, max(low, least - _BEYOND * spread))
            high = max(most, min(high, most + _BEYOND * spread))
        margin = _MARGIN * (high - low) or 0.5 * abs(low) or 0.5
        return (low - margin, high + margin) if not self.emissions.whole else (min(low, 0.0) - 0.6, high + 0.6)

    def _limits_and_names(self, columns: tuple[int, ...]) -> dict[str, Any]:
        names = [literal(str(self.feature_names[column])) for column in columns]
        if len(columns) == 1:
            whole = "probability" if self.emissions.whole else "density"
            return {"xlim": self._limits(columns[0]), "xlabel": names[0], "ylabel": whole}
        limits = [self._limits(column) for column in columns]
        return {"xlim": limits[0], "ylim": limits[1], "xlabel": names[0], "ylabel": names[1]}

    # ---- all panels -----------------------------------------------------------------------------------------------
    def _new_axes(self) -> list[Any]:
        plt, n = pyplot("MixtureDisplay"), len(self.panels)
        if not self.triangle:
            figure = plt.figure(figsize=(4.4 * n + 1.6, 4.4), layout="constrained")
            return np.ravel(figure.subplots(1, n)).tolist()
        side = _side(n)
        figure = plt.figure(figsize=(min(2.6 * side, 12.0),) * 2, layout="constrained")
        grid = figure.subplots(side, side)
        for i, j in zip(*np.triu_indices(side, 1), strict=True):
            grid[i, j].remove()
        return [grid[i, j] for i, j in zip(*np.tril_indices(side), strict=True)]

    def _tidy(self) -> None:
        """Names and numbers only at the left and at the bottom of a scatter-plot matrix."""
        side = _side(len(self.panels))
        for (i, j), ax in zip(zip(*np.tril_indices(side), strict=True), self.axes_, strict=True):
            if i < side - 1:
                ax.set_xlabel("")
                ax.tick_params(labelbottom=False)
            if j > 0:
                ax.set_ylabel("")
                ax.tick_params(labelleft=False)
            if i == j:
                ax.set_yticks([])
        self.figure_.align_labels()

    def _draw_legend(self, outside: bool) -> Any:
        from matplotlib.lines import Line2D

        noun = self.emissions.noun
        handles = [
            Line2D([], [], linestyle="", marker="o", color=self._colours[k], label=f"{noun} {k}") for k in self._drawn
        ]
        if self.triangle and outside:  # where a scatter-plot matrix is empty
            return self.figure_.legend(handles=handles, loc="upper right", frameon=False, borderaxespad=1.0)
        ax = self.axes_[-1]
        if outside:
            place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0.0, "frameon": False}
            return ax.legend(handles=handles, **place)
        return ax.legend(handles=handles, loc="best" if len(self.X) <= _SEARCHED else "upper right")


def _side(n_panels: int) -> int:
    """Rows of a lower triangle of so many panels."""
    return round((np.sqrt(8 * n_panels + 1) - 1) / 2)


def _uncertainty(R: np.ndarray) -> np.ndarray:
    """How little the largest responsibility tells, from 0 (all) to 1 (all are equal)."""
    K = R.shape[1]
    return (1.0 - R.max(axis=1)) * K / max(1, K - 1)


def _panels(features: Any, names: list[str]) -> tuple[list[tuple[int, ...]], bool]:
    """The features of each panel, and whether the panels form a triangle."""
    if features is None:
        features = list(range(min(len(names), _MOST_FEATURES)))
    single = isinstance(features, (str, Integral))
    try:
        asked = [features] if single else list(features)
        if asked and all(not isinstance(one, (str, Integral)) and len(one) == 2 for one in asked):
            return [(number_of(a, names), number_of(b, names)) for a, b in asked], False
        numbers = [number_of(one, names) for one in asked]
    except (ValueError, IndexError, TypeError):
        numbers = []
    if not numbers:
        raise ValueError(
            f"features must be numbers (0 to {len(names) - 1}) or names of features, or pairs of them. "
            f"Got {features!r} instead."
        )
    if len(numbers) <= 2:
        return [tuple(numbers)], False
    rows, columns = np.tril_indices(len(numbers))
    cells = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(numbers[i],) if i == j else (numbers[j], numbers[i]) for i, j in cells], True
