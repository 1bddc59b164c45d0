# bench/run accounting [SECONDS]: accounting through the whole role beside FreeRADIUS 3 with SQL; see accounting_rate.py.
ninja -C "$POSTA_BUILD" bench/bench-radius_accounting >/dev/null
exec /usr/bin/python3 "$(dirname "$0")/accounting_rate.py" "$@"
