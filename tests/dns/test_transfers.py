"""Zones given to BIND, NSD and Knot, taken from BIND and Knot, told of and refused; what breaks in the middle."""
import json
import re
import socket
import struct
import threading
import time
import urllib.request

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import pytest

from lab import wait_for
from xfr_peers import KEY, PEERS, ask, free_port, serial, wait_serial, zone_text

KEYS = f'keys = ( {{ name = "{KEY[0]}"; algorithm = "{KEY[1]}"; secret = "{KEY[2]}"; }} );'


def settings(zones=(), more=""):
    """The group dns with master files of these zones: name -> more settings of it."""
    listed = ", ".join(f'{{ name = "{z}"; file = "FOLDER/{z}zone"; {text} }}' for z, text in dict(zones).items())
    return f'dns: {{ zones = ( {listed} ); zone_poll = "200ms"; {KEYS} {more} }};'


@pytest.fixture
def peers():
    """peers("bind", posta_port=..., zones=[...]) gives a Peer that was started."""
    made = []

    def make(kind, **what):
        made.append(PEERS[kind](**what))
        return made[-1].start()
    yield make
    for p in made:
        p.remove()


@pytest.fixture
def world(own_platform, tmp_path_factory):
    """world({"a.test.": "..."}, more="...") gives a started platform with .folder of its zone files."""
    def make(zones=(), more="", texts=(), start=True):
        folder = tmp_path_factory.mktemp("zones")
        for parent in (folder, *list(folder.parents)[:2]):
            parent.chmod(0o755)
        p = own_platform(settings(zones, more).replace("FOLDER", str(folder)))
        p.folder = folder
        for zone, text in dict(texts).items():
            write(p, zone, text)
        return p.start() if start else p
    return make


def write(platform, zone, text):
    path = platform.folder / f"{zone}zone"
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o644)
    new.rename(path)


