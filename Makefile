# Everything runs in a virtual environment of its own; PYTHON names the interpreter that it is made with.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: venv demo test lint clean

venv: $(INSTALLED)

$(INSTALLED): requirements.txt requirements-dev.txt constraints.txt shared/pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --requirement requirements.txt --requirement requirements-dev.txt
	$(BIN)/pip install --quiet --no-deps --editable ./shared
	touch $@

demo: venv
	$(BIN)/python -m scripts.demo

# The tracking tests interrupt and terminate their own process. On processors with AMX, OpenVINO, which other tests run,
# gives a process an alternate signal stack, and a signal after that can bring it down: these get one of their own.
TRACKING := tests/skiagraph/handlers/test_tracking.py

test: venv
	$(BIN)/python -m pytest $(TRACKING)
	$(BIN)/python -m pytest --ignore $(TRACKING)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) dist demo
