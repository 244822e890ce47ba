"""Sequences and the states of a hidden Markov model behind them, along time."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmix.display.axes import colours_of, given_axes, literal, pyplot
from skmix.display.features import names_of, number_of
from skmix.estimators.hidden_markov import BaseHMM
from skmix.estimators.sequence_data import check_sequences

_MOST_FEATURES = 4  # that are drawn where none are named
_MOST_IN_LEGEND = 10
_MARKED = 300  # rows up to which each has a dot
_STRENGTH = 0.30  # of the colours behind the rows


class StateDisplay:
    """Observations of a hidden Markov model along time, on the colours of their most probable states.

    Each feature has a panel; where it has a mean, that of the state is a line across. Below are the smoothed
    probabilities of the states. Sequences follow each other, with a dashed line between them. Best made by
    :meth:`from_estimator`.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, each sequence in one piece. NaN leaves a gap.
    lengths : ndarray of int of shape (n_sequences,)
        Lengths of the sequences.
    states : ndarray of shape (n_samples,)
        Most probable states.
    probabilities : ndarray of shape (n_samples, n_components)
        Probabilities of the states.
    means : ndarray of shape (n_components, n_features) or None
        Means of the observations in each state.
    feature_names : sequence of str
        Names of the features.
    time : ndarray of shape (n_samples,)
        Where each row is drawn; rising.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One for each feature, and one of the probabilities.
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        The observations of each feature.
    spans_ : list of list of matplotlib PolyCollection
        For each feature the colours behind the rows, one a state.
    means_ : list of matplotlib LineCollection
        For each feature the means, where there are any.
    areas_ : list of matplotlib PolyCollection
        The probabilities, one a state.
    legend_ : matplotlib Legend or None
        None with more than 10 states.

    Examples
    --------
    >>> from skmix import PoissonHMM
    >>> from skmix.datasets import load_earthquakes
    >>> from skmix.display import StateDisplay
    >>> data = load_earthquakes()
    >>> model = PoissonHMM(2, start="stationary", random_state=0).fit(data.data)
    >>> display = StateDisplay.from_estimator(model, data.data, time=data.year)  # doctest: +SKIP
    """

    def __init__(self, *, X, lengths, states, probabilities, means, feature_names, time):
        self.X = X
        self.lengths = lengths
        self.states = states
        self.probabilities = probabilities
        self.means = means
        self.feature_names = feature_names
        self.time = time

    @classmethod
    def from_estimator(
        cls, estimator, X, *, sequence_id=None, lengths=None, features=None, feature_names=None, time=None, ax=None
    ) -> StateDisplay:
        """Draw sequences and their states.

        Parameters
        ----------
        estimator : fitted hidden Markov model
        X : array-like of shape (n_samples, n_features)
            Observations, with all the features that the model was fitted to; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.
        features : list of int or str, default=None
            The features to draw, by number or name; None takes all, of more than four the first four.
        feature_names : sequence of str, default=None
            Names of all features; None takes those that the model was fitted to.
        time : array-like of shape (n_samples,), default=None
            Time of each row, rising; None numbers the rows, one sequence behind the other.
        ax : list of matplotlib Axes, default=None
            Axes to draw on, one for each feature and one for the probabilities; new ones where None.

        Returns
        -------
        display : StateDisplay

        Raises
        ------
        TypeError
            If `estimator` is no hidden Markov model.
        ValueError
            If a feature does not exist, `time` does not rise from row to row, or `ax` are not one for each panel.
        ImportError
            If matplotlib is missing.
        """
        estimator = getattr(estimator, "best_estimator_", estimator)
        if not isinstance(estimator, BaseHMM):
            raise TypeError(f"{cls.__name__} needs a hidden Markov model, but got {type(estimator).__name__}.")
        check_is_fitted(estimator, "transmat_")
        sequences = {"sequence_id": sequence_id, "lengths": lengths}
        states, probabilities = estimator.predict(X, **sequences), estimator.predict_proba(X, **sequences)
        rows = np.asarray(estimator._check_data(X, reset=False), dtype=np.float64)
        order, lengths = check_sequences(rows, sequence_id, lengths)
        order = np.arange(len(rows)) if order is None else order
        names = names_of(feature_names, estimator, rows.shape[1])
        chosen = _columns(features, names)
        has_means = estimator._family_at_hand().measurement != "categories"
        display = cls(
            X=rows[order][:, chosen],
            lengths=lengths,
            states=states[order],
            probabilities=probabilities[order],
            means=estimator._state_moments()[0][:, chosen] if has_means else None,
            feature_names=[names[column] for column in chosen],
            time=_check_time(time, order),
        )
        return display.plot(ax)

    def plot(self, ax=None) -> StateDisplay:
        """Draw.

        Parameters
        ----------
        ax : list of matplotlib Axes, default=None
            Axes to draw on, one for each feature and one for the probabilities; new ones where None.

        Returns
        -------
        display : StateDisplay
            This one.
        """
        n_features, K = self.X.shape[1], self.probabilities.shape[1]
        self.axes_ = self._new_axes() if ax is None else given_axes(ax, n_features + 1)
        self.figure_ = self.axes_[0].figure
        self._colours, self._edges = colours_of(K), _edges(np.asarray(self.time, dtype=np.float64))
        self.lines_: list[Any] = []
        self.spans_: list[Any] = []
        self.means_: list[Any] = []
        for feature, axes in enumerate(self.axes_[:-1]):
            self._draw_feature(axes, feature)
        last = self.axes_[-1]
        steps = np.repeat(self.probabilities, 2, axis=0).T
        fills = self._colours[:, :3] + (1.0 - self._colours[:, :3]) * (1.0 - 2 * _STRENGTH)
        self.areas_ = last.stackplot(np.repeat(self._edges, 2)[1:-1], steps, colors=fills, linewidth=0)
        own = self.time is not None and not np.array_equal(self.time, np.arange(len(self.X)))
        last.set(xlabel="time" if own else "row", ylabel="probability\nof each state", ylim=(0, 1))
        for axes in self.axes_:
            axes.set_xlim(self._edges[0], self._edges[-1])
            for end in np.cumsum(self.lengths)[:-1]:
                axes.axvline(self._edges[end], color="0.1", linewidth=1.3, linestyle="--")
        self.legend_ = self._draw_legend(outside=ax is None) if K <= _MOST_IN_LEGEND else None
        return self

    def _draw_feature(self, ax: Any, feature: int) -> None:
        from matplotlib.collections import LineCollection

        first, after, state = _runs(self.states, self.lengths)
        left, right = self._edges[first], self._edges[after]
        wide = ax.get_xaxis_transform()  # up and down the whole panel
        self.spans_.append([])
        for k, colour in enumerate(self._colours):
            bars = list(zip(left[state == k], (right - left)[state == k], strict=True))
            look = {"facecolor": (*colour[:3], _STRENGTH), "linewidth": 0, "transform": wide, "zorder": 0}
            self.spans_[-1].append(ax.broken_barh(bars, (0, 1), **look))
        if self.means is not None:
            level = self.means[state, feature]
            segments = np.stack([np.column_stack([left, level]), np.column_stack([right, level])], axis=1)
            self.means_.append(LineCollection(list(segments), colors=0.6 * self._colours[state, :3], linewidths=1.5))
            ax.add_collection(self.means_[-1])
        ends = np.cumsum(self.lengths)[:-1]  # where the line has gaps
        time = np.insert(np.asarray(self.time, dtype=np.float64), ends, np.nan)
        values = np.insert(self.X[:, feature], ends, np.nan)
        marker = "o" if len(values) <= _MARKED else ""
        self.lines_ += ax.plot(time, values, color="0.25", linewidth=0.7, marker=marker, markersize=2.2)
        ax.autoscale_view(scalex=False)
        ax.set_ylabel(literal(str(self.feature_names[feature])))

    def _new_axes(self) -> list[Any]:
        n = self.X.shape[1]
        figure = pyplot("StateDisplay").figure(figsize=(8.4, 1.9 * n + 1.9), layout="constrained")
        axes = figure.subplots(n + 1, 1, sharex=True, height_ratios=[1.6] * n + [1.0]).tolist()
        figure.align_ylabels()
        return axes

    def _draw_legend(self, outside: bool) -> Any:
        from matplotlib.patches import Patch

        handles = [
            Patch(color=(*colour[:3], 2 * _STRENGTH), label=f"state {k}") for k, colour in enumerate(self._colours)
        ]
        if outside:
            return self.figure_.legend(handles=handles, loc="outside right upper", frameon=False)
        return self.axes_[0].legend(handles=handles, loc="best")


def _runs(states: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where stays in one state begin and end (the row after the last), and in which; none is in two sequences."""
    changes = np.flatnonzero(np.diff(states)) + 1
    first = np.union1d(np.r_[0, changes], (np.cumsum(lengths) - lengths))
    return first, np.r_[first[1:], len(states)], np.asarray(states)[first]


