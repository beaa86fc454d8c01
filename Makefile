# The server in LGTASK_DATABASE may be production: nothing below may see it.
unexport LGTASK_DATABASE LGTASK_DATABASE_FILE

# Go keeps its caches in HOME, which a container may lack.
ifeq ($(HOME),)
export HOME := $(CURDIR)/.cache/home
endif

GO          ?= go
FUZZTIME    ?= 10s
SIM_SEEDS   ?= $(if $(SIM_SEED),1,10000)
SIM_FIRST    = $(or $(SIM_SEED),0)
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK  = golang.org/x/vuln/cmd/govulncheck@v1.9.0
WITHMONGOD   = $(GO) run ./internal/mongod/cmd/withmongod --
PROCESSOR    = ./cmd/lgtaskprocessor

.PHONY: help build test race lint vuln fuzz faults chaos bench bench-quick bench-peers demo cover simulate install image clean
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 13

build: ## build the programs into bin/
	$(GO) build -o bin/ ./cmd/...

test: ## run all tests on a real server, with the race detector
	@$(WITHMONGOD) $(GO) test -race -count=1 ./...

race: ## the same five times over, for races that show seldom
	@$(WITHMONGOD) $(GO) test -race -count=5 ./...

lint: ## formatting, vet, staticcheck, go.mod, other systems
	@bad=$$(find . -name '.?*' -prune -o -name testdata -prune -o -name '*.go' -exec gofmt -l {} +); \
		test -z "$$bad" || { echo "gofmt these files:"; echo "$$bad"; exit 1; }
	$(GO) vet -tags image,faults ./...
	$(GO) run $(STATICCHECK) -tags image,faults ./...
	$(GO) mod tidy -diff
	@set -e; for os in windows/amd64 linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do echo "building for $$os"; \
		export CGO_ENABLED=0 GOOS=$${os%/*} GOARCH=$${os#*/}; $(GO) build .; \
		test $$GOOS = windows || $(GO) build -o /dev/null $(PROCESSOR); done

vuln: ## look for known vulnerabilities (asks vuln.go.dev)
	@$(GO) run $(GOVULNCHECK) ./...

fuzz: ## run every fuzz target for FUZZTIME (10s) each
	@set -e; list=$$($(GO) test -list '^Fuzz' ./...); echo "$$list" | \
	awk '/^Fuzz/ {names[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, names[i]; n = 0}' | \
	while read -r pkg name; do echo "$$pkg $$name"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$pkg" </dev/null || exit 1; done

simulate: ## run 10,000 seeds of the simulation (SIM_SEED=7: that one, with all that happens; SIM_SEEDS=100: so many)
	@$(GO) test -c -o bin/simulation.test .
ifeq ($(SIM_SEEDS),1)
	@bin/simulation.test -test.run '^TestSimulation$$' -sim.seed $(SIM_FIRST) -sim.seeds 1
else
	@end=$$(($(SIM_FIRST) + $(SIM_SEEDS))); seq $(SIM_FIRST) 200 $$((end - 1)) | xargs -P $$(getconf _NPROCESSORS_ONLN) -I{} sh -c \
		"n=\$$(($$end - {})); test \$$n -lt 200 || n=200; out=\$$(bin/simulation.test -test.run '^TestSimulation\$$' -sim.seed {} -sim.seeds \$$n 2>&1) || { echo \"\$$out\"; exit 1; }"
	@echo "$(SIM_SEEDS) seeds of the simulation keep all promises"
endif

bench: ## measure lgtask beside MongoDB alone (some 25 minutes)
	@$(GO) run ./bench

faults: ## make one thing after the other go wrong on real servers (some minutes)
	@$(GO) test -race -count=1 -timeout 45m -p 1 -tags faults ./internal/faults/...

chaos: ## kill, freeze, cut off and fail over for three minutes (CHAOS_TIME=1h CHAOS_SEED=7: longer, the same again)
	@$(GO) run ./chaos

bench-quick: ## the same, smaller
	@$(GO) run ./bench -quick

bench-peers: ## measure River, asynq and BullMQ (installs their servers on Debian)
	@$(GO) run ./bench/peers

demo: ## see it work, on a server of its own
	@$(GO) run ./examples/demo

cover: ## run all tests and show what they cover
	@$(WITHMONGOD) $(GO) test -count=1 -coverpkg=./... -coverprofile=cover.out ./...
	@$(GO) tool cover -func=cover.out | tail -n 1

install: ## install lgtaskprocessor, also under its former name lgTaskProcessor
	$(GO) install $(PROCESSOR)
	@cd "$$(d=$$($(GO) env GOBIN); echo "$${d:-$$($(GO) env GOPATH)/bin}")" && \
		{ test -e lgTaskProcessor || ln -s lgtaskprocessor lgTaskProcessor; } && echo "in $$PWD"

image: ## build the container images with buildah and try them (as root, on Linux)
	@$(GO) test -count=1 -timeout 15m -tags image ./deploy/docker

clean: ## remove what was built; the fetched mongod stays in .cache/
	rm -rf bin cover.out
