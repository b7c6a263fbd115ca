# The course's commands. Each sets up what it needs, once, in .venv.
#
#   make book        build the site            make execute    run all chapters again
#   make test        run every test            make serve      build and look at it
#   make site-test   test it in a browser      make colab-test each chapter alone
#   make clean       remove what was built
#
# PYTHON=python3.12 make book chooses another Python (3.11 or newer).

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
NOTEBOOKS ?=
WORKERS ?= 2
CPU_INDEX ?= https://download.pytorch.org/whl/cpu

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
COLAB := .venv-colab
READY := $(VENV)/.ready
SITE := _build/html

# One thread each: two tests side by side with default threads slow torch tenfold.
export OMP_NUM_THREADS := 1
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/matplotlib
export PYTHONPATH := $(CURDIR)/code
export JUPYTER_PREFER_ENV_PATH := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.DEFAULT_GOAL := help
.PHONY: help setup book test lint execute serve site-test colab-test links publish \
  test-newest colab-image-test constraints clean distclean
.DELETE_ON_ERROR:

help:
	@sed -n '3,8s/^# *//p' Makefile

# --- setting up ---------------------------------------------------------------

setup: $(READY)

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The course needs Python 3.11 or newer; $(PYTHON) is" \
	    "$$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; \
	  exit 1; }
	@echo "Setting up $(VENV), once (about 1 GB, a few minutes) ..."
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  echo "Could not make a virtual environment. On Debian and Ubuntu:" \
	    "sudo apt install python3-venv"; exit 1; }
	@touch $@

# torch first and alone: with PyTorch's CPU index beside the registry pip finds the
# small wheel; where that index cannot be reached it falls back by itself.
$(VENV)/.torch: $(VENV)/.created requirements.txt
	@grep -E '^torch(vision)?==' requirements.txt > $(VENV)/torch.txt
	@$(PIP) install -q --timeout 15 --retries 1 \
	  --extra-index-url $(CPU_INDEX) -r $(VENV)/torch.txt
	@touch $@

$(READY): $(VENV)/.torch requirements.txt constraints.txt
	@$(PIP) install -q -r requirements.txt -c constraints.txt
	@touch $@

constraints: $(READY)
	@{ head -2 constraints.txt; $(PIP) freeze \
	  | grep -v -E '^-e|@ ' | sed 's/+cpu//'; } > constraints.txt.partial
	@mv constraints.txt.partial constraints.txt

# --- the book -----------------------------------------------------------------

book: $(READY)
	@$(BIN)/python tools/build.py
	@echo "Book built: $(SITE)/index.html"

serve: book
	@echo "Open http://localhost:$(PORT)/ (stop with Ctrl-C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

execute: $(READY)
	@$(BIN)/ruff format --quiet $(or $(NOTEBOOKS),chapters)
	@$(BIN)/python tools/execute.py $(if $(STALE),--stale) $(NOTEBOOKS)

# --- the tests ----------------------------------------------------------------

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { \
	  $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/codespell

test: lint
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile \
	  --nbval-lax --nbval-current-env --nbval-cell-timeout 120 \
	  --ignore=tests/test_site.py --ignore=tests/test_colab.py tests chapters
	@echo "All tests passed."

site-test: book
	@$(BIN)/python -m pytest -q tests/test_site.py
	@echo "All browser tests passed."

# A second environment with the versions that Colab holds. Where the registry cannot
# be reached the tests skip that half and say so.
$(COLAB)/.ready: requirements.txt tools/colab-constraints.txt | $(READY)
	@echo "Setting up $(COLAB) with Colab's versions, once ..."
	@$(PYTHON) -m venv --clear $(COLAB)
	@$(COLAB)/bin/python -m pip install -q --disable-pip-version-check \
	  --timeout 15 --retries 1 --extra-index-url $(CPU_INDEX) \
	  -r $(VENV)/torch.txt -r tools/colab-constraints.txt nbclient PyYAML \
	  && touch $@ || echo "Could not install Colab's versions; that half is skipped."

colab-test: $(READY)
	@$(MAKE) --no-print-directory $(COLAB)/.ready
	@$(BIN)/python -m pytest -q -n $(WORKERS) tests/test_colab.py
	@echo "Each chapter runs alone."

# --- for the workflows ----------------------------------------------------------

# The pages and the stamped notebooks, as one commit, on the branch "site".
publish:
	@$(BIN)/python tools/publish.py

test-newest: $(READY)
	@$(PIP) install -q --upgrade --extra-index-url $(CPU_INDEX) torch torchvision
	@$(MAKE) --no-print-directory test

# Inside Colab's image: its own Python and packages, nothing of ours installed but
# the test runner.
colab-image-test:
	@$(PYTHON) -m pip install -q pytest
	@$(PYTHON) -m pytest -q tests/test_colab.py

links: book
	@$(BIN)/python tools/links.py

clean:
	@rm -rf _build .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
	@rm -f chapters/*.partial
	@echo "Clean. (make distclean also removes .venv.)"

distclean: clean
	@rm -rf $(VENV) $(COLAB)
