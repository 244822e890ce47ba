"""Searches for a better optimum: what is done to a start before the solver climbs from it.

No solver cures local optima. A search tries several starts, or moves components to where they are needed, with a few
EM steps after each move; it hands over the best parameters that it has seen. On large data it works on a sample of the
rows (of the sequences, in a hidden Markov model). Moves are made on responsibilities, so that they suit any family.

======================  =================================================================================
``short-runs``          :class:`ShortRuns`, a few EM steps from many starts, more from the best of them
``random-swap``         :class:`RandomSwap`, a component is taken away and put elsewhere, at random
``split-merge``         :class:`SplitMerge`, components are merged, split, or share their rows anew; recommended
``annealing``           :class:`Annealing`, responsibilities are blunt at first and sharpen
``overfit-merge``       :class:`OverfitMerge`, twice as many components are fitted and merged
======================  =================================================================================
"""

from __future__ import annotations

from skmix.initialize.search.annealing import Annealing
from skmix.initialize.search.base import Begin, Search
from skmix.initialize.search.overfit_merge import OverfitMerge
from skmix.initialize.search.random_swap import RandomSwap
from skmix.initialize.search.short_runs import ShortRuns
from skmix.initialize.search.split_merge import SplitMerge

__all__ = [
    "SEARCHES",
    "Annealing",
    "Begin",
    "OverfitMerge",
    "RandomSwap",
    "Search",
    "ShortRuns",
    "SplitMerge",
    "resolve",
]

SEARCHES: dict[str, type[Search]] = {
    search.name: search for search in (ShortRuns, RandomSwap, SplitMerge, Annealing, OverfitMerge)
}


def resolve(search: str | Search | None) -> Search | None:
    """The search named `search`, or `search` itself."""
    return SEARCHES[search]() if isinstance(search, str) else search
