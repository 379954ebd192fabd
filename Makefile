# The course's commands. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
COURSE := $(BIN)/python -m course_utils.authoring

# uv installs in a third of pip's time; without it, pip does the same.
UV      := $(shell command -v uv)
INSTALL := $(if $(UV),$(UV) pip install --python $(BIN)/python,$(BIN)/python -m pip install) --quiet

# Options of the commands: make lesson N=12 PROFILE=gpu, make test WORKERS=8
PROFILE ?= cpu
WORKERS ?= 2

# The journeys in a browser need Debian's Chromium, and Playwright in the environment.
CHROMIUM := $(shell command -v chromium || command -v chromium-browser)
JOURNEYS := $(VENV)/.journeys
RIVALS   := $(VENV)/.rivals
OLDEST   := $(VENV)/oldest
PYTHON_OLDEST ?= python3.11
SUDO     := $(if $(filter-out 0,$(shell id -u)),sudo)

# The Jupyter of Colab in August 2026; torch and the rest are those of the environment above.
COLAB   := $(VENV)/colab
JUPYTER := ipywidgets==7.7.1 ipython==7.34 ipykernel==6.17.1 jupyter_client==7.4.9

# One worker per file, in the order given: the slowest files come first.
NBVAL := --dist loadfile --no-loadscope-reorder --nbval-lax --nbval-current-env \
  --nbval-cell-timeout=600 --nbval-kernel-startup-timeout=120

.DEFAULT_GOAL := help
.PHONY: help env lab test browser browser-test torture colab-test oldest-test bench \
  lesson lessons refresh claims lint doctor clean

help:            ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

env: $(READY)    ## make the environment in .venv (the first time: a few minutes, about 5 GB)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The course needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
	  echo "To use another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade pip
	$(INSTALL) --editable '.[dev]'
	@touch $@

lab: $(READY)    ## open JupyterLab on lesson 00
	$(BIN)/jupyter lab --port=0 --ServerApp.root_dir=. notebooks/00_start_here.ipynb

$(JOURNEYS): $(READY)
	@$(INSTALL) --editable '.[browser]' && touch $@ || \
	  echo "Playwright could not be installed, so the browser tests will be skipped."

test: $(READY) $(if $(CHROMIUM),$(JOURNEYS)) ## run all tests and every notebook
	COURSE_PROFILE=smoke OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) $(NBVAL) \
	  tests/browser tests/torture solutions notebooks $(wildcard tests/lessons tests/test_*.py)

browser: $(JOURNEYS) ## install Chromium and its driver from Debian's packages, if missing
	@test -n "$(CHROMIUM)" || \
	  { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq chromium chromium-driver; }

browser-test: browser ## try every page and widget in a real JupyterLab and a real browser
	$(BIN)/python -m pytest -rs --long tests/browser

torture: $(READY) ## provoke what breaks notebook courses, in full: kills, bad networks, full disks
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist load -rs --long tests/torture

$(COLAB)/.ready: $(READY)
	$(BIN)/python -m venv $(COLAB)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > $$(echo $(COLAB)/lib/python*/site-packages)/course.pth
	$(COLAB)/bin/python -m pip install --quiet $(JUPYTER)
	@touch $@

colab-test: $(COLAB)/.ready ## run every notebook under the Jupyter of Colab
	PYTHONPATH=$(CURDIR) COURSE_PROFILE=smoke OMP_NUM_THREADS=1 $(COLAB)/bin/python -m pytest \
	  -n $(WORKERS) $(NBVAL) notebooks solutions

# The lowest versions that pyproject.toml allows, on the lowest Python. Only uv can resolve them.
$(OLDEST)/.ready: pyproject.toml
	$(PYTHON_OLDEST) -m venv $(OLDEST)
	@$(if $(UV),true,$(OLDEST)/bin/python -m pip install --quiet uv)
	$(or $(UV),$(OLDEST)/bin/uv) pip install --python $(OLDEST)/bin/python --quiet \
	  --resolution lowest-direct --requirement pyproject.toml --extra dev
	@touch $@

oldest-test: $(OLDEST)/.ready ## run every notebook on Python 3.11 with the lowest versions allowed
	PYTHONPATH=$(CURDIR) COURSE_PROFILE=smoke OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest \
	  -n $(WORKERS) $(NBVAL) notebooks solutions

# The other loops may ask for another PyTorch; the course keeps its own, and their rows say so.
$(RIVALS): $(READY) benchmarks/requirements.txt
	@$(BIN)/python -m pip list --format=freeze | grep -E '^torch(vision)?==' > $(VENV)/torch.txt
	@$(INSTALL) --constraint $(VENV)/torch.txt \
	  --requirement benchmarks/requirements.txt && touch $@ || \
	  echo "Some could not be installed, so the comparisons with them will be skipped."

bench: $(RIVALS) ## compare speed with other libraries: benchmarks/results.md [QUICK=1]
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

lesson: $(READY) ## train one lesson and write its notebooks: make lesson N=12 [PROFILE=cpu]
	$(COURSE) lesson $(N) --profile $(PROFILE)

lessons: $(READY) ## train all lessons, one after the other
	$(COURSE) lesson all --profile $(PROFILE)

refresh: $(READY) ## after editing prose only: rebuild the notebooks, keep their outputs [N=12]
	$(COURSE) refresh $(or $(N),all)

claims: $(READY) ## list what the lessons claim about their own runs, and what was reproduced
	$(COURSE) claims

lint: $(READY)   ## check the style, the claims, and that the notebooks match their sources
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(COURSE) check

doctor: $(READY) ## find what is wrong with this machine, and how to fix it
	$(BIN)/python -c 'import course_utils as cu; cu.doctor()'

clean:           ## delete the environment and the runs, not the data
	rm -rf $(VENV) runs
