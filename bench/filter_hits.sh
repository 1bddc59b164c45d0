# bench/run filter_hits [--every N] [CORPUS]: what hits of SpamAssassin's installed rules, here and
# as SpamAssassin itself found, over the messages of CORPUS that it was run on (../shared/corpus).
# The date is that of SpamAssassin's run. Compiled sets are kept in build/rules.
root=$(cd "$(dirname "$0")/.." && pwd)
build=${POSTA_BUILD:-$root/build}
every=1
if [ "${1:-}" = --every ]; then
	every=$2
	shift 2
fi
corpus=${1:-$root/../shared/corpus}
if [ ! -e "$corpus/sa-hits-dev.tsv.gz" ]; then
	echo "filter_hits: no corpus at $corpus"
	exit 0
fi
ninja -C "$build" bench/bench-filter_rules >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$work" -xJf "$corpus/ham.tar.xz"
tar -C "$work" -xJf "$corpus/spam.tar.xz"
mkdir -p "$build/rules"
zcat "$corpus/sa-hits-dev.tsv.gz" | awk -F '\t' -v d="$work" -v n="$every" \
	'$1 ~ "/" && ++i % n == 0 { print $1 "\t" d "/" $1 ".eml" }' >"$work/list"
"$build/bench/bench-filter_rules" --now "$(date -d '2026-11-21 12:00 UTC' +%s)" --cache "$build/rules" --subrules 1 \
	<"$work/list" >"$work/ours"
/usr/bin/python3 "$root/bench/filter_hits.py" "$work/ours" "$corpus/sa-hits-dev.tsv.gz"
awk -F '\t' '{ s += $5; if ($5 > m) m = $5 } END { printf "\nCPU a message: %.2f ms, at most %.1f ms\n", s / NR / 1000, m / 1000 }' \
	"$work/ours"
