# The one front door. `make run` and `make test` work as the first command on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test test-testnet check format lock bench proof soak fuzz mutants peers clean conformance conformance-sdk postgres sim

help:            ## show this list
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/'

install: $(STAMP) ## create .venv with all that run and test need

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(0 if sys.version_info >= (3, 11) else f"solvent needs Python 3.11 or newer, {sys.executable} is {v}: run make PYTHON=/path/to/python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

run: install     ## the whole main job on paper venues: no keys, no network, about a minute
	$(BIN)/solvent demo

test: install    ## run the tests
	$(BIN)/python -m pytest

postgres:        ## install PostgreSQL's server, so that the tests of the store run on both databases (Debian, Ubuntu)
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then \
		echo "PostgreSQL's server is here"; \
	elif [ "$$(id -u)" = 0 ]; then apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql; \
	else sudo -n apt-get update -q && sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql; fi

proof: install   ## run the long proofs: 200 kills of a writing process, tampering, a cut at every byte, 30 pairs
	SOLVENT_PROOF=1 $(BIN)/python -m pytest -n 0 -rP -k "kills or thousand or every_byte or random_faults" tests/journal
	$(BIN)/python tests/proofs/pair_kills.py --runs 30

mutants: install ## change the gate's rules one small step at a time and see which tests notice (long)
	$(BIN)/python tests/proofs/mutants.py
	$(BIN)/python tests/proofs/paper_mutants.py

conformance: install ## our clients through the numbered cases on the paper venues
	$(BIN)/python -m conformance.run --ours

conformance-sdk: install $(foreach p,nado hyperliquid cex,.venv-peers/$(p)/.installed) ## the same with the official SDKs and ccxt; writes docs/conformance-venues.md
	$(BIN)/python -m conformance.run --write docs/conformance-venues.md

test-testnet: install ## read-back and leverage checks on the venues' test networks, where keys are set
	SOLVENT_TESTNET=1 $(BIN)/python -m pytest -n 0 -rs tests/testnet

check: install   ## format, lint, types, import rules, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(MAKE) --no-print-directory test

format: install  ## put the code into its one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

sim: install     ## whole funding pairs in virtual time, under drawn faults and kills (make sim SEED=n RUNS=m)
	$(BIN)/python -m simulation.arbitrage --seed $(or $(SEED),1) --runs $(or $(RUNS),2000)

soak: install    ## trade on the paper venues for 30 simulated minutes with every fault on (7 minutes)
	$(BIN)/python tests/proofs/soak.py

fuzz: install    ## give every decoder 50,000 wrong payloads, and the paper servers wrong requests (over an hour)
	$(BIN)/python tests/proofs/fuzz_servers.py
	$(BIN)/python tests/proofs/fuzz.py

bench: install peers ## measure speed, beside peers in environments of their own
	$(BIN)/python bench/start_up.py
	$(BIN)/python bench/hyperliquid_bundle.py
	$(BIN)/python bench/nado_summary.py
	$(BIN)/python bench/fills.py
	$(BIN)/python bench/journal.py
	$(BIN)/python bench/gate.py
	$(BIN)/python bench/venues.py
	$(BIN)/python bench/leverage.py
	$(BIN)/python bench/arbitrage.py

peers: $(foreach p,nado nautilus hyperliquid cex,.venv-peers/$(p)/.installed) ## environments of peers, for comparison only

.venv-peers/%/.installed: bench/peers/%.txt
	test -x .venv-peers/$*/bin/python || $(PYTHON) -m venv .venv-peers/$*
	.venv-peers/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

clean:           ## remove what the other targets made
	rm -rf .venv .venv-peers build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

lock:            ## renew requirements.lock (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --group dev --all-extras pyproject.toml -o requirements.lock
	for peer in nado nautilus hyperliquid cex; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header bench/peers/$$peer.in -o bench/peers/$$peer.txt || exit 1; done
