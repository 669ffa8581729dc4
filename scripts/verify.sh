#!/usr/bin/env bash
# Checks that what can be made by a command was made by it: formatting, generated files, module
# files, and the rules of scripts/tidy. It says which command mends what it finds, and exits 1.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
complain() {
	echo "verify: $*" >&2
	failed=1
}

# All that git does not ignore, so that it works with uncommitted changes too.
state() { git ls-files -z --cached --others --exclude-standard | sort -z | xargs -0 sha256sum 2>/dev/null | sha256sum; }

unformatted=$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 gofmt -l)
[ -z "$unformatted" ] || complain "not formatted, run gofmt -w on: $unformatted"

go vet ./... || complain "go vet found something (above)"

before=$(state)
make --no-print-directory generate || complain "generated files could not be made (above)"
[ "$before" = "$(state)" ] || complain "generated files were not current; they are now: look at them with git diff and commit them"

go mod tidy -diff || complain "go.mod or go.sum is not tidy: run go mod tidy"
go mod verify || complain "a downloaded module is not what go.sum says: run go clean -modcache and try again"

go test -count 1 ./scripts/tidy || complain "a rule of scripts/tidy is broken (above)"

exit "$failed"
