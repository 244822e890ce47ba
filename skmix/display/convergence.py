"""How fits came to their end: distance to the best objective against passes over the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmix.display.axes import axes_of

_STYLES = ("-", "--", "-.", ":")


class ConvergenceDisplay:
    """Distance of the objective to the best against passes over the data, one line a fitted estimator.

    The lines can be compared where the estimators maximise the same objective: same data, same model, another solver
    or start. Best made by :meth:`from_estimators`.

    Parameters
    ----------
    histories : dict of str to dict of ndarray
        A fitted estimator's `history_` by the name of its line.
    best : float, default=None
        The objective of the optimum, in nats per row, where it is known. None takes the highest that is seen: what
        lies at it, or above a given one, has no place on a logarithmic scale and is left out.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each history.

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.datasets import load_old_faithful
    >>> from skmix.display import ConvergenceDisplay
    >>> X = load_old_faithful().data
    >>> fits = {name: GaussianMixture(3, solver=name, random_state=0).fit(X) for name in ("em", "lbfgs")}
    >>> display = ConvergenceDisplay.from_estimators(fits)  # doctest: +SKIP
    """

    def __init__(self, *, histories: Mapping[str, Mapping[str, np.ndarray]], best: float | None = None):
        self.histories = histories
        self.best = best

    @classmethod
    def from_estimators(
        cls, estimators: Mapping[str, Any], *, best: float | None = None, ax: Any = None
    ) -> ConvergenceDisplay:
        """Draw one line for each fitted estimator.

        Parameters
        ----------
        estimators : dict of str to fitted estimator
            By the name of their lines.
        best : float, default=None
            The objective of the optimum, in nats per row, where it is known.
        ax : matplotlib Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        display : ConvergenceDisplay
        """
        if not estimators:
            raise ValueError("ConvergenceDisplay needs at least one fitted estimator. Got none.")
        for estimator in estimators.values():
            check_is_fitted(estimator, "history_")
        histories = {name: estimator.history_ for name, estimator in estimators.items()}
        return cls(histories=histories, best=best).plot(ax)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, name: str | None = None, best: float | None = None, ax: Any = None
    ) -> ConvergenceDisplay:
        """Draw the line of one fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
        name : str, default=None
            Name of the line; None takes the solver's.
        best : float, default=None
            The objective of the optimum, in nats per row, where it is known.
        ax : matplotlib Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        display : ConvergenceDisplay
        """
        check_is_fitted(estimator, "history_")
        return cls.from_estimators({name or estimator.solver_: estimator}, best=best, ax=ax)

    def plot(self, ax: Any = None) -> ConvergenceDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        display : ConvergenceDisplay
            This one.
        """
        ax = axes_of(ax, "ConvergenceDisplay")
        best = max(np.max(history["objective"]) for history in self.histories.values())
        if self.best is not None:
            best = self.best
        self.lines_ = []
        for index, (name, history) in enumerate(self.histories.items()):
            distance = best - np.asarray(history["objective"])
            shown = distance > 0
            passes, distance = np.asarray(history["n_passes"])[shown], distance[shown]
            # Solvers that begin alike lie upon one another: the dashes of the later ones let the earlier ones be seen.
            style = _STYLES[index % len(_STYLES)]
            self.lines_ += ax.plot(
                passes, distance, style, marker="o", markevery=[-1] if len(passes) else [], label=name
            )
        ax.set_yscale("log")
        ax.set(xlabel="passes over the data", ylabel="objective below the best (nats per row)")
        ax.legend(loc="upper right")
        self.ax_, self.figure_ = ax, ax.figure
        return self