def figures(platform):
    """Metrics by name and labels without the role."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{platform.port('metrics')}/metrics", timeout=10).read().decode()
    out = {}
    for line in text.splitlines():
        m = re.fullmatch(r'(posta_\w+)\{(.*)\} (-?\d+)', line)
        if m and 'role="dns"' in m.group(2):
            labels = ",".join(x for x in m.group(2).split(",") if not x.startswith("role="))
            out[m.group(1) + ("{" + labels + "}" if labels else "")] = int(m.group(3))
    return out


def sent(platform, kind):
    return figures(platform).get(f'posta_dns_transfers_out_total{{kind="{kind}"}}', 0)


def taken(platform, kind):
    return figures(platform).get(f'posta_dns_transfers_in_total{{kind="{kind}"}}', 0)


# ---- given ----

@pytest.mark.parametrize("kind", PEERS)
@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "tsig"])
def test_a_secondary_follows(world, peers, kind, key):
    zone = "a.test."
    allowed = f'"key:{KEY[0]}"' if key else '"127.0.0.1"'
    p = world({zone: f"transfer = [{allowed}]"}, texts={zone: zone_text(zone, 10, "x y")}, start=False)
    peer = PEERS[kind](posta_port=p.port("dns"), zones=[zone], key=key)
    try:
        to = f"127.0.0.1:{peer.port}" + (f"@{KEY[0]}" if key else "")
        p.settings.write_text(p.settings.read_text().replace("keys =", f'notify = ["{to}"]; keys =', 1))
        p.start()
        peer.start()
        wait_serial(peer.port, zone, 10)
        assert sent(p, "whole") == 1
        write(p, zone, zone_text(zone, 11, "x y z"))  # NOTIFY, then IXFR
        wait_serial(peer.port, zone, 11)
        write(p, zone, zone_text(zone, 12, "x z w"))
        wait_serial(peer.port, zone, 12)
        assert ask(peer.port, "w." + zone, "A").answer and not ask(peer.port, "y." + zone, "A").answer
        assert sent(p, "changes") >= 2 and sent(p, "whole") == 1, figures(p)
        assert figures(p)['posta_dns_notify_out_total{answer="taken"}'] >= 2
    finally:
        peer.remove()


def test_incremental_after_kill_and_restart(world):
    zone = "a.test."
    p = world({zone: 'transfer = ["127.0.0.1"];'}, texts={zone: zone_text(zone, 1, "a b c")})
    port = p.port("dns")
    journal = wait_for(lambda: list(p.dir.rglob("journal")))[0]
    for number, hosts in ((2, "a b d"), (3, "a b e")):
        before = journal.stat().st_size
        write(p, zone, zone_text(zone, number, hosts))
        wait_serial(port, zone, number)
        wait_for(lambda: journal.stat().st_size > before)  # it is written behind what others are told
    assert changes_since(port, zone, 1)
    p.kill()
    p.start()
    wait_serial(port, zone, 3)
    since_1 = wait_for(lambda: changes_since(port, zone, 1))
    # One condensed difference: c goes, e comes, d was never there (RFC 1995 5).
    assert [r for r in since_1 if "SOA" not in r] == ["c.a.test. 300 IN A 192.0.2.12", "e.a.test. 300 IN A 192.0.2.12"]
    assert changes_since(port, zone, 7) is not None and len(changes_since(port, zone, 7)) == 1  # newer than ours: the SOA alone
    # The file's end torn off: what was torn is transferred whole, the rest is still there.
    p.stop()
    journal.write_bytes(journal.read_bytes()[:-5])
    p.start()
    wait_serial(port, zone, 3)
    assert "does not end" not in p.log_text() and changes_since(port, zone, 2) is None
    write(p, zone, zone_text(zone, 4, "a b e f"))
    wait_serial(port, zone, 4)
    assert wait_for(lambda: changes_since(port, zone, 3))


def raw_transfer(port, zone, kind, since=None, host="127.0.0.1", source=None, tcp=True, key=None, timeout=10, whole=True):
    """The records of a transfer's messages (whole=False: of the first one) as text, and the first message."""
    q = dns.message.make_query(zone, kind)
    if since is not None:
        q.authority.append(dns.rrset.from_text(zone, 0, "IN", "SOA", f". . {since} 0 0 0 0"))
    if key:
        q.use_tsig(dns.tsigkeyring.from_text({key[0]: (key[1], key[2])}), algorithm=key[1])
    if not tcp:
        answer = dns.query.udp(q, host, port=port, timeout=timeout, source=source, one_rr_per_rrset=True)
        return [r.to_text() for r in answer.answer], answer
    records, first = [], None
    with socket.create_connection((host, port), timeout, (source, 0) if source else None) as s:
        wire = q.to_wire()
        s.sendall(struct.pack(">H", len(wire)) + wire)
        soas = 0
        while True:
            length = struct.unpack(">H", read_exactly(s, 2))[0]
            message = dns.message.from_wire(read_exactly(s, length), one_rr_per_rrset=True, xfr=True, origin=None,
                                            keyring=q.keyring, request_mac=q.mac, multi=True) if not key else \
                dns.message.from_wire(read_exactly(s, length), one_rr_per_rrset=True, keyring=q.keyring, request_mac=q.mac)
            first = first or message
            records += [r.to_text() for r in message.answer]
            if message.rcode() != dns.rcode.NOERROR or len(records) == 1 or not whole:
                return records, first
            soas = sum(r == records[0] for r in records)
            if records[-1] == records[0] and soas >= 2:
                return records, first


def read_exactly(s, n):
    out = b""
    while len(out) < n:
        more = s.recv(n - len(out))
        if not more:
            raise EOFError
        out += more
    return out


def changes_since(port, zone, number, **how):
    """Records of an IXFR answer that is no whole zone; None when it is one."""
    records, _ = raw_transfer(port, zone, "IXFR", since=number, **how)
    if len(records) > 1 and " SOA " not in records[1]:
        return None
    return records


def rcode_of(port, zone, kind="AXFR", **how):
    return dns.rcode.to_text(raw_transfer(port, zone, kind, **how)[1].rcode())


