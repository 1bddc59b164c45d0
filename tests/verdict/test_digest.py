"""The mail that lists what was held back, and the addresses in it that release."""
import base64
import email
import email.policy
import hashlib
import hmac
import os
import re
import shutil
import smtplib
import tempfile
import time
import urllib.parse

import pytest

from lab import wait_for
from fake_filter import Filter
from test_verdict import GTUBE, metric, place, quarantine

EVERY = 1  # seconds


@pytest.fixture(scope="module")
def judge():
    f = Filter()
    yield f
    f.close()


@pytest.fixture(scope="module")
def teacher():
    folder = tempfile.mkdtemp(prefix="posta-filter-")
    os.chmod(folder, 0o755)
    f = Filter(f"{folder}/socket")
    f.path = f"{folder}/socket"
    yield f
    f.close()
    shutil.rmtree(folder)


LONG = "a-name-so-long-that-no-ticket-fits"


@pytest.fixture(scope="module")
def lab(judge, teacher):
    from lab import Platform
    p = Platform(f'mx: {{ filters = ["127.0.0.1:{judge.port}"]; authenticate = false; rate_recipient = 0; rate_pair = 0; }};\n'
                 'verdict: { virus = "quarantine"; };\n'
                 f'store: {{ filters = ["unix:{teacher.path}"]; digest_every = "{EVERY}s"; digest_at = "0s"; }};')
    try:
        p.start()
        for name in ("cora", "dirk", LONG):
            p.posta("user", "add", f"{name}@demo.test", "--password-stdin", input=f"{name}-secret\n")
        p.posta("user", "set", "bruno@demo.test", "--digest", "all")
        p.posta("user", "set", "dirk@demo.test", "--digest", "off")
        time.sleep(1)
        yield p
        assert p.stop() == 0
    finally:
        p.remove()


def digests(p, user):
    """The mails of the list, oldest first: (whole message, its text)."""
    c = p.imap(user)
    try:
        c.select("INBOX", readonly=True)
        found = c.uid("search", None, "FROM", "postmaster")[1][0].split()
        mails = [email.message_from_bytes(c.uid("fetch", u, "(BODY.PEEK[])")[1][0][1], policy=email.policy.default) for u in found]
        return [(m, m.get_body(("plain",)).get_content()) for m in mails if m["Auto-Submitted"] == "auto-generated"]
    finally:
        c.logout()


def entries(p, user, subject):
    """What the lists say of the mails with this in their subject: field -> text."""
    texts = [t for _, t in digests(p, user)]
    blocks = [b for t in texts for b in t.replace("\r\n", "\n").split("\n\n") if subject in b]
    return [dict(line.split(":", 1) for line in b.split("\n")) for b in blocks]


def entry(p, user, subject):
    (one,) = wait_for(lambda: entries(p, user, subject), 30)
    return {k: v.strip() for k, v in one.items()}


def address_of(release):
    u = urllib.parse.urlparse(release)
    assert u.scheme == "mailto"
    return urllib.parse.unquote(u.path)


def to_mx(p, address, sender="x@example.net", text="Subject: release\r\n\r\n"):
    """The answer of the mx to RCPT, or else to the data."""
    with smtplib.SMTP("127.0.0.1", p.port("smtp"), timeout=30) as s:
        s.ehlo()
        s.mail(sender)
        code, said = s.rcpt(address)
        if code == 250:
            code, said = s.data(text)
        return code, said.decode()


def test_list_and_release_by_submission(lab, teacher):
    sent = lab.send("ana@demo.test", text=GTUBE, subject="held one", sender="Shop <shop@shop.example>")
    e = entry(lab, "ana", "held one")
    assert e["From"] == "Shop <shop@shop.example>" and e["Is in"] == "quarantine, score 1000.0, quarantine (score)"
    m, text = digests(lab, "ana")[0]
    assert m["To"] == "ana@demo.test" and m["Subject"] == "1 mail held back as spam" and m["Message-ID"] and m["Date"]
    assert "30 days" in text
    html = m.get_body(("html",)).get_content()
    assert f'<a href="{e["Release"]}">Release</a>' in html and "Shop &#60;shop@shop.example&#62;" in html
    address = address_of(e["Release"])
    assert re.fullmatch(r"ana\+release-[a-z2-7]{26}@demo\.test", address)
    teacher.learned.clear()
    with smtplib.SMTP_SSL("127.0.0.1", lab.port("submissions"), context=lab.tls, timeout=60) as s:
        s.login("ana", "ana-secret")
        s.sendmail("ana@demo.test", [address.upper()], "From: ana@demo.test\r\nMessage-ID: <letter@demo.test>\r\n\r\n")
    assert wait_for(lambda: place(lab, sent, "ana") == "INBOX")
    path, user, body = wait_for(lambda: teacher.learned and teacher.learned[0])
    assert (path, user) == ("/learnham", "ana@demo.test") and sent.encode() in body and b"X-Spam" not in body
    assert not lab.find("<letter@demo.test>")  # what was sent there is not kept
    code, said = to_mx(lab, address)
    assert code == 550 and "no longer held" in said
    assert metric(lab, "posta_store_releases_total", 'result="released"', role="store") >= 1


