"""How a run ended, relative to the other runs from its start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

NEAR = 1e-8  # nats per row below the target that are near enough
SAME = 1e-6  # nats per row by which ends of converged runs may differ in one optimum
REACHED, OTHER, SHORT, BUDGET, REFUSED, FAILED = "reached", "other", "short", "budget", "refused", "failed"
OUTCOMES = (REACHED, OTHER, SHORT, BUDGET, REFUSED, FAILED)


class Start:
    """All runs from one start, and the objective that they are measured by.

    Parameters
    ----------
    runs : dict
        Runs by solver, exceptions where there is none.
    reference : str
        The solver whose end is the target, if it comes to an end; else it is the end that most converged runs share.
    near : float
        Nats per row below the target that are near enough.
    """

    def __init__(self, runs: Mapping[str, Any], reference: str, near: float = NEAR):
        self.near = near
        ended = {label: run for label, run in runs.items() if ran(run)}
        own = ended.get(reference)
        if own is not None and own.converged:
            self.target, self.target_from = float(own.history["objective"][-1]), reference
        else:
            least = -np.inf if own is None else float(own.history["objective"][-1])
            self.target_from, self.target = _shared_end(ended, least)
        self.rate = em_rate(own.history["objective"]) if own is not None else np.nan
        begins = [run.history["objective"][0] for run in ended.values()]
        self.begin = float(np.median(begins)) if begins else np.nan


def _shared_end(runs: Mapping[str, Any], least: float) -> tuple[str, float]:
    """The end, of at least `least`, that most converged runs share; the highest where that is undecided."""
    ends = {label: float(run.history["objective"][-1]) for label, run in runs.items()}
    converged = {label: end for label, end in ends.items() if runs[label].converged and end >= least}
    pool = converged or ends
    shared = {label: sum(abs(end - other) <= SAME for other in pool.values()) for label, end in pool.items()}
    label = max(pool, key=lambda label: (shared[label], pool[label]), default="")
    return label, pool.get(label, np.nan)


def ran(run: Any) -> bool:
    """Whether there is anything to measure."""
    return not isinstance(run, Exception) and not run.refused


def em_rate(objective: np.ndarray) -> float:
    """The factor by which EM's error shrinks a step at the end: gains shrink by its square."""
    gains = np.diff(objective)
    gains = gains[gains > 1e-13 * max(1.0, abs(float(objective[-1])))][-11:]
    if len(gains) < 3:
        return 0.0
    return float(np.sqrt(min(1.0, np.median(gains[1:] / gains[:-1]))))


def verdict(run: Any, start: Start) -> dict[str, Any]:
    """Outcome, passes to the target, and what else a table needs of a run."""
    if isinstance(run, Exception):
        return {"outcome": FAILED, "reason": f"{type(run).__name__}: {run}"[:120]}
    if run.refused:
        return {"outcome": REFUSED}
    objective, passes = run.history["objective"], run.history["n_passes"]
    gap = start.target - float(objective[-1])
    near = np.flatnonzero(objective >= start.target - start.near)
    record = {"outcome": _outcome(run, len(near) > 0, gap), "passes": float(passes[near[0]]) if len(near) else ""}
    record |= {"all_passes": float(run.n_passes), "iterations": len(objective) - 1, "gap": gap}
    record |= {"objective": float(objective[-1])}
    record |= {"converged": bool(run.converged), "finished_by": run.finished_by}
    return record | {"same_start": bool(abs(objective[0] - start.begin) < SAME)}


def _outcome(run: Any, near: bool, gap: float) -> str:
    if near:
        return REACHED
    if not run.converged:
        return BUDGET
    return OTHER if gap > SAME else SHORT
