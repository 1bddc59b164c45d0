"""Verdicts from outside: what becomes of a message for each of its recipients, and what when no filter answers."""
import json
import os
import shutil
import smtplib
import sys
import tempfile
import threading
import time
import urllib.request

import pytest

from lab import ROOT, wait_for
from fake_filter import Filter, Process
sys.path.append(str(ROOT / "tests" / "relay"))
from dns_server import Dns  # noqa: E402

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
FRIEND = "mx.demo.test; spf=pass smtp.mailfrom=friend@friend.example; dkim=pass header.d=friend.example"


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


@pytest.fixture(scope="module")
def names():
    """penpal.example sends from here, and says so."""
    with Dns({("penpal.example", "TXT"): ["v=spf1 ip4:127.0.0.1 -all"]}) as d:
        yield d


@pytest.fixture(scope="module")
def lab(judge, teacher, names):
    from lab import Platform
    p = Platform(f'mx: {{ filters = ["127.0.0.1:{judge.port}"]; filter_timeout = "2s"; filter_pause = "500ms"; '
                 f'resolvers = ["127.0.0.1:{names.port}"]; dnssec = false; '
                 'rate_recipient = 0; rate_pair = 0; };\n'
                 f'store: {{ lmtp_peers = ["127.0.0.1/32"]; filters = ["unix:{teacher.path}"]; }};')
    try:
        p.start()
        for name in ("cora", "dirk", "emma"):
            p.posta("user", "add", f"{name}@demo.test", "--password-stdin", input=f"{name}-secret\n")
        p.posta("user", "set", "cora@demo.test", "--spam-level", "very-lenient")
        p.posta("user", "set", "dirk@demo.test", "--spam-above", "reject")
        p.posta("user", "set", "emma@demo.test", "--spam-above", "discard")
        p.posta("user", "contact", "ana@demo.test", "add", "friend@friend.example", "A friend")
        p.posta("user", "block", "bruno@demo.test", "add", "@foe.example")
        wait_for(lambda: known(p, "emma@demo.test"))
        yield p
        assert p.stop() == 0
    finally:
        p.remove()


def known(p, address):
    with smtplib.SMTP("127.0.0.1", p.port("smtp"), timeout=30) as s:
        s.ehlo()
        s.mail("x@example.net")
        return s.rcpt(address)[0] == 250


def metric(p, name, labels="", role="mx"):
    text = urllib.request.urlopen(f"http://127.0.0.1:{p.port('metrics')}/metrics", timeout=10).read().decode()
    for line in text.splitlines():
        if line.startswith(f'{name}{{role="{role}"') and labels in line:
            return int(line.rsplit(" ", 1)[1])
    raise KeyError((name, labels))


def place(p, message_id, user):
    """In which folder a mail is, None in neither."""
    for folder in ("INBOX", "Spam"):
        if p.find(message_id, user, folder):
            return folder
    return None


def fetch(p, message_id, user, folder):
    import email
    c = p.imap(user)
    try:
        c.select(folder, readonly=True)
        (uid,) = p.find(message_id, user, folder)
        (_, text), _ = c.uid("FETCH", uid.decode(), "(BODY.PEEK[])")[1]
        return email.message_from_bytes(text)
    finally:
        c.logout()


def raw(p, authors, fields):
    """A message to ana with these From fields; gives its Message-ID."""
    sent = f"<{time.time_ns()}@foe.example>"
    text = "".join(f"From: {a}\r\n" for a in authors) + f"Message-ID: {sent}\r\n{fields}\r\nhello\r\n"
    with smtplib.SMTP("127.0.0.1", p.port("smtp"), timeout=30) as s:
        s.sendmail("x@foe.example", ["ana@demo.test"], text.encode())
    return sent


@pytest.mark.parametrize("score, user, want", [
    ("4.9", "ana", "INBOX"), ("5.0", "ana", "Spam"), ("11.9", "ana", "Spam"), ("9.9", "cora", "INBOX"),
    ("24.9", "cora", "Spam"), ("12", "ana", None), ("12", "emma", None),
])
def test_levels(lab, score, user, want):
    sent = lab.send(f"{user}@demo.test", X_Test_Score=score)
    assert place(lab, sent, user) == want
    if want:
        m = fetch(lab, sent, user, want)
        assert m["X-Spam-Score"] == f"{float(score):.1f}"
        assert m["X-Spam-Flag"] == ("YES" if want == "Spam" else None)
        assert "FAKE_RULE" in m["X-Spam-Status"]
        assert f"required={10.0 if user == 'cora' else 5.0}" in m["X-Spam-Status"]


