"""The rivals of hidden Markov models, by name; apart from those of mixtures, which run without hmmlearn."""

from __future__ import annotations

from rivals.hmmlearn_ import Hmmlearn
from rivals.skmix_hmm import SkmixHMM

CHAIN_RIVALS = {rival.name: rival for rival in (SkmixHMM(), Hmmlearn("log"), Hmmlearn("scaling"))}
