"""Starts, and searches for a better optimum."""

from skmix.initialize.search import Annealing, OverfitMerge, RandomSwap, Search, ShortRuns, SplitMerge

__all__ = ["Annealing", "OverfitMerge", "RandomSwap", "Search", "ShortRuns", "SplitMerge"]
