"""A real Postfix as the outside: mail of ana's arrives there, mail to a dead address comes back."""
import pytest

from lab import wait_for
from postfix import start

@pytest.fixture(scope="module")
def postfix(tmp_path_factory):
    p = start(tmp_path_factory.mktemp("postfix"))
    try:
        yield p
    finally:
        p.run("stop")


@pytest.fixture(scope="module")
def sending(postfix, request):
    from lab import Platform
    p = Platform(f"""relay: {{ schedule = ["1s"]; routes = (
        {{ domain = "postfix.test"; to = "127.0.0.1:{postfix.port}"; }} ); }};""")
    try:
        yield p.start()
    finally:
        p.remove()


def submit(platform, to):
    import smtplib
    with smtplib.SMTP_SSL("127.0.0.1", platform.port("submissions"), context=platform.tls, timeout=30) as s:
        s.login("ana", "ana-secret")
        s.sendmail("ana@demo.test", to, f"From: ana@demo.test\r\nTo: {to}\r\nSubject: to postfix\r\n\r\nhello\r\n")


def test_mail_arrives_at_postfix(postfix, sending):
    submit(sending, "x@postfix.test")
    message = wait_for(postfix.messages, 30)[0]
    assert "Subject: to postfix" in message and "Delivered-To: x@postfix.test" in message
    stages = ("submission.mail", "submission.handed", "relay.queued", "relay.sent")
    # the trace is written behind
    wait_for(lambda: all(s in sending.posta("trace", "x@postfix.test", check=False).stdout for s in stages))


def test_dead_address_at_postfix_comes_back(postfix, sending):
    submit(sending, "nobody@postfix.test")

    def report():
        c = sending.imap("ana")
        try:
            c.select("INBOX", readonly=True)
            found = c.uid("search", None, "FROM", "MAILER-DAEMON")[1][0].split()
            return found and c.uid("fetch", found[-1], "(BODY.PEEK[])")[1][0][1].decode()
        finally:
            c.logout()
    text = wait_for(report, 30)
    assert "Final-Recipient: rfc822; nobody@postfix.test" in text and "Status: 5.1.1" in text
