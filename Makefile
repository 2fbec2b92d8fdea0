# Everything runs in .venv, which plain pip fills; it is made again when pyproject.toml changes.
#   make demo | test | test-slow | lint | format | clean        PYTHON=python3.12 make ... picks the interpreter
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS ?= dev,metrics,notebooks
# Idle OpenMP threads sleep instead of spinning; on a shared machine spinning costs up to six times the run time.
export OMP_WAIT_POLICY ?= PASSIVE
export MLFLOW_DISABLE_TELEMETRY ?= true

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow lint format clean

help:  ## this text
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(STAMP)  ## .venv with the package and everything that tests need

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"inpaintdiff needs Python 3.11 or newer, $(PYTHON) is {v[0]}.{v[1]}; try: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@touch $@

demo: $(STAMP)  ## simulated clips inpainted with the built-in model, compared with the baselines (demo-output/)
	$(BIN)/inpaintdiff demo

# Two processes with one thread each; a file stays in one process, so that what its tests share is made once.
test: $(STAMP)  ## the default tests (about 4 minutes on 2 cores)
	$(BIN)/python -m pytest -n 2 --dist loadfile --benchmark-disable $(PYTEST_ARGS)

# an extra of its own: the default tests need neither PostgreSQL nor S3
$(VENV)/.stack: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS),stack]'
	@touch $@

test-slow: $(VENV)/.stack  ## the tests marked slow
	$(BIN)/python -m pytest -m 'slow and not gpu' $(PYTEST_ARGS)

lint: $(STAMP)  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## rewrite the files as `make lint` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove .venv, caches and build results
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find inpaintdiff tests -name __pycache__ -type d -prune -exec rm -rf {} +
