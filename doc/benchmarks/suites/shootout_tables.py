"""Tables of the shoot-out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from outcomes import BUDGET, FAILED, OTHER, REACHED, REFUSED, SHORT
from report import Table, figures, geometric_mean
from standings import AUTO, EM, LBFGS, Standings

FAST = ("squarem", "anderson", LBFGS, "newton", AUTO)  # that run on every cell, beside EM
_ABOUT = 1 + 1e-6  # fractional passes are rounded
MANY = 300  # passes of EM from which another solver should be much better
Record = dict[str, Any]


def everything(records: list[Record]) -> list[Table]:
    """All tables that the records give."""
    all_cells = Standings(records)
    tables = [aims(all_cells), overview(all_cells), ratios(all_cells), by_axis(all_cells), charts(all_cells)]
    tables += [separation(all_cells), too_many(all_cells), hosseini_sra(all_cells), slowest(all_cells, AUTO)]
    tables.insert(7, overfitted(all_cells))
    return [table for table in tables if table.rows]


def aims(cells: Standings) -> Table:
    """The figures aimed at."""
    auto, anywhere = cells.to_best(AUTO), cells.to_best(AUTO, elsewhere=True)
    to_em, slow = cells.to_em(AUTO), cells.to_em(LBFGS, MANY)
    left_out = f"{cells.count(AUTO, OTHER)} left out, {cells.count(AUTO, SHORT) + cells.count(AUTO, BUDGET)} short"
    rows = [
        ["auto ≤ 1.25 × the best solver, share of cells", _share(auto, 1.25), "≥ 90 %", len(auto), left_out],
        ["auto / best, most", _most(auto), "≤ 2", len(auto), left_out],
        ["share, if the best may end in a higher optimum", _share(anywhere, 1.25), "", len(anywhere), left_out],
        ["most, if the best may end in a higher optimum", _most(anywhere), "", len(anywhere), left_out],
        ["auto / em, most", _most(to_em), "≤ 1.1", len(to_em), left_out],
        [f"em / lbfgs where em > {MANY}, geometric mean", _mean(1 / slow), "≥ 5", len(slow), "both reached"],
    ]
    return Table("The figures aimed at.", ["figure", "measured", "aim", "cells", "remark"], rows)


def overview(cells: Standings) -> Table:
    """How the runs of each solver ended."""
    rows = []
    for solver in cells.solvers:
        ends = [cells.count(solver, outcome) for outcome in (REACHED, OTHER, SHORT, BUDGET, FAILED)]
        rows.append([solver, len(cells.ran(solver)), *ends, cells.higher(solver)])
    columns = ["solver", "ran on", REACHED, OTHER, SHORT, BUDGET, FAILED, "higher"]
    caption = f"Outcomes, over {len(cells.cells)} cells; higher: ended in a higher optimum than the target's."
    return Table(caption, columns, rows)


def ratios(cells: Standings) -> Table:
    """Passes of each solver relative to EM and to the best."""
    rows = []
    for solver in cells.solvers:
        to_em, to_best = cells.to_em(solver), cells.to_best(solver)
        got = to_best[np.isfinite(to_best)]
        shares = [_share(to_best, factor) for factor in (1.25, 2.0)]
        rows.append([solver, len(to_best), _mean(to_em), _most(to_em), _mean(got), *shares])
    columns = ["solver", "cells", "/ em", "most", "/ best", "≤ 1.25 best", "≤ 2 best"]
    return Table("Passes relative to EM's and to the best solver's, geometric means.", columns, rows)


_AXES = ("c", "d", "K", "n", "missing", "over", "raw_units", "covariance_type", "dataset", "start")


def by_axis(cells: Standings) -> Table:
    """Passes relative to EM, level by level; solvers that run nearly everywhere."""
    common = [solver for solver in FAST if solver in cells.solvers]
    rows = []
    for axis in _AXES:
        mixtures = cells.where(lambda cell, axis=axis: axis in ("dataset", "start") or cell["dataset"] == "mixture")
        levels = {_first(runs)[axis] for runs in mixtures.cells.values()}
        for level in sorted(levels, key=lambda level: (isinstance(level, str), level)):
            own = mixtures.where(lambda cell, axis=axis, level=level: cell[axis] == level)
            passes = [own.passes(name, EM) for name in own.cells]
            means = [_mean(own.to_em(solver)) for solver in common]
            rows.append([f"{axis} {_level(level)}", len(own.cells), figures(float(np.median(passes))), *means])
    return Table(
        "Axis by axis: EM's passes (median), and those of others relative to them (geometric means).",
        ["level", "cells", EM, *common],
        rows,
    )


def charts(cells: Standings) -> Table:
    """The same solver in different coordinates, on the cells that all its charts ran on."""
    families: dict[str, list[str]] = {}
    for solver in cells.solvers:
        families.setdefault(solver.partition(" ")[0], []).append(solver)
    rows = []
    for labels in (labels for labels in families.values() if len(labels) > 1):
        shared = cells.where(lambda cell, labels=labels: set(labels) <= cells.cells[cell["cell"]].keys())
        for label in labels:
            to_em, to_best = shared.to_em(label), shared.to_best(label)
            ends = [shared.count(label, outcome) for outcome in (REACHED, OTHER, SHORT, BUDGET)]
            rows.append([label, len(to_best), _mean(to_em), _most(to_em), *ends])
    columns = ["solver and chart", "cells", "/ em", "most", REACHED, OTHER, SHORT, BUDGET]
    return Table("Charts: passes relative to EM, on cells that all charts of a solver ran on.", columns, rows)


def separation(cells: Standings) -> Table:
    """EM's rate goes to 0 with separation."""
    grid = cells.where(lambda cell: cell["dataset"] == "mixture" and cell["over"] == "0" and not cell["missing"])
    rows = []
    for c in sorted({_first(runs)["c"] for runs in grid.cells.values()}):
        own = grid.where(lambda cell, c=c: cell["c"] == c)
        rates = [_first(runs)["em_rate"] for runs in own.cells.values()]
        rows.append([f"{c:g}", len(rates), f"{np.median(rates):.3f}", *_medians(own, (EM, LBFGS, AUTO))])
    columns = ["c", "cells", "EM's rate", EM, LBFGS, AUTO]
    return Table("EM's rate → 0 with separation: medians of rate and passes, right K, no NaN.", columns, rows)


