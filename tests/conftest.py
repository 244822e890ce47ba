"""Fixtures for all tests."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _seeded():
    """The same random numbers in every run, also where `random_state` is None and NumPy's own generator is asked."""
    np.random.seed(0)