def test_gtube_goes_to_quarantine_and_out_of_sight(lab):
    sent = lab.send("ana@demo.test", text=GTUBE)
    assert place(lab, sent, "ana") is None
    c = lab.imap("ana")
    names = b" ".join(c.list()[1] + c.lsub()[1])
    assert b"uarantine" not in names
    for command in ("SELECT", "EXAMINE", "DELETE", "SUBSCRIBE", "STATUS", "RENAME"):
        for name in ("Quarantine", "/Quarantine", '"/Quarantine"'):
            rest = {"STATUS": ["(MESSAGES)"], "RENAME": ["x"]}.get(command, [])
            try:
                answer = c._simple_command(command, name, *rest)[0]
            except c.error:
                answer = "BAD"
            assert answer != "OK" or (command, name) == ("SUBSCRIBE", "Quarantine"), (command, name)
    c.logout()


def test_one_message_different_folders(lab, judge):
    judge.asked.clear()
    sent = lab.send(["ana@demo.test", "cora@demo.test", "emma@demo.test", "bruno@demo.test"], X_Test_Score="8")
    assert len(judge.asked) == 1  # scanned once
    assert place(lab, sent, "ana") == "Spam"
    assert place(lab, sent, "cora") == "INBOX"
    assert place(lab, sent, "bruno") == "Spam"
    assert fetch(lab, sent, "ana", "Spam")["X-Spam-Flag"] == "YES"
    assert fetch(lab, sent, "cora", "INBOX")["X-Spam-Flag"] is None
    headers = judge.asked[0][0]
    assert headers["Helo"] and headers["From"] and headers["Ip" if "Ip" in headers else "IP"] == "127.0.0.1"


def test_contact_counts_when_confirmed(lab):
    to = ["ana@demo.test", "bruno@demo.test"]
    known_friend = lab.send(to, sender="friend@friend.example", X_Test_Score="9", X_Test_Auth=FRIEND)
    assert place(lab, known_friend, "ana") == "INBOX"
    assert place(lab, known_friend, "bruno") == "Spam"
    m = fetch(lab, known_friend, "ana", "INBOX")
    assert m["X-Spam-Place"] == "inbox (contact)"
    assert m["Authentication-Results"].startswith("mx.demo.test; spf=pass")
    forged = lab.send(to, sender="friend@friend.example", X_Test_Score="9",
                      X_Test_Auth="mx.demo.test; spf=fail smtp.mailfrom=friend@friend.example")
    assert place(lab, forged, "ana") == "Spam"


def test_mx_confirms_behind_a_foreign_filter(lab):
    """The filter says nothing of SPF: mx asks the DNS itself."""
    lab.posta("user", "contact", "ana@demo.test", "add", "pal@penpal.example")
    lab.posta("user", "contact", "ana@demo.test", "add", "pal@silent.example")
    wait_for(lambda: place(lab, lab.send("ana@demo.test", sender="pal@penpal.example", X_Test_Score="9"), "ana") == "INBOX")
    sent = lab.send(["ana@demo.test", "bruno@demo.test"], sender="pal@penpal.example", X_Test_Score="9")
    assert place(lab, sent, "bruno") == "Spam"
    m = fetch(lab, sent, "ana", "INBOX")
    assert m["X-Spam-Place"] == "inbox (contact)" and "spf=pass" in m["Authentication-Results"]
    assert m["Authentication-Results"].split(";")[0] == "mx.demo.test"
    stranger = lab.send("ana@demo.test", sender="pal@silent.example", X_Test_Score="9")
    assert place(lab, stranger, "ana") == "Spam"
    assert "spf=none" in fetch(lab, stranger, "ana", "Spam")["Authentication-Results"]


