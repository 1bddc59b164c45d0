# bench/run filter [FOLDER] [SECONDS]: messages a second and delay over HTTP, beside rspamd and spamd; see filter_rate.py.
exec /usr/bin/python3 "$(dirname "$0")/filter_rate.py" "$@"
