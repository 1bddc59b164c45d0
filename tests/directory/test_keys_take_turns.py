"""DKIM keys change by themselves: no timer outside, nothing lost in between, and several at it at once disturb nobody."""
import json
import random
import shutil
import smtplib
import sqlite3
import subprocess
import time

import pytest

from lab import BUILD, wait_for

DAY = 86400


def keys(p, domain):
    return json.loads(p.posta("domain", "dkim", domain, "--json").stdout)


def states(p, domain, algorithm):
    return {k["selector"]: k["state"] for k in keys(p, domain) if k["algorithm"] == algorithm}


def private(p, domain):
    """Selectors whose private half is kept."""
    with sqlite3.connect(p.dir / "data" / "secrets" / "secrets.db", timeout=10) as db:
        names = [n for (n,) in db.execute("SELECT name FROM private_keys WHERE name LIKE 'dkim:%'")]
    return {n[5:].split(".")[0] for n in names if n.endswith("._domainkey." + domain)}


def make_older(p, seconds, state):
    with sqlite3.connect(p.dir / "data" / "directory" / "directory.db", timeout=10) as db:
        db.execute("UPDATE dkim_keys SET since = since - ? WHERE state = ?", (seconds, state))


def published(p, selector):
    if not shutil.which("dig"):
        pytest.skip("no dig")
    out = subprocess.run(["dig", "+short", "+tcp", "@127.0.0.1", "-p", str(p.port("dns")), f"{selector}._domainkey.demo.test.", "TXT"],
                         text=True, capture_output=True).stdout
    return "".join(out.split('"')[1::2])


def mail(p, subject):
    """From ana to bruno; as it arrives."""
    with smtplib.SMTP_SSL("127.0.0.1", p.port("submissions"), context=p.tls, timeout=60) as s:
        s.login("ana", "ana-secret")
        s.sendmail("ana@demo.test", ["bruno@demo.test"],
                   f"From: ana@demo.test\r\nSubject: x\r\nMessage-ID: <{subject}@demo.test>\r\n\r\nHello\r\n".encode())
    uid = wait_for(lambda: p.find(f"<{subject}@demo.test>", user="bruno"))[0]
    c = p.imap("bruno")
    try:
        c.select("INBOX", readonly=True)
        return c.uid("fetch", uid, "(BODY.PEEK[])")[1][0][1]
    finally:
        c.logout()


def verifies(p, raw):
    dkim = pytest.importorskip("dkim")
    index = next(i for i, part in enumerate(raw.split(b"DKIM-Signature:")[1:]) if b"a=rsa" in part)
    return dkim.DKIM(raw).verify(idx=index, dnsfunc=lambda name, timeout=5: published(p, name.decode().split(".")[0]).encode())


def test_by_themselves(own_platform):
    p = own_platform('dkim: { rotate = "40d"; wait = "1d"; look = "1s"; };')
    p.settings.write_text(p.settings.read_text() + f'dns: {{ zones = ( {{ name = "filed.test"; file = "{p.dir}/filed.zone"; }} ); }};')
    (p.dir / "filed.zone").write_text("@ 60 SOA ns.filed.test. x.filed.test. 1 60 60 600 60\n@ 60 NS ns.filed.test.\nns 60 A 127.0.0.1\n")
    p.start()
    p.posta("zone", "add", "filed.test")
    for domain in ("elsewhere.test", "filed.test"):  # not in a zone of ours, or in a file's: nobody would publish a new key
        p.posta("domain", "add", domain)
        p.posta("domain", "dkim", domain, "--add", "--ed25519")
    (first,) = states(p, "demo.test", "rsa")
    assert verifies(p, mail(p, "before"))
    time.sleep(2)
    assert states(p, "demo.test", "rsa") == {first: "signs"}  # young

    make_older(p, 41 * DAY, 1)
    second, = wait_for(lambda: set(states(p, "demo.test", "rsa")) - {first})
    assert states(p, "demo.test", "rsa") == {first: "signs", second: "coming"}
    wait_for(lambda: len(published(p, second)) > 100)
    assert verifies(p, mail(p, "coming"))

    make_older(p, 2 * DAY, 2)
    wait_for(lambda: states(p, "demo.test", "rsa") == {first: "going", second: "signs"})
    assert len(published(p, first)) > 100 and verifies(p, mail(p, "turned"))
    wait_for(lambda: sorted(states(p, "demo.test", "ed25519").values()) == ["going", "signs"])

    make_older(p, 15 * DAY, 3)
    wait_for(lambda: states(p, "demo.test", "rsa") == {first: "revoked", second: "signs"})
    wait_for(lambda: first not in private(p, "demo.test"))
    assert second in private(p, "demo.test")
    wait_for(lambda: published(p, first).rstrip("; ").endswith("p="))
    make_older(p, 61 * DAY, 4)
    wait_for(lambda: states(p, "demo.test", "rsa") == {second: "signs"})
    assert list(states(p, "elsewhere.test", "ed25519").values()) == ["signs"]
    assert list(states(p, "filed.test", "ed25519").values()) == ["signs"]
    assert "dkim.rotate domain=demo.test" in p.log_text()
    # the process that signs reads the keys again after a minute; until then the first one, whose record is empty now
    assert p.stop() == 0


def rotate(p, *more):
    return subprocess.Popen([BUILD / "posta", "domain", "dkim", "many.test", "--rotate", *more, "--config", p.conf],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def many(platform):
    platform.posta("domain", "add", "many.test")
    platform.posta("domain", "dkim", "many.test", "--add")
    yield platform
    platform.posta("domain", "remove", "many.test")
    assert not private(platform, "many.test")


def test_one_of_many_is_first(many):
    """Nodes that walk at the same time: one key of each kind is made, and each record has its own private half."""
    running = [rotate(many, "--lifetime", "0") for _ in range(6)]
    out = [r.communicate(timeout=60)[0] for r in running]
    assert [r.returncode for r in running] == [0] * 6, out
    assert sum(text.count("added") for text in out) == 2, out
    for kind in ("rsa", "ed25519"):
        assert sorted(states(many, "many.test", kind).values()) == ["coming", "signs"]
    assert private(many, "many.test") == {k["selector"] for k in keys(many, "many.test")}


def test_killed_anywhere(many):
    """kill -9 at any moment: each kind signs with a key whose private half is there, and the next walk goes on."""
    chance = random.Random(8)
    for _ in range(12):
        r = rotate(many, "--now", "--wait", "0")
        time.sleep(chance.random() * 0.25)
        r.kill()
        r.communicate()
        many.posta("domain", "set", "many.test", "--quota", "1G")  # what a dead writer left is rolled back by the next one
        now = keys(many, "many.test")
        for kind in ("rsa", "ed25519"):
            assert [k for k in now if k["algorithm"] == kind and k["state"] == "signs"], now
        assert {k["selector"] for k in now if k["state"] in ("signs", "coming")} <= private(many, "many.test")
    last = rotate(many, "--now", "--wait", "0", "--keep", "0")
    assert last.communicate(timeout=60) and last.returncode == 0
    now = keys(many, "many.test")
    for kind in ("rsa", "ed25519"):
        assert [k["state"] for k in now if k["algorithm"] == kind].count("signs") == 1
    assert not {k["selector"] for k in now if k["state"] == "revoked"} & private(many, "many.test")
