# make results   everything, from a fresh clone to results/demo/report.html
# make test      unit tests, the pipeline in miniature through Snakemake and DVC, and the linters
# make help      the rest

EXPERIMENT ?= config/config.yaml
REFERENCE = results/reference
REHEARSAL = rehearsal/$(basename $(notdir $(EXPERIMENT)))
BIN = .venv/bin
# Tests make and delete tens of thousands of small files: in memory, where 4 GB of it are offered as a folder. Some of
# these files are programs, which containers often do not let run from there.
IN_MEMORY := $(shell test -w /dev/shm && [ "$$(df -Pk /dev/shm | awk 'END { print $$4 }')" -gt 4000000 ] && \
  ! grep -q ' /dev/shm .*noexec' /proc/mounts && echo TMPDIR=/dev/shm)
PYTEST = $(IN_MEMORY) $(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
# Rules and tests call `camagain`, `snakemake` and `dvc`: they find those of the project's own environment. Lines of
# this file name its folder themselves, because Apple's make looks a command up before it heeds an exported PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Many containers tell Python to keep no compiled code: each of hundreds of jobs and tests would compile all sources anew.
unexport PYTHONDONTWRITEBYTECODE

# Snakemake makes a folder for its cache before it reads anything. Without a home to write to, it gets one here.
ifneq ($(shell cache="$${XDG_CACHE_HOME:-$${HOME:-/dev/null}/.cache}"; mkdir -p "$$cache" 2>/dev/null && test -w "$$cache" && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
endif

# A misspelt `make results EXPERIMENTS=mine.yaml` would be days of the default experiment.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
UNKNOWN := $(filter-out EXPERIMENT PYTHON PEER SHELL,$(GIVEN))
ifneq ($(UNKNOWN),)
$(error nothing here is called $(UNKNOWN); there are EXPERIMENT, PYTHON and PEER, for example EXPERIMENT=config/config.yaml)
endif

.DEFAULT_GOAL := help
.PHONY: help setup quick results paper rehearse test unit test-long mutants bench soak simulate lint format docs site lock clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
# make setup     the environment alone (.venv), from the pins in requirements.lock; PYTHON=python3.13 chooses one

setup: .venv/.ok

# uv installs several times faster than pip; where it cannot be had, pip does the same. uv reads no pip configuration, so
# a local folder of wheels that pip knows is passed on. Bytecode is compiled once instead of at every start.
.venv/.ok: pyproject.toml requirements.lock
	@for python in $(or $(PYTHON),python3.11 python3.12 python3.13 python3.14 python3); do \
	  $$python -c 'import sys; sys.exit(not (3, 11, 4) <= sys.version_info < (3, 15))' 2>/dev/null && break; \
	  python=; done; \
	[ -n "$$python" ] || { echo "found no Python 3.11 to 3.14; name one: make setup PYTHON=/path/to/python3" >&2; exit 1; }; \
	$$python -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
	UV_FIND_LINKS="$${PIP_FIND_LINKS:-$$($(BIN)/python -m pip config get global.find-links 2>/dev/null)}" \
	  $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c requirements.lock -e '.[dev]' \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	$(BIN)/python -m pip check
	touch $@

# The file is read once before Snakemake, which answers a file that it cannot open with a traceback.
results: setup
	@$(BIN)/camagain experiment "$(EXPERIMENT)" > /dev/null
	$(BIN)/snakemake --configfile "$(EXPERIMENT)"
	@run=$$($(BIN)/camagain experiment "$(EXPERIMENT)" | sed -n 's/^run: //p'); \
	$(BIN)/camagain verify results/$$run || { echo "delete what is changed, move away what is not in the manifest, and run" \
	  "this command again"; exit 1; }; \
	echo "results/$$run/report.html is ready"; \
	if [ -d $(REFERENCE)/$$run ]; then \
	  $(BIN)/camagain compare results/$$run $(REFERENCE)/$$run --quiet || { [ $$? -le 2 ] && \
	    echo "what and why: camagain compare results/$$run $(REFERENCE)/$$run --html compare.html"; }; fi

# make quick     pictures and a table within a minute, from four networks that are already trained
quick: setup
	$(MAKE) --no-print-directory results EXPERIMENT=config/experiments/quickstart.yaml

# make paper     tables, figures, report and manifest of EXPERIMENT anew from what its run has, also if models are missing
paper: setup
	$(BIN)/camagain paper "$(EXPERIMENT)"

# make rehearse  run EXPERIMENT in a small size on stand-ins for its images and weights
rehearse: setup
	$(BIN)/camagain rehearse "$(EXPERIMENT)" $(REHEARSAL)
	HF_HOME=$(CURDIR)/$(REHEARSAL)/huggingface HF_HUB_OFFLINE=1 \
	  $(BIN)/snakemake --directory $(REHEARSAL) --configfile $(REHEARSAL)/experiment.yaml -- all explorer

test: setup
	$(MAKE) --no-print-directory -j2 lint unit

# The tests alone. Beside them the linters, which a new clone begins without their caches, take no time of their own.
unit: setup
	$(PYTEST)

# make test-long the tests that take longer: kills, DVC alone, storage, full-scale experiments in a small size
test-long: setup
	$(PYTEST) -m long

# make mutants   plant known mistakes, one at a time, and see a test fail for each (see CONTRIBUTING.md)
mutants: setup
	$(BIN)/python -m tools.mutants

# make lint      ruff, snakefmt, snakemake --lint, mypy
lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/mypy

# make bench     measure the speed ratios that the docs quote, into benchmarks/results (10 to 15 minutes)
bench: setup
	$(BIN)/python -m benchmarks $(if $(PEER),--peer $(PEER))

# make soak      kill runs, also on a cluster of one machine, and measure memory, try networks, into benchmarks/results (about an hour)
soak: setup
	$(BIN)/python -m tests.soak

# make simulate  simulated error rates of intervals, comparisons and criteria, into benchmarks/results
simulate: setup
	$(BIN)/python -m benchmarks.simulations

# make format    rewrite the sources as the linters want them
format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

# make lock      rewrite requirements.lock from what is installed (after a change of pyproject.toml)
lock: setup
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+[a-z0-9]*$$//' | grep -v '^uv==' > requirements.lock

# make clean     delete runs and datasets that this folder can make again (not downloads, not references)
clean:
	find results -mindepth 1 -maxdepth 1 ! -name reference -exec rm -rf {} +
	rm -rf data .snakemake

# make docs      rewrite config/README.md, the results in README.md and docs, and the tables of docs/benchmarks.md
docs: setup
	$(BIN)/python -m tools

# make site      the documents as a site, site/index.html; opens from its folder, asks for nothing from a network
site: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
