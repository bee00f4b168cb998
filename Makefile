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

test: venv
	$(BIN)/python -m pytest

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) dist demo
