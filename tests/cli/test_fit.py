import csv
import os
import sys

import matplotlib
import numpy as np
import pytest

from skmix import GaussianMixture
from skmix.cli import main
from skmix.datasets import load_old_faithful

matplotlib.use("Agg")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def faithful(folder):
    X = load_old_faithful().data.copy()
    X[::7, 1] = np.nan
    with open("faithful.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["eruptions", "waiting"])
        writer.writerows([[a, "" if np.isnan(b) else b] for a, b in X])
    return X


def table_of(lines):
    """The printed table of weights and means, as numbers."""
    begin = next(i for i, line in enumerate(lines) if line.startswith("component"))
    rows = [line.split() for line in lines[begin + 1 :] if line[:1].isdigit()]
    return lines[begin].split(), np.array(rows, dtype=float)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_report_and_labels(faithful, capsys, covariance):
    arguments = ["--components", "2", "--covariance", covariance, "--solver", "em", "--output", "labels.csv"]
    assert main(["fit", "faithful.csv", *arguments]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert max(map(len, lines)) <= 80

    mixture = GaussianMixture(2, covariance_type=covariance, solver="em", random_state=0).fit(faithful)
    heading, numbers = table_of(lines)
    assert heading == ["component", "weight", "eruptions", "waiting"]
    np.testing.assert_allclose(numbers[:, 1], mixture.weights_, atol=6e-6)
    np.testing.assert_allclose(numbers[:, 2:], mixture.means_, atol=6e-5)
    said = {line[:16].strip(): line[16:] for line in lines}
    total = mixture.score(faithful) * 272
    assert said["data"] == "272 rows, 2 numeric columns, 39 missing values"
    assert said["log-likelihood"] == f"{total:.4f} ({total / 272:.6f} per row)"
    assert said["BIC"] == f"{mixture.bic(faithful):.4f}"
    assert said["passes"] == f"{mixture.n_passes_:g}"
    assert said["solver"] == "em"
    assert said["ended"].startswith("converged")
    assert lines[-1] == "wrote labels.csv"

    with open("labels.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["label", "component_0", "component_1"]
    written = np.array(rows, dtype=float)
    np.testing.assert_array_equal(written[:, 0], mixture.labels_)
    np.testing.assert_allclose(written[:, 1:], mixture.predict_proba(faithful), rtol=1e-9)
    assert sorted(os.listdir()) == ["faithful.csv", "labels.csv"]


def test_options_reach_the_mixture(faithful, capsys):
    arguments = ["--components", "4", "--starts", "3", "--seed", "5", "--tol", "1e-9", "--max-iter", "900"]
    assert main(["fit", "faithful.csv", *arguments]) == 0
    mixture = GaussianMixture(4, n_init=3, random_state=5, tol=1e-9, max_iter=900).fit(faithful)
    out = capsys.readouterr().out
    assert f"({mixture.score(faithful):.6f} per row)" in out
    assert f"passes          {mixture.n_passes_:g} (the best of 3 starts)" in out
    assert f"solver          auto, finished by {mixture.solver_}" in out


def test_warnings_are_one_line_each(faithful, capsys):
    assert main(["fit", "faithful.csv", "--components", "3", "--max-iter", "2"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("skmix: warning: ")
    assert "did not converge" in err
    assert err.count("\n") == 1
    assert "stopped after max_iter=2" in out


def test_notes(capsys):
    with open("d.csv", "w") as file:
        file.write("species,x\nwren,1\nwren,2\nrook,9\n")
    assert main(["fit", "d.csv", "--components", "1"]) == 0
    out, err = capsys.readouterr()
    assert err == "skmix: note: column 'species' holds text and is left out\n"
    assert "3 rows, 1 numeric column, 0 missing values" in out


def test_plot(faithful, folder, capsys):
    assert main(["fit", "faithful.csv", "--components", "2", "--plot", "fit.png"]) == 0
    assert (folder / "fit.png").read_bytes().startswith(PNG)
    assert capsys.readouterr().out.endswith("wrote fit.png\n")
    assert main(["fit", "faithful.csv", "--components", "2", "--plot", "fit.SVG"]) == 0
    assert "<svg" in (folder / "fit.SVG").read_text()
    assert sorted(os.listdir()) == ["faithful.csv", "fit.SVG", "fit.png"]


def test_plot_of_one_column_with_odd_name(folder, capsys):
    rows = "\n".join(map(str, np.random.default_rng(0).normal(size=50)))
    (folder / "d.csv").write_text(f"price in $ and $ 日本\n{rows}\n", encoding="utf-8")
    assert main(["fit", "d.csv", "--components", "2", "--plot", "fit.png"]) == 0
    assert (folder / "fit.png").read_bytes().startswith(PNG)
    assert capsys.readouterr().err == ""


def test_plot_without_matplotlib(faithful, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["fit", "faithful.csv", "--components", "2", "--plot", "fit.png"]) == 2
    assert (
        capsys.readouterr().err == 'skmix: error: --plot needs matplotlib, install it by: pip install "skmix[plot]"\n'
    )
    assert os.listdir() == ["faithful.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.csv", "--components", "2"], "cannot read nope.csv: No such file or directory"),
        ([".", "--components", "2"], "cannot read .: Is a directory"),
        (["d.csv", "--components", "4"], "d.csv has 3 rows, fewer than the 4 components"),
        (["bad.csv", "--components", "1"], "bad.csv, line 3, column 'b': cannot read 'four' as a finite number"),
        (["text.csv", "--components", "1"], "text.csv has no numeric column"),
        (["far.csv", "--components", "1"], "column 'b' spreads over"),
        (["d.csv"], "--components"),
        (["d.csv", "--components", "0"], "--components: must be an integer of at least 1, got '0'"),
        (["d.csv", "--components", "two"], "--components: must be an integer of at least 1, got 'two'"),
        (["d.csv", "--components", "2", "--covariance", "round"], "--covariance: invalid choice: 'round'"),
        (["d.csv", "--components", "2", "--solver", "magic"], "--solver: invalid choice: 'magic'"),
        (["d.csv", "--components", "2", "--seed", "-1"], "--seed: must be an integer from 0 to 4294967295, got '-1'"),
        (["d.csv", "--components", "2", "--tol", "nan"], "--tol: must be a number of at least 0, got 'nan'"),
        (["d.csv", "--components", "2", "--output", "no/l.csv"], "cannot write no/l.csv: No such file or directory"),
        (["d.csv", "--components", "2", "--output", "."], "cannot write .: it is a directory"),
        (["d.csv", "--components", "2", "--output", "d.csv"], "DATA.csv and --output are the same file, d.csv"),
        (["d.csv", "--components", "2", "--output", "x.png", "--plot", "./x.png"], "--output and --plot are the same"),
        (["d.csv", "--components", "2", "--output", "l.csv", "--plot", "no/x.png"], "cannot write no/x.png"),
        (["d.csv", "--components", "2", "--plot", "x.jpeg2"], "cannot write x.jpeg2: a picture's name must end in one"),
    ],
)
def test_bad_input(folder, capsys, arguments, message):
    (folder / "d.csv").write_text("a,b\n1,2\n3,4\n5,7\n")
    (folder / "bad.csv").write_text("a,b\n1,2\n3,four\n5,7\n")
    (folder / "text.csv").write_text("a,b\nx,y\n")
    (folder / "far.csv").write_text("a,b\n1,1e200\n2,-1e200\n")
    before = sorted(os.listdir())
    extra = [] if "--output" in arguments else ["--output", "labels.csv"]
    assert main(["fit", *arguments, *extra]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("skmix: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert sorted(os.listdir()) == before
    assert (folder / "d.csv").read_text() == "a,b\n1,2\n3,4\n5,7\n"


def test_interrupt(faithful, folder, monkeypatch, capsys):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    (folder / "labels.csv").write_text("old")
    monkeypatch.setattr(GaussianMixture, "fit", interrupt)
    assert main(["fit", "faithful.csv", "--components", "2", "--output", "labels.csv"]) == 130
    assert capsys.readouterr() == ("", "skmix: error: interrupted\n")
    assert (folder / "labels.csv").read_text() == "old"
    assert sorted(os.listdir()) == ["faithful.csv", "labels.csv"]
