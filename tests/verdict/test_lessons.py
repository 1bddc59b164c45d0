"""Lessons for whoever has no Spam folder to move mail into: by mail to spam@ and notspam@, over submission."""
import base64
import email.message
import email.policy
import os
import poplib
import shutil
import smtplib
import tempfile

import pytest

from lab import wait_for
from fake_filter import Filter
from test_verdict import metric


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
def lab(teacher):
    from lab import Platform
    p = Platform(f'mx: {{ filters = ["none"]; authenticate = false; rate_recipient = 0; rate_pair = 0; }};\n'
                 f'submission: {{ filters = ["unix:{teacher.path}"]; }};')
    try:
        p.start()
        yield p
        assert p.stop() == 0
    finally:
        p.remove()


@pytest.fixture(autouse=True)
def nothing_learned(teacher):
    teacher.learned.clear()
    teacher.status = 200


def login(p, user="ana"):
    s = smtplib.SMTP_SSL("127.0.0.1", p.port("submissions"), context=p.tls, timeout=60)
    s.login(user, f"{user}-secret")
    return s


def submit(p, to, message, user="ana"):
    """The answer to DATA, or to the first command before that was refused."""
    with login(p, user) as s:
        s.ehlo()
        s.mail(f"{user}@demo.test")
        for address in [to] if isinstance(to, str) else to:
            code, text = s.rcpt(address)
            if code != 250:
                return code, text.decode()
        code, text = s.data(message if isinstance(message, bytes) else message.as_bytes(policy=email.policy.SMTP))
        return code, text.decode()


def wrong(number=1):
    m = email.message.EmailMessage()
    m["From"], m["Subject"], m["Message-ID"] = "shop@shop.example", f"cheap {number}", f"<{number}@shop.example>"
    m.set_content(f"buy {number}\n")
    return m


def forward(*mails):
    m = email.message.EmailMessage()
    m["From"], m["To"], m["Subject"] = "ana@demo.test", "spam@demo.test", "Fwd: cheap"
    m.set_content("this came\n")
    for mail in mails:
        m.add_attachment(mail)
    return m


@pytest.mark.parametrize("address, path", [("spam@demo.test", "/learnspam"), ("NotSpam@demo.test", "/learnham")])
def test_attached_messages_teach_in_the_name_of_the_login(lab, teacher, address, path):
    code, text = submit(lab, address, forward(wrong(1), wrong(2), wrong(3)), user="bruno")
    assert code == 250 and "3 of 3" in text
    assert [(p, u) for p, u, _ in teacher.learned] == [(path, "bruno@demo.test")] * 3
    assert [email.message_from_bytes(b)["Subject"] for _, _, b in teacher.learned] == ["cheap 1", "cheap 2", "cheap 3"]
    assert teacher.learned[0][2].endswith(b"\r\n\r\nbuy 1\r\n")


def test_what_pop3_gave_teaches_as_it_was_scanned(lab, teacher):
    """The fields that a delivery put before it are not part of the lesson."""
    sent = lab.send("ana@demo.test", subject="came by mail")
    c = poplib.POP3_SSL("127.0.0.1", lab.port("pop3s"), context=lab.tls, timeout=30)
    c.user("ana")
    c.pass_("ana-secret")
    mails = [b"\r\n".join(c.retr(n + 1)[1]) + b"\r\n" for n in range(c.stat()[0])]
    c.quit()
    (mine,) = [m for m in mails if sent.encode() in m]
    assert b"Return-Path:" in mine and b"X-Spam-Status" not in mine
    marked = b"X-Spam-Status: No\r\nAuthentication-Results: mx.demo.test; spf=pass\r\n" + mine
    assert submit(lab, "spam@demo.test", forward(email.message_from_bytes(marked)))[0] == 250
    ((_, _, body),) = teacher.learned
    assert b"Return-Path" not in body and b"Delivered-To" not in body and b"X-Spam" not in body
    assert b"Authentication-Results" not in body and b"Received:" in body and sent.encode() in body


def test_redirected_message(lab, teacher):
    text = b"Resent-From: ana@demo.test\r\nResent-To: spam@demo.test\r\nResent-Message-ID: <r@demo.test>\r\n" + \
        wrong(7).as_bytes().replace(b"\n", b"\r\n")
    assert submit(lab, "spam@demo.test", text)[0] == 250
    ((path, user, body),) = teacher.learned
    assert (path, user) == ("/learnspam", "ana@demo.test") and b"Resent" not in body and b"Subject: cheap 7" in body


def test_attached_as_a_file(lab, teacher):
    m = forward()
    m.add_attachment(wrong(8).as_bytes(), maintype="application", subtype="octet-stream", filename="cheap.eml")
    assert submit(lab, "spam@demo.test", m)[0] == 250
    assert b"cheap 8" in teacher.learned[0][2]


