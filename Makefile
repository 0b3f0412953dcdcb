# Everything that is done with this project. `make` lists it. Needs only Python 3.11 or newer, pip and make.
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.9
# A uv of another version may resolve or export in another way: ours is used unless the one on the path is the same.
UV := $(shell uv --version 2>/dev/null | grep -q "^uv $(UV_VERSION) " && command -v uv || echo .tools/uv/bin/uv)
BIN := .venv/bin
SIZE ?= full
SCHEMATHESIS := schemathesis==4.32.5
FUZZ ?= 100
DLT := dlt[duckdb]==1.31.0
SEEDS ?= 1000
SECONDS ?= 300
POWERLOSS ?= 20000
SITE := mkdocs==1.6.1 mkdocs-material==9.8.1
MERMAID := mermaid@11.17.2
JOBS ?= 2
BROWSER := playwright==1.65.2 axe-core-python==0.1.0
SBOM := cyclonedx-bom==7.5.0
AUDIT := pip-audit==2.10.1
PACKAGES := core demo $(wildcard plugins/*) $(wildcard usecases/*)
# Tests start a hundred processes: each would compile everything anew. Kept beside the packages, not among the sources.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
export PYTHONDONTWRITEBYTECODE :=
MANIFESTS := $(wildcard pyproject.toml requirements.lock $(addsuffix /pyproject.toml,$(PACKAGES)))

.PHONY: help demo test simulate mutants storage powerloss ops image check conformance browser fuzz bench docs site lock sbom audit format clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.ready ## Play all flows against simulators; DEMO="--rows S1,P4" some, DEMO=--keep stays
	@$(BIN)/connect demo $(DEMO)

test: .venv/.ready ## Run all tests
	$(BIN)/pytest -n auto -q --dist worksteal $(TESTS)

simulate: .venv/.ready ## Play faults on virtual time: SEEDS=n of money, all flows, SECONDS=n of the whole; REPLAY=seed plays one
ifdef REPLAY
	@PYTHONPATH=tests/lib $(BIN)/python -m simulation --replay $(REPLAY) $(SIMULATION)
else
	CONNECT_SEEDS=$(SEEDS) CONNECT_MATRIX=1 $(BIN)/pytest -n auto -q -rP --dist worksteal tests/faults tests/flows
	$(BIN)/pytest -n auto -q --dist worksteal -m hypothesis --hypothesis-profile=long
	PYTHONPATH=tests/lib $(BIN)/python -m simulation --seconds $(SECONDS) --jobs $(JOBS) $(SIMULATION)
endif

mutants: .venv/.ready ## Plant each bug of tests/mutants and find it; one that survives is a failure
	$(BIN)/python tests/mutants/hunt.py $(MUTANTS)

storage: .venv/.ready ## Kill, freeze, fill up and damage real daemons and their files; takes minutes
	CONNECT_STORAGE=full $(BIN)/pytest -q -rP --durations=10 $(filter-out tests/storage/test_storage_powerloss.py,$(wildcard tests/storage/test_*.py))

powerloss: .venv/.ready ## Cut the power of a journal at every point; POWERLOSS=n images; needs strace
	CONNECT_POWERLOSS=$(POWERLOSS) $(BIN)/pytest -q -rP tests/storage/test_storage_powerloss.py

ops: .venv/.ready ## Try unit, proxy, dashboard and rules as they are shipped; needs systemd, nginx, openssl, prometheus
	CONNECT_OPS=1 $(BIN)/pytest -q tests/ops

image: ## Build the container; BASE=image with Python; needs buildah or podman
	$(shell command -v podman || echo buildah) build $(if $(BASE),--build-arg BASE=$(BASE)) --format docker -t connect \
		-f ops/container/Containerfile .

check: .venv/.ready ## Check style, types, imports, and that the docs are in step with the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.docs --check

conformance: .venv/.ready ## Let programs that we did not write judge the simulators; needs npm
	CONNECT_CONFORMANCE=1 $(BIN)/pytest -q tests/conformance

fuzz: .venv/.ready $(UV) ## Ask the console's API what its document allows, and what not; FUZZ=n examples of each operation
	PYTHONPATH=tests/lib $(BIN)/python tests/fuzz/serve_api.py $(UV) tool run --quiet --from $(SCHEMATHESIS) schemathesis \
		run "{url}/api/v1/openapi.json" -H "Authorization: Bearer {token}" --max-examples $(FUZZ) --no-color

browser: .venv/.ready .tools/browser/.ready ## Look at the console with a real browser; needs chromium; IMAGES=1 writes the pictures of the docs
	CONNECT_BROWSER=1 CONNECT_IMAGES=$(IMAGES) PYTHONPATH=.tools/browser $(BIN)/pytest -q tests/browser

bench: .venv/.ready ## Measure; SIZE=small for a quick look
	@$(MAKE) --silent .tools/dlt/.ready || echo "dlt cannot be had: polling is measured without it" >&2
	$(BIN)/python -m bench --size $(SIZE) $(BENCH)

docs: .venv/.ready ## Write what the docs take from the code
	$(BIN)/python -m tools.docs

site: .tools/site/.ready ## Write the documentation as a site to dist/site; needs npm for what draws its diagrams
	NO_MKDOCS_2_WARNING=1 .tools/site/bin/mkdocs build --strict --quiet
	@! grep -rlE '(src|href)="https?://[^"]*\.(js|css|woff2?)"|src="https?://' dist/site --include='*.html' || \
		{ echo "a page of the site asks another address" >&2; exit 1; }

format: .venv/.ready ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(UV) ## Choose the newest allowed versions and write requirements.lock
	$(UV) lock --upgrade
	$(UV) export --quiet --all-packages --all-groups --no-emit-workspace --no-header --no-annotate \
		--format requirements-txt --output-file requirements.lock

# Both read the lock and are no dependency of ours, so each runs in an environment of its own.
sbom: $(UV) ## Write what we are made of to dist/sbom.cdx.json (CycloneDX)
	@mkdir -p dist
	$(UV) tool run --quiet --from $(SBOM) cyclonedx-py requirements requirements.lock \
		--output-reproducible --of JSON -o dist/sbom.cdx.json

audit: $(UV) ## Ask for known weaknesses of what we depend on (OSV)
	$(UV) tool run --quiet --from $(AUDIT) pip-audit -r requirements.lock --require-hashes --disable-pip \
		--progress-spinner off -s osv

clean: ## Remove what the targets made
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.tools/uv/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools/uv uv==$(UV_VERSION)

# What polling is measured beside; no dependency of ours, so in an environment of its own and not in the lock.
.tools/dlt/.ready: Makefile | $(UV)
	rm -f $@
	$(UV) venv --quiet --clear --python $(PYTHON) .tools/dlt
	$(UV) pip install --quiet --python .tools/dlt "$(DLT)"
	touch $@

# It reads the repository and is no dependency of ours, so in an environment of its own and not in the lock.
.tools/site/.ready: Makefile | $(UV)
	rm -f $@
	$(UV) venv --quiet --clear --python $(PYTHON) .tools/site
	$(UV) pip install --quiet --python .tools/site $(SITE)
	cd .tools/site && npm pack --silent $(MERMAID) >/dev/null && tar xzf mermaid-*.tgz --strip-components=2 package/dist/mermaid.min.js
	touch $@

# What drives the browser and judges the pages; no dependency of ours, so in a folder of its own and not in the lock.
.tools/browser/.ready: Makefile .venv/.ready | $(UV)
	rm -rf .tools/browser
	$(UV) pip install --quiet --python .venv --target .tools/browser $(BROWSER)
	touch $@

.venv/.ready: $(MANIFESTS) | $(UV)
	@echo "Installing into .venv ..."
	@$(UV) venv --quiet --clear --python $(PYTHON) .venv
	@$(UV) pip install --quiet --python .venv --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation $(addprefix -e ./,$(PACKAGES))
	@touch $@
