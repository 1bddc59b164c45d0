#!/bin/sh
# A large zone given away: posta beside BIND and Knot, and taken by a second posta. [RECORDS]
exec /usr/bin/python3 "$(dirname "$0")/transfers_speed.py" "$@"
