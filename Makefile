# What CI calls, and what you call. PYTHON=… chooses another interpreter.
PYTHON ?= python

.PHONY: all lint type test test-old bench doc

all: lint type test

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

type:
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest

# The oldest scikit-learn that is supported, in an environment of its own.
test-old:
	$(PYTHON) -m venv build/old
	build/old/bin/python -m pip install --quiet -e ".[test]" "scikit-learn==1.7.2"
	build/old/bin/python -m pytest

bench:
	$(PYTHON) doc/benchmarks/run.py passes
	$(PYTHON) doc/benchmarks/run.py fits

doc:
	$(PYTHON) -m sphinx -W -q -b html doc build/doc
