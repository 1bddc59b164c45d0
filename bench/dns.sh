# bench/run dns [ZONES [SECONDS]]: authoritative answers beside NSD and Knot; see dns_rate.py.
exec /usr/bin/python3 "$(dirname "$0")/dns_rate.py" "$@"