def test_contact_cannot_be_borrowed(lab):
    """A confirmed sender with a contact's address beside his own, or a field of his own making."""
    foe = "mx.demo.test; dkim=pass header.d=foe.example"
    for authors in (["friend@friend.example, x@foe.example"], ["friend@friend.example", "x@foe.example"],
                    ["x@foe.example", "friend@friend.example"]):
        sent = raw(lab, authors, f"X-Test-Score: 9\r\nX-Test-Auth: {foe}\r\n")
        assert place(lab, sent, "ana") == "Spam"
    own = lab.send("ana@demo.test", sender="friend@friend.example", X_Test_Score="9", Authentication_Results=FRIEND)
    assert place(lab, own, "ana") == "Spam"


def test_blocked_sender(lab):
    sent = lab.send(["ana@demo.test", "bruno@demo.test"], sender="x@foe.example")
    assert place(lab, sent, "ana") == "INBOX"
    assert place(lab, sent, "bruno") is None


def test_refused_when_all_refuse(lab):
    with pytest.raises(smtplib.SMTPDataError) as e:
        lab.send("dirk@demo.test", X_Test_Score="20")
    assert e.value.smtp_code == 550 and e.value.smtp_error.startswith(b"5.7.1")
    with pytest.raises(smtplib.SMTPDataError):
        lab.send(["dirk@demo.test", "emma@demo.test"], X_Test_Score="20")
    sent = lab.send(["dirk@demo.test", "cora@demo.test"], X_Test_Score="20")
    assert place(lab, sent, "cora") == "Spam"
    assert place(lab, sent, "dirk") is None
    assert '"entries"' not in lab.posta("queue", "list").stdout


def test_virus_and_file(lab):
    for field, word in (("X_Test_Virus", b"Eicar-Test"), ("X_Test_File", b"invoice.exe")):
        with pytest.raises(smtplib.SMTPDataError) as e:
            lab.send(["ana@demo.test", "cora@demo.test"], **{field: word.decode()})
        assert e.value.smtp_code == 550 and word in e.value.smtp_error


def test_learned_score_of_one_user(lab):
    sent = lab.send(["ana@demo.test", "bruno@demo.test"], X_Test_Score="4",
                    X_Test_Recipients='[{"address": "bruno@demo.test", "place": "spam", "score": 6.5}]')
    assert place(lab, sent, "ana") == "INBOX"
    assert place(lab, sent, "bruno") == "Spam"
    assert fetch(lab, sent, "bruno", "Spam")["X-Spam-Score"] == "6.5"


def test_forged_fields_are_removed(lab):
    sent = lab.send("ana@demo.test", X_Spam_Status="No, score=-100", X_Spam_Flag="NO", X_Spamd_Result="x",
                    Authentication_Results="mx.demo.test; dkim=pass header.d=bank.example", X_Test_Score="1")
    m = fetch(lab, sent, "ana", "INBOX")
    assert m.get_all("X-Spam-Status") and len(m.get_all("X-Spam-Status")) == 1 and "-100" not in m["X-Spam-Status"]
    assert m["X-Spam-Flag"] is None and m["X-Spamd-Result"] is None and "bank.example" not in str(m.get_all("Authentication-Results"))
    assert m["Received"] and m["Subject"] == "test"
    other = lab.send("ana@demo.test", Authentication_Results="gateway.example; spf=pass")
    assert any(v.startswith("gateway.example") for v in fetch(lab, other, "ana", "INBOX").get_all("Authentication-Results"))


def test_hostile_answer_makes_no_field(lab):
    sent = raw(lab, ["x@foe.example"], "X-Test-Symbols: A\tB,C:D,Ümlaut\r\nX-Test-Score: 1\r\n")
    m = fetch(lab, sent, "ana", "INBOX")
    assert "A_B,C_D" in " ".join(m["X-Spam-Status"].split())


def test_trace_shows_the_verdict(lab):
    sent = lab.send("ana@demo.test", X_Test_Score="6", X_Test_Symbols="ONE_RULE,OTHER_RULE")
    assert place(lab, sent, "ana") == "Spam"

    def shown():
        text = lab.posta("trace", "ana@demo.test", check=False).stdout
        return "spam by score: score 6.0" in text and "ONE_RULE" in text and "Spam," in text
    wait_for(shown)


def test_detail_from_a_stranger_is_no_folder(lab):
    sent = f"<{time.time_ns()}@example.net>"
    with smtplib.LMTP("127.0.0.1", lab.port("lmtp")) as s:
        s.sendmail("x@example.net", ["ana+Quarantine@demo.test"], f"Message-ID: {sent}\r\n\r\nhello\r\n")
    assert place(lab, sent, "ana") == "INBOX"
    outside = lab.send("ana+Spam@demo.test")
    assert place(lab, outside, "ana") == "INBOX"