def test_who_may_take_a_zone(world):
    zones = {"key.test.": f'transfer = ["key:{KEY[0]}"];', "near.test.": 'transfer = ["127.0.0.1"];',
             "both.test.": f'transfer = ["127.0.0.1@{KEY[0]}"];', "none.test.": ""}
    p = world(zones, texts={z: zone_text(z, 1, "x") for z in zones})
    port = p.port("dns")
    for zone, host, key, want in (
            ("key.test.", "127.0.0.1", KEY, "NOERROR"), ("key.test.", "127.0.0.2", KEY, "NOERROR"),
            ("key.test.", "127.0.0.1", None, "REFUSED"), ("near.test.", "127.0.0.1", None, "NOERROR"),
            ("near.test.", "127.0.0.2", None, "REFUSED"), ("both.test.", "127.0.0.1", KEY, "NOERROR"),
            ("both.test.", "127.0.0.2", KEY, "REFUSED"), ("both.test.", "127.0.0.1", None, "REFUSED"),
            ("none.test.", "127.0.0.1", KEY, "REFUSED"), ("other.test.", "127.0.0.1", KEY, "NOTAUTH")):
        assert rcode_of(port, zone, source=host, key=key) == want, (zone, host, key, want)
        assert rcode_of(port, zone, kind="IXFR", since=0, source=host, key=key) == want
    # RFC 8945 5.3.2: an unknown key and a wrong secret are told without a signature, both with NOTAUTH.
    for key, error in (((KEY[0], KEY[1], "d3Jvbmcgc2VjcmV0"), dns.rcode.BADSIG), (("other.example.", KEY[1], KEY[2]), dns.rcode.BADKEY)):
        q = dns.message.make_query("key.test.", "AXFR")
        q.use_tsig(dns.tsigkeyring.from_text({key[0]: (key[1], key[2])}), algorithm=key[1])
        wire = q.to_wire()
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(struct.pack(">H", len(wire)) + wire)
            answer = read_exactly(s, struct.unpack(">H", read_exactly(s, 2))[0])
        assert answer[3] & 15 == dns.rcode.NOTAUTH and struct.unpack(">H", answer[6:8])[0] == 0
        assert struct.unpack(">H", answer[-4:-2])[0] == error and struct.unpack(">H", answer[-8:-6])[0] == 0  # error, MAC's length


def test_changes_over_udp(world):
    zone = "a.test."
    p = world({zone: 'transfer = ["127.0.0.1"];'}, texts={zone: zone_text(zone, 1, "a b")})
    port = p.port("dns")
    write(p, zone, zone_text(zone, 2, "a b c"))
    wait_serial(port, zone, 2)
    wait_for(lambda: changes_since(port, zone, 1))
    small = changes_since(port, zone, 1, tcp=False)
    assert len(small) == 5 and small[3].startswith("c.a.test.")
    write(p, zone, zone_text(zone, 3, " ".join(f"host-{i}" for i in range(200))))
    wait_serial(port, zone, 3)
    wait_for(lambda: changes_since(port, zone, 2))
    records, answer = raw_transfer(port, zone, "IXFR", since=2, tcp=False)
    assert len(records) == 1 and " SOA " in records[0]  # RFC 1995 2: the SOA alone, come by TCP
    assert rcode_of(port, zone, kind="IXFR", since=2, tcp=False, source="127.0.0.2") == "REFUSED"


# ---- a transfer that is slow, and many ----

def big_text(zone, number, count=20000):
    """More than the kernel's buffers take, so that a reader that does not read holds up the transfer."""
    fat = " ".join(['"' + "x" * 250 + '"'] * 4)
    return zone_text(zone, number) + "".join(f"host-{i} TXT {fat}\n" for i in range(count))


def open_transfer(port, zone):
    """A connection on which a transfer was asked for and nothing read."""
    wire = dns.message.make_query(zone, "AXFR").to_wire()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(20)
    s.connect(("127.0.0.1", port))
    s.sendall(struct.pack(">H", len(wire)) + wire)
    s.recv(2, socket.MSG_PEEK)  # it has begun
    return s


