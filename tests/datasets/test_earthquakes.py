import sys

import numpy as np
import pytest
from scipy.stats import poisson

from skmix.datasets import load_earthquakes


def test_values_are_the_published_ones():
    earthquakes = load_earthquakes()
    assert earthquakes.data.shape == (107, 1)
    assert earthquakes.data.dtype == np.float64
    assert earthquakes.data.flags.c_contiguous
    assert earthquakes.feature_names == ["count"]
    np.testing.assert_array_equal(earthquakes.data[[0, 43, -1], 0], [13, 41, 11])
    np.testing.assert_allclose(earthquakes.data.mean(), 19.364, atol=5e-4)
    np.testing.assert_allclose(earthquakes.data.var(ddof=1), 51.573, atol=5e-4)
    # Zucchini and MacDonald's table of models: one state, that is, independent Poisson counts.
    log_likelihood = poisson.logpmf(earthquakes.data, earthquakes.data.mean()).sum()
    np.testing.assert_allclose(log_likelihood, -391.9189, atol=5e-5)
    assert "doi:10.1201/9781420010893" in earthquakes.DESCR


def test_years_are_in_order():
    year = load_earthquakes().year
    assert year.dtype.kind == "i"
    np.testing.assert_array_equal(year, np.arange(1900, 2007))


def test_frame_is_indexed_by_year():
    earthquakes = load_earthquakes(as_frame=True)
    assert list(earthquakes.frame.columns) == earthquakes.feature_names
    assert earthquakes.data is earthquakes.frame
    assert earthquakes.frame.index.name == "year"
    np.testing.assert_array_equal(earthquakes.frame.index, earthquakes.year)
    np.testing.assert_array_equal(earthquakes.frame.to_numpy(), load_earthquakes().data)


def test_pandas_only_for_frames(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert load_earthquakes().frame is None
    with pytest.raises(ImportError, match="pandas"):
        load_earthquakes(as_frame=True)


def test_each_call_gives_its_own_data():
    load_earthquakes().data[:] = 0
    assert load_earthquakes().data.min() > 0
