# The words of this project; each runs the same here and in CI. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup run test check check-slow fuzz eval lock figures env-example clean clean-all
# handed on to scripts/setup.sh when given: make setup PYTHON=python3.12 TORCH=cuda TORCH_INDEX=URL
export PYTHON TORCH TORCH_INDEX
IN_VENV := .venv/bin/python -m
OURS := app backend evals ingest storage scripts

help: ## list these words
	@awk -F':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## make .venv, install the pinned packages, place the bundled models
	@scripts/setup.sh

run: setup ## set up and start the service; ARGS="--port 9000" are its flags
	@exec .venv/bin/ragstone serve $(ARGS)

test: setup ## set up and run the tests; ARGS="-k chunk -x" go to pytest
	@$(IN_VENV) pytest $(ARGS)

check: setup ## format, lint, types, architecture, tests
	$(IN_VENV) ruff format --check .
	$(IN_VENV) ruff check .
	$(IN_VENV) mypy $(addprefix -p ,$(OURS))
	$(IN_VENV) pytest tests/test_architecture.py
	$(IN_VENV) pytest $(ARGS)

check-slow: setup ## check, with the tests that take minutes (fresh clone, kill -9, long loads)
	RAGSTONE_SLOW_TESTS=1 $(MAKE) check

fuzz: setup ## throw made-up input at the readers; ARGS="--seconds 60 names" are its flags
	@$(IN_VENV) tests.fuzz $(ARGS)

bench-%: setup ## bench-NAME: run benchmarks/NAME.py; ARGS are its flags
	$(IN_VENV) benchmarks.$* $(ARGS)

eval: setup ## score the shipped dataset against a service started for it
	@.venv/bin/ragstone eval run --dataset ragstone $(ARGS)

lock: ## write constraints.txt from what .venv holds
	$(IN_VENV) scripts.lock

figures: ## sizes of files and functions, tests beside code
	@$(IN_VENV) scripts.figures

env-example: ## write .env.example from the settings
	$(IN_VENV) scripts.env_example

clean: ## remove caches and build output
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info setup.log
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

clean-all: clean ## remove .venv and .models too; documents in data/ stay
	rm -rf .venv .models
