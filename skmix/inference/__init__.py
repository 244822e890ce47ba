"""What a fit knows about its own inference: the evidence lower bound."""

from __future__ import annotations

from skmix.inference.elbo import Elbo, elbo

__all__ = ["Elbo", "elbo"]
