"""RADIUS packets as a NAS makes them, and a socket that sends them: what radclient does not do."""
import hashlib
import hmac
import os
import socket
import struct

CODES = {1: "request", 2: "accept", 3: "reject", 4: "accounting", 5: "response", 11: "challenge", 12: "status"}


def attribute(kind, value):
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, int):
        value = struct.pack(">I", value)
    return bytes([kind, len(value) + 2]) + value


def vendor(number, kind, value):
    return attribute(26, struct.pack(">I", number) + attribute(kind, value))


def hide(password, secret, authenticator):
    """User-Password, RFC 2865 5.2."""
    password = password.encode()
    padded = password + b"\0" * (-len(password) % 16 or (16 if not password else 0))
    out, last = b"", authenticator
    for i in range(0, len(padded), 16):
        pad = hashlib.md5(secret + last).digest()
        last = bytes(a ^ b for a, b in zip(padded[i:i + 16], pad))
        out += last
    return out


def access(attributes, secret=b"testing123", number=None, authenticator=None, ma=True, code=1):
    """attributes: bytes, or a function of the authenticator. Gives the packet."""
    authenticator = authenticator or os.urandom(16)
    body = attributes(authenticator) if callable(attributes) else attributes
    number = os.urandom(1)[0] if number is None else number
    head = struct.pack(">BBH", code, number, 20 + len(body) + (18 if ma else 0)) + authenticator
    if not ma:
        return head + body
    digest = hmac.new(secret, head + b"\x50\x12" + bytes(16) + body, "md5").digest()
    return head + b"\x50\x12" + digest + body


def accounting(attributes, secret=b"testing123", number=None):
    number = os.urandom(1)[0] if number is None else number
    head = struct.pack(">BBH", 4, number, 20 + len(attributes))
    return head + hashlib.md5(head + bytes(16) + attributes + secret).digest() + attributes


def pap(user, password, more=b"", secret=b"testing123", **kw):
    return access(lambda a: attribute(1, user) + attribute(2, hide(password, secret, a)) + more, secret=secret, **kw)


def chap(user, password, more=b"", challenge=None, **kw):
    number, challenge = os.urandom(1), challenge or os.urandom(16)
    value = number + hashlib.md5(number + password.encode() + challenge).digest()
    return access(attribute(1, user) + attribute(3, value) + attribute(60, challenge) + more, **kw)


class Answer:
    def __init__(self, packet):
        self.packet, self.code, self.number = packet, CODES[packet[0]], packet[1]
        self.attributes, rest = [], packet[20:]
        while rest:
            self.attributes.append((rest[0], rest[2:rest[1]]))
            rest = rest[rest[1]:]

    def get(self, kind):
        return next((v for k, v in self.attributes if k == kind), None)

    def vendor(self, number, kind):
        for k, v in self.attributes:
            if k == 26 and struct.unpack(">I", v[:4])[0] == number and v[4] == kind:
                return v[6:]
        return None


class Nas:
    def __init__(self, port, source="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.to = ("127.0.0.1", port)

    def send(self, packet):
        self.socket.sendto(packet, self.to)

    def receive(self, seconds=3):
        self.socket.settimeout(seconds)
        try:
            return Answer(self.socket.recv(4096))
        except TimeoutError:
            return None

    def ask(self, packet, seconds=8, secret=b"testing123"):
        self.send(packet)
        answer = self.receive(seconds)
        if answer:
            check(answer, packet, secret)
        return answer


def check(answer, request, secret):
    """Response Authenticator and, where it is, Message-Authenticator, which comes first."""
    p = answer.packet
    assert hashlib.md5(p[:4] + request[4:20] + p[20:] + secret).digest() == p[4:20]
    assert answer.number == request[1]
    if p[0] in (2, 3, 11):
        assert p[20:22] == b"\x50\x12", "the Message-Authenticator is not the first attribute"
        bare = p[:4] + request[4:20] + p[20:22] + bytes(16) + p[38:]
        assert hmac.new(secret, bare, "md5").digest() == p[22:38]