def _edges(time: np.ndarray) -> np.ndarray:
    """Where the part of the axis that belongs to each row begins, and the end of the last."""
    if len(time) == 1:
        return time[0] + np.array([-0.5, 0.5])
    middle = 0.5 * (time[1:] + time[:-1])
    return np.r_[1.5 * time[0] - 0.5 * time[1], middle, 1.5 * time[-1] - 0.5 * time[-2]]


def _check_time(time: Any, order: np.ndarray) -> np.ndarray:
    if time is None:
        return np.arange(len(order))
    given = np.asarray(time, dtype=np.float64)
    if given.shape != order.shape or not np.isfinite(given).all() or not (np.diff(given[order]) > 0).all():
        raise ValueError(
            f"time must be {len(order)} finite numbers that rise from row to row, through all sequences; "
            f"None numbers the rows. Got {time!r} instead."
        )
    return given[order]


def _columns(features: Any, names: list[str]) -> list[int]:
    if features is None:
        return list(range(min(len(names), _MOST_FEATURES)))
    asked = [features] if isinstance(features, (str, Integral)) else list(features)
    try:
        chosen = [number_of(one, names) for one in asked]
    except (ValueError, IndexError, TypeError):
        chosen = []
    if not chosen:
        raise ValueError(
            f"features must be numbers (0 to {len(names) - 1}) or names of features. Got {features!r} instead."
        )
    return chosen
