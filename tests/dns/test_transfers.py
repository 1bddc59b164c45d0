"""Zones given to BIND, NSD and Knot, taken from BIND and Knot, told of and refused; what breaks in the middle."""
import re
import signal
import socket
import struct
import threading
import time
import urllib.request

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest

from lab import wait_for
from xfr_peers import KEY, PEERS, Bind, Knot, ask, free_port, serial, wait_serial, zone_text

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


def transfer(port, zone, key=None, since=None):
    """All records that dnspython gets, as one zone's text."""
    z = dns.zone.Zone(zone)
    query, n = dns.xfr.make_query(z, serial=since, keyring=dns.tsigkeyring.from_text({key[0]: (key[1], key[2])}) if key else None)
    dns.query.inbound_xfr("127.0.0.1", z, query, port=port, timeout=10, lifetime=30)
    return z


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
