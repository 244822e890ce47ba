"""Lengths of sequences, hmmlearn's second argument, are not taken for a `y` that is ignored."""

import numpy as np
import pytest

from skmix import GaussianHMM

X = np.arange(10.0)[:, np.newaxis]


@pytest.mark.parametrize("method", ["fit", "score"])
def test_lengths_in_the_place_of_y_are_refused(method):
    model = GaussianHMM(random_state=0).fit(X, np.zeros(10))
    with pytest.raises(ValueError, match="pass them by name"):
        getattr(model, method)(X, [4, 6])
