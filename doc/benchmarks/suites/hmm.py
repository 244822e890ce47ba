"""Hidden Markov models against hmmlearn: an EM iteration, Viterbi's path, and the time to the optimum."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from hmm_problems import Series, series
from report import Report, Table, figures, geometric_mean, ms, progress
from timing import Task, interleaved

from skmix import GaussianHMM

_NEAR = 1e-8  # nats per row below the optimum
_BUDGET = 120.0  # seconds a case
_REPEATS = 3
Record = dict[str, Any]


def run(quick: bool = False) -> Report:
    """Iterations, paths and fits; with `quick` a hundredth of the rows."""
    part = 100 if quick else 1
    shapes = {"one series": [100_000 // part], "1000 series": [100] * (1000 // part)}
    report = Report("Hidden Markov models against hmmlearn")
    for label, lengths in shapes.items():
        for K in (3, 5, 20):
            report.records.append(_iterations(label, series(K, lengths)))
    few = 20 if quick else 1
    fits = [_fit(*case, few) for case in _FITS]
    report.records += fits
    report.tables = [_iteration_table(report.records[: -len(fits)]), _fit_table(fits), _fit_summary(fits)]
    report.notes = [
        "Gaussian states, diagonal covariances, d = 2, the same start; hmmlearn's priors are off. One iteration: "
        "E-step and M-step, what a fit sets up once not included. log is hmmlearn's default implementation.",
        "Viterbi: `decode` of both, emission log-densities and checks included.",
        "Time to the optimum: skmix has its default solver, the loosest tol of 1e-8, 1e-9, ... that comes within 1e-8 "
        "nats per row of the optimum (where skmix ends with tol=1e-13), and stops by itself. hmmlearn gets the number "
        "of EM iterations that the same takes, counted on skmix's EM, whose iterates are the same.",
        "Times are medians of interleaved calls. ratio: time of hmmlearn over time of skmix.",
    ]
    return report


def _rivals() -> dict[str, Any]:
    from rivals.hmmlearn_ import Hmmlearn  # an import of its own: the other suites run without hmmlearn

    return {name: Hmmlearn(name) for name in ("log", "scaling")}


def _start(problem: Series) -> dict[str, Any]:
    """Arguments that make skmix begin at the problem's start."""
    return {
        "n_components": len(problem.start),
        "startprob_init": problem.start,
        "transmat_init": problem.transitions,
        "means_init": problem.means,
        "precisions_init": 1.0 / problem.variances,
        "reg_covar": 0.0,
    }


# ---- one iteration, one path ----------------------------------------------------------------------------------------
def _iterations(label: str, problem: Series) -> Record:
    K = len(problem.start)
    progress(f"hmm: iterations, {label}, K = {K}")
    estimator = GaussianHMM(**_start(problem))
    _, objective = estimator._prepare(problem.X, lengths=problem.lengths)
    (parameters,) = estimator._starts(objective)
    tasks = {"skmix": Task(lambda: objective.m_step(objective.at(parameters)), objective.threads.open)}
    tasks |= {name: rival.iteration(problem) for name, rival in _rivals().items()}
    at_start = estimator.set_params(max_iter=0).fit(problem.X, lengths=problem.lengths)
    paths = {"skmix": Task(partial(at_start.decode, problem.X, lengths=problem.lengths))}
    paths["log"] = _rivals()["log"].viterbi(problem)
    record: Record = {"what": "iteration", "data": label, "K": K, "threads": objective.threads.n_threads}
    for what, these in (("iteration", tasks), ("viterbi", paths)):
        timings = interleaved(these, _REPEATS, _BUDGET)
        record |= {f"{what}_{name}_ms": 1000 * timing.median for name, timing in timings.items()}
    return record


def _iteration_table(records: list[Record]) -> Table:
    rows = []
    for record in records:
        own, log, scaling = (record[f"iteration_{name}_ms"] for name in ("skmix", "log", "scaling"))
        path, other = record["viterbi_skmix_ms"], record["viterbi_log_ms"]
        times = [figures(own), figures(log), figures(log / own), figures(scaling), figures(scaling / own)]
        rows.append([record["data"], record["K"], *times, figures(path), figures(other), figures(other / path)])
    columns = ["T = 100 000", "K", "skmix ms", "log", "ratio", "scaling", "ratio", "Viterbi ms", "hmmlearn", "ratio"]
    caption = "One EM iteration, then Viterbi. Aims: at least 8 times log, 1.5 times scaling, Viterbi no slower."
    return Table(caption, columns, rows)


