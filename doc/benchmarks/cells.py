"""The cells of the shoot-out: data sets of declared difficulty, each with a start; all from seeds.

Two components are c-separated if their means are at least ``c * sqrt(max(tr Σ_i, tr Σ_j))`` apart (Dasgupta, 1999);
here the closest two are at exactly that distance. Covariances are random, their largest eigenvalue ten times their
smallest, as in Hosseini and Sra (2015).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from problems import draw, rotation
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA

from skmix import GaussianMixture
from skmix.datasets import load_old_faithful

SEPARATIONS = (0.2, 0.5, 1.0, 2.0, 5.0)
DIMENSIONS = (1, 2, 5, 10, 20, 50)
COMPONENTS = (2, 5, 10, 25)
SIZES = (1000, 10_000, 100_000, 1_000_000)
MISSING = (0.0, 0.1, 0.3)
COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")
STARTS = ("kmeans", "random_from_data")
# Components too many, as a function of the true number.
OVER = {"0": lambda K: K, "+1": lambda K: K + 1, "x2": lambda K: 2 * K}

_ECCENTRICITY = 10.0  # largest over smallest eigenvalue of a covariance
_PATTERNS = 16  # patterns of missing entries, each entry of each missing with the same probability
_CANDIDATES = 30  # places tried for each mean; the one farthest from the others is taken
_PENALTY = 1e-6  # reg_covar, in units of the smallest variance of a column
_MOST_FULL = 3000  # parameters; beyond, covariances are diagonal


@dataclass(frozen=True)
class Cell:
    """A problem and a start. `axis` is the part of the design that the cell belongs to; `c` is 0 for real data."""

    axis: str
    c: float = 0.0
    d: int = 2
    K: int = 2
    n: int = 1000
    missing: float = 0.0
    over: str = "0"
    raw_units: bool = False
    covariance_type: str = "full"
    dataset: str = "mixture"
    seed: int = 0
    start: str = "kmeans"

    @property
    def name(self) -> str:
        """Short, unique, and independent of `axis`."""
        source = f"c{self.c:g} d{self.d}" if self.dataset == "mixture" else self.dataset
        parts = [source, f"K{self.K}", f"n{self.n}", self.covariance_type]
        parts += [f"NaN{self.missing:.0%}"] if self.missing else []
        parts += [f"K{self.over}"] if self.over != "0" else []
        parts += ["raw"] if self.raw_units else []
        parts += [self.start] if self.start != STARTS[0] else []
        return " ".join([*parts, f"#{self.seed}"])

    @property
    def n_components(self) -> int:
        """The number of components that is fitted."""
        return OVER[self.over](self.K)

    @property
    def n_parameters(self) -> int:
        """Free parameters of the mixture that is fitted."""
        K, d = self.n_components, self.d
        shapes = {"full": K * d * (d + 1) // 2, "tied": d * (d + 1) // 2, "diag": K * d, "spherical": K}
        return K - 1 + K * d + shapes[self.covariance_type]

    def record(self) -> dict[str, Any]:
        """What identifies the cell in a table of results."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"cell": self.name, **own, "K_fitted": self.n_components, "p": self.n_parameters}

    def data(self) -> np.ndarray:
        """The rows, with units and missing entries as declared."""
        if self.dataset == "mixture":
            X = mixture(self.c, self.d, self.K, self.n, self.covariance_type, self.seed)
        else:
            X = real(self.dataset)
        if self.raw_units:
            X = _in_raw_units(X, self.seed)
        return _with_missing(X, self.missing, self.seed) if self.missing else X

    def estimator(self, X: np.ndarray, **options: Any) -> GaussianMixture:
        """The mixture to fit to `X`; its penalty is small in the data's own units."""
        shared = {"n_components": self.n_components, "covariance_type": self.covariance_type}
        penalty = _PENALTY * float(np.nanvar(X, axis=0).min())
        return GaussianMixture(**shared, reg_covar=penalty, init_params=self.start, random_state=self.seed, **options)


# ---- the design -----------------------------------------------------------------------------------------------------
def full_cells() -> list[Cell]:
    """All cells: a grid, one factor varied at a time about four bases, mixed factors, sizes, real data."""
    parts = [_variations(_BASES, seeds=2), _grid(), _overfitted(SIZES[:3]), _large(), hosseini_sra(40_000)]
    return _distinct([*parts, _mixed(40), _real(range(2))])


def quick_cells() -> list[Cell]:
    """Cells of at most 150 parameters, over the same axes."""
    grid = [cell for cell in _grid() if cell.K <= 5 and cell.d <= 5 and cell.d != 2]
    real_cells = [cell for cell in _real(range(1)) if cell.d <= 5 and cell.covariance_type == "full"]
    parts = [_variations(_BASES[:2], seeds=1, sizes=SIZES[:2]), grid, _overfitted(SIZES[:2]), hosseini_sra(4000)]
    return _distinct([*parts, real_cells])


