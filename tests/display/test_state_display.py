import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from skmix import BernoulliHMM, GaussianHMM, GaussianMixture
from skmix.display import StateDisplay

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def series(n=60, d=2):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)) + 6.0 * (np.arange(n) // 10 % 2)[:, np.newaxis]
    X[7] = np.nan
    return X


@pytest.fixture(scope="module")
def model():
    return GaussianHMM(2, random_state=0).fit(series(), lengths=[25, 35])


def test_panels(model):
    X = series()
    display = StateDisplay.from_estimator(model, X, lengths=[25, 35])
    states = model.predict(X, lengths=[25, 35])
    assert len(display.axes_) == 3
    assert [ax.get_ylabel() for ax in display.axes_[:2]] == ["feature 0", "feature 1"]
    assert display.axes_[-1].get_xlabel() == "row"
    for feature, line in enumerate(display.lines_):
        # a gap where the second sequence begins, and another where a row is missing
        expected = np.insert(X[:, feature], 25, np.nan)
        np.testing.assert_array_equal(line.get_ydata(), expected)
        np.testing.assert_array_equal(line.get_xdata(), np.insert(np.arange(60.0), 25, np.nan))
    for k, bars in enumerate(display.spans_[0]):
        covered = sum(float(np.ptp(path.vertices[:, 0])) for path in bars.get_paths())
        assert covered == np.sum(states == k)
    changes = np.flatnonzero(np.diff(states) != 0) + 1
    runs = len(np.union1d(changes, [0, 25]))
    segments = display.means_[1].get_segments()
    assert len(segments) == runs
    np.testing.assert_allclose(segments[0][:, 1], model.means_[states[0], 1])
    assert [text.get_text() for text in display.legend_.get_texts()] == ["state 0", "state 1"]
    display.figure_.canvas.draw()
    assert display.legend_.get_window_extent().x0 > display.axes_[0].get_window_extent().x1


def test_probabilities_add_up_to_one(model):
    display = StateDisplay.from_estimator(model, series())
    P = model.predict_proba(series())
    lower = display.areas_[0].get_paths()[0].vertices
    assert lower[:, 1].max() <= 1.0 + 1e-12
    top = display.areas_[1].get_paths()[0].vertices[:, 1]
    assert top.max() == pytest.approx(1.0)
    row = 12  # a step as wide as a row, as high as the probability of the first state
    heights = lower[np.isclose(lower[:, 0], row - 0.5), 1]
    assert np.isclose(heights, P[row, 0]).any()


def test_interleaved_sequences_and_names(model):
    X = series()
    ids = np.arange(60) % 2
    frame = pd.DataFrame(X, columns=["a", "b"])
    named = GaussianHMM(2, random_state=0).fit(frame, sequence_id=ids)
    display = StateDisplay.from_estimator(named, frame, sequence_id=ids, features=["b"])
    assert len(display.axes_) == 2
    assert display.axes_[0].get_ylabel() == "b"
    order = np.argsort(ids, kind="stable")
    np.testing.assert_array_equal(display.X[:, 0], X[order, 1])
    np.testing.assert_array_equal(display.states, named.predict(frame, sequence_id=ids)[order])
    assert display.lengths.tolist() == [30, 30]


def test_time_and_given_axes(model):
    import matplotlib.pyplot as plt

    axes = plt.subplots(3, 1)[1]
    time = 1900.0 + np.cumsum(np.r_[0.0, np.ones(30), np.full(29, 2.0)])
    display = StateDisplay.from_estimator(model, series(), time=time, ax=axes)
    assert display.axes_ == [*axes]
    assert display.axes_[0].get_xlim() == (1899.5, time[-1] + 1.0)
    assert display.axes_[-1].get_xlabel() == "time"
    assert display.plot(axes) is display


def test_categories_have_no_means():
    X = (np.random.default_rng(0).random((40, 2)) < 0.4).astype(float)
    display = StateDisplay.from_estimator(BernoulliHMM(2, random_state=0).fit(X), X)
    assert display.means_ == []
    display.figure_.canvas.draw()


def test_one_row(model):
    StateDisplay.from_estimator(model, series()[:1]).figure_.canvas.draw()


def test_refusals(model):
    X = series()
    with pytest.raises(TypeError, match="StateDisplay needs a hidden Markov model, but got GaussianMixture"):
        StateDisplay.from_estimator(GaussianMixture(), X)
    with pytest.raises(NotFittedError):
        StateDisplay.from_estimator(GaussianHMM(), X)
    for time in (np.zeros(60), np.arange(59), np.r_[np.nan, np.arange(59)]):
        with pytest.raises(ValueError, match="time must be 60 finite numbers that rise"):
            StateDisplay.from_estimator(model, X, time=time)
    for features in ([2], ["c"], []):
        with pytest.raises(ValueError, match=r"features must be numbers \(0 to 1\)"):
            StateDisplay.from_estimator(model, X, features=features)
    with pytest.raises(ValueError, match="feature_names must be 2 names"):
        StateDisplay.from_estimator(model, X, feature_names=["a"])
    with pytest.raises(ValueError, match="ax must be None or 3 matplotlib Axes"):
        StateDisplay.from_estimator(model, X, ax=[None])
