import sys

import matplotlib
import numpy as np
import pytest
from problems import blobs
from sklearn.exceptions import NotFittedError

from skmix import MixtureClustering
from skmix.display import CriterionDisplay

matplotlib.use("Agg")
VALUES = {"a": ([1, 2, 3], [90.0, 50.0, np.nan]), "b": ([1, 2, 3], [80.0, 40.5, 41.0]), "c": ([1], [np.inf])}


@pytest.fixture(autouse=True)
def _close_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture(scope="module")
def search():
    return MixtureClustering(range(1, 4), ["full", "diag"], random_state=0).fit(blobs(n=100))


def test_from_estimator(search):
    display = CriterionDisplay.from_estimator(search)
    assert display.figure_ is display.ax_.figure
    assert [line.get_label() for line in display.lines_] == ["full", "diag"]
    bic = search.results_["bic"].reshape(2, 3)
    for line, values in zip(display.lines_, bic, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_allclose(line.get_ydata(), values - bic.min())
    assert display.mark_.get_xdata() == [search.n_clusters_]
    np.testing.assert_allclose(display.mark_.get_ydata(), 0.0, atol=1e-9)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("number of components", "BIC above the least")
    words = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    best = search.best_params_
    assert words == ["full", "diag", f"best: {best['covariance_type']}, {best['n_components']}\n(BIC {bic.min():.6g})"]
    display.figure_.canvas.draw()


@pytest.mark.parametrize("criterion", ["aic", "icl"])
def test_another_criterion_marks_its_own_least(search, criterion):
    display = CriterionDisplay.from_estimator(search, criterion=criterion)
    table = search.results_
    assert display.mark_.get_xdata() == [table["n_components"][np.argmin(table[criterion])]]
    assert display.ax_.get_ylabel() == f"{criterion.upper()} above the least"


def test_plain_values():
    display = CriterionDisplay(values=VALUES).plot()
    assert [line.get_label() for line in display.lines_] == ["a", "b"]
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), [49.5, 9.5])
    assert (display.mark_.get_xdata(), display.mark_.get_ydata()) == ([2], [0.0])
    marked = CriterionDisplay(values=VALUES, criterion="WAIC", best=("b", 3)).plot()
    assert (marked.mark_.get_xdata(), marked.mark_.get_ydata()) == ([3], [0.5])
    assert marked.ax_.get_ylabel() == "WAIC above the least"


def test_a_single_model():
    display = CriterionDisplay(values={"full": ([2], [10.0])}).plot()
    display.figure_.canvas.draw()
    assert display.ax_.get_ylim()[1] > 1


def test_given_axes_and_drawn_again(search):
    import matplotlib.pyplot as plt

    axes = plt.subplots(1, 2)[1]
    display = CriterionDisplay.from_estimator(search, ax=axes[0])
    assert display.ax_ is axes[0]
    assert display.plot(axes[1]) is display
    assert display.ax_ is axes[1]
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"values": {}}, "at least one finite value"),
        ({"values": {"a": ([1], [np.nan])}}, "at least one finite value"),
        ({"values": VALUES, "best": ("z", 1)}, "best must name a line"),
        ({"values": VALUES, "best": ("a", 3)}, "best must name a number"),
    ],
)
def test_nothing_to_draw_or_mark(given, message):
    with pytest.raises(ValueError, match=message):
        CriterionDisplay(**given).plot()


def test_bad_estimators(search):
    with pytest.raises(NotFittedError):
        CriterionDisplay.from_estimator(MixtureClustering())
    with pytest.raises(ValueError, match="criterion must be one of"):
        CriterionDisplay.from_estimator(search, criterion="dic")


def test_without_matplotlib(search, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'CriterionDisplay needs matplotlib.*pip install "skmix\[plot\]"'):
        CriterionDisplay.from_estimator(search)
