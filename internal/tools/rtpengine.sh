#!/usr/bin/env bash
# Installs rtpengine by apt-get where it is missing, and starts no daemon: Debian does so with the package unless policy-rc.d forbids it.
set -euo pipefail

command -v rtpengine >/dev/null && exit
root=() policy=/usr/sbin/policy-rc.d
((EUID == 0)) || root=(sudo -n)
if [[ ! -e $policy ]]; then
	printf '#!/bin/sh\nexit 101\n' | "${root[@]}" install -m 755 /dev/stdin "$policy"
	trap '"${root[@]}" rm -f "$policy"' EXIT
fi
"${root[@]}" apt-get -q update
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install rtpengine-daemon
command -v rtpengine
