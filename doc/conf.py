"""Sphinx configuration."""

from skmix import __version__

project = "skmix"
author = "the skmix founders"
release = __version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser"]
exclude_patterns = ["benchmarks/results/*"]
html_theme = "alabaster"
numpydoc_show_class_members = False
suppress_warnings = ["myst.xref_missing", "myst.header"]