# ---- to the optimum -------------------------------------------------------------------------------------------------
_FITS = [
    ("K = 2, one series", 2, [5_000], 0.7, 1),
    ("K = 3, one series", 3, [5_000], 1.0, 2),
    ("K = 3, 50 series", 3, [100] * 50, 1.0, 3),
]


def _fit(label: str, K: int, lengths: list[int], distance: float, seed: int, few: int) -> Record:
    """Time skmix and hmmlearn to the same value."""
    progress(f"hmm: to the optimum, {label}")
    lengths = [lengths[0] // few] if len(lengths) == 1 else lengths[:: few or 1]
    problem = series(K, lengths, distance=distance, seed=seed)
    start, options = _start(problem), {"lengths": problem.lengths}
    optimum = GaussianHMM(**start, tol=1e-13, max_iter=50_000).fit(problem.X, **options).lower_bound_
    em = GaussianHMM(**start, solver="em", tol=1e-11, max_iter=50_000).fit(problem.X, **options)
    reached = np.flatnonzero(em.history_["objective"] >= optimum - _NEAR)
    record: Record = {"what": "to the optimum", "data": label, "K": K, "optimum": optimum, "em": em.lower_bound_}
    own = _own(problem, start, optimum)
    if own is None or not len(reached):
        return record | {"same": False}
    iterations = int(reached[0])
    tasks = {"skmix": Task(lambda: GaussianHMM(**start, **own).fit(problem.X, **options))}
    rivals = _rivals()
    tasks |= {name: Task(partial(rival.fit, problem, iterations)) for name, rival in rivals.items()}
    timings = interleaved(tasks, 3, _BUDGET)
    score = rivals["scaling"].fit(problem, iterations).score(problem.X, problem.lengths) / len(problem.X)
    times = {f"{name}_ms": 1000 * timing.median for name, timing in timings.items()}
    passes = GaussianHMM(**start, **own).fit(problem.X, **options).n_passes_
    same = abs(score - optimum) < 10 * _NEAR
    return record | {"same": same, "passes": passes, "iterations": iterations, "hmmlearn": score, **times}


def _own(problem: Series, start: dict[str, Any], optimum: float) -> dict[str, Any] | None:
    """The loosest tolerance with which the default solver gets there."""
    for tol in (1e-8, 1e-9, 1e-10, 1e-11):
        own = {"tol": tol, "max_iter": 50_000}
        if GaussianHMM(**start, **own).fit(problem.X, lengths=problem.lengths).lower_bound_ >= optimum - _NEAR:
            return own
    return None


def _fit_table(records: list[Record]) -> Table:
    rows = []
    for record in records:
        if not record["same"]:
            rows.append([record["data"], *["–"] * 7, "other optimum"])
            continue
        own, log, scaling = (record[f"{name}_ms"] for name in ("skmix", "log", "scaling"))
        steps = [f"{record['passes']:.0f}", ms(own / 1000), record["iterations"]]
        ratios = [figures(log / own), figures(scaling), figures(scaling / own)]
        rows.append([record["data"], *steps, figures(log), *ratios, ""])
    columns = ["5000 rows", "passes", "skmix ms", "iterations", "log ms", "ratio", "scaling", "ratio", "remark"]
    caption = "To the optimum minus 1e-8 nats per row on overlapping states. Aim: at least 20 times hmmlearn's default."
    return Table(caption, columns, rows)


def _fit_summary(records: list[Record]) -> Table:
    rows = []
    for name in ("log", "scaling"):
        ratios = [record[f"{name}_ms"] / record["skmix_ms"] for record in records if record["same"]]
        rows.append([name, figures(geometric_mean(ratios)), figures(min(ratios)) if ratios else "–", len(ratios)])
    return Table("How many times sooner skmix is at the optimum.", ["hmmlearn", "mean", "least", "cases"], rows)
