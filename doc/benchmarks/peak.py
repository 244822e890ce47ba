"""Memory of one rival's EM iterations, measured in this process: ``peak.py KIND RIVAL N D K PASSES`` prints JSON.

KIND is mixture, or chain for one long sequence of a hidden Markov model.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
Kind = tuple[Callable[[int, int, int], Any], dict[str, Any]]  # how to make a problem, and the rivals
_GAUGES = {
    True: "VmHWM of a fresh process, reset to the memory in use before each stage",
    False: "ru_maxrss of a fresh process, without a reset: growth below an earlier peak does not show",
}


def main(kind: str, rival: str, *sizes: str) -> None:
    """Build the data, build what iterations need, iterate; report what each stage added to the peak."""
    n, d, K, passes = map(int, sizes)
    make, rivals = _KINDS[kind]()
    with (task := rivals[rival].iteration(make(20 * K, d, K))).session():
        task.run()  # so that libraries have loaded what they load once
    problem = make(n, d, K)
    exact = _reset()
    before = _peak()
    task = rivals[rival].iteration(problem)
    setup = _peak() - before
    _reset()
    before = _peak()
    with task.session():
        for _ in range(passes):
            task.run()
    growth = _peak() - before
    shape = {"kind": kind, "rival": rival, "n": n, "d": d, "K": K, "passes": passes}
    sizes_mb = {"data_mb": problem.X.nbytes / 1e6, "setup_mb": setup, "passes_mb": growth}
    print(json.dumps({**shape, **sizes_mb, "gauge": _GAUGES[exact]}))


def _mixtures() -> Kind:
    from problems import grid_problem
    from rivals import RIVALS

    return grid_problem, RIVALS


def _chains() -> Kind:
    from hmm_problems import series
    from rivals.chains import CHAIN_RIVALS

    return lambda n, d, K: series(K, [n], d), CHAIN_RIVALS


_KINDS = {"mixture": _mixtures, "chain": _chains}


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
