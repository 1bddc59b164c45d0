"""What customers send leaves signed, and others verify it with the records of posta's own name server."""
import json
import shutil
import smtplib
import subprocess

import pytest

from lab import wait_for
from relay_world import world  # noqa: F401

dkim = pytest.importorskip("dkim")


def got(world, address, seconds=20):
    return wait_for(lambda: world.sink.to(address), seconds)[0]["data"]


@pytest.fixture(scope="module")
def keys(world):  # noqa: F811
    """Keys of demo.test; the name server tells them."""
    if not json.loads(world.platform.posta("domain", "dkim", "demo.test", "--json").stdout):
        world.platform.posta("domain", "dkim", "demo.test", "--add")
    found = {k["algorithm"]: k["selector"]
             for k in json.loads(world.platform.posta("domain", "dkim", "demo.test", "--json").stdout) if k["state"] == "signs"}
    for selector in found.values():
        wait_for(lambda: txt(world.platform, f"{selector}._domainkey.demo.test."))
    return found


def txt(platform, name, timeout=5):
    if not shutil.which("dig"):
        pytest.skip("no dig")
    out = subprocess.run(["dig", "+short", "+tcp", "@127.0.0.1", "-p", str(platform.port("dns")), name, "TXT"], text=True,
                         capture_output=True).stdout.strip()
    return "".join(out.split('"')[1::2]).encode()


def verify(platform, raw, count):
    d = dkim.DKIM(raw)
    return [d.verify(idx=i, dnsfunc=lambda name, timeout=5: txt(platform, name.decode())) for i in range(count)]


def test_mail_leaves_signed(world, keys):  # noqa: F811
    world.submit(["signed@outside.test"], "From: Ana <ana@demo.test>\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n"
                                          "To: signed@outside.test\r\n\r\nHello  world \r\n\r\n.dot\r\n\r\n")
    raw = got(world, "signed@outside.test")
    assert raw.count(b"DKIM-Signature:") == 2
    results = []
    for i in range(2):
        try:
            results.append(verify(world.platform, raw, i + 1)[-1])
        except dkim.DKIMException as e:  # an old dkimpy without PyNaCl has no ed25519
            results.append(str(e))
    assert True in results and False not in results, results
    broken = raw.replace(b"Hello", b"Hullo")
    with pytest.raises(dkim.ValidationError):
        verify(world.platform, broken, 1)


def test_added_fields_are_signed_too(world, keys):  # noqa: F811
    """Date and Message-ID that submission adds, RFC 6409 8."""
    world.submit(["added@outside.test"], "From: ana@demo.test\r\n\r\nx\r\n")
    raw = got(world, "added@outside.test")
    head = raw.split(b"\r\n\r\n")[0]
    assert b"\r\nDKIM-Signature:" in head and head.index(b"DKIM-Signature:") < head.index(b"Date:")
    assert verify(world.platform, raw, 1) == [True]
    date = next(line for line in head.split(b"\r\n") if line.startswith(b"Date:"))
    assert verify_fails(world.platform, raw.replace(date, b"Date: Mon, 1 Jan 2024 00:00:00 +0000"))
    assert verify_fails(world.platform, b"From: x@evil.test\r\n" + raw)  # oversigned


def test_delivery_reports_are_signed(world, keys):  # noqa: F811
    """Relay makes them of MAILER-DAEMON@mx.demo.test: the mail domain above signs, which DMARC takes."""
    world.submit(["nobody@null.test"], "From: ana@demo.test\r\nSubject: comes back\r\n\r\nx\r\n")
    world.report_about("nobody@null.test")
    c = world.platform.imap("ana")
    try:
        c.select("INBOX", readonly=True)
        uid = c.uid("search", None, "BODY", "nobody@null.test")[1][0].split()[-1]
        raw = c.uid("fetch", uid, "(BODY.PEEK[])")[1][0][1]
    finally:
        c.logout()
    signatures = raw.split(b"\r\n\r\n")[0].split(b"DKIM-Signature:")[1:]
    assert len(signatures) == 2 and all(b"d=demo.test" in s for s in signatures)
    rsa = next(i for i in range(2) if b"a=rsa" in signatures[i])
    assert verify(world.platform, raw, rsa + 1)[rsa] is True
    found = subprocess.run(["grep", "-c", "relay.report_unsigned", world.platform.log], capture_output=True, text=True).stdout
    assert found.strip() == "0"


