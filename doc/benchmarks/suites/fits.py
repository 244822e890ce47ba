"""Whole fits: default ones of small data, and the time to come near the optimum from the same start."""

from __future__ import annotations

from typing import Any

import numpy as np
from problems import DISTANCES, SHAPES, Problem, from_kmeans, mixture_problem, small_problems
from report import Report, Table, figures, geometric_mean, ms, progress
from rivals import RIVALS
from timing import Task, Timing, interleaved

from skmix import GaussianMixture

_NEAR = 1e-6  # nats per row below the optimum
_SAME = 1e-4  # optima further apart than this, in nats per row, are different ones
_BUDGET = 60.0  # seconds a case


def run(quick: bool = False) -> Report:
    """Default fits of small data; fits to the optimum minus 1e-6 nats per row."""
    report = Report("Whole fits")
    seeds, repeats = (1, 3) if quick else (5, 12)
    small = [_default_fits(report, *item, seeds, repeats) for item in small_problems().items()]
    n, shapes, seeds, repeats = (300, SHAPES[:1], 1, 3) if quick else (5000, SHAPES, 3, 7)
    near = [
        _near_optimum(report, difficulty, shape, n, seed, repeats)
        for difficulty in DISTANCES
        for shape in shapes
        for seed in range(seeds)
    ]
    report.tables = [_small_table(small), _near_table(near, n), _near_summary(near)]
    report.notes = [
        "Default fits stop by their own rules: skmix when it estimates that no more than 1e-6 nats per row remain, "
        "sklearn when the last step gained less than 1e-3.",
        "Their starts differ where units do: skmix's k-means runs on standardised features.",
        "Passes of skmix count the one at the start; iterations of sklearn are EM's. Both make another for the labels.",
        "Near the optimum, both get the smallest max_iter that reaches it, from the same k-means start, reg_covar=0. "
        "The optimum is where EM ends with tol=1e-13.",
        "ratio: time of sklearn over time of skmix. Times are medians of interleaved calls.",
    ]
    return report


# ---- small data -----------------------------------------------------------------------------------------------------
def _default_fits(report: Report, label: str, problem: Problem, seeds: int, repeats: int) -> dict[str, Any]:
    """Default fits, the same random_state for all rivals, pooled over seeds."""
    progress(f"fits: default fits of {label}")
    seconds: dict[str, list[float]] = {name: [] for name in RIVALS}
    steps: dict[str, list[int]] = {name: [] for name in RIVALS}
    scores: dict[str, list[float]] = {name: [] for name in RIVALS}
    for seed in range(seeds):
        tasks = {name: _fit_task(rival, problem, {"random_state": seed}) for name, rival in RIVALS.items()}
        for name, timing in interleaved(tasks, repeats).items():
            seconds[name] += timing.seconds
            fitted = tasks[name].run()
            steps[name].append(RIVALS[name].steps(fitted))
            scores[name].append(float(fitted.score(problem.X)))
    n, d = problem.X.shape
    common = {"what": "default fit", "data": label, "n": n, "d": d, "K": problem.n_components}
    case: dict[str, Any] = {**common}
    for name in RIVALS:
        ends = {"steps": float(np.median(steps[name])), "score": float(np.median(scores[name]))}
        case[name] = {**_times(Timing(seconds[name])), **ends}
        report.records.append({**common, "rival": name, **case[name]})
    return case


def _fit_task(rival: Any, problem: Problem, options: dict[str, Any]) -> Task:
    return Task(lambda: rival.fit(problem, **options))


