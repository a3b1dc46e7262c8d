# Everything needs only Python 3.11+, make and the package registry. PYTHON chooses another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test check bench up lock install

demo: install  ## Orders from document to settled money, a worker killed under them, all books audited.
	$(BIN)/ordersaga demo

test: install  ## The whole test suite, on as many cores as there are.
	$(BIN)/python -m pytest -n auto --dist worksteal

check: install  ## Lint, format, types, layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: install  ## What an order costs: throughput, latency, CPU, history, memory.
	$(BIN)/ordersaga bench

up: install  ## An installation on this machine, its state in ./.ordersaga. Ctrl-C stops it.
	$(BIN)/ordersaga up

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(INSTALLED)

lock: install  ## Choose versions anew, with hashes and without addresses.
	$(BIN)/uv pip compile pyproject.toml --all-extras --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--python-version 3.11 --upgrade --output-file requirements.lock --quiet
