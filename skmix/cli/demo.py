"""``skmix demo``: every solver on the same small problem, from the same start."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from skmix.cli import pictures
from skmix.cli.outputs import Output
from skmix.cli.progress import showing_progress
from skmix.comparison import SolverComparison
from skmix.comparison.compare import compare_solvers
from skmix.datasets import load_old_faithful
from skmix.display import MixtureDisplay, SolverComparisonDisplay
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.solvers import SOLVERS

# Two components are so well apart that every solver needs four passes; the third overlaps one of them.
_N_COMPONENTS = 3
_NAMES = ("duration of the eruption (min)", "time to the next (min)")
_TARGET = 1e-6  # nats per row
_SIZE = (12.5, 4.8)  # of the picture, inches


def run(options: argparse.Namespace) -> None:
    """Fit with every solver, print the table, write the picture."""
    X = load_old_faithful().data
    with ExitStack() as stack:
        output = None
        if pictures.has_matplotlib():
            pictures.check_format(options.output)
            output = stack.enter_context(Output(options.output))
        comparison = compare(X)
        if output:
            output.write(lambda path: _write(path, options.output.suffix, X, comparison))
        print(f"Old Faithful, {len(X)} eruptions: {_N_COMPONENTS} Gaussian components, every solver from one start\n")
        print("\n".join(comparison.table()))
    if output:
        print(f"\nwrote {options.output}")
    else:
        print(f"\nThere is no picture, because matplotlib is missing; install it by: {pictures.HOW_TO_INSTALL}")


def compare(X: np.ndarray) -> SolverComparison:
    """Every solver from the start that k-means gives."""
    mixture = GaussianMixture(_N_COMPONENTS, max_iter=5000, random_state=0)
    with showing_progress(len(SOLVERS), "run"):
        return compare_solvers(mixture, X, n_starts=1, target=_TARGET)


def _write(path: Path, suffix: str, X: np.ndarray, comparison: SolverComparison) -> None:
    mixture = GaussianMixture(_N_COMPONENTS, random_state=0).fit(X)

    def draw(left: Any, right: Any) -> None:
        MixtureDisplay.from_estimator(mixture, X, feature_names=_NAMES, ax=left)
        left.set_title("Old Faithful: components at 1 and 2 standard deviations")
        SolverComparisonDisplay.from_comparison(comparison, measures=(), axes=[right])
        right.set_title("From one start: what each pass gains")

    pictures.save(path, suffix, _SIZE, 2, draw)
