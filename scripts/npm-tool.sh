#!/usr/bin/env bash
# Makes a folder of Node.js programs ready to run, and prints the directory that they are in, below .cache, which git
# ignores:
#
#     scripts/npm-tool.sh testidp
#
# What is installed is exactly what the folder's package-lock.json names, once for each content of it; several
# may run this at once. Where Node or npm is missing or the packages cannot be had it says so and ends with 1:
# tests are never skipped for it.
set -euo pipefail
cd "$(dirname "$0")"

fail() {
	echo "npm-tool: $*" >&2
	exit 1
}

[ $# = 1 ] && [ -f "$1/package-lock.json" ] || fail "usage: scripts/npm-tool.sh FOLDER, one beside this script with a package-lock.json"
name=$1
command -v node >/dev/null || fail "node is missing: install Node.js 20 or later (Debian: apt-get install nodejs npm)"
command -v npm >/dev/null || fail "npm is missing: install it beside Node.js (Debian: apt-get install npm)"
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] || fail "Node.js $major is too old: install version 20 or later"

cd "$name"
version=$(cat .npmrc package.json package-lock.json ./*.mjs | sha256sum | cut -c 1-16)
cache=../../.cache
ready=$cache/$name-$version
mkdir -p "$cache"
if [ ! -d "$ready" ]; then
	# Installed apart and renamed at the end: an interrupted installation leaves no half of one.
	new=$(mktemp -d "$cache/$name-new.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	cp .npmrc package.json package-lock.json ./*.mjs "$new"
	(cd "$new" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 ||
		fail "npm ci failed (above): the packages of scripts/$name/package-lock.json must be obtainable"
	# Whoever comes second finds the name taken, and uses what is there.
	node -e 'try { fs.renameSync(process.argv[1], process.argv[2]) } catch (e) { if (!fs.existsSync(process.argv[2])) throw e }' "$new" "$ready"
fi
cd "$ready" && pwd
