#!/usr/bin/env bash
# Runs the pinned golangci-lint with the given arguments; builds it into .tools first where it is
# missing. Its first build takes some minutes of two cores, the later ones come from Go's cache.
set -euo pipefail
cd "$(dirname "$0")/.."

version=v2.15.0
lint=.tools/golangci-lint-$version

if [ ! -x "$lint" ]; then
	echo "building golangci-lint $version into .tools (once; some minutes)" >&2
	mkdir -p .tools
	# Built apart and moved into place at the end: an interrupted build leaves no half a tool.
	# GOFLAGS is emptied, because flags meant for this module do not fit another one's build.
	GOBIN="$PWD/.tools/new" GOFLAGS='' go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
	mv .tools/new/golangci-lint "$lint"
	rmdir .tools/new
fi

exec "$lint" "$@"
