"""How well coordinates are scaled: condition numbers of the Hessian at the optimum, by chart and units."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from cells import Cell
from report import Report, Table, figures, geometric_mean, progress

from skmix import GaussianMixture
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective, Point
from skmix.likelihood.units import Units

CHARTS = ("frame", "log-cholesky", "factor")
_STEP = 1e-5  # of differences, in the frame's coordinates
Record = dict[str, Any]


def run(quick: bool = False) -> Report:
    """Every chart, in standardised and in raw units."""
    separations, shapes, seeds = ((1.0,), ((2, 3),), 1) if quick else ((0.5, 1.0, 2.0), ((2, 3), (5, 3), (10, 3)), 3)
    report = Report("Condition numbers of the Hessian at the optimum, by coordinates")
    for c, (d, K), seed in product(separations, shapes, range(seeds)):
        cell = Cell("conditioning", c=c, d=d, K=K, n=3000, raw_units=True, seed=seed)
        progress(f"conditioning: {cell.name}")
        report.records += _measure(cell)
    report.tables = [_table(report.records)]
    report.notes = [
        "Condition number: largest over smallest eigenvalue, without the directions along which nothing changes "
        "(coordinates beyond the free parameters: one of softmax, d(d − 1)/2 a component of a full factor).",
        "standardised: the units that skmix works in, whatever the user's. raw: columns scaled by 10^U(−2, 2).",
        "The Hessian is that in the frame, by differences, carried over by the Jacobian: exact at an optimum.",
    ]
    return report


def _measure(cell: Cell) -> list[Record]:
    X = cell.data()
    objective, point = _optimum(cell, X)
    root = _hessian_root(objective, point)
    records = []
    for name, (unit, units) in product(CHARTS, {"standardised": objective.rows.units, "raw": None}.items()):
        jacobian = _jacobian(objective, point, name, units or Units.identity(cell.d))
        values = np.linalg.svd(root @ jacobian, compute_uv=False)[: cell.n_parameters]
        condition = float((values[0] / values[-1]) ** 2)
        counts = {"coordinates": jacobian.shape[1], "condition": condition}
        records.append({**cell.record(), "chart": name, "units": unit, **counts})
    return records


def _optimum(cell: Cell, X: np.ndarray) -> tuple[Objective, Point]:
    """A maximum of the cell's objective to working precision."""
    fitted = cell.estimator(X, solver="lbfgs", tol=1e-12, max_iter=5000).fit(X)
    given = {"weights_init": fitted.weights_, "means_init": fitted.means_, "precisions_init": fitted.precisions_}
    at_it = GaussianMixture(**{**fitted.get_params(), **given})
    _, rows, weight = at_it._check_fit_data(X, None)
    objective = at_it._objective(rows, weight)
    (parameters,) = at_it._starts(objective)
    return objective, objective.at(parameters)


def _hessian_root(objective: Objective, point: Point) -> np.ndarray:
    """C with CᵀC = −Hessian in the frame; what is not curved is cut off."""
    chart = objective.chart("frame", point)

    def gradient(z: np.ndarray) -> np.ndarray:
        return objective.gradient(chart, z, objective.at(chart.parameters(z)))

    steps = _STEP * np.eye(len(chart.start))
    hessian = np.stack([(gradient(step) - gradient(-step)) / (2 * _STEP) for step in steps])
    values, vectors = np.linalg.eigh(-(hessian + hessian.T) / 2)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T


def _jacobian(objective: Objective, point: Point, name: str, units: Units) -> np.ndarray:
    """Derivatives of the frame's coordinates in those of a chart of the parameters in `units`."""
    family, own = objective.model.family, objective.rows.units
    frame = objective.chart("frame", point)

    def moved(components: Any, old: Units, new: Units) -> Any:
        return family.adopt(family.publish(components, old), new)

    there = Parameters(point.parameters.latent, moved(point.parameters.components, own, units))
    chart = objective.model.chart(name, there, point.statistics)

    def to_frame(z: np.ndarray) -> np.ndarray:
        parameters = chart.parameters(z)
        return frame.coordinates(Parameters(parameters.latent, moved(parameters.components, units, own)))

    def differences(steps: np.ndarray) -> np.ndarray:
        pairs = [(to_frame(chart.start + step) - to_frame(chart.start - step)) for step in np.diag(steps)]
        return np.stack(pairs, axis=1) / (2 * steps)

    rough = differences(1e-6 * (np.abs(chart.start) + 1e-3))
    length = np.linalg.norm(rough, axis=0)
    return differences(_STEP / np.where(length > 1e-9, length, 1.0))


def _table(records: list[Record]) -> Table:
    rows = []
    for c, d in dict.fromkeys((record["c"], record["d"]) for record in records):
        own = [record for record in records if (record["c"], record["d"]) == (c, d)]
        cells = []
        for unit, name in product(("standardised", "raw"), CHARTS):
            found = [r["condition"] for r in own if (r["units"], r["chart"]) == (unit, name)]
            mean = geometric_mean(found)
            cells.append(figures(mean) if mean < 1e4 else f"{mean:.0e}")
        rows.append([f"{c:g}", d, *cells])
    columns = ["c", "d", *CHARTS, *(f"raw: {name}" for name in CHARTS)]
    return Table("Condition numbers, geometric means over data sets; K = 3, full covariances.", columns, rows)
