"""Access-Requests against a whole platform: methods, check items, replies, bad packets, floods, the directory away."""
import datetime
import os
import re
import shutil
import struct
import subprocess
import time

import pytest

import lab
from radius_packets import Nas, access, accounting, attribute, chap, pap, vendor

SETTINGS = """
radius: {
  default_domain = "demo.test";
  reject_delay = "200ms";
  nas = (
    { name = "demo"; address = "127.0.0.1/32"; secret = "testing123"; },
    { name = "old"; address = ["127.0.0.2", "127.0.1.0/24"]; secret = "old-secret"; require_message_authenticator = false;
      type = "mikrotik"; profile = "slow"; },
    { name = "near"; address = "127.0.1.7"; secret = "near-secret"; type = "wispr"; }
  );
  profiles = (
    { name = "default"; pool = "customers"; session_timeout = "8h"; interim = "5m"; },
    { name = "slow"; attributes = ["Filter-Id = \\"slow\\"", "Mikrotik-Rate-Limit = \\"64k/64k\\""]; pool = "slow"; },
    { name = "tunnel"; attributes = ["Tunnel-Type:1 = L2TP", "Tunnel-Password:1 = \\"open sesame\\""]; }
  );
};
"""
SESSION_TIMEOUT, IDLE_TIMEOUT, POOL, ADDRESS, MIKROTIK, WISPR = 27, 28, 88, 8, 14988, 14122


@pytest.fixture(scope="module")
def platform():
    p = lab.Platform(SETTINGS).start()
    for name in ("carla", "dora", "emil", "frida", "guest", "hugo", "iris", "jon", "kim", "lena", "mia"):
        posta(p, "user", "add", f"{name}@demo.test", "--password", f"{name}-secret", "--chap", "--dialup")
    yield p
    p.stop()


