# The course's commands, for who has make: all goals go to make.py, which knows what
# they do and needs only Python. These are the same:
#
#   make book test WORKERS=4           python3 make.py book test WORKERS=4
#   make book PYTHON=python3.12        python3.12 make.py book
#
# make help lists the commands and the settings.

PYTHON ?= python3

COMMANDS := setup book pdf serve execute mark class lint test quick site-test colab-test links \
  publish test-newest colab-image-test resolve constraints clean distclean help

# One process for all goals, also under make -j: nothing is set up or built twice.
.DEFAULT_GOAL := help
GOALS := $(or $(MAKECMDGOALS),help)
FIRST := $(firstword $(GOALS))

.PHONY: $(COMMANDS) $(GOALS)
$(FIRST):
	@$(PYTHON) make.py $(GOALS)

ifneq ($(filter-out $(FIRST),$(GOALS)),)
$(filter-out $(FIRST),$(GOALS)): $(FIRST)
	@:
endif
