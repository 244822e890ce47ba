"""How solvers compare: what each pass gains from one start, and performance profiles over all starts."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skmix.comparison import SolverComparison
from skmix.display.axes import axes_of

# Okabe and Ito's colours, which the colour-blind can tell apart, without their yellow, which white paper swallows.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
# Their number has no factor in common with that of the colours: all 35 pairs come up before one comes again.
_DASHES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.2, 1.2)), (0, (9, 3)))
_WIDEST, _THINNEST = 2.2, 1.2
_THERE, _NEVER = "o", "X"
_LONGEST_LABEL = 28  # characters of a line of the legend
_PANEL = (4.6, 4.2)  # width and height of a panel, inches
_LEGEND = 2.4  # width of the legend, inches


class SolverComparisonDisplay:
    """Gap against passes from one start, and performance profiles over all starts, one line a solver.

    The left panel tells how solvers get to the optimum: a circle marks the first iterate within the target, a cross
    the end of a run that never got there. The panels beside it tell how often a solver is how much dearer than the
    cheapest one; a line further up and to the left is better. Best made by :meth:`from_comparison`.

    Parameters
    ----------
    histories : dict of str to dict of ndarray
        History of each solver's run from one start, with `objective` and `n_passes`, by the solver's label.
    best : float
        The best objective from that start, nats per row.
    target : float
        Gap at which the start is solved, nats per row.
    profiles : dict of str to dict of str to tuple of two ndarrays
        By measure ("passes", "seconds"), the performance profiles by the solvers' labels, as
        :meth:`skmix.comparison.SolverComparison.profile` gives them.
    start : int, default=None
        Number of the start, for the title.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (1 + n_measures,)
        The gaps, then a profile for each measure.
    figure_ : matplotlib Figure
    gap_lines_ : list of matplotlib Line2D
        One for each history.
    profile_lines_ : dict of str to list of matplotlib Line2D
        By measure, one for each solver.

    References
    ----------
    Dolan, E. D. and Moré, J. J. (2002). Benchmarking optimization software with performance profiles. Math. Program.
    91, 201–213. doi:10.1007/s101070100263

    Examples
    --------
    >>> from skmix import GaussianMixture, compare_solvers
    >>> from skmix.datasets import load_old_faithful
    >>> from skmix.display import SolverComparisonDisplay
    >>> X = load_old_faithful().data
    >>> comparison = compare_solvers(GaussianMixture(3), X, ["em", "lbfgs"], n_starts=2, random_state=0)
    >>> display = SolverComparisonDisplay.from_comparison(comparison)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        histories: Mapping[str, Mapping[str, np.ndarray]],
        best: float,
        target: float,
        profiles: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
        start: int | None = None,
    ):
        self.histories = histories
        self.best = best
        self.target = target
        self.profiles = profiles
        self.start = start

    @classmethod
    def from_comparison(
        cls,
        comparison: SolverComparison,
        *,
        start: int | None = None,
        measures: Sequence[str] = ("passes",),
        axes: Sequence[Any] | None = None,
    ) -> SolverComparisonDisplay:
        """Draw a comparison. Solvers that refused the model are left out.

        Parameters
        ----------
        comparison : SolverComparison
            What :func:`skmix.compare_solvers` returned.
        start : int, default=None
            Number of the start whose gaps are drawn. None takes the one of median difficulty: with the median, over
            the starts, of the passes that the fastest solver needed to the target.
        measures : sequence of {"passes", "seconds"}, default=("passes",)
            A performance profile is drawn for each.
        axes : sequence of matplotlib Axes, default=None
            Axes to draw on, one more than there are measures; a new figure where None.

        Returns
        -------
        display : SolverComparisonDisplay

        Raises
        ------
        ValueError
            If there is no such start or measure, or not the right number of axes.
        ImportError
            If matplotlib is missing.
        """
        start = _median_start(comparison) if start is None else start
        if start not in range(comparison.n_starts):
            raise ValueError(f"start must be a number from 0 to {comparison.n_starts - 1}. Got {start!r} instead.")
        accepted = [run for run in comparison.runs if not run.refused]
        labels = {run.solver for run in accepted}
        display = cls(
            histories={run.solver: run.history for run in accepted if run.start == start},
            best=float(comparison.best_of_start[start]),
            target=comparison.target,
            profiles={
                measure: {label: steps for label, steps in comparison.profile(measure).items() if label in labels}
                for measure in measures
            },
            start=start,
        )
        return display.plot(axes)

    def plot(self, axes: Sequence[Any] | None = None) -> SolverComparisonDisplay:
        """Draw.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            Axes to draw on, one more than there are measures; a new figure where None.

        Returns
        -------
        display : SolverComparisonDisplay
            This one.

        Raises
        ------
        ValueError
            If there is not the right number of axes.
        ImportError
            If matplotlib is missing.
        """
        n_panels = 1 + len(self.profiles)
        self.axes_ = _new_axes(n_panels) if axes is None else np.ravel(np.asarray(axes, dtype=object))
        if len(self.axes_) != n_panels:
            raise ValueError(
                f"axes must be {n_panels}: the gaps, and one for each measure. Got {len(self.axes_)} instead."
            )
        self.gap_lines_ = self._draw_gaps(self.axes_[0])
        self.profile_lines_ = {
            measure: self._draw_profile(ax, measure) for ax, measure in zip(self.axes_[1:], self.profiles, strict=True)
        }
        self._draw_legend(self.axes_[-1])
        self.figure_ = self.axes_[0].figure
        return self

    def _draw_gaps(self, ax: Any) -> list[Any]:
        floor = self.target / 10  # what is less leaves the panel at its lower edge, at the pass where it got there
        lines, highest = [], self.target
        for index, (label, history) in enumerate(self.histories.items()):
            gaps = np.maximum(self.best - np.asarray(history["objective"]), floor)
            within = np.flatnonzero(gaps <= self.target)
            mark = {"marker": _THERE, "markevery": [int(within[0])]} if len(within) else {"marker": _NEVER}
            look = {"markevery": [-1], "markersize": 5.5, **mark, **self._look(index)}
            lines += ax.plot(history["n_passes"], gaps, **look, label=label)
            highest = max(highest, float(gaps.max()))
        ax.axhline(self.target, color="0.6", linewidth=0.8, zorder=0)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(floor, 2 * highest)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set(xlabel="passes over the data", ylabel="objective below the best (nats per row)")
        ax.set_title("Gap" if self.start is None else f"Gap from start {self.start}")
        return lines

    def _draw_profile(self, ax: Any, measure: str) -> list[Any]:
        profile = self.profiles[measure]
        right = max(1.5, 1.1 * max(float(ratios[-1]) for ratios, _ in profile.values()))
        lines = []
        for index, (label, (ratios, shares)) in enumerate(profile.items()):
            corners = np.append(ratios, right), np.append(shares, shares[-1])
            lines += ax.step(*corners, where="post", **self._look(index), label=label)
        ax.set_xscale("log", base=2 if right < 100 else 10)
        ax.set_xlim(1.0, right)
        ax.set_ylim(0.0, 1.03)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
        ax.set(xlabel=f"{measure}, as a multiple of the fastest solver's", ylabel="share of starts solved")
        ax.set_title(f"Performance profile in {measure}")
        return lines

    def _draw_legend(self, ax: Any) -> None:
        """Beside the last panel: no place within the panels is empty for certain."""
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], **self._look(index), label=textwrap.fill(label, _LONGEST_LABEL))
            for index, label in enumerate(self.histories)
        ]
        handles += [
            Line2D([], [], color="0.4", linestyle="", marker=_THERE, label=f"within {self.target:g}"),
            Line2D([], [], color="0.4", linestyle="", marker=_NEVER, label="ended above that"),
        ]
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0, handlelength=3.4)

    def _look(self, index: int) -> dict[str, Any]:
        """Colour, dashes and width of a solver's lines."""
        # Solvers that begin alike lie upon one another: the later, the thinner, so that the earlier ones can be seen.
        share = index / max(1, len(self.histories) - 1)
        return {
            "color": _COLOURS[index % len(_COLOURS)],
            "linestyle": _DASHES[index % len(_DASHES)],
            "linewidth": _WIDEST + share * (_THINNEST - _WIDEST),
        }


def _median_start(comparison: SolverComparison) -> int:
    """The start with the median of the passes that the fastest solver needed; the lower one of two."""
    fewest = np.min(list(comparison.passes_to(comparison.target).values()), axis=0)
    return int(np.argsort(fewest, kind="stable")[(len(fewest) - 1) // 2])


def _new_axes(n_panels: int) -> np.ndarray:
    figure = axes_of(None, "SolverComparisonDisplay").figure
    figure.clear()
    figure.set_layout_engine("constrained")
    figure.set_size_inches(n_panels * _PANEL[0] + _LEGEND, _PANEL[1])
    return figure.subplots(1, n_panels, squeeze=False)[0]
