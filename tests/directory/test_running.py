"""The directory under a platform that runs: changes arrive, locks stop nobody, SCRAM works over real TLS."""
import base64
import contextlib
import hashlib
import hmac
import imaplib
import os
import signal
import smtplib
import sqlite3
import ssl

import pytest

from lab import wait_for

SCRAM = 'proxy: { default_domain = "demo.test"; scram = true; };'


def rcpt(p, address):
    """The mx's answer to RCPT."""
    with smtplib.SMTP("127.0.0.1", p.port("smtp"), timeout=30) as s:
        s.ehlo("tester.example")
        s.mail("stranger@example.net")
        return s.rcpt(address)[0]


def logs_in(p, user, password):
    c = imaplib.IMAP4_SSL("127.0.0.1", p.port("imaps"), ssl_context=p.tls, timeout=30)
    try:
        c.login(user, password)
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        with contextlib.suppress(Exception):
            c.logout()


def test_changes_reach_the_roles(platform):
    p = platform
    try:
        p.posta("domain", "add", "moving.test")
        p.posta("user", "add", "eva@moving.test", "--password-stdin", input="first\n")
        wait_for(lambda: rcpt(p, "eva@moving.test") == 250)
        assert rcpt(p, "nobody@moving.test") == 550
        wait_for(lambda: logs_in(p, "eva@moving.test", "first"))
        assert logs_in(p, "eva@moving.test", "first")  # remembered
        p.posta("user", "password", "eva@moving.test", "--password-stdin", input="second\n")
        wait_for(lambda: logs_in(p, "eva@moving.test", "second"))
        wait_for(lambda: not logs_in(p, "eva@moving.test", "first"))  # until the feed has said so
        p.posta("alias", "add", "@moving.test", "eva@moving.test")
        wait_for(lambda: rcpt(p, "nobody@moving.test") == 250)
        p.posta("alias", "remove", "@moving.test")
        p.posta("user", "set", "eva@moving.test", "--no-login")
        wait_for(lambda: not logs_in(p, "eva@moving.test", "second"))
        p.posta("user", "remove", "eva@moving.test")
        wait_for(lambda: rcpt(p, "eva@moving.test") == 550)
    finally:
        p.posta("alias", "remove", "@moving.test", check=False)
        p.posta("user", "remove", "eva@moving.test", check=False)
        p.posta("domain", "remove", "moving.test", check=False)


def test_a_locked_directory_is_never_a_550(own_platform):
    p = own_platform().start()
    wait_for(lambda: rcpt(p, "ana@demo.test") == 250)
    data = p.dir / "data"
    snapshot = wait_for(lambda: next(iter((data / "mx").glob("*.snapshot")), None))
    lock = sqlite3.connect(data / "directory/directory.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")

    def restart_mx():
        was = p.role_pid("mx")
        os.kill(was[0], signal.SIGKILL)
        wait_for(lambda: p.role_pid("mx") not in ([], was))

    def answer(address):
        with contextlib.suppress(OSError, smtplib.SMTPException):
            return rcpt(p, address)

    assert rcpt(p, "ana@demo.test") == 250 and rcpt(p, "nobody@demo.test") == 550  # from memory
    restart_mx()
    assert wait_for(lambda: answer("ana@demo.test")) == 250  # from the snapshot
    assert answer("nobody@demo.test") == 550
    snapshot.unlink()
    restart_mx()
    assert wait_for(lambda: answer("ana@demo.test")) == 451
    assert answer("nobody@demo.test") == 451
    lock.execute("ROLLBACK")
    wait_for(lambda: answer("ana@demo.test") == 250)
    assert answer("nobody@demo.test") == 550
    assert p.stop() == 0


def scram(p, user, password, plus=False):
    """AUTHENTICATE SCRAM-SHA-256(-PLUS) by hand; gives whether the server said OK and proved itself."""
    c = imaplib.IMAP4_SSL("127.0.0.1", p.port("imaps"), ssl_context=p.tls, timeout=30)
    gs2, binding = b"n,,", b""
    if plus:
        gs2 = b"p=tls-server-end-point,,"
        binding = hashlib.sha256(c.sock.getpeercert(binary_form=True)).digest()
    nonce = base64.b64encode(os.urandom(18))
    bare = b"n=" + user.encode() + b",r=" + nonce
    state = {}

    def step(challenge):
        if not challenge:
            return gs2 + bare
        if challenge.startswith(b"v="):
            state["proved"] = challenge == b"v=" + base64.b64encode(state["server"])
            return b""
        fields = dict(f.split(b"=", 1) for f in challenge.split(b","))
        assert fields[b"r"].startswith(nonce)
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = b"c=" + base64.b64encode(gs2 + binding) + b",r=" + fields[b"r"]
        auth = bare + b"," + challenge + b"," + final
        proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), auth, "sha256")))
        state["server"] = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), auth, "sha256")
        return final + b",p=" + base64.b64encode(proof)

    try:
        assert f"AUTH=SCRAM-SHA-256{'-PLUS' if plus else ''}" in c.capabilities
        c.authenticate("SCRAM-SHA-256-PLUS" if plus else "SCRAM-SHA-256", step)
        return state.get("proved", False)
    except imaplib.IMAP4.error:
        return False
    finally:
        with contextlib.suppress(Exception):
            c.logout()


def test_scram_over_tls(own_platform):
    p = own_platform(SCRAM).start()
    for plus in (False, True):
        assert scram(p, "ana", "ana-secret", plus)
        assert not scram(p, "ana", "wrong", plus)
        assert not scram(p, "nobody", "ana-secret", plus)
    # a ready hash has no verifier: a login in clear writes it
    assert p.posta("check").stderr == ""
    p.posta("user", "add", "old@demo.test", "--hash", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=")
    assert "1 users have a password without a verifier" in p.posta("check").stderr
    wait_for(lambda: logs_in(p, "old@demo.test", "password"))
    assert scram(p, "old@demo.test", "password", plus=True)
    assert p.stop() == 0
