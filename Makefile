# Each target is one script; what a script needs it finds, builds or installs. Caches: build/ and .venv/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export MICROPYTHON MPY_CROSS MPY_DIR PYTHON

TOOLCHAIN := tools/toolchain
VENV := .venv/bin
# MicroPython runs the simulated meter. The radio's package is for CPython alone.
run_host := $(if $(findstring --bluetooth,$(ARGS)),env PYTHONPATH=firmware:. $(VENV)/python,$(TOOLCHAIN)/unix-run) boards/host/run.py
needed = $(or $($(1)),$(error This target needs $(1)=, see `make help`))

.PHONY: help run office headend test test-ha test-spice test-cluster proof bench bench-bill bench-headend bench-links bench-office scale picture hardware image pins deploy console lint micropython micropython-path venv clean distclean translations screenshots

help: ## List the targets
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: micropython venv ## Run the simulated meter in this terminal, BOARD=pico its image on an emulated chip; ARGS="..."
	@$(if $(findstring --bluetooth,$(ARGS)),$(TOOLCHAIN)/umqtt >/dev/null)
	@PATH="$(CURDIR)/$(VENV):$$PATH" $(or $(run_$(or $(BOARD),host)),$(wildcard boards/$(BOARD)/emulate),$(error There is no board $(BOARD) to run)) $(ARGS)

test: micropython venv ## Run every test: CPython, the unix port, lint, order of rooms, types, compile; ARGS="..." goes to pytest
	@$(VENV)/pytest -n $$(nproc) $(ARGS)

test-ha: micropython venv ## Show simulated meters in a real Home Assistant, through a real broker; installs 600 MB; not part of `test`
	@$(TOOLCHAIN)/home-assistant >/dev/null
	@$(VENV)/pytest $(ARGS) tests/home_assistant/integration.py

test-spice: venv ## Simulate filter, hold-up and coil of the circuit around a board with ngspice; not part of `test`
	@$(TOOLCHAIN)/debian-packages ngspice=ngspice
	@$(VENV)/pytest $(ARGS) tests/spice/circuits.py

test-cluster: venv ## Kill a node of three of RabbitMQ under load, with workers on PostgreSQL; not part of `test`
	@$(TOOLCHAIN)/debian-packages rabbitmq-server initdb=postgresql
	@$(VENV)/pytest $(ARGS) tests/cluster/nodes.py

proof: venv ## Run the whole proof campaign into build/proof.json; SHORT=1 runs the slice of it that is in `test`
	@$(if $(SHORT),,nice) env PYTHONPATH=firmware:tools:. $(VENV)/python -m tests.proof.run $(if $(SHORT),--short) $(ARGS)

office: venv ## Set an office up in office-data/ if there is none, and serve it; ARGS=--demo for a site to try it on; ARGS="ACTION ..." for others
	@$(VENV)/wattpurse office $(if $(filter-out --%,$(firstword $(ARGS))),,start) $(ARGS)

headend: venv ## Set an office up in office-data/ if there is none, and serve it with broker, worker, engine and payments; ARGS=--story shows it with 200 simulated meters
	@$(if $(filter --story,$(ARGS)),$(VENV)/python -m wattpurse_tools.rehearsal.main $(filter-out --story,$(ARGS)),$(VENV)/wattpurse headend $(if $(filter-out --%,$(firstword $(ARGS))),,start) $(ARGS))

bench: venv ## Measure the meter's image on the emulated RP2040, into build/bench.json; ARGS="FIGURE ..." for some
	@$(VENV)/wattpurse bench $(ARGS)

bench-bill: venv ## Measure the cost of a bill against a plain loop with floats, into build/bill.json
	@$(VENV)/python -m wattpurse_tools.bench.bill build/bill.json

bench-links: venv ## Measure the links to the meter, into build/links.json; ARGS=mqtt or ARGS=gatt for one
	@$(VENV)/python -m wattpurse_tools.bench.links build/links.json $(ARGS)

bench-headend: venv ## Measure the head-end on PostgreSQL and mosquitto, into build/headend.json; ARGS=small for a look, ARGS="full --reporting N"; ARGS="--part hour" for the memory of a worker
	@tools/toolchain/debian-packages initdb=postgresql mosquitto=mosquitto
	@$(VENV)/python -m wattpurse_tools.bench.headend build/headend.json $(ARGS)

scale: venv ## Print machines, storage and cost for many meters on paper, from the figures in build/; ARGS="--meters 1000000"
	@$(VENV)/python -m wattpurse_tools.bench.scale $(ARGS)

bench-office: venv ## Measure the office on SQLite and PostgreSQL, into build/office.json; ARGS=small or a number of customers
	@tools/toolchain/debian-packages initdb=postgresql
	@$(VENV)/python -m wattpurse_tools.bench.office build/office.json $(ARGS)

image: ## Build the image of a board, for instance BOARD=pico; MPY_DIR= names a MicroPython checkout to build from
	@$(or $(wildcard boards/$(subst -,_,$(call needed,BOARD))/image/build),$(error There is no board $(BOARD) to build for)) $(ARGS)

pins: need-BOARD venv ## Print the wiring table of a board, for instance BOARD=pico
	@$(VENV)/wattpurse pins $(call needed,BOARD)

deploy: need-BOARD need-PORT micropython venv ## Make a board that runs MicroPython into a meter or a desk reader, or update one: BOARD= PORT=; FORMAT=1: its files may be lost; CLAMPS=1: it measures with clamps
	@$(VENV)/wattpurse deploy $(call needed,BOARD) $(call needed,PORT) $(if $(FORMAT),--format) $(if $(CLAMPS),--clamps)

console: need-PORT venv ## Open the service console of the meter on PORT=
	@$(VENV)/wattpurse console $(call needed,PORT)

need-%:
	@: $(call needed,$*)

lint: venv ## Check the style of every Python file, and print the share of headless sentences per package
	@status=0; $(VENV)/ruff check . || status=1; $(VENV)/ruff format --check . || status=1; \
	$(VENV)/python -m tests.house.plain_words || status=1; exit $$status

micropython: ## Find MicroPython for this machine or build it from Debian's sources
	@$(TOOLCHAIN)/micropython micropython >/dev/null
	@$(TOOLCHAIN)/micropython mpy-cross >/dev/null

micropython-path: ## Print the path of the MicroPython program
	@$(TOOLCHAIN)/micropython micropython

venv: ## Install the host tools and the test tools into .venv
	@$(TOOLCHAIN)/venv

translations: venv ## Add new texts of the pages to the files of translators, and compile these
	@$(VENV)/python -m tests.house.translations

screenshots: venv ## Take the pictures of the office's pages in docs/office from its demo, with Chromium
	@PYTHONPATH=firmware:tools:. $(VENV)/python -m tests.tools.office.screenshots

picture: venv ## Draw the simulated meter into docs/meter.svg
	@$(VENV)/python -m wattpurse_tools.picture docs/meter.svg

hardware: venv ## Check the netlist in docs/hardware, and make its wiring pictures, bill of materials and ngspice decks
	@$(VENV)/wattpurse hardware check
	@$(VENV)/wattpurse hardware make

clean: ## Remove what tests and tools leave behind
	@rm -rf .hypothesis .pytest_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -not -path './.venv/*' -not -path './build/*' -prune -exec rm -rf {} +

distclean: clean ## Remove the built MicroPython and .venv as well
	@rm -rf build .venv
