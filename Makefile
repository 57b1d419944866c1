# Everything a developer or a newcomer runs. Needs Python >= 3.11 and make; the rest is installed into .venv.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Tests run in one process a core; a network in each then gets one thread. In the order of their names, the longest files come first.
# The processes that tests start load compiled modules, also where Python is told to write none.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: demo test check check-all lint types wheel bench docs clean

demo: .venv/run.stamp  ## colorize photos and a film made from pictures with known colours; look at demo/*.png
	$(BIN)/batchcolor demo --output demo

test: .venv/check.stamp  ## the tests, under ten minutes on two cores
	$(PYTEST) -m "not slow"

check: lint types test wheel  ## what CI runs

check-all: lint types .venv/check.stamp wheel  ## with the tests that take minutes each
	$(PYTEST)

lint: .venv/check.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/check.stamp
	$(BIN)/mypy

wheel: .venv/check.stamp  ## build the wheel, install it into an empty environment, colorize from there
	$(BIN)/python tests/wheel_smoke.py

bench: .venv/check.stamp  ## measure what README and docs quote, into benchmarks/results.json; takes an hour
	$(PIP_INSTALL) --editable ".[bench]"
	$(BIN)/python -m benchmarks

docs: .venv/check.stamp  ## write the generated parts of the documentation: command reference and measured figures
	$(BIN)/python -m tools.cli_reference
	$(BIN)/python -m tools.fill_figures

.venv/run.stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) --editable .
	@touch $@

.venv/check.stamp: .venv/run.stamp
	$(PIP_INSTALL) --editable ".[check]"
	@touch $@

clean:
	rm -rf .venv build dist demo *.egg-info
