# bench/run filter_cost [MESSAGES [CORPUS]]: CPU a message: posta with SpamAssassin's installed rules,
# SpamAssassin, and rspamd with its own rules, the same messages one after the other, nothing of the
# network. Of rspamd and SpamAssassin the start is left out, as of posta.
root=$(cd "$(dirname "$0")/.." && pwd)
build=${POSTA_BUILD:-$root/build}
count=${1:-200}
corpus=${2:-$root/../shared/corpus}
port=${RSPAMD_PORT:-21933}
if [ ! -e "$corpus/ham.tar.xz" ]; then
	echo "filter_cost: no corpus at $corpus"
	exit 0
fi
ninja -C "$build" bench/bench-filter_rules >/dev/null
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$work"' EXIT
tar -C "$work" -xJf "$corpus/ham.tar.xz"
tar -C "$work" -xJf "$corpus/spam.tar.xz"
total=$(ls "$work"/ham/*.eml "$work"/spam/*.eml | wc -l)
ls "$work"/ham/*.eml "$work"/spam/*.eml | awk -v n=$((total / count)) 'NR % n == 0 { print "m\t" $0 }' >"$work/list"
mkdir -p "$build/rules"

echo "posta: $(wc -l <"$work/list") messages, each three times"
# The first pass compiles what PCRE2 needs, and does not count.
cat "$work/list" "$work/list" | "$build/bench/bench-filter_rules" --cache "$build/rules" --repeat 3 |
	tail -n "$(wc -l <"$work/list")" | cut -f 5 | sort -n >"$work/ours"
awk '{ s += $1; v[NR] = $1 } END { printf "  %.2f ms of CPU a message, median %.2f, 99 %% %.2f\n",
	s / NR / 1000, v[int(NR / 2) + 1] / 1000, v[int(NR * 0.99)] / 1000 }' "$work/ours"

if perl -MMail::SpamAssassin -e 1 2>/dev/null; then
	perl -MMail::SpamAssassin -MTime::HiRes=clock -e '
		my $sa = Mail::SpamAssassin->new({ local_tests_only => 1, dont_copy_prefs => 1, userprefs_filename => "/dev/null" });
		$sa->compile_now(0, 1);
		my ($n, $from) = (0, clock());
		while (my $line = <STDIN>) {
			chomp $line;
			my (undef, $path) = split /\t/, $line;
			open(my $f, "<", $path) or die;
			my $mail = $sa->parse([<$f>]);
			my $status = $sa->check($mail);
			$status->finish;
			$mail->finish;
			$n++;
		}
		printf "SpamAssassin: %.1f ms of CPU a message\n", (clock() - $from) / $n * 1000;' <"$work/list" 2>/dev/null
fi

if command -v rspamd >/dev/null && command -v curl >/dev/null; then
	mkdir -p "$work/rspamd/local.d" "$work/rspamd/db"
	echo "bind_socket = \"127.0.0.1:$port\"; count = 1;" >"$work/rspamd/local.d/worker-normal.inc"
	echo "enabled = false;" | tee "$work/rspamd/local.d/worker-controller.inc" "$work/rspamd/local.d/worker-proxy.inc" \
		"$work/rspamd/local.d/worker-fuzzy.inc" "$work/rspamd/local.d/rbl.conf" "$work/rspamd/local.d/fuzzy_check.conf" >/dev/null
	echo "dns { nameserver = [\"127.0.0.1:1\"]; timeout = 0.01s; retransmits = 1; }" >"$work/rspamd/local.d/options.inc"
	chmod -R a+rwX "$work"
	rspamd -f -i -c /etc/rspamd/rspamd.conf --var "LOCAL_CONFDIR=$work/rspamd" --var "DBDIR=$work/rspamd/db" \
		--var "RUNDIR=$work/rspamd/db" --var "LOGDIR=$work/rspamd/db" >"$work/rspamd/log" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		curl -s -o /dev/null "http://127.0.0.1:$port/ping" && break
		sleep 0.2
	done
	ticks() { # of the worker: rspamd's child that took the work
		cat /proc/[0-9]*/stat 2>/dev/null | awk -v p="$pid" '$4 == p || $1 == p { s += $14 + $15 } END { print s + 0 }'
	}
	head -1 "$work/list" | while read -r _ f; do curl -s -o /dev/null --data-binary "@$f" "http://127.0.0.1:$port/checkv2"; done
	before=$(ticks)
	while read -r _ f; do curl -s -o /dev/null --data-binary "@$f" "http://127.0.0.1:$port/checkv2"; done <"$work/list"
	after=$(ticks)
	echo "rspamd: $before $after $(wc -l <"$work/list") $(getconf CLK_TCK)" |
		awk '{ printf "rspamd, its own rules: %.1f ms of CPU a message\n", ($3 - $2) * 1000 / $5 / $4 }'
fi