def test_reports_without_submission(own_platform):
    """Submission is away: the report leaves as it is."""
    p = own_platform('relay: { schedule = ["1s"]; routes = ( { domain = "null.test"; to = "127.0.0.1:1"; } ); lifetime = "2s"; };').start()
    with smtplib.SMTP_SSL("127.0.0.1", p.port("submissions"), context=p.tls, timeout=60) as s:
        s.login("ana", "ana-secret")
        s.sendmail("ana@demo.test", ["nobody@null.test"], b"From: ana@demo.test\r\nSubject: comes back\r\n\r\nx\r\n")
    (p.dir / "run" / "submission-inside.sock").unlink()

    def reports():
        c = p.imap("ana")
        try:
            c.select("INBOX", readonly=True)
            found = c.uid("search", None, "FROM", "MAILER-DAEMON")[1][0].split()
            return found and c.uid("fetch", found[0], "(BODY.PEEK[])")[1][0][1]
        finally:
            c.logout()
    assert b"DKIM-Signature" not in wait_for(reports, 30).split(b"\r\n\r\n")[0]
    assert "relay.report_unsigned" in p.log_text()


def verify_fails(platform, raw):
    try:
        return not verify(platform, raw, 1)[0]
    except dkim.DKIMException:
        return True


def test_a_domain_that_does_not_sign(world, keys):  # noqa: F811
    posta = world.platform.posta
    posta("domain", "add", "quiet.test", "--sign=no")
    posta("domain", "dkim", "quiet.test", "--add", "--ed25519")
    posta("alias", "add", "ana@quiet.test", "ana@demo.test")

    def sent():
        try:
            return not world.submit(["quiet@outside.test"], "From: ana@quiet.test\r\n\r\nx\r\n", sender="ana@quiet.test")
        except smtplib.SMTPSenderRefused:
            return False  # the table has not seen the alias yet
    wait_for(sent)
    assert b"DKIM-Signature" not in got(world, "quiet@outside.test")


def test_rotation(world, keys):  # noqa: F811
    """A successor is published before it signs; the one before stays published, is revoked, and goes."""
    posta = world.platform.posta

    def states():
        return {k["selector"]: k["state"] for k in json.loads(posta("domain", "dkim", "turn.test", "--json").stdout)}
    posta("domain", "add", "turn.test")
    posta("domain", "dkim", "turn.test", "--add", "--ed25519", "--selector", "first")
    assert states() == {"first": "signs"}
    assert posta("domain", "dkim", "turn.test", "--rotate").stdout == ""
    posta("domain", "dkim", "turn.test", "--rotate", "--now")
    (second,) = set(states()) - {"first"}
    assert states() == {"first": "signs", second: "coming"}
    lines = posta("domain", "dns", "turn.test").stdout
    assert f"{second}._domainkey" in lines and "first._domainkey" in lines
    posta("domain", "dkim", "--rotate", "--now")  # of all domains; one is coming already
    assert states() == {"first": "signs", second: "coming"}
    posta("domain", "dkim", "turn.test", "--rotate", "--wait", "0")
    assert states() == {"first": "going", second: "signs"}
    posta("domain", "dkim", "turn.test", "--rotate", "--keep", "0")
    assert states() == {"first": "revoked", second: "signs"}
    first = next(l for l in posta("domain", "dns", "turn.test").stdout.splitlines() if l.startswith("first._domainkey"))
    assert first.replace(" ", "").replace('"', "").rstrip(")").endswith("p=")
    assert posta("domain", "dkim", "turn.test", "--rotate", "--wait", "x", check=False).returncode == 2
