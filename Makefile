# Every intent of a developer or a newcomer, one target each. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Another folder for the environment: make test ENVIRONMENT=/somewhere/else
ENVIRONMENT ?= .venv
# Another resource to run: make run MANIFEST=my.yaml
MANIFEST ?= manifests/anomalyjob.yaml
# More words for pytest: make test PYTEST_ARGUMENTS="-k audit"
PYTEST_ARGUMENTS ?=

# The check runs on any Python from 3.8 on. The system's comes first: tools that put themselves before it in PATH change what is found.
ANY_PYTHON := $(or $(wildcard /usr/bin/python3),python3)
CHECK := $(ANY_PYTHON) scripts/prerequisites.py --needed-for "$(ENVIRONMENT)"
# The check chooses the interpreter and says nothing more: whoever runs the targets below has been told.
SET_UP := python="$$($(CHECK) --quiet)" && scripts/setup "$$python" "$(ENVIRONMENT)"

BIN := $(ENVIRONMENT)/bin
COMPLETE := $(ENVIRONMENT)/.complete
PYTEST := $(BIN)/python -m pytest $(PYTEST_ARGUMENTS)
# A folder counts as soon as it is there: the layers of tests arrive one after the other.
TESTED := $(wildcard tests/unit tests/golden tests/flink)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: prerequisites
prerequisites: ## Check Python, Java, disk; name the Debian package for whatever is missing
	@command -v $(ANY_PYTHON) >/dev/null || { echo "No python3 is here. On Debian or Ubuntu, as root: apt-get install python3" >&2; exit 2; }
	@$(CHECK) >/dev/null

# Done as a rule, unless the Java that was there when the environment was made is gone.
.PHONY: setup
setup: $(COMPLETE) ## Make the virtual environment, or bring it up to date
	@$(CHECK) --java >/dev/null || { $(SET_UP); }

LOCKS := requirements/bootstrap.txt requirements/dev.txt requirements/java.txt
$(COMPLETE): $(LOCKS) job/pyproject.toml operator/pyproject.toml scripts/setup
	@$(SET_UP)

.PHONY: run
run: prerequisites setup ## Start a real Flink cluster with the job on this machine; Ctrl-C stops it and keeps its state
	@exec $(BIN)/anomalyjob up -f "$(MANIFEST)"

.PHONY: test
test: prerequisites setup ## Run the unit tests, the golden files and the short tests with real Flink
	@$(PYTEST) $(TESTED) -m "not soak and not bench"

.PHONY: soak
soak: prerequisites setup ## Run the long tests with real Flink
	@$(PYTEST) tests/flink -m soak

.PHONY: bench
bench: prerequisites setup ## Measure, and print the figures beside the reference's
	@$(PYTEST) tests/benchmarks -m bench --capture=no

.PHONY: lint
lint: setup ## Check style, format, types and the layers between modules; change nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: setup ## Rewrite the sources in the one format, and repair what can be repaired safely
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

.PHONY: lock
lock: setup ## Resolve requirements/*.txt anew; newest versions with: make lock LOCK_ARGUMENTS=--upgrade
	@scripts/lock "$(abspath $(BIN))/uv" $(LOCK_ARGUMENTS)

.PHONY: clean
clean: ## Remove the virtual environment and what tools left; the state of jobs stays
	@rm -rf "$(ENVIRONMENT)" .setup.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find job operator tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
