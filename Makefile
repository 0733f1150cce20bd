PYTHON ?= python3
STACK ?= dev
YES ?=
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
ON_STACK = STACK="$(STACK)" YES="$(YES)" engine/on-stack

.DEFAULT_GOAL := help
.PHONY: help up preview refresh down shell env test test-pythons lint docs live bench chaos https-demo engine \
	test-tools test-clients clean

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

# Coverage, and its minimum, are for a complete run only.
test: engine .venv/examples test-tools test-clients ## Run all tests
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(or $(ARGS),--cov)

test-pythons: .venv/dev ## Run the fast tests on the built wheel with each installed Python
	@.ci/test-pythons

lint: .venv/examples ## Check style, formatting, types and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy engine/language_host.py engine/language_host_run.py
	$(BIN)/lint-imports --no-logo

docs: .venv/docs ## Build the documentation site into build/docs
	@$(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --quiet docs build/docs
	@echo "The documentation is in build/docs/index.html"

live: engine .venv/dev ## Test against a real account: MAILGUN_API_KEY=... LIVE_DOMAIN=...
	@test -n "$$MAILGUN_API_KEY" -a -n "$$LIVE_DOMAIN" || \
		{ echo "Set MAILGUN_API_KEY, and LIVE_DOMAIN to a domain whose settings the tests may change."; exit 2; }
	@$(BIN)/python -m pytest tests/live $(ARGS)

bench: engine .venv/dev ## Run the benchmarks
	@$(BIN)/python benchmarks/run.py $(ARGS)

chaos: engine .venv/dev ## Spoil responses and kill processes, and see that nothing is lost
	@$(BIN)/python chaos/run.py $(ARGS)

https-demo: engine .venv/dev test-tools ## Set up HTTPS tracking against a real DNS server and a test CA
	@$(BIN)/python examples/https_demo.py $(ARGS)

# --- What has to be installed

# The package, and the emulator it runs against when there is no API key.
.venv/up: requirements.txt requirements-emulator.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is required. To use another one: make PYTHON=python3.12")'
	@echo "Installing Python packages into .venv. The first time this can take some minutes."
	@$(PYTHON) -m venv .venv
	@$(PIP) install --requirement requirements-emulator.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

.venv/dev: .venv/up requirements-dev.txt
	@echo "Installing development tools into .venv."
	@$(PIP) install --requirement requirements-dev.txt
	@touch $@

.venv/examples: .venv/dev requirements-examples.txt
	@echo "Installing the provider SDKs of the examples into .venv."
	@$(PIP) install --no-compile --requirement requirements-examples.txt
	@touch $@

.venv/docs: .venv/up requirements-docs.txt
	@echo "Installing Sphinx into .venv."
	@$(PIP) install --requirement requirements-docs.txt
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