def too_many(cells: Standings) -> Table:
    """EM is sublinear where K is too large."""
    twins = cells.where(lambda cell: cell["axis"] in ("over", "base"))
    names = [solver for solver in (EM, *FAST) if solver in twins.solvers]
    rows = []
    for over in dict.fromkeys(_first(runs)["over"] for runs in twins.cells.values()):
        own = twins.where(lambda cell, over=over: cell["over"] == over)
        budget = sum(runs[EM]["outcome"] == BUDGET for runs in own.cells.values())
        rates = [_first(runs)["em_rate"] for runs in own.cells.values()]
        rows.append([over, len(own.cells), f"{np.median(rates):.3f}", budget, *_medians(own, names)])
    columns = ["K too large", "cells", "EM's rate", "unfinished", *names]
    return Table(
        "EM where K is too large: medians over the base problems; unfinished: cells where EM was.", columns, rows
    )


def overfitted(cells: Standings) -> Table:
    """Passes grow with n where one Gaussian is fitted with two."""
    own = cells.where(lambda cell: cell["axis"] == "overfitted")
    solvers = [solver for solver in (EM, *FAST) if solver in own.solvers]
    rows = []
    for d, n in dict.fromkeys((first["d"], first["n"]) for first in map(_first, own.cells.values())):
        same = own.where(lambda cell, d=d, n=n: (cell["d"], cell["n"]) == (d, n))
        rows.append([f"{d:g}", f"{n:g}", len(same.cells), *_medians(same, solvers)])
    return Table("One Gaussian fitted with two: medians of passes.", ["d", "n", "cells", *solvers], rows)