def posta(p, *words):
    done = subprocess.run([lab.BUILD / "posta", *words, "--config", p.conf], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def change(p, user, *words):
    """Sets, and waits until the role has seen it in the change feed."""
    posta(p, "user", "set", f"{user}@demo.test", *words)
    time.sleep(0.7)


def metric(p, text):
    out = subprocess.run(["curl", "-s", f"http://127.0.0.1:{p.port('metrics')}/metrics"], capture_output=True, text=True).stdout
    found = re.findall(rf"^{re.escape(text.split('{')[0])}{{(.*)}} (\d+)$", out, re.M)
    want = text.split("{")[1].rstrip("}") if "{" in text else ""
    return sum(int(n) for labels, n in found if want in labels)


def nas(p, source="127.0.0.1", kind="access"):
    return Nas(p.port(kind), source)


def radclient(p, what, kind="auth", secret="testing123"):
    if not shutil.which("radclient"):
        pytest.skip("no radclient (freeradius-utils)")
    port = p.port("accounting" if kind == "acct" else "access")
    return subprocess.run(["radclient", "-r", "1", "-t", "5", "-x", f"127.0.0.1:{port}", kind, secret],
                          input=what, capture_output=True, text=True).stdout


@pytest.mark.parametrize("proof", ["User-Password", "CHAP-Password", "MS-CHAP-Password"])
def test_radclient(platform, proof):
    line = "User-Name = ana, {} = {}, NAS-Port = 3, Message-Authenticator = 0x00\n"
    assert "Received Access-Accept" in radclient(platform, line.format(proof, "ana-secret"))
    assert "Received Access-Reject" in radclient(platform, line.format(proof, "wrong"))


def test_radclient_status_and_accounting(platform):
    assert "Received Access-Accept" in radclient(platform, "Message-Authenticator = 0x00\n", "status")
    start = "User-Name = ana, Acct-Status-Type = Start, Acct-Session-Id = r1, NAS-Port = 3\n"
    assert "Received Accounting-Response" in radclient(platform, start, "acct")
    assert "Received Accounting-Response" in radclient(platform, start.replace("Start", "Stop"), "acct")


@pytest.mark.parametrize("method", ["MD5", "MSCHAPV2"])
def test_eapol(platform, method, tmp_path):
    if not shutil.which("eapol_test"):
        pytest.skip("no eapol_test (eapoltest)")
    for password, fine in (("ana-secret", True), ("wrong", False)):
        conf = tmp_path / "conf"
        conf.write_text('network={\n key_mgmt=IEEE8021X\n eap=%s\n identity="ana"\n password="%s"\n}\n' % (method, password))
        words = ["eapol_test", "-c", conf, "-a", "127.0.0.1", "-p", str(platform.port("access")), "-s", "testing123", "-t", "8"]
        done = subprocess.run(words + ([] if method == "MSCHAPV2" else ["-n"]), capture_output=True, text=True)
        assert (done.returncode == 0) == fine, done.stdout[-3000:]


def test_logins_and_unknown_users(platform):
    n = nas(platform)
    assert n.ask(pap("ana@demo.test", "ana-secret")).code == "accept"
    assert n.ask(pap("ANA", "ana-secret")).code == "accept"
    assert n.ask(pap("nobody", "x")).code == "reject"
    assert n.ask(pap("bruno", "bruno-secret")).get(18) == b"This account has no dial-up access"
    assert n.ask(access(attribute(2, b"x" * 16))).code == "reject"
    assert n.ask(access(attribute(1, "ana"))).code == "reject"


def test_reply_attributes(platform):
    change(platform, "carla", "--dialup-address", "192.0.2.7", "--dialup-address6", "2001:db8::7", "--dialup-prefix6",
           "2001:db8:7::/56", "--dialup-idle-timeout", "600", "--dialup-up", "2000", "--dialup-down", "8000",
           "--dialup-attributes", 'Filter-Id = "gold", Attr-26.9.1 = 0x6162')
    a = nas(platform).ask(pap("carla", "carla-secret"))
    assert a.get(ADDRESS) == bytes([192, 0, 2, 7]) and a.get(POOL) is None
    assert a.get(168) == bytes.fromhex("20010db8000000000000000000000007")
    assert a.get(123) == bytes.fromhex("003820010db8000700")
    assert a.get(SESSION_TIMEOUT) == struct.pack(">I", 8 * 3600) and a.get(85) == struct.pack(">I", 300)
    assert a.get(IDLE_TIMEOUT) == struct.pack(">I", 600) and a.get(11) == b"gold"
    assert a.vendor(MIKROTIK, 8) == b"2000k/8000k" and a.vendor(9, 1) == b"ab"
    assert a.vendor(WISPR, 7) == struct.pack(">I", 2000000) and a.vendor(WISPR, 8) == struct.pack(">I", 8000000)


def test_profiles_by_nas_and_user(platform):
    old = nas(platform, "127.0.0.2").ask(pap("ana", "ana-secret", secret=b"old-secret"), secret=b"old-secret")
    assert old.vendor(MIKROTIK, 8) == b"64k/64k" and old.get(11) == b"slow" and old.get(POOL) == b"slow"
    near = nas(platform, "127.0.1.7").ask(pap("ana", "ana-secret", secret=b"near-secret"), secret=b"near-secret")
    assert near.get(POOL) == b"customers"  # the longest prefix
    change(platform, "dora", "--dialup-profile", "tunnel")
    a = nas(platform).ask(pap("dora", "dora-secret"))
    assert a.get(64) == b"\x01\0\0\3" and a.get(69)[0] == 1 and b"sesame" not in a.packet


def test_check_items(platform):
    n = nas(platform)
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    yesterday = tomorrow - datetime.timedelta(days=2)
    change(platform, "emil", "--dialup-calling", "0810*,00-11-22-33-44-55")
    assert n.ask(pap("emil", "emil-secret", attribute(31, "08105551234"))).code == "accept"
    assert n.ask(pap("emil", "emil-secret", attribute(31, "0011.2233.4455"))).code == "accept"
    assert n.ask(pap("emil", "emil-secret", attribute(31, "0820555"))).code == "reject"
    assert n.ask(pap("emil", "emil-secret")).code == "reject"
    change(platform, "emil", "--dialup-calling", "", "--dialup-nas", "old")
    assert n.ask(pap("emil", "emil-secret")).get(18) == b"This account may not log in here"
    change(platform, "emil", "--dialup-nas", "", "--dialup-expires", yesterday.strftime("%Y-%m-%d"))
    assert n.ask(pap("emil", "emil-secret")).get(18) == b"This account has expired"
    today = datetime.datetime.now(datetime.timezone.utc)
    change(platform, "emil", "--dialup-expires", today.strftime("%Y-%m-%d"))
    left = struct.unpack(">I", n.ask(pap("emil", "emil-secret")).get(SESSION_TIMEOUT))[0]
    assert left <= 86400 - today.hour * 3600 - today.minute * 60 or left == 8 * 3600
    change(platform, "emil", "--dialup-expires", "", "--dialup-hours", tomorrow.strftime("%a")[:2] + "0000-2400")
    assert n.ask(pap("emil", "emil-secret")).get(18) == b"This account may not log in at this hour"


def test_free_access(platform):
    n = nas(platform)
    change(platform, "guest", "--dialup-any-password", "--dialup-sessions", "0")
    assert n.ask(pap("guest", "whatever")).code == "accept" and n.ask(chap("guest", "else")).code == "accept"


def test_simultaneous_use(platform):
    n, acct = nas(platform), nas(platform, kind="accounting")
    assert n.ask(pap("frida", "frida-secret", attribute(5, 1))).code == "accept"
    start = attribute(1, "frida") + attribute(40, 1) + attribute(44, "f1") + attribute(5, 1)
    assert acct.ask(accounting(start)).code == "response"
    assert n.ask(pap("frida", "frida-secret", attribute(5, 2))).get(18) == b"This account is in use"
    assert n.ask(pap("frida", "frida-secret", attribute(5, 1))).code == "accept"  # the same port: its Stop was lost
    assert acct.ask(accounting(start.replace(attribute(40, 1), attribute(40, 2)))).code == "response"
    assert n.ask(pap("frida", "frida-secret", attribute(5, 2))).code == "accept"


def test_message_authenticator(platform):
    n, old = nas(platform), nas(platform, "127.0.0.2")
    before = metric(platform, 'posta_radius_dropped_total{why="no_message_authenticator"}')
    assert n.ask(pap("ana", "ana-secret", ma=False), 0.5) is None
    assert old.ask(pap("ana", "ana-secret", ma=False, secret=b"old-secret"), secret=b"old-secret").code == "accept"
    # CVE-2024-3596: the attack needs a Proxy-State
    assert old.ask(pap("ana", "ana-secret", attribute(33, b"x"), ma=False, secret=b"old-secret"), 0.5) is None
    answer = n.ask(pap("ana", "ana-secret", attribute(33, b"one") + attribute(33, b"two")))
    assert [v for k, v in answer.attributes if k == 33] == [b"one", b"two"]
    assert metric(platform, 'posta_radius_dropped_total{why="no_message_authenticator"}') == before + 2


def test_wrong_secrets_and_malformed_packets(platform):
    n, acct = nas(platform), nas(platform, kind="accounting")
    assert n.ask(pap("ana", "ana-secret", secret=b"other"), 0.5) is None
    assert acct.ask(accounting(attribute(40, 1) + attribute(44, "x"), secret=b"other"), 0.5) is None
    assert nas(platform, "127.0.0.99").ask(pap("ana", "ana-secret"), 0.5) is None  # a stranger
    good = pap("ana", "ana-secret")
    for bad in (b"", b"\1", good[:19], good[:2] + b"\xff\xff" + good[4:], good[:-3], good[:2] + b"\0\x13" + good[4:],
                b"\x02" + good[1:], os.urandom(4096), good[:20] + b"\1\0" + good[22:]):
        n.send(bad)
    assert n.receive(0.5) is None
    assert acct.ask(good, 0.5) is None  # the wrong port
    assert n.ask(pap("ana", "ana-secret")).code == "accept"


def test_duplicates_and_replays(platform):
    n = nas(platform)
    packet = pap("hugo", "wrong")
    started = time.monotonic()
    for _ in range(3):
        n.send(packet)
    first = n.receive()
    assert first.code == "reject" and time.monotonic() - started >= 0.2
    n.send(packet)
    again = n.receive()
    assert again.packet == first.packet
    posta(platform, "user", "password", "hugo@demo.test", "--password", "wrong")
    time.sleep(0.7)
    assert n.ask(packet).packet == first.packet  # played back: the old answer, no new look
    assert n.ask(pap("hugo", "wrong")).code == "accept"


def test_replayed_eap(platform):
    n = nas(platform)
    identity = b"\x02\x01\x00\x08\x01ana"
    challenge = n.ask(access(attribute(1, "ana") + attribute(79, identity)))
    assert challenge.code == "challenge"
    eap, state = challenge.get(79), challenge.get(24)
    import hashlib
    value = hashlib.md5(eap[1:2] + b"ana-secret" + eap[6:22]).digest()
    answer = attribute(1, "ana") + attribute(24, state) + attribute(79, b"\x02" + eap[1:2] + b"\x00\x16\x04\x10" + value)
    assert n.ask(access(answer)).code == "accept"
    assert n.ask(access(answer)).code == "reject"  # a State is good once
    assert n.ask(access(attribute(1, "ana") + attribute(79, identity), ma=False), 0.5) is None


def test_brake_counts_the_station_not_the_nas(platform):
    n = nas(platform)
    change(platform, "iris", "--dialup-sessions", "0")
    assert n.ask(pap("iris", "iris-secret", attribute(31, "home"))).code == "accept"
    for _ in range(11):
        assert n.ask(pap("iris", "guess", attribute(31, "stranger"))).code == "reject"
    assert n.ask(pap("iris", "iris-secret", attribute(31, "stranger"))).code == "reject"  # held
    assert n.ask(pap("iris", "iris-secret", attribute(31, "home"))).code == "accept"  # was there before
    assert n.ask(pap("jon", "jon-secret", attribute(31, "elsewhere"))).code == "accept"


def test_flood_from_one_address(platform):
    flood, n = nas(platform, "127.0.0.2"), nas(platform)
    for i in range(3000):
        flood.send(pap(f"user{i}", "x", secret=b"old-secret"))
    stranger = nas(platform, "127.0.0.77")
    for _ in range(3000):
        stranger.send(b"\1\1\0\x14" + bytes(16))
    answers = [n.ask(pap("ana", "ana-secret"), 10) for _ in range(5)]
    assert all(a and a.code == "accept" for a in answers)


def test_directory_away(platform):
    n, databases = nas(platform), [platform.dir / "data" / d / f for d, f in
                                  (("directory", "directory.db"), ("secrets", "secrets.db"))]
    assert n.ask(pap("kim", "kim-secret"), 10).code == "accept" and n.ask(chap("lena", "lena-secret")).code == "accept"
    kept = []
    for path in databases:
        for f in path.parent.glob(path.name + "*"):
            kept.append((f, f.with_name("away-" + f.name)))
            f.rename(kept[-1][1])
    try:
        time.sleep(1)
        assert n.ask(pap("kim", "kim-secret")).code == "accept"
        assert n.ask(chap("lena", "lena-secret")).code == "accept"
        wrong = n.ask(pap("kim", "wrong"))
        assert wrong is None or wrong.code == "reject"
        acct = nas(platform, kind="accounting")
        start = attribute(1, "kim") + attribute(40, 1) + attribute(44, "k1") + attribute(5, 9)
        assert acct.ask(accounting(start)).code == "response"
    finally:
        for there, away in kept:
            away.rename(there)
    time.sleep(1)
    assert n.ask(pap("mia", "mia-secret")).code == "accept"


def test_settings_are_judged(tmp_path):
    conf = tmp_path / "posta.conf"
    for text, said in (('nas = ( { name = "a"; address = "x"; secret = "s"; } );', "no network"),
                       ('nas = ( { name = "a"; address = "10.0.0.1"; secret = ""; } );', "secret"),
                       ('profiles = ( { name = "p"; attributes = ["Nothing = 1"]; } );', "Nothing"),
                       ('time_zone = "here";', "zone"), ('eap = ["tls"];', "method")):
        conf.write_text('data = "%s"; run = "%s"; nodes: { n: { radius: { access = ["127.0.0.1:1812"]; }; }; };\n'
                        "radius: { %s };\n" % (tmp_path, tmp_path, text))
        done = subprocess.run([lab.BUILD / "posta", "check", "--config", conf], capture_output=True, text=True)
        assert done.returncode != 0 and said in done.stdout + done.stderr, (text, done.stdout, done.stderr)
