"""The figures of the guide, drawn from results/*.csv: ``python doc/benchmarks/figures.py [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from outcomes import BUDGET, REACHED, SAME
from report import geometric_mean
from standings import EM, Standings, read_csv

from skmix import MixtureClustering
from skmix.datasets import load_old_faithful
from skmix.display import CriterionDisplay

HERE = Path(__file__).parent
RESULTS, FIGURES = HERE / "results", HERE.parent / "guide" / "figures"
WIDTH = 7.2  # inches, at 100 points an inch as wide as a page
Record = dict[str, Any]

# Okabe and Ito's colours, which the colour-blind tell apart; markers and dashes say the same again.
STYLES = {
    "em": ("#000000", "o", "-"),
    "squarem": ("#E69F00", "s", "--"),
    "anderson": ("#56B4E9", "D", "-."),
    "lbfgs": ("#0072B2", "^", "-"),
    "newton": ("#009E73", "v", "--"),
    "auto": ("#D55E00", "*", "-"),
    "gradient-descent": ("#CC79A7", "P", "-"),
    "cg": ("#8C6D1F", "X", "-."),
    "riemannian": ("#7F7F7F", "h", "-"),
    "constrained": ("#B2182B", "<", ":"),
    "derivative-free": ("#6A3D9A", ">", "--"),
    "adam": ("#A6761D", "p", ":"),
    "online-em": ("#1B7837", "d", "-."),
}
WIDE = {"lbfgs": 3.5}  # shows under "auto", which often does the same
CHARTS = {"frame": "#0072B2", "log-cholesky": "#E69F00", "factor": "#CC79A7"}
MAIN = ("em", "squarem", "anderson", "lbfgs", "newton", "auto")

plt.rcParams |= {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "skmix",
}


def main(arguments: list[str] | None = None) -> int:
    """Draw the figures that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(DRAWN))
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR")
    parser.add_argument("--figures", type=Path, default=FIGURES, metavar="DIR")
    parser.add_argument("--format", default="svg", help="svg or png")
    options = parser.parse_args(arguments)
    options.figures.mkdir(parents=True, exist_ok=True)
    for name in options.names or DRAWN:
        try:
            figure = DRAWN[name](options.results)
        except FileNotFoundError as error:
            print(f"{name}: no {Path(error.filename).name} yet", file=sys.stderr)
            continue
        metadata = {"Date": None} if options.format == "svg" else {}
        figure.savefig(options.figures / f"{name}.{options.format}", dpi=100, metadata=metadata)
        plt.close(figure)
    return 0


# ---- from the shoot-out ---------------------------------------------------------------------------------------------
def passes_by_rate(results: Path) -> Figure:
    """Passes against EM's rate."""
    cells = Standings.read(results / "shootout.csv")
    figure, axes = plt.subplots(figsize=(WIDTH, 4.4))
    edges = np.geomspace(1, 1000, 10)
    for solver in present(MAIN, cells):
        slowness, passes = [], []
        for name in cells.fair(solver):
            if np.isfinite(cells.passes(name, solver)):
                slowness.append(1 / max(1 - cells.cells[name][solver]["em_rate"], 1e-3))
                passes.append(cells.passes(name, solver))
        colour, marker, _ = STYLES[solver]
        axes.scatter(slowness, passes, s=14, color=colour, marker=marker, alpha=0.35, linewidths=0)
        bins = np.digitize(slowness, edges)
        middle = [(geometric_mean(np.array(slowness)[bins == b]), np.median(np.array(passes)[bins == b])) for b in bins]
        x, y = np.array(sorted(set(middle))).T
        axes.plot(x, y, label=solver, **line(solver, marker=True))
    axes.set(xscale="log", yscale="log", xlabel="EM's rate of convergence", ylabel="passes to the optimum − 1e-8")
    rates = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999]
    axes.set_xticks([1 / (1 - rate) for rate in rates], [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    plain(axes.yaxis)
    axes.legend(title="medians", loc="upper left")
    return figure


def profiles(results: Path) -> Figure:
    """Performance profiles: share of cells within a factor of the best solver."""
    cells = Standings.read(results / "shootout.csv")
    shown = [solver for solver in cells.solvers if not solver.endswith("factor")]
    everywhere = [solver for solver in shown if len(cells.ran(solver)) == len(cells.cells)]
    slow = [solver for solver in shown if solver not in everywhere]
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 4.8), sharey=True)
    for axes, solvers, title in zip(panels, (everywhere, slow), ("on all cells", "on small cells"), strict=True):
        factors = np.geomspace(1, 1000, 300)
        for solver in solvers:
            to_best = cells.to_best(solver)
            if len(to_best):
                shares = (to_best[:, None] <= factors).mean(axis=0)
                axes.step(factors, shares, label=solver, **line(solver))
        axes.set(xscale="log", xlabel="× the passes of the best solver", title=title, ylim=(0, 1.02), xlim=(1, 1000))
        axes.axvline(1.25, color="#999999", linewidth=0.8)
        plain(axes.xaxis)
    panels[0].set_ylabel("share of cells")
    handles = [line_ for axes in panels for line_ in axes.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8.5)
    return figure


