"""What is written must be true: README and guide run, docstrings are complete, every public name is in the API page."""

import doctest
import importlib
import inspect
import pkgutil
import tomllib
from pathlib import Path

import numpydoc.validate
import pytest

import skmix
import skmix.comparison
import skmix.datasets
import skmix.display
import skmix.inference
import skmix.initialize
import skmix.solvers

ROOT = Path(__file__).parent.parent
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (
        skmix,
        skmix.solvers,
        skmix.comparison,
        skmix.inference,
        skmix.display,
        skmix.datasets,
        skmix.initialize,
    )
    for name in module.__all__
    if callable(getattr(module, name))
}
# Sections that not every docstring needs: See Also, Notes, extended summary; and matters of layout.
PASSED_OVER = {"GL01", "GL02", "GL03", "ES01", "SA01", "EX01", "RT02", "RT03", "RT05", "SS03", "SS05", "SS06", "YD01"}


PAGES = ["README.md", *(f"doc/guide/{page.name}" for page in sorted((ROOT / "doc/guide").glob("*.md")))]


@pytest.mark.parametrize("page", [page for page in PAGES if ">>>" in (ROOT / page).read_text()])
def test_pages_run(page):
    result = doctest.testfile(str(ROOT / page), module_relative=False)
    assert result.attempted > 5
    assert result.failed == 0


def modules():
    return [info.name for info in pkgutil.walk_packages(skmix.__path__, "skmix.")]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def methods_of(name, cls):
    for method, value in inspect.getmembers(cls, inspect.isfunction):
        if not method.startswith("_") and value.__module__.startswith("skmix."):
            yield f"{name}.{method}"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_docstrings_are_complete(name):
    value = PUBLIC[name]
    names = [name, *(methods_of(name, value) if inspect.isclass(value) else ())]
    if inspect.isclass(value) and issubclass(value, (skmix.solvers.Solver, skmix.initialize.Search)):
        names = [name]  # its methods are the protocol, documented in doc/develop
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        names = []  # an instance, such as a scorer: its class is public, too
    for path in names:
        errors = [error for error in numpydoc.validate.validate(path)["errors"] if error[0] not in PASSED_OVER]
        assert not errors, (path, errors)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_on_the_api_page(name):
    page = (ROOT / "doc" / "api.rst").read_text()
    if name.split(".")[-1] != "Solver":
        assert f":: {name.removeprefix('skmix.') if name.count('.') == 1 else name}" in page


def test_estimators_document_all_parameters_in_order():
    for cls in (getattr(skmix, name) for name in skmix.__all__ if "Mixture" in name or name.endswith(("HMM", "Model"))):
        documented = numpydoc.docscrape.ClassDoc(cls)["Parameters"]
        assert [parameter.name for parameter in documented] == list(inspect.signature(cls).parameters)


def test_three_runtime_dependencies_and_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = sorted(requirement.split(">=")[0] for requirement in project["dependencies"])
    assert names == ["numpy", "scikit-learn", "scipy"]
    assert project["version"] == skmix.__version__
    assert f"## {skmix.__version__}" in (ROOT / "CHANGELOG.md").read_text()
