"""Python's own clients: smtplib, imaplib, poplib."""
import imaplib
import poplib
import smtplib

import pytest

from lab import wait_for


def test_smtplib_to_imaplib(platform):
    mid = platform.send("ana@demo.test", subject="from smtplib", text="line one\r\n.leading dot\r\n")
    c = platform.imap("ana")
    c.select("INBOX")
    uid = c.uid("search", None, "HEADER", "Message-ID", mid)[1][0].split()
    assert len(uid) == 1
    _, data = c.uid("fetch", uid[0].decode(), "(FLAGS BODY.PEEK[] ENVELOPE)")
    assert b"\r\n.leading dot\r\n" in data[0][1]
    assert b"Return-Path: <stranger@example.net>" in data[0][1]
    assert data[0][1].count(b"Received: ") >= 1
    c.logout()


def test_several_recipients_get_one_each(platform):
    mid = platform.send(["ana@demo.test", "bruno@demo.test"])
    assert len(platform.find(mid, "ana")) == 1
    assert len(platform.find(mid, "bruno")) == 1


def test_unknown_and_foreign_are_refused(platform):
    with smtplib.SMTP("127.0.0.1", platform.port("smtp"), timeout=30) as s:
        s.ehlo("client.example.net")
        assert s.mail("a@example.net")[0] == 250
        code, text = s.rcpt("nobody@demo.test")
        assert code == 550 and text.startswith(b"5.1.1")
        code, text = s.rcpt("someone@example.org")
        assert code in (550, 554) and text.startswith(b"5.7.1")


def test_imaplib_starttls_and_wrong_password(platform):
    c = imaplib.IMAP4("127.0.0.1", platform.port("imap"), timeout=30)
    assert "LOGINDISABLED" in c.capabilities
    with pytest.raises(imaplib.IMAP4.error):
        c.login("ana", "ana-secret")
    c.starttls(platform.tls)
    with pytest.raises(imaplib.IMAP4.error):
        c.login("ana", "wrong")
    c.login("ana@demo.test", "ana-secret")
    assert c.select()[0] == "OK"
    c.logout()


def test_imaplib_append_store_copy_expunge(platform):
    c = platform.imap("bruno")
    c.create("Work/Plans")
    assert c.append("Work/Plans", r"(\Seen)", None, b"Subject: one\r\n\r\nbody\r\n")[0] == "OK"
    c.select("Work/Plans")
    assert c.search(None, "SEEN")[1][0].split() == [b"1"]
    c.store("1", "+FLAGS", r"(\Flagged custom)")
    assert b"custom" in c.fetch("1", "(FLAGS)")[1][0]
    assert c.copy("1", "Trash")[0] == "OK"
    c.store("1", "+FLAGS", r"(\Deleted)")
    assert c.expunge()[1] == [b"1"]
    c.close()
    assert c.delete("Work/Plans")[0] == "OK"
    c.logout()


@pytest.mark.parametrize("tls", ["implicit", "stls"])
def test_poplib(platform, tls):
    mid = platform.send("bruno@demo.test", subject="for pop", text=".dot\r\nend")
    if tls == "implicit":
        c = poplib.POP3_SSL("127.0.0.1", platform.port("pop3s"), context=platform.tls, timeout=30)
    else:
        c = poplib.POP3("127.0.0.1", platform.port("pop3"), timeout=30)
        c.stls(platform.tls)
    c.user("bruno")
    c.pass_("bruno-secret")
    n, octets = c.stat()
    assert n >= 1
    sizes = c.list()[1]
    uidls = c.uidl()[1]
    assert len(sizes) == len(uidls) == n
    lines = c.retr(n)[1]
    assert f"Message-ID: {mid}".encode() in lines and b".dot" in lines
    assert sum(len(x) + 2 for x in lines) == int(sizes[-1].split()[1])
    assert b".dot" not in c.top(n, 0)[1] and b".dot" in c.top(n, 1)[1]
    c.dele(n)
    c.quit()
    assert platform.find(mid, "bruno") == []


def test_submission_local(platform):
    with smtplib.SMTP("127.0.0.1", platform.port("submission"), timeout=30) as s:
        s.ehlo()
        assert s.has_extn("starttls") and not s.has_extn("auth")
        s.starttls(context=platform.tls)
        s.login("ana", "ana-secret")
        mid = "<local.1@demo.test>"
        s.sendmail("ana@demo.test", ["bruno@demo.test"], f"From: ana@demo.test\r\nMessage-ID: {mid}\r\n\r\nhi\r\n")
        with pytest.raises(smtplib.SMTPException):
            s.sendmail("bruno@demo.test", ["ana@demo.test"], "Subject: forged\r\n\r\n")
    wait_for(lambda: platform.find(mid, "bruno"))
