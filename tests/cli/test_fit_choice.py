"""``skmix fit`` with several models to choose from."""

import os

import numpy as np
import pytest

from skmix import GaussianMixture, MixtureClustering
from skmix.cli import main
from skmix.datasets import load_old_faithful


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def faithful(folder):
    X = load_old_faithful().data
    np.savetxt("faithful.csv", X, delimiter=",", header="eruptions,waiting", comments="")
    return X


def models_of(lines):
    """The printed table of criteria: its heading, and its cells by the number of components."""
    begin = next(i for i, line in enumerate(lines) if line.startswith("components"))
    rows = [line.split() for line in lines[begin + 1 : lines.index("", begin)]]
    return lines[begin].split(), {int(row[0]): row[1:] for row in rows}


@pytest.mark.parametrize("criterion", [None, "aic", "icl"])
def test_table_and_choice(faithful, capsys, criterion):
    arguments = ["--components", "1:3", "--covariance", "full,tied,full", "--tol", "1e-7", "--seed", "3"]
    arguments += ["--criterion", criterion] if criterion else []
    assert main(["fit", "faithful.csv", *arguments, "--output", "labels.csv", "--plot", "fit.png"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith(" ") for line in lines)

    search = MixtureClustering((1, 2, 3), ("full", "tied"), criterion=criterion or "bic", tol=1e-7, random_state=3).fit(
        faithful
    )
    heading, cells = models_of(lines)
    assert heading == ["components", "full", "tied"]
    values = search.results_[search.criterion].reshape(2, 3).T
    for K, row in cells.items():
        np.testing.assert_allclose([float(cell.rstrip("*")) for cell in row], values[K - 1], atol=6e-3)
    marked = [(K, heading[1 + i]) for K, row in cells.items() for i, cell in enumerate(row) if cell.endswith("*")]
    assert marked == [(search.n_clusters_, search.best_params_["covariance_type"])]
    said = {line[:16].strip(): line[16:] for line in lines}
    K, kind = marked[0]
    assert said["model"] == f"{K} Gaussian component{'s' if K > 1 else ''}, covariance {kind}"
    assert said["chosen"].startswith(f"by {search.criterion.upper()}, out of 6 models")
    assert said["BIC"] == f"{search.best_estimator_.bic(faithful):.4f}"
    np.testing.assert_array_equal(np.loadtxt("labels.csv", delimiter=",", skiprows=1)[:, 0], search.labels_)
    assert sorted(os.listdir()) == ["faithful.csv", "fit.png", "labels.csv"]


def test_one_component_more_than_there_are_rows(folder, capsys):
    (folder / "d.csv").write_text("a,b\n1,2\n3,4\n3,4\n5,7\n")
    assert main(["fit", "d.csv", "--components", "1:5", "--covariance", "spherical"]) == 0
    out = capsys.readouterr().out
    cells = models_of(out.splitlines())[1]
    assert [cells[K] for K in (2, 4)] == [["degenerate"], ["skipped"]]
    assert "4 of which did not converge, degenerated or were skipped" in " ".join(out.split())


def test_the_largest_number_is_told(faithful, capsys):
    assert main(["fit", "faithful.csv", "--components", "1:2"]) == 0
    assert "more may be better" in " ".join(capsys.readouterr().out.split())


def test_single_model_is_as_it_was(faithful, capsys):
    assert main(["fit", "faithful.csv", "--components", "2:2", "--covariance", "tied"]) == 0
    out = capsys.readouterr().out
    assert "chosen" not in out
    mixture = GaussianMixture(2, covariance_type="tied", random_state=0).fit(faithful)
    assert f"BIC             {mixture.bic(faithful):.4f}" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--components", "3:1"], "--components: must be an integer, or a range such as 1:9, got '3:1'"),
        (["--components", "0:2"], "must be an integer, or a range such as 1:9, got '0:2'"),
        (["--components", "1:x"], "must be an integer, or a range such as 1:9, got '1:x'"),
        (["--components", "1:2", "--covariance", "full,round"], "invalid choice: 'round' (choose from full, tied"),
        (["--components", "1:2", "--criterion", "dic"], "--criterion: invalid choice: 'dic'"),
        (["--components", "2", "--criterion", "aic"], "--criterion chooses between models"),
        (["--components", "4:6"], "d.csv has 3 rows, fewer than the 4 components"),
    ],
)
def test_bad_input(folder, capsys, arguments, message):
    (folder / "d.csv").write_text("a,b\n1,2\n3,4\n5,7\n")
    assert main(["fit", "d.csv", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("skmix: error: ")
    assert message in err


def test_interrupt(faithful, monkeypatch, capsys):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(GaussianMixture, "_climb", interrupt)
    assert main(["fit", "faithful.csv", "--components", "1:2"]) == 130
    assert capsys.readouterr() == ("", "skmix: error: interrupted\n")
