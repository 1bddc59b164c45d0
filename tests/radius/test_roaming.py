"""RADIUS between servers: realms of other providers, RADIUS over TLS, Disconnect and CoA towards access servers."""
import hashlib
import hmac
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from lab import wait_for
from radius_packets import Answer, Nas, access, accounting, attribute, check, hide, pap

START, USER_NAME = 1, 1
DISCONNECT_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK, COA_REQUEST, COA_ACK, COA_NAK = 40, 41, 42, 43, 44, 45
STATUS_SERVER, PROXY_STATE, REPLY_MESSAGE, MESSAGE_AUTHENTICATOR, ERROR_CAUSE, SESSION_ID = 12, 33, 18, 80, 101, 44


def fields(packet):
    out, rest = [], packet[20:]
    while rest:
        out.append((rest[0], rest[2:rest[1]]))
        rest = rest[rest[1]:]
    return out


def login(p, user, password, seconds=4):
    return Nas(p.port("access")).ask(pap(user, password), seconds)


def begin(p, session, *more):
    body = attribute(40, START) + attribute(SESSION_ID, session) + b"".join(more)
    return Nas(p.port("accounting")).ask(accounting(body), 4)


class Peer(threading.Thread):
    """A home server or an access server: takes packets under a secret, answers as it is told."""

    def __init__(self, secret, answer):
        super().__init__(daemon=True)
        self.secret, self.answer, self.seen, self.silent = secret, answer, [], False
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                packet, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            attributes = fields(packet)
            self.seen.append((packet[0], attributes, packet))
            if self.silent:
                continue
            code, body = self.answer(packet, dict(attributes))
            body += b"".join(attribute(PROXY_STATE, v) for k, v in attributes if k == PROXY_STATE)
            self.socket.sendto(self.reply(packet, code, body), peer)

    def reply(self, request, code, body):
        blank = attribute(MESSAGE_AUTHENTICATOR, b"\0" * 16) if code in (2, 3, 11) else b""
        head = struct.pack(">BBH", code, request[1], 20 + len(blank) + len(body))
        if blank:
            mac = hmac.new(self.secret, head + request[4:20] + blank + body, hashlib.md5).digest()
            body = attribute(MESSAGE_AUTHENTICATOR, mac) + body
        return head + hashlib.md5(head + request[4:20] + body + self.secret).digest() + body

    def close(self):
        self.socket.close()


def home(secret=b"between us", password="guest-secret"):
    def answer(packet, attributes):
        if packet[0] == 4:
            return 5, b""
        if packet[0] == STATUS_SERVER:
            return 2, b""
        good = attributes.get(2) == hide(password, secret, packet[4:20])
        return (2 if good else 3), attribute(REPLY_MESSAGE, attributes[USER_NAME])
    return Peer(secret, answer)


NAS = 'name = "demo"; address = "127.0.0.1/32"; secret = "testing123";'


@pytest.fixture
def roaming(own_platform):
    homes = [home(), home()]
    servers = ", ".join(f'{{ address = "127.0.0.1:{h.port}"; accounting = "127.0.0.1:{h.port}"; secret = "between us"; wait = "200ms"; }}'
                        for h in homes)
    p = own_platform(f"""radius: {{ default_domain = "demo.test"; reject_delay = "0"; realm_probe = "200ms"; nas = ( {{ {NAS} }} );
        realms = ( {{ name = "other.example"; servers = ( {servers} ); }},
                   {{ name = "plain.example"; strip = true; servers = ( {servers} ); }} ); }};""").start()
    yield p, homes
    for h in homes:
        h.close()


def asked(server):
    return sum(1 for code, *_ in server.seen if code == 1)


def test_guests_are_decided_at_home(roaming):
    p, homes = roaming
    answer = login(p, "guest@other.example", "guest-secret")
    assert answer.code == "accept" and answer.get(REPLY_MESSAGE) == b"guest@other.example" and answer.get(PROXY_STATE) is None
    assert login(p, "guest@other.example", "wrong").code == "reject"
    assert login(p, "guest@plain.example", "guest-secret").get(REPLY_MESSAGE) == b"guest"
    assert begin(p, "g1", attribute(USER_NAME, "guest@other.example")).code == "response"
    assert homes[0].seen[-1][0] == 4
    # a domain of our own never leaves, and a realm that nobody names is refused here
    seen = len(homes[0].seen)
    assert login(p, "ana@demo.test", "ana-secret").code == "accept"
    assert login(p, "x@nowhere.example", "y").code == "reject"
    assert len(homes[0].seen) == seen


