"""A model is a family of component densities under a latent structure: pure parameter algebra, no rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import block_diag

from skmix.families.base import Additive, Chart, Coordinates, ExplicitChart, Family
from skmix.likelihood.held import Held


class Parameters(NamedTuple):
    """Parameters of the latent structure and of the components."""

    latent: Any
    components: Any


@dataclass
class Statistics(Additive):
    """Expected complete-data statistics of the latent structure and of the components."""

    latent: Any
    components: Any


class Model:
    """Family × latent structure.

    Parameters
    ----------
    family : Family
    latent : object
        E.g. :class:`skmix.latent.weights.Weights`.
    held : Held, optional
        Components that keep their locations.
    """

    def __init__(self, family: Family, latent: Any, held: Held | None = None):
        self.family, self.latent, self.held = family, latent, held

    @property
    def restricted(self) -> bool:
        """Whether some components, or weights of a mixture, are to stay as they are."""
        return self.held is not None or (self.latent.independent and self.latent.structure is not None)

    def reference(self, n_components: int, n_features: int) -> Parameters:
        """Components that differ in nothing but what is held."""
        components = self.family.reference(n_components, n_features)
        return self._keep(Parameters(self.latent.reference(n_components), components))

    def conform(self, parameters: Parameters) -> Parameters:
        """The parameters with the structure, and what is held, imposed on them."""
        return self._keep(Parameters(self.latent.conform(parameters.latent), parameters.components))

    def _keep(self, parameters: Parameters) -> Parameters:
        return parameters if self.held is None else parameters._replace(components=self.held.put(parameters.components))

    def n_parameters(self, n_components: int, n_features: int) -> int:
        """Free parameters."""
        kept = 0 if self.held is None else int(self.held.mask.sum()) * self.family.n_locations(n_features)
        of_components = self.family.n_parameters(n_components, n_features) - kept
        return self.latent.n_parameters(n_components) + of_components

    def penalise(self, statistics: Statistics, parameters: Parameters) -> Statistics:
        """Statistics with the prior's pseudo-statistics added."""
        return Statistics(
            self.latent.penalise(statistics.latent, parameters.latent),
            self.family.penalise(statistics.components, parameters.components),
        )

    def log_prior(self, parameters: Parameters) -> float:
        """Log prior density up to a constant, in nats (total)."""
        return self.latent.log_prior(parameters.latent) + self.family.log_prior(parameters.components)

    def rebase(self, statistics: Statistics, old: Parameters, new: Parameters) -> Statistics:
        """Statistics formed at `old` as they would read had they been formed at `new`, responsibilities held."""
        return Statistics(statistics.latent, self.family.rebase(statistics.components, old.components, new.components))

    def expected_log_joint(self, statistics: Statistics, parameters: Parameters) -> float:
        """Expected complete-data log-likelihood, nats, up to a constant, from `statistics` formed at `parameters`."""
        return self.latent.expected_log_prior(statistics.latent, parameters.latent) + self.family.expected_log_density(
            statistics.components, parameters.components
        )

    def m_step(self, statistics: Statistics, parameters: Parameters) -> Parameters:
        """The maximiser of the expected complete-data log-likelihood given penalised statistics at `parameters`."""
        return Parameters(
            self.latent.m_step(statistics.latent, parameters.latent),
            self.family.m_step(
                statistics.components if self.held is None else self.held.silence(statistics.components),
                parameters.components,
            ),
        )

    def chart(self, name: str, parameters: Parameters, statistics: Statistics) -> Any:
        """The named coordinates about `parameters`: a :class:`Chart` if the family has a gradient."""
        charts = self.family.charts
        if name not in charts:
            raise ValueError(
                f"{type(self.family).__name__} has no chart {name!r}; the 'chart' of the solver must be one of "
                f"{sorted(charts)}."
            )
        kind = ModelChart if self.family.has_gradient else ModelCoordinates
        components = charts[name](self.family, parameters.components, statistics.components)
        return kind(
            self.latent.chart(name, parameters.latent, statistics.latent),
            components if self.held is None else self.held.chart(components, parameters.components),
        )

    def explicit(self, parameters: Parameters) -> ExplicitModelChart:
        """Parameters as they are: weights, locations, and the rest."""
        components = self.family.explicit(self.family, parameters.components, None)
        components = components if self.held is None else self.held.explicit(components, parameters.components)
        return ExplicitModelChart(self.latent.explicit(parameters.latent), components)


class ModelCoordinates(Coordinates):
    """The coordinates of the latent structure and those of the components, one behind the other."""

    def __init__(self, latent: Coordinates, components: Coordinates):
        self.latent, self.components = latent, components
        self.n_latent = len(latent.start)
        self.start = np.concatenate([latent.start, components.start])
        self.analytic = latent.analytic and components.analytic  # type: ignore[misc]

    def parameters(self, z: np.ndarray) -> Parameters:
        return Parameters(self.latent.parameters(z[: self.n_latent]), self.components.parameters(z[self.n_latent :]))

    def coordinates(self, parameters: Parameters) -> np.ndarray:
        parts = (self.latent.coordinates(parameters.latent), self.components.coordinates(parameters.components))
        return np.concatenate(parts)

    def idle(self, z: np.ndarray) -> np.ndarray:
        return block_diag(self.latent.idle(z[: self.n_latent]), self.components.idle(z[self.n_latent :]))


class ModelChart(ModelCoordinates, Chart):
    """The same of charts, which have a gradient."""

    latent: Chart
    components: Chart

    def gradient(self, z: np.ndarray, parameters: Parameters, statistics: Statistics) -> np.ndarray:
        n = self.n_latent
        return np.concatenate(
            [
                self.latent.gradient(z[:n], parameters.latent, statistics.latent),
                self.components.gradient(z[n:], parameters.components, statistics.components),
            ]
        )


class ExplicitModelChart(ModelChart, ExplicitChart):
    """The same of explicit charts."""

    latent: ExplicitChart
    components: ExplicitChart

    def __init__(self, latent: ExplicitChart, components: ExplicitChart):
        super().__init__(latent, components)
        self.least = np.concatenate([latent.least, components.least])
        self.most = np.concatenate([np.broadcast_to(part.most, part.start.shape) for part in (latent, components)])

    def sizes(self, statistics: Statistics) -> np.ndarray:
        return np.concatenate([self.latent.sizes(statistics.latent), self.components.sizes(statistics.components)])
