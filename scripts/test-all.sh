#!/usr/bin/env bash
# Runs every test with the given flags of go test:
#
#     scripts/test-all.sh -race
#
# The program's own come last and alone: they start servers as processes of their own, and two packages of them at
# once would leave a small machine no time to keep its promises in.
set -uo pipefail
cd "$(dirname "$0")/.."

status=0
go list ./... | grep -v '/cmd/' | xargs go test "$@" || status=$?
go test "$@" ./cmd/... || status=$?
exit "$status"
