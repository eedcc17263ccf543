#!/usr/bin/env bash
# Prints the path of a SIPp that speaks TLS. Debian 12's speaks none, and Debian 13's, with wolfSSL, fails to send; that of Debian 14 has OpenSSL.
# Where the one on the path will not do, that is put into .cache with all the libraries that it needs: by apt-get, from where the machine has its
# packages, with lists and settings of its own. Nothing is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# SIPp's -v ends with status 99. Debian 13's says what Debian 14's says, but for its version.
speaks_tls() {
	local said
	said=$("$1" -v 2>&1 || true)
	[[ $said == *-TLS* && $said != *v3.7.* ]]
}

if command -v sipp >/dev/null && speaks_tls sipp; then
	command -v sipp
	exit
fi
dir=$PWD/.cache/sipp-tls
if [[ -x $dir/sipp ]] && speaks_tls "$dir/sipp"; then
	echo "$dir/sipp"
	exit
fi

rm -rf "$dir"
mkdir -p "$dir"/apt/{parts,lists/partial,archives/partial} "$dir/root"
: >"$dir/apt/none"
# Where the machine has no lists of packages, they are had apart, to learn where Debian's are.
debian() {
	local all
	all=$(apt-get "$@" indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages')
	sed -n '/^Debian Debian main /{s///p;q}' <<<"$all"
}
archive=$(debian)
if [[ -z $archive ]]; then
	mkdir -p "$dir/apt/machine/partial"
	apt-get -qq -o Dir::State::Lists="$dir/apt/machine" -o APT::Sandbox::User= update >&2
	archive=$(debian -o Dir::State::Lists="$dir/apt/machine")
fi
if [[ -z $archive ]]; then
	echo "sipp-tls: the machine's packages are not Debian's" >&2
	exit 1
fi
cat >"$dir/apt/parts/debian.sources" <<-EOF
	Types: deb
	URIs: $archive
	Suites: forky
	Components: main
	Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
EOF
apt=(apt-get -qq -y -o Dir::Etc::SourceList="$dir/apt/none" -o Dir::Etc::SourceParts="$dir/apt/parts" -o Dir::State::Lists="$dir/apt/lists"
	-o Dir::State::status="$dir/apt/none" -o Dir::Cache="$dir/apt" -o Acquire::Languages=none -o APT::Sandbox::User=
	-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Debug::NoLocking=true)
{
	"${apt[@]}" update
	"${apt[@]}" --no-install-recommends --download-only install sip-tester
	for package in "$dir"/apt/archives/*.deb; do
		dpkg-deb -x "$package" "$dir/root"
	done
} >&2
loader=$(find "$dir/root" -name 'ld-linux*.so.*' ! -type d -print -quit)
libraries=$(dirname "$(find "$dir/root" -name libc.so.6 -print -quit)")
cat >"$dir/sipp" <<-EOF
	#!/bin/sh
	exec '$loader' --library-path '$libraries' '$dir/root/usr/bin/sipp' "\$@"
EOF
chmod +x "$dir/sipp"
rm -rf "$dir/apt"
if ! speaks_tls "$dir/sipp"; then
	echo "sipp-tls: the SIPp of Debian 14 does not run here, or speaks no TLS" >&2
	exit 1
fi
echo "$dir/sipp"
