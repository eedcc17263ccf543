#!/usr/bin/env bash
# Builds a folder with Asterisk in it, for the tests of "make interop-asterisk" (default: .cache/asterisk).
#
# No stable Debian has Asterisk, so this takes that of unstable, with all that it needs, some 350 MB, into a
# chroot of its own. It needs root, mmdebstrap, and Debian's keyring; the host that it asks is the one that the
# machine's own apt sources name. What unstable has today it may not have tomorrow: this is no part of CI.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

root=${1:-.cache/asterisk}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

if [[ -x $root/usr/sbin/asterisk ]]; then
	chroot "$root" asterisk -V
	exit
fi
((EUID == 0)) || {
	echo "asterisk.sh: needs root, for a chroot" >&2
	exit 1
}
command -v mmdebstrap >/dev/null || {
	echo "asterisk.sh: needs mmdebstrap: apt-get install mmdebstrap" >&2
	exit 1
}
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ' || true)
[[ -n $mirror ]] || {
	echo "asterisk.sh: no source of Debian among the machine's apt sources" >&2
	exit 1
}

# A mirror that stands still has lists that are past their date; their signatures are checked all the same.
# The folder gets its name when all is there.
mkdir -p "$(dirname "$root")"
rm -rf "$root.new"
mmdebstrap --variant=apt --include=asterisk --keyring="$keyring" --aptopt='Acquire::Check-Valid-Until "false"' \
	sid "$root.new" "$mirror"
mv "$root.new" "$root"
chroot "$root" asterisk -V
