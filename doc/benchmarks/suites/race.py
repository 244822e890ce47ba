"""Time to the optimum minus 1e-6 nats per row, from the same start: skmix's default solver against scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from cells import Cell
from problems import Problem, from_kmeans
from report import Report, Table, figures, geometric_mean, ms, progress
from rivals import RIVALS
from timing import Task, interleaved

from skmix import GaussianMixture

_NEAR = 1e-6  # nats per row below the optimum
_SAME = 1e-4  # ends further apart than this, in nats per row, are different optima
_SLACK = 1e-9  # nats per row, rounding of sklearn's log-likelihood
_BUDGET = 120.0  # seconds a cell
_LONG = 20.0  # seconds; a longer fit is timed once
_REPEATS = 7
_AIMS = {"overlapping": 30, "separated": 8}
Record = dict[str, Any]

# Seeds are such that both end in the same optimum.
_OVERLAPPING = (
    Cell("overlapping", c=0.2, d=5, K=2, n=20_000),
    Cell("overlapping", c=0.2, d=10, K=3, n=20_000),
    Cell("overlapping", c=0.2, d=20, K=5, n=20_000),
    Cell("overlapping", c=0.5, d=1, K=2, n=100_000),
    Cell("overlapping", c=0.5, d=2, K=2, n=200_000, seed=1),
    Cell("overlapping", c=0.5, d=2, K=5, n=50_000),
    Cell("overlapping", c=0.5, d=5, K=5, n=20_000),
    Cell("overlapping", c=0.5, d=5, K=10, n=20_000),
    Cell("overlapping", c=0.5, d=10, K=5, n=10_000),
    Cell("overlapping", c=0.5, d=5, K=5, n=50_000, covariance_type="diag"),
    Cell("overlapping", c=0.5, d=5, K=3, n=50_000, covariance_type="tied"),
    Cell("overlapping", c=1.0, d=2, K=5, n=50_000),
)
_SEPARATED = (
    Cell("separated", c=5.0, d=1, K=5, n=100_000),
    Cell("separated", c=2.0, d=2, K=3, n=200_000),
    Cell("separated", c=2.0, d=2, K=10, n=50_000),
    Cell("separated", c=2.0, d=5, K=5, n=100_000),
    Cell("separated", c=2.0, d=10, K=5, n=50_000),
    Cell("separated", c=2.0, d=10, K=10, n=20_000),
    Cell("separated", c=2.0, d=20, K=5, n=20_000),
    Cell("separated", c=2.0, d=5, K=5, n=100_000, covariance_type="diag", seed=1),
    Cell("separated", c=2.0, d=5, K=5, n=100_000, covariance_type="spherical", seed=1),
    Cell("separated", c=5.0, d=2, K=5, n=100_000),
    Cell("separated", c=2.0, d=5, K=10, n=50_000),
    Cell("separated", c=2.0, d=20, K=10, n=20_000),
)


def run(quick: bool = False) -> Report:
    """All cells; with `quick` two of each group, of few rows."""
    cells = _quick() if quick else [*_OVERLAPPING, *_SEPARATED]
    report = Report("Seconds to the optimum minus 1e-6 nats per row, from the same start")
    report.records = [_race(cell, 3 if quick else _REPEATS) for cell in cells]
    report.tables = [_summary(report.records), _table(report.records)]
    report.notes = [
        "Both begin from the same weights, means and precisions (k-means), reg_covar=0, and get the smallest max_iter "
        "that reaches the target; skmix has its default solver and the loosest tol of 1e-6, 1e-7, ... that does.",
        "The optimum is where skmix ends with tol=1e-12. scikit-learn's iterations to the target are counted on "
        "skmix's EM, whose iterates are the same, and checked by the log-likelihood of scikit-learn's fit.",
        f"Times are medians of interleaved calls; fits of more than {_LONG:g} s are timed once. ratio: time of sklearn "
        "over time of skmix. Cells whose ends are in different optima are left out of means.",
        "Separated: c ≥ 2 (and EM needs less than 100 iterations). Overlapping: c ≤ 0.5, or EM needs more.",
    ]
    return report


def _quick() -> list[Cell]:
    few = [*_OVERLAPPING[4:6], *_SEPARATED[1:3]]
    return [replace(cell, n=3000, seed=0) for cell in few]


def _race(cell: Cell, repeats: int) -> Record:
    """Time both rivals on one cell."""
    progress(f"race: {cell.name}")
    problem = from_kmeans(Problem(cell.data(), cell.n_components, cell.covariance_type), cell.seed)
    shared = {**problem.parameters(), "reg_covar": 0}
    optimum = GaussianMixture(**shared, tol=1e-12, max_iter=20_000).fit(problem.X).lower_bound_
    target = optimum - _NEAR
    record = {**cell.record(), "optimum": optimum}
    iterations = _em_iterations(problem, shared, target)
    found = {"skmix": RIVALS["skmix"].max_iter_to(problem, target)}
    if iterations is not None:
        found["sklearn"] = {"tol": 0.0, "max_iter": max(1, iterations), "reg_covar": 0}, max(1, iterations)
    ways = {name: way for name, way in found.items() if way is not None}
    return record | _timed(problem, ways, repeats, target)


def _timed(problem: Problem, ways: dict[str, Any], repeats: int, target: float) -> Record:
    """Seconds of each rival's fit, what it reached, and their ratio."""
    record: Record = {}
    tasks, longest = {}, 0.0
    for name, (options, steps) in ways.items():
        tasks[name] = Task(partial(RIVALS[name].fit, problem, **options))
        begin = perf_counter()
        score = float(tasks[name].run().score(problem.X))
        longest = max(longest, perf_counter() - begin)
        record |= {f"{name}_steps": steps, f"{name}_above_target": score - target}
    timings = interleaved(tasks, 1 if longest > _LONG else repeats, _BUDGET)
    for name, timing in timings.items():
        record |= {f"{name}_ms": 1000 * timing.median, f"{name}_least_ms": 1000 * timing.least}
    both = len(ways) == len(RIVALS)
    record["same"] = both and all(-_SLACK <= record[f"{name}_above_target"] <= _SAME for name in ways)
    record["ratio"] = record["sklearn_ms"] / record["skmix_ms"] if both else np.nan
    return record


