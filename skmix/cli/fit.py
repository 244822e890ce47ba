"""``skmix fit``: a mixture for a CSV file."""

from __future__ import annotations

import argparse
import csv
import os
import re
import warnings
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from skmix.cli import pictures
from skmix.cli.errors import InputError, say
from skmix.cli.outputs import Output
from skmix.cli.progress import showing_progress
from skmix.cli.report import WIDTH, blocks, counted, decimals, hanging
from skmix.cli.table import Table, read_table
from skmix.estimators.gaussian_mixture import GaussianMixture

_INDENT = 16


def run(options: argparse.Namespace) -> None:
    """Read, fit, write what was asked for, report."""
    _check_outputs(options)
    table = read_table(options.data)
    if len(table.data) < options.components:
        raise InputError(
            f"{options.data} has {counted(len(table.data), 'row')}, fewer than the {options.components} components"
        )
    with ExitStack() as stack:
        # The files are opened before the fit: nobody should wait for a fit that cannot be saved.
        labels, plot = (path and stack.enter_context(Output(path)) for path in (options.output, options.plot))
        mixture, messages = _fit(table.data, table.names, options)
        for note in table.notes:  # only now: an error is to stand alone
            say("note", note)
        for message in messages:
            say("warning", message)
        if labels:
            labels.write(lambda path: _write_labels(path, mixture, table.data))
        if plot:
            plot.write(lambda path: _write_plot(path, options.plot.suffix, mixture, table))
    print("\n".join(_report(mixture, table, options)))
    for written in filter(None, (options.output, options.plot)):
        print(f"wrote {written}")


def _check_outputs(options: argparse.Namespace) -> None:
    if options.plot:
        if not pictures.has_matplotlib():
            raise InputError(f"--plot needs matplotlib, install it by: {pictures.HOW_TO_INSTALL}")
        pictures.check_format(options.plot)
    paths = {"DATA.csv": options.data, "--output": options.output, "--plot": options.plot}
    seen: dict[str, str] = {}
    for name, path in paths.items():
        if path is not None and (other := seen.setdefault(os.path.realpath(path), name)) != name:
            raise InputError(f"{other} and {name} are the same file, {path}")


def _fit(X: np.ndarray, names: list[str], options: argparse.Namespace) -> tuple[GaussianMixture, list[str]]:
    """The fitted mixture, and what it warned of."""
    mixture = GaussianMixture(
        options.components,
        covariance_type=options.covariance,
        solver=options.solver,
        tol=options.tol,
        max_iter=options.max_iter,
        n_init=options.starts,
        random_state=options.seed,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            with showing_progress(options.starts):
                mixture.fit(X)
        except ValueError as error:
            raise InputError(f"{options.data}: {_in_names(str(error), names)}") from error
    return mixture, list(dict.fromkeys(str(warning.message) for warning in caught))


def _in_names(message: str, names: list[str]) -> str:
    """An estimator's message with the file's names of columns in place of their numbers."""
    return re.sub(r"\bfeature (\d+)\b", lambda found: f"column {names[int(found[1])]!r}", message)


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
    (n_rows, n_columns), n_missing = table.data.shape, int(np.isnan(table.data).sum())
    score = mixture.score(table.data)
    solver = options.solver + (f", finished by {mixture.solver_}" if mixture.solver_ != options.solver else "")
    best = f" (the best of {options.starts} starts)" if options.starts > 1 else ""
    summary = {
        "data": ", ".join(
            [counted(n_rows, "row"), counted(n_columns, "numeric column"), counted(n_missing, "missing value")]
        ),
        "model": f"{counted(options.components, 'Gaussian component')}, covariance {options.covariance}",
        "log-likelihood": f"{score * n_rows:.4f} ({score:.6f} per row)",
        "BIC": f"{mixture.bic(table.data):.4f}",
        "passes": f"{mixture.n_passes_:g}{best}",
        "solver": solver,
        "ended": mixture.stop_reason_,
    }
    lines = [line for name, text in summary.items() for line in hanging(text, name, _INDENT)]
    return [*lines, "", "weights and means", *_parameters(mixture, table.names)]


def _parameters(mixture: GaussianMixture, names: list[str]) -> list[str]:
    components = ["component", *map(str, range(mixture.n_components))]
    columns = [["weight", *(f"{weight:.5f}" for weight in mixture.weights_)]]
    columns += [[name, *decimals(means)] for name, means in zip(names, mixture.means_.T, strict=True)]
    return blocks(components, columns, WIDTH)
