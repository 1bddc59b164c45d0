"""posta as a name server, asked by real clients and by rude ones."""
import os
import re
import signal
import socket
import struct
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.name
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import pytest

import zonegen
from lab import wait_for
from servers import Posta, need

SEED = 5


@pytest.fixture(scope="module")
def zones(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zones")
    for path in (folder, *folder.parents[:2]):
        path.chmod(path.stat().st_mode | 0o055)
    made = {"plain.example.": folder / "plain.zone"}
    made["plain.example."].write_text("$ORIGIN plain.example.\n" + zonegen.text(SEED)
                                      + '\n$GENERATE 1-100 big TXT "number $ of a set that does not fit"\n')
    for kind, how in (("nsec", []), ("nsec3", ["-n"])):
        made[f"{kind}.example."] = zonegen.sign(folder, f"{kind}.example.", zonegen.text(SEED), how)
    return made


@pytest.fixture(scope="module")
def posta(zones):
    with Posta(zones, version='"posta here"', tcp_idle='"2s"', tcp_clients=5) as server:
        yield server


def run(*command):
    return subprocess.run([str(c) for c in command], text=True, capture_output=True, timeout=30).stdout


def test_dig(posta):
    need("dig")
    out = run("dig", "@127.0.0.1", "-p", posta.port, "www2.plain.example", "A", "+norec")
    assert "status: NOERROR" in out and "flags: qr aa" in out
    assert re.search(r"mail\.plain\.example\.\s+3600\s+IN\s+A\s+192\.0\.2\.2", out)
    assert "COOKIE:" in out and "(good)" in out


def test_kdig_and_drill(posta):
    need("kdig", "drill")
    assert "192.0.2.77" in run("kdig", "@127.0.0.1", "-p", posta.port, "x.wild.plain.example", "A", "+tcp")
    assert "192.0.2.77" in run("drill", "-p", posta.port, "x.wild.plain.example", "@127.0.0.1", "A")


@pytest.mark.parametrize("origin", ["nsec.example.", "nsec3.example."])
def test_delv_validates(posta, zones, origin, tmp_path):
    need("delv")
    key = next(re.search(r"DNSKEY\s+257 3 13 (\S+)", line)[1] for line in zones[origin].read_text().splitlines()
               if "\tDNSKEY\t257" in line)
    anchors = tmp_path / "anchors"
    anchors.write_text(f'trust-anchors {{ {origin} static-key 257 3 13 "{key}"; }};\n')

    def delv(name, kind):
        return run("delv", "@127.0.0.1", "-p", posta.port, "-a", anchors, f"+root={origin}", f"{name}{origin}", kind)
    for name, kind in (("www.", "A"), ("x.wild.", "A"), ("", "SOA"), ("", "DNSKEY"), ("www.renamed.", "A"),
                       ("a.wc.", "A"), ("secure.", "DS")):
        assert "; fully validated" in delv(name, kind), (name, kind)
    for name, kind in (("no.", "A"), ("mail.", "TXT"), ("c.d.", "A"), ("x.wild.", "MX"), ("sub.", "DS"),
                       ("no.below.there.wild.", "A")):
        assert "negative response, fully validated" in delv(name, kind), (name, kind)


def test_truncation_and_tcp(posta):
    assert posta.ask("big.plain.example", "TXT", use_edns=0, payload=4096).flags & dns.flags.TC
    assert len(posta.ask("big.plain.example", "TXT", use_edns=0, payload=4096).to_wire()) <= 1232
    assert len(posta.ask("big.plain.example", "TXT", tcp=True).answer[0]) == 100


def test_chaos(posta):
    query = dns.message.make_query("version.bind", "TXT", "CH")
    assert "posta here" in posta.udp(query).answer[0].to_text()
    query = dns.message.make_query("hostname.bind", "TXT", "CH")
    assert posta.udp(query).rcode() == dns.rcode.REFUSED


def test_refused_with_reason(posta):
    answer = posta.ask("example.net", "A", use_edns=0)
    assert answer.rcode() == dns.rcode.REFUSED
    assert any(option.otype == dns.edns.EDE and option.code == 20 for option in answer.options)


def test_edns_version(posta):
    query = dns.message.make_query("plain.example", "SOA")
    query.use_edns(1)
    assert posta.udp(query).rcode() == dns.rcode.BADVERS


def datagram(port, data, timeout=0.5):
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.sendto(data, ("127.0.0.1", port))
        try:
            return s.recv(65535)
        except socket.timeout:
            return None


def test_rude_datagrams(posta):
    good = dns.message.make_query("plain.example", "SOA").to_wire()
    assert datagram(posta.port, good[:11]) is None
    assert datagram(posta.port, good[:2] + b"\x80" + good[3:]) is None
    for bad in (good[:12], good[:14], good[:4] + b"\0\2" + good[6:], good[:12] + b"\xc0\x0c" + good[14:], good + b"x"):
        answer = datagram(posta.port, bad)
        assert answer[3] & 15 == dns.rcode.FORMERR and len(answer) <= len(bad)
    for opcode in (1, 2, 3, 5, 6, 15):
        answer = datagram(posta.port, good[:2] + bytes([opcode << 3]) + good[3:])
        assert answer[3] & 15 == dns.rcode.NOTIMP and len(answer) <= len(good)
    rng = zonegen.random.Random(1)
    for _ in range(2000):
        bad = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.sendto(bytes(bad), ("127.0.0.1", posta.port))
    assert posta.ask("plain.example", "SOA").answer


def frame(message):
    return struct.pack("!H", len(message)) + message


def read_frame(s):
    def exactly(n):
        data = b""
        while len(data) < n:
            piece = s.recv(n - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data
    return exactly(struct.unpack("!H", exactly(2))[0])


def test_pipelining(posta):
    """RFC 7766 6.2.1.1: many questions without waiting, in pieces of any size."""
    queries = [dns.message.make_query("plain.example" if i % 3 else "big.plain.example", "TXT") for i in range(300)]
    with socket.create_connection(("127.0.0.1", posta.port), timeout=10) as s:
        data = b"".join(frame(q.to_wire()) for q in queries)
        for i in range(0, len(data), 777):
            s.sendall(data[i:i + 777])
        s.shutdown(socket.SHUT_WR)
        for q in queries:
            assert dns.message.from_wire(read_frame(s)).id == q.id
        with pytest.raises(EOFError):
            read_frame(s)


def test_tcp_idle_and_limits(posta):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", posta.port), timeout=10) as s:
        assert s.recv(1) == b""
    assert 1.5 < time.monotonic() - began < 6
    several = [socket.create_connection(("127.0.0.1", posta.port), timeout=10) for _ in range(5)]
    try:
        for s in several:
            s.sendall(frame(dns.message.make_query("plain.example", "SOA").to_wire()))
            assert read_frame(s)
        with socket.create_connection(("127.0.0.1", posta.port), timeout=1) as one_more:
            assert one_more.recv(1) == b""
    finally:
        for s in several:
            s.close()

    def again():
        try:
            return posta.ask("plain.example", "SOA", tcp=True).answer
        except (EOFError, OSError):
            return False
    wait_for(again, 10)


def test_rate_limit(zones):
    """A flood from one network gets the rate, and a hint to come by TCP; a cookie is let through."""
    one = dict(list(zones.items())[:1])
    with Posta(one, rrl_rate=20, rrl_slip=2, rrl_exempt="[]") as server:
        query = dns.message.make_query("no.plain.example", "A").to_wire()
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)
            for _ in range(200):
                s.sendto(query, ("127.0.0.1", server.port))
            answers = []
            try:
                while True:
                    answers.append(s.recv(4096))
            except socket.timeout:
                pass
        whole = [a for a in answers if not a[2] & 2]
        cut = [a for a in answers if a[2] & 2]
        assert 20 <= len(whole) <= 60 and 50 <= len(cut) <= 100  # within one second or two
        assert all(len(a) <= len(query) for a in cut)
        option = dns.edns.GenericOption(10, b"clientok")
        first = server.ask("plain.example", "SOA", use_edns=0, options=[option])
        cookie = next(o for o in first.options if o.otype == 10).data
        option = dns.edns.GenericOption(10, cookie)
        for _ in range(100):
            assert server.ask("no.plain.example", "A", use_edns=0, options=[option]).rcode() == dns.rcode.NXDOMAIN


def test_cookie_of_another_server(zones):
    """RFC 9018: servers of one address share a secret, and the one before it while it is changed."""
    one = dict(list(zones.items())[:1])
    old, new = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"

    def ask(server, cookie):
        return server.ask("plain.example", "SOA", use_edns=0, options=[dns.edns.GenericOption(10, cookie)])
    with Posta(one, cookie_required="true", cookie_secrets=f'["{old}"]') as a, \
            Posta(one, cookie_required="true", cookie_secrets=f'["{new}", "{old}"]') as b:
        refused = ask(a, b"clientok")
        assert refused.rcode() == dns.rcode.BADCOOKIE
        cookie = next(o for o in refused.options if o.otype == 10).data
        assert ask(a, cookie).answer and ask(b, cookie).answer
        fresh = next(o for o in ask(b, cookie).options if o.otype == 10).data
        assert fresh != cookie and ask(b, fresh).answer
        assert ask(a, fresh).rcode() == dns.rcode.BADCOOKIE
        assert a.ask("plain.example", "SOA", use_edns=False).flags & dns.flags.TC
        assert a.ask("plain.example", "SOA", tcp=True).answer


def test_reload_of_one_zone_disturbs_nobody(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    for path in (folder, *folder.parents[:2]):
        path.chmod(path.stat().st_mode | 0o055)
    text = "$TTL 300\n@ SOA ns.other. root.other. {serial} 3600 600 86400 60\n@ NS ns.other.\nwww A 192.0.2.1\n"
    zones = {f"z{i}.example.": folder / f"z{i}.example.zone" for i in range(2000)}
    for path in zones.values():
        path.write_text(text.format(serial=1))
    last = "z1999.example"
    with Posta({"z0.example.": zones["z0.example."]}, zone_folder=f'"{folder}"') as server:
        wait_for(lambda: server.ask(last, "SOA").answer, 30)
        slowest, asked, renewed = 0, 0, False
        zones[f"{last}."].write_text(text.format(serial=2))
        server.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10
        while not renewed and time.monotonic() < end:
            for i in range(50):
                began = time.monotonic()
                assert server.ask(f"www.z{i}.example", "A").answer  # a lost one is a time-out
                slowest = max(slowest, time.monotonic() - began)
                asked += 1
            renewed = server.ask(last, "SOA").answer[0][0].serial == 2
        assert renewed and asked
        assert slowest < 0.5


def test_signed_questions(zones):
    """RFC 8945: an ordinary question with TSIG gets a signed answer; a wrong key or MAC is told."""
    name, secret = dns.name.from_text("k.example."), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    one = dict(list(zones.items())[:1])
    keys = f'( {{ name = "k.example"; algorithm = "hmac-sha256"; secret = "{secret}"; }} )'

    def ask(server, key_name, key_secret, tcp=False):
        query = dns.message.make_query("www.plain.example", "A", use_edns=0)
        query.use_tsig(dns.tsigkeyring.from_text({key_name: key_secret}), algorithm=dns.tsig.HMAC_SHA256)
        return server.tcp(query) if tcp else server.udp(query)
    with Posta(one, keys=keys) as server:
        for tcp in (False, True):
            answer = ask(server, name.to_text(), secret, tcp)
            assert answer.had_tsig and answer.answer and not answer.tsig_error
        with pytest.raises(dns.tsig.PeerBadSignature):
            ask(server, name.to_text(), "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=")
        with pytest.raises(dns.tsig.PeerBadKey):
            ask(server, "other.example.", secret)
        assert server.ask("plain.example", "SOA").answer
