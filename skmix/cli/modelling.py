"""What the commands that fit a mixture to a CSV file have in common."""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from skmix.cli.errors import InputError, say
from skmix.cli.report import counted, hanging
from skmix.cli.table import Table, read_table
from skmix.estimators.gaussian_mixture import GaussianMixture

_INDENT = 16  # of the second column of a summary
Result = TypeVar("Result")


def read_rows(options: argparse.Namespace, n_components: int) -> Table:
    """The table of the data, if it has a row for each component."""
    table = read_table(options.data)
    if len(table.data) < n_components:
        raise InputError(
            f"{options.data} has {counted(len(table.data), 'row')}, fewer than the {n_components} components"
        )
    return table


def mixture_of(options: argparse.Namespace, **others: Any) -> GaussianMixture:
    """The unfitted mixture that the options describe."""
    return GaussianMixture(
        options.components,
        covariance_type=options.covariance,
        max_iter=options.max_iter,
        random_state=options.seed,
        **others,
    )


def attempt(action: Callable[[], Result], table: Table, options: argparse.Namespace) -> tuple[Result, list[str]]:
    """What `action` returns, and what it warned of; its errors in terms of the file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            result = action()
        except ValueError as error:
            raise InputError(f"{options.data}: {_in_names(str(error), table.names)}") from error
    return result, list(dict.fromkeys(str(warning.message) for warning in caught))


def _in_names(message: str, names: list[str]) -> str:
    """An estimator's message with the file's names of columns in place of their numbers."""
    return re.sub(r"\bfeature (\d+)\b", lambda found: f"column {names[int(found[1])]!r}", message)


def say_all(table: Table, messages: Iterable[str]) -> None:
    """Notes on the table and warnings, once there can be no error any more: an error is to stand alone."""
    for note in table.notes:
        say("note", note)
    for message in messages:
        say("warning", message)


def summary(table: Table, options: argparse.Namespace, others: dict[str, str]) -> list[str]:
    """Lines that say what data and model are, then the others."""
    (n_rows, n_columns), n_missing = table.data.shape, int(np.isnan(table.data).sum())
    sizes = [counted(n_rows, "row"), counted(n_columns, "numeric column"), counted(n_missing, "missing value")]
    model = f"{counted(options.components, 'Gaussian component')}, covariance {options.covariance}"
    texts = {"data": ", ".join(sizes), "model": model, **others}
    return [line for name, text in texts.items() for line in hanging(text, name, _INDENT)]
