"""``skmix demo``: every solver on the same small problem, from the same start."""

from __future__ import annotations

import argparse
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skmix.cli import pictures
from skmix.cli.modelling import fit_or_stop
from skmix.cli.outputs import Output
from skmix.cli.progress import showing_progress
from skmix.cli.report import hanging
from skmix.datasets import load_old_faithful
from skmix.display import ConvergenceDisplay, MixtureDisplay
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.solvers import SOLVERS

# Two components are so well apart that every solver needs four passes; the third overlaps one of them.
_N_COMPONENTS = 3
_NAMES = ("duration of the eruption (min)", "time to the next (min)")


def run(options: argparse.Namespace) -> None:
    """Fit with every solver, print the table, write the picture."""
    X = load_old_faithful().data
    with ExitStack() as stack:
        output = None
        if pictures.has_matplotlib():
            pictures.check_format(options.output)
            output = stack.enter_context(Output(options.output))
        fits = fit_all(X)
        if output:
            output.write(lambda path: _write(path, options.output.suffix, X, fits))
        print(f"Old Faithful, {len(X)} eruptions: {_N_COMPONENTS} Gaussian components, every solver from one start\n")
        print("\n".join(table(X, fits)))
    if output:
        print(f"\nwrote {options.output}")
    else:
        print(f"\nThere is no picture, because matplotlib is missing; install it by: {pictures.HOW_TO_INSTALL}")


def fit_all(X: np.ndarray) -> dict[str, GaussianMixture | str]:
    """A mixture fitted by each solver, or the reason why it refused the model."""
    fits: dict[str, GaussianMixture | str] = {}
    _mixture(X, "em").fit(X)  # so that the first solver does not pay for the start of the threads
    with showing_progress():
        for name, solver in SOLVERS.items():
            try:
                fits[name] = _quietly(_mixture(X, solver()), X)
            except ValueError as refusal:
                fits[name] = str(refusal)
    return fits


def _mixture(X: np.ndarray, solver: Any, tol: float = 1e-6) -> GaussianMixture:
    """An unfitted mixture that starts from means along the data and the covariance of all rows."""
    return GaussianMixture(
        _N_COMPONENTS,
        solver=solver,
        tol=tol,
        max_iter=5000,
        weights_init=np.full(_N_COMPONENTS, 1 / _N_COMPONENTS),
        means_init=np.quantile(X, (np.arange(_N_COMPONENTS) + 0.5) / _N_COMPONENTS, axis=0),
        precisions_init=np.repeat(np.linalg.inv(np.cov(X.T))[None], _N_COMPONENTS, axis=0),
    )


def _quietly(mixture: GaussianMixture, X: np.ndarray) -> GaussianMixture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the table says it
        return fit_or_stop(mixture, X)


def table(X: np.ndarray, fits: dict[str, GaussianMixture | str]) -> list[str]:
    """Lines of the table, 80 characters at most."""
    longest = max(len("solver"), *map(len, fits))
    heading = f"{'solver':{longest}}  passes  seconds  log-lik./row  "
    lines = [heading + "why it stopped"]
    for name, fit in fits.items():
        if isinstance(fit, str):
            label, reason = f"{name:{longest}}  {'-':>6}  {'-':>7}  {'-':>12}  ", f"refused: {fit}"
        else:
            seconds, score = fit.history_["seconds"][-1], fit.score(X)
            label = f"{name:{longest}}  {fit.n_passes_:6g}  {seconds:7.3f}  {score:12.6f}  "
            reason = fit.stop_reason_
        lines += hanging(reason, label, len(heading))
    return lines


def _write(path: Path, suffix: str, X: np.ndarray, fits: dict[str, GaussianMixture | str]) -> None:
    fitted = {name: fit for name, fit in fits.items() if not isinstance(fit, str)}
    winner = max(fitted.values(), key=lambda fit: fit.lower_bound_)
    # The optimum, so that the winner's line is drawn to its end.
    best = max(winner.lower_bound_, _quietly(_mixture(X, winner.solver, tol=0.0), X).lower_bound_)

    def draw(left: Any, right: Any) -> None:
        MixtureDisplay.from_estimator(winner, X, ax=left)
        left.set(xlabel=_NAMES[0], ylabel=_NAMES[1])
        left.set_title("Old Faithful: components at 1 and 2 standard deviations")
        ConvergenceDisplay.from_estimators(fitted, best=best, ax=right)
        right.axhline(winner.tol, color="0.6", linewidth=0.8, zorder=0, label="tol: gain at which to stop")
        right.legend(loc="upper right")
        right.set_title("From one start: what each pass gains")

    pictures.save(path, suffix, (11, 4.8), 2, draw)
