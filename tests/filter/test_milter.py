"""A real Postfix asks the filter by milter."""
import smtplib

import pytest
from lab import Platform, wait_for
from postfix import start


@pytest.fixture(scope="module")
def platform():
    p = Platform().start()
    yield p
    p.remove()


@pytest.fixture(scope="module")
def postfix(platform, tmp_path_factory):
    p = start(tmp_path_factory.mktemp("postfix"), f"smtpd_milters = inet:127.0.0.1:{platform.port('milter')}\n"
                                                  "milter_default_action = tempfail\n")
    try:
        yield p
    finally:
        p.run("stop")


def send(postfix, subject, *fields, text="hello"):
    lines = ["From: a@example.net", "To: x@postfix.test", f"Subject: {subject}", *fields, "", text, ""]
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as s:
        s.ehlo("client.example.net")
        s.sendmail("a@example.net", ["x@postfix.test"], "\r\n".join(lines))


def arrived(postfix, subject):
    return wait_for(lambda: [m for m in postfix.messages() if f"Subject: {subject}\n" in m], 30)[0]


def test_mail_is_marked(postfix):
    send(postfix, "marked")
    message = arrived(postfix, "marked")
    assert "X-Spam-Status: " in message and "X-Spam-Score: " in message, message
    assert message.endswith("\n\nhello\n")


def test_forged_fields_are_taken_out(postfix):
    send(postfix, "forged", "X-Spam-Status: No, forged-1", "X-Other: stays", "X-Spam-Status: No, forged-2", "x-spam-flag: forged-3",
         "X-Folded: a", " b")
    message = arrived(postfix, "forged")
    assert "forged-" not in message, message
    assert "X-Other: stays" in message and message.count("X-Spam-Status: ") == 1
    assert "X-Folded: a\n b\n" in message


def test_several_mails_over_one_connection(postfix):
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as s:
        for i in range(3):
            s.sendmail("a@example.net", ["x@postfix.test"], f"From: a@example.net\r\nSubject: mail {i}\r\n\r\n{i}\r\n")
            if i == 1:  # a transaction that is given up
                s.mail("b@example.net")
                s.rset()
    for i in range(3):
        assert "X-Spam-Status: " in arrived(postfix, f"mail {i}")


def test_long_mail(postfix):
    send(postfix, "long", text="\r\n".join("x" * 70 for _ in range(40000)))
    assert "X-Spam-Status: " in arrived(postfix, "long")


def test_more_forged_fields_than_can_be_taken_out(postfix):
    """What stays would be believed behind the filter."""
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(postfix, "too forged", *[f"X-Spam-Status: No, forged-{i}" for i in range(101)])
    assert refused.value.smtp_code == 550
    send(postfix, "just forged", *[f"X-Spam-Status: No, forged-{i}" for i in range(100)])
    assert "forged-" not in arrived(postfix, "just forged")
