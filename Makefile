# ktlo: `make up` runs it, `make test` tests it. Everything else is for those who work on it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Paths or URLs of the first repositories, e.g. make up REPO="../shop https://example.org/team/shop.git"
REPO   ?= .
ARGS   ?=
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.PHONY: up test lint types imports bench docs lock check-python clean

up: $(VENV)/.server  ## Install ktlo here and start it on this repository (or REPO=…)
	$(BIN)/ktlo up $(REPO) $(ARGS)

test: $(VENV)/.test  ## Install what the tests need and run everything CI runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)
	$(BIN)/mypy --config-file instrument/pyproject.toml
	instrument/run-tests $(abspath $(BIN))/python

lint: $(VENV)/.test  ## Format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.test  ## Benchmarks: ratios against a peer or a floor
	$(BIN)/python -m benchmarks

docs: $(VENV)/.test  ## Write the generated reference pages
	$(BIN)/python -m ktlo.cli.reference docs/reference

lock:  ## Pin dependencies again (needs uv)
	uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --extra server --group build -o requirements.lock
	uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --group build -c requirements.lock -o requirements-check.lock
	uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --extra server --group build --group dev \
	  -c requirements.lock -o requirements-test.lock

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "ktlo needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Say PYTHON=python3.12 if you have one."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv is missing. On Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/bin/python: | check-python
	$(PYTHON) -m venv $(VENV)

$(VENV)/.server: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing ktlo's pinned dependencies into $(VENV) (about 1.2 GB, once)…"
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements-test.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements-test.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.server

clean:  ## Remove the environment and caches; data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