def test_a_reload_does_not_disturb_a_transfer_and_a_kill_does_no_harm(world):
    zone = "big.test."
    p = world({zone: 'transfer = ["127.0.0.1"];'}, texts={zone: big_text(zone, 1)})
    port = p.port("dns")
    slow = open_transfer(port, zone)
    time.sleep(0.5)
    write(p, zone, zone_text(zone, 2, "x"))
    wait_serial(port, zone, 2)
    records = 0
    while True:
        message = dns.message.from_wire(read_exactly(slow, struct.unpack(">H", read_exactly(slow, 2))[0]), one_rr_per_rrset=True)
        records += len(message.answer)
        last = message.answer[-1]
        if last.rdtype == dns.rdatatype.SOA and records > 1:
            break
    assert last[0].serial == 1 and records == 20000 + 4  # the version that it began with, whole
    write(p, zone, big_text(zone, 3))
    wait_serial(port, zone, 3)
    slow = open_transfer(port, zone)
    time.sleep(0.3)
    p.kill()
    p.start()
    wait_serial(port, zone, 3)
    assert len(raw_transfer(port, zone, "AXFR")[0]) == 20000 + 4


def test_transfers_are_bounded_and_slow_readers_end(world):
    zone = "big.test."
    p = world({zone: 'transfer = ["127.0.0.1"];'}, more='transfers_max = 2; transfer_time = "5s";',
              texts={zone: big_text(zone, 1)})
    port = p.port("dns")
    slow = [open_transfer(port, zone) for _ in range(2)]
    wait_for(lambda: rcode_of(port, zone, whole=False) == "SERVFAIL", 5)
    wait_for(lambda: rcode_of(port, zone, whole=False) == "NOERROR", 20)
    assert sent(p, "broken") >= 2
    for s in slow:
        s.close()


# ---- taken ----

def secondary(zone, *primaries, more=""):
    """Settings of one followed zone."""
    listed = ", ".join(f'"{a}"' for a in primaries)
    return f'secondary = ( {{ name = "{zone}"; primaries = [{listed}]; {more} }} ); refresh_least = "500ms";'


@pytest.mark.parametrize("kind", ["bind", "knot"])
@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "tsig"])
def test_posta_follows(world, peers, kind, key):
    zone = "b.test."
    p = world(start=False)
    hosts = " ".join(f"host-{i}" for i in range(30))  # BIND sends no difference that is near the zone's size
    peer = peers(kind, primary={zone: zone_text(zone, 5, hosts + " x y")}, key=key, notify=[p.port("dns")])
    p.settings.write_text(settings(more=secondary(zone, f"127.0.0.1:{peer.port}", more=f'key = "{key[0]}";' if key else "")))
    p.start()
    port = p.port("dns")
    wait_serial(port, zone, 5)
    assert taken(p, "whole") == 1
    before = figures(p)['posta_dns_notify_in_total{answer="taken"}']
    peer.write_zone(zone, zone_text(zone, 6, hosts + " x z"))
    peer.reload()
    wait_serial(port, zone, 6)
    assert taken(p, "changes") == 1 and taken(p, "whole") == 1
    assert figures(p)['posta_dns_notify_in_total{answer="taken"}'] > before
    assert ask(port, "z." + zone, "A").answer and ask(port, "y." + zone, "A").rcode() == dns.rcode.NXDOMAIN
    peer.stop()
    p.kill()
    p.start()  # without its primary: from the copy
    wait_serial(port, zone, 6)
    assert ask(port, "z." + zone, "A").answer


def notify(port, zone, source="127.0.0.1", key=None):
    q = dns.message.make_query(zone, "SOA")
    q.set_opcode(dns.opcode.NOTIFY)
    q.flags = dns.flags.AA | q.flags & 0x7800
    if key:
        q.use_tsig(dns.tsigkeyring.from_text({key[0]: (key[1], key[2])}), algorithm=key[1])
    return dns.rcode.to_text(dns.query.udp(q, "127.0.0.1", port=port, timeout=5, source=source).rcode())


