# The course's commands. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
COURSE := $(BIN)/python -m course_utils.authoring

# What a command may be given: make lesson N=12 PROFILE=gpu, make test WORKERS=8
PROFILE ?= cpu
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help env lab test lesson lessons refresh lint doctor clean

help:            ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

env: $(READY)    ## make the environment in .venv (first time: a few minutes, about 5 GB)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The course needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

lab: $(READY)    ## open JupyterLab on lesson 00
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

test: $(READY)   ## run all tests, nbval over every notebook included
	COURSE_PROFILE=smoke $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile \
	  --nbval-lax --nbval-current-env --nbval-cell-timeout=600 \
	  --nbval-kernel-startup-timeout=120 tests notebooks solutions

lesson: $(READY) ## train one lesson and write its notebooks: make lesson N=12 [PROFILE=cpu]
	$(COURSE) lesson $(N) --profile $(PROFILE)

lessons: $(READY) ## train all lessons, one after the other
	$(COURSE) lesson all --profile $(PROFILE)

refresh: $(READY) ## after edits of prose only: rebuild the notebooks, keep their outputs [N=12]
	$(COURSE) refresh $(or $(N),all)

lint: $(READY)   ## style of the sources; notebooks in step with them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(COURSE) check

doctor: $(READY) ## what is wrong with this machine, and how to mend it
	$(BIN)/python -c 'import course_utils as cu; cu.doctor()'

clean:           ## delete the environment and the runs, not the data
	rm -rf $(VENV) runs