def _em_iterations(problem: Problem, shared: dict[str, Any], target: float) -> int | None:
    """Iterations of EM to the target; None where it does not get there."""
    em = GaussianMixture(**shared, solver="em", tol=1e-9, max_iter=20_000).fit(problem.X)
    reached = np.flatnonzero(em.history_["objective"] >= target)
    return int(reached[0]) if len(reached) else None


def _summary(records: list[Record]) -> Table:
    rows = []
    for group, aim in _AIMS.items():
        own = [record for record in records if record["axis"] == group]
        ratios = [record["ratio"] for record in own if record["same"]]
        least = figures(min(ratios)) if ratios else "–"
        rows.append([group, figures(geometric_mean(ratios)), f"≥ {aim}", least, len(ratios), len(own) - len(ratios)])
    columns = ["cells", "geometric mean", "aim", "least", "number", "left out"]
    return Table("How many times sooner skmix is near the optimum.", columns, rows)


def _table(records: list[Record]) -> Table:
    rows = []
    for record in records:
        cells: list[Any] = [record["cell"]]
        for name in RIVALS:
            reached = f"{name}_ms" in record
            cells += [f"{record[f'{name}_steps']:.0f}", ms(record[f"{name}_ms"] / 1000)] if reached else ["–", "–"]
        remark = "" if record["same"] else "other optimum"
        rows.append([*cells, figures(record["ratio"]) if record["same"] else "–", remark])
    columns = ["cell", "passes", "skmix ms", "iterations", "sklearn ms", "ratio", "remark"]
    return Table("Cell by cell: overlapping ones, then separated ones.", columns, rows)
