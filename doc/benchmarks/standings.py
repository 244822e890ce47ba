"""Records of a shoot-out, looked at cell by cell: what tables and figures are made of."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from outcomes import BUDGET, FAILED, OTHER, REACHED, REFUSED, SAME

Record = dict[str, Any]
EM, AUTO, LBFGS = "em", "auto", "lbfgs"


class Standings:
    """The runs of each cell by solver.

    Attributes
    ----------
    cells : dict of dict
        ``cells[name][solver]`` is a record.
    solvers : list of str
        All that ran, in the order of the registry.
    """

    def __init__(self, records: Iterable[Record]):
        self.cells: dict[str, dict[str, Record]] = {}
        for record in records:
            self.cells.setdefault(record["cell"], {})[record["solver"]] = record
        self.solvers = list(dict.fromkeys(solver for runs in self.cells.values() for solver in runs))

    @classmethod
    def read(cls, path: Path) -> Standings:
        """The standings of a CSV file that `Report.write` wrote."""
        return cls(read_csv(path))

    def where(self, condition: Callable[[Record], bool]) -> Standings:
        """The cells whose description (the record of any of its runs) meets a condition."""
        kept = (runs.values() for runs in self.cells.values() if condition(next(iter(runs.values()))))
        return Standings(record for runs in kept for record in runs)

    def ran(self, solver: str) -> list[str]:
        """The cells that a solver ran on."""
        idle = (REFUSED, FAILED)
        return [name for name, runs in self.cells.items() if solver in runs and runs[solver]["outcome"] not in idle]

    def count(self, solver: str, outcome: str) -> int:
        return sum(runs[solver]["outcome"] == outcome for runs in self.cells.values() if solver in runs)

    def higher(self, solver: str) -> int:
        """Runs that ended in a higher optimum than the cell's target."""
        return sum(self.cells[name][solver]["gap"] < -SAME for name in self.ran(solver))

    def passes(self, name: str, solver: str) -> float:
        """Passes to the target, inf where a run did not get there; EM's are at least those it had."""
        run = self.cells[name].get(solver)
        if run is None or run["outcome"] in (REFUSED, FAILED):
            return np.inf
        if run["outcome"] == REACHED:
            return float(run["passes"])
        return float(run["all_passes"]) if solver == EM and run["outcome"] == BUDGET else np.inf

    def best(self, name: str, elsewhere: bool = False) -> float:
        """Fewest passes of all solvers that end in the target's optimum, or also of those that end in a higher one."""
        least = -np.inf if elsewhere else -SAME
        runs = [run for run in self.cells[name].values() if run["outcome"] == REACHED and run["gap"] >= least]
        return min((float(run["passes"]) for run in runs), default=np.inf)

    def fair(self, solver: str) -> list[str]:
        """Cells that a solver is measured on: where it ran and did not end in another, lower optimum."""
        return [name for name in self.ran(solver) if self.cells[name][solver]["outcome"] != OTHER]

    def to_best(self, solver: str, elsewhere: bool = False) -> np.ndarray:
        """Passes relative to the best solver's (see `best`), over fair cells; inf where the run did not get there."""
        names = [name for name in self.fair(solver) if np.isfinite(self.best(name, elsewhere))]
        passes = [self._own(name, solver) for name in names]
        return np.array(passes) / np.array([self.best(name, elsewhere) for name in names])

    def to_em(self, solver: str, above: float = 0.0) -> np.ndarray:
        """Passes relative to EM's, where EM needs more than `above`; only of runs that got there."""
        return self.ratio(solver, EM, above)

    def ratio(self, solver: str, other: str, above: float = 0.0) -> np.ndarray:
        """Passes of a solver relative to another's, where both got there and the other needs more than `above`."""
        pairs = np.array([(self.passes(name, solver), self.passes(name, other)) for name in self.fair(solver)])
        pairs = pairs.reshape(-1, 2)
        kept = pairs[np.isfinite(pairs).all(axis=1) & (pairs[:, 1] > above)]
        return kept[:, 0] / kept[:, 1]

    def _own(self, name: str, solver: str) -> float:
        """Passes to the target without the allowance that is made for EM."""
        run = self.cells[name][solver]
        return float(run["passes"]) if run["outcome"] == REACHED else np.inf


def read_csv(path: Path) -> list[Record]:
    """Records of a CSV file, numbers as numbers and True and False as such; lines that begin with # are left out."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = [line for line in file if not line.startswith("#")]
    rows = csv.DictReader(lines)
    return [{key: value if key in _TEXT else _parsed(value) for key, value in row.items()} for row in rows]


_TEXT = ("over",)  # whose values look like numbers


def _parsed(value: str) -> Any:
    if value in ("True", "False"):
        return value == "True"
    try:
        return float(value)
    except ValueError:
        return value
