# Chargehand: `make run` shows it at work, `make test` proves it. Both need Go alone.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 20s
export CGO_ENABLED ?= 0

.PHONY: all build run test lint vuln generate generated-is-clean e2e bench corpus fuzz pdb-recorded clean

all: build

build: ## the static binary, in bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/chargehand ./cmd/chargehand

run: build ## a whole site on loopback: a simulated machine from PXE to its first report
	bin/chargehand demo

# The race detector needs a C compiler; where there is none the tests run without it.
RACE := $(if $(shell command -v gcc cc clang 2>/dev/null),-race,)

test: lint ## everything that needs no foreign program
	CGO_ENABLED=$(if $(RACE),1,0) $(GO) test $(RACE) -shuffle=on -timeout 20m ./...

lint: ## formatting, vet, staticcheck, tidiness
	@out=$$($(GO) tool gofumpt -l $$(git ls-files '*.go' | grep -vE '_templ\.go$$')); \
	  if [ -n "$$out" ]; then echo "not formatted (mend with: go tool gofumpt -w FILE):"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags e2e,bench ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff

vuln: ## known vulnerabilities in what is linked; needs the vulnerability database
	$(GO) tool govulncheck ./...

generate: ## templ pages, bundled assets
	$(GO) generate ./...

generated-is-clean: generate
	git diff --exit-code

e2e: build ## against real peers, from BIND to a QEMU machine that installs itself (installs the peers when root)
	e2e/install-peers
	$(GO) test -tags e2e -timeout 40m -count=1 -p 1 ./...

bench: build ## the figures of the README's table
	$(GO) test -tags bench -run '^$$' -bench . -benchtime 2s -timeout 30m ./e2e/bench/...

corpus: ## the Puppet language corpus: make corpus [CORPUS=DIR]
	CHARGEHAND_CORPUS=$(CORPUS) $(GO) test -count=1 -run 'Corpus' -v ./puppet/compile/... | grep -E 'corpus|FAIL|ok'

# PostgreSQL is a peer: with its programs both storages are asked, without them SQLite.
PDBTAGS := $(if $(wildcard /usr/lib/postgresql/15/bin/initdb),e2e,)

pdb-recorded: ## what PuppetDB answered to queries about a recorded site, on each storage
	@out=$$($(GO) test -tags '$(PDBTAGS)' -count=1 -run '^TestRecorded$$' -v ./puppetdb/server 2>&1); code=$$?; \
	  echo "$$out" | grep -vE '^=== '; exit $$code

fuzz: ## each fuzz target for FUZZTIME
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$($(GO) list -f '{{.Dir}}' $$pkg)/*_test.go 2>/dev/null | cut -c6-); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; done

clean:
	rm -rf bin
