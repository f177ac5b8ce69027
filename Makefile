# SPDX-License-Identifier: Apache-2.0
# A thin face over Meson: everything here is one line that you may type yourself.

# Debian's own tools and interpreter, even where another python3 comes first in PATH.
export PATH := /usr/bin:/bin:/usr/sbin:/sbin:$(PATH)

BUILD ?= build
DEMO_PORT ?= 8000
suites := unit tidy site python http process faults cost

.PHONY: all asan asgi bench bootstrap browser build cluster-tests compat deb demo dev-tests doctor-tests check \
  faults fuzz e2e format clean help image image-tests kubernetes long habits observe portable \
  portable-check portable-tests \
  release repository rpm tsan wagtail wheel \
  $(suites:%=test-%)

all: build

help:
	@echo 'make build       build without testing'
	@echo 'make demo        build, prepare and serve the demo site until Ctrl-C'
	@echo 'make check       build and run every test that needs no root'
	@echo 'make test-SUITE  one suite of: $(suites)'
	@echo 'make faults      let each system call fail at every place (long)'
	@echo 'make fuzz        a minute of libFuzzer for each reader of foreign bytes (clang)'
	@echo 'make asan        the server under AddressSanitizer and UBSan (long)'
	@echo 'make tsan        threads of a worker under ThreadSanitizer'
	@echo 'make long        a hundred reloads in a row and so on (long)'
	@echo 'make observe     fire every alert in a real Prometheus, corrupt a page 10,000 times'
	@echo 'make bench       measure Monodon and its peers, write docs/benchmarks (long)'
	@echo 'make e2e         test under a real systemd in a container (root)'
	@echo 'make doctor-tests  plant faults in such a machine, and heal them as doctor says (root)'
	@echo 'make compat      files and lines of Gunicorn, beside Gunicorn itself (pip)'
	@echo 'make cluster-tests  several machines behind HAProxy, and behind nginx'
	@echo 'make image       image of the demo site, of what make portable has made (podman)'
	@echo 'make kubernetes  the Helm chart: Helm, and the types of Kubernetes (Go modules)'
	@echo 'make image-tests  images by the recipe, in each way that clusters start them (podman, root)'
	@echo 'make wagtail     walk through a Wagtail site on MongoDB behind nginx (pip)'
	@echo 'make asgi        sites of ASGI frameworks, asked over httpx (pip)'
	@echo 'make habits      sites that do at import what is usual with libraries (pip)'
	@echo 'make deb         Debian package, in $(BUILD)/packages'
	@echo 'make rpm         RPM package, in $(BUILD)/packages'
	@echo 'make dev-tests   a developer at a terminal, static files beside nginx (pip)'
	@echo 'make portable    .deb, .rpm and wheel for any Linux, in $(BUILD)/portable/packages'
	@echo 'make portable-tests  what make portable has made: symbols, pip, rpm, boots (root)'
	@echo 'make portable-check  make portable, then the shortest of these: one boot, on Debian 11'
	@echo 'make repository  folders for apt and dnf of $(BUILD)/portable/packages'
	@echo 'make release     all packages of the tagged version, in $(BUILD)/release (docs/releasing.md)'
	@echo 'make browser     look at the dashboard with Chromium'
	@echo 'make wheel       Python wheel, in $(BUILD)/packages'
	@echo 'make format      clang-format over all sources'
	@echo 'make clean       remove what was built and what the demo wrote'

# Says and installs what is missing; silent and without root when nothing is.
bootstrap:
	@scripts/bootstrap build

# Line numbers for backtraces, a quarter less to compile than with what gdb shows of
# variables, which is: meson configure build -Dcpp_args=
$(BUILD)/build.ninja:
	meson setup -Dcpp_args=-g1 $(BUILD)

build: bootstrap $(BUILD)/build.ninja
	ninja -C $(BUILD)

# The tests are most of what there is to compile; a demo does without.
demo: bootstrap $(BUILD)/build.ninja
	ninja -C $(BUILD) server
	@BUILD=$(BUILD) DEMO_PORT=$(DEMO_PORT) scripts/demo

check: build
	scripts/check $(BUILD)

$(suites:%=test-%): test-%: build
	scripts/check $(BUILD) --suite $*

# Every system call, every errno: long. `make check` runs a sample of it.
faults: build
	MONODON_FAULTS=all scripts/check $(BUILD) --suite faults -t 0

# The full numbers of what `make check` and `make e2e` run samples of. For the machines:
# MONODON_LONG=1 make e2e.
long: build
	MONODON_LONG=1 scripts/check $(BUILD) --suite process -t 0

# Each reader of what others wrote, for a minute, with bytes that clang's libFuzzer finds.
fuzz: bootstrap
	@scripts/bootstrap fuzz
	scripts/fuzz $(BUILD)-fuzz

