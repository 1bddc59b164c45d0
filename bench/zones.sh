#!/bin/sh
# Loading zones: N of the directory (with a mail domain each) and N master files, then one change of one zone.
# Arguments: N (10000).
exec /usr/bin/python3 "$(dirname "$0")/zones_load.py" "${1:-10000}"
