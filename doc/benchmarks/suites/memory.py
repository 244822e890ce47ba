"""Peak memory of EM iterations beyond the data, by the number of rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from report import Report, Table, figures, progress

_CHILD = Path(__file__).parents[1] / "peak.py"
_SHAPES = {"mixture": (10, 10), "chain": (2, 5)}  # d, K
_PASSES = 3


def run(quick: bool = False) -> Report:
    """Growth of the peak during 3 iterations, each measurement in a process of its own."""
    report = Report("Peak memory of EM iterations beyond the data")
    mixtures = (2_000, 20_000) if quick else (200_000, 500_000, 1_000_000, 2_000_000)
    chains = (2_000, 20_000) if quick else (100_000, 1_000_000)
    report.tables = [
        _table(report, "mixture", ("skmix", "sklearn"), mixtures, "full covariances"),
        _table(report, "chain", ("skmix", "log", "scaling"), chains, "one sequence, diagonal covariances"),
    ]
    report.notes = [
        "set-up: growth of the peak while the objective (sklearn: the start) is built; passes: its further growth "
        f"during {_PASSES} EM iterations.",
        "log and scaling are hmmlearn's implementations.",
        "Peak: " + report.records[0]["gauge"] + ".",
    ]
    return report


def _measure(kind: str, rival: str, n: int) -> dict[str, Any]:
    """Run the child; standard output is one JSON object."""
    progress(f"memory: {kind}, {rival}, n = {n}")
    command = [sys.executable, str(_CHILD), kind, rival, str(n), *map(str, _SHAPES[kind]), str(_PASSES)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _table(report: Report, kind: str, rivals: tuple[str, ...], sizes: tuple[int, ...], what: str) -> Table:
    rows = []
    for n in sizes:
        records = [_measure(kind, rival, n) for rival in rivals]
        report.records += records
        growth = [figures(record[key]) for record in records for key in ("setup_mb", "passes_mb")]
        rows.append([n, figures(records[0]["data_mb"]), *growth])
    columns = ["n", "data", *(f"{rival} {part}" for rival in rivals for part in ("set-up", "passes"))]
    d, K = _SHAPES[kind]
    return Table(f"Megabytes (10⁶ bytes) of a {kind}, d = {d}, K = {K}, float64, {what}.", columns, rows)
