#!/usr/bin/env bash
# Runs a command with CASESYNC_TEST_CLAMD set to the address of a ClamAV daemon that tests may ask, and
# ends with the command's exit code:
#
#     scripts/test-clamd.sh go test ./adapters/documents/clamd
#
# A daemon that the variable names already is used as it is. Otherwise a private one is started from the
# installed program, on a socket in a temporary directory, and removed at the end, also on a signal. Where none
# is installed and this is root on Debian, its package is installed. Else it ends with 2 and says what to do; tests
# are never skipped for it. CASESYNC_TEST_CLAMD_DIR is set to the directory of its files.
#
# Its only signatures are made here: one of the EICAR test string, which is no virus, and which every scanner knows. So it
# is up in a second and needs no network; it finds nothing else, and tells nothing about real viruses.
set -euo pipefail

fail() {
	echo "test-clamd: $*" >&2
	exit 2
}

[ $# -gt 0 ] || fail "usage: scripts/test-clamd.sh COMMAND [ARGUMENT...]"
[ -z "${CASESYNC_TEST_CLAMD:-}" ] || exec "$@"

find_clamd() {
	local candidate
	for candidate in clamd /usr/sbin/clamd /usr/local/sbin/clamd /opt/homebrew/sbin/clamd; do
		if command -v "$candidate" >/dev/null; then
			command -v "$candidate"
			return
		fi
	done
}

if [ -z "$(find_clamd)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "test-clamd: installing ClamAV with apt-get" >&2
	{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends clamav-daemon; } >&2 || true
fi
clamd=$(find_clamd)
[ -n "$clamd" ] || fail "no ClamAV here: install it (Debian: apt-get install clamav-daemon), or set CASESYNC_TEST_CLAMD to \
the address of a daemon (unix:PATH or tcp:HOST:PORT) that knows the EICAR test string"

dir=$(mktemp -d "${TMPDIR:-/tmp}/casesync-clamd.XXXXXX")
server=
cleanup() {
	trap - EXIT
	trap '' HUP INT TERM
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$dir/signatures" "$dir/tmp"
# NAME:TARGET(any file):OFFSET(anywhere):HEX. The string is put together here, so that no scanner takes this script for it.
eicar='X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR''-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'
printf 'Eicar-Test-Signature:0:*:%s\n' "$(printf '%s' "$eicar" | od -An -tx1 | tr -d ' \n')" >"$dir/signatures/eicar.ndb"
cat >"$dir/clamd.conf" <<CONF
LocalSocket $dir/clamd.sock
DatabaseDirectory $dir/signatures
TemporaryDirectory $dir/tmp
LogFile $dir/clamd.log
Foreground yes
StreamMaxLength 64M
MaxFileSize 64M
MaxScanSize 128M
AlertExceedsMax yes
SelfCheck 3600
CONF
"$clamd" --config-file="$dir/clamd.conf" >"$dir/clamd.out" 2>&1 &
server=$!
for _ in $(seq 300); do
	[ ! -S "$dir/clamd.sock" ] || break
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
[ -S "$dir/clamd.sock" ] || {
	cat "$dir/clamd.out" >&2
	fail "clamd did not start: see above"
}

CASESYNC_TEST_CLAMD="unix:$dir/clamd.sock"
CASESYNC_TEST_CLAMD_DIR=$dir
export CASESYNC_TEST_CLAMD CASESYNC_TEST_CLAMD_DIR
# The command runs as a process group of its own beside this script, so that a signal to the script
# is handled at once and reaches all that the command started.
input=/dev/stdin
[ ! -t 0 ] || input=/dev/null # a background group may not read the terminal
set -m
"$@" <"$input" &
command=$!
set +m
stop() {
	kill -s "$1" -- "-$command" 2>/dev/null || true
	wait "$command" || true
	exit "$2"
}
trap 'stop HUP 129' HUP
trap 'stop INT 130' INT
trap 'stop TERM 143' TERM
status=0
wait "$command" || status=$?
exit "$status"
