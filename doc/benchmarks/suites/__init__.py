"""The benchmarks, by name: each is a module whose ``run(quick)`` returns a report."""

from __future__ import annotations

from suites import fits, memory, missing, passes, solvers

SUITES = {
    "passes": passes.run,
    "fits": fits.run,
    "solvers": solvers.run,
    "memory": memory.run,
    "missing": missing.run,
}
