# make check, make test, make bench: what CI runs, and what to run before a commit.
PYTHON ?= python

.PHONY: check test schema bench trl

check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest

schema:
	$(PYTHON) -c "from pathlib import Path; from prefgen.schema import write; write(Path('schemas'))"

# TRL alone: its data functions, which tests/test_trl.py calls, need none of the torch that it names.
trl:
	$(PYTHON) -m pip install -q --no-deps 'trl>=1.16'

bench:
	$(PYTHON) bench/likelihood.py
	$(PYTHON) bench/reading.py
