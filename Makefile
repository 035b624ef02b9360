# This file is part of Caravan.  The LICENSE file at the top level of
# this repository contains the full copyright notice and licence terms.

PYTHON ?= python3
VENV := .venv
export CARAVAN_CACHE ?= $(CURDIR)/.tox/cache

.DEFAULT_GOAL := help

.PHONY: help
help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Caravan needs Python 3.11 or newer as $(PYTHON)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	|| { rm -rf $(VENV); echo "install python3-venv first"; exit 1; }

$(VENV)/bin/tox: | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet 'tox >=4.11,<5'

# What is imported comes from the sources: new packages need it anew
$(VENV)/develop: setup.cfg | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --editable '.[test]'
	@touch $@

# --- demo ---

DEMO := .demo
PORT ?= 8000
PASSWORD_FILE ?=

$(VENV)/demo: setup.cfg | $(VENV)/bin/python
	@echo "Installing Caravan with Tryton into $(VENV)"
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check \
		--editable '.[all,barcode,import,phone]'
	@touch $@

.PHONY: demo
demo: export CARAVAN_CACHE = $(CURDIR)/$(DEMO)/cache
demo: $(VENV)/demo ## try it: serve a demo company (PORT=8000)
	@$(VENV)/bin/caravan demo --folder $(DEMO) --port $(PORT) \
		$(if $(PASSWORD_FILE),--password-file $(PASSWORD_FILE))

.PHONY: demo-clean
demo-clean: ## remove the demo company
	rm -rf $(DEMO)

# --- tests ---

.PHONY: test
ifdef M
test: $(VENV)/develop
	$(VENV)/bin/python tests/run.py 'sqlite:$(M)'
else
test: $(VENV)/bin/tox ## run all tests, or with M=fleet those of a module
	@rm -f .artefacts/summary.txt
	@$(VENV)/bin/tox run; code=$$?; \
	cat .artefacts/summary.txt 2> /dev/null; exit $$code
endif

.PHONY: screenshots
screenshots: $(VENV)/develop ## take the pictures of the guides anew
	cd tests/browser && CARAVAN_ARTEFACTS=$(CURDIR)/.artefacts/pictures \
		../../$(VENV)/bin/python -m unittest test_pictures
	mkdir -p doc/images
	for file in .artefacts/pictures/guide-*.png; do \
		cp $$file doc/images/$${file##*/guide-}; done

.PHONY: bench
bench: $(VENV)/develop ## measure against plain SQL, B=fleet_vehicles alone
	@for file in benchmarks/test_$(or $(B),*).py; do \
	    PYTHONOPTIMIZE=1 $(VENV)/bin/python -m caravan.testing.cluster \
	    -m unittest $$file || exit 1; done

.PHONY: test-clean
test-clean: ## remove what the tests keep between runs
	rm -rf .tox .artefacts
