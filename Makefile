# One target per gate. `make demo` and `make test` need Python 3.11+, git and make; all else they fetch themselves.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Tests start a thousand processes. Without byte code each of them would compile all it imports, half a second of CPU.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := pip install --quiet --disable-pip-version-check
# uv installs many times faster than pip, but ignores pip's configuration, such as a mirror. Where it fails, pip installs.
install = $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) 2>/dev/null || $(install_with_pip)
install_with_pip = { $(BIN)/python -m ensurepip >/dev/null && $(BIN)/python -m $(PIP_INSTALL) $(1); }
UV := --only-binary :all: --require-hashes -r deploy/requirements/installer.txt
VAULT ?= directory
EVENTS ?= 20000
RUNS ?= 1000000
RECORDS ?= 10000000
TARGET ?=
MODULE ?=
CORE_TESTS := $(wildcard tests/unit/schemas/test_*.py tests/property/test_core_*.py tests/property/test_event_*.py)
MANY_INPUTS := tests/unit/schemas/test_hostile.py tests/property/test_event_properties.py $(patsubst %,\
  tests/property/test_core_%_properties.py,block_draft header index_proof plain_records record)# reach no branch alone
SLICE := tests/slices
BY_FILE := --dist loadfile --no-loadscope-reorder# in the order of tests/conftest.py, not by a file's number of tests
PROCESSES ?= 3# some tests wait for servers, some compute

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/made:
	@echo "making $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is no Python 3.11 or newer, which auditseal needs: make PYTHON=/path/to/python3 …"; exit 2; }
	@$(PYTHON) -m venv --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check $(UV) 2>/dev/null \
	  || $(call install_with_pip,$(UV)) || true
	@touch $@

$(VENV)/run: $(VENV)/made deploy/requirements/run.txt pyproject.toml
	@echo "installing what auditseal needs"
	@$(call install,--require-hashes -r deploy/requirements/run.txt)
	@$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

$(VENV)/test: $(VENV)/run deploy/requirements/test.txt
	@echo "installing what its tests need"
	@$(call install,--require-hashes -r deploy/requirements/test.txt)
	@touch $@

.PHONY: demo
demo: $(VENV)/run ## The whole pipeline on this machine, then a tampering that gets caught (VAULT=minio for real WORM)
	@$(BIN)/auditseal demo --dir demo --vault $(VAULT) --events $(EVENTS)

.PHONY: lint
lint: $(VENV)/test ## Style, types and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: core branches many-inputs
core: branches many-inputs ## The core's tests, which must reach every branch of it

branches: $(VENV)/test
	$(BIN)/coverage run -m pytest $(filter-out $(MANY_INPUTS),$(CORE_TESTS)) # traced, which takes three times the CPU
	$(BIN)/coverage report --fail-under=100 --skip-covered

many-inputs: $(VENV)/test
	$(BIN)/python -m pytest $(MANY_INPUTS)

.PHONY: parts
parts: $(VENV)/test ## Fetch and build the Kafka, MinIO and Prometheus of the tests; minutes on a new machine
	@$(BIN)/python -m tests.factory.parts

.PHONY: test
test: $(VENV)/test ## Everything that must pass, on a real Kafka and a real MinIO
	@$(MAKE) --no-print-directory --jobs 2 branches parts lint many-inputs # each uses one core, but for builds; long ones first
	$(BIN)/python -m pytest tests --numprocesses $(PROCESSES) $(BY_FILE) --durations 12 \
	  $(addprefix --ignore-glob=,$(CORE_TESTS) $(SLICE))

.PHONY: slice
slice: $(VENV)/test ## Short, real slices of the long campaigns: kills of each daemon and of the broker are in them
	$(BIN)/python -m pytest $(SLICE) --numprocesses 2 $(BY_FILE) --durations 12

.PHONY: bench
bench: $(VENV)/test ## Speed beside named references, in one run
	$(BIN)/python -m tests.bench

.PHONY: growth
growth: $(VENV)/test ## What each step and each pass costs against blocks, up to 1,000,000, and against partitions; the plots of the docs
	$(BIN)/python -m tests.bench.growth

.PHONY: peers
peers: $(VENV)/test ## Tessera, immudb, a Connect sink, pymerkle and ours over the same events, in one run; peers.json (SCALE=0.05)
	$(BIN)/python -m tests.peers $(if $(SCALE),--scale $(SCALE))

