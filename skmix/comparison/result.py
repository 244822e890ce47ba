"""What a comparison of solvers leaves behind: its runs, and what they say about the solvers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from skmix.comparison.profiles import performance_profiles

WIDTH = 80  # most characters of a line of the table
_MEASURES = {"passes": "n_passes", "seconds": "seconds"}  # and where a history has them
_USUAL_GAPS = {"1e-06": 1e-6, "1e-04": 1e-4}  # nats per row; tabled beside the target
_HEADINGS = ("passes", "seconds", "solved", "largest gap", "converged")


@dataclass(frozen=True, eq=False)
class Run:
    """One solver from one start.

    Parameters
    ----------
    solver : str
        The solver's label.
    start : int
        Number of the start, from 0.
    objective : float
        The objective at the end, nats per row; NaN where the solver refused the model.
    log_likelihood : float
        Total log-likelihood of the data at the end, in their own units, nats; NaN where refused.
    converged : bool
        Whether the solver estimated that no more than its `tol` remained.
    reason : str
        Why it stopped, or why it refused the model.
    n_passes : float
        Passes over the data, those of refused steps included; NaN where refused.
    seconds : float
        Time from the start to the last accepted iterate; NaN where refused.
    history : dict of ndarray
        `objective`, `n_passes` and `seconds` at each accepted iterate, as in an estimator's `history_`; empty arrays
        where refused.
    finished_by : str
        Name of the solver that ended the run: what "auto" chose. Empty where refused.
    refused : bool, default=False
        Whether the solver refused the model before any pass.
    gap : float, default=nan
        Best objective of all runs, from whatever start, minus this one's, nats per row: 0 for the best run. Filled in
        by :class:`SolverComparison`.
    gap_of_start : float, default=nan
        Best objective of the runs from the same start minus this one's, nats per row. Filled in by
        :class:`SolverComparison`.
    """

    solver: str
    start: int
    objective: float
    log_likelihood: float
    converged: bool
    reason: str
    n_passes: float
    seconds: float
    history: dict[str, np.ndarray] = field(repr=False)
    finished_by: str
    refused: bool = False
    gap: float = float("nan")
    gap_of_start: float = float("nan")


class SolverComparison:
    """Runs of several solvers from the same starts, as :func:`skmix.compare_solvers` returns them.

    A solver has *solved* a start when an iterate of it comes within the target of the best objective that any solver
    reached from that start. Solvers that end in another, lower optimum than the best have not solved it, whatever they
    say of their convergence.

    Parameters
    ----------
    runs : iterable of Run
        One for each solver and start. Their gaps are filled in here.
    target : float, default=1e-8
        Gap at which a start counts as solved, nats per row.

    Attributes
    ----------
    runs : list of Run
    target : float
    solvers : list of str
        Labels of the solvers, in the order of their first runs.
    n_starts : int
        Number of starts.
    best : float
        The best objective of all runs, nats per row.
    best_of_start : ndarray of shape (n_starts,)
        The best objective of the runs from each start, nats per row.

    Raises
    ------
    ValueError
        If a start has no run, or only refused ones.

    References
    ----------
    Dolan, E. D. and Moré, J. J. (2002). Benchmarking optimization software with performance profiles. Math. Program.
    91, 201–213. doi:10.1007/s101070100263

    Examples
    --------
    >>> from skmix import GaussianMixture, compare_solvers
    >>> from skmix.datasets import load_old_faithful
    >>> X = load_old_faithful().data
    >>> comparison = compare_solvers(GaussianMixture(2), X, ["em", "lbfgs"], n_starts=3, random_state=0)
    >>> len(comparison.runs), {run.converged for run in comparison.runs}
    (6, {True})
    >>> {label: passes.shape for label, passes in comparison.passes_to(1e-6).items()}
    {'em': (3,), 'lbfgs': (3,)}
    """

    def __init__(self, runs: Iterable[Run], target: float = 1e-8):
        runs = list(runs)
        self.target = float(target)
        self.solvers = list(dict.fromkeys(run.solver for run in runs))
        self.n_starts = 1 + max((run.start for run in runs), default=-1)
        self.best_of_start = np.full(self.n_starts, -np.inf)
        for run in runs:
            if not run.refused:
                self.best_of_start[run.start] = max(self.best_of_start[run.start], run.objective)
        if not runs or np.isinf(self.best_of_start).any():
            raise ValueError("runs must hold, for every start, one of a solver that accepted the model.")
        self.best = float(self.best_of_start.max())
        self.runs = [
            replace(
                run, gap=self.best - run.objective, gap_of_start=float(self.best_of_start[run.start] - run.objective)
            )
            for run in runs
        ]

    # ---- costs ----------------------------------------------------------------------------------------------------
    def passes_to(self, gap: float) -> dict[str, np.ndarray]:
        """Passes until an accepted iterate is within `gap` of the best of its start.

        Parameters
        ----------
        gap : float
            Nats per row.

        Returns
        -------
        passes : dict of str to ndarray of shape (n_starts,)
            By the solver's label, those of refused steps included; inf where it never got there.

        Raises
        ------
        ValueError
            If `gap` is negative or NaN.
        """
        return self._cost("passes", gap)

    def seconds_to(self, gap: float) -> dict[str, np.ndarray]:
        """Seconds until an accepted iterate is within `gap` of the best of its start.

        Parameters
        ----------
        gap : float
            Nats per row.

        Returns
        -------
        seconds : dict of str to ndarray of shape (n_starts,)
            By the solver's label; inf where it never got there.

        Raises
        ------
        ValueError
            If `gap` is negative or NaN.
        """
        return self._cost("seconds", gap)

    def _cost(self, measure: str, gap: float) -> dict[str, np.ndarray]:
        if not gap >= 0:
            raise ValueError(f"gap must be a number of at least 0, in nats per row. Got {gap!r} instead.")
        costs = {label: np.full(self.n_starts, np.inf) for label in self.solvers}
        for run in self.runs:
            there = np.flatnonzero(self.best_of_start[run.start] - run.history["objective"] <= gap)
            if len(there):
                costs[run.solver][run.start] = run.history[_MEASURES[measure]][there[0]]
        return costs

    def profile(self, measure: str = "passes", gap: float | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Performance profiles of Dolan and Moré, each start being a problem.

        Parameters
        ----------
        measure : {"passes", "seconds"}, default="passes"
            What a solver spends.
        gap : float, default=None
            A start is solved within this of its best, nats per row. None takes the comparison's target.

        Returns
        -------
        profiles : dict of str to tuple of two ndarrays
            By the solver's label, ``(ratios, shares)``, the corners of a step function that is continuous from the
            right: the solver got there from a share ``shares[i]`` of the starts at no more than ``ratios[i]`` times
            what the cheapest solver needed from the same start. ``ratios[0]`` is 1.

        Raises
        ------
        ValueError
            If `measure` is not one of the two, or `gap` is negative.
        """
        if measure not in _MEASURES:
            raise ValueError(f"measure must be one of {sorted(_MEASURES)}. Got {measure!r} instead.")
        return performance_profiles(self._cost(measure, self.target if gap is None else gap))

    # ---- tables ---------------------------------------------------------------------------------------------------
    def records(self) -> list[dict[str, Any]]:
        """The rows of :meth:`to_frame`, without pandas.

        Returns
        -------
        records : list of dict
            One for each run.
        """
        gaps = {"target": self.target, **_USUAL_GAPS}
        costs = {
            f"{measure}_to_{name}": self._cost(measure, gap) for measure in _MEASURES for name, gap in gaps.items()
        }
        return [
            {
                "solver": run.solver,
                "start": run.start,
                **{name: float(cost[run.solver][run.start]) for name, cost in costs.items()},
                "log_likelihood": run.log_likelihood,
                "objective": run.objective,
                "gap": run.gap,
                "gap_of_start": run.gap_of_start,
                "n_passes": run.n_passes,
                "seconds": run.seconds,
                "converged": run.converged,
                "finished_by": run.finished_by,
                "reason": run.reason,
            }
            for run in self.runs
        ]

    def to_frame(self) -> Any:
        """A row for each solver and start.

        Returns
        -------
        frame : pandas.DataFrame
            Columns: solver, start; passes_to_target, passes_to_1e-06, passes_to_1e-04 and the same of seconds (inf
            where the solver never got there); log_likelihood (total, nats); objective, gap (to the best of all runs)
            and gap_of_start (to the best from the same start), nats per row; n_passes, seconds, converged,
            finished_by, reason.

        Raises
        ------
        ImportError
            If pandas is missing.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "SolverComparison.to_frame needs pandas, install it by: pip install pandas. "
                "SolverComparison.records gives the same rows as dicts."
            ) from error
        return pd.DataFrame(self.records())

    def table(self) -> list[str]:
        """A row for each solver, over all starts.

        Returns
        -------
        lines : list of str
            At most 80 characters each: medians of passes and seconds to the target ("-" where they do not exist
            because half of the starts or more are unsolved), starts solved, the largest gap to the best of a start at
            the end of a run, runs that converged; then what the columns are, and why a solver refused the model.
        """
        rows = [_HEADINGS, *(self._row(label) for label in self.solvers)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        room = WIDTH - sum(widths) - 2 * len(widths)
        names = [textwrap.wrap(name, room) for name in ("solver", *self.solvers)]
        longest = max(len(part) for name in names for part in name)
        lines = []
        for name, row in zip(names, rows, strict=True):
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            lines += ["  ".join([name[0].ljust(longest), *cells]), *name[1:]]
        return [*lines, "", *self._footnotes()]

    def _row(self, label: str) -> tuple[str, ...]:
        runs = [run for run in self.runs if run.solver == label]
        if all(run.refused for run in runs):
            return "-", "-", "refused", "-", "-"
        passes, seconds = (self._cost(measure, self.target)[label] for measure in _MEASURES)
        return (
            _number(float(np.median(passes)), ".4g"),
            _number(float(np.median(seconds)), ".4f"),
            f"{np.isfinite(passes).sum()}/{self.n_starts}",
            f"{max(run.gap_of_start for run in runs):.1e}",
            f"{sum(run.converged for run in runs)}/{len(runs)}",
        )

    def _footnotes(self) -> list[str]:
        starts = "1 start" if self.n_starts == 1 else f"{self.n_starts} starts"
        note = (
            f"passes, seconds: median over {starts} until within {self.target:g} nats per row of the best that any "
            "solver reached from the same start: then it is solved. largest gap: to that best, at the end of a run."
        )
        notes = [note]
        found = {run.start for run in self.runs if run.converged}
        if lost := self.n_starts - len(found):
            notes.append(
                f"From {lost} of {starts} no solver converged: the best from there is only the best that was reached. "
                "Raise max_iter."
            )
        notes += {run.solver: f"{run.solver} refused: {run.reason}" for run in self.runs if run.refused}.values()
        return [line for text in notes for line in textwrap.wrap(text, WIDTH)]

    def __str__(self) -> str:
        return "\n".join(self.table())

    def __repr__(self) -> str:
        return f"SolverComparison({len(self.solvers)} solvers, {self.n_starts} starts, target={self.target:g})"


def _number(value: float, layout: str) -> str:
    return f"{value:{layout}}" if np.isfinite(value) else "-"