def _small_table(cases: list[dict[str, Any]]) -> Table:
    rows = []
    for case in cases:
        own, other = case["skmix"], case["sklearn"]
        times = [figures(own["median_ms"]), figures(other["median_ms"])]
        ratio = figures(other["median_ms"] / own["median_ms"])
        ends = [f"{own['steps']:g}", f"{other['steps']:g}", f"{own['score']:.4f}", f"{other['score']:.4f}"]
        rows.append([case["data"], "{n}, {d}, {K}".format(**case), *times, ratio, *ends])
    columns = ["data", "n, d, K", "skmix ms", "sklearn", "ratio", "passes", "steps", "nats", "sklearn"]
    calls = cases[0]["skmix"]["calls"]
    caption = (
        f"A whole default fit, same random_state, medians of {calls} fits: milliseconds; passes of skmix, EM steps of "
        "sklearn; log-likelihood in nats per row. Aim: ratio ≥ 1."
    )
    return Table(caption, columns, rows)


# ---- near the optimum -----------------------------------------------------------------------------------------------
def _near_optimum(
    report: Report, difficulty: str, shape: tuple[int, int], n: int, seed: int, repeats: int
) -> dict[str, Any]:
    """Time the shortest fits that come near EM's optimum."""
    progress(f"fits: near the optimum, {difficulty}, d, K = {shape}, seed {seed}")
    problem = from_kmeans(mixture_problem(difficulty, *shape, n, seed), seed)
    em = GaussianMixture(**problem.parameters(), solver="em", tol=1e-13, max_iter=20_000, reg_covar=0).fit(problem.X)
    target = em.lower_bound_ - _NEAR
    d, K = shape
    common = {"what": "near optimum", "data": difficulty, "n": n, "d": d, "K": K, "seed": seed}
    case: dict[str, Any] = {**common}
    found = {name: rival.max_iter_to(problem, target) for name, rival in RIVALS.items()}
    tasks = {name: _fit_task(RIVALS[name], problem, way[0]) for name, way in found.items() if way is not None}
    timings = interleaved(tasks, repeats, _BUDGET)
    for name in RIVALS:
        case[name] = {}
        if name in tasks:
            options, steps = found[name]
            score = float(tasks[name].run().score(problem.X))
            case[name] = {**_times(timings[name]), "steps": steps, **options, "score": score}
            case[name]["above_optimum"] = score - em.lower_bound_
        report.records.append({**common, "rival": name, **case[name]})
    return case


def _times(timing: Timing) -> dict[str, float]:
    return {"median_ms": 1000 * timing.median, "least_ms": 1000 * timing.least, "calls": len(timing.seconds)}


def _same_optimum(case: dict[str, Any]) -> bool:
    return all(abs(case[name].get("above_optimum", np.inf)) <= _SAME for name in RIVALS)


def _near_table(cases: list[dict[str, Any]], n: int) -> Table:
    rows = []
    for case in cases:
        cells: list[Any] = [case["data"], case["d"], case["K"], case["seed"]]
        for name in RIVALS:
            reached = "median_ms" in case[name]
            cells += [case[name]["steps"], ms(case[name]["median_ms"] / 1000)] if reached else ["–", "–"]
        same = _same_optimum(case)
        ratio = case["sklearn"]["median_ms"] / case["skmix"]["median_ms"] if same else np.nan
        rows.append([*cells, figures(ratio) if same else "–", "" if same else "not the same optimum"])
    columns = ["problem", "d", "K", "seed", "passes", "skmix ms", "iterations", "sklearn ms", "ratio", "remark"]
    caption = f"To EM's optimum minus 1e-6 nats per row from the same start, n = {n}, full covariances."
    return Table(caption, columns, rows)


def _near_summary(cases: list[dict[str, Any]]) -> Table:
    rows = []
    for difficulty in dict.fromkeys(case["data"] for case in cases):
        own = [case for case in cases if case["data"] == difficulty]
        ratios = [case["sklearn"]["median_ms"] / case["skmix"]["median_ms"] for case in own if _same_optimum(case)]
        least = figures(min(ratios)) if ratios else "–"
        rows.append([difficulty, figures(geometric_mean(ratios)), least, len(ratios), len(own) - len(ratios)])
    columns = ["problem", "geometric mean", "least", "cases", "left out"]
    return Table(
        "How many times sooner skmix is there; cases that end in different optima are left out.", columns, rows
    )