.PHONY: bench-verify
bench-verify: $(VENV)/test ## The verifier's memory at RECORDS=10000000 and at a tenth; sealing them takes some minutes
	$(BIN)/python -m tests.bench.bench_verify $(RECORDS)

.PHONY: bench-signers
bench-signers: $(VENV)/test ## A signature by a file's key, by SoftHSM and by OpenBao, in one run
	$(BIN)/python -m tests.bench.bench_signers

.PHONY: bench-reader
bench-reader: $(VENV)/test ## Small blocks read and verified from a store 20 ms away, and from a directory of 100,000
	$(BIN)/python -m tests.bench.bench_reader

.PHONY: bench-restore
bench-restore: $(VENV)/test ## A restore of BLOCKS=100000 blocks from a copy in a bucket and one in a directory, next to bare writes: at most five minutes each (KEEP=directory)
	$(BIN)/python -m tests.bench.bench_restore $(or $(BLOCKS),100000) $(KEEP)

.PHONY: bench-streams
bench-streams: $(VENV)/test ## auditseal streams over EVENTS=1000000 of 10,000 streams, next to reading alone; 10000000 take minutes to seal
	$(BIN)/python -m tests.bench.bench_streams $(if $(filter command line,$(origin EVENTS)),$(EVENTS),1000000)

.PHONY: bench-partitions
bench-partitions: $(VENV)/test ## One sealer on PARTITIONS="64" partitions: threads, CPU a block, event to sealed (BLOCK_AGE=0.25)
	$(BIN)/python -m tests.bench.bench_partitions $(or $(PARTITIONS),64) --block-age $(or $(BLOCK_AGE),0.25)

.PHONY: bench-search
bench-search: $(VENV)/test ## Index, search and paging next to verify and a bare DuckDB, over 1,000,000 events (EVENTS=10000000 KEEP=directory)
	$(BIN)/python -m tests.bench.bench_search $(if $(filter command line,$(origin EVENTS)),$(EVENTS) $(KEEP))

.PHONY: bench-explorer
bench-explorer: $(VENV)/test ## Pages, export, 50 readers next to a bare DuckDB and Starlette, 1,000,000 events (EVENTS=10000000 or STORE=DIR)
	STORE=$(STORE) $(BIN)/python -m tests.bench.bench_explorer $(if $(filter command line,$(origin EVENTS)),$(EVENTS))

.PHONY: bench-gateway
bench-gateway: $(VENV)/test ## The gateway at 2,000 events/s next to a bare handler: latency, CPU, memory; JSON
	$(BIN)/python -m tests.bench.bench_gateway

.PHONY: bench-proofs
bench-proofs: $(VENV)/test ## Proving one event of BLOCKS=1000000 blocks, and packs of 10,000 events: time, size and memory
	$(BIN)/python -m tests.bench.bench_proofs $(BLOCKS)

$(VENV)/spark: $(VENV)/test deploy/requirements/spark.txt
	@echo "installing Spark, which takes some 500 MB"
	@$(call install,--require-hashes -r deploy/requirements/spark.txt)
	@touch $@

.PHONY: spark
spark: $(VENV)/spark ## Verify a vault on a real Spark, and query an index as its table; needs Java 17 or newer
	$(BIN)/python -m tests.spark

.PHONY: kube
kube: $(VENV)/test ## A dry run of the Helm chart's install on a real kube-apiserver, which is built once (ten minutes)
	$(BIN)/python -m tests.kube

.PHONY: kube-audit
kube-audit: $(VENV)/test ## A real kube-apiserver sends its audit events to the gateway; RECORD=FILE keeps them for the tests
	$(BIN)/python -m tests.kube.audit $(if $(RECORD),--record $(RECORD))

.PHONY: container
container: $(VENV)/test ## Build the image and run the daemons from it; needs root, podman, crun and mmdebstrap (BASE=IMAGE instead)
	BASE=$(BASE) $(BIN)/python -m tests.container

.PHONY: tamper
tamper: $(VENV)/test ## Every way to tamper with a small vault, and what two verifiers find; tamper.json (JOBS=2 EVERY=1)
	$(BIN)/python -m tests.tamper --json tamper.json $(if $(JOBS),--jobs $(JOBS)) $(if $(EVERY),--every $(EVERY))

.PHONY: tamper-proofs
tamper-proofs: $(VENV)/test ## Every byte of PROOFS=1000 proofs changed, and every cut of them, must be refused
	$(BIN)/python -m tests.tamper.proof_bytes $(PROOFS)

