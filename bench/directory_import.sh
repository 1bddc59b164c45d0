# posta user import of ready hashes: bench/run directory_import [USERS] (500000). Writes to /var/tmp.
set -eu
users=${1:-500000}
dir=$(mktemp -d /var/tmp/posta-bench-XXXXXX)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/posta.conf" <<CONF
data = "$dir/data"; run = "$dir/run";
nodes: { n: { all_in_one = true; monitor: { }; }; };
CONF
export POSTA_CONF=$dir/posta.conf
awk -v n="$users" 'BEGIN { print "address,hash,quota"; for (i = 0; i < n; i++)
	printf "user%07d@demo.test,$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7,500M\n", i }' >"$dir/users.csv"
"$POSTA_BUILD/posta" domain add demo.test >/dev/null
"$POSTA_BUILD/posta" user import "$dir/users.csv"
