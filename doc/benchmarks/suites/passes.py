"""Time of one EM iteration from given parameters, and of a whole fit that makes only one."""

from __future__ import annotations

from typing import Any

from problems import COVARIANCE_TYPES, GRID, Problem, grid_problem
from report import Report, Table, figures, geometric_mean, ms, progress
from rivals import RIVALS
from timing import Task, interleaved

_QUICK_GRID = ((3000, 2, 3), (2000, 5, 5), (1000, 20, 10))
_TYPES = ("float64", "float32")
_BUDGET = 60.0  # seconds a case
# Ratio of the times of the second (rival, type) to the first, and the figures aimed at: geometric mean, least.
_RATIOS = {
    "64:64": (("skmix", "float64"), ("sklearn", "float64"), "10", "3"),
    "32:32": (("skmix", "float32"), ("sklearn", "float32"), "15", "–"),
    "32:64": (("skmix", "float32"), ("sklearn", "float64"), "–", "–"),
}


def run(quick: bool = False) -> Report:
    """EM iterations on the grid and by covariance type, and whole fits with max_iter=1."""
    grid = _QUICK_GRID if quick else GRID
    shape = (2000, 5, 5) if quick else (100_000, 10, 10)
    repeats = 3 if quick else 11
    report = Report("One EM iteration (E-step and M-step) from the same parameters")
    by_shape = [_case(report, "iteration", size, "full", repeats) for size in grid]
    by_type = [_case(report, "iteration", shape, name, repeats) for name in COVARIANCE_TYPES]
    whole = [_case(report, "fit", size, "full", repeats) for size in grid]
    report.tables = [
        _table("Milliseconds, full covariances (64, 32: float64, float32).", by_shape),
        _summary("How many times faster skmix is, over the rows above.", by_shape),
        _table(f"Milliseconds by covariance type, n, d, K = {shape}.", by_type),
        _table("Milliseconds of a whole fit(max_iter=1, tol=0) from the same start.", whole),
        _summary("How many times faster skmix is, over the rows above.", whole, aims=False),
    ]
    report.notes = [
        "64:64, 32:32, 32:64: time of sklearn over time of skmix, the types being skmix's and sklearn's.",
        "Times are medians of interleaved calls; the .csv has the least ones too.",
        "kernel: feature = one product for all components, residual = one per component, shared = one for all "
        "components of a common covariance.",
        "A fit with max_iter=1 makes, besides set-up and checks, two passes and one pass for the labels in skmix; "
        "one iteration and one E-step for the labels in sklearn.",
    ]
    return report


def _case(report: Report, what: str, shape: tuple[int, int, int], covariance_type: str, repeats: int) -> dict[str, Any]:
    """Time every rival and type on one problem, interleaved."""
    progress(f"passes: {what}, n, d, K = {shape}, {covariance_type}")
    problem = grid_problem(*shape, covariance_type)
    tasks = {}
    for dtype in _TYPES:
        cast = problem.cast(dtype)
        for name, rival in RIVALS.items():
            tasks[name, dtype] = rival.iteration(cast) if what == "iteration" else _fit(rival, cast)
    timings = interleaved(tasks, repeats, _BUDGET)
    common = {"what": what, **dict(zip("ndK", shape, strict=True)), "covariance_type": covariance_type}
    for (name, dtype), timing in timings.items():
        times = {"median_ms": 1000 * timing.median, "least_ms": 1000 * timing.least, "calls": len(timing.seconds)}
        report.records.append({**common, "rival": name, "dtype": dtype, "kernel": tasks[name, dtype].note, **times})
    seconds = {key: timing.median for key, timing in timings.items()}
    ratios = {key: seconds[other] / seconds[own] for key, (own, other, *_) in _RATIOS.items()}
    kernel = "/".join(dict.fromkeys(tasks["skmix", dtype].note for dtype in _TYPES))
    return {**common, "kernel": kernel, "seconds": seconds, "ratios": ratios}


def _fit(rival: Any, problem: Problem) -> Task:
    return Task(lambda: rival.fit(problem, max_iter=1, tol=0.0))


def _table(caption: str, cases: list[dict[str, Any]]) -> Table:
    by_type = len({case["covariance_type"] for case in cases}) > 1
    rows = []
    for case in cases:
        lead = [case["covariance_type"] if by_type else "{n}, {d}, {K}".format(**case)]
        lead += [case["kernel"]] if case["kernel"] else []
        times = [ms(case["seconds"][rival, dtype]) for rival in RIVALS for dtype in _TYPES]
        rows.append([*lead, *times, *(f"{case['ratios'][name]:.1f}" for name in _RATIOS)])
    lead = ["type" if by_type else "n, d, K", *(["kernel"] if cases[0]["kernel"] else [])]
    return Table(caption, [*lead, *(head for rival in RIVALS for head in (f"{rival} 64", "32")), *_RATIOS], rows)


def _summary(caption: str, cases: list[dict[str, Any]], aims: bool = True) -> Table:
    rows = []
    for name, (_, _, mean_aim, least_aim) in _RATIOS.items():
        ratios = [case["ratios"][name] for case in cases]
        aim = [mean_aim, least_aim] if aims else []
        rows.append([name, figures(geometric_mean(ratios)), figures(min(ratios)), *aim])
    columns = ["skmix:sklearn", "geometric mean", "least", *(["aim: mean", "aim: least"] if aims else [])]
    return Table(caption, columns, rows)
