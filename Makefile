# Roster's commands. `make` alone lists them.
PYTHON ?= python3
PORT ?= 8000
export PORT
ifdef ROSTER_DATA
export ROSTER_DATA
endif

START = @$(PYTHON) -I console/start.py
RUN = $(START) requirements.txt
TEST = $(START) requirements-test.txt

.PHONY: help run sample test bench bench-access bench-identity mutants lock format readme screenshots
.DEFAULT_GOAL := help

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve the console at http://127.0.0.1:8000 (PORT=8123 ROSTER_DATA=folder)
	$(RUN) manage.py serve --port $(or $(PORT),8000)

sample: ## Load a sample organization, so that no page is empty
	$(RUN) manage.py prepare
	$(RUN) manage.py load_sample

test: ## Run every check and every test, on SQLite, PostgreSQL and in a browser
	$(TEST) -m tests.run

bench: ## Measure lists, writes and sign-in, on both databases
	$(TEST) -m tests.bench

bench-access: ## Measure decisions among a million users, on PostgreSQL (SCALE=0.1 for a tenth)
	$(TEST) -m tests.bench access

bench-identity: ## Measure tokens over HTTP: validation, sign-in, a flood of wrong passwords
	$(TEST) -m tests.bench identity directory

mutants: ## Take each check out of the decisions in turn: the property test must notice
	$(TEST) -m tests.mutants

lock: ## Refresh both lock files
	$(TEST) -m tests.lock

format: ## Format the code
	$(TEST) -m tests.run format

readme: ## Write the generated tables of the README anew
	$(TEST) -m tests.readme

screenshots: ## Take the README's pictures anew
	$(TEST) -m tests.screenshots
