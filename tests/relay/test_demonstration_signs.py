"""./run alone: what ana sends is signed, and others verify it with what the demonstration's own name server answers."""
import json
import smtplib

import pytest

from lab import wait_for
from test_signing_mail import dkim, txt


def test_the_demonstration_signs(platform):
    keys = json.loads(platform.posta("domain", "dkim", "demo.test", "--json").stdout)
    assert {"rsa", "ed25519"} == {k["algorithm"] for k in keys if k["state"] == "signs"}
    with smtplib.SMTP_SSL("127.0.0.1", platform.port("submissions"), context=platform.tls, timeout=60) as s:
        s.login("ana", "ana-secret")
        s.sendmail("ana@demo.test", ["bruno@demo.test"],
                   b"From: Ana <ana@demo.test>\r\nTo: bruno@demo.test\r\nSubject: signed\r\n"
                   b"Message-ID: <the.demonstration.signs@demo.test>\r\n\r\nHello\r\n")
    uid = wait_for(lambda: platform.find("<the.demonstration.signs@demo.test>", user="bruno"))[0]
    c = platform.imap("bruno")
    try:
        c.select("INBOX", readonly=True)
        raw = c.uid("fetch", uid, "(BODY.PEEK[])")[1][0][1]
    finally:
        c.logout()
    assert raw.count(b"DKIM-Signature:") == 2
    rsa = next(i for i in range(2) if b"a=rsa" in raw.split(b"DKIM-Signature:")[i + 1])
    assert verify_one(platform, raw, rsa)
    with pytest.raises(dkim.ValidationError):
        verify_one(platform, raw.replace(b"\r\n\r\nHello", b"\r\n\r\nHullo"), rsa)


def verify_one(platform, raw, index):
    return dkim.DKIM(raw).verify(idx=index, dnsfunc=lambda name, timeout=5: txt(platform, name.decode()))
