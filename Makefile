# The workshop. `make setup` needs Python 3.11 or later, and nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
# Scripts and links in a virtual environment hold its path: a copied or moved checkout makes its own.
STAMP := $(VENV)/ready-$(shell pwd -P | cksum | cut -d' ' -f1)
CHECKED := $(wildcard src tests apps benchmarks scripts)

.PHONY: help setup demo test services unit lint ruff-check ruff-format types contracts format pictures bench clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(STAMP) ## Make .venv with the command demitasse in it
	@:

$(STAMP): pyproject.toml constraints.txt scripts/find-python scripts/make_venv.py $(wildcard apps/*/pyproject.toml)
	@python=$$(sh scripts/find-python) && "$$python" scripts/make_venv.py --stamp $@

demo: setup ## Narrated tour of a ScoopJoy site (ARGS=--exit ends after it)
	@$(BIN)/demitasse demo $(ARGS)

test: setup services lint ## Lint, then every test (ARGS go to pytest)
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --cov --cov-report=term $(ARGS)

unit: setup ## Only the unit tests, without coverage (ARGS go to pytest)
	@$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 tests/unit $(ARGS)

services:
	@sh scripts/install-test-services

lint: setup ## Ruff, mypy and the import contracts; all of them, also when one fails
	@$(MAKE) --no-print-directory --keep-going ruff-check ruff-format types contracts

ruff-check:
	@$(BIN)/ruff check .

ruff-format:
	@$(BIN)/ruff format --check .

types:
	@$(BIN)/mypy $(CHECKED)

contracts:
	@$(BIN)/lint-imports

format: setup ## Put code in the common form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

pictures: setup ## Take the pictures of docs/images anew
	@DEMITASSE_PICTURES=1 $(BIN)/python -m pytest -q tests/e2e/desk/test_pictures.py

bench: setup ## Measure (ARGS go to benchmarks)
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove what the workshop made
	@rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
