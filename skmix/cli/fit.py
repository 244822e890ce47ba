"""``skmix fit``: a mixture for a CSV file."""

from __future__ import annotations

import argparse
import csv
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from skmix.cli import pictures
from skmix.cli.errors import InputError
from skmix.cli.modelling import attempt, mixture_of, read_rows, say_all, summary
from skmix.cli.outputs import Output, check_outputs, say_written
from skmix.cli.progress import showing_progress
from skmix.cli.report import WIDTH, blocks, counted, decimals
from skmix.cli.table import Table
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.estimators.mixture_clustering import MixtureClustering
from skmix.solvers.result import INTERRUPTED


def run(options: argparse.Namespace) -> None:
    """Read, fit, write what was asked for, report."""
    check_outputs(options)
    several = len(options.components) > 1 or len(options.covariance) > 1
    if options.criterion and not several:
        raise InputError(
            "--criterion chooses between models: give --components a range, such as 1:9, or --covariance several types"
        )
    table = read_rows(options, min(options.components))
    with ExitStack() as stack:
        # The files are opened before the fit: nobody should wait for a fit that cannot be saved.
        labels, plot = (path and stack.enter_context(Output(path)) for path in (options.output, options.plot))
        search, mixture, messages = _fitted(table, options, several)
        say_all(table, messages)
        if labels:
            labels.write(lambda path: _write_labels(path, mixture, table.data))
        if plot:
            plot.write(lambda path: _write_plot(path, options.plot.suffix, mixture, table))
    print("\n".join(_report(mixture, search, table, options)))
    say_written(options)


def _fitted(
    table: Table, options: argparse.Namespace, several: bool
) -> tuple[MixtureClustering | None, GaussianMixture, list[str]]:
    """The search, if there was one, the mixture, and what was warned of; `options` gets the chosen model's."""
    search = None
    if several:
        search, messages = attempt(lambda: _search(table, options), table, options)
        mixture = search.best_estimator_
    else:
        options.components, options.covariance = options.components[0], options.covariance[0]
        mixture, messages = attempt(lambda: _fit(table, options), table, options)
    options.components, options.covariance = mixture.n_components, mixture.covariance_type
    return search, mixture, messages


def _fit(table: Table, options: argparse.Namespace) -> GaussianMixture:
    mixture = mixture_of(options, solver=options.solver, tol=options.tol, n_init=options.starts)
    with showing_progress(options.starts):
        mixture.fit(table.data)
    if INTERRUPTED in mixture.stop_reason_:  # a script keeps what was reached, a command ends
        raise KeyboardInterrupt
    return mixture


def _search(table: Table, options: argparse.Namespace) -> MixtureClustering:
    search = MixtureClustering(
        options.components,
        options.covariance,
        criterion=options.criterion or "bic",
        solver=options.solver,
        tol=options.tol,
        max_iter=options.max_iter,
        n_init=options.starts,
        random_state=options.seed,
        n_jobs=-1,
    )
    n_models = len(options.components) * len(options.covariance)
    with showing_progress(waiting=f"fitting {counted(n_models, 'model')}"):
        return search.fit(table.data)


def _write_labels(path: Path, mixture: GaussianMixture, X: np.ndarray) -> None:
    responsibilities = mixture.predict_proba(X)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", *(f"component_{k}" for k in range(mixture.n_components))])
        for label, row in zip(mixture.labels_.tolist(), responsibilities.tolist(), strict=True):
            writer.writerow([label, *(f"{value:.10g}" for value in row)])


def _write_plot(path: Path, suffix: str, mixture: GaussianMixture, table: Table) -> None:
    pictures.save(path, suffix, (6.4, 4.8), 1, lambda ax: pictures.draw_fit(ax, mixture, table.data, table.names))


def _report(
    mixture: GaussianMixture, search: MixtureClustering | None, table: Table, options: argparse.Namespace
) -> list[str]:
    """What is printed."""
    score = mixture.score(table.data)
    finished = f", finished by {mixture.solver_}" if mixture.solver_ != options.solver else ""
    best = f" (the best of {options.starts} starts)" if options.starts > 1 and search is None else ""
    of_fit = {
        **({} if search is None else {"chosen": _choice(search)}),
        "log-likelihood": f"{score * len(table.data):.4f} ({score:.6f} per row)",
        "BIC": f"{mixture.bic(table.data):.4f}",
        "passes": f"{mixture.n_passes_:g}{best}",
        "solver": options.solver + finished,
        "ended": mixture.stop_reason_,
    }
    models = [] if search is None else ["", *_models(search)]
    parameters = ["", "weights and means", *_parameters(mixture, table.names)]
    return [*summary(table, options, of_fit), *models, *parameters]


def _choice(search: MixtureClustering) -> str:
    """By what, and out of what, a model was chosen."""
    n_models = len(search.results_["bic"])
    text = f"by {search.criterion.upper()}, out of {counted(n_models, 'model')}"
    doubtful = int(np.sum(search.results_["warnings"] != ""))
    if doubtful:
        text += f", {doubtful} of which did not converge, degenerated or were skipped"
    numbers = search.results_["n_components"]
    if search.n_clusters_ == numbers.max() > numbers.min():
        text += "; it has the most components that were tried, more may be better"
    return text


def _models(search: MixtureClustering) -> list[str]:
    """The criterion of all models: a line for each number of components, a column for each covariance type."""
    table, values = search.results_, search.results_[search.criterion]
    marks = np.where(np.arange(len(values)) == search.best_index_, "*", " ")
    cells = [f"{value:.2f}{mark}" for value, mark in zip(values, marks, strict=True)]
    for i in np.flatnonzero(table["degenerate"] & (marks != "*")):
        cells[i] = "degenerate "
    for i in np.flatnonzero(np.isnan(values)):
        cells[i] = "skipped "
    numbers = list(dict.fromkeys(table["n_components"].tolist()))
    columns = []
    for kind in dict.fromkeys(table["covariance_type"]):
        own = np.flatnonzero(table["covariance_type"] == kind)
        columns.append([f"{kind} ", *(cells[i] for i in own)])
    heading = f"{search.criterion.upper()} (lower is better), * marks the choice"
    lines = blocks(["components", *map(str, numbers)], columns, WIDTH)
    return [heading, *(line.rstrip() for line in lines)]


def _parameters(mixture: GaussianMixture, names: list[str]) -> list[str]:
    components = ["component", *map(str, range(mixture.n_components))]
    columns = [["weight", *(f"{weight:.5f}" for weight in mixture.weights_)]]
    columns += [[name, *decimals(means)] for name, means in zip(names, mixture.means_.T, strict=True)]
    return blocks(components, columns, WIDTH)
