"""How often fits end in the best optimum that is known, and what that costs: searches, restarts and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

import numpy as np
import sklearn.mixture
from optima import best_known, keep, penalty, polished
from problems import Problem
from report import Report, Table, figures, progress
from search_problems import search_problems

from skmix import GaussianMixture
from skmix.initialize.search import SEARCHES

RECOMMENDED = "split-merge"
_SLACK = 1.0  # nats, all rows together, below the best known optimum
_SEEDS = (100, 101, 102, 103, 104)  # other ones than those that the searches were tuned with
_RESTARTS = 5  # plain fits of which the best is kept
_QUICK = ("c2 d1 K4", "grid 2x2x2", "iris")
_PLAIN, _BEST_OF, _EQUAL = "None", f"None, n_init={_RESTARTS}", "sklearn, equal time"
Record = dict[str, Any]


def run(quick: bool = False) -> Report:
    """All problems, methods and seeds; with `quick` three small problems and two seeds."""
    problems = search_problems()
    names = _QUICK if quick else tuple(problems)
    report = Report("Fits that end within 1 nat of the best known optimum")
    for name in names:
        progress(f"searches: {name}")
        for seed in _SEEDS[:2] if quick else _SEEDS:
            report.records += [{"problem": name, "seed": seed, **found} for found in _fits(problems[name], seed)]
    _judge(report.records, update=not quick)
    methods = list(dict.fromkeys(record["method"] for record in report.records))
    report.tables = [_summary(report.records, methods, names), _by_problem(report.records, problems, names)]
    report.notes = [
        "success: the log-likelihood of all rows together is at most 1 nat below the best known (optima.py says how "
        "optima are compared and which do not count). Searches with their default arguments, "
        f"{len({record['seed'] for record in report.records})} seeds.",
        "cost: process time and passes of a fit from start to end in units of search=None on the same problem, mean "
        "over problems, and the most of any problem. Passes with fewer or more components count in proportion.",
        f"{_EQUAL}: as many starts of scikit-learn as a fit with search={RECOMMENDED!r} takes time for, best kept.",
        "Other arguments are defaults, but reg_covar, the same for all, is a millionth of the smallest variance of a "
        "column: too small to matter where no component is spurious.",
    ]
    return report


# ---- fits -----------------------------------------------------------------------------------------------------------
def _fits(problem: Problem, seed: int) -> Iterator[Record]:
    """One fit by every method."""
    skmix = {_PLAIN: {}, **{name: {"search": name} for name in SEARCHES}}
    for name, options in skmix.items():
        found = _measured(lambda options=options: _skmix(problem, seed, **options))
        budget = found["seconds"] if name == RECOMMENDED else 0.0
        yield {"method": name, **_outcome(problem, found)}
        if name == RECOMMENDED:
            restarts = _measured(lambda budget=budget: _within(problem, seed, budget))
    yield {"method": _BEST_OF, **_outcome(problem, _measured(lambda: _best_of(problem, seed)))}
    for n_init in (1, 10):
        name = "sklearn" if n_init == 1 else f"sklearn, n_init={n_init}"
        found = _measured(lambda n_init=n_init: _sklearn(problem, seed, n_init=n_init))
        yield {"method": name, **_outcome(problem, found)}
    yield {"method": _EQUAL, **_outcome(problem, restarts)}


def _measured(fit: Callable[[], Record]) -> Record:
    begin = process_time()
    found = fit()
    return {**found, "seconds": process_time() - begin}


def _outcome(problem: Problem, found: Record) -> Record:
    """What is written down of a fit: not the estimator, but its optimum."""
    optimum = polished(problem, found.pop("mixture"))
    return {**found, "log_likelihood": optimum.log_likelihood, "spurious": optimum.spurious}


def _skmix(problem: Problem, seed: int, **options: Any) -> Record:
    """A fit of skmix in the steps that `fit` is made of, because `n_passes_` does not count those of the search."""
    mixture = GaussianMixture(**problem.parameters(), reg_covar=penalty(problem), random_state=seed, **options)
    _, objective = mixture._prepare(problem.X)
    starts = mixture._starts(objective)
    mixture._climb(objective, starts)
    return {"mixture": mixture, "passes": objective.n_passes + mixture.n_passes_}


def _best_of(problem: Problem, seed: int) -> Record:
    fits = [_skmix(problem, 1000 * (seed + 1) + index) for index in range(_RESTARTS)]
    best = max(fits, key=lambda fit: fit["mixture"].lower_bound_)
    return {**best, "passes": sum(fit["passes"] for fit in fits)}


def _sklearn(problem: Problem, seed: int, **options: Any) -> Record:
    mixture = sklearn.mixture.GaussianMixture(
        **problem.parameters(), reg_covar=penalty(problem), random_state=seed, **options
    )
    return {"mixture": mixture.fit(problem.X), "passes": np.nan}


def _within(problem: Problem, seed: int, seconds: float) -> Record:
    """The best of as many fits of scikit-learn as are begun within `seconds`."""
    begin, fits = process_time(), []
    while not fits or process_time() - begin < seconds:
        fits.append(_sklearn(problem, 1000 * (seed + 1) + len(fits)))
    return {**max(fits, key=lambda fit: fit["mixture"].lower_bound_), "fits": len(fits)}


def _judge(records: list[Record], update: bool) -> None:
    """Say of each fit whether it succeeded; better optima than those known are written down."""
    best = best_known()
    for record in records:
        if not record["spurious"]:
            best[record["problem"]] = max(record["log_likelihood"], best.get(record["problem"], -np.inf))
    if update:
        keep(best)
    for record in records:
        record["short"] = best[record["problem"]] - record["log_likelihood"]
        record["success"] = not record["spurious"] and record["short"] <= _SLACK


# ---- tables ---------------------------------------------------------------------------------------------------------
def _mean(records: list[Record], key: str, **wanted: Any) -> float:
    return float(np.mean([r[key] for r in records if all(r[name] == value for name, value in wanted.items())]))


def _costs(records: list[Record], key: str, method: str, names: tuple[str, ...]) -> np.ndarray:
    """Means of each problem in units of the plain fit."""
    return np.array(
        [
            _mean(records, key, method=method, problem=name) / _mean(records, key, method=_PLAIN, problem=name)
            for name in names
        ]
    )


def _summary(records: list[Record], methods: list[str], names: tuple[str, ...]) -> Table:
    rows = []
    for method in methods:
        cells: list[Any] = [method, f"{100 * _mean(records, 'success', method=method):.0f}"]
        for key in ("seconds", "passes"):
            costs = _costs(records, key, method, names)
            cells += [figures(costs.mean()), figures(costs.max())] if np.isfinite(costs).all() else ["–", "–"]
        rows.append(cells)
    columns = ["search", "success %", "cost: time", "most", "passes", "most"]
    return Table(f"Success and cost over {len(names)} problems, in plain fits.", columns, rows)


def _by_problem(records: list[Record], problems: dict[str, Problem], names: tuple[str, ...]) -> Table:
    shown = {_PLAIN: _PLAIN, RECOMMENDED: RECOMMENDED, _BEST_OF: f"best of {_RESTARTS}", "sklearn": "sklearn"}
    shown |= {"sklearn, n_init=10": "× 10", _EQUAL: "equal time"}
    rows = []
    for name in names:
        problem = problems[name]
        cells: list[Any] = [name, "{}, {}, {}".format(*problem.X.shape, problem.n_components)]
        cells += [f"{100 * _mean(records, 'success', method=method, problem=name):.0f}" for method in shown]
        rows.append(cells)
    return Table("Success in per cent by problem.", ["problem", "n, d, K", *shown.values()], rows)