def test_a_notify_that_is_not_the_primary_s(world, peers):
    zone = "b.test."
    peer = peers("bind", primary={zone: zone_text(zone, 5, "x")})
    p = world(more=secondary(zone, f"127.0.0.1:{peer.port}"))
    port = p.port("dns")
    wait_serial(port, zone, 5)
    looks = taken(p, "current")
    assert notify(port, zone, source="127.0.0.2") == "REFUSED"
    assert notify(port, "other.test.") == "NOTAUTH"
    time.sleep(0.5)
    assert taken(p, "current") == looks
    assert notify(port, zone) == "NOERROR"
    wait_for(lambda: taken(p, "current") == looks + 1)
    p.settings.write_text(settings(more=secondary(zone, f"127.0.0.1:{peer.port}", more=f'key = "{KEY[0]}";')))
    p.stop()
    p.start()  # with a key, the address alone is not enough
    assert notify(port, zone) == "REFUSED"
    assert notify(port, zone, key=KEY) == "NOERROR"


class Primary:
    """A primary that does as the test likes: answer(self, connection, query) for each question over TCP."""

    def __init__(self, zone, number=1, refresh=1, expire=3600, answer=None):
        self.zone, self.number, self.refresh, self.expire, self.answer = zone, number, refresh, expire, answer
        self.asked = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                while True:
                    q = dns.message.from_wire(read_exactly(connection, struct.unpack(">H", read_exactly(connection, 2))[0]))
                    kind = q.question[0].rdtype
                    self.asked.append(dns.rdatatype.to_text(kind))
                    if kind == dns.rdatatype.SOA or self.answer is None:
                        self.send(connection, q, [self.soa()] if kind == dns.rdatatype.SOA else self.whole())
                    else:
                        self.answer(self, connection, q)
            except (OSError, EOFError):
                pass

    def soa(self, number=None):
        return f"{self.zone} 60 IN SOA ns.{self.zone} h.{self.zone} {self.number if number is None else number} " \
               f"{self.refresh} 1 {self.expire} 60"

    def whole(self):
        return [self.soa(), f"{self.zone} 60 IN NS ns.{self.zone}", f"ns.{self.zone} 60 IN A 192.0.2.1", self.soa()]

    @staticmethod
    def send(connection, q, records, question=True):
        answer = dns.message.make_response(q)
        answer.flags |= dns.flags.AA
        if not question:
            answer.question = []
        for r in records:
            owner, ttl, _, kind, data = r.split(" ", 4)
            answer.answer.append(dns.rrset.from_text(owner, int(ttl), "IN", kind, data))
        wire = answer.to_wire(max_size=65535)
        connection.sendall(struct.pack(">H", len(wire)) + wire)

    def close(self):
        self.socket.close()


def garbage(self, connection, q):
    connection.sendall(struct.pack(">H", 200) + bytes(range(200)))


def short(self, connection, q):
    self.send(connection, q, self.whole()[:-1])
    raise EOFError


def endless(self, connection, q):
    self.send(connection, q, self.whole()[:2])
    for i in range(1 << 30):
        self.send(connection, q, [f"h{i}-{j}.{self.zone} 60 IN A 192.0.2.1" for j in range(500)], question=False)


def other_zone(self, connection, q):
    self.send(connection, q, self.whole()[:2] + ["www.victim.test. 60 IN A 192.0.2.66", self.soa()])


def no_ns(self, connection, q):
    self.send(connection, q, [self.soa(), f"ns.{self.zone} 60 IN A 192.0.2.1", self.soa()])


def silent(self, connection, q):
    time.sleep(60)


def wrong_changes(self, connection, q):
    """As BIND does it: an IXFR whose differences do not fit what we have."""
    if q.question[0].rdtype == dns.rdatatype.AXFR:
        return self.send(connection, q, self.whole())
    old = q.authority[0][0].serial
    self.send(connection, q, [self.soa(), self.soa(old), f"nothere.{self.zone} 60 IN A 192.0.2.9", self.soa(), self.soa()])


