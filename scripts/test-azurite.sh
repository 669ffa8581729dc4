#!/usr/bin/env bash
# Runs a command with CASESYNC_TEST_AZURITE set to the address of a container in Azurite, Microsoft's
# stand-in for Azure Blob Storage, and ends with the command's exit code:
#
#     scripts/test-azurite.sh go test ./adapters/documents
#
# Azurite comes from npm, of the version below, on each run but the first from npm's cache. It keeps everything in a
# temporary directory, which is removed at the end. It tells nothing about the speed or the access rules of Azure.
set -euo pipefail

version=3.37.0

fail() {
	echo "test-azurite: $*" >&2
	exit 2
}

[ $# -gt 0 ] || fail "usage: scripts/test-azurite.sh COMMAND [ARGUMENT...]"
[ -z "${CASESYNC_TEST_AZURITE:-}" ] || exec "$@"
for program in npx curl; do
	command -v "$program" >/dev/null || fail "$program is not here: install Node.js and curl"
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/casesync-azurite.XXXXXX")
server=
cleanup() {
	trap - EXIT
	trap '' HUP INT TERM
	if [ -n "$server" ]; then
		# npx starts Azurite as its child: the whole group goes.
		kill -- "-$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

port=$((20000 + ($$ * 7) % 12000))
set -m
# The current client speaks a newer version of the protocol than Azurite says it knows.
npx --yes "azurite@$version" azurite-blob --silent --skipApiVersionCheck --disableTelemetry --inMemoryPersistence \
	--blobHost 127.0.0.1 --blobPort "$port" >"$dir/azurite.log" 2>&1 </dev/null &
server=$!
set +m
for _ in $(seq 1200); do
	! curl -s -o /dev/null "http://127.0.0.1:$port/" || break
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
curl -s -o /dev/null "http://127.0.0.1:$port/" || {
	cat "$dir/azurite.log" >&2
	fail "Azurite did not start: see above"
}

# The account and key that every Azurite has; they are no secret.
export AZURE_STORAGE_ACCOUNT=devstoreaccount1
export AZURE_STORAGE_KEY='Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
export CASESYNC_TEST_AZURITE="azblob://documents?protocol=http&domain=127.0.0.1:$port&localemu=true"
status=0
"$@" || status=$?
exit "$status"