def test_fail_over_and_back(roaming):
    p, homes = roaming
    homes[0].silent = True
    assert login(p, "guest@other.example", "guest-secret").code == "accept"
    before = asked(homes[0])
    assert login(p, "guest@other.example", "guest-secret").code == "accept"
    assert asked(homes[0]) == before  # it is left out
    homes[1].silent = True
    assert login(p, "guest@other.example", "guest-secret", 2) is None
    homes[0].silent = False
    before = asked(homes[0])
    wait_for(lambda: any(code == STATUS_SERVER for code, *_ in homes[0].seen))
    wait_for(lambda: login(p, "guest@other.example", "guest-secret") and asked(homes[0]) > before)


def test_forged_answers_of_a_home_server_are_dropped(own_platform):
    liar = home(secret=b"another secret")
    try:
        p = own_platform(f"""radius: {{ nas = ( {{ {NAS} }} ); realms = ( {{ name = "other.example"; servers = ( {{
            address = "127.0.0.1:{liar.port}"; secret = "between us"; wait = "200ms"; }} ); }} ); }};""").start()
        assert login(p, "guest@other.example", "guest-secret", 2) is None
        assert liar.seen
    finally:
        liar.close()


# ---- Disconnect and CoA ----

def access_server(code_of):
    return Peer(b"testing123", lambda packet, attributes: code_of(packet, attributes))


@pytest.fixture
def dynamic(own_platform):
    said = {"code": None}
    server = access_server(lambda packet, attributes: (
        (packet[0] + 2, attribute(ERROR_CAUSE, 503)) if said["code"] == "nak" else (packet[0] + 1, b"")))
    p = own_platform(f"""radius: {{ default_domain = "demo.test"; nas = (
        {{ {NAS} coa = "127.0.0.1:{server.port}"; dynamic = true; }} ); }};""").start()
    for session in ("s1", "s2"):
        assert begin(p, session, attribute(USER_NAME, "ana"), attribute(8, bytes([10, 0, 0, 1])))
    yield p, server, said
    server.close()


def test_disconnect_by_command(dynamic):
    p, server, said = dynamic
    done = p.posta("radius", "disconnect", "ana", "s1")
    assert "s1 at demo: ack" in done.stdout
    code, attributes, packet = server.seen[-1]
    assert code == DISCONNECT_REQUEST and (SESSION_ID, b"s1") in attributes and (8, bytes([10, 0, 0, 1])) in attributes
    blank = bytearray(packet)
    blank[4:20] = b"\0" * 16
    assert hashlib.md5(bytes(blank) + b"testing123").digest() == packet[4:20]
    assert len(p.posta("radius", "disconnect", "ana@demo.test").stdout.splitlines()) == 2
    said["code"] = "nak"
    done = p.posta("radius", "disconnect", "ana", "s2", check=False)
    assert done.returncode == 1 and "nak, cause 503" in done.stdout
    assert "no such session" in p.posta("radius", "disconnect", "bruno", check=False).stderr


def test_coa_by_command(dynamic):
    p, server, _ = dynamic
    done = p.posta("radius", "coa", "ana", "Session-Timeout = 60", "s2")
    assert "s2 at demo: ack" in done.stdout
    code, attributes, _ = server.seen[-1]
    assert code == COA_REQUEST and (27, struct.pack(">I", 60)) in attributes
    assert p.posta("radius", "coa", "ana", "Nothing-Like-It = 1", check=False).returncode == 1


def send_dynamic(p, code, body, secret=b"testing123", seconds=4):
    head = struct.pack(">BBH", code, 9, 20 + len(body))
    packet = head + hashlib.md5(head + bytes(16) + body + secret).digest() + body
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(seconds)
        s.sendto(packet, ("127.0.0.1", p.port("coa")))
        try:
            answer = s.recv(4096)
        except socket.timeout:
            return None
    assert hashlib.md5(answer[:4] + packet[4:20] + answer[20:] + secret).digest() == answer[4:20]
    return answer[0], fields(answer)