.PHONY: faults
faults: $(VENV)/test ## All faults on a real Kafka and a real MinIO, about an hour; F14 needs root (FAULT=F3,F5 SEED=… ROUNDS=… SCALE=0.1)
	$(BIN)/python -m tests.faults $(if $(FAULT),--fault $(FAULT)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SCALE),--scale $(SCALE))

.PHONY: spool-kills
spool-kills: $(VENV)/test ## Producers with one spool, KILLS=1000 of them killed at random moments (SEED=1): nothing accepted is lost
	$(BIN)/python -m tests.faults.spool_kills $(or $(KILLS),1000) $(or $(SEED),1)

.PHONY: stream-kills
stream-kills: $(VENV)/test ## PRODUCERS=200 of them killed at random (SEED=1): auditseal streams shows each loss, and no gap is false
	$(BIN)/python -m tests.faults.stream_kills $(or $(PRODUCERS),200) $(or $(SEED),1)

.PHONY: stream-gaps
stream-gaps: $(VENV)/test ## EVENTS=1000000 through broken connections, forks and sealers that change: auditseal streams shows no gap
	$(BIN)/python -m tests.faults.stream_gaps $(if $(filter command line,$(origin EVENTS)),$(EVENTS),1000000) $(or $(SEED),1)

.PHONY: heads
heads: $(VENV)/test ## How long a head's recovery takes with 1,000 and with 100,000 blocks behind it: at most a second
	$(BIN)/python -m tests.faults.heads

.PHONY: soak
soak: $(VENV)/test ## Thirty minutes at 70 % of what this machine carries, all parts on (MINUTES=… RATE=…): memory, descriptors, lag
	$(BIN)/python -m tests.faults.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE))

$(VENV)/fuzz: $(VENV)/run deploy/requirements/fuzz.txt
	@echo "installing what fuzzing needs; atheris has wheels for Python 3.11 to 3.13 on Linux x86-64"
	@$(call install,--only-binary atheris --require-hashes -r deploy/requirements/fuzz.txt)
	@touch $@

.PHONY: fuzz
fuzz: $(VENV)/fuzz ## Every parser of untrusted bytes under a coverage-guided fuzzer; RUNS=1000000 each, TARGET=note
	$(BIN)/python -m tests.fuzz --runs $(RUNS) $(TARGET)

$(VENV)/mutation: $(VENV)/test deploy/requirements/mutation.txt
	@echo "installing what mutation testing needs"
	@$(call install,--require-hashes -r deploy/requirements/mutation.txt)
	@touch $@

.PHONY: mutants
mutants: $(VENV)/mutation ## Change the core and the auditor's checks in small ways: do the tests notice? mutants.json (MODULE=note)
	$(BIN)/python -m tests.mutation --json mutants.json $(MODULE)

.PHONY: docs
docs: $(VENV)/test ## The documentation as a site, in site/; any warning fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.PHONY: weaken
weaken: $(VENV)/test ## Leave out each rule of the format in turn: does a golden vault notice? About ten minutes (RULE="step 7")
	$(BIN)/python -m tests.weaken $(RULE)

.PHONY: dashboard
dashboard: $(VENV)/test ## The Grafana dashboard's JSON, made by deploy/monitoring/dashboard.py
	$(BIN)/python deploy/monitoring/dashboard.py > deploy/monitoring/auditseal-dashboard.json

.PHONY: lock
lock: $(VENV)/made ## Pin the requirements again, by hash and without naming an index
	@test -x $(BIN)/uv || $(call install_with_pip,$(UV))
	$(foreach name,installer run test go fuzz mutation spark,$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --quiet $(LOCK_$(name)) -o deploy/requirements/$(name).txt &&) true
LOCK_installer := deploy/requirements/installer.in
LOCK_run := --extra all pyproject.toml deploy/requirements/build.in
LOCK_test := -c deploy/requirements/run.txt deploy/requirements/test.in
LOCK_fuzz := -c deploy/requirements/run.txt -c deploy/requirements/test.txt deploy/requirements/fuzz.in
LOCK_mutation := -c deploy/requirements/run.txt -c deploy/requirements/test.txt deploy/requirements/mutation.in
LOCK_spark := -c deploy/requirements/run.txt -c deploy/requirements/test.txt deploy/requirements/spark.in
LOCK_go := deploy/requirements/go.in

.PHONY: clean
clean: ## Remove what was made here
	rm -rf $(VENV) demo dist build site .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
