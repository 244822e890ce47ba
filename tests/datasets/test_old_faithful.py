import sys

import numpy as np
import pytest

from skmix.datasets import load_old_faithful


def test_values():
    faithful = load_old_faithful()
    assert faithful.data.shape == (272, 2)
    assert faithful.data.dtype == np.float64
    assert faithful.feature_names == ["eruptions", "waiting"]
    np.testing.assert_array_equal(faithful.data[[0, -1]], [[3.6, 79], [4.467, 74]])
    # The means and standard deviations that R's summary of `faithful` gives.
    np.testing.assert_allclose(faithful.data.mean(axis=0), [3.487783, 70.897059], atol=5e-7)
    np.testing.assert_allclose(faithful.data.std(axis=0, ddof=1), [1.141371, 13.594974], atol=5e-7)
    assert "doi:10.2307/2347385" in faithful.DESCR


def test_frame():
    faithful = load_old_faithful(as_frame=True)
    assert list(faithful.frame.columns) == faithful.feature_names
    assert faithful.data is faithful.frame
    np.testing.assert_array_equal(faithful.frame.to_numpy(), load_old_faithful().data)


def test_pandas_only_for_frames(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert load_old_faithful().frame is None
    with pytest.raises(ImportError, match="pandas"):
        load_old_faithful(as_frame=True)


def test_each_call_gives_its_own_data():
    load_old_faithful().data[:] = 0
    assert load_old_faithful().data.min() > 0
