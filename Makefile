# `make demo` shows percepkit at work, `make test` checks all of it; both do their own set-up.
#
# PYTHON=...          the interpreter that .venv is made with (3.11 or newer)
# PYTHON_LOWEST=...   the interpreter of test-lowest and lock (the oldest supported, 3.11)
# PYTHON_NEWEST=...   the interpreter of test-newest
# TESTS=...           what pytest is to run, `make test TESTS=tests/dsp`

first_of = $(shell for p in $(1); do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $$p && exit; done; echo python3)
PYTHON ?= $(call first_of,python3 python3.14 python3.13 python3.12 python3.11)
PYTHON_LOWEST ?= $(call first_of,python3.11 python3)
PYTHON_NEWEST ?= $(call first_of,python3.14 python3.13 python3.12 python3)
TESTS ?=
TORCH := 2.13.0# neural baselines are trained, exported and tested with this version

VENV := .venv
BIN := $(VENV)/bin
PYTEST := -m pytest -q --durations=10

# What an install needs beyond Python: pesq has no wheel. %-formatting, so that an old Python can print it too.
define CHECK_MACHINE
import sys
if sys.version_info < (3, 11):
    sys.exit("error: percepkit needs Python 3.11 or newer, this is %d.%d; name another: make PYTHON=python3.12"
             % tuple(sys.version_info[:2]))
import os, shutil, sysconfig
compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
header = os.path.join(sysconfig.get_path("include"), "Python.h")
if not shutil.which(compiler.split()[0]) or not os.path.exists(header):
    sys.exit("error: pesq is built from source and there is no C compiler or no Python.h; "
             "on Debian and Ubuntu: apt-get install build-essential python3-dev")
endef
export CHECK_MACHINE

# $(call make_venv,PYTHON,FOLDER): a virtual environment, or nothing at all.
make_venv = $(1) -c "$$CHECK_MACHINE" && { test -x $(2)/bin/pip || $(1) -m venv --clear $(2) || { rm -rf $(2); exit 1; }; }

.PHONY: demo test lint bench models notebooks soak test-lowest test-newest lock clean

demo: $(VENV)/.installed
	$(BIN)/percepkit demo

test: lint
	$(BIN)/python $(PYTEST) -m "not soak" $(TESTS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	@set -e; for script in benchmarks/[!_]*.py; do echo "== $$script"; $(BIN)/python $$script; done

models: $(VENV)/.installed-dev
	$(BIN)/python docs/_models.py

notebooks: $(VENV)/.installed-dev
	$(BIN)/python notebooks/_store.py

soak: $(VENV)/.installed-dev
	$(BIN)/python $(PYTEST) -m soak $(TESTS)

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	@$(call make_venv,$(PYTHON),$(VENV))
	@echo "installing percepkit and what it needs into $(VENV) (about 1 GB, some minutes)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml setup.py constraints.txt
	@$(call make_venv,$(PYTHON),$(VENV))
	@echo "installing percepkit and what it needs into $(VENV) (about 1 GB, some minutes)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(VENV)/.installed $@

# The bounds of pyproject.toml, from both ends. Old versions warn about each other, so there warnings are no errors.
test-lowest:
	@$(call make_venv,$(PYTHON_LOWEST),.venv-lowest)
	.venv-lowest/bin/python -m pip install --quiet --constraint constraints-lowest.txt --editable '.[dev]'
	.venv-lowest/bin/python $(PYTEST) -W default -m "not soak" $(TESTS)

test-newest:
	@$(call make_venv,$(PYTHON_NEWEST),.venv-newest)
	.venv-newest/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[dev]'
	.venv-newest/bin/python $(PYTEST) -m "not soak" $(TESTS)

# Locked on the oldest supported Python: what exists for it exists for the newer ones too.
lock:
	rm -rf .venv-lock
	@$(call make_venv,$(PYTHON_LOWEST),.venv-lock)
	.venv-lock/bin/python -m pip install --quiet --editable '.[dev,notebooks]'
	{ echo "# What 'make demo' and 'make test' install. Written by 'make lock'; do not edit."; \
	  { .venv-lock/bin/python -m pip freeze --all --exclude-editable --exclude pip; echo "torch==$(TORCH)"; } \
	  | LC_ALL=C sort -f; } > constraints.txt
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-lowest .venv-newest .venv-lock build dist src/*.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
