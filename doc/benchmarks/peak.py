"""Memory of one rival's EM iterations, measured in this process: ``peak.py RIVAL N D K PASSES`` prints JSON."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from problems import grid_problem
from rivals import RIVALS

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_GAUGES = {
    True: "VmHWM of a fresh process, reset to the memory in use before each stage",
    False: "ru_maxrss of a fresh process, without a reset: growth below an earlier peak does not show",
}


def main(rival: str, *sizes: str) -> None:
    """Build the data, build what iterations need, iterate; report what each stage added to the peak."""
    n, d, K, passes = map(int, sizes)
    _warm_up(rival, d, K)
    problem = grid_problem(n, d, K)
    exact = _reset()
    before = _peak()
    task = RIVALS[rival].iteration(problem)
    setup = _peak() - before
    _reset()
    before = _peak()
    with task.session():
        for _ in range(passes):
            task.run()
    growth = _peak() - before
    shape = {"rival": rival, "n": n, "d": d, "K": K, "passes": passes}
    sizes_mb = {"data_mb": problem.X.nbytes / 1e6, "setup_mb": setup, "passes_mb": growth}
    print(json.dumps({**shape, **sizes_mb, "gauge": _GAUGES[exact]}))


def _warm_up(rival: str, d: int, K: int) -> None:
    """One iteration on few rows, so that libraries have loaded what they load once."""
    task = RIVALS[rival].iteration(grid_problem(20 * K, d, K))
    with task.session():
        task.run()


def _reset() -> bool:
    """Set the peak back to the memory in use, where the system can; ru_maxrss even begins at the parent's peak."""
    try:
        _RESET.write_text("5")
    except OSError:
        return False
    return _STATUS.exists()


def _peak() -> float:
    """Peak resident memory in MB."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
