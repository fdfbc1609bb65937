# make lab        make the environment, open JupyterLab on the course
# make test       make the environment, run everything: tests, lint, all notebooks
# make quick      the tests, and the notebooks of the lessons that differ from BASE
# make full       what takes longer and downloads: runs at full size, other parameters
# make colab      all notebooks, in a second environment that has Colab's versions
# make notebooks  build the notebooks whose lesson changed
# make check      the part without execution: lint, notebooks in step with their lessons
# make clean      remove what make made: environments and caches

PYTHON       ?= python3
PYTHON_COLAB ?= python3.13
VENV  := .venv
COLAB := .venv-colab
BIN   := $(VENV)/bin
JOBS  ?= 2
BASE  ?= $(shell git rev-parse --verify --quiet origin/main >/dev/null 2>&1 && echo origin/main || echo HEAD)
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Where packages come from is the user's (index, proxy, certificate); where they go to is not.
export PIP_USER = 0
unexport PIP_TARGET PIP_PREFIX PIP_ROOT

.PHONY: lab test quick full colab notebooks check clean FORCE
.DELETE_ON_ERROR:

lab: $(VENV)/ready
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/README.md $(ARGS)

test: $(VENV)/ready
	$(BIN)/python -m pytest $(ARGS)

quick: $(VENV)/ready
	changed=$$($(BIN)/python -m tools.changed $(BASE)) && $(BIN)/python -m pytest tests $$changed $(ARGS)

full: $(VENV)/ready
	$(BIN)/python -m pytest -m full $(ARGS)

colab: $(COLAB)/ready
	$(COLAB)/bin/python -m tools.colab $(ARGS)

notebooks: $(VENV)/ready
	$(BIN)/python -m tools.build --jobs $(JOBS) $(ARGS)

check: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/python -m tools.build --check

# An environment holds the path of its folder: in a copy of the course it would use the original.
# So it says for which folder it was made, and where that is another one it is made anew.
moved = test -e $(1)/pyvenv.cfg && test "$$(cat $(1)/folder 2>/dev/null)" != "$$(pwd -P)"

# The stamp is written last, so an interrupted installation is taken up again by the next make.
$(VENV)/ready: requirements.txt requirements-mxnet.txt constraints.txt pyproject.toml \
		tools/jupyterlab.json $(shell $(call moved,$(VENV)) && echo FORCE)
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11, \
	3.12 or 3.13, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) tools/python_version.py
	@if $(call moved,$(VENV)); then rm -rf $(VENV); \
	echo "The environment was made for another folder: it is made anew."; fi
	$(PYTHON) -m venv $(VENV)
	@pwd -P > $(VENV)/folder
	$(BIN)/python -m pip install --quiet --requirement requirements.txt --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements-mxnet.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@cp tools/jupyterlab.json $(VENV)/share/jupyter/lab/settings/overrides.json
	@$(BIN)/python -m tools.course
	@touch $@

$(COLAB)/ready: requirements-colab.txt requirements-mxnet.txt \
		$(shell $(call moved,$(COLAB)) && echo FORCE)
	@command -v $(PYTHON_COLAB) >/dev/null || { echo "There is no $(PYTHON_COLAB) here: install \
	Python 3.13, which Colab has, or say where it is: make colab PYTHON_COLAB=..." >&2; exit 1; }
	@$(PYTHON_COLAB) -c "import sys; sys.exit(sys.version_info[:2] != (3, 13))" || { \
	echo "Colab has Python 3.13, and $(PYTHON_COLAB) is another one." >&2; exit 1; }
	@if $(call moved,$(COLAB)); then rm -rf $(COLAB); \
	echo "The environment was made for another folder: it is made anew."; fi
	@echo "A second environment, with Colab's versions: 8 GB, most of it PyTorch's build for CUDA."
	$(PYTHON_COLAB) -m venv $(COLAB)
	@pwd -P > $(COLAB)/folder
	$(COLAB)/bin/python -m pip install --quiet --requirement requirements-colab.txt
	$(COLAB)/bin/python -m pip install --quiet --no-deps --requirement requirements-mxnet.txt
	@touch $@

clean:
	rm -rf $(VENV) $(COLAB) deep_learning_four_ways.egg-info .pytest_cache .ruff_cache __pycache__
	find shared tools tests -name __pycache__ -prune -exec rm -rf {} +
