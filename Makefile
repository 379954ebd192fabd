# The course's commands. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
COURSE := $(BIN)/python -m course_utils.authoring

# What a command may be given: make lesson N=12 PROFILE=gpu, make test WORKERS=8
PROFILE ?= cpu
WORKERS ?= 2

# The journeys in a browser need Debian's Chromium, and Playwright in the environment.
CHROMIUM := $(shell command -v chromium || command -v chromium-browser)
JOURNEYS := $(VENV)/.journeys
RIVALS   := $(VENV)/.rivals
SUDO     := $(if $(filter-out 0,$(shell id -u)),sudo)

# The Jupyter of Colab in August 2026; torch and the rest are those of the environment above.
COLAB   := $(VENV)/colab
JUPYTER := ipywidgets==7.7.1 ipython==7.34 ipykernel==6.17.1 jupyter_client==7.4.9

# One worker a file, in the order given: what takes longest begins first.
NBVAL := --dist loadfile --no-loadscope-reorder --nbval-lax --nbval-current-env \
  --nbval-cell-timeout=600 --nbval-kernel-startup-timeout=120

.DEFAULT_GOAL := help
.PHONY: help env lab test browser browser-test torture colab-test bench lesson lessons refresh \
  claims lint doctor clean

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
	$(BIN)/jupyter lab --port=0 --ServerApp.root_dir=. notebooks/00_start_here.ipynb

$(JOURNEYS): $(READY)
	@$(BIN)/python -m pip install --quiet --editable '.[browser]' && touch $@ || \
	  echo "Playwright could not be installed: the journeys in a browser will be skipped."

test: $(READY) $(if $(CHROMIUM),$(JOURNEYS)) ## run all tests, nbval over every notebook included
	COURSE_PROFILE=smoke OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) $(NBVAL) \
	  tests/browser tests/torture tests/test_*.py notebooks solutions

browser: $(JOURNEYS) ## Chromium and its driver, from Debian's packages where they are missing
	@test -n "$(CHROMIUM)" || \
	  { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq chromium chromium-driver; }

browser-test: browser ## a learner's journeys, in a real JupyterLab and a real browser
	$(BIN)/python -m pytest -rs tests/browser

torture: $(READY) ## all that breaks notebook courses, at full length: kills, networks, disks
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist load -rs --long tests/torture

$(COLAB)/.ready: $(READY)
	$(BIN)/python -m venv $(COLAB)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > $$(echo $(COLAB)/lib/python*/site-packages)/course.pth
	$(COLAB)/bin/python -m pip install --quiet $(JUPYTER)
	@touch $@

colab-test: $(COLAB)/.ready ## every notebook under the Jupyter of Colab
	PYTHONPATH=$(CURDIR) COURSE_PROFILE=smoke OMP_NUM_THREADS=1 $(COLAB)/bin/python -m pytest \
	  -n $(WORKERS) $(NBVAL) notebooks solutions

# The other loops may want another PyTorch; the course keeps its own, and their rows say so.
$(RIVALS): $(READY) benchmarks/requirements.txt
	@$(BIN)/python -m pip list --format=freeze | grep -E '^torch(vision)?==' > $(VENV)/torch.txt
	@$(BIN)/python -m pip install --quiet --constraint $(VENV)/torch.txt \
	  --requirement benchmarks/requirements.txt && touch $@ || \
	  echo "Not all could be installed: the benchmarks beside them will be skipped."

bench: $(RIVALS) ## how fast, side by side: the table in benchmarks/results.md [QUICK=1]
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

lesson: $(READY) ## train one lesson and write its notebooks: make lesson N=12 [PROFILE=cpu]
	$(COURSE) lesson $(N) --profile $(PROFILE)

lessons: $(READY) ## train all lessons, one after the other
	$(COURSE) lesson all --profile $(PROFILE)

refresh: $(READY) ## after edits of prose only: rebuild the notebooks, keep their outputs [N=12]
	$(COURSE) refresh $(or $(N),all)

claims: $(READY) ## what the lessons claim of their own runs, and whether it was reproduced
	$(COURSE) claims

lint: $(READY)   ## style of the sources; notebooks in step with them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(COURSE) check

doctor: $(READY) ## what is wrong with this machine, and how to mend it
	$(BIN)/python -c 'import course_utils as cu; cu.doctor()'

clean:           ## delete the environment and the runs, not the data
	rm -rf $(VENV) runs
