# The two commands are `make lab` and `make test`; `make help` lists the rest.
# Written for GNU make 3.81 and later, and for a path with spaces in it: every
# path here is relative.

PYTHON ?= python3
LAB_ARGS ?=
# Further pieces of `make test`: `make test MORE=package`.
MORE ?=
UV_PIN := uv==0.13.9
WORKFLOWS := .github/workflows/*.yml

BIN := .venv/bin
RUN := $(BIN)/python
UV := $(BIN)/uv
CLI := $(RUN) -m agentstate_lab
ROOT_FLAG := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)

# A fresh home for what one target runs, without waiting and without a live model;
# what runs for it is stopped, and its databases removed, whatever happens.
FRESH_HOME = unset AGENTSTATE_MODEL OPENAI_API_KEY OPENAI_BASE_URL; \
	home=$$(mktemp -d) && export AGENTSTATE_HOME="$$home" AGENTSTATE_PACE=0 && \
	trap '$(CLI) stop --forget >/dev/null; rm -rf "$$home"' EXIT && \
	trap 'exit 130' INT TERM

# Four at once, also on two cores: half of the time a test waits for processes.
PYTEST = $(RUN) -m pytest -pno:nbval -n 4 --dist worksteal
# What one of the four has compiled, the others need not, whatever the shell prefers.
export PYTHONDONTWRITEBYTECODE :=
NBVAL = AGENTSTATE_PACE=0 $(RUN) -m pytest --nbval --nbval-current-env --nbval-cell-timeout=270 \
	--timeout=300 --nbval-sanitize-with nbval-sanitize.cfg -n 4 --dist loadfile --no-loadscope-reorder
# What takes longest begins first, so that nobody waits for it at the end.
LONGEST = $(wildcard notebooks/10_*.ipynb notebooks/11_*.ipynb notebooks/03_*.ipynb)

FRAMEWORK_PINS = --quiet --universal --python-version 3.11 --upgrade \
	--no-emit-index-url --no-annotate --custom-compile-command "make framework-pins"

.DEFAULT_GOAL := help
.PHONY: help lab test lint types unit quick notebooks exercises package \
	soak cube bench book browse picture frameworks freeze stubs house pins framework-pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-11s %s\n", $$1, $$2}' Makefile
	@echo
	@echo 'make lab LAB_ARGS="--no-browser --port 8899" passes flags to JupyterLab.'
	@echo 'make lab PYTHON=python3.12 chooses the Python of a new .venv.'

lab: .venv/.package ## lay your copies into work/ and open the first one in JupyterLab
	@$(RUN) -m jupyterlab --config=jupyter_lab_config.py $(ROOT_FLAG) $(LAB_ARGS)

test: .venv/.package ## lint, types, unit, notebooks, exercises, and a check of what is left
	@$(RUN) .ci/test.py "$(MAKE)" lint types unit notebooks exercises $(MORE)

lint: .venv/.package ## ruff: rules and format; who imports whom; the workflow files
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(RUN) -m check_jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	@if [ -x $(BIN)/actionlint ]; then $(BIN)/actionlint $(WORKFLOWS); \
		else echo "actionlint is skipped: it is pinned for Linux alone"; fi

types: .venv/.package ## mypy --strict on the package
	@$(RUN) -m mypy

unit: .venv/.package ## the tests and doctests of the package
	@$(PYTEST) -m "not soak" \
		--ignore=tests/test_exercises.py --ignore=tests/test_notebooks.py

quick: .venv/.package ## the tests that start no process and open no connection
	@$(PYTEST) -n auto --maxprocesses 4 --quick -m "not soak" \
		--ignore=tests/test_exercises.py --ignore=tests/test_notebooks.py

notebooks: .venv/.package ## run notebooks and solutions, compare every output
	@$(PYTEST) tests/test_notebooks.py
	@$(FRESH_HOME) && $(NBVAL) $(LONGEST) notebooks exercises/solutions

exercises: .venv/.package ## right answers pass, stubs wait, known mistakes are caught
	@$(PYTEST) -m "not soak" tests/test_exercises.py

package: .venv/.release ## build wheel and sdist, and try the wheel alone; needs the network
	@$(RUN) .ci/package.py

soak: .venv/.providers ## what takes long: 200 kills of a writer, 400 examples of a law, checks without fork
	@AGENTSTATE_KILLS=200 $(PYTEST) --timeout=600 tests/stores/test_json_file.py -k kills
	@$(PYTEST) -m soak tests
	@$(PYTEST) -m "hypothesis and not soak" --hypothesis-profile=soak --timeout=600 tests

cube: .venv/.package ## kill the durable agent everywhere, and 200 times at random
	@$(FRESH_HOME) && $(RUN) -m agentstate_lab.lab.crash.cube.whole_cube --into benchmarks

bench: .venv/.bench ## the figures, measured here and now
	@$(FRESH_HOME) && for file in benchmarks/*.py; do $(RUN) "$$file" || exit 1; done

book: .venv/.book ## build the course as a site that works offline
	@$(RUN) book/build.py

browse: book ## look at every page of the book in Chromium, from file://
	@$(RUN) book/browse.py

picture: .venv/.package ## kill two agents anew, and draw the picture of the README
	@$(FRESH_HOME) && $(RUN) book/picture.py --measure

frameworks: .venv/.frameworks ## kill the agents of other frameworks; ONLY="dbos" for one row
	@$(FRESH_HOME) && { failed=0; for env in frameworks crewai; do \
		.venv/$$env/bin/python -m agentstate_lab.lab.frameworks.measure \
			--into benchmarks --stop $(ONLY) || failed=1; done; exit $$failed; }

freeze: .venv/.package ## execute notebooks and solutions and store the outputs
	@$(FRESH_HOME) && $(RUN) -m agentstate_lab.lab.notebooks.notebooks freeze \
		notebooks/*.ipynb exercises/solutions/*.ipynb

stubs: .venv/.package ## derive the exercises from their solutions
	@$(RUN) -m agentstate_lab.lab.notebooks.notebooks stubs

house: .venv/.package ## draw the rooms into CONTRIBUTING.md and book/house.md
	@$(RUN) .ci/house.py

pins: .venv/.package ## write requirements.txt anew from the ranges in pyproject.toml
	@$(UV) pip compile --quiet --universal --python-version 3.11 --upgrade \
		--no-emit-index-url --no-annotate --custom-compile-command "make pins" \
		--extra test pyproject.toml -o requirements.txt

framework-pins: .venv/.package ## write benchmarks/frameworks.txt and crewai.txt anew
	@$(UV) pip compile $(FRAMEWORK_PINS) --extra frameworks pyproject.toml \
		-o benchmarks/frameworks.txt
	@$(UV) pip compile $(FRAMEWORK_PINS) benchmarks/crewai.in -o benchmarks/crewai.txt

clean: ## remove .venv and caches; .lab and work (your runs and copies) stay
	@if [ -f .venv/.package ] && [ -d .lab ]; then $(CLI) stop || true; fi
	@rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	@find agentstate_lab tests notebooks exercises benchmarks \
		\( -name __pycache__ -o -name .ipynb_checkpoints \) \
		-type d -prune -exec rm -rf {} + 2>/dev/null || true

# The environment, in three stamped steps: only what has changed runs again, so
# a second `make lab` needs no network.

.venv/.made:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here. Install \
	Python 3.11 to 3.14, or name one: make lab PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; \
		(3, 11) <= v[:2] <= (3, 14) or sys.exit("agentstate-lab needs Python 3.11 \
	to 3.14, and $(PYTHON) is %d.%d. Name another one, for example:\n\n    make lab \
	PYTHON=python3.12\n" % v[:2])'
	@echo "Making .venv with $(PYTHON) ..."
	@$(PYTHON) -m venv .venv || { echo "No .venv could be made with $(PYTHON). \
	On Debian and Ubuntu, install its venv module: sudo apt-get install python3-venv"; \
		exit 1; }
	@touch $@

# uv installs several times faster than pip; where it cannot be had, pip does it.
.venv/.pinned: requirements.txt .venv/.made
	@echo "Installing the pinned packages (once; this needs the network, about \
	900 MB of disk, and one to three minutes) ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check $(UV_PIN) \
		|| echo "uv is not to be had here; pip does the work instead."
	@{ [ -x $(UV) ] && $(UV) pip install --quiet --python $(RUN) \
			--compile-bytecode -r requirements.txt; } \
		|| $(RUN) -m pip install --quiet --disable-pip-version-check \
			-r requirements.txt
	@touch $@

.venv/.package: pyproject.toml .venv/.pinned
	@{ [ -x $(UV) ] && $(UV) pip install --quiet --python $(RUN) \
			--no-deps --editable .; } \
		|| $(RUN) -m pip install --quiet --disable-pip-version-check \
			--no-deps --editable .
	@touch $@

# What the book is built with: needed by `make book` and by nothing else.
.venv/.book: .venv/.package
	@{ [ -x $(UV) ] && $(UV) pip install --quiet --python $(RUN) \
			--constraint requirements.txt --editable ".[book]"; } \
		|| $(RUN) -m pip install --quiet --disable-pip-version-check \
			--constraint requirements.txt --editable ".[book]"
	@touch $@

# Servers of the chat API that are not ours: `make soak` runs the agent against them.
.venv/.providers: .venv/.package
	@{ [ -x $(UV) ] && $(UV) pip install --quiet --python $(RUN) \
			--constraint requirements.txt --editable ".[providers]"; } \
		|| $(RUN) -m pip install --quiet --disable-pip-version-check \
			--constraint requirements.txt --editable ".[providers]"
	@touch $@

# What builds the package: needed by `make package` and by nothing else.
.venv/.release: .venv/.package
	@{ [ -x $(UV) ] && $(UV) pip install --quiet --python $(RUN) \
			--constraint requirements.txt --editable ".[release]"; } \
		|| $(RUN) -m pip install --quiet --disable-pip-version-check \
			--constraint requirements.txt --editable ".[release]"
	@touch $@

# What the figures are compared with: needed by `make bench` and by nothing else.
.venv/.bench: .venv/.package
	@{ [ -x $(UV) ] && $(UV) pip install --quiet --python $(RUN) \
			--constraint requirements.txt --editable ".[bench]"; } \
		|| $(RUN) -m pip install --quiet --disable-pip-version-check \
			--constraint requirements.txt --editable ".[bench]"
	@touch $@

# What `make frameworks` judges, beside the course's environment, not in it: some of the
# frameworks want other versions. CrewAI wants another openai, so it has a third one.
.venv/.frameworks: benchmarks/frameworks.txt benchmarks/crewai.txt .venv/.package
	@for env in frameworks crewai; do \
		echo "Installing benchmarks/$$env.txt (once; 700 MB) ..."; \
		$(RUN) -m venv .venv/$$env && \
		.venv/$$env/bin/python -m pip install --quiet --disable-pip-version-check \
			-r benchmarks/$$env.txt && \
		.venv/$$env/bin/python -m pip install --quiet --disable-pip-version-check \
			--no-deps --editable . || exit 1; done
	@touch $@
