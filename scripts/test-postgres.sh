#!/usr/bin/env bash
# Runs a command with CASESYNC_TEST_POSTGRES set to the URL of a PostgreSQL in which tests may make
# databases, and ends with the command's exit code:
#
#     scripts/test-postgres.sh go test ./...
#
# A PostgreSQL that the variable names already is used as it is. Otherwise a private cluster is
# started from installed programs (as root: as another user, since PostgreSQL refuses to be root)
# and removed at the end, also on a signal. Where none is installed and this is root on Debian, its
# package is installed. Else it ends with 2 and says what to do; tests are never skipped for it.
#
# The private cluster runs with fsync off, for speed: it tells nothing about power cuts or about the
# speed of a real one.
set -euo pipefail

fail() {
	echo "test-postgres: $*" >&2
	exit 2
}

[ $# -gt 0 ] || fail "usage: scripts/test-postgres.sh COMMAND [ARGUMENT...]"
[ -z "${CASESYNC_TEST_POSTGRES:-}" ] || exec "$@"

# find_programs prints the directory of initdb and postgres, of the newest version there is.
find_programs() {
	if command -v initdb >/dev/null && command -v postgres >/dev/null; then
		dirname "$(command -v initdb)"
		return
	fi
	local dir newest=
	for dir in /usr/local/opt/postgresql*/bin /opt/homebrew/opt/postgresql*/bin /usr/pgsql-*/bin /usr/lib/postgresql/*/bin; do
		if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
			newest=$(printf '%s\n' "$newest" "$dir" | sort -V | tail -n 1)
		fi
	done
	echo "$newest"
}

install_programs() {
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		return
	fi
	echo "test-postgres: installing PostgreSQL with apt-get" >&2
	{
		# The package would start a cluster of its own, which nobody asked for.
		mkdir -p /etc/postgresql-common
		[ -e /etc/postgresql-common/createcluster.conf ] ||
			echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql
	} >&2 || true
}

programs=$(find_programs)
if [ -z "$programs" ]; then
	install_programs
	programs=$(find_programs)
fi
[ -n "$programs" ] || fail "no PostgreSQL here: install it (Debian: apt-get install postgresql), or set \
CASESYNC_TEST_POSTGRES to the URL of one in which tests may make databases"

# As root, run the server as a user who is not.
run_as=
if [ "$(id -u)" = 0 ]; then
	for user in postgres nobody; do
		if id "$user" >/dev/null 2>&1; then
			run_as=$user
			break
		fi
	done
	[ -n "$run_as" ] || fail "PostgreSQL refuses to run as root, and there is no user postgres or nobody: run this as another user"
	command -v setpriv >/dev/null || command -v su >/dev/null || fail "neither setpriv nor su is here to run PostgreSQL as $run_as"
fi
as_user() {
	if [ -z "$run_as" ]; then
		"$@"
	elif command -v setpriv >/dev/null; then
		setpriv --reuid="$run_as" --regid="$(id -g "$run_as")" --clear-groups "$@"
	else
		su -s /bin/sh "$run_as" -c 'exec "$0" "$@"' -- "$@"
	fi
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/casesync-postgres.XXXXXX")
server=
cleanup() {
	trap - EXIT
	trap '' HUP INT TERM
	if [ -n "$server" ]; then
		(cd "$dir" && as_user "$programs/pg_ctl" -D "$dir/data" -m immediate -w stop) >/dev/null 2>&1 || true
	fi
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

[ -z "$run_as" ] || chown "$run_as" "$dir"
# The server must not stand in a directory that its user may not read.
(cd "$dir" && as_user "$programs/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1) || {
	cat "$dir/initdb.log" >&2
	fail "initdb failed: see above"
}

# A free port: another program may take it before the server does, so try some.
attempt=0
while [ -z "$server" ]; do
	attempt=$((attempt + 1))
	[ "$attempt" -le 20 ] || {
		cat "$dir/server.log" >&2
		fail "PostgreSQL did not start: see above"
	}
	port=$((20000 + ($$ * 7 + attempt * 1009) % 12000))
	options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$dir -c max_connections=300"
	options="$options -c fsync=off -c full_page_writes=off -c max_wal_size=256MB -c shared_buffers=128MB"
	if (cd "$dir" && as_user "$programs/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 30 -o "$options" start) >/dev/null 2>&1; then
		server=started
	fi
done

CASESYNC_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
export CASESYNC_TEST_POSTGRES
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
