# What each target does: make help

PYTHON ?= python3
STACK ?= dev
YES ?=
ARGS ?=

BIN := .venv/bin
ON_STACK = STACK="$(STACK)" YES="$(YES)" engine/on-stack

.DEFAULT_GOAL := help
.PHONY: help engine venv up preview refresh down shell env test test-tools lint docs live bench https-demo clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "STACK=$(STACK) names the stack; ARGS= goes to pulumi or pytest; YES=1 answers pulumi."
	@echo "Without a Mailgun key, up, preview, refresh, down and shell use the emulator."

engine: ## Make pulumi available: from PATH, the official release, or a build
	@$(PYTHON) engine/install

venv: .venv/complete

.venv/complete: requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; name one as in: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m compileall -q mailgun_tracking # pip does so with all but the editable
	@touch $@

.venv/examples: .venv/complete requirements-examples.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements-examples.txt
	@touch $@

up: engine venv ## Create or update the stack
	@$(ON_STACK) up $(ARGS)

preview: engine venv ## Show what up would do
	@$(ON_STACK) preview $(ARGS)

refresh: engine venv ## Bring the state up to what Mailgun says
	@$(ON_STACK) refresh $(ARGS)

down: engine venv ## Destroy what the stack manages
	@$(ON_STACK) destroy $(ARGS)

shell: engine venv ## A shell in which a plain `pulumi up` works
	@$(ON_STACK) shell

env: ## The same for this shell, with a key of yours: eval "$(make -s env)"
	@$(MAKE) --no-print-directory engine venv >&2
	@$(ON_STACK) env

test-tools:
	@$(PYTHON) engine/install pebble
	@engine/install-bind

test: engine venv .venv/examples test-tools ## Run all tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

lint: venv .venv/examples ## Check style, formatting and types
	$(BIN)/ruff check . engine/install
	$(BIN)/ruff format --check . engine/install
	$(BIN)/mypy
	$(BIN)/mypy engine/install engine/language_host.py engine/language_host_run.py

.venv/docs: .venv/complete requirements-docs.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-docs.txt
	@touch $@

docs: .venv/docs ## Build the documentation site into build/docs
	@$(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --quiet docs build/docs
	@echo "The documentation is in build/docs/index.html"

live: engine venv ## Run the tests for a real account: MAILGUN_API_KEY=... LIVE_DOMAIN=...
	@test -n "$$MAILGUN_API_KEY" -a -n "$$LIVE_DOMAIN" || \
		{ echo "Set MAILGUN_API_KEY, and LIVE_DOMAIN to a domain whose settings may change."; exit 2; }
	@$(BIN)/python -m pytest tests/live $(ARGS)

bench: engine venv ## Measure speed against the engine's own
	@$(BIN)/python benchmarks/run.py $(ARGS)

https-demo: engine venv test-tools ## HTTPS tracking from nothing, with real DNS and a CA
	@$(BIN)/python examples/https_demo.py $(ARGS)

clean: ## Remove what can be made again; the state in .pulumi-state stays
	rm -rf .venv .engine .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