def charts(results: Path) -> Figure:
    """Coordinates: condition numbers, and passes of the solvers that take a chart."""
    conditions = read_csv(results / "conditioning.csv")
    cells = Standings.read(results / "shootout.csv")
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.8), width_ratios=(1, 1.3))
    groups = {"standardised": 0, "raw": 1}
    for i, (chart, colour) in enumerate(CHARTS.items()):
        for unit, place in groups.items():
            found = [r["condition"] for r in conditions if (r["chart"], r["units"]) == (chart, unit)]
            x = place + 0.26 * (i - 1)
            left.bar(x, geometric_mean(found), 0.24, color=colour, label=chart if place == 0 else None)
            left.vlines(x, min(found), max(found), color="#333333", linewidth=1)
    left.set(yscale="log", ylabel="condition number at the optimum", title="Hessian")
    left.set_xticks(list(groups.values()), ["standardised", "raw units"])
    left.legend(loc="upper left")
    families = {solver.partition(" ")[0] for solver in cells.solvers if " " in solver}
    for place, family in enumerate(solver for solver in cells.solvers if solver in families):
        for i, (chart, colour) in enumerate(CHARTS.items()):
            label = f"{family} {chart}" if f"{family} {chart}" in cells.solvers else family
            ratios = cells.ratio(label, EM)
            x = place + 0.26 * (i - 1)
            low, middle, high = np.quantile(ratios, (0.1, 0.5, 0.9)) if len(ratios) else (np.nan,) * 3
            right.vlines(x, low, high, color=colour, linewidth=2)
            right.plot(x, middle, "o", color=colour)
            unsolved = np.mean([cells.cells[name][label]["outcome"] != REACHED for name in cells.ran(label)] or [0])
            right.annotate(f"{unsolved:.0%}", (x, high), (0, 3), textcoords="offset points", ha="center", fontsize=7)
    labels = [solver for solver in cells.solvers if solver in families]
    right.axhline(1, color="#333333", linewidth=0.8)
    right.set_xticks(range(len(labels)), labels)
    right.set(yscale="log", ylabel="passes / EM's passes", title="passes: median, 10–90 %; above: not solved")
    plain(right.yaxis)
    return figure


def missing(results: Path) -> Figure:
    """Passes against the share of missing entries, on the same problems."""
    cells = Standings.read(results / "shootout.csv")
    twins = cells.where(lambda cell: cell["axis"] in ("base", "missing"))
    figure, axes = plt.subplots(figsize=(WIDTH * 0.72, 3.6))
    shares = sorted({first["missing"] for first in firsts(twins)})
    for solver in present(MAIN, twins):
        middles = [geometric_mean(solved(twins.where(lambda c, s=s: c["missing"] == s), solver)) for s in shares]
        axes.plot([100 * share for share in shares], middles, label=solver, **line(solver, marker=True))
    axes.set(yscale="log", xlabel="entries missing, %", ylabel="passes, geometric mean")
    plain(axes.yaxis)
    axes.set_xticks([100 * share for share in shares])
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def separation(results: Path) -> Figure:
    """EM's rate and everybody's passes against separation."""
    cells = Standings.read(results / "shootout.csv")
    grid = cells.where(lambda cell: cell["dataset"] == "mixture" and cell["over"] == "0" and not cell["missing"])
    levels = sorted({first["c"] for first in firsts(grid)})
    own = [grid.where(lambda cell, c=c: cell["c"] == c) for c in levels]
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    rates = [np.quantile([first["em_rate"] for first in firsts(part)], (0.25, 0.5, 0.75)) for part in own]
    low, middle, high = np.array(rates).T
    left.fill_between(range(len(levels)), low, high, color="#DDDDDD", label="quartiles")
    left.plot(range(len(levels)), middle, **line(EM, marker=True), label="median")
    left.set(ylabel="EM's rate of convergence", ylim=(0, 1.02))
    left.legend()
    for solver in present(MAIN, grid):
        means = [geometric_mean(solved(part, solver)) for part in own]
        right.plot(range(len(levels)), means, label=solver, **line(solver, marker=True))
    right.set(yscale="log", ylabel="passes, geometric mean")
    plain(right.yaxis)
    right.legend()
    for axes in (left, right):
        axes.set_xticks(range(len(levels)), [f"{c:g}" for c in levels])
        axes.set_xlabel("separation c")
    return figure


