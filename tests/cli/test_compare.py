import csv
import io
import os
import sys
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

from skmix import GaussianMixture, compare_solvers
from skmix.cli import main
from skmix.cli.progress import ProgressLine
from skmix.datasets import load_old_faithful
from skmix.solvers import EM, SOLVERS

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def faithful(folder):
    X = load_old_faithful().data
    rows = "\n".join(f"{a!r},{b!r}" for a, b in X.tolist())
    (folder / "faithful.csv").write_text(f"eruptions,waiting\n{rows}\n")
    return X


def rows_of(lines):
    """The printed table: cells by solver."""
    begin = next(i for i, line in enumerate(lines) if line.startswith("solver"))
    end = lines.index("", begin)
    return {line.split()[0]: line.split()[1:] for line in lines[begin + 1 : end]}


def test_table_runs_and_picture(faithful, folder, capsys):
    arguments = ["--components", "3", "--starts", "2", "--seed", "5", "--solvers", "em,lbfgs", "--target", "1e-7"]
    assert main(["compare", "faithful.csv", *arguments, "--output", "runs.csv", "--plot", "out.png"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert max(map(len, lines)) <= 80
    assert lines[-2:] == ["wrote runs.csv", "wrote out.png"]
    said = {line[:16].strip(): line[16:] for line in lines[:4]}
    assert said["data"] == "272 rows, 2 numeric columns, 0 missing values"
    assert said["model"] == "3 Gaussian components, covariance full"
    assert said["runs"] == "2 solvers, each from 2 starts"
    # the optimum that mclust's VVV, 3 finds
    assert said["best"].startswith("log-likelihood -1119.2140 (-4.114757 per row), by lbfgs from")

    mixture = GaussianMixture(3, max_iter=5000, random_state=5)
    comparison = compare_solvers(mixture, faithful, ["em", "lbfgs"], n_starts=2, target=1e-7)
    printed = rows_of(lines)
    assert list(printed) == ["em", "lbfgs"]
    for solver, (passes, _, solved, gap, converged) in printed.items():
        assert float(passes) == pytest.approx(np.median(comparison.passes_to(1e-7)[solver]), rel=1e-3)
        assert (solved, converged) == ("2/2", "2/2")
        assert float(gap) <= 1e-7

    with open("runs.csv", newline="") as file:
        written = list(csv.DictReader(file))
    expected = comparison.records()
    assert list(written[0]) == list(expected[0])
    for row, record in zip(written, expected, strict=True):
        for name in ("solver", "converged", "finished_by"):
            assert row[name] == str(record[name])
        for name in ("start", "passes_to_target", "passes_to_1e-04", "log_likelihood", "n_passes"):
            assert float(row[name]) == record[name]

    picture = matplotlib.image.imread(folder / "out.png")
    assert picture.shape[1] > 2 * picture.shape[0] > 800
    np.testing.assert_array_equal(picture[[0, 0, -1, -1], [0, -1, 0, -1], :3], 1.0)  # a white page
    assert sorted(os.listdir()) == ["faithful.csv", "out.png", "runs.csv"]


def test_all_solvers_and_one_that_refuses(faithful, monkeypatch, capsys):
    class Refusing(EM):
        name = "refusing"

        def check(self, model):
            raise ValueError("solver='refusing' needs 'a great many things' of the family, which has none of them.")

    monkeypatch.setitem(SOLVERS, Refusing.name, Refusing)
    assert (
        main(
            [
                "compare",
                "faithful.csv",
                "--components",
                "2",
                "--covariance",
                "diag",
                "--starts",
                "1",
                "--max-iter",
                "30",
            ]
        )
        == 0
    )
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert max(map(len, lines)) <= 80
    assert list(rows_of(lines)) == list(SOLVERS)
    assert rows_of(lines)["refusing"] == ["-", "-", "refused", "-", "-"]
    assert "refusing refused: solver='refusing' needs 'a great many things'" in out
    assert f"{len(SOLVERS)} solvers, each from 1 start\n" in out
    assert os.listdir() == ["faithful.csv"]


def test_out_of_iterations_is_said_in_the_table(faithful, capsys):
    arguments = ["--components", "3", "--solvers", "em", "--starts", "2", "--max-iter", "3"]
    assert main(["compare", "faithful.csv", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert rows_of(out.splitlines())["em"][-1] == "0/2"
    assert "From 2 of 2 starts no solver converged" in out


def test_progress_counts_runs():
    stream = io.StringIO()
    line = ProgressLine(stream, 12, "run", clock=lambda: 0.0)
    line(SimpleNamespace(n_iter=0, n_passes=[1.0], values=[-1.0]))
    line.show()
    assert stream.getvalue() == "\rrun 1 of 12, iteration 0, passes 1, objective -1.000000, 0.0 s"


def test_notes(capsys):
    with open("d.csv", "w") as file:
        file.write("species,x\nwren,1\nwren,2\nrook,9\n")
    assert main(["compare", "d.csv", "--components", "1", "--solvers", "em"]) == 0
    out, err = capsys.readouterr()
    assert err == "skmix: note: column 'species' holds text and is left out\n"
    assert "3 rows, 1 numeric column, 0 missing values" in out


def test_help_names_the_solvers(capsys):
    assert main(["compare", "--help"]) == 0
    text = "".join(capsys.readouterr().out.split())
    assert ",".join(SOLVERS) in text


def test_plot_without_matplotlib(faithful, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["compare", "faithful.csv", "--components", "2", "--plot", "out.png"]) == 2
    assert "--plot needs matplotlib, install it by" in capsys.readouterr().err
    assert os.listdir() == ["faithful.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.csv", "--components", "2"], "cannot read nope.csv: No such file or directory"),
        (["d.csv", "--components", "4"], "d.csv has 3 rows, fewer than the 4 components"),
        (["far.csv", "--components", "1"], "column 'b' spreads over"),
        (["d.csv"], "--components"),
        (["d.csv", "--components", "2", "--solvers", "em,magic"], "--solvers: invalid choice: 'magic' (choose from em"),
        (["d.csv", "--components", "2", "--solvers", ""], "--solvers: invalid choice: ''"),
        (["d.csv", "--components", "2", "--starts", "0"], "--starts: must be an integer of at least 1, got '0'"),
        (["d.csv", "--components", "2", "--target", "0"], "--target: must be a number above 0, got '0'"),
        (["d.csv", "--components", "2", "--target", "near"], "--target: must be a number above 0, got 'near'"),
        (["d.csv", "--components", "2", "--target", "inf"], "--target: must be a number above 0, got 'inf'"),
        (["d.csv", "--components", "2", "--output", "d.csv"], "DATA.csv and --output are the same file, d.csv"),
        (["d.csv", "--components", "2", "--plot", "x.jpeg2"], "cannot write x.jpeg2: a picture's name must end in one"),
    ],
)
def test_bad_input(folder, capsys, arguments, message):
    (folder / "d.csv").write_text("a,b\n1,2\n3,4\n5,7\n")
    (folder / "far.csv").write_text("a,b\n1,1e200\n2,-1e200\n")
    before = sorted(os.listdir())
    extra = [] if "--output" in arguments else ["--output", "runs.csv"]
    assert main(["compare", *arguments, *extra]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("skmix: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert sorted(os.listdir()) == before
