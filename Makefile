# make lab        make the environment, open JupyterLab on the course
# make test       make the environment, run everything: tests, lint, all notebooks
# make notebooks  build the notebooks whose lesson changed
# make check      the part without execution: lint, notebooks in step with their lessons
# make clean      remove the environment and all caches

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: lab test notebooks check clean
.DELETE_ON_ERROR:

lab: $(VENV)/ready
	$(BIN)/jupyter lab $(ARGS)

test: $(VENV)/ready
	$(BIN)/python -m pytest $(ARGS)

notebooks: $(VENV)/ready
	$(BIN)/python -m tools.build --jobs $(JOBS) $(ARGS)

check: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/python -m tools.build --check

# The stamp is written last, so an interrupted installation is taken up again by the next make.
$(VENV)/ready: requirements.txt requirements-mxnet.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11, \
	3.12 or 3.13, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) tools/python_version.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements-mxnet.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf
