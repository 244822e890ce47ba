"""How far a criterion is above its least value, against the number of components, one line a covariance type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmix.display.axes import axes_of
from skmix.estimators.criteria import CRITERIA

# Okabe and Ito's colours, which the colour-blind can tell apart, without their yellow, which white paper swallows.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
_MARKERS = "osD^vP*"
_LINEAR = 10.0  # up to here the scale is linear
_TICKS = (0.0, 2.0, 6.0, 10.0, *(m * 10.0**e for e in range(1, 9) for m in (3.0, 10.0)))


class CriterionDisplay:
    """A criterion against the number of components, one line a covariance type; a ring marks the best model.

    Lower is better, and what counts is the distance to the best model: it is drawn on a scale that is linear up to 10
    and logarithmic beyond, so that a model that is out of the question does not flatten all others. Differences of BIC
    below 2 say little, above 10 much (Kass and Raftery). Best made by :meth:`from_estimator`.

    Parameters
    ----------
    values : dict of str to tuple of two array-likes
        Numbers of components and the criterion's values, by the label of their line. NaN is not drawn.
    criterion : str, default="BIC"
        Name of the criterion, for the axis.
    best : tuple of str and int, default=None
        Label and number of components of the model to mark. None takes that of the least value.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each label.
    mark_ : matplotlib Line2D
        The ring.

    References
    ----------
    Kass, R. E. and Raftery, A. E. (1995). Bayes factors. J. Amer. Statist. Assoc. 90, 773–795.
    doi:10.1080/01621459.1995.10476572

    Examples
    --------
    >>> from skmix import MixtureClustering
    >>> from skmix.datasets import load_old_faithful
    >>> from skmix.display import CriterionDisplay
    >>> X = load_old_faithful().data
    >>> clustering = MixtureClustering(range(1, 4), ["full", "tied"], random_state=0).fit(X)
    >>> display = CriterionDisplay.from_estimator(clustering)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        values: Mapping[str, tuple[Any, Any]],
        criterion: str = "BIC",
        best: tuple[str, int] | None = None,
    ):
        self.values = values
        self.criterion = criterion
        self.best = best

    @classmethod
    def from_estimator(cls, estimator: Any, *, criterion: str | None = None, ax: Any = None) -> CriterionDisplay:
        """Draw the models that a search has fitted, degenerate ones left out.

        Parameters
        ----------
        estimator : fitted MixtureClustering
        criterion : {"bic", "aic", "icl"}, default=None
            The criterion; None takes the one that the estimator chose by. Of another one the least is marked.
        ax : matplotlib Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        display : CriterionDisplay

        Raises
        ------
        ValueError
            If there is no such criterion.
        ImportError
            If matplotlib is missing.
        """
        check_is_fitted(estimator, "results_")
        if criterion not in (None, *CRITERIA):
            raise ValueError(f"criterion must be one of {list(CRITERIA)} or None. Got {criterion!r} instead.")
        table = estimator.results_
        name = estimator.criterion if criterion is None else criterion
        types, criteria = table["covariance_type"], table[name]
        if not table["degenerate"][estimator.best_index_]:
            criteria = np.where(table["degenerate"], np.nan, criteria)
        values = {one: (table["n_components"][types == one], criteria[types == one]) for one in dict.fromkeys(types)}
        best = None
        if name == estimator.criterion:
            best = types[estimator.best_index_], int(table["n_components"][estimator.best_index_])
        return cls(values=values, criterion=name.upper(), best=best).plot(ax)

    def plot(self, ax: Any = None) -> CriterionDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        display : CriterionDisplay
            This one.

        Raises
        ------
        ValueError
            If there is nothing to draw.
        ImportError
            If matplotlib is missing.
        """
        drawn = self._finite()
        if not drawn:
            raise ValueError("CriterionDisplay needs at least one finite value. Got none.")
        label, n_components, least = self._best(drawn)
        ax = _new_axes() if ax is None else ax
        zero = min(float(values.min()) for _, values in drawn.values())
        self.lines_ = []
        for index, (name, (numbers, values)) in enumerate(drawn.items()):
            own = {"color": _COLOURS[index % len(_COLOURS)], "marker": _MARKERS[index % len(_MARKERS)]}
            self.lines_ += ax.plot(numbers, values - zero, **own, markersize=5, linewidth=1.6, label=name)
        look: dict[str, Any] = {
            "linestyle": "",
            "marker": "o",
            "markersize": 13.0,
            "markerfacecolor": "none",
            "clip_on": False,
        }
        words = f"best: {label}, {n_components}\n({self.criterion} {least:.6g})"
        (self.mark_,) = ax.plot([n_components], [least - zero], color="0.2", **look, label=words)
        self._scale(ax, max(float(values.max()) for _, values in drawn.values()) - zero)
        ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0, alignment="left", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _scale(self, ax: Any, highest: float) -> None:
        ax.set_yscale("symlog", linthresh=_LINEAR, linscale=0.8)
        ticks = [tick for tick in _TICKS if tick <= 1.2 * highest]
        ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        ax.set_ylim(-0.06 * _LINEAR, 1.3 * max(highest, 1.0))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="number of components", ylabel=f"{self.criterion} above the least")
        ax.grid(axis="y", color="0.9", linewidth=0.8)
        ax.set_axisbelow(True)

    def _finite(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """The lines, without what is NaN or infinite, and without those of which nothing is left."""
        drawn = {}
        for name, (numbers, values) in self.values.items():
            numbers, values = np.asarray(numbers), np.asarray(values, dtype=float)
            seen = np.isfinite(values)
            if seen.any():
                drawn[name] = numbers[seen], values[seen]
        return drawn

    def _best(self, drawn: dict[str, tuple[np.ndarray, np.ndarray]]) -> tuple[str, int, float]:
        """Label, number of components and value of the model to mark."""
        name = min(drawn, key=lambda one: drawn[one][1].min()) if self.best is None else self.best[0]
        if name not in drawn:
            raise ValueError(f"best must name a line out of {list(drawn)} and a number. Got {self.best!r} instead.")
        numbers, values = drawn[name]
        places = np.flatnonzero(numbers == self.best[1]) if self.best is not None else [int(np.argmin(values))]
        if len(places) == 0:
            raise ValueError(f"best must name a number out of {numbers.tolist()}. Got {self.best!r} instead.")
        return name, int(numbers[places[0]]), float(values[places[0]])


def _new_axes() -> Any:
    ax = axes_of(None, "CriterionDisplay")
    ax.figure.set_layout_engine("constrained")  # the legend is beside the axes
    ax.figure.set_size_inches(7.2, 4.2)
    return ax
