"""The shoot-out: passes that every solver needs on every cell, from the same start."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Container, Iterable
from typing import Any

import numpy as np
from cells import Cell, full_cells, quick_cells
from joblib import Parallel, delayed
from outcomes import NEAR, OTHER, REACHED, Start, verdict
from report import Report, progress
from threadpoolctl import threadpool_limits

import skmix
from skmix.solvers import SOLVERS, Solver
from suites import shootout_tables as tables

# The rule of who runs where. A solver that is not named here (em, auto, lbfgs, ...) runs on every cell, in a chart that
# is not its default up to MOST_WORK_OF_CHARTS. Those named are slow: they run where rows × parameters are at most this.
MOST_WORK = {
    "anderson": 1e7,
    "newton": 1e7,
    "riemannian": 3e6,
    "cg": 1e6,
    "gradient-descent": 1.1e5,
    "constrained": 1.1e5,
    "derivative-free": 1.1e5,
    "adam": 1.1e5,
    "online-em": 1.1e5,
}
MOST_WORK_OF_CHARTS = 1e7
MAX_ITER = 3000  # accepted iterates, fewer where a pass is dear:
MOST_WORK_OF_A_RUN = 6e9  # rows × parameters × iterates
LEAST_ITER = 400
MAX_ITER_OF = {"cg": 500, "gradient-descent": 1500, "online-em": 1000, "adam": 1500}  # which take more passes or time
# Published comparisons are repeated whatever the work.
ALWAYS = {"hosseini-sra": ("riemannian", "cg log-cholesky", "lbfgs log-cholesky")}
REFERENCE = "em"
Record = dict[str, Any]


def run(quick: bool = False, jobs: int = 1) -> Report:
    """Every solver on every cell."""
    cells = quick_cells() if quick else full_cells()
    report = Report("The shoot-out: passes to the optimum minus 1e-8 nats per row, from the same start")
    report.records = in_processes(measure, cells, jobs)
    report.tables = tables.everything(report.records)
    report.tables += [tables.hasselblad(hasselblad())]
    report.notes = _notes(cells)
    return report


def in_processes(task: Callable[[Any], list[Record]], items: Iterable[Any], jobs: int) -> list[Record]:
    """``task(item)`` for each item, `jobs` at a time, each in a process of one thread; what it returns, in order."""
    begun = sorted(enumerate(items), key=lambda pair: -getattr(pair[1], "n", 0))  # long ones first
    done = Parallel(n_jobs=jobs)(delayed(_in_one_thread)(task, *pair) for pair in begun)
    return [record for _, records in sorted(done, key=lambda pair: pair[0]) for record in records]


def _in_one_thread(task: Callable[[Any], list[Record]], index: int, item: Any) -> tuple[int, list[Record]]:
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fits are cut short on purpose
        return index, task(item)


# ---- who runs -------------------------------------------------------------------------------------------------------
def contestants() -> dict[str, Solver]:
    """All solvers that there are, in their default chart and in the others."""
    found: dict[str, Solver] = {}
    for name, solver in SOLVERS.items():
        found[name] = solver()
        chart = inspect.signature(solver).parameters.get("chart")
        others = [other for other in ("frame", "log-cholesky", "factor") if chart and other != chart.default]
        # Conjugate gradients in other charts are the textbook's, without EM's help.
        bare = {"warmup": 0} if name == "cg" else {}
        found |= {f"{name} {other}": solver(chart=other, **bare) for other in others}
    return found


def takes_part(label: str, cell: Cell) -> bool:
    """Whether a solver runs on a cell: the rule above."""
    name, _, chart = label.partition(" ")
    most = MOST_WORK.get(name, MOST_WORK_OF_CHARTS if chart else np.inf)
    return cell.n * cell.n_parameters <= most or label in ALWAYS.get(cell.axis, ())


# ---- one cell -------------------------------------------------------------------------------------------------------
def measure(cell: Cell) -> list[Record]:
    """A record per solver that takes part."""
    progress(f"shootout: {cell.name}")
    X = cell.data()
    solvers = {label: solver for label, solver in contestants().items() if takes_part(label, cell)}
    runs = {}
    for max_iter in {MAX_ITER, *MAX_ITER_OF.values()}:
        own = {label: one for label, one in solvers.items() if MAX_ITER_OF.get(one.name, MAX_ITER) == max_iter}
        limit = max(LEAST_ITER, int(MOST_WORK_OF_A_RUN / (cell.n * cell.n_parameters)))
        runs |= compare(cell.estimator(X, max_iter=min(max_iter, limit)), X, own, cell.seed) if own else {}
    runs = {label: runs[label] for label in solvers}
    start = Start(runs, REFERENCE)
    common = {**cell.record(), "em_rate": start.rate, "target_from": start.target_from}
    return [{**common, "solver": label, **verdict(run, start)} for label, run in runs.items()]


def compare(estimator: Any, X: np.ndarray, solvers: dict[str, Solver], seed: int, **options: Any) -> dict[str, Any]:
    """The run of each solver, or the exception that it raised: a solver that breaks is a result, too."""
    shared = {"n_starts": 1, "target": NEAR, "random_state": seed, **options}
    try:
        return {run.solver: run for run in skmix.compare_solvers(estimator, X, solvers, **shared).runs}
    except Exception as error:
        if len(solvers) == 1:
            return dict.fromkeys(solvers, error)
    alone = [compare(estimator, X, {label: solver}, seed, **options) for label, solver in solvers.items()]
    return {label: run for runs in alone for label, run in runs.items()}


# ---- Hasselblad -----------------------------------------------------------------------------------------------------
# Days on which 0, 1, 2, ... women of 80 years and over were reported dead in The Times, 1910-1912.
HASSELBLAD_NEAR = 1e-10  # nats per row: 1e-7 in all
DEATHS = (162, 267, 271, 185, 111, 61, 27, 8, 3, 1)


def hasselblad_runs(labels: Container[str] | None = None) -> dict[str, Any]:
    """Runs on Hasselblad's mixture of two Poissons, by solver."""
    counts, weight = np.arange(len(DEATHS), dtype=float)[:, None], np.array(DEATHS, dtype=float)
    given = {"weights_init": [0.3, 0.7], "rates_init": [[1.0], [2.5]]}
    estimator = skmix.PoissonMixture(n_components=2, max_iter=10_000, **given)
    solvers = {label: solver for label, solver in contestants().items() if labels is None or label in labels}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compare(estimator, counts, solvers, 0, sample_weight=weight, target=HASSELBLAD_NEAR)


