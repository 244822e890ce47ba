"""Zeros and ones: independent Bernoulli features.

With expected numbers of ones S and of zeros F, the complete-data log-likelihood of a probability p is
S log p + F log(1 − p), so p = S/(S + F) maximises it. In the angle θ = 2 arcsin √p its information per row is 1 for
every p, which makes the frame: (√p, √(1 − p)) turns on the unit circle, never out of range, and 0 and 1 are reached.

References
----------
Lazarsfeld, P. F. and Henry, N. W. (1968). Latent Structure Analysis. Houghton Mifflin.

Juan, A. and Vidal, E. (2002). On the use of Bernoulli mixture models for text classification. Pattern Recognition 35,
2705–2710. doi:10.1016/S0031-3203(01)00242-4
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skmix.families.base import Additive, Chart, ExplicitChart, shares
from skmix.families.gaussian import EPS, has_rows
from skmix.families.pseudo_row import PseudoRowFamily, observed_means
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.kernels import FeatureKernel, Kernel
from skmix.likelihood.units import Units, column_range

_LEAST_PROBABILITY = 1e-8  # where bounds, not coordinates, keep probabilities inside (0, 1)
_LEAST_ROOT = 1e-150  # of a probability: where a component has seen no one, or no zero, its logarithm is to be finite
_LARGEST_LOGIT = 600.0
_ROUNDING = 64 * EPS  # of sums over the rows, relative to their terms


class Probabilities(NamedTuple):
    """Probabilities p of a one and 1 − p of a zero, (K, d) each: both held, as each may be tiny beside the other."""

    ones: np.ndarray
    zeros: np.ndarray


@dataclass
class Outcomes(Additive):
    """Expected numbers of ones and of zeros among the observed rows, (K, d) each."""

    ones: np.ndarray
    zeros: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        return self.ones + self.zeros


def _away_from_zero(root: np.ndarray) -> np.ndarray:
    return np.where(np.abs(root) < _LEAST_ROOT, _LEAST_ROOT, root)


class AngleFrame(Chart):
    """The component frame: z = √m (θ − θ₀) with p = sin²(θ/2), m being a component's share of a feature's rows.

    The turn by (θ − θ₀)/2 is made by the addition formulae, so that a tiny p, or 1 − p, keeps all its digits.
    """

    def __init__(self, family: Bernoulli, parameters: Probabilities, statistics: Outcomes):
        self.unit = 0.5 / np.sqrt(shares(statistics.counts))
        self.sine, self.cosine = np.sqrt(parameters.ones), np.sqrt(parameters.zeros)
        self.start = np.zeros(self.sine.size)

    def _turned(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sine and cosine of θ/2: square roots of p and 1 − p, but for their signs."""
        turn = self.unit * z.reshape(self.sine.shape)
        sine, cosine = np.sin(turn), np.cos(turn)
        turned = (self.sine * cosine + self.cosine * sine, self.cosine * cosine - self.sine * sine)
        return _away_from_zero(turned[0]), _away_from_zero(turned[1])

    def parameters(self, z: np.ndarray) -> Probabilities:
        sine, cosine = self._turned(z)
        return Probabilities(sine**2, cosine**2)

    def coordinates(self, parameters: Probabilities) -> np.ndarray:
        sine, cosine = np.sqrt(parameters.ones), np.sqrt(parameters.zeros)
        turn = np.arctan2(sine * self.cosine - cosine * self.sine, cosine * self.cosine + sine * self.sine)
        return (turn / self.unit).ravel()

    def gradient(self, z: np.ndarray, parameters: Probabilities, statistics: Outcomes) -> np.ndarray:
        sine, cosine = self._turned(z)
        # A number that `collect` took to be 0 does not change, either: divided by a tiny sine its rate would count.
        ones, zeros = (np.where(part.real == 0, 0.0, part) for part in (statistics.ones, statistics.zeros))
        return (2.0 * self.unit * (ones * cosine / sine - zeros * sine / cosine)).ravel()


class LogitChart(Chart):
    """Logits, log p − log(1 − p): the textbook's coordinates."""

    def __init__(self, family: Bernoulli, parameters: Probabilities, statistics: Outcomes):
        self.shape = parameters.ones.shape
        self.start = self.coordinates(parameters)

    def parameters(self, z: np.ndarray) -> Probabilities:
        far = np.abs(z.real) > _LARGEST_LOGIT
        logit = np.where(far, np.clip(z.real, -_LARGEST_LOGIT, _LARGEST_LOGIT), z).reshape(self.shape)
        return Probabilities(1.0 / (1.0 + np.exp(-logit)), 1.0 / (1.0 + np.exp(logit)))

    def coordinates(self, parameters: Probabilities) -> np.ndarray:
        return (np.log(parameters.ones) - np.log(parameters.zeros)).ravel()

    def gradient(self, z: np.ndarray, parameters: Probabilities, statistics: Outcomes) -> np.ndarray:
        return (statistics.ones * parameters.zeros - statistics.zeros * parameters.ones).ravel()


class ProbabilityChart(ExplicitChart):
    """Probabilities as they are: for solvers that keep them inside (0, 1) by bounds."""

    def __init__(self, family: Bernoulli, parameters: Probabilities, statistics: Outcomes):
        self.shape = parameters.ones.shape
        self.start = self.coordinates(parameters)
        self.least = np.full(self.start.size, _LEAST_PROBABILITY)
        self.most = 1.0 - self.least

    def parameters(self, z: np.ndarray) -> Probabilities:
        z = np.where(z.real < self.least, self.least, np.where(z.real > self.most, self.most, z))
        return Probabilities(z.reshape(self.shape), 1.0 - z.reshape(self.shape))

    def coordinates(self, parameters: Probabilities) -> np.ndarray:
        return parameters.ones.ravel()

    def sizes(self, statistics: Outcomes) -> np.ndarray:
        inside = np.clip(self.start, self.least, self.most)
        return np.sqrt(inside * (1.0 - inside) / shares(statistics.counts).ravel())

    def gradient(self, z: np.ndarray, parameters: Probabilities, statistics: Outcomes) -> np.ndarray:
        return (statistics.ones / parameters.ones - statistics.zeros / parameters.zeros).ravel()


