# make check, make test, make bench: what CI runs, and what to run before a commit.
PYTHON ?= python

SMALL = local/smollm2-135m
# So small a model seldom ends a second revision.
ONE_ROUND = --set steps.drawn2=null --set steps.critiques2=null --set steps.revisions2=null --set steps.pairs.revised=revisions1
LOCAL = runs/local
# Prompts of each; CI takes fewer. Of the quickstart, all where nothing is said.
STARTED ?=
REVISED ?= 12
CONTRASTED ?= 10
RATED ?= 24

.PHONY: check test slow schema docs bench bench-large bench-peers million ten-million simulate crashes attacks fuzz local trl trainers

check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest

# What the suite leaves out for its three minutes: planted worlds, every recipe in every cut, more seeds.
slow:
	$(PYTHON) -m pytest -m slow

schema:
	$(PYTHON) -c "from pathlib import Path; from prefgen.schema import write; write(Path('schemas'))"

# The site, into build/site: nothing is fetched, and a link that leads nowhere is an error.
docs:
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet

# TRL and torch, of which the build for the CPU will do (TORCH names another one): its own trainers take ten steps on
# what is written.
TORCH ?= torch==2.13.*
trl:
	$(PYTHON) -m pip install -q '$(TORCH)' 'trl>=1.16'
	$(PYTHON) -m pytest -m trainers tests/test_trl_training.py

# The row transforms of other trainers, and of what they import no more than the transforms do. After `make trl`.
OTHERS = 'axolotl>=0.19' 'openrlhf>=0.11' 'torchtune>=0.6.1' 'torchao<0.12' addict colorama pylatexenc omegaconf sentencepiece tiktoken
trainers:
	$(PYTHON) -m pip install -q --no-deps $(OTHERS)
	$(PYTHON) -m pytest -m trainers tests/formats

# Recipes on a real model on your own cores. So small a model judges by likelihood, and keeps no form of its own.
local:
	prefgen run quickstart --quiet --out $(LOCAL)/quickstart $(if $(STARTED),--take $(STARTED))
	prefgen run constitutional --quiet --out $(LOCAL)/constitutional --take $(REVISED) \
	  --set models.actor.use=$(SMALL) --set models.actor.max_tokens=512 $(ONE_ROUND)
	prefgen run rlcd --quiet --out $(LOCAL)/rlcd --take $(CONTRASTED) \
	  --set models.actor.use=$(SMALL) --set models.actor.max_tokens=256 --set models.judge.use=$(SMALL) \
	  --set 'steps.judgments={likelihood: orders, model: judge, by: [mean]}'
	prefgen run rewardbench --quiet --out $(LOCAL)/rewardbench --take $(RATED) --set models.judge.use=$(SMALL) \
	  --set steps.pairs.load_pairs=tests/data/rewardbench.jsonl \
	  --set 'steps.judgments={likelihood: orders, model: judge, by: [mean, channel]}'

# Deterministic simulation: SEEDS histories of crashes, faults, full disks and stops, and every planted bug.
SEEDS ?= 2000
simulate:
	$(PYTHON) -m tests.sim $(SEEDS)

# kill -9 on real processes, so many times; some minutes.
KILLS ?= 200
crashes:
	$(PYTHON) -m tests.crashes $(KILLS)

# What attacks on judges come to at reading: a table by prompt file and by reading.
attacks:
	$(PYTHON) -m tests.attacks

# Everything that reads what others wrote, on so many seeded inputs; some minutes. One again: python -m tests.fuzz --one TARGET NUMBER.
INPUTS ?= 1000000
SEED ?= 0
fuzz:
	$(PYTHON) -m tests.fuzz $(INPUTS) $(SEED)

# A million rows written, loaded and grown: half an hour on two shared cores, 6 GB of disk, and the memory of each step.
WRITTEN ?= 1000000
million:
	$(PYTHON) bench/write.py $(WRITTEN)

# Ten million prompts answered by a fake model, and a verb that sees all answers: fails above 2 GB of memory. Hours on
# two cores, and 15 GB of disk, in ROOM.
PROMPTS ?= 10000000
ROOM ?=
ten-million:
	$(PYTHON) bench/ten_million.py $(PROMPTS) $(ROOM)

# The tables of README and docs/speed.md: what a run costs beside clients by hand, calls for a pair, filters over a
# million rows, readers, pace. Some minutes; every run stands in build/speed.json.
bench:
	$(PYTHON) bench/speed.py
	$(PYTHON) bench/calls.py
	$(PYTHON) bench/tables.py
	$(PYTHON) bench/likelihood.py
	$(PYTHON) bench/reading.py
	PYTHONPATH=. $(PYTHON) bench/pace.py

# The same with a million cached prompts, and audits of a million pairs; an hour, and 8 GB of disk.
bench-large:
	$(PYTHON) bench/speed.py --large
	$(PYTHON) bench/audit.py

# W1 and W2 beside other frameworks, each in an environment of its own under build/peers (3 GB).
bench-peers:
	$(PYTHON) bench/venvs.py
	$(PYTHON) bench/speed.py --peers
