# make check, make test, make bench: what CI runs, and what to run before a commit.
PYTHON ?= python

.PHONY: check test schema bench

check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest

schema:
	$(PYTHON) -c "from pathlib import Path; from prefgen.schema import write; write(Path('schemas'))"


bench:
	$(PYTHON) bench/likelihood.py
