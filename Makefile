# The two commands of the README are `make demo` and `make test`; the rest are their parts.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2
TORCH := $(shell grep '^torch==' constraints.txt)
THREADS := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: help demo test lint types docs unit install test-mace clean

help:
	@echo "make demo       install into .venv, then run the shipped potential: self-test, evaluation, two short MD runs"
	@echo "make test       install into .venv, then lint, type check, docs and all tests"
	@echo "parts of it:    make lint | types | docs | unit"
	@echo "make test-mace  remake the MACE reference arrays and compare (mace-torch, in an environment of its own)"
	@echo "make clean      remove everything that these made"

# Made once, and again when the packaging changes. Torch goes first, so that its pin decides which build is taken.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] < (3, 14) else f"fusionmd needs Python 3.11-3.13, this is {v[0]}.{v[1]}: make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install -qq -c constraints.txt $(TORCH)
	$(BIN)/python -m pip install -qq -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: lint types docs unit

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html docs docs/_build/html

unit: $(STAMP)
	$(THREADS) $(BIN)/pytest -n $(JOBS) --dist loadfile

# mace-torch pins an e3nn of its own, so it never enters .venv.
test-mace: .venv-mace/.installed
	.venv-mace/bin/python tests/regression/make_mace_reference.py --compare

.venv-mace/.installed: constraints.txt
	$(PYTHON) -m venv --clear .venv-mace
	.venv-mace/bin/python -m pip install -qq $(TORCH)
	.venv-mace/bin/python -m pip install -qq $(TORCH) mace-torch==0.3.16
	@touch $@

clean:
	rm -rf $(VENV) .venv-mace docs/_build build dist demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis
