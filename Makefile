# Everything that a developer runs, by name. `make` lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

version := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help
help: ## List these targets
	@echo 'Usage: make TARGET'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Fetch modules and build the pinned linter into .tools (some minutes, once)
	go mod download
	scripts/golangci-lint.sh version

.PHONY: build
build: ## Build bin/casesync
	go build -trimpath -ldflags '-X main.version=$(version)' -o bin/casesync ./cmd/casesync

.PHONY: run
run: build ## Serve on 127.0.0.1:8080, keeping everything under ./data
	bin/casesync serve

.PHONY: demo
demo: build ## Serve a demonstration on real complaint data, under ./data/demo: no service needed
	bin/casesync serve --demo --data data/demo

.PHONY: test
test: ## Run every test with the race detector, on SQLite, PostgreSQL and ClamAV (started if none is given)
	scripts/test-clamd.sh scripts/test-postgres.sh scripts/test-all.sh -race -timeout 20m

.PHONY: test-race
test-race: ## Run every test five times over, in random order, with the race detector
	scripts/test-clamd.sh scripts/test-postgres.sh go test -race -count 5 -shuffle on -timeout 90m ./...

.PHONY: test-azurite
test-azurite: ## Run the documents' tests on Azurite, Microsoft's stand-in for Azure Blob Storage, from npm
	scripts/test-azurite.sh go test -race -count 1 -timeout 20m ./adapters/documents

large_upload = CASESYNC_TEST_UPLOAD_MIB=1024 go test -count 1 -timeout 30m -v ./cmd/casesync -run '^TestLargeUploadArrivesWhatever$$'

.PHONY: test-uploads
test-uploads: ## Send 1 GiB, interrupted five times, into a folder and into Azurite (some minutes)
	scripts/test-clamd.sh scripts/test-postgres.sh env $(large_upload)
	scripts/test-azurite.sh scripts/test-clamd.sh scripts/test-postgres.sh env $(large_upload)

.PHONY: test-long
test-long: ## Run the tests of the demonstration, replicas, versions side by side and losses at the broker (some minutes)
	CASESYNC_TEST_LONG=1 scripts/test-clamd.sh scripts/test-postgres.sh go test -race -count 1 -timeout 30m ./cmd/casesync \
		-run '^(TestDemonstrationAnswers|TestReplicas|TestRollingRestart|TestTwoVersionsSideBySide|TestServiceBusOutboxLosesNothing)$$'

.PHONY: test-outages
test-outages: ## Run the KurrentDB log's tests with an outage of 10 seconds and 20 kills
	CASESYNC_TEST_OUTAGE=10s CASESYNC_TEST_KILLS=20 go test -race -count 1 -timeout 20m ./eventstore/kurrentlog

.PHONY: lint
lint: ## Run the pinned golangci-lint
	scripts/golangci-lint.sh run ./...

.PHONY: bench
bench: build ## Measure import, deep pages and statistics at a million (about half an hour)
	bin/casesync bench

.PHONY: verify
verify: ## Check that formatting, generated files, module files and the tidy rules are current
	scripts/verify.sh

.PHONY: generate
generate: ## Make generated files anew, those in schemas/api and schemas/portal
	go test -count 1 ./adapters/httpapi -run '^(TestOpenAPI|TestPermissionsDocument)$$' -update
	go test -count 1 ./schemas -run '^TestNotificationForms$$' -update

.PHONY: assets
assets: ## Build the portal's style sheet anew from GOV.UK Frontend (needs npm)
	scripts/portal-assets.sh
