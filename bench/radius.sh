# PAP logins at posta and at FreeRADIUS with SQLite side by side: bench/run radius [USERS] (1000).
# Needs freeradius and freeradius-common; ports 24912, 25912 of this machine. Writes to /var/tmp.
set -eu
command -v freeradius >/dev/null || { echo "bench radius: no freeradius (apt-get install freeradius)" >&2; exit 2; }
dir=$(mktemp -d /var/tmp/posta-radius-XXXXXX)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
/usr/bin/python3 "$(dirname "$0")/radius.py" "$dir" "${1:-1000}"
