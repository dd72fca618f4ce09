# `make lab` opens the course, `make test` checks everything; either sets up first, and needs no network afterwards.

VENV := .venv
BIN := $(VENV)/bin
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
# The first interpreter that is new enough; `make setup PYTHON=...` names another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" $(NEW_ENOUGH) 2>/dev/null && echo "$$p" && break; done)
# Jupyter reads its settings from .jupyter and keeps what it writes in the environment: nobody's own set-up matters.
JUPYTER := JUPYTER_CONFIG_PATH=$(CURDIR)/.jupyter JUPYTER_CONFIG_DIR=$(CURDIR)/$(VENV)/etc/jupyter \
	JUPYTER_DATA_DIR=$(CURDIR)/$(VENV)/share/jupyter IPYTHONDIR=$(CURDIR)/$(VENV)/etc/ipython

.PHONY: help setup lab test lint notebooks solutions pictures course bench fuzz clean

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile | expand -t 20

setup: $(VENV)/.set-up ## install everything into .venv

lab: setup ## open the course in JupyterLab
	@$(JUPYTER) $(BIN)/jupyter lab

test: lint ## check everything
	@$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

lint: setup ## check style and types
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { $(BIN)/ruff format --diff; exit 1; }
	@$(BIN)/mypy --no-error-summary

notebooks: setup ## execute every notebook anew and store what it shows; make the pages anew
	@$(BIN)/python notebooks/pages.py
	@$(BIN)/python notebooks/execute.py

solutions: setup ## write copies of the lessons with every exercise answered, into solutions/
	@$(BIN)/python notebooks/execute.py --solutions solutions

pictures: setup ## take the README's pictures in JupyterLab (Chromium)
	@$(BIN)/python -m tests.pictures

course: setup ## run every notebook in JupyterLab (Chromium)
	@$(BIN)/python -m tests.course

BENCH_PACKETS ?= 10000 200000 1000000
BENCH_RUNS ?= 3
bench: setup ## measure against tshark, scapy and dpkt (Linux)
	@$(BIN)/python -m benchmarks --packets $(BENCH_PACKETS) --runs $(BENCH_RUNS)

# atheris has other versions for other Pythons, so it is not pinned, and stands apart from what is.
fuzz: setup ## fuzz each decoder for a minute, guided by coverage (Linux)
	@test -d $(VENV)/fuzz || $(BIN)/python -m pip install --quiet --target $(VENV)/fuzz atheris
	@PYTHONPATH=$(VENV)/fuzz $(BIN)/python -m tests.fuzz.run $(or $(WHAT),all) $(or $(SECONDS),60)

clean: ## remove .venv, the caches and what was built
	rm -rf $(VENV) dist solutions .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv is quicker than pip, so it is used where it is there or comes with one quiet command. pip is the way where uv
# cannot be had or finds no index, which happens behind mirrors that only pip's own configuration names.
INSTALL := install --quiet --editable '.[bench,course,dataset,lab,parquet,tls,test]' --constraint constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_LINK_MODE := copy

$(VENV)/.set-up: pyproject.toml constraints.txt
	@"$(PYTHON)" $(NEW_ENOUGH) 2>/dev/null || { echo 'wsviz needs Python 3.11 or newer, and "$(or $(PYTHON),python3)" is' \
		'older or missing. Where you have one, say: make setup PYTHON=/path/to/python3' >&2; exit 1; }
	@echo 'Setting up $(VENV), once; this takes a minute or two.'
	@$(BIN)/python $(NEW_ENOUGH) 2>/dev/null || { rm -rf $(VENV); "$(PYTHON)" -m venv $(VENV) >/dev/null 2>&1; } || \
		{ rm -rf $(VENV); uv venv --quiet --python "$(PYTHON)" $(VENV) 2>/dev/null; } || \
		{ rm -rf $(VENV); echo '"$(PYTHON)" makes no virtual environments: its module venv or ensurepip is missing.' \
		'On Debian and Ubuntu, install python3-venv; then run make again.' >&2; exit 1; }
	@uv=$$(command -v uv || command -v $(BIN)/uv) || { $(BIN)/python -m pip install --quiet uv >/dev/null 2>&1 && \
		uv=$(BIN)/uv; }; { [ -n "$$uv" ] && "$$uv" pip $(INSTALL) --python $(BIN)/python; } || \
		$(BIN)/python -m pip $(INSTALL)
	@touch $@
