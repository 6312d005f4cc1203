# Everything a person or a build machine starts here. `make` alone lists it.

TARGET := $(or $(CARGO_TARGET_DIR),target)
REELGATE := $(TARGET)/release/reelgate

# Where `make run` keeps rows and bytes, and what it listens on (empty: the server's default).
DATA ?= data
LISTEN ?=

# For `make demo`: a video of your own, and the roles to start (empty: the shipped sample, all roles).
VIDEO ?=
ROLES ?=

# The console is rebuilt when one of these is newer than what was built last.
CONSOLE_SOURCES := $(shell find web sdk/js \( -name node_modules -o -name dist \) -prune -o -type f -print 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup build console binary run demo test bench soak fmt clean-data

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what building and running need and this machine lacks
	@sh scripts/setup.sh demo

build: setup ## build the console (when Node is there) and the server, optimised
	@$(MAKE) --no-print-directory console
	@$(MAKE) --no-print-directory binary

# The binary embeds the console, so the console comes first.
console:
	@if [ ! -d web ]; then echo "console: its sources (web/) are not here; the server is built without it"; \
	elif command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) -s web/dist/index.html; \
	else echo "console: left out, Node was not found; the server works without it (install Node 20 and make again to have it)"; fi

web/dist/index.html: $(CONSOLE_SOURCES)
	@sh scripts/console.sh

binary:
	cargo build --locked --release -p reelgate-server

run: build ## start the server with its console; rows and bytes stay in DATA (data)
	@exec $(REELGATE) serve --data-dir $(DATA) $(if $(LISTEN),--listen $(LISTEN))

demo: build ## the whole chain on a real video (VIDEO=path takes yours, ROLES=list starts only some)
	@exec $(REELGATE) demo $(if $(VIDEO),--video "$(VIDEO)") $(if $(ROLES),--roles "$(ROLES)")

test: ## everything the build machine runs; installs what it needs first
	@sh scripts/setup.sh test
	@bash scripts/test.sh

bench: build ## measure beside peers and limits, and print the figures (MEASURE=memory, uploads, signatures or events: one of them; SCALE=0.1: fewer bytes)
	@bash scripts/bench.sh

soak: ## the long tests: hundreds of kills over upload, commit and flow
	@sh scripts/setup.sh test
	@bash scripts/soak.sh

fmt: ## format all sources
	cargo fmt --all

clean-data: ## delete what make run stored
	rm -rf -- "$(DATA)"
