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
# Another tool for images, such as: make images IMAGE_BUILD="podman build". It gets -t TAG -f FILE CONTEXT
IMAGE_TAG ?= dev
IMAGE_BUILD ?= docker build
# Lists the images that were built, with their sizes
IMAGE_LIST ?= docker image ls
# The cluster of `make kind`; kind itself reads this name too
export KIND_CLUSTER_NAME ?= anomalyjob
# Brings an image, its last word, into the cluster that `make e2e` tests on; `true` when images are there already
export E2E_LOAD ?= kind load docker-image

# The check runs on any Python from 3.8 on. The system's comes first: tools that put themselves before it in PATH change what is found.
ANY_PYTHON := $(or $(wildcard /usr/bin/python3),python3)
CHECK := $(ANY_PYTHON) scripts/prerequisites.py --needed-for "$(ENVIRONMENT)"
# The check chooses the interpreter and says nothing more: whoever runs the targets below has been told.
SET_UP := python="$$($(CHECK) --quiet)" && scripts/setup "$$python" "$(ENVIRONMENT)"

BIN := $(ENVIRONMENT)/bin
COMPLETE := $(ENVIRONMENT)/.complete
PYTEST := $(BIN)/python -m pytest $(PYTEST_ARGUMENTS)
# A folder counts as soon as it is there: the layers of tests arrive one after the other.
TESTED := $(wildcard tests/unit tests/golden tests/flink tests/browser tests/prometheus)

JOB_IMAGE := anomalyjob:$(IMAGE_TAG)
OPERATOR_IMAGE := anomalyjob-operator:$(IMAGE_TAG)
KIND_CONTEXT := kind-$(KIND_CLUSTER_NAME)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: prerequisites
prerequisites: ## Check Python, Java, disk; name the Debian package for whatever is missing
	@command -v $(ANY_PYTHON) >/dev/null || { echo "No python3 is here. On Debian or Ubuntu, as root: apt-get install python3" >&2; exit 2; }
	@$(CHECK) >/dev/null

# Tells what only tests use and is missing; those tests are then skipped.
.PHONY: test-tools
test-tools: prerequisites
	@$(ANY_PYTHON) scripts/test_tools.py

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
test: test-tools setup ## Run the unit tests, the golden files, the short tests with real Flink and in a browser
	@$(PYTEST) $(TESTED) -m "not soak and not bench"

.PHONY: soak
soak: test-tools setup ## Run the long tests with real Flink
	@$(PYTEST) $(filter-out tests/unit tests/golden,$(TESTED)) -m soak

.PHONY: bench
bench: test-tools setup ## Measure, and print the figures beside the reference's
	@$(PYTEST) tests/benchmarks -m bench --capture=no

.PHONY: e2e
e2e: prerequisites setup ## Run the tests on a real cluster: KUBECONFIG says which, IMAGE_TAG which images
	@E2E_JOB_IMAGE="$(JOB_IMAGE)" E2E_OPERATOR_IMAGE="$(OPERATOR_IMAGE)" $(PYTEST) tests/api tests/e2e -m "api or e2e"

.PHONY: bench-cluster
bench-cluster: prerequisites setup ## Measure on a real cluster, and print the figures; the same variables as e2e
	@E2E_JOB_IMAGE="$(JOB_IMAGE)" E2E_OPERATOR_IMAGE="$(OPERATOR_IMAGE)" $(PYTEST) tests/e2e -m bench_cluster

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

.PHONY: images
images: ## Build the two images
	@$(IMAGE_BUILD) -t "$(JOB_IMAGE)" -f job/Dockerfile .
	@$(IMAGE_BUILD) -t "$(OPERATOR_IMAGE)" -f operator/Dockerfile .
	@$(IMAGE_LIST) | grep -E '(^|/)anomalyjob(-operator)?[: ]'

.PHONY: manifests
manifests: setup ## Write the chart's definition of AnomalyJob and manifests/install/ anew; needs helm 3
	@scripts/manifests "$(BIN)"

.PHONY: manifests-check
manifests-check: setup ## Say whether they are up to date; change nothing
	@scripts/manifests "$(BIN)" --check

# Each step may find its work done: run it again after a change, and what changed is built, loaded and rolled out.
.PHONY: kind
kind: ## Make a Kubernetes cluster with Docker and kind, install the operator, run a job on it; needs helm 3 and kubectl
	@for tool in docker kind helm kubectl; do \
	    command -v $$tool >/dev/null || { echo "make kind needs $$tool, which is not in PATH" >&2; exit 2; }; \
	done
	@kind get clusters 2>/dev/null | grep -qx "$(KIND_CLUSTER_NAME)" \
	    || kind create cluster --name "$(KIND_CLUSTER_NAME)" --config kind-config.yaml --wait 3m
	@$(MAKE) images
	@kind load docker-image --name "$(KIND_CLUSTER_NAME)" "$(JOB_IMAGE)" "$(OPERATOR_IMAGE)"
	@helm upgrade --install anomalyjob-operator charts/anomalyjob-operator --kube-context "$(KIND_CONTEXT)" \
	    --namespace anomalyjob-system --create-namespace --wait --timeout 3m \
	    --set-string image.tag="$(IMAGE_TAG)" --set-string jobImage.tag="$(IMAGE_TAG)"
	@kubectl --context "$(KIND_CONTEXT)" apply -f "$(MANIFEST)"
	@kubectl --context "$(KIND_CONTEXT)" wait -f "$(MANIFEST)" --for=condition=Ready --timeout=5m
	@kubectl --context "$(KIND_CONTEXT)" get anomalyjobs,pods

.PHONY: kind-delete
kind-delete: ## Delete that cluster, with everything on it
	@kind delete cluster --name "$(KIND_CLUSTER_NAME)"

.PHONY: clean
clean: ## Remove the virtual environment and what tools left; the state of jobs stays
	@rm -rf "$(ENVIRONMENT)" .setup.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find job operator tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
