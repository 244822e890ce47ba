"""Imputation: error and seconds of MixtureImputer against scikit-learn's imputers, on data with entries held out."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from report import Report, Table, figures, progress
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, SimpleImputer

from skmix import GaussianMixture, MixtureImputer

_PENGUINS = Path(__file__).parents[1] / "data" / "penguins.csv"
_MISSING = (0.1, 0.3)
_SEEDS = 10
Record = dict[str, Any]


def _mixture(n_components: int, covariance_type: str = "full") -> Callable[[int], Any]:
    mixture = GaussianMixture(n_components, covariance_type=covariance_type)
    return lambda seed: MixtureImputer(clone(mixture).set_params(random_state=seed))


IMPUTERS: dict[str, Callable[[int], Any]] = {
    "mean": lambda seed: SimpleImputer(),
    "iterative": lambda seed: IterativeImputer(random_state=seed),
    "K=1": _mixture(1),
    "K=3": _mixture(3),
    "K=3 tied": _mixture(3, "tied"),
}


def run(quick: bool = False) -> Report:
    """All imputers on the same held-out entries; with `quick` one seed and a tenth of the drawn rows."""
    report = Report("Imputation against SimpleImputer and IterativeImputer")
    for name, X in _data(200 if quick else 2000).items():
        for missing in _MISSING:
            progress(f"imputation: {name}, {missing:.0%} missing")
            report.records += [_case(name, X, missing, seed) for seed in range(1 if quick else _SEEDS)]
    report.tables = [
        _table(report.records, "error", "Root mean square error over a feature's standard deviation."),
        _table(report.records, "seconds", "Seconds of fit_transform."),
    ]
    report.notes = [
        "Entries are missing completely at random, and the error is over these; medians over seeds, by which entries "
        "and starts differ.",
        "mean: SimpleImputer(). iterative: IterativeImputer() as it is, a Bayesian ridge regression of each feature on "
        "the others in turn. K=...: MixtureImputer with that many Gaussians, full covariances unless tied.",
        "mixture: drawn from 3 Gaussians with covariances of their own, the model that K=3 fits. The others are "
        "measurements, standardised.",
    ]
    return report


def _data(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    centres, shapes = 3.0 * rng.normal(size=(3, 5)), np.eye(5) + 0.5 * rng.normal(size=(3, 5, 5))
    label = rng.integers(3, size=n)
    drawn = centres[label] + np.einsum("nij,nj->ni", shapes[label], rng.normal(size=(n, 5)))
    penguins = np.genfromtxt(_PENGUINS, delimiter=",", skip_header=1)
    penguins = penguins[~np.isnan(penguins).any(axis=1)]
    tables = {"mixture": drawn, "penguins": penguins, "wine": load_wine().data}
    tables["breast cancer means"] = load_breast_cancer().data[:, :10]
    return {name: (X - X.mean(axis=0)) / X.std(axis=0) for name, X in tables.items()}


def _case(name: str, X: np.ndarray, missing: float, seed: int) -> Record:
    """Errors and seconds of all imputers on one set of held-out entries."""
    holes = np.random.default_rng(seed).random(X.shape) < missing
    holes[holes.all(axis=1), 0] = False
    partial = np.where(holes, np.nan, X)
    record: Record = {"data": name, "n": len(X), "d": X.shape[1], "missing": missing, "seed": seed}
    for imputer, make in IMPUTERS.items():
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            filled = make(seed).fit_transform(partial)
        record[f"seconds {imputer}"] = time.perf_counter() - began
        record[f"error {imputer}"] = float(np.sqrt(np.mean((filled - X)[holes] ** 2)))
    return record


def _table(records: list[Record], what: str, caption: str) -> Table:
    cells: dict[tuple[str, float], list[Record]] = {}
    for record in records:
        cells.setdefault((record["data"], record["missing"]), []).append(record)
    rows = []
    for (name, missing), own in cells.items():
        medians = [float(np.median([record[f"{what} {imputer}"] for record in own])) for imputer in IMPUTERS]
        rows.append([name, "{n}, {d}".format(**own[0]), f"{missing:.0%}", *map(figures, medians)])
    return Table(caption, ["data", "n, d", "missing", *IMPUTERS], rows)
