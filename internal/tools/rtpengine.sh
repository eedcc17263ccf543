#!/usr/bin/env bash
# Installs rtpengine, and the Debian packages that are named, by apt-get where they are missing, and starts no daemon: Debian does so with
# rtpengine's package unless policy-rc.d forbids it.
set -euo pipefail

missing=()
for package in rtpengine-daemon "$@"; do
	dpkg -s "$package" &>/dev/null || missing+=("$package")
done
((${#missing[@]} > 0)) || exit 0
root=() policy=/usr/sbin/policy-rc.d
((EUID == 0)) || root=(sudo -n)
if [[ ! -e $policy ]]; then
	printf '#!/bin/sh\nexit 101\n' | "${root[@]}" install -m 755 /dev/stdin "$policy"
	trap '"${root[@]}" rm -f "$policy"' EXIT
fi
"${root[@]}" apt-get -q update
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${missing[@]}"
command -v rtpengine
