"""Counts: independent Poisson features.

With sums S and expected numbers of observed rows N, the complete-data log-likelihood of a rate λ is S log λ − Nλ, so
λ = S/N maximises it. In the coordinate 2√λ its information per row is 1 for every λ, which makes the frame: √λ moves on
a straight line, never out of range, and rates of 0 are reached.

References
----------
Hasselblad, V. (1969). Estimation of finite mixtures of distributions from the exponential family. J. Amer. Statist.
Assoc. 64, 1459–1471. doi:10.1080/01621459.1969.10501071
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from skmix.families.base import Additive, Chart, ExplicitChart, shares
from skmix.families.gaussian import has_rows
from skmix.families.pseudo_row import PseudoRowFamily, observed_means
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.kernels import FeatureKernel, Kernel
from skmix.likelihood.units import Units, column_range

_MOST = 1e10
_LEAST_RATE = 1e-8  # where bounds, not coordinates, keep rates positive
_LEAST_ROOT = 1e-150  # of a rate: where a component has seen no event, log λ is to be finite


class Rates(NamedTuple):
    """Rates λ of shape (K, d)."""

    rates: np.ndarray


@dataclass
class Events(Additive):
    """Expected numbers of observed rows N, and sums S of their counts; both of shape (K, d)."""

    counts: np.ndarray
    sums: np.ndarray


class RateFrame(Chart):
    """The component frame: z = 2√m (√λ − √λ₀), m being a component's share of the observed rows of a feature."""

    def __init__(self, family: Poisson, parameters: Rates, statistics: Events):
        share = shares(statistics.counts)
        self.unit = 0.5 / np.sqrt(share)
        self.origin = np.sqrt(parameters.rates)
        self.start = np.zeros(self.origin.size)

    def _root(self, z: np.ndarray) -> np.ndarray:
        root = self.origin + self.unit * z.reshape(self.origin.shape)
        return np.where(np.abs(root) < _LEAST_ROOT, _LEAST_ROOT, root)

    def parameters(self, z: np.ndarray) -> Rates:
        return Rates(self._root(z) ** 2)

    def coordinates(self, parameters: Rates) -> np.ndarray:
        return ((np.sqrt(parameters.rates) - self.origin) / self.unit).ravel()

    def gradient(self, z: np.ndarray, parameters: Rates, statistics: Events) -> np.ndarray:
        root = self._root(z)
        return (2.0 * self.unit * (statistics.sums / root - statistics.counts * root)).ravel()


class LogRate(Chart):
    """Logarithms of the rates: the textbook's coordinates."""

    def __init__(self, family: Poisson, parameters: Rates, statistics: Events):
        self.shape = parameters.rates.shape
        self.start = self.coordinates(parameters)

    def parameters(self, z: np.ndarray) -> Rates:
        return Rates(np.exp(np.where(np.abs(z.real) > 600, np.clip(z.real, -600, 600), z)).reshape(self.shape))

    def coordinates(self, parameters: Rates) -> np.ndarray:
        return np.log(parameters.rates).ravel()

    def gradient(self, z: np.ndarray, parameters: Rates, statistics: Events) -> np.ndarray:
        return (statistics.sums - statistics.counts * parameters.rates).ravel()


class RateChart(ExplicitChart):
    """Rates as they are: for solvers that keep them positive by a bound."""

    def __init__(self, family: Poisson, parameters: Rates, statistics: Events):
        self.shape, self.origin = parameters.rates.shape, parameters.rates
        self.start = self.coordinates(parameters)
        self.least = np.full(self.start.size, _LEAST_RATE)

    def parameters(self, z: np.ndarray) -> Rates:
        return Rates(np.where(z.real < _LEAST_RATE, _LEAST_RATE, z).reshape(self.shape))

    def coordinates(self, parameters: Rates) -> np.ndarray:
        return parameters.rates.ravel()

    def sizes(self, statistics: Events) -> np.ndarray:
        share = shares(statistics.counts)
        return np.sqrt(np.maximum(self.origin, _LEAST_RATE) / share).ravel()

    def gradient(self, z: np.ndarray, parameters: Rates, statistics: Events) -> np.ndarray:
        return (statistics.sums / parameters.rates - statistics.counts).ravel()


class Poisson(PseudoRowFamily):
    """Independent Poisson counts: φ = [x, 1], with the mask of observed entries before the 1."""

    attributes = ("rates_",)
    locations = ("rates",)
    dtypes = (np.float64,)
    positive_only = True
    charts = {"frame": RateFrame, "log": LogRate}
    explicit = RateChart
    standardise = False
    measurement = "counts"
    softening = 0.1  # a rate of 0, of a cluster of zeros, is where EM stays

    # ---- towards the rows -----------------------------------------------------------------------------------------
    @classmethod
    def check_data(cls, X: np.ndarray, caller: str) -> None:
        low, high = column_range(X)
        if low.min(initial=0.0) < 0:
            raise ValueError(f"Negative values in data passed to {caller}; counts are 0 or more (NaN where missing).")
        if high.max(initial=0.0) > _MOST:
            raise ValueError(
                f"{caller} takes counts up to {_MOST:g}, got {high.max():g}: beyond, log-densities lose their digits. "
                "Counts so large are normal for all purposes; use GaussianMixture on their square roots."
            )

    def isotropic(self, Z: np.ndarray) -> np.ndarray:
        return 2.0 * np.sqrt(Z)  # variance 1 within a component, whatever its rate

    def log_base(self, block: Block) -> np.ndarray:
        return -gammaln(block.Z + 1.0).sum(axis=0)  # missing entries are 0, and 0! = 1

    def n_features_out(self, n_features: int, masked: bool) -> int:
        return (2 if masked else 1) * n_features + 1

    def features(self, block: Block, out: np.ndarray) -> None:
        d = len(block.Z)
        out[:d] = block.Z
        if block.observed is not None:
            out[d:-1] = block.observed
        out[-1] = 1.0

    def natural(self, parameters: Rates, masked: bool = False) -> np.ndarray:
        rates = parameters.rates
        constants = [-rates, np.zeros_like(rates[:, :1])] if masked else [-rates.sum(axis=1, keepdims=True)]
        return np.concatenate([np.log(rates), *constants], axis=1)

    def collect(self, sums: np.ndarray, parameters: Rates, masked: bool = False) -> Events:
        d = parameters.rates.shape[1]
        counts = sums[:, d:-1] if masked else np.repeat(sums[:, -1:], d, axis=1)
        return Events(counts, sums[:, :d])

    def kernel(self, parameters: Rates, offset: np.ndarray, rows: Rows) -> Kernel:
        size = np.sqrt(rows.radius2) * np.linalg.norm(np.log(parameters.rates), axis=1) + parameters.rates.sum(axis=1)
        return FeatureKernel(self, parameters, offset, rows, np.finfo(rows.dtype).eps * float(size.max()))

    # ---- parameter algebra ----------------------------------------------------------------------------------------
    def average_of(self, X: np.ndarray, weight: np.ndarray | None) -> Events:
        means, seen = observed_means(X, weight)
        return Events(seen, means)

    def reference(self, n_components: int, n_features: int) -> Rates:
        return Rates(np.ones((n_components, n_features)))

    def m_step(self, statistics: Events, parameters: Rates) -> Rates:
        alive = has_rows(statistics.counts)
        rates = np.where(alive, statistics.sums, parameters.rates) / np.where(alive, statistics.counts, 1.0)
        return Rates(np.maximum(rates, _LEAST_ROOT**2))

    def expected_log_density(self, statistics: Events, parameters: Rates) -> float:
        rates = parameters.rates
        return float(np.sum(statistics.sums * np.log(rates) - statistics.counts * rates))

    def sample(self, parameters: Rates, component: int, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        rates = parameters.rates[component]
        return rng.poisson(rates, size=(n_samples, len(rates))).astype(np.float64)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features

    def location_scale(self, parameters: Rates) -> tuple[np.ndarray, np.ndarray]:
        return parameters.rates, np.sqrt(parameters.rates)

    # ---- units ----------------------------------------------------------------------------------------------------
    def publish(self, parameters: Rates, units: Units) -> dict[str, np.ndarray]:
        return {"rates_": parameters.rates}

    def adopt(self, public: dict[str, np.ndarray], units: Units) -> Rates:
        return Rates(np.maximum(public["rates_"], _LEAST_ROOT**2))