class Bernoulli(PseudoRowFamily):
    """Independent Bernoulli features: φ = [x, 1], with the mask of observed entries before the 1."""

    attributes = ("probabilities_",)
    locations = ("ones", "zeros")
    dtypes = (np.float64,)
    charts = {"frame": AngleFrame, "logit": LogitChart}
    explicit = ProbabilityChart
    standardise = False
    measurement = "categories"
    softening = 0.1  # a probability of 0 or 1, of a cluster without differences, is where EM stays

    # ---- towards the rows -----------------------------------------------------------------------------------------
    @classmethod
    def check_data(cls, X: np.ndarray, caller: str) -> None:
        low, high = column_range(X)
        other = None
        if low.min(initial=0.0) < 0.0 or high.max(initial=0.0) > 1.0:
            other = low.min() if low.min() < 0.0 else high.max()
        elif not np.array_equal(np.square(X), X, equal_nan=True):  # between 0 and 1 only those are their own squares
            other = X[~np.isnan(X) & (np.square(X) != X)][0]
        if other is not None:
            raise ValueError(
                f"{caller} takes data of 0 and 1 (NaN where missing), got {other:g}. Set 'binarize' to the threshold "
                "above which values count as 1; for codes of more than two categories use CategoricalMixture."
            )

    def n_features_out(self, n_features: int, masked: bool) -> int:
        return (2 if masked else 1) * n_features + 1

    def features(self, block: Block, out: np.ndarray) -> None:
        d = len(block.Z)
        out[:d] = block.Z
        if block.observed is not None:
            out[d:-1] = block.observed
        out[-1] = 1.0

    def natural(self, parameters: Probabilities, masked: bool = False) -> np.ndarray:
        log_zeros = np.log(parameters.zeros)
        constants = [log_zeros, np.zeros_like(log_zeros[:, :1])] if masked else [log_zeros.sum(axis=1, keepdims=True)]
        return np.concatenate([np.log(parameters.ones) - log_zeros, *constants], axis=1)

    def collect(self, sums: np.ndarray, parameters: Probabilities, masked: bool = False) -> Outcomes:
        """Numbers of zeros are differences: what rounding may have left of none is none, of ones likewise.

        Sums of 1 − x beside those of x would need no such care, but a pass would take two to four times as long.
        """
        d = parameters.ones.shape[1]
        ones, counts = sums[:, :d], sums[:, d:-1] if masked else np.repeat(sums[:, -1:], d, axis=1)
        rounding = _ROUNDING * (np.abs(counts) + np.abs(ones))
        return Outcomes(*(np.where(np.abs(part) > rounding, part, 0.0) for part in (ones, counts - ones)))

    def kernel(self, parameters: Probabilities, offset: np.ndarray, rows: Rows) -> Kernel:
        logarithms = np.log(parameters.ones) + np.log(parameters.zeros)
        error = np.finfo(rows.dtype).eps * float(-logarithms.sum(axis=1).min())
        return FeatureKernel(self, parameters, offset, rows, error)

    # ---- parameter algebra ----------------------------------------------------------------------------------------
    def average_of(self, X: np.ndarray, weight: np.ndarray | None) -> Outcomes:
        means, seen = observed_means(X, weight)
        return Outcomes(means, seen - means)

    def reference(self, n_components: int, n_features: int) -> Probabilities:
        half = np.full((n_components, n_features), 0.5)
        return Probabilities(half, half)

    def m_step(self, statistics: Outcomes, parameters: Probabilities) -> Probabilities:
        alive = has_rows(statistics.counts)
        total = np.where(alive, statistics.counts, 1.0)
        ones = np.where(alive, statistics.ones, parameters.ones) / total
        zeros = np.where(alive, statistics.zeros, parameters.zeros) / total
        return Probabilities(np.maximum(ones, _LEAST_ROOT**2), np.maximum(zeros, _LEAST_ROOT**2))

    def expected_log_density(self, statistics: Outcomes, parameters: Probabilities) -> float:
        return float(np.sum(statistics.ones * np.log(parameters.ones) + statistics.zeros * np.log(parameters.zeros)))

    def sample(
        self, parameters: Probabilities, component: int, n_samples: int, rng: np.random.RandomState
    ) -> np.ndarray:
        ones = parameters.ones[component]
        return (rng.uniform(size=(n_samples, len(ones))) < ones).astype(np.float64)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features

    def location_scale(self, parameters: Probabilities) -> tuple[np.ndarray, np.ndarray]:
        return parameters.ones, np.sqrt(parameters.ones * parameters.zeros)

    # ---- units ----------------------------------------------------------------------------------------------------
    def publish(self, parameters: Probabilities, units: Units) -> dict[str, np.ndarray]:
        """Probabilities that are 0 but for rounding are published as 0, as those next to 1 are as 1."""
        ones = parameters.ones
        return {"probabilities_": np.where(1.0 - ones == 1.0, 0.0, np.minimum(ones, 1.0))}

    def adopt(self, public: dict[str, np.ndarray], units: Units) -> Probabilities:
        ones = public["probabilities_"]
        return Probabilities(np.maximum(ones, _LEAST_ROOT**2), np.maximum(1.0 - ones, _LEAST_ROOT**2))
