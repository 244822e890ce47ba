"""Peak memory of EM iterations beyond the data, by the number of rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from report import Report, Table, figures, progress
from rivals import RIVALS

_CHILD = Path(__file__).parents[1] / "peak.py"
_SHAPE = (10, 10)  # d, K
_PASSES = 3


def run(quick: bool = False) -> Report:
    """Growth of the peak during 3 iterations, each measurement in a process of its own."""
    sizes = (2_000, 20_000) if quick else (200_000, 500_000, 1_000_000, 2_000_000)
    report = Report("Peak memory of EM iterations beyond the data")
    for n in sizes:
        for rival in RIVALS:
            progress(f"memory: {rival}, n = {n}")
            report.records.append(_measure(rival, n))
    report.tables = [_table(report.records, sizes)]
    report.notes = [
        "set-up: growth of the peak while the objective (sklearn: the start) is built; passes: its further growth "
        f"during {_PASSES} EM iterations.",
        "Peak: " + report.records[0]["gauge"] + ".",
    ]
    return report


def _measure(rival: str, n: int) -> dict[str, Any]:
    """Run the child; standard output is one JSON object."""
    command = [sys.executable, str(_CHILD), rival, str(n), *map(str, _SHAPE), str(_PASSES)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _table(records: list[dict[str, Any]], sizes: tuple[int, ...]) -> Table:
    rows = []
    for n in sizes:
        own = {record["rival"]: record for record in records if record["n"] == n}
        data = next(iter(own.values()))["data_mb"]
        growth = [figures(own[rival][key]) for rival in RIVALS for key in ("setup_mb", "passes_mb")]
        rows.append([n, figures(data), *growth])
    columns = ["n", "data", *(f"{rival} {part}" for rival in RIVALS for part in ("set-up", "passes"))]
    d, K = _SHAPE
    return Table(f"Megabytes (10⁶ bytes), d = {d}, K = {K}, float64, full covariances.", columns, rows)
