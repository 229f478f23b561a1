# make demo | make test | make install; PYTHON names the interpreter for the virtual environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

.PHONY: install demo test lint clean

install: $(STAMP)

# Everything is pinned by constraints.txt; torch comes first, so that its CPU build, where that is
# what the package index has, is there before anything asks for a newer one.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 13) or sys.exit("mraf needs Python 3.11 or 3.12 and this is " + sys.version.split()[0] + ": say make PYTHON=python3.11")'
	@echo "Setting up $(VENV); torch and the encoders are large, so this takes a few minutes."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --upgrade pip
	@$(PIP) -c constraints.txt torch
	@$(PIP) -c constraints.txt -e '.[dev]'
# Whoever lacks it can still take ECAPA-TDNN, or try again: `mraf weights get`.
	@$(BIN)/mraf weights get campplus segmentation lr-asd || echo "Go on without these: the first extraction tries again, but for LR-ASD (mraf weights get lr-asd)."
	@touch $@

demo: install
	$(BIN)/mraf demo

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info mraf-demo .mypy_cache .ruff_cache .pytest_cache
