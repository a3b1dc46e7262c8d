# Everything needs only Python 3.11+, make and the package registry. PYTHON chooses another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CHROMIUM := /usr/bin/chromium

.PHONY: demo test test-long browser check bench up lock install

demo: install  ## Orders from document to settled money, a worker killed under them, all books audited.
	$(BIN)/ordersaga demo

# The tests start hundreds of processes: what Python has compiled once it may keep, whatever the environment says.
test test-long: export PYTHONDONTWRITEBYTECODE :=

# As many Temporal servers run as tests do: one core for each, and it spends a tenth less on sharing several.
test test-long: export GOMAXPROCS := 1

# More than there are cores: tests wait for the servers that they start, which leaves two in five of two cores idle.
AT_ONCE = $$(( $$(nproc) + 2 ))

test: install browser  ## The whole test suite, on as many cores as there are.
	$(BIN)/python -m pytest -n $(AT_ONCE) --dist worksteal -m "not long"

test-long: install  ## What takes minutes, or is proved at a lower level too: hundreds of races, whole installations, a day without ERP.
	$(BIN)/python -m pytest -n auto --dist worksteal -m long

browser:  ## Debian's Chromium, for the tests that look at the Web UI. Where it cannot be had they are skipped.
	@test -x $(CHROMIUM) || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } || \
		echo "no $(CHROMIUM): the tests that look at the Web UI are skipped; as root: apt-get install chromium"

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
