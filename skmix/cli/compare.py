"""``skmix compare``: solvers side by side on a CSV file."""

from __future__ import annotations

import argparse
import csv
from contextlib import ExitStack
from pathlib import Path

from skmix.cli import pictures
from skmix.cli.modelling import attempt, mixture_of, read_rows, say_all, summary
from skmix.cli.outputs import Output, check_outputs, say_written
from skmix.cli.progress import showing_progress
from skmix.cli.report import counted
from skmix.cli.table import Table
from skmix.comparison import SolverComparison
from skmix.comparison.compare import compare_solvers
from skmix.display import SolverComparisonDisplay

_SIZE = (16.0, 4.4)  # of the picture, inches
_MEASURES = ("passes", "seconds")


def run(options: argparse.Namespace) -> None:
    """Read, run every solver from every start, write what was asked for, report."""
    check_outputs(options)
    table = read_rows(options, options.components)
    with ExitStack() as stack:
        runs, plot = (path and stack.enter_context(Output(path)) for path in (options.output, options.plot))
        comparison, messages = attempt(lambda: _compare(table, options), table, options)
        say_all(table, messages)
        if runs:
            runs.write(lambda path: _write_runs(path, comparison))
        if plot:
            plot.write(lambda path: _write_plot(path, options.plot.suffix, comparison))
    print("\n".join(_report(comparison, table, options)))
    say_written(options)


def _compare(table: Table, options: argparse.Namespace) -> SolverComparison:
    with showing_progress(len(options.solvers) * options.starts, "run"):
        return compare_solvers(
            mixture_of(options), table.data, options.solvers, n_starts=options.starts, target=options.target
        )


def _write_runs(path: Path, comparison: SolverComparison) -> None:
    records = comparison.records()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def _write_plot(path: Path, suffix: str, comparison: SolverComparison) -> None:
    def draw(*axes):
        SolverComparisonDisplay.from_comparison(comparison, measures=_MEASURES, axes=axes)

    pictures.save(path, suffix, _SIZE, 1 + len(_MEASURES), draw)


def _report(comparison: SolverComparison, table: Table, options: argparse.Namespace) -> list[str]:
    """What is printed."""
    best = min((run for run in comparison.runs if not run.refused), key=lambda run: run.gap)
    of_runs = {
        "runs": f"{counted(len(comparison.solvers), 'solver')}, each from {counted(comparison.n_starts, 'start')}",
        "best": f"log-likelihood {best.log_likelihood:.4f} ({best.log_likelihood / len(table.data):.6f} per row), "
        f"by {best.solver} from start {best.start}",
    }
    return [*summary(table, options, of_runs), "", *comparison.table()]
