"""What a fit knows about its own inference: the evidence lower bound, standard errors, the bootstrap."""

from __future__ import annotations

from skmix.inference.bootstrap import Bootstrap, bootstrap
from skmix.inference.elbo import Elbo, elbo
from skmix.inference.standard_errors import StandardErrors, standard_errors

__all__ = ["Bootstrap", "Elbo", "StandardErrors", "bootstrap", "elbo", "standard_errors"]
