"""Families of component densities, by name."""

from __future__ import annotations

from skmix.families.base import Family
from skmix.families.bernoulli import Bernoulli
from skmix.families.categorical import Categorical
from skmix.families.gaussian_diagonal import DiagonalGaussian, SphericalGaussian
from skmix.families.gaussian_full import FullGaussian
from skmix.families.gaussian_tied import TiedGaussian
from skmix.families.poisson import Poisson

FAMILIES: dict[str, type[Family]] = {
    "gaussian-full": FullGaussian,
    "gaussian-tied": TiedGaussian,
    "gaussian-diag": DiagonalGaussian,
    "gaussian-spherical": SphericalGaussian,
    "poisson": Poisson,
    "bernoulli": Bernoulli,
    "categorical": Categorical,
}

__all__ = ["FAMILIES", "Family"]
