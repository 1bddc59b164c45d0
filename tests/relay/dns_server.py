"""A DNS server of a few names: records = {("b.test", "MX"): [(10, "mx.b.test")], ("mx.b.test", "A"): ["127.0.0.1"]}."""
import ipaddress
import socketserver
import struct
import threading

TYPES = {1: "A", 15: "MX", 16: "TXT", 28: "AAAA"}


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def rdata(kind, value):
    if kind == "MX":
        return struct.pack(">H", value[0]) + wire(value[1])
    if kind == "TXT":
        return b"".join(bytes([len(value[i:i + 255])]) + value[i:i + 255].encode() for i in range(0, len(value), 255))
    return ipaddress.ip_address(value).packed


def answer(query, records):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += query[at] + 1
    name, (number, _) = ".".join(labels), struct.unpack(">HH", query[at + 1:at + 5])
    kind = TYPES.get(number)
    found = records.get((name, kind), [])
    exists = any(n == name or n.endswith("." + name) for n, _ in records)
    reply = query[:2] + (b"\x85\x80" if exists else b"\x85\x83") + struct.pack(">HHHH", 1, len(found), 0, 0)
    reply += query[12:at + 5]
    for value in found:
        data = rdata(kind, value)
        reply += b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 1, len(data)) + data
    return reply


class Dns:
    def __init__(self, records):
        self.records = records
        dns = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                data, sock = self.request
                sock.sendto(answer(data, dns.records), self.client_address)

        self.server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
