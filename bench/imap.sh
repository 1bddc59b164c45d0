# bench/run imap [N]: IMAP over mailboxes in memory, with N sessions (4000); see imap.py.
ninja -C "$POSTA_BUILD" tests/imap/imap-serve >/dev/null
exec /usr/bin/python3 "$(dirname "$0")/imap.py" "$@"
