"""Whole climbs, to draw: gap to the optimum against passes, on a few cells that show one thing each."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from cells import Cell
from outcomes import SAME, Start, ran
from report import Report, Table, figures, progress

from suites.shootout import REFERENCE, compare, contestants, hasselblad_runs

CELLS = {
    "K right": Cell("histories", c=2.0, d=2, K=3, n=3000, seed=1),
    "K too large by 1": Cell("histories", c=2.0, d=2, K=3, n=3000, over="+1", seed=1),
    "two fitted to one": Cell("histories", c=1.0, d=2, K=1, n=3000, over="x2", covariance_type="spherical", seed=1),
    "diagonal, separated": Cell("histories", c=2.0, d=5, K=3, n=2000, covariance_type="diag"),
    "diagonal, moderate": Cell("histories", c=0.5, d=5, K=3, n=2000, covariance_type="diag"),
    "diagonal, overlapping": Cell("histories", c=0.5, d=1, K=3, n=2000, covariance_type="diag"),
}
DRAWN = ("em", "squarem", "anderson", "lbfgs", "newton", "auto", "gradient-descent", "gradient-descent log-cholesky")
ELBO_CELL = Cell("histories", c=1.0, d=2, K=3, n=2000)
_POINTS = 100  # of a climb that are kept
_MAX_ITER = 5000
_BLOCKS = 10  # of rows whose responsibilities are renewed one after the other
Record = dict[str, Any]


def run(quick: bool = False) -> Report:
    """Climbs of the solvers that are drawn, and of EM with approximate responsibilities."""
    report = Report("Climbs, for the figures")
    solvers = {label: solver for label, solver in contestants().items() if label in DRAWN}
    for title, cell in list(CELLS.items())[: 2 if quick else None]:
        progress(f"histories: {title}")
        X = cell.data()
        estimator = cell.estimator(X, max_iter=300 if quick else _MAX_ITER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runs = compare(estimator, X, solvers, cell.seed)
        report.records += _climbs(title, runs)
    report.records += _climbs("Hasselblad's Poissons", hasselblad_runs(DRAWN))
    report.records += elbo(ELBO_CELL.data(), ELBO_CELL.K, passes=20 if quick else 60)
    report.tables = [_ends(report.records)]
    report.notes = [
        "gap: nats per row below the optimum where EM ends, or most solvers where EM does not come to an end.",
        f"The part named 'elbo': EM in NumPy with responsibilities that are exact, renewed for one of {_BLOCKS} blocks "
        "of rows before each M-step (stale), or rounded to 0 and 1 (hard); bound and log-likelihood, nats per row.",
    ]
    return report


def _climbs(title: str, runs: dict[str, Any]) -> list[Record]:
    done = {label: run for label, run in runs.items() if ran(run)}
    target = Start(runs, REFERENCE).target
    ends = [float(run.history["objective"][-1]) for run in done.values()]
    best = max((end for end in ends if abs(end - target) <= SAME), default=np.nan)
    records = []
    for label, run in done.items():
        passes, objective = run.history["n_passes"], run.history["objective"]
        kept = np.unique(np.geomspace(1, len(passes), _POINTS).astype(int)) - 1
        common = {"part": title, "solver": label}
        records += [{**common, "passes": float(passes[i]), "gap": best - float(objective[i])} for i in kept]
    return records


def _ends(records: list[Record]) -> Table:
    last = {(record["part"], record["solver"]): record for record in records}
    rows = []
    for (part, solver), record in last.items():
        gap = f"{record['gap']:.1e}" if "gap" in record else f"{record['log_likelihood']:.4f}"
        rows.append([part, solver, figures(record["passes"]), gap])
    return Table("Where they end; for the bounds, the true log-likelihood.", ["part", "solver", "passes", "gap"], rows)


# ---- the evidence lower bound ---------------------------------------------------------------------------------------
def elbo(X: np.ndarray, K: int, passes: int) -> list[Record]:
    """EM with exact, stale and hard responsibilities from one start: bound and true log-likelihood."""
    records = []
    for way in ("exact", "stale", "hard"):
        n = len(X)
        weights, means, covariances = np.full(K, 1 / K), X[:: n // K][:K], np.repeat(np.cov(X.T)[None], K, axis=0)
        R = _responsibilities(_log_joint(X, weights, means, covariances))
        for step in range(passes * (_BLOCKS if way == "stale" else 1)):
            weights, means, covariances = _m_step(X, R)
            joint = _log_joint(X, weights, means, covariances)
            log_density = np.logaddexp.reduce(joint, axis=1)
            bound = float(np.sum(R * joint) - np.sum(R * np.log(np.maximum(R, 1e-300)))) / n
            made = (step + 1) / (_BLOCKS if way == "stale" else 1)
            common = {"part": "elbo", "solver": way, "passes": made}
            if made == int(made):
                likelihood = float(log_density.mean())
                records.append({**common, "elbo": bound, "log_likelihood": likelihood, "slack": likelihood - bound})
            renewed = slice(step % _BLOCKS, None, _BLOCKS) if way == "stale" else slice(None)
            R[renewed] = _responsibilities(joint[renewed])
            if way == "hard":
                R = np.equal(R, R.max(axis=1, keepdims=True)).astype(float)
    return records


def _log_joint(X: np.ndarray, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """log p(x_n, k) of shape (n, K)."""
    columns = []
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        L = np.linalg.cholesky(covariance)
        Y = np.linalg.solve(L, (X - mean).T)
        constant = np.log(weight) - np.log(np.diag(L)).sum() - X.shape[1] / 2 * np.log(2 * np.pi)
        columns.append(constant - np.square(Y).sum(axis=0) / 2)
    return np.stack(columns, axis=1)


def _responsibilities(joint: np.ndarray) -> np.ndarray:
    return np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, None])


def _m_step(X: np.ndarray, R: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts = R.sum(axis=0)
    means = R.T @ X / counts[:, None]
    centred = X[None] - means[:, None]
    covariances = np.einsum("nk,kni,knj->kij", R, centred, centred) / counts[:, None, None]
    return counts / len(X), means, covariances
