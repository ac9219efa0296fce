# make demo, make test, make test-fast, make lint; STACK=onedl (default) or openmmlab.
# The first call sets everything up.
STACK ?= onedl
PYTHON ?= python3
VENV := $(if $(filter onedl,$(STACK)),.venv,.venv-$(STACK))
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REQUIREMENTS := requirements/$(STACK).txt requirements/dev.txt

.PHONY: demo test test-fast lint docs hooks clean

demo: $(READY)
	$(BIN)/python -m mmseg_sympie demo

# The threads of one test process do not keep the cores from the other while they wait.
test: $(READY)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest --numprocesses 2

# Tests that start no process, train nothing and take no longer than a moment: under a minute.
test-fast: $(READY)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest --numprocesses 2 -m 'not slow'

# Style, types and layers, as .ci/run does before the tests.
lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Lint before every commit.
hooks: $(READY)
	$(BIN)/pre-commit install

# The pages of docs/ in site/; the packages for them are in an environment of their own.
docs: .venv-docs/.ready
	.venv-docs/bin/python docs/model_zoo.py
	.venv-docs/bin/mkdocs build --strict

.venv-docs/.ready: requirements/docs.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install -r requirements/docs.txt
	touch $@

$(READY): $(REQUIREMENTS) $(wildcard requirements/$(STACK)-build.txt) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'The pinned versions need Python 3.11 or newer: make PYTHON=python3.11 ...'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	test ! -f requirements/$(STACK)-build.txt || \
		$(BIN)/pip install -r requirements/$(STACK)-build.txt
	$(BIN)/pip install $(if $(wildcard requirements/$(STACK)-build.txt),--no-build-isolation) \
		$(addprefix -r ,$(REQUIREMENTS))
	$(BIN)/pip install --no-deps -e .
	touch $@

clean:
	rm -rf $(VENV) .venv-docs site data/demo
