"""SCRAM-SHA-256 (RFC 7677) by IMAP: verifiers are made when a password is set, or first seen in clear."""
import base64
import hashlib
import hmac
import imaplib
import os
import subprocess

import pytest

SETTINGS = 'proxy: { default_domain = "demo.test"; scram = true; };'


def scram(connection, user, password):
    """imaplib's AUTHENTICATE with a client's half written here; checks the server's signature too."""
    nonce = base64.b64encode(os.urandom(12)).decode()
    first = f"n={user},r={nonce}"
    seen = []

    def answer(challenge):
        seen.append(challenge.decode())
        if len(seen) == 1:
            return f"n,,{first}"
        if len(seen) == 2:
            fields = dict(f.split("=", 1) for f in seen[1].split(","))
            assert fields["r"].startswith(nonce) and len(fields["r"]) > len(nonce)
            salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
            key = hmac.digest(salted, b"Client Key", "sha256")
            last = f"c=biws,r={fields['r']}"
            message = f"{first},{seen[1]},{last}".encode()
            proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), message, "sha256")))
            answer.signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
            return f"{last},p={base64.b64encode(proof).decode()}"
        assert seen[2] == "v=" + base64.b64encode(answer.signature).decode()
        return ""
    connection.authenticate("SCRAM-SHA-256", answer)
    assert len(seen) == 3, "the server did not prove itself"


def connect(p):
    return imaplib.IMAP4_SSL("127.0.0.1", p.port("imaps"), ssl_context=p.tls, timeout=30)


def test_scram(own_platform):
    p = own_platform(SETTINGS).start()
    c = connect(p)
    assert {"AUTH=SCRAM-SHA-256", "AUTH=SCRAM-SHA-256-PLUS"} <= set(c.capabilities)
    scram(c, "ana", "ana-secret")
    assert c.select()[0] == "OK"
    c.logout()
    c = connect(p)
    with pytest.raises(imaplib.IMAP4.error):
        scram(c, "ana", "wrong")
    c.shutdown()


def test_verifier_of_a_migrated_user(own_platform):
    p = own_platform(SETTINGS).start()
    ready = subprocess.run(["openssl", "passwd", "-6", "old-secret"], text=True, capture_output=True).stdout.strip()
    p.posta("user", "add", "old@demo.test", "--hash", ready)
    assert "no SCRAM verifier" in p.posta("check").stderr + p.posta("check").stdout

    def login():
        c = connect(p)
        try:
            return c.login("old", "old-secret")[0]
        except imaplib.IMAP4.error:
            return None
        finally:
            c.shutdown()
    from lab import wait_for
    assert wait_for(login) == "OK"

    def learned():
        c = connect(p)
        try:
            scram(c, "old", "old-secret")
            return True
        except imaplib.IMAP4.error:
            return False
        finally:
            c.shutdown()
    wait_for(learned)
    assert "no SCRAM verifier" not in p.posta("check").stderr + p.posta("check").stdout
