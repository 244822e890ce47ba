"""Hidden Markov models against hmmlearn: an EM iteration, Viterbi's path, and the time to the optimum."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from hmm_problems import Series, series
from report import Report, Table, figures, geometric_mean, ms, progress
from rivals.chains import CHAIN_RIVALS
from timing import Task, interleaved

from skmix import GaussianHMM

_NEAR = 1e-8  # nats per row below the optimum
_BUDGET = 120.0  # seconds a case
_REPEATS = 3
_MOST = 5_000  # EM iterations, then it is late enough
_TIMED = 200  # iterations of hmmlearn that are timed; more cost in proportion
Record = dict[str, Any]


def run(quick: bool = False) -> Report:
    """Iterations, paths and fits; with `quick` a hundredth of the rows."""
    part = 100 if quick else 1
    shapes = {"one series": [100_000 // part], "1000 series": [100] * (1000 // part)}
    report = Report("Hidden Markov models against hmmlearn")
    for label, lengths in shapes.items():
        for K in (3, 5, 20):
            report.records.append(_iterations(label, series(K, lengths)))
    fits = [_fit(case, problem) for case, problem in _cases(quick)]
    report.records += fits
    report.tables = [_iteration_table(report.records[: -len(fits)]), _fit_table(fits), _fit_summary(fits)]
    report.notes = [
        "Gaussian states, diagonal covariances, d = 2, the same start; hmmlearn's priors are off. One iteration: "
        "E-step and M-step, what a fit sets up once not included. log is hmmlearn's default implementation.",
        "Viterbi: `decode` of both, emission log-densities and checks included.",
        "Time to the optimum: skmix has its default solver, the loosest tol of 1e-8, 1e-9, ... that comes within 1e-8 "
        "nats per row of the optimum (where skmix ends with tol=1e-13), and stops by itself. hmmlearn is charged the "
        "number of EM iterations that the same takes, counted on skmix's EM, whose iterates are the same, and at most "
        f"{_MOST}; of these at most {_TIMED} are timed, as its iterations cost all the same.",
        "Times are medians of interleaved calls. ratio: time of hmmlearn over time of skmix.",
    ]
    return report


# ---- one iteration, one path ----------------------------------------------------------------------------------------
def _iterations(label: str, problem: Series) -> Record:
    K = len(problem.start)
    progress(f"hmm: iterations, {label}, K = {K}")
    record: Record = {"what": "iteration", "data": label, "K": K}
    iterations = {name: rival.iteration(problem) for name, rival in CHAIN_RIVALS.items()}
    paths = {name: CHAIN_RIVALS[name].viterbi(problem) for name in ("skmix", "log")}  # hmmlearn has one Viterbi
    for what, tasks in (("iteration", iterations), ("viterbi", paths)):
        timings = interleaved(tasks, _REPEATS, _BUDGET)
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
def _cases(quick: bool) -> Iterator[tuple[Record, Series]]:
    """States about 2 standard deviations apart, then ones that overlap; the start is half a deviation off."""
    rows = 500 if quick else 5_000
    shapes = {"one": [rows], "50": [rows // 50] * 50}
    for distance, stay in ((2.0, 0.9), (1.0, 0.9), (1.0, 0.7), (0.5, 0.9), (0.5, 0.7)):
        for K, data in ((2, "one"), (3, "one"), (5, "one"), (3, "50")):
            case = {"distance": distance, "stay": stay, "K": K, "series": data}
            yield case, series(K, shapes[data], distance=distance, stay=stay, seed=0)


def _fit(case: Record, problem: Series) -> Record:
    """Time skmix to the optimum, and the iterations of hmmlearn that lead as far."""
    progress(f"hmm: to the optimum, {case}")
    start, options = CHAIN_RIVALS["skmix"].start(problem), {"lengths": problem.lengths}
    optimum = GaussianHMM(**start, tol=1e-13, max_iter=_MOST).fit(problem.X, **options).lower_bound_
    em = GaussianHMM(**start, solver="em", tol=1e-13, max_iter=_MOST).fit(problem.X, **options)
    reached = np.flatnonzero(em.history_["objective"] >= optimum - _NEAR)
    iterations = int(reached[0]) if len(reached) else _MOST
    record: Record = {"what": "to the optimum", **case, "optimum": optimum, "em": em.lower_bound_}
    record |= {"iterations": iterations, "arrived": bool(len(reached))}
    own = _own(problem, start, optimum)
    some = min(iterations, _TIMED)
    tasks = {"skmix": Task(lambda: GaussianHMM(**start, **own).fit(problem.X, **options))}
    tasks |= {name: Task(partial(CHAIN_RIVALS[name].fit, problem, some)) for name in ("log", "scaling")}
    seconds = {name: timing.median for name, timing in interleaved(tasks, _REPEATS, _BUDGET).items()}
    passes = GaussianHMM(**start, **own).fit(problem.X, **options).n_passes_
    factor = {"skmix": 1.0, "log": iterations / some, "scaling": iterations / some}
    return record | {"passes": passes, **{f"{name}_ms": 1000 * seconds[name] * factor[name] for name in seconds}}


def _own(problem: Series, start: dict[str, Any], optimum: float) -> dict[str, Any]:
    """The loosest tolerance with which the default solver gets there."""
    for tol in (1e-8, 1e-9, 1e-10, 1e-11):
        own = {"tol": tol, "max_iter": _MOST}
        if GaussianHMM(**start, **own).fit(problem.X, lengths=problem.lengths).lower_bound_ >= optimum - _NEAR:
            break
    return own


def _ratio(record: Record, name: str) -> float:
    return record[f"{name}_ms"] / record["skmix_ms"]


def _fit_table(records: list[Record]) -> Table:
    rows = []
    for record in records:
        case = [record[key] for key in ("distance", "stay", "K", "series")]
        own = [f"{record['passes']:.0f}", ms(record["skmix_ms"] / 1000)]
        em = [("" if record["arrived"] else "> ") + str(record["iterations"])]
        rivals = [(figures(record[f"{name}_ms"]), figures(_ratio(record, name))) for name in ("log", "scaling")]
        rows.append([*case, *own, *em, *rivals[0], *rivals[1], f"{record['em'] - record['optimum']:.0e}"])
    case = ["apart", "stay", "K", "series"]
    columns = [*case, "passes", "ms", "EM", "log ms", "ratio", "scaling", "ratio", "EM's end"]
    caption = (
        "To the optimum minus 1e-8 nats per row, 5000 rows. apart: about so many standard deviations; stay: the "
        "probability to; passes, ms: of skmix; EM: iterations; EM's end: from the optimum, nats per row. Aim where "
        "states overlap (apart at most 1): at least 20 times hmmlearn's default."
    )
    return Table(caption, columns, rows)


def _fit_summary(records: list[Record]) -> Table:
    rows = []
    for label, chosen in (
        ("2 apart", [record for record in records if record["distance"] == 2.0]),
        ("overlapping", [record for record in records if record["distance"] < 2.0]),
    ):
        for name in ("log", "scaling"):
            ratios = [_ratio(record, name) for record in chosen]
            reached = sum(ratio >= 20 for ratio in ratios)
            rows.append([label, name, figures(geometric_mean(ratios)), figures(min(ratios)), reached, len(ratios)])
    columns = ["states", "hmmlearn", "mean", "least", "20 times or more", "cases"]
    return Table("How many times sooner skmix is at the optimum (mean: geometric).", columns, rows)