_BASES = (
    Cell("base", c=0.5, d=2, K=5, n=1000),
    Cell("base", c=1.0, d=5, K=5, n=2000),
    Cell("base", c=0.5, d=10, K=5, n=3000),
    Cell("base", c=2.0, d=5, K=10, n=3000),
)


def _grid() -> Iterator[Cell]:
    """Separation × dimension × components; covariances are diagonal where full ones have too many parameters."""
    for d, K, c in product(DIMENSIONS, COMPONENTS, SEPARATIONS):
        cell = Cell("grid", c=c, d=d, K=K)
        if cell.n_parameters > _MOST_FULL:
            cell = replace(cell, covariance_type="diag")
        yield replace(cell, n=_rows(cell))


def _rows(cell: Cell) -> int:
    """Six rows a parameter, at least 1000, to one figure."""
    wanted = max(1000, 6 * cell.n_parameters)
    unit = 10 ** int(math.log10(wanted))
    return unit * math.ceil(wanted / unit)


def _variations(bases: tuple[Cell, ...], seeds: int, sizes: tuple[int, ...] = SIZES[:3]) -> Iterator[Cell]:
    """Each base, and each with one factor changed."""
    changes: dict[str, list[dict[str, Any]]] = {
        "base": [{}],
        "missing": [{"missing": share} for share in MISSING[1:]],
        "over": [{"over": over} for over in list(OVER)[1:]],
        "units": [{"raw_units": True}],
        "type": [{"covariance_type": name} for name in COVARIANCE_TYPES[1:]],
        "start": [{"start": STARTS[1]}],
        "size": [{"n": n} for n in sizes],
    }
    for base, seed in product(bases, range(seeds)):
        for axis, varied in changes.items():
            for change in varied:
                yield replace(base, axis=axis, seed=seed, **change)


def _mixed(count: int) -> Iterator[Cell]:
    """A Latin hypercube over all factors at once: each level of each factor comes up equally often."""
    rng = np.random.default_rng(2015)
    levels: dict[str, tuple] = {
        "c": SEPARATIONS,
        "d": DIMENSIONS[:-1],
        "K": COMPONENTS[:-1],
        "missing": MISSING,
        "over": tuple(OVER),
        "raw_units": (False, True),
        "covariance_type": COVARIANCE_TYPES,
        "start": STARTS,
    }
    columns = {name: rng.permutation(np.arange(count) % len(of)) for name, of in levels.items()}
    for index in range(count):
        drawn = {name: of[columns[name][index]] for name, of in levels.items()}
        drawn["missing"] = 0.0 if drawn["d"] == 1 else drawn["missing"]
        cell = Cell("mixed", seed=index, **drawn)
        yield replace(cell, n=_rows(cell))


def _large() -> Iterator[Cell]:
    """Many rows, few parameters."""
    for (d, K, name), c in product(((1, 2, "full"), (2, 2, "full"), (5, 5, "diag")), (0.5, 1.0, 2.0)):
        for n in SIZES[2:] if c == 2.0 or d == 2 else SIZES[2:3]:
            yield Cell("size", c=c, d=d, K=K, n=n, covariance_type=name)


def _overfitted(sizes: tuple[int, ...]) -> Iterator[Cell]:
    """One Gaussian fitted with two: EM's steps grow with n (Dwivedi et al., 2020)."""
    for d, n, seed in product((1, 2), sizes, range(2)):
        yield Cell("overfitted", c=1.0, d=d, K=1, n=n, over="x2", seed=seed)


def hosseini_sra(n: int) -> Iterator[Cell]:
    """The simulated problems of Hosseini and Sra (2015), table 1: d = 20, n = 100 d²."""
    for c, K in product((0.2, 1.0, 5.0), (2, 5)):
        yield Cell("hosseini-sra", c=c, d=20, K=K, n=n)


def _real(seeds: range) -> Iterator[Cell]:
    """Real data, two types of covariances, both starts; and entries made missing at random."""
    for (name, K), seed in product(_REAL.items(), seeds):
        n, d = real(name).shape
        for covariance_type, start in product(("full", "diag"), STARTS):
            cell = Cell("real", d=d, K=K, n=n, covariance_type=covariance_type, dataset=name, seed=seed, start=start)
            yield cell
            if covariance_type == "full" and start == STARTS[0] and d < 10:
                yield replace(cell, missing=0.1)


