# bench/run idle [N] [tls]: memory of N idle customers, see idle.py.
exec /usr/bin/python3 "$(dirname "$0")/idle.py" "$@"