def test_copied_text_is_no_lesson(lab, teacher):
    m = forward()
    m.set_content("-------- Forwarded --------\nFrom: shop@shop.example\nSubject: cheap\n\nbuy\n")
    code, text = submit(lab, "spam@demo.test", m)
    assert code == 554 and "attach" in text and not teacher.learned


def test_a_lesson_goes_alone(lab, teacher):
    for to in (["bruno@demo.test", "spam@demo.test"], ["spam@demo.test", "bruno@demo.test"],
               ["spam@demo.test", "notspam@demo.test"]):
        assert submit(lab, to, forward(wrong()))[0] == 550, to
    assert not teacher.learned
    assert submit(lab, ["spam@demo.test", "spam@demo.test"], forward(wrong()))[0] == 250
    assert len(teacher.learned) == 1


def test_no_stranger_teaches(lab, teacher):
    """Without a login there is no such address; nor is it one of another domain."""
    with smtplib.SMTP("127.0.0.1", lab.port("smtp"), timeout=30) as s:
        s.ehlo()
        s.mail("ana@demo.test")
        assert s.rcpt("spam@demo.test")[0] == 550
    with login(lab) as s:
        s.mail("ana@demo.test")
        assert s.rcpt("spam@elsewhere.example")[0] == 250  # mail like any other
        s.rset()
    assert not teacher.learned


def test_who_learns_nothing_says_so(lab, teacher):
    teacher.status = 404
    assert submit(lab, "spam@demo.test", forward(wrong()))[0] == 451
    assert metric(lab, "posta_submission_lessons_total", 'result="failed"', role="submission") >= 1


def test_many_and_broken(lab, teacher):
    code, text = submit(lab, "spam@demo.test", forward(*[wrong(n) for n in range(130)]))
    assert code == 250 and "100 of 100" in text and len(teacher.learned) == 100
    broken = (b"From: ana@demo.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
              b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
              base64.encodebytes(os.urandom(3000)).replace(b"\n", b"\r\n") + b"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n--b--\r\n")
    assert submit(lab, "spam@demo.test", broken)[0] in (250, 554)
    assert submit(lab, "spam@demo.test", b"\r\n")[0] == 554


def test_an_address_of_that_name_stays_an_address(own_platform, teacher):
    p = own_platform(f'submission: {{ filters = ["unix:{teacher.path}"]; lesson_ham = "ham"; }};\nmx: {{ filters = ["none"]; }};')
    p.start()
    p.posta("alias", "add", "spam@demo.test", "bruno@demo.test")
    p.posta("alias", "add", "@demo.test", "admin@demo.test")
    wait_for(lambda: submit(p, "ham@demo.test", forward(wrong()))[0] == 250)
    teacher.learned.clear()
    m = forward(wrong())
    m["Message-ID"] = "<to-bruno@demo.test>"
    assert wait_for(lambda: submit(p, "spam@demo.test", m)[0] == 250 and p.find("<to-bruno@demo.test>", "bruno"))
    assert submit(p, "ham@demo.test", forward(wrong()))[0] == 250  # the catch-all does not take it
    assert {path for path, _, _ in teacher.learned} == {"/learnham"}
    del m["Message-ID"]
    m["Message-ID"] = "<to-all@demo.test>"
    submit(p, "notspam@demo.test", m)  # not set here: the catch-all's
    assert wait_for(lambda: p.find("<to-all@demo.test>", "admin"))


def test_the_filter_learns_for_who_sent_it(own_platform):
    """With posta's own filter: what it says of such mail changes for that user, and for nobody else."""
    p = own_platform('mx: { authenticate = false; rate_recipient = 0; rate_pair = 0; };\nverdict: { level = "off"; };')
    p.start()

    def score(user, number):
        sent = p.send(f"{user}@demo.test", text=f"buy cheap watches and pills {number}", subject=f"cheap {number}")
        c = p.imap(user)
        try:
            c.select("INBOX", readonly=True)
            (uid,) = c.uid("search", None, "HEADER", "Message-ID", sent)[1][0].split()
            header = email.message_from_bytes(c.uid("fetch", uid, "(BODY.PEEK[HEADER])")[1][0][1])
        finally:
            c.logout()
        assert "LEARNED" in header["X-Spam-Status"]
        return float(header["X-Spam-Score"])

    before = score("ana", 0), score("bruno", 0)
    mails = [wrong(n) for n in range(20)]
    for n, m in enumerate(mails):
        m.set_content(f"buy cheap watches and pills {n}\n")
    assert submit(p, "spam@demo.test", forward(*mails))[0] == 250
    assert metric(p, "posta_filter_lessons_total", 'what="spam"', role="filter") == 20
    after = score("ana", 1), score("bruno", 1)
    assert after[0] > before[0] + 0.5 and abs(after[1] - before[1]) < 0.5, (before, after)
    assert p.stop() == 0
