# The commands of this repository. Each can be run twice, and says what it does. Each works from a fresh
# clone, but for lint and conformance, which need what make tools builds.

# The flags with which the toolchain builds, whose build.go says what they are for: with others, the
# SDKs would be compiled a second time.
PLAIN := -trimpath -buildvcs=false -gcflags=all=-dwarf=false
LEAN := -trimpath -buildvcs=false '-gcflags=all=-dwarf=false -l' -gcflags=std=-dwarf=false

export CGO_ENABLED := 0
export GOFLAGS := $(LEAN)
# Each module here is built on its own, and not as a part of a workspace that the clone may lie in.
export GOWORK := off

# Where HOME isn't set, as in some containers, go would have no place for its caches.
ifeq ($(HOME),)
export HOME := $(shell getent passwd "$$(id -u)" | cut -d: -f6)
endif

# Requests run through the local world, so it is built for speed.
IN_SANDBOX := GOFLAGS="$(PLAIN)" go -C sandbox
SANDBOX := $(IN_SANDBOX) run .

# The modules with code of their own that ./... doesn't reach, and those with tests among them.
NESTED := $(shell find sandbox/*/ -name go.mod ! -path '*/toolchain/modules/*' | xargs dirname | sort)
TESTED := $(foreach module,$(NESTED),$(if $(shell find $(module) -name '*_test.go'),$(module)))

.PHONY: up down test tools lint unit update conformance e2e changes chaos soak bench bench-names bench-cold help

## up: start the local world, deploy the dev stack into it, and send a request
up: announce
	@$(SANDBOX) up --deploy

# The command that says what is built, how long that takes and where it goes has to be compiled itself.
.PHONY: announce
announce:
	@test -d .sandbox/bin || echo "Compiling the local world's own command, for about half a minute. It says what comes next."

## down: destroy the dev stack, stop the local world, remove all that it made
# The world goes even if its stack can't be destroyed.
down:
	@$(SANDBOX) destroy; destroyed=$$?; $(SANDBOX) down; down=$$?; exit $$((destroyed ? destroyed : down))

## test: everything that must hold; unit tests run while the tools are built, and linters beside tests that wait
test:
	@$(MAKE) --no-print-directory -j2 tools unit
	@$(MAKE) --no-print-directory -j2 lint conformance
	@$(MAKE) --no-print-directory e2e

## tools: build whatever is missing of the local world's tools and the linters
tools: announce
	@$(SANDBOX) tools --lint

## unit: the tests that need no local world
# Most of their time goes into compiling, which is shorter with more memory.
unit: export GOGC := 200
unit:
	go test ./...
	$(IN_SANDBOX) test ./...
	@set -e; for module in $(TESTED); do echo "go -C $$module test ./..."; go -C $$module test ./...; done

## update: write golden files, docs/reference.md and Pulumi.yaml from the source
update:
	go test ./components ./components/cloudflared ./components/program ./components/internal/reference -update

## flags: print the flags with which the tools are built, for a shell in which you run go test yourself
.PHONY: flags
flags:
	@echo "export CGO_ENABLED=0 GOFLAGS=\"$(LEAN)\""

## versions: raise what the modules require, in all of them at once; RAISE='<module>@<version> …', see CONTRIBUTING.md
.PHONY: versions
versions:
	@$(IN_SANDBOX) run ./versions $(RAISE)

## pictures: draw the README's pictures from their sources
.PHONY: pictures still
pictures:
	@$(IN_SANDBOX) run ./pictures

## still: record a run of make up and make down for the README's picture of the terminal
still:
	@$(IN_SANDBOX) run ./pictures record

## lint: the linters of .golangci.yaml, actionlint, and go vet of the local world for macOS, where it runs without a node
# What is known of dependencies is kept. Learning it of all of Kubernetes takes a minute or two, and
# without a limit 8 GB.
lint: export PATH := $(CURDIR)/.sandbox/bin:$(PATH)
lint: export GOMEMLIMIT := 4GiB
lint:
	actionlint
	golangci-lint run --allow-parallel-runners ./...
	cd sandbox && GOFLAGS="$(PLAIN)" golangci-lint run --allow-parallel-runners --build-tags e2e ./...
	@set -e; for module in $(NESTED); do \
		echo "cd $$module && golangci-lint run --allow-parallel-runners ./..."; \
		(cd $$module && golangci-lint run --allow-parallel-runners ./...); \
	done
	GOOS=darwin $(IN_SANDBOX) vet ./...

## vulnerabilities: known ones in all modules and the tools; asks vuln.go.dev, so make test leaves it out
# Modules without code are scanned for the tools that they name, from source: in binaries without symbols,
# all that a module has counts as used. The language host's has a tool beside its code. All are scanned,
# whatever is found. runc is partly written in C.
GOVULNCHECK := go -C sandbox/toolchain/modules/checks tool govulncheck
TOOLS := $(sort $(patsubst %/go.mod,%,$(wildcard sandbox/toolchain/modules/*/go.mod)))
.PHONY: vulnerabilities
vulnerabilities:
	@found=; for module in . sandbox $(NESTED) $(TOOLS); do \
		copies=$$(sed -n 's,^replace .* => [./]*/\(\.sandbox/.*\),\1,p' $$module/go.mod); \
		ls -d $$copies >/dev/null 2>&1 || { echo "left out $$module, which make tools prepares"; continue; }; \
		packages=./... cgo=0; case $$module in *modules/runtime) packages=tool cgo=1 ;; *modules/*) packages=tool ;; \
			*plugins/language-go) packages="./... tool" ;; esac; \
		echo "govulncheck in $$module"; \
		CGO_ENABLED=$$cgo $(GOVULNCHECK) -C "$(CURDIR)/$$module" $$packages || found="$$found $$module"; \
	done; test -z "$$found" || { echo "not clean:$$found" >&2; exit 1; }

## conformance: our own parts against the stock cloudflared and a real node
conformance: export SANDBOX_CLOUDFLARED := $(CURDIR)/.sandbox/bin/cloudflared
conformance: export SANDBOX_BIN := $(CURDIR)/.sandbox/bin
conformance:
	go test -count 1 -run Cloudflared ./components/cloudflared
	$(IN_SANDBOX) test -count 1 -p 1 ./cloudflare/... ./cluster ./world

## e2e: the real CLI against fresh local worlds, and each change under load; RUN= chooses tests
# Much of it is waiting, so three runs side by side share the tests, each in a world of its own. The first
# one's output comes as it runs, the others' at their end. The disturbances of TestChaos are the same each
# time; SEED chooses others. What larger examples do with a cluster, other tests do too; make examples
# deploys them as well. What the three have in common is in a folder of their own, because another make e2e
# may run beside them, in another world. If something fails, the folder stays for a day or longer.
e2e: export SEED ?= 1
E2E := cd sandbox/e2e && GOFLAGS="$(PLAIN)" "$$E2E_SHARED/test" -test.timeout 75m -test.v -test.run '$(RUN)' \
	-test.skip '^TestProbes$$|^TestExamples$$/^(environments|home-lab|migration|production)$$'
# make runs the last line even if it is only to show what it would do.
e2e:
	@mkdir -p .sandbox/e2e && find .sandbox/e2e -mindepth 1 -maxdepth 1 -mtime +0 -exec rm -rf {} +
	@mkdir -p .sandbox/e2e && E2E_SHARED="$$(mktemp -d '$(CURDIR)/.sandbox/e2e/XXXXXX')" && export E2E_SHARED && \
		$(MAKE) --no-print-directory -j3 e2e-first $(if $(RUN),,e2e-second e2e-third) && rm -rf "$$E2E_SHARED"

.PHONY: e2e-built e2e-first e2e-second e2e-third
e2e-built:
	$(IN_SANDBOX) test -tags e2e -c -o "$$E2E_SHARED/test" ./e2e
e2e-first: e2e-built
	$(E2E)
e2e-second e2e-third: e2e-%: e2e-built
	@export E2E_WORLD=$${E2E_WORLD:+$$E2E_WORLD-}$*; { $(E2E); } >"$$E2E_SHARED/$*.log" 2>&1; code=$$?; cat "$$E2E_SHARED/$*.log"; exit $$code

## examples: all examples, as their READMEs say, in a local world; ten minutes
.PHONY: examples
examples:
	$(IN_SANDBOX) test -tags e2e -count 1 -timeout 60m -v -run '^TestExamples$$' ./e2e

## changes: each change under load, in every scene, and what connectors outlive; half an hour
changes:
	ALL_SCENES=1 $(IN_SANDBOX) test -tags e2e -count 1 -timeout 60m -v -run '^(TestProbes|TestChangesUnderLoad)$$' ./e2e

## chaos: Pulumi killed and Cloudflare's API failing at every step of what a stack goes through (hours); KILLS=, FAULTS=, SEED=, ONLY=, WORLDS=
# ONLY is a regular expression for the disturbances' lines in the log. With KEEP_GOING=1, a failure isn't
# the end. Most of it is waiting, so several worlds share it, a gigabyte of memory each. With RESUME=1, it
# goes on where it was interrupted.
.PHONY: chaos-worlds
chaos:
	@mkdir -p .sandbox/locks
	@flock --nonblock --close --conflict-exit-code 99 .sandbox/locks/chaos $(MAKE) --no-print-directory chaos-worlds; code=$$?; \
		test $$code != 99 || echo 'another make chaos runs in this clone: wait for its end' >&2; exit $$code

chaos-worlds: export RECORD := 1
chaos-worlds: export KILLS ?= 450
chaos-worlds: export FAULTS ?= 1000
chaos-worlds: export CHAOS_SHARED := $(CURDIR)/.sandbox/chaos
chaos-worlds: WORLDS := 4
chaos-worlds:
	@$(if $(RESUME),,rm -rf '$(CHAOS_SHARED)';) mkdir -p '$(CHAOS_SHARED)'
	@find '$(CHAOS_SHARED)' -name '*.attempt' -empty -delete && rm -f '$(CHAOS_SHARED)/failed'
	@test -s '$(CHAOS_SHARED)/seed' || echo "$${SEED:-$$(date +%s)}" >'$(CHAOS_SHARED)/seed'
	@SEED=$$(cat '$(CHAOS_SHARED)/seed') $(MAKE) --no-print-directory -j$(WORLDS) $(foreach n,$(shell seq $(WORLDS)),chaos-in-$n); \
		code=$$?; cat '$(CHAOS_SHARED)/table.txt'; exit $$code

chaos-in-%:
	@echo 'world chaos-$* writes to $(CHAOS_SHARED)/$*.log'
	@E2E_WORLD=chaos-$* $(IN_SANDBOX) test -tags e2e -count 1 -timeout 24h -v -run '^TestChaos$$' ./e2e >'$(CHAOS_SHARED)/$*.log' 2>&1 || \
		{ grep -A 20 -e '--- FAIL' -e '^FAIL:' '$(CHAOS_SHARED)/$*.log'; exit 1; }

## soak: each change under load, many times in a row, in every scene; a table of failed requests at the end (hours)
ROUNDS := 10
soak:
	SOAK=$(ROUNDS) $(IN_SANDBOX) test -tags e2e -count 1 -timeout 24h -v -run '^TestSoak$$' ./e2e

## update-from: a stack that an older version deployed, updated under load; BEFORE=<its checkout>, UNCHANGED=1 if nothing may change
.PHONY: update-from
update-from:
	@test -f '$(BEFORE)/Pulumi.yaml' || { echo 'BEFORE has to name a checkout of the older version, made with: git worktree add <directory> <commit>' >&2; exit 2; }
	BEFORE="$$(cd '$(BEFORE)' && pwd)" $(IN_SANDBOX) test -tags e2e -count 1 -timeout 60m -v -run '^TestUpdate_FromTheVersionBefore$$' ./e2e

## bench: tables of ratios, measured in a local world of its own; ten minutes
bench:
	@$(IN_SANDBOX) run ./bench

## bench-names: what 2, 100 and 1,000 names cost, an hour; NAMES=, BEFORE=<checkout of the version to compare with>
NAMES := 2 100 1000
bench-names:
	@$(IN_SANDBOX) run ./bench $(if $(BEFORE),-before '$(abspath $(BEFORE))') $(NAMES)

## bench-cold: what the first make up takes with empty caches, tool by tool; ten minutes, and 10 GB of disk for that time
bench-cold:
	@$(IN_SANDBOX) run ./bench/cold

## template: the folder to give to pulumi new, and its archive, in dist/
.PHONY: template
template:
	@$(IN_SANDBOX) run ./release template

## release: VERSION=v0.1.0 cuts the changelog and builds for all platforms, with checksums and bills of materials, in dist/; PLATFORMS=linux/arm64,…
RELEASE = -version '$(VERSION)' $(if $(PLATFORMS),-platforms '$(PLATFORMS)')
.PHONY: release release-check
release:
	@$(IN_SANDBOX) run ./release build $(RELEASE)

## release-check: the same, built twice, the second time elsewhere and with an empty cache, and compared; two minutes more for each platform
release-check:
	@$(IN_SANDBOX) run ./release check $(RELEASE)

## rename: MODULE=github.com/me/k8s-tunnel puts the Go modules under this path, builds and tests
.PHONY: rename
rename:
	@$(IN_SANDBOX) run ./rename -module '$(MODULE)'
	@$(MAKE) --no-print-directory unit

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)
