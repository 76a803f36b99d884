#!/bin/bash
# build-deb.sh OUTDIR: builds the Debian packages of this checkout into OUTDIR.
#
# Works on a copy, so that nothing of the build appears in the checkout: what git knows or would
# add, or, in an unpacked release, everything. debian/ stands where Debian's tools want it only there.
set -euo pipefail

[ $# = 1 ] || { echo "usage: $0 OUTDIR" >&2; exit 2; }
top=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/waggle-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir "$work/waggle"
cd "$top"
if git rev-parse --git-dir >/dev/null 2>&1; then
  git ls-files -z --cached --others --exclude-standard
else
  find . -type f -not -path './build*' -print0
fi | while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then printf '%s\0' "$file"; fi # git still lists what was deleted
done | tar --null --files-from=- -c | tar -x -C "$work/waggle"
cp -r "$work/waggle/packaging/debian" "$work/waggle/debian"

cd "$work/waggle"
# Reproducible: the time of the build is the one of the changelog.
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -STimestamp)
export SOURCE_DATE_EPOCH
dpkg-buildpackage --build=binary --unsigned-changes --unsigned-source
cp "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out"