def optima(results: Path) -> Figure:
    """Where solvers end relative to EM, and what another start changes."""
    cells = Standings.read(results / "shootout.csv")
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 4.4), width_ratios=(1, 1.1))
    ended = cells.where(lambda cell: cell["target_from"] == EM)
    solvers = [solver for solver in ended.solvers if " " not in solver and solver != EM]
    for place, solver in enumerate(solvers):
        gaps = [run["gap"] for name in ended.ran(solver) if (run := ended.cells[name][solver])["outcome"] != BUDGET]
        lower, higher = (np.mean(sign * np.array(gaps) > SAME) if gaps else 0 for sign in (1, -1))
        left.barh(place, -100 * lower, color="#D55E00", label="lower than EM" if place == 0 else None)
        left.barh(place, 100 * higher, color="#0072B2", label="higher than EM" if place == 0 else None)
    left.axvline(0, color="#333333", linewidth=0.8)
    left.set_yticks(range(len(solvers)), solvers)
    left.invert_yaxis()
    left.set(xlabel="% of runs that ended in another optimum", title="same start, other solver")
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=2, fontsize=8)
    real = cells.where(lambda cell: cell["axis"] == "real" and not cell["missing"])
    problems = list(dict.fromkeys((first["dataset"], first["covariance_type"]) for first in firsts(real)))
    for place, problem in enumerate(problems):
        same = real.where(lambda cell, problem=problem: (cell["dataset"], cell["covariance_type"]) == problem)
        ends = {s: [same.cells[name][s]["objective"] for name in same.ran(s)] for s in present(MAIN, same)}
        best = max(value for values in ends.values() for value in values)
        for i, (solver, values) in enumerate(ends.items()):
            y = np.full(len(values), place + 0.1 * (i - (len(ends) - 1) / 2))
            right.scatter(np.maximum(best - np.array(values), 1e-9), y, s=14, color=STYLES[solver][0], alpha=0.8)
    right.set_yticks(range(len(problems)), [f"{name}, {kind}" for name, kind in problems], fontsize=8)
    right.invert_yaxis()
    right.set(xscale="log", xlabel="nats per row below the best", title="other start (colours: solvers)")
    return figure


def gradient_free(results: Path) -> Figure:
    """Passes against the number of parameters, without derivatives and with."""
    cells = Standings.read(results / "shootout.csv")
    figure, axes = plt.subplots(figsize=(WIDTH * 0.8, 3.8))
    small = cells.where(lambda cell: "derivative-free" in cells.cells[cell["cell"]])
    for solver in present(("derivative-free", "em", "lbfgs"), small):
        colour, marker, _ = STYLES[solver]
        runs = [small.cells[name][solver] for name in small.ran(solver)]
        for there, face in ((True, colour), (False, "none")):
            own = [run for run in runs if (run["outcome"] == REACHED) == there]
            p, passes = [run["p"] for run in own], [run["passes" if there else "all_passes"] for run in own]
            style = {"marker": marker, "c": face, "edgecolors": colour, "s": 30}
            if own:
                axes.scatter(p, passes, label=solver if there else f"{solver}, not there", **style)
    axes.set(xscale="log", yscale="log", xlabel="parameters", ylabel="passes to the optimum − 1e-8")
    plain(axes.xaxis, axes.yaxis)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


# ---- from histories and the race ------------------------------------------------------------------------------------
def too_many_components(results: Path) -> Figure:
    """Gap against passes where K is right and where it is too large."""
    parts = ("K right", "K too large by 1", "two fitted to one")
    return _climbs(results, parts, ("em", "squarem", "lbfgs", "newton"))


def gradient_descent(results: Path) -> Figure:
    """Gradient descent against EM where covariances are diagonal."""
    parts = ("diagonal, separated", "diagonal, moderate", "diagonal, overlapping")
    solvers = ("em", "gradient-descent log-cholesky", "gradient-descent", "lbfgs")
    return _climbs(results, parts, solvers)


def hasselblad(results: Path) -> Figure:
    """Hasselblad's Poissons."""
    return _climbs(results, ("Hasselblad's Poissons",), MAIN)


def _climbs(results: Path, parts: tuple[str, ...], solvers: tuple[str, ...]) -> Figure:
    records = [r for r in read_csv(results / "histories.csv") if r["part"] in parts]
    columns = min(len(parts), 3 if len(parts) != 4 else 2)
    rows = -(-len(parts) // columns)
    size = (WIDTH if columns > 1 else WIDTH * 0.7, 3.0 * rows + 0.5)
    figure, panels = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False)
    for axes, part in zip(panels.flat, parts, strict=True):
        for solver in solvers:
            climb = [(r["passes"], max(r["gap"], 1e-12)) for r in records if (r["part"], r["solver"]) == (part, solver)]
            if climb:
                axes.plot(*np.array(climb).T, label=solver, **line(solver))
        axes.set(xscale="log", yscale="log", title=part)
        plain(axes.xaxis)
    for axes in panels[-1]:
        axes.set_xlabel("passes")
    for axes in panels[:, 0]:
        axes.set_ylabel("nats per row to the optimum")
    handles, labels = panels.flat[0].get_legend_handles_labels()
    panels[0, 0].set_ylim(1e-9, 2 * max(record["gap"] for record in records))
    figure.legend(handles, labels, loc="outside lower center", ncols=4 if columns > 1 else 3)
    return figure