# The server itself with sanitizers, driven by its tests. Some of them only, or several at a
# time: make asan TESTS="tests/http -k head", TESTS="-n 2".
asan: bootstrap
	scripts/sanitize address $(BUILD)-asan $(TESTS)

tsan: build
	MONODON_BUILD=$(abspath $(BUILD)) scripts/sanitize thread $(BUILD)-tsan $(TESTS)

# What an operator sees, in full: `make check` runs a sample of it.
observe: build
	MONODON_BUILD=$(abspath $(BUILD)) MONODON_LONG=1 MONODON_CORRUPTIONS=10000 \
	  python3 -m pytest -p no:cacheprovider -s \
	  tests/process/test_prometheus.py tests/process/test_prometheus_fleet.py \
	  tests/faults/test_corruption.py
	ninja -C $(BUILD) bench/scoreboard-bench
	$(BUILD)/bench/scoreboard-bench

e2e: build
	@scripts/bootstrap e2e
	scripts/check $(BUILD) --suite e2e $(if $(MONODON_LONG),-t 0)

doctor-tests: build
	@scripts/bootstrap e2e
	scripts/check $(BUILD) --suite doctor

# Files and lines of Gunicorn's, read and run by both; pip brings Gunicorn.
compat: build
	scripts/check $(BUILD) --suite compat

# Three servers behind HAProxy, and behind nginx, by the examples of conf/.
cluster-tests: build
	@scripts/bootstrap cluster
	scripts/check $(BUILD) --suite cluster

# The recipe for images, with the demo site. OPTIONS go to podman: --build-arg BASE=..., say.
image:
	WHEELS=$(or $(WHEELS),$(BUILD)/portable/packages) packaging/container/build \
	  $(or $(TAG),localhost/monodon-demo) $(OPTIONS)

image-tests: build
	@scripts/bootstrap container
	scripts/check $(BUILD) --suite container

# The first time, Helm is compiled into the cache of the user: minutes.
kubernetes: build
	@scripts/bootstrap kubernetes
	python3 tests/kubernetes/programs.py helm manifest
	scripts/check $(BUILD) --suite kubernetes

# The first time, pip brings the site's packages into $(BUILD)/wagtail.
wagtail: build
	@scripts/bootstrap wagtail
	scripts/check $(BUILD) --suite wagtail

# The first time, pip brings the libraries into $(BUILD)/habits.
habits: build
	@scripts/bootstrap habits
	scripts/check $(BUILD) --suite habits

# The first time in each run, pip brings the frameworks.
asgi: build
	scripts/check $(BUILD) --suite asgi

# The first time in each run, pip brings Flask.
dev-tests: build
	scripts/check $(BUILD) --suite dev

# Parts of it, and shorter: bench/run --help.
bench: bootstrap $(BUILD)/build.ninja
	@scripts/bootstrap bench
	ninja -C $(BUILD) bench
	bench/run --build $(BUILD) --peers $(BUILD)/peers --out docs/benchmarks

deb:
	@scripts/bootstrap deb
	packaging/deb $(BUILD)/packages

wheel:
	@scripts/bootstrap wheel
	packaging/wheel/build $(BUILD)/packages

rpm:
	@scripts/bootstrap package
	packaging/rpm/build $(BUILD)/packages

# With a compiler and libraries of its own, brought and built the first time.
portable: bootstrap
	@scripts/bootstrap package
	packaging/portable/all $(BUILD)/portable

portable-tests:
	@scripts/bootstrap package
	@scripts/bootstrap e2e
	MONODON_PORTABLE=$(abspath $(BUILD))/portable/packages \
	  python3 -m pytest -q -p no:cacheprovider tests/portable

# What a change has to pass before it is released, if there is no time for all of them.
portable-check: portable
	@scripts/bootstrap e2e
	MONODON_PORTABLE=$(abspath $(BUILD))/portable/packages MONODON_PORTABLE_RELEASES=bullseye \
	  python3 -m pytest -q -p no:cacheprovider --durations 10 tests/portable/test_symbols.py \
	  tests/portable/test_packing.py tests/portable/test_rpm.py tests/portable/test_boot.py

repository:
	packaging/repository $(BUILD)/portable/packages $(BUILD)/portable/repository

# Compiles for minutes for each architecture, and the package of this Debian.
release: bootstrap
	@scripts/bootstrap package
	@scripts/bootstrap deb
	packaging/release $(BUILD)/release

browser: build
	@scripts/bootstrap browser
	scripts/check $(BUILD) --suite browser

format:
	git ls-files '*.cc' '*.h' | xargs clang-format -i

clean:
	rm -rf $(BUILD) examples/site/run
