import os
import sys

import matplotlib
import numpy as np
import pytest

from skmix.cli import demo, main
from skmix.datasets import load_old_faithful
from skmix.solvers import EM, SOLVERS

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Refusing(EM):
    name = "refusing"

    def check(self, objective):
        raise ValueError("solver='refusing' needs 'a great many things' of the family, which nobody has ever defined.")


@pytest.fixture(scope="module")
def comparison():
    """Every solver's run: dear, so that it is made once, and shown by all tests that need it whole."""
    return demo.compare(load_old_faithful().data)


@pytest.fixture
def few(monkeypatch):
    """A demonstration of a few quick solvers."""
    for name in SOLVERS.keys() - {"em", "lbfgs", "auto"}:
        monkeypatch.delitem(SOLVERS, name)


def test_demo(folder, capsys, monkeypatch, comparison):
    monkeypatch.setattr(demo, "compare", lambda X: comparison)
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert max(map(len, lines)) <= 80
    assert lines[2].split("  ")[0] == "solver"
    rows = {line.split()[0]: line.split() for line in lines[3 : lines.index("", 3)]}
    assert list(rows) == list(SOLVERS)
    for _, _, _, _, gap, converged in rows.values():
        assert float(gap) < 1e-5
        assert converged == "1/1"
    assert float(rows["lbfgs"][1]) < float(rows["em"][1]) / 2
    assert lines[-1] == "wrote skmix-demo.png"
    picture = matplotlib.image.imread(folder / "skmix-demo.png")
    assert picture.shape[0] >= 600
    np.testing.assert_array_equal(picture[[0, 0, -1, -1], [0, -1, 0, -1], :3], 1.0)  # a white page
    assert os.listdir() == ["skmix-demo.png"]


def test_the_best_is_the_optimum_that_mclust_finds(comparison):
    assert comparison.best == pytest.approx(-4.114757, abs=1e-5)  # VVV, 3 components
    assert len({run.history["objective"][0] for run in comparison.runs}) == 1  # all begin alike


def test_one_that_refuses(monkeypatch, capsys, few):
    monkeypatch.setitem(SOLVERS, Refusing.name, Refusing)
    assert main(["demo", "--output", "other.svg"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("refusing") and "a great many things" in "".join(lines) for line in lines)
    with open("other.svg") as picture:
        assert "<svg" in picture.read()


def test_the_users_settings_do_not_matter(folder, few):
    with matplotlib.rc_context({"figure.facecolor": "black", "savefig.facecolor": "black"}):
        assert main(["demo"]) == 0
        assert matplotlib.rcParams["figure.facecolor"] == "black"
    picture = matplotlib.image.imread(folder / "skmix-demo.png")
    np.testing.assert_array_equal(picture[0, 0, :3], 1.0)


def test_without_matplotlib(monkeypatch, capsys, few):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "converged" in out
    assert out.splitlines()[-1].endswith('install it by: pip install "skmix[plot]"')
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("path", "message"),
    [("no/demo.png", "cannot write no/demo.png: No such"), ("demo.txt", "cannot write demo.txt: a picture's name")],
)
def test_unwritable(capsys, few, path, message):
    assert main(["demo", "--output", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"skmix: error: {message}")
    assert os.listdir() == []
