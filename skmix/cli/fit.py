"""``skmix fit``: a mixture for a CSV file."""

from __future__ import annotations

import argparse
import csv
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from skmix.cli import pictures
from skmix.cli.modelling import attempt, mixture_of, read_rows, say_all, summary
from skmix.cli.outputs import Output, check_outputs, say_written
from skmix.cli.progress import showing_progress
from skmix.cli.report import WIDTH, blocks, decimals
from skmix.cli.table import Table
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.solvers.result import INTERRUPTED


def run(options: argparse.Namespace) -> None:
    """Read, fit, write what was asked for, report."""
    check_outputs(options)
    table = read_rows(options)
    with ExitStack() as stack:
        # The files are opened before the fit: nobody should wait for a fit that cannot be saved.
        labels, plot = (path and stack.enter_context(Output(path)) for path in (options.output, options.plot))
        mixture, messages = attempt(lambda: _fit(table, options), table, options)
        say_all(table, messages)
        if labels:
            labels.write(lambda path: _write_labels(path, mixture, table.data))
        if plot:
            plot.write(lambda path: _write_plot(path, options.plot.suffix, mixture, table))
    print("\n".join(_report(mixture, table, options)))
    say_written(options)


def _fit(table: Table, options: argparse.Namespace) -> GaussianMixture:
    mixture = mixture_of(options, solver=options.solver, tol=options.tol, n_init=options.starts)
    with showing_progress(options.starts):
        mixture.fit(table.data)
    if INTERRUPTED in mixture.stop_reason_:  # a script keeps what was reached, a command ends
        raise KeyboardInterrupt
    return mixture


def _write_labels(path: Path, mixture: GaussianMixture, X: np.ndarray) -> None:
    responsibilities = mixture.predict_proba(X)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", *(f"component_{k}" for k in range(mixture.n_components))])
        for label, row in zip(mixture.labels_.tolist(), responsibilities.tolist(), strict=True):
            writer.writerow([label, *(f"{value:.10g}" for value in row)])


def _write_plot(path: Path, suffix: str, mixture: GaussianMixture, table: Table) -> None:
    pictures.save(path, suffix, (6.4, 4.8), 1, lambda ax: pictures.draw_fit(ax, mixture, table.data, table.names))


def _report(mixture: GaussianMixture, table: Table, options: argparse.Namespace) -> list[str]:
    """What is printed."""
    score = mixture.score(table.data)
    finished = f", finished by {mixture.solver_}" if mixture.solver_ != options.solver else ""
    best = f" (the best of {options.starts} starts)" if options.starts > 1 else ""
    of_fit = {
        "log-likelihood": f"{score * len(table.data):.4f} ({score:.6f} per row)",
        "BIC": f"{mixture.bic(table.data):.4f}",
        "passes": f"{mixture.n_passes_:g}{best}",
        "solver": options.solver + finished,
        "ended": mixture.stop_reason_,
    }
    return [*summary(table, options, of_fit), "", "weights and means", *_parameters(mixture, table.names)]


def _parameters(mixture: GaussianMixture, names: list[str]) -> list[str]:
    components = ["component", *map(str, range(mixture.n_components))]
    columns = [["weight", *(f"{weight:.5f}" for weight in mixture.weights_)]]
    columns += [[name, *decimals(means)] for name, means in zip(names, mixture.means_.T, strict=True)]
    return blocks(components, columns, WIDTH)
