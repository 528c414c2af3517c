# Two commands do everything on a fresh machine with Python ≥ 3.11, make and git: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python --compile-bytecode
PEOPLE ?= 2000
RESOLVE := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml

export DO_NOT_TRACK := 1
# uv trusts what pip trusts: behind a proxy with a certificate of its own the first download fails otherwise.
export UV_SYSTEM_CERTS := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit oracles lint dev lock clean benchmark campaign

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/uv:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Making .venv …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

.venv/run: .venv/uv requirements.lock pyproject.toml
	@echo "Installing from requirements.lock …"
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/run requirements-dev.lock
	@echo "Installing from requirements-dev.lock …"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

.venv/oracles: .venv/dev requirements-oracles.lock
	@echo "Installing from requirements-oracles.lock …"
	@$(INSTALL) --require-hashes -r requirements-oracles.lock
	@touch $@

oracles: .venv/oracles  ## Install other people's estimators, so that tests compare ours with theirs

demo: .venv/run  ## Simulate an organisation, run the pipeline on its files, show the estimates beside the truth
	@$(BIN)/coaching demo --workspace demo --people $(PEOPLE)

test: .venv/dev  ## Run all tests
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-unit: .venv/dev  ## Run the unit tests that start no dbt, for the inner loop
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4 -m "not organisation" tests/unit

lint: .venv/dev  ## Run the linters
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/yamllint --strict .
	@DBT_TARGET_PATH=$$(mktemp -d) DBT_LOG_PATH=$$(mktemp -d) $(BIN)/sqlfluff lint --disable-progress-bar dbt_project/models dbt_project/tests

dev: .venv/run  ## Open the Dagster web UI on loopback, the graph grouped by layer (workspace: demo)
	@$(BIN)/coaching dev --workspace demo

benchmark: .venv/dev  ## Speed and memory, as ratios to a stated floor
	@$(BIN)/python benchmarks/pipeline.py

campaign: .venv/dev  ## Attack, coverage and torture at full length; takes days
	@$(BIN)/python -m benchmarks.attack --out benchmarks/results/attack.md
	@$(BIN)/python -m benchmarks.coverage 4000
	@$(BIN)/python -m benchmarks.decisions 400 > benchmarks/results/decisions.md
	@$(BIN)/python -m benchmarks.torture torture

lock: .venv/uv  ## Resolve the dependencies anew, with hashes and without registry addresses
	@$(UV) pip compile $(RESOLVE) --upgrade --extra build --extra dev -o requirements-dev.lock
	@$(UV) pip compile $(RESOLVE) --constraint requirements-dev.lock --extra build -o requirements.lock
	@$(UV) pip compile $(RESOLVE) --constraint requirements-dev.lock --extra oracles -o requirements-oracles.lock

clean:  ## Remove what the targets made (the demo's workspace too)
	@rm -rf .venv demo .pytest_cache .ruff_cache .hypothesis