def test_filter_slow_or_away(lab, judge):
    judge.delay = 6
    begun = time.monotonic()
    try:
        sent = lab.send("ana@demo.test", X_Test_Score="30")
    finally:
        judge.delay = 0
    assert time.monotonic() - begun < 5
    assert place(lab, sent, "ana") == "INBOX"
    m = fetch(lab, sent, "ana", "INBOX")
    assert "NOT_SCANNED" in m["X-Spam-Status"] and m["X-Spam-Place"] == "inbox (unscanned)"
    wait_for(lambda: metric(lab, "posta_mx_scans_total", 'result="away"') >= 1)
    time.sleep(0.6)
    again = lab.send("ana@demo.test", X_Test_Score="6")
    assert place(lab, again, "ana") == "Spam"
    wait_for(lambda: metric(lab, "posta_mx_scan_milliseconds_count") > 0)


def quarantine(p, *args):
    return json.loads(p.posta("filter", "quarantine", *args, "--json").stdout)


def test_quarantine_is_listed_shown_released_deleted(lab, teacher):
    c = lab.imap("dirk")
    before = c.getquota("")[1] if "QUOTA" in c.capabilities else None
    subject = "buy \x1b[2J now"
    sent = [lab.send(["dirk@demo.test", "cora@demo.test"], subject=subject, text=GTUBE) for _ in range(3)]
    mails = [m for m in quarantine(lab, "list", "dirk@demo.test") if m["subject"].startswith("buy")]
    assert len(mails) == 3 and mails[0]["from"] == "stranger@example.net" and float(mails[0]["score"]) == 1000
    assert mails[0]["place"] == "quarantine (score)" and mails[0]["until"] > mails[0]["arrived"]
    assert [m for m in quarantine(lab, "list") if m["user"] == "dirk@demo.test" and m["uid"] == mails[0]["uid"]]
    text = lab.posta("filter", "quarantine", "list", "dirk@demo.test").stdout
    assert "\x1b" not in text and "mails in quarantine" in text
    assert "GTUBE-STANDARD" in lab.posta("filter", "quarantine", "show", "dirk@demo.test", mails[0]["uid"]).stdout
    if before is not None:
        assert c.getquota("")[1] == before  # outside the quota
    teacher.learned.clear()
    lab.posta("filter", "quarantine", "release", "dirk@demo.test", mails[0]["uid"])
    assert place(lab, sent[0], "dirk") == "INBOX"
    path, user, body = wait_for(lambda: teacher.learned and teacher.learned[0])
    assert path == "/learnham" and user == "dirk@demo.test"
    lab.posta("filter", "quarantine", "delete", "dirk@demo.test", mails[1]["uid"])
    left = [m["uid"] for m in quarantine(lab, "list", "dirk@demo.test")]
    assert mails[0]["uid"] not in left and mails[1]["uid"] not in left and mails[2]["uid"] in left
    for bad in (["release", "dirk@demo.test", mails[1]["uid"]], ["show", "dirk@demo.test", "0"],
                ["show", "nobody@demo.test", "1"], ["delete", "dirk@demo.test", "x"]):
        assert lab.posta("filter", "quarantine", *bad, check=False).returncode == 1, bad
    c.logout()


def test_quarantine_ends(own_platform):
    f = Filter()
    p = own_platform(f'mx: {{ filters = ["127.0.0.1:{f.port}"]; authenticate = false; }};\n'
                     'store: { keep_quarantine = "2s"; reclaim = "1s"; };')
    p.start()
    p.send("ana@demo.test", text=GTUBE)
    assert len(quarantine(p, "list", "ana@demo.test")) == 1
    wait_for(lambda: quarantine(p, "list", "ana@demo.test") == [], 30)
    assert quarantine(p, "list") == []
    assert p.stop() == 0
    assert "0 findings" in p.posta("store", "verify").stdout or p.posta("store", "verify").returncode == 0
    f.close()


