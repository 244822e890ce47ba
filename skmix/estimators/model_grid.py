"""Mixtures of all numbers of components and kinds, fitted to the same rows: how they start each other."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.parallel import Parallel, delayed

from skmix.estimators.criteria import CRITERIA, Criteria
from skmix.estimators.growth import Fit, Fitter
from skmix.likelihood.threads import one_blas_thread

_COLLAPSED = "A component has next to no variance in some direction but what reg_covar gives it."


class Cell(NamedTuple):
    """One model of the grid; without a fit where it was skipped, and why."""

    kind: str
    n_components: int
    fit: Fit | None = None
    criteria: Criteria | None = None
    skipped: str = ""


class Grid:
    """Mixtures of all kinds and numbers of components.

    Parameters
    ----------
    make : callable
        ``make(kind, n_components)`` returns an unfitted mixture.
    kinds : list of str
        Covariance types, for example.
    numbers : list of int
        Numbers of components, increasing.
    X : ndarray of shape (n_samples, n_features)
        Validated rows.
    weight : ndarray of shape (n_samples,) or None
        Their weights, all positive.
    seed : int
        Of looks at splits.
    n_jobs : int or None
        Fits at a time, in threads.

    Attributes
    ----------
    cells : dict of tuple to Cell
        By kind and number of components.
    """

    def __init__(
        self,
        make: Callable[[str, int], Any],
        kinds: list[str],
        numbers: list[int],
        X: np.ndarray,
        weight: np.ndarray | None,
        seed: int,
        n_jobs: int | None,
    ):
        self.make, self.kinds, self.numbers = make, kinds, numbers
        self.X, self.weight, self.seed, self.n_jobs = X, weight, seed, n_jobs
        self.n_distinct = _count_distinct(X)
        self.cells: dict[tuple[str, int], Cell] = {}

    def fit(self) -> None:
        """Fit each model from its own starts.

        Raises
        ------
        ValueError
            If none could be fitted.
        """
        self._each(self._fit, [Cell(kind, K) for kind in self.kinds for K in self.numbers])
        if all(cell.fit is None for cell in self.cells.values()):
            why = next(iter(self.cells.values())).skipped
            raise ValueError(f"No model could be fitted to n_samples = {len(self.X)}: {why}")

    def cross(self, criterion: str) -> None:
        """Start each model from its neighbours, too: from fewer components to more, the kinds side by side."""
        for K in self.numbers:
            level = [self.cells[kind, K] for kind in self.kinds if self.cells[kind, K].fit is not None]
            if not level:
                continue
            self._each(self._grow, level)
            level = [self.cells[cell.kind, K] for cell in level]
            best = min(level, key=lambda cell: (_degenerate(cell), getattr(cell.criteria, criterion)))
            if K > 1 and not _degenerate(best):
                self._each(partial(self._follow, best), [cell for cell in level if cell is not best])

    def _fit(self, fitter: Fitter, cell: Cell) -> Cell:
        if self.n_distinct < cell.n_components:
            return cell._replace(skipped=f"skipped: X has only {self.n_distinct} different rows")
        try:
            return self._better(cell, fitter.fit(self.make(cell.kind, cell.n_components)))
        except ValueError as refusal:
            return cell._replace(skipped=f"skipped: {refusal}")

    def _grow(self, fitter: Fitter, cell: Cell) -> Cell:
        fewer = self.cells.get((cell.kind, cell.n_components - 1))
        if fewer is None or fewer.fit is None:
            return cell
        mixture = self.make(cell.kind, cell.n_components)
        return self._better(cell, fitter.grow(mixture, fewer.fit.mixture, self.seed))

    def _follow(self, best: Cell, fitter: Fitter, cell: Cell) -> Cell:
        assert best.fit is not None
        return self._better(cell, fitter.follow(self.make(cell.kind, cell.n_components), best.fit.mixture))

    def _better(self, cell: Cell, fit: Fit | None) -> Cell:
        """The cell with the better one of its fit and another."""
        if fit is None:
            return cell
        kept = fit if cell.fit is None else cell.fit.better(fit)
        if cell.fit is not None and kept.mixture is cell.fit.mixture:
            return cell._replace(fit=kept)
        return cell._replace(fit=kept, criteria=kept.mixture._criteria(self.X, self.weight))

    def _each(self, work: Callable[[Fitter, Cell], Cell], cells: list[Cell]) -> None:
        """Put ``work(fitter, cell)`` in the place of each cell, `n_jobs` at a time."""
        jobs = min(max(1, len(cells)), effective_n_jobs(self.n_jobs))
        fitter = Fitter(self.X, self.weight, alone=jobs > 1, cancelled=Event())
        for cell in run_each(lambda cell: work(fitter, cell), cells, jobs, fitter.cancelled):
            self.cells[cell.kind, cell.n_components] = cell


def run_each(work: Callable[[Any], Any], items: list[Any], jobs: int, cancelled: Event) -> list[Any]:
    """``work(item)`` for each item, `jobs` at a time in threads; `cancelled` is set where one of them fails."""
    if jobs == 1:
        return [work(item) for item in items]
    try:
        # Filters of warnings belong to the process. Starts set some aside, and threads must not undo each other's.
        with one_blas_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return Parallel(n_jobs=jobs, prefer="threads")(delayed(work)(item) for item in items)
    except BaseException:
        cancelled.set()  # or the other threads would go on
        raise


def _count_distinct(X: np.ndarray) -> int:
    """Number of different rows; NaN equals NaN."""
    canonical = np.ascontiguousarray(np.where(np.isnan(X), np.nan, X + 0.0))  # one NaN, one zero
    return len(np.unique(canonical.view(np.dtype((np.void, canonical.dtype.itemsize * X.shape[1])))))


def table_of(cells: list[Cell]) -> dict[str, np.ndarray]:
    """`results_`: what the cells hold, an array a column."""
    nan, fits = float("nan"), [cell.fit for cell in cells]
    table: dict[str, np.ndarray] = {
        "n_components": np.array([cell.n_components for cell in cells]),
        "covariance_type": np.array([cell.kind for cell in cells], dtype=object),
    }
    for name in (*CRITERIA, "log_likelihood"):
        table[name] = np.array([nan if cell.criteria is None else getattr(cell.criteria, name) for cell in cells])
    table["n_parameters"] = np.array([0 if cell.criteria is None else cell.criteria.n_parameters for cell in cells])
    table["converged"] = np.array([fit is not None and fit.mixture.converged_ for fit in fits])
    table["solver"] = np.array(["" if fit is None else fit.mixture.solver_ for fit in fits], dtype=object)
    table["start"] = np.array(["" if fit is None else fit.start for fit in fits], dtype=object)
    table["seconds"] = np.array([0.0 if fit is None else fit.seconds for fit in fits])
    table["n_passes"] = np.array([0.0 if fit is None else fit.n_passes for fit in fits])
    table["degenerate"] = np.array([_degenerate(cell) for cell in cells])
    table["warnings"] = np.array([_notes(cell) for cell in cells], dtype=object)
    return table


def _degenerate(cell: Cell) -> bool:
    return cell.fit is not None and cell.fit.degenerate


def _notes(cell: Cell) -> str:
    if cell.fit is None:
        return cell.skipped
    return " ".join([*cell.fit.complaints, *([_COLLAPSED] if cell.fit.degenerate else [])])
