#!/usr/bin/env bash
# Builds the portal's style sheet from GOV.UK Frontend, with the versions of package-lock.json. With
# --check it changes nothing, and says whether the file that is committed is what comes out. It needs
# npm, and the network unless npm has the packages in its cache.
set -euo pipefail
cd "$(dirname "$0")/portal-assets"
target=../../adapters/portal/assets/portal.css

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cp package.json package-lock.json portal.scss "$build"
npm --prefix "$build" ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error >&2
{
	echo '/*! GOV.UK Frontend 6.6.0, (C) 2017 Crown Copyright (Government Digital Service), MIT licence: see LICENSE-govuk-frontend.txt */'
	"$build/node_modules/.bin/sass" --no-source-map --no-charset --style=compressed --quiet-deps \
		--load-path="$build/node_modules" "$build/portal.scss"
} >"$build/portal.css"

if [ "${1:-}" = --check ]; then
	cmp "$build/portal.css" "$target" || { echo 'portal-assets: the style sheet is not current: run make assets' >&2; exit 1; }
else
	mv "$build/portal.css" "$target"
	chmod 644 "$target"
fi