def hasselblad() -> dict[str, Record]:
    """How each solver fares on Hasselblad's mixture."""
    runs = hasselblad_runs()
    start = Start(runs, REFERENCE, HASSELBLAD_NEAR)
    return {label: verdict(run, start) for label, run in runs.items()}


# ---- what is to be known --------------------------------------------------------------------------------------------
def _notes(cells: list[Cell]) -> list[str]:
    limits, limited = (", ".join(f"{name} {most:g}" for name, most in of.items()) for of in (MOST_WORK, MAX_ITER_OF))
    return [
        f"{len(cells)} cells, each a data set and a start that all solvers share; tol={NEAR / 10:g}, "
        f"max_iter={MAX_ITER}, but {limited}, and for all of them fewer on large data: rows × parameters × iterates "
        f"at most {MOST_WORK_OF_A_RUN:g}, but {LEAST_ITER} iterates always. A pass is one evaluation of all rows, "
        "refused steps and the one at the start included.",
        "The target of a cell is the objective where EM ends, minus 1e-8 nats per row; where EM runs out of "
        "iterations, where most of the solvers that converge end. On its way to a higher optimum, a solver counts from "
        "where it passes the target; as the best of all counts only one that ends in the target's optimum.",
        f"{REACHED}: the target was passed. {OTHER}: converged more than 1e-6 below it, in a lower optimum or before "
        "its time (not told apart); such runs are left out of ratios and counted. short: converged within 1e-6 of it. "
        "budget: out of iterations. Where EM is out of iterations, its passes are those it made: a lower bound.",
        "Runs that are short or out of budget are not within any factor of the best; they are missing from means.",
        f"Slow solvers run where rows × parameters are at most: {limits}; solvers in a chart other than their default "
        f"{MOST_WORK_OF_CHARTS:g}. Means of different solvers are therefore over different cells; ratios are to EM and "
        "to the best on the same cells.",
        "EM's rate: square root of the ratio of its last gains.",
    ]