def _distinct(parts: list[Any]) -> list[Cell]:
    """The cells of all parts, each once, as the first part that has it declares it."""
    found: dict[str, Cell] = {}
    for cell in (cell for part in parts for cell in part):
        found.setdefault(cell.name, cell)
    return list(found.values())


# ---- mixtures -------------------------------------------------------------------------------------------------------
def mixture(c: float, d: int, K: int, n: int, covariance_type: str = "full", seed: int = 0) -> np.ndarray:
    """Rows of a c-separated mixture whose heaviest component has nearly twice the weight of the lightest."""
    rng = np.random.default_rng([seed, d, K, round(1000 * c), COVARIANCE_TYPES.index(covariance_type)])
    factors = _factors(d, K, covariance_type, rng)
    means = _separated(c, np.square(factors).sum(axis=(1, 2)), d, rng)
    weights = np.arange(K, 2 * K) / np.arange(K, 2 * K).sum()
    return draw(n, weights, means, factors, rng)


def _factors(d: int, K: int, covariance_type: str, rng: np.random.Generator) -> np.ndarray:
    """Factors F of covariances FFᵀ of the given type."""
    spread = rng.random((K, d))
    if d > 1:
        spread[:, :2] = 0.0, 1.0
    deviations = _ECCENTRICITY ** (spread / 2)
    if covariance_type == "spherical":
        return deviations[:, -1:, None] * np.eye(d)
    diagonal = deviations[:, :, None] * np.eye(d)
    if covariance_type == "diag":
        return rng.permuted(deviations, axis=1)[:, :, None] * np.eye(d)
    if covariance_type == "tied":
        return np.repeat((rotation(d, rng) @ diagonal[0])[None], K, axis=0)
    return np.stack([rotation(d, rng) @ own for own in diagonal])


def _separated(c: float, traces: np.ndarray, d: int, rng: np.random.Generator) -> np.ndarray:
    """Means spread over a ball, the closest two (in units of their components) exactly c-separated."""
    reach = np.sqrt(np.maximum.outer(traces, traces))
    means, closest = np.zeros((len(traces), d)), np.inf
    for k in range(len(traces)):
        directions = rng.standard_normal((_CANDIDATES, d))
        radii = rng.random((_CANDIDATES, 1)) ** (1 / d)
        places = radii * directions / np.linalg.norm(directions, axis=1, keepdims=True)
        if k == 0:
            means[0] = places[0]
            continue
        distance = np.linalg.norm(places[:, None] - means[None, :k], axis=2) / reach[k, :k]
        best = int(np.argmax(distance.min(axis=1)))
        means[k], closest = places[best], min(closest, distance[best].min())
    return c / closest * means


# ---- what happens to data -------------------------------------------------------------------------------------------
def _in_raw_units(X: np.ndarray, seed: int) -> np.ndarray:
    """Columns in units from a hundredth to a hundredfold, and away from zero."""
    rng = np.random.default_rng([seed, 1])
    scale = 10 ** rng.uniform(-2, 2, X.shape[1])
    return (X + 10 * rng.standard_normal(X.shape[1])) * scale


def _with_missing(X: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Entries missing completely at random, in few patterns; every pattern leaves an entry."""
    rng, d = np.random.default_rng([seed, 2]), X.shape[1]
    masks = rng.random((_PATTERNS, d)) < share
    wanted = round(share * masks.size)
    for _ in range(masks.size):  # set right what chance has made too many or too few
        excess = int(masks.sum()) - wanted
        if excess == 0 and not masks.all(axis=1).any():
            break
        full = masks.all(axis=1)
        pool = np.argwhere(masks & full[:, None]) if full.any() else np.argwhere(masks == (excess > 0))
        i, j = pool[rng.integers(len(pool))]
        masks[i, j] = not masks[i, j]
    return np.where(masks[rng.integers(_PATTERNS, size=len(X))], np.nan, X)


# ---- real data ------------------------------------------------------------------------------------------------------
_PENGUINS = Path(__file__).parent / "data" / "penguins.csv"
_REAL = {"iris": 3, "wine": 3, "breast cancer": 2, "digits": 10, "old faithful": 2, "penguins": 3}


@lru_cache(maxsize=len(_REAL))
def real(name: str) -> np.ndarray:
    """The rows of a real data set; NaN where a penguin got away."""
    loaders = {
        "iris": lambda: load_iris().data,
        "wine": lambda: load_wine().data,
        "breast cancer": lambda: load_breast_cancer().data,
        "digits": lambda: PCA(10, svd_solver="full").fit_transform(load_digits().data),
        "old faithful": lambda: load_old_faithful().data,
        "penguins": lambda: np.genfromtxt(_PENGUINS, delimiter=",", skip_header=1),
    }
    return loaders[name]()