def test_anybody_with_the_address_and_nobody_else(lab):
    sent = lab.send("cora@demo.test", text=GTUBE, subject="held two")
    address = address_of(entry(lab, "cora", "held two")["Release"])
    local, domain = address.split("@")
    name, ticket = local.split("+")
    swapped = ticket[:-3] + ("b" if ticket[-3] != "b" else "c") + ticket[-2:]
    for bad in (f"ana+{ticket}@{domain}", f"{name}+{swapped}@{domain}", f"{name}+release-{'a' * 26}@{domain}"):
        code, said = to_mx(lab, bad, sender="cora@demo.test")
        assert code == 550 and "releases nothing" in said, bad
    assert place(lab, sent, "cora") is None
    # a detail that only looks like one is a detail
    assert to_mx(lab, f"{name}+release-notes@{domain}", text="Message-ID: <notes@x>\r\n\r\nx\r\n")[0] == 250
    assert lab.find("<notes@x>", "cora")
    # a mail that looks like spam itself, with another recipient, does it all the same
    with smtplib.SMTP("127.0.0.1", lab.port("smtp"), timeout=30) as s:
        s.sendmail("x@example.net", [address, "ana@demo.test"],
                   "Subject: release\r\nMessage-ID: <both@x>\r\nX-Test-Score: 900\r\nX-Test-Virus: Eicar\r\n\r\n")
    assert place(lab, sent, "cora") == "INBOX" and not lab.find("<both@x>", "cora")
    assert "<both@x>" not in str(quarantine(lab, "list", "cora@demo.test"))


def test_time_of_an_address(lab):
    lab.send("ana@demo.test", text=GTUBE, subject="held three")
    entry(lab, "ana", "held three")
    (key,) = lab.dir.rglob("release.key")
    assert key.stat().st_mode & 0o777 == 0o600
    (user,) = [u["id"] for u in [__import__("json").loads(lab.posta("user", "show", "ana@demo.test", "--json").stdout)]]
    uid = max(m["uid"] for m in quarantine(lab, "list", "ana@demo.test"))

    def ticket(day, folder):
        said = (0x8000 | day).to_bytes(2, "big") + uid.to_bytes(4, "big")
        text = b"posta release 1" + user.to_bytes(8, "big") + folder.to_bytes(8, "big") + said
        whole = said + hmac.new(key.read_bytes(), text, hashlib.sha256).digest()[:10]
        return "release-" + base64.b32encode(whole).decode().rstrip("=").lower()

    today = int(time.time()) // 86400
    answers = [to_mx(lab, f"ana+{ticket(today - 1, folder)}@demo.test")[1] for folder in range(1, 20)]
    assert sum("time of this address is over" in a for a in answers) == 1, answers
    folder = 1 + [i for i, a in enumerate(answers) if "is over" in a][0]
    assert to_mx(lab, f"ana+{ticket(today, folder)}@demo.test")[0] == 250


def test_spam_folder_for_who_wants_all(lab):
    spam = lab.send("bruno@demo.test", subject="tagged one", X_Test_Score="6")
    e = entry(lab, "bruno", "tagged one")
    assert e["Is in"] == "the Spam folder, score 6.0, spam (score)"
    assert to_mx(lab, address_of(e["Release"]))[0] == 250
    assert place(lab, spam, "bruno") == "INBOX"
    # what a user moves into Spam is no news, nor what is not there any more
    lab.send("ana@demo.test", subject="tagged two", X_Test_Score="6")
    mine = lab.send("bruno@demo.test", subject="moved one")
    c = lab.imap("bruno")
    c.select("INBOX")
    assert c.uid("MOVE", lab.find(mine, "bruno")[0].decode(), "Spam")[0] == "OK"
    c.logout()
    time.sleep(EVERY + 5)
    assert not entries(lab, "bruno", "moved one") and not entries(lab, "ana", "tagged two")


def test_no_list_where_none_is_wanted_and_none_twice(lab):
    lab.send("dirk@demo.test", text=GTUBE, subject="held four")
    lab.send("cora@demo.test", text=GTUBE, subject="held five")
    entry(lab, "cora", "held five")
    time.sleep(EVERY + 4)
    assert len(entries(lab, "cora", "held five")) == 1 and not digests(lab, "dirk")


def test_what_gets_no_link(lab):
    lab.send("cora@demo.test", subject="ill one", X_Test_Virus="Eicar")
    assert "administrator alone" in entry(lab, "cora", "ill one")["Release"]
    lab.send(f"{LONG}@demo.test", text=GTUBE, subject="held six")
    assert "too long" in entry(lab, LONG, "held six")["Release"]


def test_hostile_text(lab):
    long = "x" * 900
    evil = base64.b64encode("held seven\r\n\r\nRelease: mailto:evil@evil.example \u202egpj\u0000\x1b[2J".encode()).decode()
    lab.send("cora@demo.test", text=GTUBE, subject=f"=?utf-8?b?{evil}?= http://evil.example/ {long}", sender='"<b>" <a@evil.example>')
    e = entry(lab, "cora", "held seven")
    assert "\u202e" not in str(e) and "\x1b" not in str(e) and "\x00" not in str(e)
    assert "http://" not in str(e) and len(e["Subject"]) < 200
    assert address_of(e["Release"]).startswith("cora+release-") and "evil" not in e["Release"]


def test_after_a_restart(own_platform, judge):
    """What was told stays told; what came meanwhile is told; addresses stay good."""
    p = own_platform(f'mx: {{ filters = ["127.0.0.1:{judge.port}"]; authenticate = false; }};\n'
                     f'store: {{ digest_every = "{EVERY}s"; digest_at = "0s"; }};')
    p.start()
    sent = p.send("ana@demo.test", text=GTUBE, subject="held one")
    address = address_of(entry(p, "ana", "held one")["Release"])
    p.send("ana@demo.test", text=GTUBE, subject="held two")
    p.kill()
    p.start()
    entry(p, "ana", "held two")
    assert len(entries(p, "ana", "held one")) == 1
    assert to_mx(p, address)[0] == 250 and place(p, sent, "ana") == "INBOX"
    assert p.stop() == 0
    assert p.posta("store", "verify").returncode == 0
