import sys

import matplotlib
import numpy as np
import pytest

from skmix.comparison import Run, SolverComparison
from skmix.display import SolverComparisonDisplay

matplotlib.use("Agg")
NAN = float("nan")


@pytest.fixture(autouse=True)
def _close_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def run(solver, start, objectives, passes, refused=False):
    history = {
        "objective": np.array(objectives),
        "n_passes": np.array(passes, dtype=float),
        "seconds": np.array(passes) / 1000,
    }
    end = (objectives[-1], passes[-1]) if objectives else (NAN, NAN)
    return Run(solver, start, end[0], NAN, True, "why", end[1], NAN, history, solver, refused=refused)


@pytest.fixture
def comparison():
    """From start 0, 1, 2 the fastest solver needs 50, 3 and 20 passes."""
    return SolverComparison(
        [
            *(run("slow", start, [-9.0, -2.0, -1.0], [1, 5, 80]) for start in range(3)),
            *(run("fast", start, [-9.0, -1.0 - 1e-9], [1, end]) for start, end in enumerate((50, 3, 20))),
            *(run("lost", start, [-9.0, -4.0], [1, 2]) for start in range(3)),
            *(run("proud", start, [], [], refused=True) for start in range(3)),
        ]
    )


def test_gaps_of_the_median_start(comparison):
    display = SolverComparisonDisplay.from_comparison(comparison)
    assert display.start == 2
    gaps, profile = display.axes_
    assert display.figure_ is gaps.figure is profile.figure
    assert (gaps.get_xscale(), gaps.get_yscale(), profile.get_xscale()) == ("log", "log", "log")
    assert [line.get_label() for line in display.gap_lines_] == ["slow", "fast", "lost"]
    slow, fast, lost = display.gap_lines_
    np.testing.assert_array_equal(slow.get_xdata(), [1, 5, 80])
    np.testing.assert_array_equal(slow.get_ydata(), [8.0, 1.0, 1e-9])  # at the best: the lower edge
    np.testing.assert_array_equal(fast.get_xdata(), [1, 20])
    np.testing.assert_allclose(fast.get_ydata(), [8.0, 1e-9])
    np.testing.assert_array_equal(lost.get_ydata(), [8.0, 3.0])
    assert [(line.get_marker(), line.get_markevery()) for line in display.gap_lines_] == [
        ("o", [2]),
        ("o", [1]),
        ("X", [-1]),
    ]
    low, high = gaps.get_ylim()
    assert low == 1e-9
    assert high > 8
    assert "start 2" in gaps.get_title()
    display.figure_.canvas.draw()


def test_profiles_are_the_comparisons(comparison):
    display = SolverComparisonDisplay.from_comparison(comparison, measures=("passes", "seconds"))
    assert len(display.axes_) == 3
    for measure, ax in zip(("passes", "seconds"), display.axes_[1:], strict=True):
        profile = comparison.profile(measure)
        assert [line.get_label() for line in display.profile_lines_[measure]] == ["slow", "fast", "lost"]
        for line in display.profile_lines_[measure]:
            ratios, shares = profile[line.get_label()]
            assert line.get_drawstyle() == "steps-post"
            np.testing.assert_array_equal(line.get_xdata()[:-1], ratios)
            np.testing.assert_array_equal(line.get_ydata()[:-1], shares)
            assert line.get_xdata()[-1] == ax.get_xlim()[1] > ratios[-1]
            assert line.get_ydata()[-1] == shares[-1]
        assert measure in ax.get_xlabel()
    assert comparison.profile()["slow"][0][-1] == 80 / 3


def test_legend_is_outside_and_complete(comparison):
    display = SolverComparisonDisplay.from_comparison(comparison)
    display.figure_.canvas.draw()
    legend = display.axes_[-1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "slow",
        "fast",
        "lost",
        "within 1e-08",
        "ended above that",
    ]
    box, page = legend.get_window_extent(), display.figure_.bbox
    assert box.x0 > display.axes_[-1].get_window_extent().x1
    assert box.x1 <= page.x1  # and not cut off
    assert box.y0 >= 0


def test_many_solvers_can_be_told_apart():
    comparison = SolverComparison([run(f"solver {i}", 0, [-9.0, -1.0], [1, 2 + i]) for i in range(20)])
    display = SolverComparisonDisplay.from_comparison(comparison)
    looks = [display._look(index) for index in range(20)]
    assert len({(look["color"], look["linestyle"]) for look in looks}) == 20
    for gap, step, look in zip(display.gap_lines_, display.profile_lines_["passes"], looks, strict=True):
        assert gap.get_color() == step.get_color() == look["color"]
        assert gap.get_linewidth() == step.get_linewidth() == look["linewidth"]
    display.figure_.canvas.draw()


def test_given_start_and_axes(comparison):
    import matplotlib.pyplot as plt

    axes = plt.subplots(1, 2)[1]
    display = SolverComparisonDisplay.from_comparison(comparison, start=0, axes=axes)
    assert display.axes_.tolist() == axes.tolist()
    np.testing.assert_array_equal(display.gap_lines_[1].get_xdata(), [1, 50])
    again = plt.subplots(1, 2)[1]
    assert display.plot(again).axes_.tolist() == again.tolist()
    one = plt.subplots()[1]
    assert SolverComparisonDisplay.from_comparison(comparison, measures=(), axes=one).axes_.tolist() == [one]
    with pytest.raises(ValueError, match=r"axes must be 3: .* Got 2 instead"):
        SolverComparisonDisplay.from_comparison(comparison, measures=("passes", "seconds"), axes=axes)


def test_all_alike():
    """One solver that starts at the optimum: nothing to see, and no error."""
    display = SolverComparisonDisplay.from_comparison(SolverComparison([run("em", 0, [-1.0], [1])]))
    assert display.axes_[1].get_xlim()[1] > 1
    display.figure_.canvas.draw()


def test_refusals(comparison):
    with pytest.raises(ValueError, match=r"start must be a number from 0 to 2\. Got 3 instead"):
        SolverComparisonDisplay.from_comparison(comparison, start=3)
    with pytest.raises(ValueError, match=r"measure must be one of .*Got 'iterations' instead"):
        SolverComparisonDisplay.from_comparison(comparison, measures=("iterations",))


def test_without_matplotlib(comparison, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'SolverComparisonDisplay needs matplotlib.*pip install "skmix\[plot\]"'):
        SolverComparisonDisplay.from_comparison(comparison)