def test_primaries_that_send_nonsense(world):
    zone = "c.test."
    first = Primary(zone)
    p = world(more=secondary(zone, f"127.0.0.1:{first.port}") + 'transfer_size = "1M"; transfer_time = "1s";')
    port = p.port("dns")
    wait_serial(port, zone, 1)
    try:
        for bad in (garbage, short, endless, other_zone, no_ns, silent):
            first.answer, first.number = bad, first.number + 1
            failures = figures(p)["posta_dns_refresh_failures_total"]
            wait_for(lambda: figures(p)["posta_dns_refresh_failures_total"] > failures, 60)
            assert serial(port, zone) == 1, bad.__name__  # what was there stays
            assert p.process.poll() is None
        first.answer = wrong_changes
        wait_serial(port, zone, first.number)  # whole, after all
        asked = " ".join(first.asked)
        assert asked.count("IXFR AXFR") >= 2, asked  # wrong_changes's, and others' before
    finally:
        first.close()


def test_another_primary_takes_over_and_a_zone_expires(world):
    zone = "d.test."
    one, two = Primary(zone, 1, expire=6), Primary(zone, 2, expire=6)
    p = world(more=secondary(zone, f"127.0.0.1:{free_port()}", f"127.0.0.1:{one.port}", f"127.0.0.1:{two.port}"))
    port = p.port("dns")
    wait_serial(port, zone, 1)
    one.close()
    wait_serial(port, zone, 2)  # the next primary of the list
    two.close()
    assert ask(port, zone, "SOA").rcode() == dns.rcode.NOERROR
    wait_for(lambda: ask(port, zone, "SOA").rcode() == dns.rcode.SERVFAIL, 20)  # expired: RFC 1035 3.3.13
    assert ask(port, "ns." + zone, "A").rcode() == dns.rcode.SERVFAIL
    assert figures(p)["posta_dns_followed_expired"] == 1
    assert f"{zone} " in p.posta("zone", "followed").stdout and "NOT SERVED" in p.posta("zone", "followed").stdout
    known = json.loads(p.posta("zone", "followed", "--json").stdout)["zones"]
    assert [(z["zone"], z["served"]) for z in known] == [(zone, False)]
    p.stop()
    p.start()  # the copy is too old as well
    assert ask(port, zone, "SOA").rcode() == dns.rcode.SERVFAIL
    assert rcode_of(port, zone) == "SERVFAIL"


# ---- others are told ----

