# make demo, make test; STACK=onedl (default) or openmmlab. The first call sets everything up.
STACK ?= onedl
PYTHON ?= python3
VENV := $(if $(filter onedl,$(STACK)),.venv,.venv-$(STACK))
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REQUIREMENTS := requirements/$(STACK).txt requirements/dev.txt

.PHONY: demo test lint clean

demo: $(READY)
	$(BIN)/python tools/render_scenes.py --out data/demo --only-val
	$(BIN)/python tools/test.py configs/demo_meanmatch.py --compare

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .

$(READY): $(REQUIREMENTS) $(wildcard requirements/$(STACK)-build.txt) pyproject.toml
	$(PYTHON) -m venv $(VENV)
	test ! -f requirements/$(STACK)-build.txt || \
		$(BIN)/pip install -r requirements/$(STACK)-build.txt
	$(BIN)/pip install $(if $(wildcard requirements/$(STACK)-build.txt),--no-build-isolation) \
		$(addprefix -r ,$(REQUIREMENTS))
	$(BIN)/pip install --no-deps -e .
	touch $@

clean:
	rm -rf $(VENV) work_dirs data/demo
