#!/bin/sh
# What signing a zone costs: posta's part alone, and what others' programs take for the same zone.
# bench/run sign [RECORDS]; CPU seconds, since some of them use all cores.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${POSTA_BUILD:-$root/build}
n=${1:-10000}
ninja -C "$build" bench/bench-sign >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/bench/bench-sign" "$n"
cd "$work"
{ echo '$ORIGIN bench.test.'; echo '$TTL 300'; "$build/bench/bench-sign" "$n" text; } >zone
cpu() { # cpu NAME PROGRAM ARGUMENTS...: user and system seconds of it
	name=$1
	shift
	/usr/bin/python3 - "$name" "$@" <<'P'
import resource, subprocess, sys
done = subprocess.run(sys.argv[2:], capture_output=True)
use = resource.getrusage(resource.RUSAGE_CHILDREN)
said = "" if done.returncode == 0 else " FAILED: " + done.stderr.decode()[-200:]
print(f"{sys.argv[1]:36} {(use.ru_utime + use.ru_stime) * 1e3:7.0f} ms CPU, reading and writing the file included{said}")
P
}
have() { command -v "$1" >/dev/null || { echo "no $1 here"; return 1; }; }
echo "others, ECDSAP256SHA256, NSEC"
if have dnssec-signzone; then
	key=$(dnssec-keygen -q -a 13 -f KSK bench.test)
	{ cat zone; cat "$key.key"; } >bind.zone
	cpu "BIND dnssec-signzone" dnssec-signzone -z -o bench.test -f bind.signed bind.zone "$key"
fi
if have ldns-signzone; then
	key=$(ldns-keygen -a ECDSAP256SHA256 -k bench.test)
	cpu "ldns-signzone" ldns-signzone -o bench.test -f ldns.signed zone "$key"
fi
if have kzonesign; then
	mkdir knot
	printf 'server:\n  rundir: "%s/knot"\ndatabase:\n  storage: "%s/knot"\npolicy:\n  - id: p\n    algorithm: ecdsap256sha256\n    single-type-signing: on\nzone:\n  - domain: bench.test\n    storage: "%s"\n    file: "zone"\n    dnssec-signing: on\n    dnssec-policy: p\n' \
		"$work" "$work" "$work" >knot.conf
	cpu "Knot kzonesign" kzonesign -c knot.conf -o knot bench.test
fi
