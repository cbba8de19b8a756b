# make results   everything, from a fresh clone to results/demo/report.html
# make test      unit tests, the whole pipeline in miniature through Snakemake and DVC, and the linters
# make help      the rest

EXPERIMENT ?= config/config.yaml
REFERENCE = results/reference
REHEARSAL = rehearsal/$(basename $(notdir $(EXPERIMENT)))
# Rules and tests call `camagain`, `snakemake` and `dvc`: take them from the project's own environment.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup quick results paper rehearse test mutants bench soak simulate lint format docs lock clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
# make setup     the environment alone (.venv), from the pins in requirements.lock

setup: .venv/.ok

# uv installs several times faster than pip; where it cannot be had, pip does the same. uv reads no pip configuration, so
# a local folder of wheels that pip knows is passed on. Bytecode is compiled once instead of at every start.
.venv/.ok: pyproject.toml requirements.lock
	python3.11 -m venv .venv 2>/dev/null || python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv || true
	UV_FIND_LINKS="$${PIP_FIND_LINKS:-$$(.venv/bin/python -m pip config get global.find-links 2>/dev/null)}" \
	  .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python -c requirements.lock -e '.[dev]' \
	  || .venv/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	.venv/bin/python -m pip check
	touch $@

results: setup
	snakemake --configfile $(EXPERIMENT)
	@run=$$(python -c 'import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))["run"])' $(EXPERIMENT)); \
	camagain verify results/$$run || { echo "delete what is changed, move away what is not in the manifest, and run" \
	  "this command again"; exit 1; }; \
	echo "results/$$run/report.html is ready"; \
	if [ -d $(REFERENCE)/$$run ]; then \
	  camagain compare results/$$run $(REFERENCE)/$$run --quiet || { [ $$? -le 2 ] && \
	    echo "what and why: camagain compare results/$$run $(REFERENCE)/$$run --html compare.html"; }; fi

# make quick     pictures and a table within a minute, from four networks that are already trained
quick: setup
	$(MAKE) --no-print-directory results EXPERIMENT=config/experiments/quickstart.yaml

# make paper     tables, figures, report and manifest of EXPERIMENT anew from what its run has, also if models are missing
paper: setup
	camagain paper $(EXPERIMENT)

# make rehearse  run EXPERIMENT in a small size on stand-ins for its images and weights
rehearse: setup
	camagain rehearse $(EXPERIMENT) $(REHEARSAL)
	HF_HOME=$(CURDIR)/$(REHEARSAL)/huggingface HF_HUB_OFFLINE=1 \
	  snakemake --directory $(REHEARSAL) --configfile $(REHEARSAL)/experiment.yaml -- all explorer

test: setup lint
	pytest --numprocesses auto --dist loadfile

# make mutants   plant known mistakes, one at a time, and see a test fail for each (288, about 16 minutes; see CONTRIBUTING.md)
mutants: setup
	python -m tools.mutants

# make lint      ruff, snakefmt, snakemake --lint, mypy
lint: setup
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint
	mypy

# make bench     measure the speed ratios that the docs quote, into benchmarks/results (about 25 minutes)
bench: setup
	python -m benchmarks $(if $(PEER),--peer $(PEER))

# make soak      kill a run some dozens of times, and measure memory at full size, into benchmarks/results (about an hour)
soak: setup
	python -m tests.soak

# make simulate  simulated error rates of intervals, comparisons and criteria, into benchmarks/results
simulate: setup
	python -m benchmarks.simulations

# make format    rewrite the sources as the linters want them
format: setup
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

# make lock      rewrite requirements.lock from what is installed (after a change of pyproject.toml)
lock: setup
	.venv/bin/python -m pip freeze --exclude-editable | sed 's/+[a-z0-9]*$$//' | grep -v '^uv==' > requirements.lock

# make clean     delete runs and datasets that this folder can make again (not downloads, not references)
clean:
	find results -mindepth 1 -maxdepth 1 ! -name reference -exec rm -rf {} +
	rm -rf data .snakemake

# make docs      rewrite config/README.md, the results in README.md and docs, and the tables of docs/benchmarks.md
docs: setup
	python -m tools
