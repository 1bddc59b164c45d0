"""What a customer may send, and how: RFC 6409, 4954."""
import email
import smtplib
import subprocess

import pytest

from lab import wait_for
from relay_world import world  # noqa: F401


def got(world, address, seconds=20):
    return wait_for(lambda: world.sink.to(address), seconds)[0]


def test_mail_leaves_with_trace_fields(world):
    world.submit(["a@outside.test"])
    m = got(world, "a@outside.test")
    parsed = email.message_from_bytes(m["data"])
    assert m["from"] == "ana@demo.test"
    received = parsed.get_all("Received")
    assert "with ESMTPSA id" in received[-1] and "for <a@outside.test>" in received[-1]
    assert parsed["Date"] and parsed["Message-ID"]  # added, RFC 6409 8.2, 8.3
    assert parsed.get_payload() == "hello\r\n"


def test_own_date_and_id_stay(world):
    world.submit(["b@outside.test"], "From: ana@demo.test\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
                                     "Message-ID: <mine@demo.test>\r\n\r\nx\r\n")
    parsed = email.message_from_bytes(got(world, "b@outside.test")["data"])
    assert parsed.get_all("Date") == ["Mon, 1 Jan 2024 00:00:00 +0000"]
    assert parsed.get_all("Message-ID") == ["<mine@demo.test>"]


def test_starttls(world):
    with smtplib.SMTP("127.0.0.1", world.platform.port("submission"), timeout=30) as s:
        s.ehlo()
        assert not s.has_extn("auth")  # no password in clear
        code, _ = s.docmd("AUTH", "PLAIN AGFuYQBhbmEtc2VjcmV0")
        assert code >= 500
        s.starttls(context=world.platform.tls)
        s.login("ana@demo.test", "ana-secret")
        s.sendmail("ana@demo.test", ["c@outside.test"], "Subject: x\r\n\r\nx\r\n")
    got(world, "c@outside.test")


def test_login_comes_first(world):
    with smtplib.SMTP_SSL("127.0.0.1", world.platform.port("submissions"), context=world.platform.tls) as s:
        s.ehlo()
        assert s.docmd("MAIL", "FROM:<ana@demo.test>")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            s.login("ana", "wrong")


@pytest.mark.parametrize("sender", ["bruno@demo.test", "ana@elsewhere.test", "postmaster@demo.test"])
def test_sender_belongs_to_the_login(world, sender):
    with pytest.raises(smtplib.SMTPSenderRefused) as e:
        world.submit(["d@outside.test"], sender=sender)
    assert e.value.smtp_code == 550 and b"5.7.1" in e.value.smtp_error


def test_unknown_address_of_ours_is_told_at_once(world):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as e:
        world.submit(["nobody@demo.test"])
    assert e.value.recipients["nobody@demo.test"][0] == 550


def test_local_mail_goes_by_the_mx(world):
    world.submit(["bruno@demo.test"], "From: ana@demo.test\r\nMessage-ID: <local@demo.test>\r\n\r\nhi\r\n")
    assert wait_for(lambda: world.platform.find("<local@demo.test>", user="bruno"))
    # under one trace id from the first byte to the folder
    def stages():
        blocks = world.platform.posta("trace", "bruno@demo.test", check=False).stdout.split("\n0")
        return any("submission.handed" in b and "relay.queued" in b and "mx." in b for b in blocks)
    assert wait_for(stages)


def test_address_literal(world):
    """RFC 5321 4.1.3"""
    world.submit(["g@[127.0.0.1]"])
    got(world, "g@[127.0.0.1]")


def test_postmaster_without_a_domain(world):
    """RFC 5321 4.5.1: ours"""
    with world.login() as s:
        s.ehlo()
        s.mail("ana@demo.test")
        assert s.docmd("RCPT", "TO:<Postmaster>")[0] == 250
        assert s.data("From: ana@demo.test\r\nMessage-ID: <pm@demo.test>\r\n\r\nx\r\n")[0] == 250
    assert wait_for(lambda: world.platform.find("<pm@demo.test>", user="admin"))


def test_bcc_is_taken_out_where_that_is_set(own_platform):
    """RFC 6409 8.5"""
    p = own_platform("submission: { remove_bcc = true; };").start()
    text = "From: ana@demo.test\r\nBcc: admin@demo.test,\r\n bruno@demo.test\r\nMessage-ID: <bcc@demo.test>\r\n\r\nBcc: stays\r\n"
    with smtplib.SMTP_SSL("127.0.0.1", p.port("submissions"), context=p.tls, timeout=30) as s:
        s.login("ana", "ana-secret")
        s.sendmail("ana@demo.test", ["bruno@demo.test"], text)
    uid = wait_for(lambda: p.find("<bcc@demo.test>", user="bruno"))[0]
    c = p.imap("bruno")
    c.select("INBOX")
    mail = email.message_from_bytes(c.uid("fetch", uid, "(BODY.PEEK[])")[1][0][1])
    c.logout()
    assert mail["Bcc"] is None and mail.get_payload() == "Bcc: stays\r\n"


def test_relay_is_away(world):
    """451, and nothing is taken that nobody keeps."""
    pids = world.platform.role_pid("relay")
    subprocess.run(["kill", "-STOP", *map(str, pids)], check=True)
    try:
        with world.login() as s:
            s.timeout = 200
            s.ehlo()
            s.mail("ana@demo.test")
            s.rcpt("e@outside.test")
    finally:
        subprocess.run(["kill", "-CONT", *map(str, pids)], check=True)
    world.submit(["f@outside.test"])
    got(world, "f@outside.test")


def test_full_disk_is_a_clear_452(own_platform):
    p = own_platform('relay: { reserve = "100000T"; };').start()
    with smtplib.SMTP_SSL("127.0.0.1", p.port("submissions"), context=p.tls, timeout=30) as s:
        s.login("ana", "ana-secret")
        with pytest.raises(smtplib.SMTPDataError) as e:
            s.sendmail("ana@demo.test", ["a@outside.test"], "Subject: x\r\n\r\nx\r\n")
    assert e.value.smtp_code == 452 and b"4.3.1" in e.value.smtp_error


def test_line_of_a_bad_setting_is_named(own_platform):
    p = own_platform('relay: { schedule = ["5"]; routes = ( { domain = "a.test"; to = "host"; tls = "yes"; } ); };')
    p.start(wait=False)
    p.process.wait(60)
    text = p.log_text()
    p.process = None
    assert '"5" is no time to wait; write "5m"' in text
    assert 'to = "host" has no port; write "host:25"' in text or 'tls is "yes"' in text