def test_moving_mail_teaches(lab, teacher):
    """Into Spam, out of Spam, by MOVE, COPY and APPEND; to the Trash says nothing. The body comes as it was scanned."""
    c = lab.imap("ana")

    def lesson(do, want):
        teacher.learned.clear()
        assert do()[0] == "OK"
        if want is None:
            time.sleep(0.5)
            assert not teacher.learned
            return None
        path, user, body = wait_for(lambda: teacher.learned and teacher.learned[0])
        assert (path, user) == (want, "ana@demo.test")
        return body

    sent = lab.send("ana@demo.test", X_Test_Score="1", text="lesson")
    c.select("INBOX")
    (uid,) = lab.find(sent)
    body = lesson(lambda: c.uid("MOVE", uid.decode(), "Spam"), "/learnspam")
    assert sent.encode() in body and b"lesson" in body and b"Received:" in body
    assert b"X-Spam-" not in body and b"Return-Path" not in body
    c.select("Spam")
    (uid,) = lab.find(sent, folder="Spam")
    lesson(lambda: c.uid("COPY", uid.decode(), "Archive"), "/learnham")
    lesson(lambda: c.uid("COPY", uid.decode(), "Trash"), None)
    lesson(lambda: c.uid("MOVE", uid.decode(), "INBOX"), "/learnham")
    lesson(lambda: c.append("Spam", None, None, b"Subject: x\r\n\r\nbuy\r\n"), "/learnspam")
    lesson(lambda: c.append("INBOX", None, None, b"Subject: x\r\n\r\nhello\r\n"), None)
    c.logout()


def test_moving_mail_waits_for_no_filter(lab, teacher):
    teacher.delay_learning = 8
    c = lab.imap("ana")
    sent = lab.send("ana@demo.test", X_Test_Score="1")
    c.select("INBOX")
    (uid,) = lab.find(sent)
    begun = time.monotonic()
    assert c.uid("MOVE", uid.decode(), "Spam")[0] == "OK"
    assert time.monotonic() - begun < 3
    teacher.delay_learning = 0
    c.logout()


def test_queue_keeps_the_verdict(lab):
    import signal
    (pid,) = lab.role_pid("store")
    os.kill(pid, signal.SIGSTOP)
    try:
        sent = lab.send(["ana@demo.test", "cora@demo.test"], X_Test_Score="8")
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: place(lab, sent, "ana") and place(lab, sent, "cora"), 60)
    assert place(lab, sent, "ana") == "Spam"
    assert place(lab, sent, "cora") == "INBOX"
    assert fetch(lab, sent, "ana", "Spam").get_all("X-Spam-Flag") == ["YES"]


def test_filter_killed_under_load(own_platform):
    """No mail is lost, and no answer takes longer than the filter's time and a delivery's."""
    f = Process()
    p = own_platform(f'mx: {{ filters = ["127.0.0.1:{f.port}"]; filter_timeout = "2s"; filter_pause = "1s"; authenticate = false; rate_recipient = 0; '
                     'rate_pair = 0; };')
    p.start()
    sent, slowest, stop = [], [0], time.monotonic() + 6

    def load():
        while time.monotonic() < stop:
            begun = time.monotonic()
            sent.append(p.send("ana@demo.test", X_Test_Score="6"))
            slowest[0] = max(slowest[0], time.monotonic() - begun)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(1.5)
    f.kill()
    time.sleep(2.5)
    f = Process(f.port)
    for t in threads:
        t.join()
    f.kill()
    c = p.imap("ana")
    there = []
    for folder in ("INBOX", "Spam"):
        c.select(folder, readonly=True)
        data = c.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]
        there.append({m[1].split(b":", 1)[1].strip().decode() for m in data if isinstance(m, tuple)})
    c.logout()
    assert set(sent) == there[0] | there[1] and not there[0] & there[1]
    assert there[0] and there[1]  # some without, some with a verdict
    assert slowest[0] < 8


def test_defer_while_away(own_platform):
    f = Filter()
    port = f.port
    f.close()
    p = own_platform(f'mx: {{ filters = ["127.0.0.1:{port}"]; filter_timeout = "500ms"; filter_away = "defer"; authenticate = false; }};')
    p.start()
    with pytest.raises(smtplib.SMTPDataError) as e:
        p.send("ana@demo.test")
    assert e.value.smtp_code == 451
    f = Filter(port)
    wait_for(lambda: deliverable(p), 30)
    f.close()


def deliverable(p):
    try:
        return p.send("ana@demo.test")
    except smtplib.SMTPDataError:
        return None
