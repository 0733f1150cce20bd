PYTHON ?= python3
STACK ?= dev
YES ?=
ARGS ?=

BIN := .venv/bin
DIST := build/dist
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCKED := --require-hashes --requirement
UV := $(BIN)/uv --quiet --system-certs
ON_STACK = STACK="$(STACK)" YES="$(YES)" engine/on-stack

.DEFAULT_GOAL := help
.PHONY: help up preview refresh down shell env test test-pythons lint audit docs live bench bench-fleet chaos https-demo lock dist \
	engine test-tools test-clients clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "STACK=name selects the stack (default: dev). ARGS=\"...\" is passed to pulumi or pytest."
	@echo "YES=1 answers pulumi's confirmation prompts."
	@echo "Without a Mailgun API key, up, preview, refresh, down and shell run against the emulator."

# --- The stack

up: engine .venv/up ## Create or update the stack
	@$(ON_STACK) up $(ARGS)

preview: engine .venv/up ## Show what `make up` would change
	@$(ON_STACK) preview $(ARGS)

refresh: engine .venv/up ## Update the state to match Mailgun
	@$(ON_STACK) refresh $(ARGS)

down: engine .venv/up ## Destroy the stack's resources
	@$(ON_STACK) destroy $(ARGS)

shell: engine .venv/up ## Open a shell in which a plain `pulumi up` works
	@$(ON_STACK) shell

env: ## Set up this shell for pulumi, without the emulator: eval "$(make -s env)"
	@$(MAKE) --no-print-directory engine .venv/up >&2
	@$(ON_STACK) env

# --- Development

# Coverage, and its minimum, are for a complete run only. The tests start many Python processes, each
# of which would compile for itself what has no bytecode.
test: engine .venv/examples test-tools test-clients ## Run all tests
	@$(BIN)/python -m compileall -q engine mailgun_tracking
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist worksteal $(or $(ARGS),--cov)

test-pythons: .venv/dev ## Run the fast tests on the built wheel with each other installed Python
	@.ci/test-pythons

lint: .venv/examples ## Check style, formatting, types and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy engine/language_host.py engine/language_host_run.py
	$(BIN)/lint-imports --no-logo

audit: .venv/dev ## Look for known vulnerabilities in the locked versions
	@$(BIN)/python .ci/audit.py

docs: .venv/docs ## Build the documentation site into build/docs
	@$(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --quiet docs build/docs
	@echo "The documentation is in build/docs/index.html"

live: engine .venv/dev ## Test against a real account: MAILGUN_API_KEY=... LIVE_DOMAIN=...
	@test -n "$$MAILGUN_API_KEY" -a -n "$$LIVE_DOMAIN" || \
		{ echo "Set MAILGUN_API_KEY, and LIVE_DOMAIN to a domain whose settings the tests may change."; exit 2; }
	@$(BIN)/python -m pytest tests/live $(ARGS)

bench: engine .venv/dev ## Run the benchmarks
	@$(BIN)/python benchmarks/run.py $(ARGS)

bench-fleet: engine .venv/dev ## Measure fleets of 300 to 3,000 domains
	@$(BIN)/python benchmarks/fleet.py $(ARGS)

chaos: engine .venv/dev ## Spoil responses and kill processes, and see that nothing is lost
	@$(BIN)/python chaos/run.py $(ARGS)

https-demo: engine .venv/dev test-tools ## Set up HTTPS tracking against a real DNS server and a test CA
	@$(BIN)/python examples/https_demo.py $(ARGS)

LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile \
	--universal --generate-hashes --annotation-style line $(ARGS) --python-version

# Each file agrees with those before it.
lock: .venv/dev ## Lock what pyproject.toml asks for in requirements*.txt: ARGS=--upgrade
	@$(LOCK) 3.10 pyproject.toml -o requirements.txt
	@$(LOCK) 3.10 pyproject.toml --all-extras --group build -c requirements.txt -o requirements-emulator.txt
	@$(LOCK) 3.10 --group dev -c requirements-emulator.txt -o requirements-dev.txt
	@$(LOCK) 3.10 --group examples -c requirements-emulator.txt -c requirements-dev.txt -o requirements-examples.txt
	@$(LOCK) 3.11.5 --group docs -c requirements-emulator.txt -c requirements-dev.txt -o requirements-docs.txt

# The SBOM names what requirements.txt installs for the wheel.
dist: .venv/dev ## Build the sdist, the wheel and its SBOM (CycloneDX) into build/dist
	@rm -rf $(DIST)
	@$(BIN)/python -m build --no-isolation --outdir $(DIST) . >/dev/null
	@$(UV) venv --no-project --python $(BIN)/python $(DIST)/venv
	@$(UV) pip install --python $(DIST)/venv $(LOCKED) requirements.txt
	@$(UV) pip install --python $(DIST)/venv --no-deps --no-index --find-links $(DIST) mailgun-tracking
	@$(BIN)/cyclonedx-py environment --output-reproducible $(DIST)/venv/bin/python \
		--output-file $$(echo $(DIST)/*.whl).cdx.json
	@rm -r $(DIST)/venv

# --- What has to be installed

# The package, and the emulator it runs against when there is no API key.
.venv/up: requirements-emulator.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is required. To use another one: make PYTHON=python3.12")'
	@echo "Installing Python packages into .venv. The first time this can take some minutes."
	@$(PYTHON) -m venv .venv
	@$(PIP) install $(LOCKED) requirements-emulator.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/up requirements-dev.txt
	@echo "Installing development tools into .venv."
	@$(UV) pip install --python .venv $(LOCKED) requirements-dev.txt
	@touch $@

.venv/examples: .venv/dev requirements-examples.txt
	@echo "Installing the provider SDKs of the examples into .venv."
	@$(UV) pip install --python .venv $(LOCKED) requirements-examples.txt
	@touch $@

.venv/docs: .venv/dev requirements-docs.txt
	@echo "Installing Sphinx into .venv."
	@$(UV) pip install --python .venv $(LOCKED) requirements-docs.txt
	@touch $@

engine: ## Install the Pulumi engine, unless PATH has a suitable one
	@$(MAKE) -s -C engine pulumi

test-tools:
	@$(MAKE) -s -C engine pebble
	@engine/install-bind

test-clients:
	@$(MAKE) -s -C tests/emulator clients

clean: ## Remove everything that can be recreated; keeps the state in .pulumi-state
	rm -rf .venv .engine .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf build dist *.egg-info tests/emulator/js_client/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
