#!/bin/sh
# How much spam learning finds, trained on some sources and judged on others, alone and with the rules.
# bench/run learning [FOLDER]: ham/SOURCE-NUMBER.eml and spam/SOURCE-NUMBER.eml; default: ../shared/corpus. Needs python3-scipy for the scores.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${POSTA_BUILD:-$root/build}
shared=${POSTA_SHARED:-$root/../shared}
ninja -C "$build" posta bench/bench-learning_try >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder=${1:-}
if [ -z "$folder" ]; then
	for class in ham spam; do
		tar xf "$shared/corpus/$class.tar.xz" -C "$work"
	done
	folder=$work
fi
find "$folder/ham" "$folder/spam" -name '*.eml' | sort >"$work/list"
"$build/posta" scan --spamassassin --json --files-from "$work/list" >"$work/hits.json"
/usr/bin/python3 "$root/bench/filter_scores.py" --base "$shared/corpus/72_scores.cf" <"$work/hits.json"
echo
/usr/bin/python3 "$root/bench/learning.py" "$folder" "$work/hits.json" "$shared/corpus/72_scores.cf"