def test_requests_of_a_peer(dynamic):
    """The port of RFC 5176: a portal asks posta, which finds the access server."""
    p, server, _ = dynamic
    body = attribute(USER_NAME, "ana") + attribute(SESSION_ID, "s1") + attribute(55, int(time.time()))
    assert send_dynamic(p, DISCONNECT_REQUEST, body)[0] == DISCONNECT_ACK
    assert (SESSION_ID, b"s1") in server.seen[-1][1]
    assert send_dynamic(p, COA_REQUEST, body + attribute(27, 30))[0] == COA_ACK
    assert (27, struct.pack(">I", 30)) in server.seen[-1][1]
    code, attributes = send_dynamic(p, DISCONNECT_REQUEST, attribute(USER_NAME, "bruno"))
    assert code == DISCONNECT_NAK and (ERROR_CAUSE, struct.pack(">I", 503)) in attributes
    # replayed an hour later, or under another secret: nothing is said
    old = attribute(USER_NAME, "ana") + attribute(55, int(time.time()) - 3600)
    assert send_dynamic(p, DISCONNECT_REQUEST, old, seconds=0.7) is None
    assert send_dynamic(p, DISCONNECT_REQUEST, body, secret=b"wrong", seconds=0.7) is None


# ---- RADIUS over TLS ----

def openssl(*args, folder):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)


def make_ca(folder):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=ca",
            "-keyout", "ca.key", "-out", "ca.pem", folder=folder)
    for name in ("nas", "stranger"):
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName=DNS:{name}.example", "-keyout", f"{name}.key", "-out", f"{name}.csr", folder=folder)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-copy_extensions", "copy", "-out", f"{name}.pem", folder=folder)


@pytest.fixture
def radsec(own_platform, tmp_path):
    make_ca(tmp_path)
    ca = pathlib.Path("/etc") / f"posta-test-{os.getpid()}.pem" if os.getuid() == 0 else tmp_path / "ca.pem"
    ca.write_bytes((tmp_path / "ca.pem").read_bytes())
    try:
        p = own_platform(f"""radius: {{ default_domain = "demo.test"; reject_delay = "0"; tls_ca = "{ca}"; nas = (
            {{ {NAS} tls_name = "nas.example"; }} ); }};""").start()

        def connect(name):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if name:
                context.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
            s = context.wrap_socket(socket.create_connection(("127.0.0.1", p.port("radsec")), 5))
            s.settimeout(3)
            return s
        yield p, connect
    finally:
        if os.getuid() == 0:
            ca.unlink()


def read_packet(s):
    data = b""
    while len(data) < 4 or len(data) < struct.unpack(">H", data[2:4])[0]:
        more = s.recv(4096)
        if not more:
            return None
        data += more
    return data


def test_radius_over_tls(radsec):
    p, connect = radsec
    with connect("nas") as s:
        for number, (password, want) in enumerate([("ana-secret", "accept"), ("wrong", "reject")]):
            request = pap("ana", password, secret=b"radsec", number=number)
            s.sendall(request)
            answer = Answer(read_packet(s))
            check(answer, request, b"radsec")
            assert answer.code == want
        packet = accounting(attribute(40, START) + attribute(SESSION_ID, "tls1") + attribute(USER_NAME, "ana"), secret=b"radsec")
        s.sendall(packet[:11])  # in two pieces
        time.sleep(0.1)
        s.sendall(packet[11:])
        assert read_packet(s)[0] == 5
    wait_for(lambda: "tls1" in p.posta("radius", "sessions", "--user", "ana@demo.test", "--json").stdout)


@pytest.mark.parametrize("name", [None, "stranger"])
def test_strangers_over_tls_are_refused(radsec, name):
    p, connect = radsec
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        with connect(name) as s:
            s.sendall(access(attribute(USER_NAME, "ana"), secret=b"radsec"))
            assert read_packet(s) is not None
