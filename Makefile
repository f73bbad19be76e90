# One command each. Everything is installed into .venv, from the lock files, and nothing outside this directory changes.
#
#   ARGS=...    is handed on: make test ARGS="-k embedded", make lock ARGS=--upgrade
#   PYTHON=...  the Python to build .venv with, when it should not be the first that fits

# What would make Python or pip look or install elsewhere than in .venv.
unexport PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIRE_VIRTUALENV
export PIP_USER = 0
export PIP_DISABLE_PIP_VERSION_CHECK = 1

PIP = sh .venv/pip
UV_COMPILE = "$$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links

.PHONY: help run demo client test check bench faults soak faults-self-test lock audit clean installed installed-dev anew
.NOTPARALLEL:

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 24

run: installed ## start the server, with PostgreSQL and Valkey, on http://localhost:8000
	@exec .venv/bin/swaploop serve $(ARGS)

demo: installed ## play the whole story against a running server
	@exec .venv/bin/swaploop demo $(ARGS)

client: installed ## open the terminal client
	@exec .venv/bin/swaploop client $(ARGS)

test: check ## check, then run all tests
	.venv/bin/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

check: installed-dev ## lint, formatting, types, the arrows between the layers
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: installed ## measure what is promised in figures, each beside a floor of the same run
	@.venv/bin/python -m tests.bench $(ARGS)

faults: installed ## people trade and talk for 90 s while servers, stores and connections fail; then every promise is counted
	@.venv/bin/python -m tests.faults $(ARGS)

soak: installed ## the same for half an hour
	@.venv/bin/python -m tests.faults --seconds 1800 $(ARGS)

faults-self-test: installed ## the same against servers that are broken on purpose: each has to be caught
	@.venv/bin/python -m tests.faults.self_test $(ARGS)

# uv does not read pip's configuration, so it is told where pip would look; neither writes that into the files.
lock: .venv/pip ## write the lock files again after a change of pyproject.toml
	@set -eu; \
	uv=$$(command -v uv || echo .venv/uv/bin/uv); \
	[ -x "$$uv" ] || $(PIP) install --quiet --target .venv/uv uv; \
	index=$$($(PIP) config get global.index-url 2>/dev/null || true); \
	if [ -n "$$index" ]; then UV_DEFAULT_INDEX=$${UV_DEFAULT_INDEX:-$$index}; export UV_DEFAULT_INDEX; fi; \
	set -x; \
	$(UV_COMPILE) pyproject.toml --output-file requirements.lock $(ARGS); \
	$(UV_COMPILE) pyproject.toml --extra dev --constraint requirements.lock --output-file requirements-dev.lock $(ARGS)

audit: installed-dev ## look the locked packages up in the list of known vulnerabilities
	.venv/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock $(ARGS)

clean: ## remove what was installed and built; the data in var stays
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ── .venv: files in it say what has been done, so that a warm start costs nothing ────────────────────────────────────

installed: .venv/locked .venv/editable

installed-dev: .venv/locked-dev .venv/editable

.venv/locked: requirements.lock .venv/pip
	@echo "Installing what requirements.lock lists (once) ..."
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@touch $@

# It lists everything that requirements.lock lists, too.
.venv/locked-dev: requirements-dev.lock .venv/pip
	@echo "Installing what requirements-dev.lock lists (once) ..."
	@$(PIP) install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@ .venv/locked

# After the locked packages: setuptools, which builds this, is one of them. It says a lot even when asked to be quiet.
.venv/editable: pyproject.toml .venv/pip
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable . >.venv/editable.log 2>&1 \
		|| { cat .venv/editable.log >&2; exit 1; }
	@touch $@

# What is in .venv knows its own path: it is made anew when this directory was moved, or when its Python is gone.
ifneq "$(shell .venv/bin/python -c '' 2>/dev/null && cat .venv/made-in 2>/dev/null)" "$(CURDIR)"
.venv/pip: anew
endif

# Where the system's Python comes without ensurepip (Debian without python3-venv), its own pip can install into .venv.
.venv/pip:
	@set -eu; \
	python=; \
	for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Swaploop needs Python 3.11 or newer, and there is none on the PATH: install it, or say make PYTHON=/path/to/python3." >&2; \
		exit 1; \
	fi; \
	if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		"$$python" -m venv --clear .venv; \
		pip='.venv/bin/python -m pip'; \
	elif "$$python" -m venv --clear --without-pip .venv 2>/dev/null \
		&& "$$python" -m pip --python .venv/bin/python --version >/dev/null 2>&1; then \
		pip="$$python -m pip --python .venv/bin/python"; \
	else \
		rm -rf .venv; \
		echo "$$python has neither ensurepip nor a pip of version 22.3 or newer: install one (Debian, Ubuntu: apt install python3-venv)." >&2; \
		exit 1; \
	fi; \
	echo "exec $$pip \"\$$@\"" > $@; \
	pwd -P > .venv/made-in

anew:
