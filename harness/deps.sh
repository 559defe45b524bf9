#!/bin/sh
# Installs the Debian packages named on the command line that are not here yet: directly as
# root, otherwise it prints the one line to type and stops. Never uses sudo by itself.
set -eu
if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "deps: this is not a Debian system; needed are the equivalents of: $*" >&2
    exit 0
fi
missing=
for p in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true) in
    "install ok installed") ;;
    *) missing="$missing $p" ;;
    esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "deps: packages are missing; as root, type:" >&2
    echo "    apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi
echo "deps: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
