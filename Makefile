.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-rabbitmq4 chaos cluster overload soak soak-picture bench bench-test dashboard dashboard-picture image image-test \
	chart chart-run contract fuzz mutate lint format lock clean

PYTEST_ARGS ?=
BENCH_ARGS ?=
UV ?= uv
export UV_PYTHON_DOWNLOADS = never
export IMAGE ENGINE BUILD_ARGS

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Create .venv with the locked dependencies; install RabbitMQ and Redis if missing
	@scripts/setup.sh

demo: ## Run everything and show each operation (KEEP=1 leaves it running afterwards)
	@scripts/setup.sh --quiet
	@.venv/bin/python -m bridge demo $(if $(KEEP),--keep)

run: ## Run the bridge with the settings of the environment (BRIDGE_*) and config/bridge.toml
	@scripts/setup.sh --no-servers --quiet
	@exec .venv/bin/python -m bridge run

test: ## Run all tests (PYTEST_ARGS="-k skip" for some)
	@scripts/setup.sh --tests --quiet
	@.venv/bin/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-rabbitmq4: ## Run the tests that meet RabbitMQ on RabbitMQ 4 (PRIVATE_RABBITMQ=/folder or image for another)
	@scripts/setup.sh --tests --quiet
	@which=$${PRIVATE_RABBITMQ:-$$(scripts/rabbitmq4.sh)} && PRIVATE_RABBITMQ=$$which \
		.venv/bin/pytest -m rabbitmq --numprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

chaos: ## Break everything under load and see that the promises hold (SEED=1 REQUESTS=20000 or SECONDS=3600)
	@scripts/setup.sh --quiet
	@PYTHONPATH=.:tests .venv/bin/python -m chaos $(if $(FORGETFUL),forgetful) $(if $(SEED),--seed $(SEED)) \
		$(if $(REQUESTS),--requests $(REQUESTS)) $(if $(SECONDS),--seconds $(SECONDS)) $(CHAOS_ARGS)

cluster: ## Kill nodes of RabbitMQ and Redis clusters under load, replace workers (CLUSTER_ARGS="sentinel --seed 2")
	@scripts/setup.sh --quiet
	@PYTHONPATH=.:tests .venv/bin/python -m cluster.parts $(CLUSTER_ARGS)
	@$(if $(CLUSTER_ARGS),,.venv/bin/pytest tests/cluster/checks_*.py $(PYTEST_ARGS))

overload: ## See what memory a worker takes before a backlog of 200,000 requests (REQUESTS=200000)
	@scripts/setup.sh --quiet
	@PYTHONPATH=.:tests .venv/bin/python -m chaos.backlog $(if $(REQUESTS),--requests $(REQUESTS))

soak: ## An hour at 60 % of what it bears, with a fault every two minutes: nothing grows (SOAK_ARGS="--seconds 600")
	@scripts/setup.sh --quiet
	@PYTHONPATH=.:tests .venv/bin/python -m chaos.soak $(SOAK_ARGS)

soak-picture: ## Draw what the last soak found (docs/soak.png)
	@scripts/setup.sh --bench --quiet
	@PYTHONPATH=.:tests .venv-bench/bin/python -m chaos.soak_picture build/soak.jsonl docs/soak.png

bench: ## Measure the bridge beside its peers (BENCH_ARGS="scaling --help" for more)
	@scripts/setup.sh --bench --quiet
	@PYTHONPATH=. .venv-bench/bin/python -m bench $(or $(BENCH_ARGS),compare)

image: ## Build the container image (IMAGE=lcm-bridge:tag ENGINE=docker|podman BUILD_ARGS="--build-arg ...")
	@scripts/image/build.sh

image-test: ## Run the image as a cluster would, and see that it holds (IMAGE=, ENGINE= as above)
	@scripts/setup.sh --quiet
	@engine=$$(scripts/image/engine.sh) && ENGINE=$$engine .venv/bin/pytest tests/image/checks.py $(PYTEST_ARGS)

bench-test: ## See that what measures, measures right: the load, the peers, whole runs
	@scripts/setup.sh --bench --quiet
	@.venv/bin/pytest --numprocesses 2 --dist loadfile tests/bench/test_*.py tests/bench/checks_*.py $(PYTEST_ARGS)

dashboard: ## Write the Grafana dashboard anew from monitoring/ (helm/lcm-bridge/dashboards)
	@scripts/setup.sh --no-servers --quiet
	@.venv/bin/python -m monitoring write

dashboard-picture: ## Break a site for 4 minutes, and draw what the dashboard shows of it (docs/dashboard.png)
	@scripts/setup.sh --bench --tests --quiet
	@.venv/bin/python -m monitoring record
	@.venv-bench/bin/python -m monitoring draw

chart: ## Check the Helm chart and the Dockerfile, without a cluster (GOLDEN=write: the rendering is right)
	@scripts/setup.sh --chart --no-servers --quiet
	@GOLDEN=$(GOLDEN) .venv/bin/pytest tests/chart/checks_*.py $(PYTEST_ARGS)

chart-run: ## Run the rendered chart with `podman play kube`, and send it requests (IMAGE= as above)
	@scripts/setup.sh --chart --no-servers --quiet
	@.venv/bin/pytest tests/chart/play.py $(PYTEST_ARGS)

mutate: ## Change the pure core bit by bit, and see which changes no test notices (MUTANTS="bridge.envelope*")
	@scripts/setup.sh --mutate --no-servers --quiet
	@.venv-mutate/bin/mutmut run --max-children 2 $(if $(MUTANTS),"$(MUTANTS)")
	@.venv-mutate/bin/mutmut results

fuzz: ## Throw bytes at whatever reads a stranger's (TARGET=envelope SECONDS=1200; all for 20 s each)
	@scripts/setup.sh --fuzz --no-servers --quiet
	@PYTHONPATH=. .venv-fuzz/bin/python -m fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(TARGET)

contract: ## Check AsyncAPI document, contract page (in a browser), programs and test kit, each with what reads it
	@scripts/setup.sh --contract --quiet
	@.venv/bin/pytest tests/contract/checks_*.py $(PYTEST_ARGS)

lint: ## Check style, formatting, types and the direction of imports
	@scripts/setup.sh --no-servers --quiet
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: ## Format the code and fix what can be fixed by machine
	@scripts/setup.sh --no-servers --quiet
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

lock: ## Write the lock files anew from pyproject.toml (needs uv)
	@$(UV) --version >/dev/null 2>&1 || { echo "make lock needs uv: pip install uv, or UV=/path/to/uv" >&2; exit 1; }
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--output-file requirements.lock pyproject.toml
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--extra otel --constraints requirements.lock --output-file requirements-otel.lock pyproject.toml
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra otel \
		--group dev --output-file requirements-dev.lock pyproject.toml
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--group bench --constraints requirements.lock --output-file requirements-bench.lock pyproject.toml
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--group image --output-file requirements-image.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--group chart --output-file requirements-chart.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--group fuzz --constraints requirements.lock --output-file requirements-fuzz.lock pyproject.toml
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra otel \
		--group dev --group mutate --constraints requirements-dev.lock --output-file requirements-mutate.lock pyproject.toml

clean: ## Remove caches and build output (not .venv, .venv-bench, .venv-chart, .venv-fuzz, .venv-mutate)
	@rm -rf dist build mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.venv-bench/*' \
		-not -path './.venv-chart/*' -not -path './.venv-fuzz/*' -not -path './.venv-mutate/*' -prune -exec rm -rf {} +