def lower_bound(results: Path) -> Figure:
    """The evidence lower bound and the likelihood, with exact, stale and hard responsibilities."""
    records = [r for r in read_csv(results / "histories.csv") if r["part"] == "elbo"]
    best = max(r["log_likelihood"] for r in records)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    colours = {"exact": "#000000", "stale": "#0072B2", "hard": "#D55E00"}
    for way, colour in colours.items():
        own = [r for r in records if r["solver"] == way]
        passes = [r["passes"] for r in own]
        left.plot(passes, [r["log_likelihood"] - best for r in own], color=colour, label=f"{way}: likelihood")
        left.plot(passes, [r["elbo"] - best for r in own], color=colour, linestyle=":", label=f"{way}: bound")
        right.plot(passes, [max(r["slack"], 1e-12) for r in own], color=colour)
    left.set(ylabel="nats per row", title="relative to the best likelihood", xlabel="passes")
    right.set(yscale="log", title="likelihood − bound", xlabel="passes")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def race(results: Path) -> Figure:
    """How many times sooner than scikit-learn, cell by cell."""
    records = [r for r in read_csv(results / "race.csv") if r["same"]]
    records.sort(key=lambda r: (r["axis"], r["ratio"]))
    figure, axes = plt.subplots(figsize=(WIDTH, 0.8 + 0.22 * len(records)))
    colours = {"overlapping": "#0072B2", "separated": "#E69F00"}
    for place, record in enumerate(records):
        axes.barh(place, record["ratio"], color=colours[record["axis"]], height=0.7)
        end = (record["ratio"], place)
        axes.annotate(f"{record['ratio']:.0f}", end, (3, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(records)), [f"{r['axis']}: {r['cell']}" for r in records], fontsize=8)
    axes.set(xscale="log", xlabel="scikit-learn's time / skmix's time to the optimum − 1e-6 nats per row")
    axes.set_xlim(1, None)
    plain(axes.xaxis)
    return figure


# ---- parts ----------------------------------------------------------------------------------------------------------
def firsts(cells: Standings) -> list[Record]:
    """A record of each cell, to read its description from."""
    return [next(iter(runs.values())) for runs in cells.cells.values()]


def present(solvers: tuple[str, ...], cells: Standings) -> list[str]:
    return [solver for solver in solvers if solver in cells.solvers]


def solved(cells: Standings, solver: str) -> list[float]:
    """Passes of the runs that got to the target."""
    passes = [cells.passes(name, solver) for name in cells.fair(solver)]
    return [value for value in passes if np.isfinite(value)]


def plain(*axes: Any) -> None:
    """Numbers on logarithmic axes without powers of ten."""
    for axis in axes:
        decades = np.log10(axis.get_data_interval()[1] / max(axis.get_data_interval()[0], 1e-300))
        axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 1.7 else (1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def line(solver: str, marker: bool = False) -> dict[str, Any]:
    """Colour, dashes and marker of a solver; other charts of it are thinner and dotted."""
    name, _, chart = solver.partition(" ")
    colour, symbol, dash = STYLES.get(name, ("#555555", "o", "-"))
    own = {"color": colour, "linestyle": {"": dash, "factor": (0, (1, 3))}.get(chart, ":")}
    own |= {"zorder": 1.9 if name in WIDE else 2, "linewidth": 1.3 if chart else WIDE.get(name, 1.8)}
    return own | ({"marker": symbol, "markersize": 6} if marker else {})


def choosing(results: Path) -> Figure:
    """BIC of all models of the Old Faithful data, fitted anew."""
    clustering = MixtureClustering(range(1, 8), random_state=0).fit(load_old_faithful().data)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.8))
    CriterionDisplay.from_estimator(clustering, ax=axes)
    return figure


DRAWN: dict[str, Callable[[Path], Figure]] = {
    "passes-by-rate": passes_by_rate,
    "profiles": profiles,
    "charts": charts,
    "missing": missing,
    "separation": separation,
    "too-many-components": too_many_components,
    "gradient-descent": gradient_descent,
    "optima": optima,
    "gradient-free": gradient_free,
    "lower-bound": lower_bound,
    "hasselblad": hasselblad,
    "race": race,
    "choosing": choosing,
}

if __name__ == "__main__":
    sys.exit(main())
