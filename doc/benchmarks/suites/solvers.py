"""Passes that each solver needs from the same start to come within 1e-8 nats per row of EM's optimum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from problems import DISTANCES, SHAPES, Problem, from_kmeans, mixture_problem
from report import Report, Table, figures, geometric_mean, progress

from skmix import GaussianMixture
from skmix.solvers import LBFGS, SOLVERS, Solver

_NEAR = 1e-8  # nats per row below EM's optimum
_OPTIMUM = {"solver": "em", "tol": 1e-13, "max_iter": 20_000}
_TOL = 1e-9  # of the solvers compared: they are to reach the target, not to stop short of it
_REACHED, _OTHER, _SHORT, _UNFINISHED = "reached", "other", "short", "no end"
Record = dict[str, Any]


def run(quick: bool = False) -> Report:
    """Every solver on mixtures of known difficulty."""
    n, shapes, seeds = (400, SHAPES[:1], 2) if quick else (3000, SHAPES, 6)
    report = Report("Passes to EM's optimum minus 1e-8 nats per row, by solver")
    for difficulty in DISTANCES:
        for d, K in shapes:
            for seed in range(seeds):
                progress(f"solvers: {difficulty}, d, K = {d}, {K}, seed {seed}")
                problem = from_kmeans(mixture_problem(difficulty, d, K, n, seed), seed)
                common = {"problem": difficulty, "d": d, "K": K, "n": n, "seed": seed}
                report.records += [{**common, **record} for record in _compare(problem)]
    report.tables = [_by_problem(report.records), _summary(report.records)]
    others = [record for record in report.records if record["outcome"] != _REACHED]
    report.tables += [_elsewhere(others)] if others else []
    report.notes = [
        f"n = {n}; {seeds} seeds, each a data set and a k-means start that all solvers share; full covariances. "
        f"Solvers run with tol={_TOL:g}, max_iter=20000.",
        "Every lbfgs makes 5 EM steps first, whatever its chart.",
        "EM's optimum is where EM ends with tol=1e-13. A solver that does not come near it is continued by EM: if that "
        f"gets there, it stopped {_SHORT}, else it is in another optimum ({_OTHER}), as is one that ends higher. "
        f"{_UNFINISHED.capitalize()}: EM had not come to rest after {_OPTIMUM['max_iter']} iterations. "
        f"Only runs that {_REACHED} EM's optimum are averaged.",
        "separated, moderate, overlapping: Mahalanobis distances between all components of "
        + ", ".join(f"{distance:g}" for distance in DISTANCES.values())
        + ".",
    ]
    return report


def _configurations() -> dict[str, Solver]:
    """All solvers that there are, and L-BFGS in the other charts."""
    by_name = {name: solver() for name, solver in SOLVERS.items()}
    return by_name | {f"lbfgs {chart}": LBFGS(chart=chart) for chart in ("log-cholesky", "factor")}


def _compare(problem: Problem) -> list[Record]:
    em = GaussianMixture(**problem.parameters(), **_OPTIMUM).fit(problem.X)
    target = em.lower_bound_ - _NEAR
    records = []
    for name, solver in _configurations().items():
        options = {"solver": solver, "tol": _TOL, "max_iter": _OPTIMUM["max_iter"]}
        fitted = em if name == "em" else GaussianMixture(**problem.parameters(), **options).fit(problem.X)
        reached = np.flatnonzero(fitted.history_["objective"] >= target)
        records.append(
            {
                "solver": name,
                "outcome": _outcome(problem, em, fitted),
                "passes": int(fitted.history_["n_passes"][reached[0]]) if len(reached) else "",
                "all_passes": int(fitted.n_passes_),
                "above_em": fitted.lower_bound_ - em.lower_bound_,
                "converged": fitted.converged_,
                "finished_by": fitted.solver_,
                "reason": fitted.stop_reason_,
            }
        )
    return records


def _outcome(problem: Problem, em: GaussianMixture, fitted: GaussianMixture) -> str:
    """Where a solver ended, relative to EM."""
    above = fitted.lower_bound_ - em.lower_bound_
    if not em.converged_:
        return _UNFINISHED
    if abs(above) <= _NEAR:
        return _REACHED
    if above > 0:
        return _OTHER
    start = {"weights_init": fitted.weights_, "means_init": fitted.means_, "precisions_init": fitted.precisions_}
    on = GaussianMixture(**{**problem.parameters(), **start}, **_OPTIMUM).fit(problem.X)
    return _SHORT if abs(on.lower_bound_ - em.lower_bound_) <= _NEAR else _OTHER


# ---- tables ---------------------------------------------------------------------------------------------------------
def _groups(records: list[Record], *names: str) -> dict[tuple, list[Record]]:
    groups: dict[tuple, list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record[name] for name in names), []).append(record)
    return groups


def _by_problem(records: list[Record]) -> Table:
    rows = []
    for (problem, d, solver), group in _groups(records, "problem", "d", "solver").items():
        passes = [record["passes"] for record in group if record["outcome"] == _REACHED]
        spread = [figures(float(np.median(passes))), min(passes), max(passes)] if passes else ["–"] * 3
        counts = Counter(record["outcome"] for record in group)
        rest = ", ".join(f"{counts[end]} {end}" for end in (_OTHER, _SHORT, _UNFINISHED) if counts[end])
        rows.append([problem, d, solver, *spread, f"{len(passes)} of {len(group)}", rest])
    columns = ["problem", "d", "solver", "median", "least", "most", _REACHED, "the others"]
    return Table("Passes, the one at the start included.", columns, rows)


def _summary(records: list[Record]) -> Table:
    """The ratios that the aims are stated in."""
    rules: list[tuple[str, str, Callable[[dict], float], str]] = [
        ("separated", "min(em, lbfgs)", lambda passes: min(passes["em"], passes["lbfgs"]), "≤ 1.5"),
        ("moderate", "min(em, lbfgs)", lambda passes: min(passes["em"], passes["lbfgs"]), ""),
        ("moderate", "em", lambda passes: passes["em"], ""),
        ("overlapping", "em", lambda passes: passes["em"], "≤ 0.2"),
    ]
    rows = []
    for problem, against, reference, aim in rules:
        runs = _groups([r for r in records if r["problem"] == problem], "d", "seed")
        for solver in ("auto", "lbfgs"):
            ratios = []
            for group in runs.values():
                passes = {r["solver"]: r["passes"] for r in group if r["outcome"] == _REACHED}
                if {"em", "lbfgs", solver} <= passes.keys():
                    ratios.append(passes[solver] / reference(passes))
            spread = [figures(f(ratios)) for f in (geometric_mean, np.median, max)] if ratios else ["–"] * 3
            rows.append([problem, f"{solver} / {against}", *spread, aim, len(ratios), len(runs) - len(ratios)])
    columns = ["problem", "passes of", "mean", "median", "most", "aim", "runs", "left out"]
    return Table(
        "Ratios of passes, the figures aimed at (mean: geometric). Left out: where one of them ended elsewhere.",
        columns,
        rows,
    )


def _elsewhere(records: list[Record]) -> Table:
    rows = [
        [r["problem"], r["d"], r["seed"], r["solver"], r["outcome"], f"{r['above_em']:.1e}", r["all_passes"]]
        for r in records
    ]
    columns = ["problem", "d", "seed", "solver", "outcome", "nats per row above EM", "passes made"]
    return Table("Runs that did not reach EM's optimum, or went elsewhere.", columns, rows)
