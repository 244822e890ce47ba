"""The examples run, print what fits a screen, and save their picture."""

import importlib.util
from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("Agg")
EXAMPLES = Path(__file__).parent.parent / "doc" / "examples"


def run(name, picture, capsys):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    return printed


def test_earthquake_regimes(tmp_path, capsys):
    printed = run("earthquake_regimes", tmp_path / "picture.png", capsys)
    # The stationary models of Zucchini and MacDonald (2009).
    for log_likelihood in ("-391.92", "-342.32", "-329.46", "-327.83"):
        assert log_likelihood in printed
    assert "BIC is lowest with 3 states." in printed


def test_missing_and_forecast(tmp_path, capsys):
    printed = run("missing_and_forecast", tmp_path / "picture.png", capsys)
    imputed, by_mean = (float(line.split()[-1]) for line in printed.splitlines()[-2:])
    assert imputed < 0.6 * by_mean


def test_iris_clusters(tmp_path, capsys):
    printed = run("iris_clusters", tmp_path / "picture.png", capsys)
    assert "2 component(s): BIC 574.0" in printed  # mclust's
    assert "50 setosa" in printed


def test_every_example_is_tested():
    names = {f"test_{path.stem}" for path in EXAMPLES.glob("*.py")}
    assert names <= set(globals())


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_the_guide_shows_each_example(path):
    pages = [page.read_text() for page in (EXAMPLES.parent / "guide").glob("*.md")]
    (page,) = (page for page in pages if f"examples/{path.name}" in page)
    assert f"figures/{path.stem.replace('_', '-')}.png" in page
