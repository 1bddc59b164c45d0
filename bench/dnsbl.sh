# bench/run dnsbl [NETWORKS [NAMES [SECONDS]]]: black lists beside rbldnsd and a bare UDP echo; see dnsbl_rate.py.
ninja -C "$POSTA_BUILD" bench/bench-udp_echo >/dev/null
exec /usr/bin/python3 "$(dirname "$0")/dnsbl_rate.py" "$@"
