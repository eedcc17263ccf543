#!/usr/bin/env bash
# Runs every fuzz target of the module, one after another, each for FUZZTIME (default 10s). With
# FUZZTOTAL, a number of seconds, the targets share that much time, and FUZZTIME is their most.
# An input that makes a target fail is left under the package's testdata/fuzz, to be committed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

go=${GO:-go}
each=${FUZZTIME:-10s}

mapfile -t targets < <(
	grep -rEo --include='*_test.go' --exclude-dir=.cache --exclude-dir=.git '^func Fuzz[[:alnum:]_]*\(' . |
		sed -E 's|^(.*)/[^/]*:func (Fuzz[[:alnum:]_]*)\($|\1 \2|' | sort -u
)
if ((${#targets[@]} == 0)); then
	echo "fuzz: no target found" >&2
	exit 1
fi
if [[ -n ${FUZZTOTAL:-} ]]; then
	share=$((FUZZTOTAL / ${#targets[@]}))
	((share > 0)) || share=1
	((share >= ${each%s})) || each=${share}s
fi
echo "fuzz: $each for each of ${#targets[@]} target(s)"

# An input that is new is made smaller with few tries: they are not counted, and the time is short.
#
# Before Go 1.27 the engine can take the end of its time for a failure of the target ("context deadline
# exceeded", golang/go#75804). Then it names no failing input, and the target is tried again.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log cache=$("$go" env GOCACHE)/fuzz/$("$go" list -m) built='' failed=()
for target in "${targets[@]}"; do
	read -r dir name <<<"$target"
	if [[ $dir != "$built" ]]; then # linked once for all targets of a package
		"$go" test -c -fuzz=. -o "$work/fuzz.test" "$dir"
		built=$dir
	fi
	for try in 1 2 3; do
		if (cd "$dir" && "$work/fuzz.test" -test.run='^$' -test.fuzz="^$name\$" -test.fuzztime="$each" -test.fuzzminimizetime=50x \
			-test.fuzzcachedir="$cache/$dir") >"$log" 2>&1; then
			echo "$dir $name: $(grep -o 'execs: [0-9]*' "$log" | tail -n 1)"
			continue 2
		fi
		if ((try < 3)) && grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"; then
			echo "$name: stopped late by the engine, once more"
			continue
		fi
		break
	done
	cat "$log"
	failed+=("$dir $name")
done
if ((${#failed[@]} > 0)); then
	printf 'fuzz: failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
