"""Which optimum a fit is in, and the best that is known; ``python doc/benchmarks/optima.py`` looks for better ones.

A fit is judged by the log-likelihood that EM and its kind reach from it with a tight `tol`, the same for all rivals, so
that how early each of them stops does not matter. Optima with a spurious component, which describes a few rows that
happen to lie close together, do not count, whoever ends there.

The best known optima are in ``data/optima.csv``. They come from plain starts of three kinds and several starts of every
search, the best of them polished; the file only ever gets better ones.
"""

from __future__ import annotations

import argparse
import csv
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from problems import Problem, Start

from skmix import GaussianMixture

FILE = Path(__file__).parent / "data" / "optima.csv"
_PENALTY = 1e-6  # reg_covar, in units of the smallest variance of a column
_LEAST_ROWS = 3.0  # rows of a component below which it is spurious, times 1 + d, or 2 where covariances are not full
_LEAST_VARIANCE = 1e-3  # variance in some direction, in units of the average component's, below which it is
_HOPELESS = 10.0  # nats below the best optimum: polishing does not make up for that
_SAME = 0.02  # nats between fits that are taken for one
_STARTS = {"kmeans": 20, "k-means++": 15, "random_from_data": 15}
_SEARCHES = {"short-runs": 4, "random-swap": 6, "split-merge": 20, "annealing": 2, "overfit-merge": 4}


class Optimum(NamedTuple):
    """A local optimum: log-likelihood of the rows (nats), and whether a component is spurious."""

    log_likelihood: float
    spurious: bool


def penalty(problem: Problem) -> float:
    """`reg_covar` of all rivals, too small to matter where no component is spurious."""
    return _PENALTY * float(problem.X.var(axis=0).min())


def polished(problem: Problem, fitted: Any) -> Optimum:
    """The optimum that is reached from a fitted mixture, skmix's or scikit-learn's."""
    from_there = Problem(
        problem.X,
        problem.n_components,
        problem.covariance_type,
        Start(fitted.weights_, fitted.means_, fitted.precisions_),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixture = GaussianMixture(**from_there.parameters(), tol=1e-9, max_iter=2000, reg_covar=penalty(problem))
        mixture.fit(problem.X)
    return Optimum(float(mixture.score_samples(problem.X).sum()), _spurious(mixture, len(problem.X)))


def _spurious(mixture: GaussianMixture, n: int) -> bool:
    """Whether a component has few rows, or next to no variance in some direction."""
    K, d = mixture.means_.shape
    if n * mixture.weights_.min() < _LEAST_ROWS * (1 + (d if mixture.covariance_type == "full" else 1)):
        return True
    if mixture.covariance_type == "tied":
        return False
    own = mixture.covariances_
    if own.ndim < 3:
        own = own.reshape(K, -1)[:, :, None] * np.eye(d)
    root = np.linalg.cholesky(np.tensordot(mixture.weights_, own, 1))
    half = np.linalg.solve(root, own)
    relative = np.linalg.solve(root, half.transpose(0, 2, 1))
    return bool(np.linalg.eigvalsh(relative)[:, 0].min() < _LEAST_VARIANCE)


def best_known() -> dict[str, float]:
    """Log-likelihoods (nats) of the best optima that are known, by problem."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return {row["problem"]: float(row["log_likelihood"]) for row in csv.DictReader(file)}


def keep(found: dict[str, float]) -> None:
    """Write down the optima that are better than those known."""
    known = best_known() if FILE.exists() else {}
    for name, value in found.items():
        known[name] = max(value, known.get(name, -np.inf))
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["problem", "log_likelihood"])
        writer.writerows([name, f"{value:.6f}"] for name, value in known.items())


def look(problem: Problem, seed: int = 0) -> float:
    """The best optimum that a long search finds (nats)."""
    kinds = [{"init_params": name} for name, count in _STARTS.items() for _ in range(count)]
    kinds += [{"search": name} for name, count in _SEARCHES.items() for _ in range(count)]
    fits = [_fit(problem, options, seed + index) for index, options in enumerate(kinds)]
    best, last = -np.inf, np.inf
    for fitted in sorted(fits, key=lambda fitted: -fitted.lower_bound_):
        value = len(problem.X) * fitted.lower_bound_
        if value < best - _HOPELESS:
            break
        if last - value > _SAME:
            optimum, last = polished(problem, fitted), value
            best = best if optimum.spurious else max(best, optimum.log_likelihood)
    return best


def _fit(problem: Problem, options: dict[str, Any], seed: int) -> GaussianMixture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixture = GaussianMixture(**problem.parameters(), reg_covar=penalty(problem), random_state=seed, **options)
        return mixture.fit(problem.X)


def main(arguments: list[str] | None = None) -> int:
    """Look for better optima of the problems named, or of all."""
    from search_problems import search_problems

    problems = search_problems()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PROBLEM", help="default: all")
    parser.add_argument("--seed", type=int, default=1000, help="of the first start (default: 1000)")
    options = parser.parse_args(arguments)
    for name in options.names or problems:
        found = look(problems[name], options.seed)
        print(f"{name}: {found:.4f}", file=sys.stderr, flush=True)
        keep({name: found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
