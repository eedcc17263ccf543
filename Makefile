# The project's commands. "make help" lists them. They need Go and nothing else; "make interop" also
# needs the peers that .ci/run installs.

GO ?= go
CACHE := .cache
# A linter refuses a module of a newer Go than built it, so each Go version has its own.
LINT := $(CACHE)/bin/$(shell $(GO) env GOVERSION)/golangci-lint

FUZZTIME ?= 10s
SOAKTIME ?= 60m
PLATFORMS := linux/arm64 darwin/arm64 windows/amd64

.DEFAULT_GOAL := help
.PHONY: help check lint fmt test race examples cross interop interop-asterisk bench bench-sip bench-relay bench-audio bench-ivr bench-door soak fuzz clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

check: lint examples race ## everything a change must pass: format, vet, lint, tidy, examples, tests

lint: $(LINT) ## format, vet, lint and tidiness of go.mod; changes nothing
	$(LINT) fmt --diff
	$(GO) vet ./...
	$(LINT) run
	$(GO) mod tidy -diff

fmt: $(LINT) ## format the source as lint wants it
	$(LINT) fmt

test: ## the tests
	$(GO) test ./...

race: ## the tests with the race detector, in a random order; the packages that take longest first
	$(GO) test -race -shuffle=on ./sip ./media/engine ./examples/hotel ./...

examples: ## build every example into .cache/examples
	@mkdir -p $(CACHE)/examples
	$(GO) build -o $(CACHE)/examples/ ./examples/...

cross: ## build for the other platforms
	@set -e; for p in $(PLATFORMS); do \
		echo "GOOS=$${p%/*} GOARCH=$${p#*/} go build ./..."; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build ./...; \
	done

interop: ## the tests against real peers; a missing peer is a failure
	ALEXACALL_INTEROP=1 $(GO) test -run Interop -count=1 -timeout 15m ./...

interop-asterisk: ## calls through Asterisk, by hand: as root, which builds one in .cache/asterisk first (350 MB)
	internal/tools/asterisk.sh $(CACHE)/asterisk
	ALEXACALL_ASTERISK='$(CURDIR)/$(CACHE)/asterisk' $(GO) test -run InteropAsterisk -count=1 -parallel 8 -v ./internal/interop/

bench: ## the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./media/... ./alexa/... ./sip/...

bench-sip: ## calls a second through the bridge, beside sipgo and Kamailio (BENCH='-seconds 10': shorter)
	@mkdir -p $(CACHE)
	$(GO) build -o $(CACHE)/callrate ./internal/bench/callrate
	$(CACHE)/callrate $(BENCH)

bench-relay: ## cost of a packet through the engine, beside rtpengine, which it installs (BENCH='-rounds 1': shorter)
	@mkdir -p $(CACHE)
	internal/tools/rtpengine.sh
	$(GO) build -o $(CACHE)/relay ./internal/bench/relay
	$(CACHE)/relay $(BENCH)

bench-audio: ## cost of a packet where sound is transcoded, beside rtpengine, and of a member of a conference; installs rtpengine and libopus-dev
	@mkdir -p $(CACHE)
	internal/tools/rtpengine.sh libopus-dev pkgconf
	$(GO) test -run '^$$' -bench Mixer -benchtime 2000x ./media/audio
	$(GO) build -tags libopus -o $(CACHE)/relay-audio ./internal/bench/relay
	$(CACHE)/relay-audio -sound $(BENCH)

bench-ivr: ## what a session with an IVR and a member of a conference take of the media server, and how soon a digit is answered (BENCH='-for 10s': shorter)
	@mkdir -p $(CACHE)
	$(GO) build -o $(CACHE)/ivr ./internal/bench/ivr
	$(CACHE)/ivr $(BENCH)

bench-door: ## how soon an Echo Show has its answer, over 200 talks with a door phone, without and with coturn, which has to be there
	ALEXACALL_INTEROP=1 $(GO) test -run '^$$' -bench . -benchtime 200x ./internal/bench/door

soak: ## the long tests, for up to SOAKTIME (60m) a package
	ALEXACALL_SOAK=1 $(GO) test -run Soak -count=1 -timeout $(SOAKTIME) -v ./...

fuzz: ## every fuzz target for FUZZTIME (10s)
	GO='$(GO)' FUZZTIME='$(FUZZTIME)' FUZZTOTAL='$(FUZZTOTAL)' internal/tools/fuzz.sh

clean: ## remove what these commands have built
	rm -rf $(CACHE)

$(LINT): internal/tools/go.mod internal/tools/go.sum
	$(GO) -C internal/tools build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
