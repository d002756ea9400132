# Every target sets up .venv by itself; nothing else has to be prepared but Python 3.11 or later.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Tests of one file share a process; threads that wait leave their core to the other process.
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile
# A failed test runs once more, and the summary shows both; more than a few fail at once.
RERUN := --reruns 1 --max-suite-reruns 5 --rerun-show-tracebacks
# The summary says why tests were skipped.
SKIPS := -r s
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Without the face models, their tests are skipped. fancam demo fetches them itself.
FETCH_MODELS := $(BIN)/fancam models fetch || true

.PHONY: demo test test-slow check format bench bench-scale quality clean

demo: .venv/.installed
	$(BIN)/fancam demo

test: .venv/.installed-dev
	@$(FETCH_MODELS)
	OMP_WAIT_POLICY=PASSIVE $(PYTEST) -m 'not slow and not alone' $(SIDE_BY_SIDE) $(RERUN) $(SKIPS)
	$(PYTEST) -m 'alone and not slow' $(RERUN) $(SKIPS)

test-slow: .venv/.installed-dev
	@$(FETCH_MODELS)
	OMP_WAIT_POLICY=PASSIVE $(PYTEST) -m 'slow and not alone' $(SIDE_BY_SIDE) $(RERUN) $(SKIPS) --no-loadscope-reorder
	$(PYTEST) -m 'slow and alone' $(RERUN) $(SKIPS)

check: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.installed-dev
	@$(FETCH_MODELS)
	$(BIN)/python -m tests.benchmarks

# A million faces; for fewer: make bench-scale SCALE='--faces 50000'
bench-scale: .venv/.installed-dev
	$(BIN)/python -m tests.benchmarks.scale $(SCALE)

quality: .venv/.installed-dev
	@$(FETCH_MODELS)
	$(BIN)/python -m tests.quality
	$(BIN)/python -m tests.quality.montages
	$(BIN)/python -m tests.quality.tracking
	$(BIN)/python -m tests.quality.bodies --trained
	$(BIN)/python -m tests.quality.cropping
	$(BIN)/python -m tests.quality.body_crops
	$(BIN)/python -m tests.quality.smiles

clean:
	rm -rf .venv build ./*.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fancam needs Python 3.11 or later: make PYTHON=python3.11 (found $$($(PYTHON) --version 2>&1))"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3-venv (or your system's package of it)"; exit 2; }
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing fancam into .venv (some minutes the first time)"
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

# face_recognition itself, the reference of the parity tests, would compile dlib; dlib-bin is there.
.venv/.installed-dev: .venv/.installed
	@echo "Installing what the tests need into .venv (torch is large)"
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	$(PIP) --constraint constraints.txt --no-deps face_recognition
	@touch $@
