"""The benchmarks, by name: each is a module whose ``run(quick)`` returns a report."""

from __future__ import annotations

from suites import (
    conditioning,
    fits,
    histories,
    hmm,
    imputation,
    memory,
    missing,
    passes,
    race,
    searches,
    shootout,
    solvers,
)

SUITES = {
    "passes": passes.run,
    "fits": fits.run,
    "solvers": solvers.run,
    "memory": memory.run,
    "missing": missing.run,
    "shootout": shootout.run,
    "histories": histories.run,
    "conditioning": conditioning.run,
    "race": race.run,
    "hmm": hmm.run,
    "imputation": imputation.run,
    "searches": searches.run,
}
PARALLEL = ("shootout",)  # those that count rather than time: ``run(quick, jobs)``