def test_a_notify_is_repeated_until_it_is_answered(world):
    zone = "a.test."
    sink = socket.socket(type=socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", 0))
    sink.settimeout(15)
    # When it came, not when a busy machine let us look: the first is there before posta is ready.
    SO_TIMESTAMPNS = 35
    sink.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    p = world({zone: f'notify = ["127.0.0.1:{sink.getsockname()[1]}"];'}, texts={zone: zone_text(zone, 1)})

    def next_notify():
        wire, [(_, _, stamp)], _, peer = sink.recvmsg(4096, socket.CMSG_SPACE(16))
        seconds, nanoseconds = struct.unpack("@qq", stamp)
        m = dns.message.from_wire(wire)
        assert m.opcode() == dns.opcode.NOTIFY and m.question[0].name.to_text() == zone and m.flags & dns.flags.AA
        return m, peer, seconds + nanoseconds / 1e9
    _, _, first = next_notify()
    other, peer, second = next_notify()
    assert 1.5 < second - first < 8  # RFC 1996 3.6
    wrong = dns.message.make_response(other)
    wrong.id ^= 1
    sink.sendto(wrong.to_wire(), peer)  # not the answer to our question
    write(p, zone, zone_text(zone, 2))
    again, peer, third = next_notify()  # it changed: told at once
    assert again.answer[0][0].serial == 2 and third - second < 3
    sink.sendto(dns.message.make_response(again).to_wire(), peer)
    sink.settimeout(3)
    with pytest.raises(TimeoutError):
        next_notify()
    assert figures(p)['posta_dns_notify_out_total{answer="taken"}'] == 1
    sink.close()


# ---- catalogs (RFC 9432) ----

CATALOG = "catalog.test."


@pytest.mark.parametrize("kind", ["bind", "knot"])
def test_others_follow_our_catalog(world, kind):
    texts = {z: zone_text(z, 1, "x") for z in ("a.test.", "b.test.", "hidden.test.")}
    p = world({"hidden.test.": 'transfer = ["192.0.2.99"];'}, texts=texts, start=False)
    for zone in ("a.test.", "b.test."):
        (p.folder / f"{zone}zone").rename(p.folder / f"{zone[:-1]}.zone")
    peer = PEERS[kind](posta_port=p.port("dns"), catalog=CATALOG)
    p.settings.write_text(p.settings.read_text().replace(
        "keys =", f'zone_folder = "{p.folder}"; transfer = ["127.0.0.1"]; catalog = "{CATALOG}"; notify = ["127.0.0.1:{peer.port}"]; keys =', 1))
    p.start()
    port = p.port("dns")
    try:
        first = wait_for(lambda: serial(port, CATALOG))
        peer.start()
        for zone in ("a.test.", "b.test."):
            wait_serial(peer.port, zone, 1)
        # What others may take is listed all the same: who may not take it is refused.
        members = [r for r in raw_transfer(port, CATALOG, "AXFR")[0] if " PTR " in r and "demo.test" not in r]
        assert sorted(r.split()[-1] for r in members) == ["a.test.", "b.test.", "hidden.test."]
        new = p.folder / "c.test.zone"
        new.write_text(zone_text("c.test.", 7, "x"))
        new.chmod(0o644)
        wait_serial(peer.port, "c.test.", 7)
        assert sent(p, "changes") >= 1  # the catalog's new version
        (p.folder / "a.test.zone").unlink()
        wait_for(lambda: serial(peer.port, "a.test.") is None)
        assert serial(peer.port, "b.test.") == 1
        # A restart makes no new version, and a zone whose file is wrong is no reason to forget it.
        last = serial(port, CATALOG)
        assert last != first
        p.stop()
        new.write_text("this is no zone\n")
        p.start()
        wait_serial(port, CATALOG, last)
        assert serial(port, "c.test.") is None
        labels = [r for r in raw_transfer(port, CATALOG, "AXFR")[0] if " PTR " in r and "demo.test" not in r]
        assert sorted(r.split()[-1] for r in labels) == ["b.test.", "c.test.", "hidden.test."]
        assert [r.split()[0] for r in labels if "b.test." in r] == [r.split()[0] for r in members if "b.test." in r]
    finally:
        peer.remove()


def catalog_text(number, members, version="2"):
    lines = [f"$ORIGIN {CATALOG}", "$TTL 0", f"@ SOA invalid. invalid. {number} 3600 600 2147483646 0", "@ NS invalid.",
             f'version TXT "{version}"']
    return "\n".join(lines + [f"{label}.zones PTR {zone}" for label, zone in members]) + "\n"


def followed(catalog_port, more=""):
    return f'catalogs = ( {{ name = "{CATALOG}"; primaries = ["127.0.0.1:{catalog_port}"]; {more} }} ); refresh_least = "500ms";'


def test_we_follow_a_catalog_of_knot(world, peers):
    p = world(start=False)
    zones = {z: zone_text(z, 3, "x") for z in ("k1.test.", "k2.test.")}
    peer = peers("knot", primary=zones, catalog=CATALOG, notify=[p.port("dns")])
    p.settings.write_text(settings(more=followed(peer.port)))
    p.start()
    port = p.port("dns")
    for zone in zones:
        wait_serial(port, zone, 3)
    del peer.primary["k2.test."]
    (peer.dir / "conf").write_text(peer.configuration())
    peer.reload()
    wait_for(lambda: serial(port, "k2.test.") is None)
    assert ask(port, "k2.test.", "SOA").rcode() == dns.rcode.REFUSED and serial(port, "k1.test.") == 3


def test_we_follow_a_catalog_of_bind(world, peers):
    p = world(start=False)
    zones = {z: zone_text(z, 3, "x") for z in ("m1.test.", "m2.test.", "own.test.")}
    peer = peers("bind", primary={**zones, CATALOG: catalog_text(1, [("one", "m1.test.")])}, notify=[p.port("dns")])
    p.settings.write_text(settings({"own.test.": ""}, more=followed(peer.port)).replace("FOLDER", str(p.folder)))
    write(p, "own.test.", zone_text("own.test.", 100))
    p.start()
    port = p.port("dns")
    wait_serial(port, "m1.test.", 3)

    def change(number, *members, **how):
        peer.write_zone(CATALOG, catalog_text(number, members, **how))
        peer.reload()
        wait_serial(port, CATALOG, number)
    # A zone that we have from elsewhere stays ours (5.2).
    change(2, ("one", "m1.test."), ("two", "m2.test."), ("three", "own.test."))
    wait_serial(port, "m2.test.", 3)
    assert serial(port, "own.test.") == 100
    # Broken catalogs change nothing (5.1): another version, a zone twice, none at all.
    change(3, ("one", "m1.test."), version="7")
    change(4, ("one", "m1.test."), ("two", "m1.test."))
    assert serial(port, "m2.test.") == 3
    assert figures(p)["posta_dns_catalogs_broken_total"] == 2
    # After a restart without the primary all is there again, and what left the catalog is gone for good.
    change(5, ("two", "m2.test."))
    wait_for(lambda: serial(port, "m1.test.") is None)
    peer.stop()
    p.kill()
    p.start()
    wait_serial(port, "m2.test.", 3)
    assert serial(port, "m1.test.") is None
    # Followed no more: its members go as well.
    p.settings.write_text(settings({"own.test.": ""}).replace("FOLDER", str(p.folder)))
    p.stop()
    p.start()
    assert serial(port, "m2.test.") is None and serial(port, "own.test.") == 100


# ---- signed zones ----

def test_a_signed_zone_is_followed_as_it_is(world):
    """posta signs, posta and NSD follow: the same records, the same proofs."""
    zone = "s.test."
    p = world(start=False)
    q = world(start=False)
    nsd = PEERS["nsd"](posta_port=p.port("dns"), zones=[zone])
    port, second = p.port("dns"), q.port("dns")
    p.settings.write_text(settings(more=f'notify = ["127.0.0.1:{second}", "127.0.0.1:{nsd.port}"];'))
    q.settings.write_text(settings(more=secondary(zone, f"127.0.0.1:{port}") + 'transfer = ["127.0.0.1"];'))
    try:
        p.start()
        p.posta("zone", "add", "s.test", "--ns", "ns.s.test", "--transfer", "127.0.0.1")
        p.posta("zone", "record", "add", "s.test", "ns", "A", "192.0.2.1")
        p.posta("zone", "sign", "s.test")
        wait_for(lambda: ask(port, zone, "DNSKEY", want_dnssec=True).answer)
        q.start()
        nsd.start()

        def is_same(other):
            ours, theirs = serial(port, zone), serial(other, zone)
            return ours == theirs and sorted(raw_transfer(port, zone, "AXFR")[0]) == sorted(raw_transfer(other, zone, "AXFR")[0])
        wait_for(lambda: is_same(second))
        wait_for(lambda: serial(nsd.port, zone) == serial(port, zone))
        before = taken(q, "changes")
        p.posta("zone", "record", "add", "s.test", "www", "A", "192.0.2.2")
        wait_for(lambda: ask(second, "www." + zone, "A").answer)
        wait_for(lambda: is_same(second))
        assert taken(q, "changes") > before
        wait_for(lambda: serial(nsd.port, zone) == serial(port, zone))
        for name, kind in (("www." + zone, "A"), ("nothere." + zone, "A"), (zone, "TXT")):
            answers = [ask(x, name, kind, want_dnssec=True) for x in (port, second, nsd.port)]
            said = [sorted(r.to_text() for r in a.answer + a.authority if r.rdtype != dns.rdatatype.NS and r.covers != dns.rdatatype.NS)
                    for a in answers]
            assert said[0] == said[1] == said[2] and "RRSIG" in str(said[0]), said
    finally:
        nsd.remove()
