# bench/run filter_delay [N]: what scanning adds to a delivery; see filter_delay.py.
exec /usr/bin/python3 "$(dirname "$0")/filter_delay.py" "$@"
