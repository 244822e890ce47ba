"""What missing values cost: a pass over rows with NaN against one over complete rows of the same shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from problems import COVARIANCE_TYPES, grid_problem, with_patterns, with_random_missing
from report import Report, Table, figures, geometric_mean, ms, progress
from rivals import RIVALS
from timing import interleaved

_SHAPES = ((100_000, 10, 10), (100_000, 5, 5), (100_000, 20, 10))
_BUDGET = 60.0  # seconds a case
_CASES = {"complete": lambda X: X, "8 patterns": with_patterns, "at random": with_random_missing}


def run(quick: bool = False) -> Report:
    """Passes of skmix over complete rows, rows in 8 patterns and rows with entries missing at random."""
    shapes = ((1000, 10, 3), (1000, 5, 3)) if quick else _SHAPES
    repeats = 3 if quick else 11
    report = Report("One EM iteration of skmix with 20 % of the entries missing")
    cases = [_case(report, shape, name, repeats) for shape in shapes for name in COVARIANCE_TYPES]
    report.tables = [_table(cases), _summary(cases)]
    report.notes = [
        "×: time over that of the complete rows. Aim: at most 2 with 8 patterns.",
        "8 patterns: complete rows and 7 equally frequent patterns that miss about a quarter of the features each.",
        "At random: each entry missing independently, for information; 'patterns' says how many there are then.",
        "Grouping the rows by pattern happens once a fit and is not part of a pass.",
    ]
    return report


def _case(report: Report, shape: tuple[int, int, int], covariance_type: str, repeats: int) -> dict[str, Any]:
    """Time the passes over one data set in its three states, interleaved."""
    progress(f"missing: n, d, K = {shape}, {covariance_type}")
    complete = grid_problem(*shape, covariance_type)
    problems = {name: replace(complete, X=spoil(complete.X)) for name, spoil in _CASES.items()}
    tasks = {name: RIVALS["skmix"].iteration(problem) for name, problem in problems.items()}
    often = {name: task for name, task in tasks.items() if name != "at random"}
    timings = interleaved(often, repeats, _BUDGET)
    timings |= interleaved({"at random": tasks["at random"]}, 3)
    common = {**dict(zip("ndK", shape, strict=True)), "covariance_type": covariance_type}
    case: dict[str, Any] = dict(common)
    for name, problem in problems.items():
        observed = ~np.isnan(problem.X)
        record = {"state": name, "kernel": tasks[name].note, "missing": 1 - float(observed.mean())}
        record |= {"patterns": len(np.unique(np.packbits(observed, axis=1), axis=0))}
        record |= {"median_ms": 1000 * timings[name].median, "least_ms": 1000 * timings[name].least}
        record |= {"times": timings[name].median / timings["complete"].median, "calls": len(timings[name].seconds)}
        report.records.append({**common, **record})
        case[name] = record
    return case


def _table(cases: list[dict[str, Any]]) -> Table:
    rows = []
    for case in cases:
        cells = ["{n}, {d}, {K}".format(**case), case["covariance_type"], case["complete"]["kernel"]]
        cells.append(ms(case["complete"]["median_ms"] / 1000))
        for name in ("8 patterns", "at random"):
            cells += [ms(case[name]["median_ms"] / 1000), figures(case[name]["times"])]
        rows.append([*cells, case["at random"]["patterns"]])
    columns = ["n, d, K", "type", "kernel", "complete", "8 patterns", "×", "at random", "×", "patterns"]
    return Table("Milliseconds, float64.", columns, rows)


def _summary(cases: list[dict[str, Any]]) -> Table:
    rows = []
    for name in COVARIANCE_TYPES:
        times = [case["8 patterns"]["times"] for case in cases if case["covariance_type"] == name]
        rows.append([name, figures(geometric_mean(times)), figures(max(times)), "2"])
    return Table("8 patterns, × the complete-data pass.", ["type", "geometric mean", "most", "aim"], rows)