def hosseini_sra(cells: Standings) -> Table:
    """Hosseini and Sra's comparison."""
    own = cells.where(lambda cell: cell["axis"] == "hosseini-sra")
    wanted = (EM, "riemannian", LBFGS, "lbfgs log-cholesky", "cg log-cholesky", AUTO)
    solvers = [solver for solver in wanted if solver in own.solvers]
    rows = []
    for runs in own.cells.values():
        cell = _first(runs)
        passes = [_passes(runs[solver]) if solver in runs else "–" for solver in solvers]
        rows.append([f"{cell['c']:g}", f"{cell['K']:g}", *passes])
    n = next(iter(next(iter(own.cells.values())).values()))["n"] if own.cells else 0
    return Table(f"Hosseini and Sra's problems: passes, d = 20, n = {n:g}.", ["c", "K", *solvers], rows)


def slowest(cells: Standings, solver: str, most: int = 15) -> Table:
    """The cells on which a solver is farthest from the best."""
    rows: list[list[Any]] = []
    for name in cells.fair(solver):
        runs, best = cells.cells[name], cells.best(name)
        own = runs[solver]["passes"] if runs[solver]["outcome"] == REACHED else np.inf
        if own > 1.25 * best * _ABOUT:
            passes = {label: r["passes"] for label, r in runs.items() if r["outcome"] == REACHED}
            winner = next(label for label, made in passes.items() if made == best)
            rows.append([name, _passes(runs[EM]), _passes(runs[solver]), winner, figures(best), own / best])
    rows = sorted(rows, key=lambda row: -row[-1])
    shown = [[*row[:-1], figures(row[-1])] for row in rows[:most]]
    caption = f"Cells where {solver} is farthest from the best solver ({len(rows)} beyond 1.25 ×)."
    return Table(caption, ["cell", EM, solver, "best", "passes", "ratio"], shown)


def hasselblad(verdicts: dict[str, Record]) -> Table:
    """Hasselblad's Poisson mixture."""
    rows = [
        [label, record["outcome"], _passes(record), f"{record.get('gap', np.nan):.1e}"]
        for label, record in verdicts.items()
        if record["outcome"] != REFUSED
    ]
    caption = (
        "Hasselblad's two Poissons, from weight 0.3, rates 1 and 2.5, to 1e-10 nats per row. "
        "Expected: em > 1500, squarem and lbfgs < 80."
    )
    return Table(caption, ["solver", "outcome", "passes", "nats below the target at the end"], rows)


def _first(runs: dict[str, Record]) -> Record:
    return next(iter(runs.values()))


# ---- cells of tables ------------------------------------------------------------------------------------------------
def _passes(record: Record) -> str:
    if record["outcome"] == REACHED:
        return figures(record["passes"])
    return f"> {record['all_passes']:.0f}" if record["outcome"] == BUDGET else record["outcome"]


def _medians(cells: Standings, solvers: Sequence[str]) -> list[str]:
    found = []
    for solver in solvers:
        passes = [cells.passes(name, solver) for name in cells.fair(solver)]
        found.append(figures(float(np.median(passes))) if passes else "–")
    return found


def _share(ratios: np.ndarray, factor: float) -> str:
    return f"{np.mean(ratios <= factor * _ABOUT):.0%}" if len(ratios) else "–"


def _mean(ratios: np.ndarray) -> str:
    return figures(geometric_mean(ratios)) if len(ratios) else "–"


def _most(ratios: np.ndarray) -> str:
    """The largest ratio of runs that got there."""
    got = ratios[np.isfinite(ratios)]
    return figures(float(got.max())) if len(got) else "–"


def _level(level: Any) -> str:
    return f"{level:g}" if isinstance(level, float | int) and not isinstance(level, bool) else str(level)
