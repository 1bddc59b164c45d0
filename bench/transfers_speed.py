"""AXFR of one large zone from posta, BIND and Knot, read by a client that does nothing with it; then a posta that takes it.

bench/run transfers [RECORDS]
"""
import pathlib
import socket
import struct
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/dns")]

import dns.message  # noqa: E402

from lab import Platform, wait_for  # noqa: E402
from xfr_peers import Bind, Knot, wait_serial, zone_text  # noqa: E402

ZONE = "big.test."


def read_all(port, records):
    """Seconds, messages and octets of a transfer."""
    wire = dns.message.make_query(ZONE, "AXFR").to_wire()
    began, got, messages, octets = time.monotonic(), 0, 0, 0
    with socket.create_connection(("127.0.0.1", port), 60) as s:
        s.sendall(struct.pack(">H", len(wire)) + wire)
        f = s.makefile("rb", buffering=1 << 20)
        while got < records + 4:  # NS, the name server's address, SOA twice
            message = f.read(struct.unpack(">H", f.read(2))[0])
            got += struct.unpack(">H", message[6:8])[0]
            messages, octets = messages + 1, octets + len(message) + 2
    return time.monotonic() - began, messages, octets


def main():
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 500000
    text = zone_text(ZONE, 1) + "".join(f"host-{i} A 192.0.{i % 250}.{i % 200}\n" for i in range(records))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="posta-bench-"))
    folder.chmod(0o755)
    (folder / "big.test.zone").write_text(text)
    (folder / "big.test.zone").chmod(0o644)
    made = [Bind(primary={ZONE: text}), Knot(primary={ZONE: text})]
    posta = Platform(f'dns: {{ zone_folder = "{folder}"; transfer = ["127.0.0.1"]; }};')
    try:
        servers = {"BIND": made[0].start().port, "Knot": made[1].start().port, "posta": posta.start().port("dns")}
        for port in servers.values():
            wait_serial(port, ZONE, 1, 120)
        for name, port in servers.items():
            best = min(read_all(port, records) for _ in range(3))
            print(f"{name:6} {records} records in {best[0]:.2f} s, {best[1]} messages, {best[2]} octets")
        for peer in made:
            peer.stop()
        made.append(Platform(f'dns: {{ secondary = ( {{ name = "{ZONE}"; primaries = ["127.0.0.1:{servers["posta"]}"]; }} ); }};'))
        made[-1].start()
        line = wait_for(lambda: [x for x in made[-1].log_text().splitlines() if "dns.secondary.taken" in x], 120)[0]
        print(f"posta takes it: {line.split(' ms=')[1]} ms until it is served and on disk")
    finally:
        posta.remove()
        for one in made:
            one.remove()
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


main()
